"""One folding for every script: two spellings that a reader takes for the same word become the same string.

Words are folded one by one and remembered, because a newsroom's vocabulary is small: a body costs one look-up a word.
Folding never joins or splits words, and folding twice changes nothing.
"""

from __future__ import annotations

import re
import unicodedata

from streams.text.letters import Letters
from streams.text.words import FORMAT_CHARACTERS, word_pattern

_CACHE_WORDS = 15_000
_CACHE_WORD_LENGTH = 40
_LETTERS = Letters()
_SHORT_WORD = 3
_FORMAT = re.compile(f"[{FORMAT_CHARACTERS}]")
_NO_FORMAT = str.maketrans("", "", FORMAT_CHARACTERS)
_HEBREW_JOINS = str.maketrans("", "", "\"'\u05f3\u05f4\u201c\u201d")
_ONE_YEH = frozenset("fa ckb ku ur ps ug azb sd pa ks bal glk mzn lrc uz tk kk ky".split())


def fold(text: str, language: str = "und") -> str:
    """Return `text` with every word folded, and everything between words as it was but for invisible characters.

    `language` (BCP 47) matters in two places only: whether ى is told apart from ي in words of three letters or fewer
    (على, علي), and whether a zero-width non-joiner ends a word. So texts of unknown language compare with all others.
    """
    words = folded_words(language)
    folded = word_pattern(text, language).sub(lambda match: words[match.group()], text)
    return folded.translate(_NO_FORMAT) if _FORMAT.search(folded) else folded


class FoldedWords(dict[str, str]):
    """Folded forms by word, for one family of languages; forgets everything when it is full."""

    def __init__(self, *, has_one_yeh: bool) -> None:
        super().__init__()
        self._has_one_yeh = has_one_yeh

    def __missing__(self, word: str) -> str:
        if word.isascii():
            folded = word.lower()
            if "''" in folded:
                folded = _without_empty_parts(folded)
        else:
            folded, before = self._once(word), word
            while folded != before:
                folded, before = self._once(folded), folded
        if len(word) <= _CACHE_WORD_LENGTH:
            if len(self) >= _CACHE_WORDS:
                self.clear()
            self[word] = folded
        return folded

    def _once(self, word: str) -> str:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).translate(_LETTERS))
        if "'" in folded:
            folded = _without_empty_parts(folded)
        folded = _without_leading_marks(folded)
        if not folded.isalnum() and any("\u05d0" <= letter <= "\u05ea" for letter in folded):
            folded = folded.translate(_HEBREW_JOINS)
        if "ى" in folded:
            folded = self._with_yeh(folded)
        return folded

    def _with_yeh(self, folded: str) -> str:
        """Return `folded` with ى as ي, but for the end of a short word, which may stand behind one particle (وعلى)."""
        length = len(folded) - 1 if folded[0] in "وف" and len(folded) == _SHORT_WORD + 1 else len(folded)
        if self._has_one_yeh or length > _SHORT_WORD or folded[-1] != "ى":
            return folded.replace("ى", "ي")
        return folded[:-1].replace("ى", "ي") + "ى"


def _without_empty_parts(folded: str) -> str:
    return "'".join(part for part in map(_without_leading_marks, folded.split("'")) if part)


def _without_leading_marks(folded: str) -> str:
    """Return `folded` without marks whose letter folded to nothing: no word begins with a mark."""
    while folded and unicodedata.category(folded[0])[0] == "M":
        folded = folded[1:]
    return folded


_TWO_YEHS_WORDS = FoldedWords(has_one_yeh=False)
_ONE_YEH_WORDS = FoldedWords(has_one_yeh=True)


def has_one_yeh(language: str) -> bool:
    """Tell whether ى is only another way to write ی in `language`, even in a short word."""
    return language in _ONE_YEH


def folded_words(language: str) -> FoldedWords:
    """Return the table of folded words that fits `language`: `table[word]`."""
    return _ONE_YEH_WORDS if has_one_yeh(language) else _TWO_YEHS_WORDS
