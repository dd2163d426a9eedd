"""Which script a text is written in, and the language where the script alone says it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter

LATIN_RUN = re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u02af\u02bb\u02bc\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]+")
_MAIN = (
    ("arabic", re.compile("[\u0620-\u063f\u0641-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]+")),
    ("cyrillic", re.compile("[\u0400-\u052f\u1c80-\u1c88\ua640-\ua69f]+")),
    ("hebrew", re.compile("[\u05d0-\u05f2\ufb1d-\ufb4f]+")),
    ("latin", LATIN_RUN),
)
"""The scripts that several of our languages share; combining marks are not counted."""

_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0370, 0x03FF, "el"), (0x0531, 0x058A, "hy"), (0x0700, 0x074F, "syr"), (0x0780, 0x07BF, "dv"),
    (0x07C0, 0x07FF, "nqo"), (0x0900, 0x097F, "devanagari"), (0x0980, 0x09FF, "bengali"), (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"), (0x0B00, 0x0B7F, "or"), (0x0B80, 0x0BFF, "ta"), (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"), (0x0D00, 0x0D7F, "ml"), (0x0D80, 0x0DFF, "si"), (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"), (0x0F00, 0x0FFF, "bo"), (0x1000, 0x109F, "my"), (0x10A0, 0x10FF, "ka"),
    (0x1100, 0x11FF, "ko"), (0x1200, 0x139F, "ethiopic"), (0x13A0, 0x13FF, "chr"), (0x1400, 0x167F, "iu"),
    (0x1780, 0x17FF, "km"), (0x1800, 0x18AF, "mn"), (0x1C90, 0x1CBF, "ka"), (0x1F00, 0x1FFF, "el"),
    (0x2D30, 0x2D7F, "zgh"), (0x3041, 0x30FF, "kana"), (0x3105, 0x312F, "zh"), (0x3130, 0x318F, "ko"),
    (0x31F0, 0x31FF, "kana"), (0x3400, 0x4DBF, "han"), (0x4E00, 0x9FFF, "han"), (0xA960, 0xA97F, "ko"),
    (0xABC0, 0xABFF, "mni"), (0xAC00, 0xD7FF, "ko"), (0xF900, 0xFAFF, "han"), (0xFF66, 0xFF9D, "kana"),
    (0xFFA0, 0xFFDC, "ko"), (0x1C50, 0x1C7F, "sat"), (0x20000, 0x3FFFD, "han"),
)  # fmt: skip
_SORTED = sorted(_RANGES)
_LOWS = [low for low, _, _ in _SORTED]
_BEYOND_LATIN = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2c80-\ufeff\uff66-\U0003fffd]")
_OTHERS = re.compile(
    "[\u0370-\u03ff\u0531-\u058f\u0700-\u074f\u0780-\u1c7f\u1c90-\u1cbf\u1f00-\u1fff\u2d30-\u2d7f\u3041-\ua63f\ua960-\ufaff"
    "\uff66-\uffdc\U00020000-\U0003fffd]"
)
_ASCII_LETTERS = {code_point: None for code_point in range(128) if not chr(code_point).isalpha()}
_ORDERS = {
    **{chr(code_point): (_MAIN[1], _MAIN[0], *_MAIN[2:]) for code_point in range(0x400, 0x530)},
    **{chr(code_point): (_MAIN[2], *_MAIN[:2], _MAIN[3]) for code_point in range(0x5D0, 0x5F3)},
}
"""Which script to count first, by the first letter that is not Latin: the rest is mostly spared."""
_SHORT = 24
"""In a shorter text every letter is counted."""
_LETTERS = {
    "arabic": "\u0620-\u063f\u0641-\u064a\u066e-\u06d3\u06d5\u200c",
    "cyrillic": "\u0400-\u0481\u048a-\u052f",
    "hebrew": "\u05d0-\u05f2",
}
_PURE = {
    chr(first): (script, re.compile(f"[ {letters}.,:;!?()\"'«»\u060c\u061b\u061f\u2013\u2014-]*"))
    for script, letters in _LETTERS.items()
    for first in range(0x400, 0x6D4)
    if re.match(f"[{letters}]", chr(first))
}
"""By first letter: what a text in one script alone is made of. The few stops that are counted as letters do no harm."""
_LONG, _THINNED = 300, 4
"""Of a longer text only every so many characters are counted: the shares are the same."""
_SYLLABLE_WEIGHT = 3
"""A Chinese character says as much as a few letters of an alphabet."""
_BRAND_WEIGHT = 0.5
"""Latin letters count half beside another script: brands stand in Arabic titles, hardly ever the other way round."""


def letters_by_script(sample: str) -> dict[str, float]:
    """Return how many letters of each script `sample` has, Latin halved beside another: `{"arabic": 31, "latin": 4.5}`.

    A script of one language has that language's code as its name (`el`, `th`), others a name (`arabic`, `devanagari`).
    """
    if len(sample) > _LONG:
        thinned = letters_by_script(sample[::_THINNED])
        return {script: letters * _THINNED for script, letters in thinned.items()}
    pure = _PURE.get(sample[:1])
    if pure is not None and len(sample) > _SHORT and pure[1].fullmatch(sample) is not None:
        return {pure[0]: len(sample) - sample.count(" ")}
    if sample.isascii():
        letters = len(sample.translate(_ASCII_LETTERS))
        return {"latin": letters} if letters else {}
    found: dict[str, float] = {}
    beyond_latin = _BEYOND_LATIN.search(sample)
    if beyond_latin is None:
        letters = sum(map(len, LATIN_RUN.findall(sample)))
        return {"latin": letters} if letters else {}
    for script, pattern in _ORDERS.get(beyond_latin[0], _MAIN):
        letters = sum(map(len, pattern.findall(sample)))
        if letters:
            found[script] = letters
            if letters * 5 > len(sample) * 3 and script != "latin":
                return found
    if _OTHERS.search(sample):
        others: Counter[str] = Counter(_other_script(character) for character in sample if character > "\u036f")
        others.pop("", None)
        found |= others
        if "kana" in found or "han" in found:
            kana = found.pop("kana", 0.0)
            japanese = kana > 0 and kana * 12 >= found.get("han", 0.0)
            found["ja" if japanese else "zh"] = _SYLLABLE_WEIGHT * (kana + found.pop("han", 0.0))
    if len(found) > 1 and "latin" in found:
        found["latin"] *= _BRAND_WEIGHT
    return found


def _other_script(character: str) -> str:
    code_point = ord(character)
    index = bisect_right(_LOWS, code_point) - 1
    if index < 0:
        return ""
    _, high, script = _SORTED[index]
    return script if code_point <= high and character.isalpha() else ""


_SHARED: dict[str, dict[str, str]] = {
    "devanagari": {
        "mr": "आहे आहेत आणि या व हे ते च नाही होते केली केले करण्यात मध्ये साठी तर की हा ही ची चा ळ मुंबई महाराष्ट्र झाला झाली झाले",
        "ne": "छ छन् र गरेको गर्न लाई भएको पनि मा को हरू थियो नेपाल हुने गरे भने काठमाडौं सरकारले नेपाली छैन प्रत्येक",
        "hi": "है हैं के की का में से को ने पर और यह कि भी नहीं एक हो था थे लिए कर गया गई साथ तक बाद अब क्या वह इस रहा रहे",
    },
    "bengali": {"as": "আৰু হৈছে অসম অসমৰ কৰা এই পৰা বাবে হয়", "bn": "ও এবং এর করে করা হয় এই থেকে জন্য না নিয়ে বাংলাদেশ"},
    "ethiopic": {
        "ti": "እዩ ናይ ኣብ ካብ ምስ እቲ ድማ ኤርትራ ትግራይ ኣሎ ከም እዮም",
        "am": "ነው ውስጥ ላይ እና ጋር ነበር ኢትዮጵያ አዲስ ይህ ወይም መሆኑን እንደ",
    },
}
"""Scripts that few languages share, with everyday words of each; the last is the most likely where nothing tells."""
_LIKELIEST = 1.0
"""What the most likely language of such a script starts with, as log-odds."""
_WORD = 1.5
_SHARED_LETTERS = {"ळ": "mr", "ৰ": "as", "ৱ": "as", "ኣ": "ti", "ቐ": "ti", "አ": "am"}
_SHARED_WORDS = {
    script: {word: language for language, words in languages.items() for word in words.split()}
    for script, languages in _SHARED.items()
}


def is_shared_by_few(script: str) -> bool:
    """Tell whether `languages_by_words` knows the script."""
    return script in _SHARED


def languages_by_words(script: str, sample: str) -> dict[str, float]:
    """Return the languages of a script that few share, with log-odds from the evidence for each; never empty."""
    known = _SHARED_WORDS[script]
    found = {language: 0.0 for language in _SHARED[script]}
    found[list(_SHARED[script])[-1]] = _LIKELIEST
    for word in sample.split():
        language = known.get(word.strip(".,:;!?\"'()।፣።"))
        if language:
            found[language] = found.get(language, 0.0) + _WORD
    for letter, language in _SHARED_LETTERS.items():
        if letter in sample:
            found[language] = found.get(language, 0.0) + _WORD
    return {language: weight for language, weight in found.items() if language in _SHARED[script]}
