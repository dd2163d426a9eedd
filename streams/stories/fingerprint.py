"""What of a text shows that it was copied: overlapping windows of its letters.

A window begins at every word and is 18 letters long, counted without the spaces: so it does not matter whether a writer
joins or parts his words («می شوند», «می‌شوند», «میشوند»), nor how he types yeh, kaf, hamza and digits, which folding has
seen to. An added paragraph adds windows and takes none away.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, filterfalse
from zlib import crc32

from streams.text.document import Document

WINDOW_LETTERS = 18
"""Three to four words: fewer are shared by chance, more break at every edited word."""
SKETCH_WINDOWS = 64
"""The smallest hashes stand for a long text in the index of copies and in what is kept of it over a restart."""
LARGEST_HASH = 0xFFFFFF
_MAX_NUMBERS = 12
_SHORT_TEXT_TERMS = 12
_MAX_TERMS = 4_000
_BYTES_PER_LETTER = 4
_NUMERAL = re.compile(r"\d+")


class Fingerprint:
    """The windows of one article, as sorted 24-bit hashes, and the numbers in it."""

    __slots__ = ("numbers", "size", "windows")

    def __init__(self, windows: array[int], numbers: frozenset[int], size: int) -> None:
        self.windows = windows
        self.numbers = numbers
        """16-bit hashes of the first numerals: bulletins of the same words differ in them."""
        self.size = size
        """How many windows the whole text has; more than `windows` holds where only the sketch was kept."""

    @property
    def sketch(self) -> array[int]:
        """The smallest hashes, at most 64."""
        return self.windows[:SKETCH_WINDOWS]

    @staticmethod
    def of(document: Document) -> Fingerprint:
        """Return the fingerprint of `document`: of its text, and of its title where there is hardly a text."""
        terms: Sequence[str] = document.text.terms[:_MAX_TERMS]
        if len(terms) < _SHORT_TEXT_TERMS:
            terms = [*document.title.terms, *terms]
        windows = array("I", sorted(_windows(terms)))
        # Of a text without numerals nothing has to be searched.
        with_digits = " ".join(filterfalse(str.isalpha, terms))
        numerals = dict.fromkeys(_NUMERAL.findall(with_digits)) if with_digits else {}
        numbers = frozenset([crc32(numeral.encode()) & 0xFFFF for numeral in list(numerals)[:_MAX_NUMBERS]])
        return Fingerprint(windows, numbers, len(windows))


def _windows(terms: Sequence[str]) -> set[int]:
    # Half surrogate pairs may stand in a text; four bytes a letter make every offset a multiplication.
    letters = "".join(terms).encode("utf-32-le", "surrogatepass")
    length = WINDOW_LETTERS * _BYTES_PER_LETTER
    last = len(letters) - length
    if last < 0:
        return {crc32(letters) >> 8} if letters else set()
    starts = list(accumulate([len(term) * _BYTES_PER_LETTER for term in terms], initial=0))
    del starts[bisect_right(starts, last) :]
    return {crc32(letters[start : start + length]) >> 8 for start in starts}
