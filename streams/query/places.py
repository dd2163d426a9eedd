"""Where things stand in an article, as bits of whole numbers: Python joins, shifts and compares those at once.

A position is the number of a word; the title's come first, those of the text a gap further on, so that nothing is near
across the two.
"""

from __future__ import annotations

from collections.abc import Iterable

from streams.query.errors import MAX_DISTANCE
from streams.query.proximity import Interval, Place

GAP = MAX_DISTANCE + 28
"""Positions left free between title and text: more than any proximity may bridge."""
SMALL_BITS = 2_048
"""Up to this many positions a mask is made bit by bit."""
BITS = tuple([1 << at for at in range(SMALL_BITS)])
_FEW_POSITIONS = 16


class Places:
    """A set of intervals: for every length in words that occurs, the mask of where intervals of it begin."""

    __slots__ = ("_spreads", "by_length", "longest", "starts")

    def __init__(self, by_length: dict[int, int], longest: int = 0, starts: int = 0) -> None:
        """`longest` and `starts` may be given where there is one length."""
        if not starts:
            longest = max(by_length, default=0)
            for found in by_length.values():
                starts |= found
        self.by_length = by_length
        self.longest = longest
        self.starts = starts
        self._spreads: dict[int, int] | None = None

    @staticmethod
    def of_words(starts: int) -> Places:
        """Return the places of single words."""
        return Places({1: starts}, 1, starts) if starts else NOWHERE

    @staticmethod
    def of(intervals: Iterable[Interval]) -> Places:
        """Return the places of `intervals`."""
        by_length: dict[int, int] = {}
        for start, end in intervals:
            by_length[end - start] = by_length.get(end - start, 0) | 1 << start
        return Places(by_length) if by_length else NOWHERE

    def __len__(self) -> int:
        return sum(map(int.bit_count, self.by_length.values()))

    def __bool__(self) -> bool:
        return self.starts != 0

    def intervals(self, area: int = -1) -> list[Interval]:
        """Return the intervals, sorted; those that begin in `area` alone."""
        by_length = self.by_length
        if len(by_length) == 1:
            length = self.longest
            return [(at, at + length) for at in positions_of(self.starts & area)]
        found = [(at, at + length) for length, starts in by_length.items() for at in positions_of(starts & area)]
        found.sort()
        return found

    def inside(self, area: int) -> Places:
        """Return the places that begin in `area`."""
        starts = self.starts & area
        if not starts:
            return NOWHERE
        if starts == self.starts:
            return self
        if len(self.by_length) == 1:
            return Places({self.longest: starts}, self.longest, starts)
        return Places({length: found for length, starts in self.by_length.items() if (found := starts & area)})

    def outermost(self) -> Places:
        """Return the places that lie in no other: what is two alternatives is one mention."""
        if len(self.by_length) < 2:
            return self
        longest, *others = sorted(self.by_length, reverse=True)
        kept = {longest: self.by_length[longest]}
        for length in others:
            starts = self.by_length[length]
            for longer, covering in kept.items():
                starts &= ~spread(covering, longer - length + 1)
            if starts:
                kept[length] = starts
        return Places(kept)

    def before(self, width: int) -> int:
        """Return the positions that have a start among the `width` positions from there on."""
        known = self._spreads
        if known is None:
            known = self._spreads = {}
        mask = known.get(-width)
        if mask is None:
            mask = self.starts
            for step in _STEPS.get(width) or steps(width):
                mask |= mask >> step
            known[-width] = mask
        return mask

    def after(self, width: int) -> int:
        """Return the positions with the end of an interval directly or up to `width - 1` positions before them."""
        known = self._spreads
        if known is None:
            known = self._spreads = {}
        mask = known.get(width)
        if mask is None:
            mask = 0
            for length, starts in self.by_length.items():
                mask |= starts << length
            for step in _STEPS.get(width) or steps(width):
                mask |= mask << step
            known[width] = mask
        return mask

    def last_before(self, at: int, distance: int) -> Interval | None:
        """Return the interval that begins last of those that end at most `distance` positions before `at`."""
        best: Interval | None = None
        for length, starts in self.by_length.items():
            if at < length:
                continue
            start = (starts & ((1 << (at - length + 1)) - 1)).bit_length() - 1
            if start >= 0 and start + length + distance >= at and (best is None or (start, start + length) > best):
                best = (start, start + length)
        return best

    def shortest_at(self, at: int) -> int:
        """Return the end of the shortest interval that begins at `at`."""
        bit = 1 << at
        return at + min(length for length, starts in self.by_length.items() if starts & bit)


NOWHERE = Places({})


def near_two(parts: tuple[Places, Places], distance: int, *, is_ordered: bool, limit: int) -> list[Place]:
    """Return what `streams.query.proximity.find_near` returns for two parts."""
    first, second = parts
    ends = (0 if is_ordered else first.starts & second.after(distance + 1), second.starts & first.after(distance + 1))
    waiting = ends[0] | ends[1]
    if not waiting:
        return []
    if first.longest == second.longest == 1:
        return _near_words(ends, (first.starts, second.starts), limit)
    found: list[Place] = []
    barrier = 0
    while waiting and len(found) < limit:
        bit = waiting & -waiting
        waiting ^= bit
        at = bit.bit_length() - 1
        best_end = -1
        for part in (0, 1):
            if ends[part] & bit:
                other = parts[1 - part].last_before(at, distance)
                if other is not None and other[0] >= barrier:
                    end = parts[part].shortest_at(at)
                    if best_end < 0 or end < best_end:
                        best, best_end = other, end
        if best_end >= 0:
            found.append((best, (at, best_end)))
            barrier = best_end
            waiting &= -1 << barrier
    return found


def _near_words(ends: tuple[int, int], parts: tuple[int, int], limit: int) -> list[Place]:
    """Do what `near_two` does for single words, of which `ends` have one of the other part near before them."""
    first, second = parts
    of_first = ends[0]
    waiting = of_first | ends[1]
    found: list[Place] = []
    barrier = 0
    while waiting and len(found) < limit:
        bit = waiting & -waiting
        waiting ^= bit
        start = -1
        if of_first & bit:
            start = (second & (bit - 1)).bit_length() - 1
        if start < barrier and ends[1] & bit:
            start = (first & (bit - 1)).bit_length() - 1
        if start >= barrier:
            barrier = bit.bit_length()
            found.append(((start, start + 1), (barrier - 1, barrier)))
    return found


def mask_of(positions: list[int]) -> int:
    """Return the mask with these bits; they are sorted."""
    if len(positions) <= _FEW_POSITIONS or positions[-1] < SMALL_BITS:
        mask = 0
        for at in positions:
            mask |= 1 << at
        return mask
    # Of a long text, a number as long as the text for every word would be felt.
    table = bytearray(positions[-1] // 8 + 1)
    for at in positions:
        table[at >> 3] |= 1 << (at & 7)
    return int.from_bytes(table, "little")


def positions_of(mask: int) -> list[int]:
    """Return the bits of `mask`, the lowest first."""
    found = []
    if mask.bit_length() <= SMALL_BITS:
        while mask:
            low = mask & -mask
            found.append(low.bit_length() - 1)
            mask ^= low
        return found
    digits = f"{mask:b}"[::-1]
    at = digits.find("1")
    while at >= 0:
        found.append(at)
        at = digits.find("1", at + 1)
    return found


def spread(mask: int, width: int) -> int:
    """Return `mask` with every bit stretched over `width` positions onwards."""
    for step in _STEPS.get(width) or steps(width):
        mask |= mask << step
    return mask


_MOST_STEPS = 1_000
_STEPS: dict[int, tuple[int, ...]] = {}


def steps(width: int) -> tuple[int, ...]:
    """Return by how much a mask is to be shifted and joined, step by step, so that a bit covers `width` positions."""
    done = 1
    found = []
    while done < width:
        found.append(min(done, width - done))
        done += found[-1]
    if len(_STEPS) < _MOST_STEPS:
        _STEPS[width] = tuple(found)
    return tuple(found)
