"""The part of a page that says what language the article is in: prose, not addresses, mark-up, menus and footers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import filterfalse, takewhile

_NOISE = re.compile(
    r"(?:https?://|www\.)\S+|[^\s@]{1,64}@\S{1,255}|@\w+|<[^<>]{1,300}>|&#?\w{2,8};"
    r"|\b[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}"
    r"\.(?:com|net|org|info|news|tv|ir|tr|ru|il|uk|de|fr|az|iq|sy|sa|ae|eg|io|me|co)\b\S{0,500}"
)
"""Every repetition is bounded, or a long text without spaces would be read once for each of its characters."""
_DOT = re.compile(r"\.[a-z]")
_SPACE = re.compile(r"\s")
_NOISE_IN_PIECE = re.compile(r"[@&]|//|\.[a-z]|www\.")
_HEADLINE = 200
_ENOUGH_LETTERS = 12
_QUOTATION_SIGNS = re.compile('["“„«]')
_QUOTATION = re.compile('(?<![^\\W_])(?:"[^"]{2,120}"|[“„][^“”„]{2,120}[”“]|«[^«»]{2,120}»)(?![^\\W_])')
_WORD = re.compile(r"[^\W\d_]+")
_POINTS = re.compile("[\u0591-\u05bd\u05bf-\u05c7\u0640\u064b-\u0652\u0670]")
_SHORT_TEXT = 600
_FEW_LINES = 3
"""Up to this many characters in so many lines, everything counts."""
_LONGEST_READ = 60_000
"""Of a longer text only so many characters are looked at."""
_SAMPLE = 600
"""More characters than this make no guess better."""
_PROSE_LINE = 60
"""A line this long is a sentence of the article rather than an item of a menu, in code points."""
_LONGEST_PIECE = 300
_BOILERPLATE = (
    "cookie", "privacy", "copyright", "all rights reserved", "©", "newsletter", "subscri", "sign in", "log in",
    "javascript", "your browser", "advertis", "terms of use", "terms of service", "whatsapp", "facebook", "twitter",
    "telegram", "datenschutz", "gizlilik", "çerez", "abonnez", "suscrib", "suscríb",
)  # fmt: skip
"""Sentences that stand on every page; the Latin-script ones, because those surround articles in other scripts."""
_LATIN_OR_SIGN = re.compile("[A-Za-zÀ-ſ\u212a©]")


def clean(text: str) -> str:
    """Return `text` with addresses, handles, tags and entities blanked."""
    if not _has_noise_signs(text):
        return text
    if "<" in text:
        return _NOISE.sub(" ", text)
    # All but tags is inside of what stands between two spaces: only where there is a sign is it looked for.
    parts, done = [], 0
    sign = _NOISE_IN_PIECE.search(text)
    while sign is not None:
        start, end = sign.span()
        while start > done and not text[start - 1].isspace():
            start -= 1
        end = _end_of_piece(text, end)
        parts += [text[done:start], _NOISE.sub(" ", text[start:end])]
        done = end
        sign = _NOISE_IN_PIECE.search(text, end)
    parts.append(text[done:])
    return "".join(parts)


def _has_noise_signs(text: str) -> bool:
    # Looking for one character is next to free, for a choice of several it is not.
    if "@" in text or "<" in text or "&" in text or "//" in text:
        return True
    return "." in text and _DOT.search(text) is not None


def _end_of_piece(text: str, at: int) -> int:
    space = _SPACE.search(text, at)
    return space.start() if space is not None else len(text)


def sample_of(text: str, title: str) -> str:
    """Return up to some 800 characters that speak for the article: its title and longest lines, each line once."""
    title = title[:_SHORT_TEXT]
    if len(text) <= _SHORT_TEXT and text.count("\n") <= _FEW_LINES:
        if not title and not _may_need_cleaning(text):
            return text
        return _without_quotations(clean(f"{title}\n{text}" if title else text))
    lines = text[:_LONGEST_READ].split("\n")
    if len(lines) == 1:
        return clean("\n".join([title, *_first(lines)]))
    lines = list(dict.fromkeys(map(str.strip, lines)))
    lines.sort(key=len, reverse=True)
    prose = _first(filterfalse(_is_boilerplate, takewhile(_is_long, lines)))
    return clean("\n".join([title, *(prose or _first(lines))]))


def _first(lines: Iterable[str]) -> list[str]:
    """Return as many of `lines` as there is room for, each cut to three parts of it where it is long."""
    following = iter(lines)
    line, after = next(following, None), next(following, None)
    picked: list[str] = []
    room = _SAMPLE
    while line is not None and room > 0:
        if len(line) > _LONGEST_PIECE:  # one paragraph must not speak for all, nor its beginning for the rest of it
            line = _three_parts(line, _LONGEST_PIECE if picked or after is not None else room)
        picked.append(line)
        room -= len(line)
        line, after = after, next(following, None) if room > 0 else None
    return picked


def _is_long(line: str) -> bool:
    return len(line) >= _PROSE_LINE


def _is_boilerplate(line: str) -> bool:
    if _LATIN_OR_SIGN.search(line) is None:
        return False
    lower = line.lower()
    if not lower.isascii():  # as a reader takes them: GİZLİLİK, gızlılık
        lower = lower.replace("i\u0307", "i").replace("ı", "i").replace("ſ", "s")
    return any(map(lower.__contains__, _BOILERPLATE))


def _may_need_cleaning(text: str) -> bool:
    """Tell whether anything in a title may have to be taken out; a search for one character is next to free."""
    return (
        "." in text
        or '"' in text
        or "\u201c" in text
        or "\xab" in text
        or "//" in text
        or "@" in text
        or "<" in text
        or "&" in text
        or "\u201e" in text
    )


def _without_quotations(sample: str) -> str:
    """Return `sample` without what is quoted in it, if enough is left: a headline is in the language that quotes."""
    if len(sample) > _HEADLINE or not _QUOTATION_SIGNS.search(sample):
        return sample
    rest = _QUOTATION.sub(" ", sample)
    return rest if sum(map(len, _WORD.findall(rest))) >= _ENOUGH_LETTERS else sample


def without_points(sample: str) -> str:
    """Return `sample` without the vowel points of Arabic and Hebrew, which hardly any news text has."""
    return _POINTS.sub("", sample) if _POINTS.search(sample) else sample


def without_names(sample: str) -> str:
    """Return `sample` lower-cased without its capitalised words: the ğ of Erdoğan says nothing about a French title.

    A text of mostly capitals, or of a script that has none, is kept whole.
    """
    words = _WORD.findall(sample)
    plain = [word for word in words if word[0].islower()]
    return " ".join(plain if len(plain) * 3 > len(words) else words).lower()


def _three_parts(line: str, room: int) -> str:
    if len(line) <= room:
        return line
    third = room // 3
    middle = len(line) // 2
    return f"{line[:third]} {line[middle : middle + third]} {line[-third:]}"
