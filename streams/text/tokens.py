"""Tokens with offsets into the original text.

The cost is in reading the text once: it is split at white space in C, and each piece between spaces is looked up in a
table of the pieces seen before, which knows its terms and where in it they stand. No word crosses white space.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cache
from itertools import accumulate, chain
from operator import add, itemgetter

from streams.text.fold import FoldedWords, folded_words, has_one_yeh
from streams.text.variants import variants
from streams.text.words import word_pattern

__all__ = ["Tokens", "terms_of", "tokenize", "variants"]

_CACHE_PIECES = 25_000
_CACHE_PIECE_LENGTH = 48


_Cut = tuple[tuple[str, ...], tuple[tuple[int, int], ...]]
"""The tokens of one piece of text between spaces: as they are written, and where in it they stand."""


class Tokens:
    """The words of one text: `terms` folded, `starts` and `ends` code point offsets into the original.

    `text[starts[i]:ends[i]]` folds to `terms[i]`. Offsets are worked out when first asked for: most articles match
    nothing.
    """

    __slots__ = (
        "_begins", "_counted", "_cuts", "_ended", "_ends", "_positions", "_starts", "_text_pieces", "language", "terms",
        "text",
    )  # fmt: skip

    def __init__(self, text: str, language: str, pieces: list[str], terms: list[str]) -> None:
        self.text = text
        self.language = language
        self.terms = terms
        self._text_pieces = pieces
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._cuts: list[_Cut] = []
        self._counted: list[int] = []
        self._positions: list[int] = []
        self._begins: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        """Tokens by where they begin, and one past them by where they end: those that `span` was asked for."""

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

    @property
    def words(self) -> list[str]:
        """The tokens as they are written, in a new list."""
        return list(chain.from_iterable([written for written, _ in self._cuts or self._cut()]))

    def span(self, index: int) -> tuple[int, int]:
        """Return where one token begins and ends: what `starts` and `ends` say, cheaper where few are asked for."""
        counted = self._counted or self._count()
        piece = bisect_right(counted, index)
        start, end = self._cuts[piece][1][index - counted[piece]]  # from the end of the piece: below 0
        at = self._positions[piece]
        start, end = at + start, at + end
        self._begins[start] = index
        self._ended[end] = index + 1
        return start, end

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Return the first token of which something stands in a stretch of the original, and one past the last."""
        known, after = self._begins.get(start), self._ended.get(end)
        if known is not None and after is not None:
            return known, after
        counted = self._counted or self._count()
        cuts, positions = self._cuts, self._positions
        begun = bisect_right(positions, start)
        first = 0
        if begun:
            first, at = counted[begun - 1], start - positions[begun - 1]
            for _, token_end in reversed(cuts[begun - 1][1]):
                if token_end <= at:
                    break
                first -= 1
        begun = bisect_left(positions, end, begun - 1 if begun and start <= end else 0)
        if not begun:
            return first, 0
        after, at = counted[begun - 1], end - positions[begun - 1]
        for token_start, _ in reversed(cuts[begun - 1][1]):
            if token_start < at:
                break
            after -= 1
        return first, after

    def gap(self, index: int) -> str:
        """Return what stands between a token, which is not the first, and the one before it."""
        counted = self._counted or self._count()
        cuts, positions = self._cuts, self._positions
        piece = bisect_right(counted, index - 1)
        end = positions[piece] + cuts[piece][1][index - 1 - counted[piece]][1]
        if counted[piece] > index:
            return self.text[end : positions[piece] + cuts[piece][1][index - counted[piece]][0]]
        piece += 1
        while not cuts[piece][1]:
            piece += 1
        return self.text[end : positions[piece] + cuts[piece][1][0][0]]

    def behind(self, mark: str) -> list[int]:
        """Return the tokens that nothing but `mark`, which is no white space, stands before in their piece of text."""
        found = []
        counted = self._counted or self._count()
        pieces, cuts = self._text_pieces, self._cuts
        for number in [number for number, piece in enumerate(pieces) if mark in piece]:
            piece, spans = pieces[number], cuts[number][1]
            first = counted[number] - len(spans)
            found += [first + at for at in range(1, len(spans)) if piece[spans[at - 1][1] : spans[at][0]] == mark]
        return found

    def _cut(self) -> list[_Cut]:
        cuts = _pieces(*_family(self.language)).cuts
        self._cuts = found = list(map(cuts.__getitem__, self._text_pieces))
        return found

    def _count(self) -> list[int]:
        """Note how many tokens there are up to the end of each piece, and where it begins."""
        cuts = self._cuts or self._cut()
        self._positions = _positions(self.text, self._text_pieces)
        self._counted = counted = list(accumulate(map(len, map(_WRITTEN, cuts))))
        return counted

    def _locate(self) -> tuple[list[int], list[int]]:
        starts: list[int] = []
        ends: list[int] = []
        add_start, add_end = starts.append, ends.append
        cuts = self._cuts or self._cut()
        for at, (_, spans) in zip(_positions(self.text, self._text_pieces), cuts, strict=True):
            for start, end in spans:
                add_start(at + start)
                add_end(at + end)
        self._starts, self._ends = starts, ends
        return starts, ends


def _positions(text: str, pieces: list[str]) -> list[int]:
    """Return where each of `pieces`, what `text.split()` gave, begins in `text`."""
    ends = list(accumulate(map(len, pieces), initial=0))
    extra = len(text) - ends[-1] - len(pieces) + 1
    if pieces and extra <= _MANY_PARAGRAPHS:
        # With a single space before each piece they would begin here; each empty line moves all behind it by one more.
        single = list(map(add, ends, range(len(pieces))))
        if not extra:
            return single
        breaks = []
        at = text.find("\n\n")
        while at >= 0:
            breaks.append(at)
            at = text.find("\n\n", at + 2)
        if len(breaks) == extra:  # and so there are no spaces but these
            found: list[int] = []
            for moved, at in enumerate(breaks):
                found += map(moved.__add__, single[len(found) : bisect_left(single, at + 1 - moved)])
            found += map(extra.__add__, single[len(found) :])
            return found
    positions = []
    find = text.find
    at = 0
    for piece in pieces:
        at = find(piece, at)
        positions.append(at)
        at += len(piece)
    return positions


_MANY_PARAGRAPHS = 200
_WRITTEN = itemgetter(0)


def tokenize(text: str, language: str = "und") -> Tokens:
    """Return the tokens of `text`, folded, in order. Linear in the length of `text`; any string is accepted."""
    terms = _pieces(*_family(language)).__getitem__
    pieces = text.split()
    return Tokens(text, language, pieces, list(chain.from_iterable(map(terms, pieces))))


def terms_of(text: str, language: str = "und") -> tuple[str, ...]:
    """Return the terms of `text` alone, for queries: what `tokenize(text, language).terms` has."""
    table = _pieces(*_family(language))
    pieces = text.split()
    if len(pieces) == 1:
        return table[pieces[0]]
    return tuple(chain.from_iterable(map(table.__getitem__, pieces)))


class _Pieces(dict[str, tuple[str, ...]]):
    """The terms of each piece of text between spaces; forgets everything when it is full."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self._words = folded_words(language)
        self.cuts = _Cuts(language, self._words)

    def __missing__(self, piece: str) -> tuple[str, ...]:
        found = map(self._words.__getitem__, word_pattern(piece, self._language).findall(piece))
        # A word of nothing but tatweel or marks folds to nothing. An unchanged word is kept once.
        terms = tuple(piece if term == piece else term for term in found if term)
        if len(piece) <= _CACHE_PIECE_LENGTH:
            if len(self) >= _CACHE_PIECES:
                self.clear()
            self[piece] = terms
        return terms


class _Cuts(dict[str, _Cut]):
    """The tokens of each piece as they are written, and where in it they stand."""

    def __init__(self, language: str, words: FoldedWords) -> None:
        super().__init__()
        self._language = language
        self._words = words

    def __missing__(self, piece: str) -> _Cut:
        matches = word_pattern(piece, self._language).finditer(piece)
        spans = tuple(match.span() for match in matches if self._words[match.group()])
        cut = tuple(piece[start:end] for start, end in spans), spans
        if len(piece) <= _CACHE_PIECE_LENGTH:
            if len(self) >= _CACHE_PIECES:
                self.clear()
            self[piece] = cut
        return cut


def _family(language: str) -> tuple[bool, bool]:
    return language == "ckb", has_one_yeh(language)


@cache
def _pieces(is_kurdish: bool, has_one_yeh: bool) -> _Pieces:
    return _Pieces("ckb" if is_kurdish else "fa" if has_one_yeh else "und")
