"""What a language fastens to a name: the article, conjunctions and prepositions before it, case and plural endings
after it.

A cut is only a candidate; what is left must then be a name. Words come as they are written (not folded), in lower case.
Sources: Ryding, A Reference Grammar of Modern Standard Arabic; Thackston on Persian and Sorani Kurdish; Göksel &
Kerslake on Turkish;
the Russian and Ukrainian declension of surnames and toponyms.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from streams.entities.sounds import Script
from streams.text.fold import fold


class Base(NamedTuple):
    """A word with something taken off: what is left, and how much the cut costs (0 for the word itself)."""

    word: str
    price: float


_LEFT_OVER = 2
"""Letters that a cut must leave; two, because Arabic script writes Akar with three."""

# Arabic: و and ف join sentences; ب ك ل are prepositions; ال the article, لل for ل+ال.
_ARABIC_START = re.compile("^([وف]?)([بكل]?)(ال|(?<=ل)ل)?")
_ARABIC_ARTICLE: Final = "ال"
_PERSIAN_ENDS: Final = ("هایی", "های", "ها", "ای", "ئی", "یی", "اش", "ان")
_PERSIAN_PEOPLE: Final = "ان"
_VOWEL_LETTERS: Final = frozenset("اوهەيی")
"""After these Persian has -یان and -گان: ناتوان is no people of ناتو."""
_PERSIAN_LINK = re.compile("(?<=[اوهە])[یي]$")
"""The izafe is written after a vowel only; elsewhere ی makes an adjective (شیرازی), which names no place."""
_URDU_ENDS: Final = ("وں", "یوں", "ے")
_PASHTO_ENDS: Final = ("ې", "ه", "و", "ۍ", "ان", "انو", "یان", "یانو", "ي")
_KURDISH_ENDS: Final = (
    "ەکانیش", "ەکانی", "ەکان", "ەکەی", "ەکە", "ییەکان", "یەکان", "ەوە", "یەوە", "وە", "دا", "یدا", "ەدا", "یشی",
    "یش", "یشدا", "ەیش", "ەی", "ێکی",
    "ێک", "یەکی", "یەک", "انی", "ان", "یان", "مان", "تان", "یی", "ی", "ێ", "ە", "یە", "ش", "شی", "ن", "م",
)  # fmt: skip
_KURMANJI_ENDS: Final = ("yên", "yan", "yekî", "eke", "yê", "ya", "ên", "an", "ê", "a", "î", "e")
_HEBREW_START = re.compile("^(ו?)(לכש|כש|מש|ש|)([בכלמ]?)(ה?)")
_CYRILLIC_ENDS: Final = (
    "ыми", "ими", "ого", "его", "ому", "ему", "ами", "ями", "ові", "еві", "єві", "ьою", "ой", "ей", "ою", "ею",
    "ым", "им", "ім", "ом", "ем", "єм",
    "ый", "ий", "ій", "ая", "яя", "ое", "ее", "ую", "юю", "ах", "ях", "ам", "ям", "ов", "ев", "їв", "ів", "ых",
    "их", "ої", "а", "я", "у", "ю", "е", "є", "ы", "и", "і",
    "ї", "о", "ь", "й",
)  # fmt: skip
_TURKISH_END = re.compile(
    "(?:l[aeə]r)?(?:(?:[ıiuü]m[ıiuü]z|s[ıiuü]|[ıiuü])?)"
    "(?:n?[ıiuü]n|y?[aeə]|n?[dt][aeə](?:n|ki|kiler)?|y?l[aeə]|y?[ıiuü]|n[aeə]|n[ıiuü]|l[ıiuü](?:l[aeə]r)?|d[ıiuü]r)?$"
)
_TURKISH_LAST: Final = frozenset("aeəıiuünrz")
"""The letters that Turkish endings end with."""
TURKIC_FAMILIES: Final = frozenset(("tr", "ku"))
_APOSTROPHES = re.compile("['’‘ʼ`]")


def _folded_too(ends: tuple[str, ...]) -> tuple[str, ...]:
    """Endings as written and as folded (ە and ه, ێ and ي), longest first, so that both kinds of words can be cut."""
    return tuple(sorted({*ends, *map(fold, ends)}, key=lambda end: (-len(end), end)))


_PERSIAN: Final = _folded_too(_PERSIAN_ENDS)
_URDU: Final = _folded_too(_URDU_ENDS)
_PASHTO: Final = _folded_too(_PASHTO_ENDS)
_KURDISH: Final = _folded_too(_KURDISH_ENDS)


def language_family(language: str) -> str:
    """Return the group of languages that share their affixes and letters; the key of every cache of ours."""
    return _FAMILIES.get(language, "other")


_FAMILIES: Final = {
    "ar": "ar", "arz": "ar", "ary": "ar", "apc": "ar", "fa": "fa", "prs": "fa", "azb": "fa", "ps": "ps",
    "glk": "fa", "mzn": "fa", "ur": "ur", "sd": "ur",
    "pnb": "ur", "ckb": "ckb", "ug": "ckb", "he": "he", "yi": "he", "tr": "tr", "az": "tr", "tk": "tr",
    "crh": "tr", "ku": "ku", "ru": "ru", "be": "ru", "bg": "ru", "sr": "ru", "mk": "ru",
    "kk": "ru", "ky": "ru", "uk": "uk",
    "und": "und",
}  # fmt: skip


def bases(word: str, script: Script, family: str) -> tuple[Base, ...]:
    """Return `word` and what it may be without affixes, cheapest first, no word twice."""
    found: dict[str, float] = {word: 0.0}
    if script == "arabic":
        _cut_arabic_script(word, family, found)
    elif script == "hebrew":
        _cut_hebrew(word, found)
    elif script == "cyrillic":
        _cut_cyrillic(word, found)
    elif script == "latin":
        _cut_latin(word, family, found)
    if len(found) == 1:
        return (Base(word, 0.0),)
    return tuple([Base(base, price) for base, price in sorted(found.items(), key=lambda item: item[1])])


def _add(found: dict[str, float], word: str, price: float) -> None:
    if len(word) >= _LEFT_OVER and price < found.get(word, 9.0):
        found[word] = price


def _cut_arabic_script(word: str, family: str, found: dict[str, float]) -> None:
    if family in ("ar", "und"):
        match = _ARABIC_START.match(word)
        if match is not None:
            conjunction, preposition, article = match.end(1), match.end(2), match.end(3)
            for end, price in ((conjunction, 0.01), (preposition, 0.02), (article, 0.02)):
                if end > 0 and len(word) - end >= 3:
                    _add(found, word[end:], price)
            if article > preposition and preposition:  # للأسد is ل + الأسد
                _add(found, _ARABIC_ARTICLE + word[article:], 0.02)
    elif word.startswith(_ARABIC_ARTICLE) and len(word) >= 5:
        _add(found, word[2:], 0.02)
    if family in ("fa", "und"):
        _cut_ends(word, _PERSIAN, found, 0.02)
        _cut_link(word, found)
    if family == "ur":
        _cut_ends(word, _URDU, found, 0.02)
        _cut_link(word, found)
    if family == "ps":
        _cut_ends(word, _PASHTO, found, 0.02)
    if family == "ckb" or "ە" in word or "ێ" in word:
        _cut_ends(word, _KURDISH, found, 0.01)
        for start in ("ئەل", "ئال", "يهل", "يال"):
            if word.startswith(start) and len(word) - 3 >= 3:
                _add(found, word[3:], 0.02)
                _cut_ends(word[3:], _KURDISH, found, 0.03)


def _cut_ends(word: str, ends: tuple[str, ...], found: dict[str, float], price: float) -> None:
    if not word.endswith(ends):
        return
    for end in ends:
        if word.endswith(end) and len(word) - len(end) >= 3:
            if end == _PERSIAN_PEOPLE and word[-len(end) - 1] in _VOWEL_LETTERS:
                continue
            _add(found, word[: -len(end)], price)


def _cut_link(word: str, found: dict[str, float]) -> None:
    if len(word) > 3 and _PERSIAN_LINK.search(word) is not None:
        _add(found, word[:-1], 0.02)


def _cut_hebrew(word: str, found: dict[str, float]) -> None:
    match = _HEBREW_START.match(word)
    if match is None:
        return
    for group in (1, 2, 3, 4):
        end = match.end(group)
        if end and (len(word) - end >= 3 or word[end:] == "אל"):
            _add(found, word[end:], 0.02)
            if word.startswith("וו", end):  # inside a word vav is written twice: בווינה is ב + וינה
                _add(found, word[end + 1 :], 0.02)


def _cut_cyrillic(word: str, found: dict[str, float]) -> None:
    word = _APOSTROPHES.split(word)[0] or word
    if not word.endswith(_CYRILLIC_ENDS):
        return
    for end in _CYRILLIC_ENDS:
        if word.endswith(end) and len(word) - len(end) >= 3:
            _add(found, word[: -len(end)], 0.01)


def _cut_latin(word: str, family: str, found: dict[str, float]) -> None:
    head, apostrophe, tail = _partition(word)
    if apostrophe:
        if len(head) >= 2 and (len(tail) <= 1 or family == "tr" or len(head) > 3):
            _add(found, head, 0.0)
        if len(head) <= 2 and len(tail) >= 3:  # l'Iran, d'Assad, s'Erdogan
            _add(found, tail, 0.0)
        _add(found, head + tail, 0.01)
    elif family == "ku":
        _cut_ends(word, _KURMANJI_ENDS, found, 0.02)
    elif family == "tr":
        if word[-1:] not in _TURKISH_LAST:
            return
        for cut in range(3, len(word)):
            if len(word) - cut <= 8 and _TURKISH_END.fullmatch(word, cut):
                _add(found, word[:cut], 0.01 + 0.005 * (len(word) - cut))  # a short ending is likelier
    elif family == "other" and word.endswith("s") and len(word) > 5:  # Assads; German and Dutch genitive
        _add(found, word[:-1], 0.02)


def _partition(word: str) -> tuple[str, str, str]:
    match = _APOSTROPHES.search(word)
    return (word, "", "") if match is None else (word[: match.start()], match.group(), word[match.end() :])


_DECLINED_ALONE: Final = ("ый", "ий", "ій", "ая", "яя", "ое", "ее", "а", "я", "ь", "й", "ы")
_CYRILLIC_NOMINATIVE: Final = (
    "ый",
    "ий",
    "ій",
    "ая",
    "яя",
    "ое",
    "ее",
    "ые",
    "ие",
    "і",
    "а",
    "я",
    "о",
    "е",
    "ь",
    "й",
    "ы",
    "и",
)


def cyrillic_stem(word: str, *, alone: bool) -> str:
    """Return a Cyrillic word (lower case, nominative) without its ending, to be met by any of its cases.

    A name of one word (`alone`) in -и, -о, -е or -у is not declined: Дели, Сочи, Осло.
    """
    for end in _DECLINED_ALONE if alone else _CYRILLIC_NOMINATIVE:
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)]
    return word
