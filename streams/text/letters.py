"""What one character folds to.

Compatibility forms (presentation forms, ligatures, full width, circled) become what they stand for, capitals small,
marks go where they only decorate or vocalize, and letters that one keyboard puts in place of another's become one: all
yehs ي, kafs ك, hehs ه, alefs ا, waws و. Marks that make another letter stay: й, ї, ў, kana, signs of Indic scripts.
"""

from __future__ import annotations

import unicodedata

from streams.text.words import APOSTROPHES, FORMAT_CHARACTERS, SILENT_LETTERS, ZWNJ

_SAME = {
    # Arabic script; hamza on a carrier, madda and wasla are marks and go with the marks
    **dict.fromkeys("ٱٲٳٵ", "ا"),
    **dict.fromkeys("یېێےۍؽؾؿۑ", "ي"),
    **dict.fromkeys("ۆۇۈۋۊۅۉۏٶٷ", "و"),
    **dict.fromkeys("کڪڬ", "ك"),
    **dict.fromkeys("ةەہھۀۂۃۿ", "ه"),
    **dict.fromkeys("ڕڔڒ", "ر"),
    **dict.fromkeys("ڵڶڷڸ", "ل"),
    **dict.fromkeys("ګݢ", "گ"),
    "ں": "ن",
    "ڤ": "ف",
    **dict.fromkeys(SILENT_LETTERS, ""),
    # Hebrew script
    **dict.fromkeys("ך", "כ"),
    **dict.fromkeys("ם", "מ"),
    **dict.fromkeys("ן", "נ"),
    **dict.fromkeys("ף", "פ"),
    **dict.fromkeys("ץ", "צ"),
    "װ": "וו",
    "ױ": "וי",
    "ײ": "יי",
    # Latin script: what typists without the letter write
    **dict.fromkeys("ıɩ", "i"),
    **dict.fromkeys("đðɖɗ", "d"),
    **dict.fromkeys("əǝɛ", "e"),
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "þ": "th",
    "ł": "l",
    "ħ": "h",
    "ŋ": "n",
    "ŧ": "t",
    "ɓ": "b",
    "ƙ": "k",
    "ƴ": "y",
    # Greek and Cyrillic
    "ς": "σ",
    "ґ": "г",
}
_LETTERS_WITH_MARKS = frozenset("йўїѓќ")
"""Letters in their own right, though Unicode takes them apart."""
_WHOLE = frozenset("\u0e33\u0eb3")
"""Thai and Lao vowels that come apart into a mark and a letter: on their own no word begins with a mark."""
_HALF_WIDTH_MARKS = {"\uff9e": "\u3099", "\uff9f": "\u309a"}
_DECORATION = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06ED), (0x0711, 0x0711), (0x0730, 0x074A), (0x08CA, 0x08FF), (0x093C, 0x093C), (0x09BC, 0x09BC),
    (0x0A3C, 0x0A3C), (0x0ABC, 0x0ABC), (0x0B3C, 0x0B3C), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F), (0xFE20, 0xFE2F), (0xE0100, 0xE01EF),
)  # fmt: skip
"""Marks without which a word is the same word to most readers: accents, vocalization, nukta, variation selectors."""
_INVISIBLE = frozenset(FORMAT_CHARACTERS + ZWNJ)


class Letters(dict[int, str]):
    """What each code point folds to, worked out the first time it is met; a table for `str.translate`."""

    def __missing__(self, code_point: int) -> str:
        self[code_point] = folded = fold_character(chr(code_point))
        return folded


def fold_character(character: str) -> str:
    """Return what `character` folds to: word characters, or nothing. Folding the result changes it no more."""
    if character in APOSTROPHES:
        return "'"
    if character in _HALF_WIDTH_MARKS:
        return _HALF_WIDTH_MARKS[character]
    folded = _fold_once(character)
    while folded != (again := "".join(map(_fold_once, folded))):
        folded = again
    if (
        folded.isspace() and character.isalpha()
    ):  # an Arabic vowel sign by itself, as old files write it: a space's mark
        return ""
    if folded and folded != character and not _is_wordlike(folded):
        return character
    return folded


def _fold_once(character: str) -> str:
    if _is_dropped(character):
        return ""
    if character in _WHOLE:
        return character
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    lower = character.lower()
    if lower in _LETTERS_WITH_MARKS:
        return lower
    if lower in _SAME:
        return _SAME[lower]
    parts = unicodedata.normalize("NFKD", lower).lower()
    return unicodedata.normalize("NFC", "".join(part for part in parts if not _is_dropped(part)))


def _is_dropped(character: str) -> bool:
    if character in _INVISIBLE:
        return True
    code_point = ord(character)
    return unicodedata.category(character)[0] == "M" and any(low <= code_point <= high for low, high in _DECORATION)


def _is_wordlike(folded: str) -> bool:
    return folded[0].isalnum() and all(
        character.isalnum() or unicodedata.category(character)[0] == "M" for character in folded
    )
