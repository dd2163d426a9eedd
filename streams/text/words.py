"""Where a word begins and ends, in any script: the one pattern behind folding and tokens.

A word is a run of letters and digits with the marks and invisible format characters that follow them, close to UAX #29:

- An apostrophe between two letters stays inside (`Erdoğan'ın`, `п'ять`, `l'Arménie`), and so does Hebrew gershayim
  before the last letter (`צה"ל`).
- A zero-width non-joiner ends a word (`خبرگزاری‌ها` is two words, as `خبرگزاری ها` is), but not in Central Kurdish,
  where older texts write `ه‌` for `ە` (`ده‌وڵه‌ت`), nor in Indic scripts, where it only shapes letters.
- Scripts without spaces (Han, kana, Thai, Lao, Khmer, Burmese) give one word a letter: a phrase finds a substring.
"""

from __future__ import annotations

import re

from streams.text._classes import MARKS_ASTRAL, MARKS_BMP

ZWNJ = "\u200c"
APOSTROPHES = "'\u2018\u2019\u02bb\u02bc\u02be\u02bf\uff07"
FORMAT_CHARACTERS = (
    "\u00ad\u061c\u180e\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068"
    "\u2069\u206a\u206b\u206c\u206d\u206e\u206f\ufe0e\ufe0f\ufeff\ufff9\ufffa\ufffb"
)
"""Invisible, and never the end of a word: soft hyphen, joiners, bidi controls, emoji selectors."""

SILENT_LETTERS = "\u0640\u0674\u02b9\u02ba"
"""Tatweel, high hamza, and the primes of transliterated Cyrillic: letters to Unicode, nothing to a reader."""

_UNSPACED = (
    "\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"
    "\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u17d7\u1950-\u19df\u1a20-\u1a54\uaa60-\uaadf"
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u30ff\u3105-\u312f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U0001b000-\U0001b16f\U00020000-\U0003fffd"
)
"""Letters of scripts that put no space between words."""
_COMMON_MARKS = MARKS_BMP[: MARKS_BMP.index("\u0711")] + "\u20d0-\u20f0"
"""Latin, Cyrillic, Hebrew and Arabic marks, and those of symbols: all that can be met without a special character."""
_HEBREW = "\u05d0-\u05f2\ufb1d\ufb1f-\ufb4f"
_HEBREW_POINTS = "\u0591-\u05c7"
_SPECIAL = re.compile(
    f"[{_HEBREW}\u0700-\u1dff\u2c00-\uabff\uf900-\ufaff\ufe00-\ufe0d\ufe20-\ufe2f\uff66-\uffdc"
    "\U00010000-\U0001efff\U0001fb00-\U0010ffff]"
)
"""Any character that the quick pattern does not know; emoji are none of a word's business."""
_NOT_HEBREW = re.compile(_SPECIAL.pattern.replace(_HEBREW, ""))
_HALF_WIDTH_MARKS = "\uff9e\uff9f"
_ALL_MARKS = MARKS_BMP + MARKS_ASTRAL + _HALF_WIDTH_MARKS
_STRAY = f"[{FORMAT_CHARACTERS}]*"
_SILENT = SILENT_LETTERS + "\u02bb\u02bc\u02be\u02bf"


def _pattern(letter: str, marks: str, *others: str) -> str:
    inside = "|".join((f"[{marks}{FORMAT_CHARACTERS}]+", f"[{APOSTROPHES}](?={_STRAY}{letter})", *others))
    return f"{letter}+(?:(?:{inside}){letter}*)*"


def _with_hebrew(pattern: str, letter: str, marks: str) -> str:
    """Return `pattern` with another before it, for words that begin in Hebrew: a quotation mark may be inside them."""
    skipped = f"[{_SILENT}'\u2018\u2019\uff07{FORMAT_CHARACTERS}{marks}]*"
    suffix = "(?:\u05d9[\u05dd\u05ea]|\u05d5\u05ea|\u05d9)?"
    end = f"(?={skipped}[{_HEBREW}][{_HEBREW_POINTS}]*{suffix}(?![{_HEBREW}{_HEBREW_POINTS}]))"
    gershayim = f"(?:[\"\u05f4\u201c\u201d]|'{_STRAY}'|\u2019{_STRAY}\u2019){end}"
    geresh = f"\u05f3(?={skipped}[{_HEBREW}])"
    inside = f"[{_HEBREW}{marks}{FORMAT_CHARACTERS}{_SILENT}]|[{APOSTROPHES}](?={_STRAY}{letter})|{gershayim}|{geresh}"
    rest = f"{letter}|[{marks}{FORMAT_CHARACTERS}]|[{APOSTROPHES}](?={_STRAY}{letter})"
    return f"[{_SILENT}]*[{_HEBREW}](?:{inside})*(?:{rest})*|{pattern}"


def _patterns(more_marks: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return the quick pattern, the one for Hebrew and the one for everything; `more_marks` never end a word."""
    letter, marks = r"[^\W_]", _COMMON_MARKS + more_marks
    quick = _pattern(letter, marks)
    hebrew = _with_hebrew(quick, letter, marks)
    letter, marks = f"[^\\W_{_UNSPACED}{_HALF_WIDTH_MARKS}]", _ALL_MARKS + more_marks
    indic = f"(?<=[\u0900-\u0dff]){ZWNJ}(?=[\u0900-\u0dff])"
    spaced = _with_hebrew(_pattern(letter, marks, indic), letter, marks)
    full = f"[{_UNSPACED}][{marks}{FORMAT_CHARACTERS}]*|{spaced}"
    return re.compile(quick), re.compile(hebrew), re.compile(full)


_QUICK, _HEBREW_WORDS, _FULL = _patterns("")
_KURDISH = _patterns(ZWNJ)


def word_pattern(text: str, language: str) -> re.Pattern[str]:
    """Return the pattern that finds the words of `text`: the quickest that knows all of its letters."""
    quick, hebrew, full = _KURDISH if language == "ckb" else (_QUICK, _HEBREW_WORDS, _FULL)
    special = _SPECIAL.search(text)
    if special is None:
        return quick
    return hebrew if _NOT_HEBREW.search(text, special.start()) is None else full
