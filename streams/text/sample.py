"""The part of a page that says what language the article is in: prose, not addresses, mark-up, menus and footers."""

from __future__ import annotations

import re

_NOISE = re.compile(
    r"(?:https?://|www\.)\S+|[^\s@]{1,64}@\S{1,255}|@\w+|<[^<>]{1,300}>|&#?\w{2,8};"
    r"|\b[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}"
    r"\.(?:com|net|org|info|news|tv|ir|tr|ru|il|uk|de|fr|az|iq|sy|sa|ae|eg|io|me|co)\b\S{0,500}"
)
"""Every repetition is bounded, or a long text without spaces would be read once for each of its characters."""
_NOISE_SIGNS = re.compile(r"[@<&]|//|\.[a-z]")
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
_BOILERPLATE = re.compile(
    r"cookie|privacy|copyright|all rights reserved|©|newsletter|subscri|sign in|log in|javascript|your browser|advertis"
    r"|terms of (?:use|service)|whatsapp|facebook|twitter|telegram|datenschutz|gizlilik|çerez|abonnez|suscr[ií]b",
    re.IGNORECASE,
)
"""Sentences that stand on every page; the Latin-script ones, because those surround articles in other scripts."""


def clean(text: str) -> str:
    """Return `text` with addresses, handles, tags and entities blanked."""
    return _NOISE.sub(" ", text) if _NOISE_SIGNS.search(text) else text


def sample_of(text: str, title: str) -> str:
    """Return up to some 800 characters that speak for the article: its title and longest lines, each line once."""
    title = title[:_SHORT_TEXT]
    if len(text) <= _SHORT_TEXT and text.count("\n") <= _FEW_LINES:
        if not title and not _may_need_cleaning(text):
            return text
        return _without_quotations(clean(f"{title}\n{text}" if title else text))
    lines = text[:_LONGEST_READ].split("\n")
    if len(lines) > 1:
        lines = list(dict.fromkeys(map(str.strip, lines)))
        prose = [line for line in lines if len(line) >= _PROSE_LINE and not _BOILERPLATE.search(line)]
        lines = sorted(prose or lines, key=len, reverse=True)
    picked = [title]
    room = _SAMPLE
    for line in lines:
        if len(line) > _LONGEST_PIECE:  # one paragraph must not speak for all, nor its beginning for the rest of it
            line = _three_parts(line, room if len(lines) == 1 else _LONGEST_PIECE)
        picked.append(line)
        room -= len(line)
        if room <= 0:
            break
    return clean("\n".join(picked))


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
