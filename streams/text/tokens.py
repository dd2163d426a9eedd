"""Tokens with offsets into the original text.

The cost is in reading the text once: it is split at white space in C, and each piece between spaces is looked up in a
table of the pieces seen before, which knows its terms and where in it they stand. No word crosses white space.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate, chain

from streams.text.fold import FoldedWords, folded_words, has_one_yeh
from streams.text.variants import variants
from streams.text.words import word_pattern

__all__ = ["Tokens", "tokenize", "variants"]

_CACHE_PIECES = 25_000
_CACHE_PIECE_LENGTH = 48


class Tokens:
    """The words of one text: `terms` folded, `starts` and `ends` code point offsets into the original.

    `text[starts[i]:ends[i]]` folds to `terms[i]`. Offsets are worked out when first asked for: most articles match
    nothing.
    """

    __slots__ = ("_ends", "_starts", "_text_pieces", "language", "terms", "text")

    def __init__(self, text: str, language: str, pieces: list[str], terms: list[str]) -> None:
        self.text = text
        self.language = language
        self.terms = terms
        self._text_pieces = pieces
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None

    def __len__(self) -> int:
        return len(self.terms)

    @property
    def starts(self) -> list[int]:
        """Where each token begins in the original, in code points."""
        starts = self._starts
        return self._locate()[0] if starts is None else starts

    @property
    def ends(self) -> list[int]:
        """Where each token ends in the original, in code points: one past its last."""
        ends = self._ends
        return self._locate()[1] if ends is None else ends

    def _locate(self) -> tuple[list[int], list[int]]:
        starts: list[int] = []
        ends: list[int] = []
        add_start, add_end = starts.append, ends.append
        spans = map(_pieces(*_family(self.language)).spans.__getitem__, self._text_pieces)
        for at, found in zip(_positions(self.text, self._text_pieces), spans, strict=True):
            for start, end in found:
                add_start(at + start)
                add_end(at + end)
        self._starts, self._ends = starts, ends
        return starts, ends


def _positions(text: str, pieces: list[str]) -> list[int]:
    """Return where each of `pieces`, what `text.split()` gave, begins in `text`."""
    lengths = list(map(len, pieces))
    if pieces and sum(lengths) + len(pieces) - 1 == len(text):  # single spaces throughout
        return list(accumulate(map((1).__add__, lengths[:-1]), initial=0))
    positions = []
    find = text.find
    at = 0
    for piece, length in zip(pieces, lengths, strict=True):
        at = find(piece, at)
        positions.append(at)
        at += length
    return positions


def tokenize(text: str, language: str = "und") -> Tokens:
    """Return the tokens of `text`, folded, in order. Linear in the length of `text`; any string is accepted."""
    terms = _pieces(*_family(language)).__getitem__
    pieces = text.split()
    return Tokens(text, language, pieces, list(chain.from_iterable(map(terms, pieces))))


class _Pieces(dict[str, tuple[str, ...]]):
    """The terms of each piece of text between spaces; forgets everything when it is full."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self._words = folded_words(language)
        self.spans = _Spans(language, self._words)

    def __missing__(self, piece: str) -> tuple[str, ...]:
        found = map(self._words.__getitem__, word_pattern(piece, self._language).findall(piece))
        # A word of nothing but tatweel or marks folds to nothing. An unchanged word is kept once.
        terms = tuple(piece if term == piece else term for term in found if term)
        if len(piece) <= _CACHE_PIECE_LENGTH:
            if len(self) >= _CACHE_PIECES:
                self.clear()
            self[piece] = terms
        return terms


class _Spans(dict[str, tuple[tuple[int, int], ...]]):
    """Where in each piece its terms stand."""

    def __init__(self, language: str, words: FoldedWords) -> None:
        super().__init__()
        self._language = language
        self._words = words

    def __missing__(self, piece: str) -> tuple[tuple[int, int], ...]:
        matches = word_pattern(piece, self._language).finditer(piece)
        spans = tuple(match.span() for match in matches if self._words[match.group()])
        if len(piece) <= _CACHE_PIECE_LENGTH:
            if len(self) >= _CACHE_PIECES:
                self.clear()
            self[piece] = spans
        return spans


def _family(language: str) -> tuple[bool, bool]:
    return language == "ckb", has_one_yeh(language)


@cache
def _pieces(is_kurdish: bool, has_one_yeh: bool) -> _Pieces:
    return _Pieces("ckb" if is_kurdish else "fa" if has_one_yeh else "und")
