"""How a name is probably spelled in another language: sounds back to letters.

Used to *show* what would match (`rasad entities explain`); recognizing goes the other way and needs no list. The
conventions are the usual ones of each language's newsrooms; every suggestion is checked against the recognizer by who
shows it.
"""

from __future__ import annotations

from itertools import product
from typing import Final

from streams.entities.sounds import SYMBOLS, VOWELS, read

LANGUAGES: Final = ("ar", "fa", "tr", "ru", "ckb", "he", "ur", "uk", "en")
_MOST: Final = 96
_Letters = dict[str, tuple[str, ...]]

_ARABIC: _Letters = {
    "p": ("ب",), "b": ("ب",), "t": ("ت", "ط"), "d": ("د", "ض"), "k": ("ك", "ق"),
    "g": ("غ", "ج", "ك"), "q": ("ق",), "m": ("م",), "n": ("ن",), "r": ("ر",),
    "l": ("ل",), "f": ("ف",), "v": ("ف",), "s": ("س", "ص"), "z": ("ز", "ظ"), "S": ("ش",),
    "Z": ("ج",), "C": ("تش",), "J": ("ج",), "x": ("خ",), "G": ("غ",),
    "h": ("ه", "ح"), "T": ("ث",), "D": ("ذ",), "c": ("تس",), "y": ("ي",), "w": ("و",),
    "'": ("ع", ""), "a": ("ا", ""), "e": ("ي", ""), "i": ("ي", ""),
    "o": ("و", ""), "u": ("و", ""), "^a": ("أ",), "^e": ("إ", "أ"), "^i": ("إ",), "^o": ("أو",), "^u": ("أو",),
}  # fmt: skip
_PERSIAN: _Letters = {
    **_ARABIC, "p": ("پ",), "g": ("گ", "غ"), "v": ("و",), "Z": ("ژ",), "C": ("چ",), "T": ("س", "ث"),
    "D": ("ذ", "ز"), "k": ("ک",), "y": ("ی",),
    "e": ("", "ی"), "i": ("ی",), "o": ("و", ""), "u": ("و",), "^a": ("ا", "آ"), "^e": ("ا",),
    "^i": ("ای",), "^o": ("او",), "^u": ("او",),
}  # fmt: skip
_URDU: _Letters = {**_PERSIAN, "t": ("ٹ", "ت"), "d": ("ڈ", "د"), "g": ("گ", "غ"), "e": ("ی", ""), "a": ("ا", "")}
_KURDISH: _Letters = {
    **_PERSIAN, "v": ("ڤ",), "a": ("ا", "ە"), "e": ("ە", "ێ"), "i": ("ی",), "o": ("ۆ",),
    "u": ("و", "وو"), "G": ("غ",), "T": ("س",), "D": ("ز",),
    "'": ("ع", ""), "h": ("ه", "ح"), "^a": ("ئا", "ئە"), "^e": ("ئە", "ئێ"), "^i": ("ئی",),
    "^o": ("ئۆ",), "^u": ("ئو",), "t": ("ت",), "d": ("د",), "s": ("س",), "z": ("ز",),
}  # fmt: skip
_HEBREW: _Letters = {
    "p": ("פ",), "b": ("ב",), "t": ("ט", "ת"), "d": ("ד",), "k": ("ק", "כ"), "g": ("ג",),
    "q": ("ק",), "m": ("מ",), "n": ("נ",), "r": ("ר",), "l": ("ל",),
    "f": ("פ",), "v": ("ב", "ו"), "s": ("ס",), "z": ("ז",), "S": ("ש",), "Z": ("ז'",), "C": ("צ'",),
    "J": ("ג'",), "x": ("ח'", "ח"), "G": ("ר'", "ג"), "h": ("ה", "ח"),
    "T": ("ת'", "ת"), "D": ("ד'", "ד"), "c": ("צ",), "y": ("י",), "w": ("ו", "וו"), "'": ("ע", ""),
    "a": ("א", ""), "e": ("", "א"), "i": ("י",), "o": ("ו",),
    "u": ("ו",), "^a": ("א",), "^e": ("א",), "^i": ("אי",), "^o": ("או",), "^u": ("או",),
}  # fmt: skip
_HEBREW_FINAL: Final = str.maketrans("כמנפצ", "ךםןףץ")
_RUSSIAN: _Letters = {
    "p": ("п",), "b": ("б",), "t": ("т",), "d": ("д",), "k": ("к",), "g": ("г",), "q": ("к",),
    "m": ("м",), "n": ("н",), "r": ("р",), "l": ("л",), "f": ("ф",),
    "v": ("в",), "s": ("с",), "z": ("з",), "S": ("ш",), "Z": ("ж",), "C": ("ч",), "J": ("дж",),
    "x": ("х",), "G": ("г",), "h": ("х",), "T": ("т", "с"), "D": ("д", "з"),
    "c": ("ц",), "y": ("й",), "w": ("в", "у"), "'": ("",), "a": ("а",), "e": ("е",), "i": ("и",),
    "o": ("о",), "u": ("у",), "^e": ("э", "е"),
}  # fmt: skip
_UKRAINIAN: _Letters = {**_RUSSIAN, "i": ("і", "и"), "^e": ("е",), "h": ("х", "г"), "g": ("г", "ґ")}
_TURKISH: _Letters = {
    **{sound: (sound,) for sound in "pbtdkgmnrlfvszhy"}, "q": ("k",), "S": ("ş",), "Z": ("j",),
    "C": ("ç",), "J": ("c",), "x": ("h",), "G": ("ğ", "g"),
    "T": ("s", "t"), "D": ("z", "d"), "c": ("ts",), "w": ("v",), "'": ("",), "a": ("a", "e"),
    "e": ("e",), "i": ("i",), "o": ("o",), "u": ("u",),
}  # fmt: skip
_ENGLISH: _Letters = {
    **{sound: (sound,) for sound in "pbtdkgqmnrlfvszhyw"}, "S": ("sh",), "Z": ("zh",), "C": ("ch",),
    "J": ("j",), "x": ("kh",), "G": ("gh",), "T": ("th",),
    "D": ("dh",), "c": ("ts",), "'": ("",), "a": ("a", "e"), "e": ("e",), "i": ("i",),
    "o": ("o", "u"), "u": ("u", "o"),
}  # fmt: skip
_LETTERS: Final[dict[str, _Letters]] = {
    "ar": _ARABIC, "fa": _PERSIAN, "ur": _URDU, "ckb": _KURDISH, "he": _HEBREW,
    "ru": _RUSSIAN, "uk": _UKRAINIAN, "tr": _TURKISH, "en": _ENGLISH,
}  # fmt: skip
_CASED: Final = frozenset(("ru", "uk", "tr", "en"))
VOWELLED: Final = frozenset(("ru", "uk", "tr", "en", "ckb"))
"""Languages that write every vowel, which a spelling in Arabic or Hebrew script does not tell."""


def spell(word: str, written_in: str, language: str) -> list[str]:
    """Return how `word`, a word of a name written in one language, may be spelled in another, likeliest first.

    Raises:
        KeyError: for a language not in `LANGUAGES`.
    """
    letters = _LETTERS[language]
    choices: list[tuple[str, ...]] = []
    for position, symbol in enumerate(read(word, written_in)):
        sound = next(iter(SYMBOLS[symbol].sounds))
        options = letters.get(f"^{sound}", letters[sound]) if position == 0 and sound in VOWELS else letters[sound]
        choices.append(options)
    while _count(choices) > _MOST:  # keep the alternatives of the last letters only: the first are the surest
        widest = next(index for index, options in enumerate(choices) if len(options) > 1)
        choices[widest] = choices[widest][:1]
    found: dict[str, None] = {}
    for parts in sorted(product(*map(enumerate, choices)), key=lambda parts: sum(rank for rank, _ in parts)):
        spelled = "".join(letter for _, letter in parts)
        if language == "he" and spelled:
            spelled = spelled[:-1] + spelled[-1].translate(_HEBREW_FINAL)
        if language in _CASED:
            spelled = spelled[:1].upper() + spelled[1:] if language != "tr" else _turkish_capital(spelled)
        found[spelled] = None
    return [spelled for spelled in found if len(spelled) > 1]


def _turkish_capital(word: str) -> str:
    return ("İ" if word.startswith("i") else word[:1].upper()) + word[1:]


def _count(choices: list[tuple[str, ...]]) -> int:
    total = 1
    for options in choices:
        total *= len(options)
    return total
