"""What a written name may sound like: each letter of each script as a set of possible sounds with a price.

A name crosses scripts by sound, and no script writes all of it: Arabic, Persian, Urdu and Hebrew leave short vowels
out, و is w, u, o or v, Turkish c is what English writes j, Hebrew ב is b or v. So a letter becomes a *symbol*, the set
of sounds that it may stand for; two symbols are compared by their nearest sounds (`prices`). The conventions are those
of the newsrooms' usage in each language, close to ICU's transliteration rules, DMG and IJMES for Arabic and Persian,
and the Academy's rules for Hebrew.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice
from operator import eq
from typing import Final, Literal, NamedTuple

Script = Literal["latin", "cyrillic", "arabic", "hebrew", "other"]

VOWELS: Final = frozenset("aeiou")
ABJADS: Final = frozenset(("arabic", "hebrew"))
"""Scripts that leave short vowels out."""
CASED: Final = frozenset(("latin", "cyrillic"))
"""Scripts in which a name begins with a capital."""

# A symbol is written "sound price sound price ...", prices in hundredths; a bare sound costs nothing. Upper-case
# letters:
# S sh, Z zh, C ch, J j as in jam, G gh (غ), T th as in thin, D th as in then; c ts, x kh, ' glottal stop or ayn.
_Spec = dict[str, str]

_WESTERN: _Spec = {
    "a": "a e10 o15", "e": "e i10 a12", "i": "i e10", "o": "o u10 a15", "u": "u o10 a15", "y": "y i",
    "ou": "u o10", "oo": "u o10",
    "ee": "i e10", "aa": "a o15", "ue": "u", "oe": "o e10", "ew": "u w20 v10",
    "b": "b v25", "c": "k s10 J25 C25 c15", "ck": "k", "d": "d", "f": "f v15", "g": "g J15 G", "h": "h x15",
    "j": "J Z5 y15 x15", "k": "k q",
    "l": "l", "m": "m", "n": "n", "p": "p b30", "q": "q k g15", "qu": "k q", "r": "r", "s": "s z15 S30",
    "t": "t T10", "v": "v f10 w10",
    "w": "w v", "z": "z s20 c15 D10", "ch": "C k10 x10 S10", "sh": "S", "kh": "x h10 k20", "gh": "G g",
    "zh": "Z", "th": "T t s10",
    "dh": "D d z10", "ph": "f", "sch": "S", "tsch": "C", "tch": "C", "dj": "J", "dzh": "J", "ts": "c s15",
    "tz": "c s10", "sz": "S s5",
    "cz": "C", "shch": "S C5", "ç": "C s10", "ş": "S", "š": "S", "č": "C", "ž": "Z", "ğ": "G g y10", "ć": "C",
    "ı": "i u10 e10",
    "ö": "o e10 u10", "ü": "u i10 y15", "ä": "e a5", "ø": "o e10", "å": "o a", "ñ": "n", "ə": "e a", "ș": "S",
    "ț": "c", "ń": "n",
    "ß": "s", "ł": "l w15", "ý": "y i", "æ": "e a",
}  # fmt: skip
_TURKIC: _Spec = {
    "a": "a e10 o15", "e": "e a", "ə": "e a", "ı": "i u10 e10 a15", "i": "i e10", "o": "o u5", "ö": "o e10 u10",
    "u": "u o5", "ü": "u i10 y15 o10",
    "b": "b", "c": "J Z10", "ç": "C J20", "d": "d", "f": "f v20", "g": "g J25 G10", "ğ": "G g y10", "h": "h x",
    "j": "Z J5", "k": "k q", "l": "l", "m": "m",
    "n": "n", "p": "p b10", "q": "g q G10", "r": "r", "s": "s T", "ş": "S", "t": "t d15 T5", "v": "v w5",
    "w": "w v", "x": "x h", "y": "y i",
    "z": "z D", "sh": "S", "ch": "C", "kh": "x",
    "ê": "e i5", "î": "i", "û": "u", "â": "a",
}  # fmt: skip
_CYRILLIC: _Spec = {
    "а": "a o15 e15", "б": "b", "в": "v w5 f10", "г": "g h8 G12 J25", "ґ": "g", "д": "d D5", "е": "e a15 i15",
    "ё": "o e", "ж": "Z J5", "дж": "J Z5",
    "з": "z D s20", "и": "i y5 e15", "й": "y i", "к": "k q", "л": "l", "м": "m", "н": "n", "о": "o a10 u10",
    "п": "p", "р": "r", "с": "s T z20",
    "т": "t T", "у": "u w o10", "ф": "f T15", "х": "x h", "ц": "c s15", "ч": "C", "тч": "C", "ш": "S",
    "щ": "S C10", "ы": "i y", "э": "e a5",
    "ю": "u y10 i20", "я": "a", "і": "i", "ї": "i", "є": "e a15", "ў": "w v", "ь": "", "ъ": "", "ј": "y",
    "ђ": "J", "ћ": "C", "љ": "l", "њ": "n", "џ": "J",
    "ә": "e a", "ғ": "G", "қ": "q k", "ң": "n", "ө": "o u", "ұ": "u", "ү": "u", "һ": "h",
}  # fmt: skip
_ARABIC: _Spec = {
    "ا": "a e5 o12 i25 u25", "آ": "a o10", "و": "w u o v5", "وو": "u w v", "ۆ": "o u5", "ۇ": "u o", "ۋ": "v w",
    "ۈ": "u", "ؤ": "u o w '",
    "ي": "y i e8", "یی": "y i e5", "ى": "a i12 y12 e15", "ئ": "' y5 i5 e5", "ێ": "e i5 y10 a15", "ە": "e a",
    "ه": "h", "ع": "' a5 e15 i15 o20 u20", "ء": "'",
    "ب": "b p5 v25", "پ": "p b15", "ت": "t", "ث": "T s t5", "ج": "J Z5 g10 C25 y30", "چ": "C J15", "ح": "h x10",
    "خ": "x h5 k25", "د": "d", "ذ": "D z d5",
    "ر": "r", "ز": "z s30", "ژ": "Z J5", "س": "s", "ش": "S C15 Z30", "ص": "s c10", "ض": "d D z", "ط": "t",
    "ظ": "z D d10", "غ": "G g", "ف": "f v5 p30",
    "ڤ": "v f10", "ق": "q k5 g10", "ك": "k g10", "گ": "g J25", "ل": "l", "م": "m", "ن": "n", "ٹ": "t", "ڈ": "d",
    "ڑ": "r", "ڕ": "r", "ڵ": "l", "ں": "n", "ڭ": "n",
    "تش": "C", "دج": "J", "دژ": "J", "تس": "c s15", "تز": "c z15", "كس": "K", "ة": "a e t15 h10",
}  # fmt: skip
_HEBREW: _Spec = {
    "א": "a e5 ' o15 i20 u20", "ב": "b v w15", "ג": "g J20 G15", "ג'": "J Z10", "ד": "d", "ד'": "D d", "ה": "h",
    "ו": "w u o v11", "וו": "v w u5", "ז": "z",
    "ז'": "Z J10", "ח": "x h", "ט": "t", "י": "y i e8", "יי": "y i e5", "כ": "k x", "ל": "l", "מ": "m",
    "נ": "n", "ס": "s T10", "ע": "' a5 e10 i15",
    "ע'": "G", "פ": "p f", "צ": "c s8 z20", "צ'": "C", "ק": "k q g25", "ר": "r G30", "ר'": "G", "ש": "S s10",
    "ת": "t T", "ת'": "T", "טש": "C", "דז'": "J",
    "דג'": "J",
}  # fmt: skip
_FIRST = {  # a letter that says no more at a word's beginning than "a vowel follows", or that is different there
    "arabic": {"ا": "a e i3 o3 u3", "أ": "a e i5 o3 u3", "إ": "i e a5", "ئ": "'", "ع": "' a e i o u"},
    "hebrew": {"א": "a e i3 o3 u3", "ע": "' a e i o u", "ו": "v w u5 o5"},
}
_LAST = {  # a letter that is often silent, or a vowel, at a word's end
    "arabic": {"ه": "h a e"},
    "hebrew": {"ה": "h a e"},
    "latin": {"h": "h ' a20 e20"},
}

_SAME_LETTER = str.maketrans(
    {
        "أ": "ا", "إ": "ا", "ٱ": "ا", "ی": "ي", "ې": "ێ", "ے": "ێ", "ک": "ك", "ڪ": "ك", "ګ": "گ", "ھ": "ه",
        "ہ": "ه", "ۂ": "ه", "ۀ": "ه", "ۃ": "ة",
        "ك": "ك", "ۊ": "و", "ۉ": "و", "ݵ": "و", "ـ": None, "\u200c": None, "\u200d": None, "׳": "'", "’": "'",
        "‘": "'", "ʼ": "'", "`": "'",
        "ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ", '"': None, "״": None,
    }
)  # fmt: skip


class Symbol(NamedTuple):
    """A letter as its possible sounds with their prices; whether it is of a script that writes only long vowels."""

    sounds: dict[str, float]
    abjad: bool


class _Symbols(list[Symbol]):
    """Numbers the distinct symbols, so that a word is a short tuple of small integers."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[tuple[str, bool], int] = {}

    def number(self, spec: str, abjad: bool) -> int:
        found = self._numbers.get((spec, abjad))
        if found is None:
            found = self._numbers[spec, abjad] = len(self)
            self.append(Symbol({part[0]: int(part[1:] or 0) / 100 for part in spec.split()}, abjad))
        return found


SYMBOLS: Final = _Symbols()
_SHORT = frozenset("ەێۆ")
"""Vowels that Kurdish writes in a script which otherwise leaves them out."""
_WEAK_Y = "y i5"
_PAIRS = {
    "x": ("k", "s"),
    "K": ("k", "s"),
    "ю": (_WEAK_Y, "u"),
    "я": (_WEAK_Y, "a"),
    "ї": (_WEAK_Y, "i"),
    "є": (_WEAK_Y, "e a15"),
}


class _Table:
    def __init__(self, spec: _Spec, script: str, *, x_is_ks: bool = False) -> None:
        self.pattern = re.compile(
            "|".join(sorted(map(re.escape, spec), key=len, reverse=True)) + ("|x" if x_is_ks else "")
        )
        self.symbols: dict[str, tuple[int, ...]] = {}
        abjad = script in ABJADS
        for letter, sounds in spec.items():
            specs = _PAIRS.get(letter if script == "cyrillic" else "", (sounds,) if sounds else ())
            if sounds == "K":
                specs = _PAIRS["K"]
            self.symbols[letter] = tuple(SYMBOLS.number(each, abjad and letter not in _SHORT) for each in specs)
        if x_is_ks:
            self.symbols["x"] = tuple(SYMBOLS.number(each, abjad) for each in _PAIRS["x"])
        self.first = {letter: SYMBOLS.number(sounds, abjad) for letter, sounds in _FIRST.get(script, {}).items()}
        self.last = {letter: SYMBOLS.number(sounds, abjad) for letter, sounds in _LAST.get(script, {}).items()}

    def read(self, word: str) -> tuple[int, ...]:
        letters = self.pattern.findall(word)
        if not letters:
            return ()
        symbols_of = self.symbols
        sequence: list[int] = []
        for letter in letters:
            sequence += symbols_of[letter]
        if letters[0] in self.first:
            sequence[: len(symbols_of[letters[0]])] = [self.first[letters[0]]]
        if len(letters) > 1 and letters[-1] in self.last:
            sequence[-len(symbols_of[letters[-1]]) :] = [self.last[letters[-1]]]
        if not any(map(eq, sequence, islice(sequence, 1, None))):
            return tuple(sequence)
        # A doubled letter sounds once; but a script that leaves vowels out has one between two of a kind (רונן).
        found: list[int] = []
        before = -1
        for symbol in sequence:
            if symbol != before or SYMBOLS[symbol].abjad:
                found.append(symbol)
                before = symbol
        return tuple(found)


_TABLES: Final = {
    "western": _Table(_WESTERN, "latin", x_is_ks=True),
    "turkic": _Table(_TURKIC, "latin"),
    "cyrillic": _Table(_CYRILLIC, "cyrillic"),
    "arabic": _Table(_ARABIC, "arabic"),
    "hebrew": _Table(_HEBREW, "hebrew"),
}
TURKIC_LANGUAGES: Final = frozenset(("tr", "az", "ku", "tk", "crh"))
_TURKISH_LETTERS = re.compile("[şğıçəİ]")


class _Scripts(dict[str, Script | None]):
    """The script of a character; None for what is no letter."""

    def __missing__(self, character: str) -> Script | None:
        script = _script_of_character(character)
        if character < "\u2000":  # of the rest there are too many to keep
            self[character] = script
        return script


def _script_of_character(character: str) -> Script | None:
    if (
        "a" <= character <= "z"
        or "A" <= character <= "Z"
        or "\u00c0" <= character <= "\u02af"
        or "\u1e00" <= character <= "\u1eff"
    ):
        return "latin"
    if "\u0400" <= character <= "\u052f":
        return "cyrillic"
    if "\u0620" <= character <= "\u06ff" or "\u0750" <= character <= "\u077f" or "\ufb50" <= character <= "\ufdff":
        return "arabic"
    if "\u05d0" <= character <= "\u05ea":
        return "hebrew"
    return "other" if character.isalpha() else None


_SCRIPTS: Final = _Scripts()


def script_of(word: str) -> Script:
    """Return the script of a word's first letter."""
    for character in word:
        script = _SCRIPTS[character]
        if script is not None:
            return script
    return "other"


def prepare(word: str, script: Script) -> str:
    """Return `word` in lower case, in the letters that the tables know; marks and joiners are gone."""
    if script == "latin":
        lower = word.replace("İ", "i").lower()
        if lower.isascii():
            return lower
        kept = []
        for character in unicodedata.normalize("NFC", lower):
            if character in _WESTERN or character in _TURKIC or character.isascii():
                kept.append(character)
            else:
                base = unicodedata.normalize("NFD", character)[0]
                kept.append(base if not unicodedata.combining(base) else "")
        return "".join(kept)
    if script == "cyrillic":
        return word.lower()
    word = word.translate(_SAME_LETTER)
    if word.isalpha():  # no mark in it
        return word
    return "".join(character for character in word if not unicodedata.combining(character))


@lru_cache(maxsize=2_048)
def read(word: str, language: str = "und") -> tuple[int, ...]:
    """Return the symbols of one written word (numbers into `SYMBOLS`); empty where no script of ours is in it."""
    script = script_of(word)
    return () if script == "other" else read_prepared(prepare(word, script), script, language)


def read_prepared(prepared: str, script: Script, language: str) -> tuple[int, ...]:
    """Return the same of a word as `prepare` gives it, in the letters of a script of ours."""
    if script == "latin":
        turkic = language in TURKIC_LANGUAGES or (language != "fr" and _TURKISH_LETTERS.search(prepared) is not None)
        return _TABLES["turkic" if turkic else "western"].read(prepared)
    return _TABLES[script].read(prepared)
