"""Finds places where several things stand close together."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

Interval = tuple[int, int]
"""A half-open range of token positions."""
Place = tuple[Interval, ...]
_Event = tuple[int, int, int]
_FEW_EVENTS = 400
"""Up to here looking back is fastest; beyond it, its square could be felt and the states of `_find_many` are safe."""


def find_near(parts: Sequence[Sequence[Interval]], distance: int, *, is_ordered: bool, limit: int) -> list[Place]:
    """Return up to `limit` places with one interval of every part and at most `distance` other positions between.

    Leftmost first.
    The intervals of one place do not overlap one another, nor those of the next place. With `is_ordered` they stand in
    the order of `parts`. Each part is sorted. The work is O(n log n + n 2^parts) for n intervals, however they lie.
    """
    if not all(parts):
        return []
    events = [(start, end, part) for part, intervals in enumerate(parts) for start, end in intervals]
    events.sort()
    if len(parts) == 2:
        return _find_two(events, distance, is_ordered, limit)
    if len(parts) == 3 and len(events) <= _FEW_EVENTS:
        return _find_three(events, distance, is_ordered, limit)
    return _find_many(events, len(parts), distance, is_ordered, limit)


def _find_many(events: list[_Event], count: int, distance: int, is_ordered: bool, limit: int) -> list[Place]:
    """Any number of parts, in one pass.

    A state is a set of parts already placed, with how many positions they cover: of the ways to reach it, only the one
    that began last can lead to the tightest place, so one is kept.
    """
    full = (1 << count) - 1
    found: list[Place] = []
    reached: dict[tuple[int, int], tuple[int, Place]] = {}
    waiting: list[tuple[int, int, int, int, Place]] = []
    barrier = -1
    for start, end, part in events:
        if start < barrier:
            continue
        while waiting and waiting[0][0] <= start:
            _, mask, covered, first, chain = heappop(waiting)
            known = reached.get((mask, covered))
            if known is None or known[0] < first:
                reached[mask, covered] = (first, chain)
        bit = 1 << part
        length = end - start
        best: tuple[int, Place] | None = (start, ((start, end),)) if full == bit else None
        stale = []
        for state, (first, chain) in reached.items():
            mask, covered = state
            if start - first - covered > distance:
                stale.append(state)
                continue
            if mask & bit or (is_ordered and mask != bit - 1):
                continue
            longer = (*chain, (start, end))
            if mask | bit == full:
                if best is None or first > best[0]:
                    best = (first, longer)
            else:
                heappush(waiting, (end, mask | bit, covered + length, first, longer))
        for state in stale:
            del reached[state]
        if best is not None:
            found.append(best[1])
            if len(found) >= limit:
                return found
            reached.clear()
            waiting.clear()
            barrier = end
        elif not is_ordered or part == 0:
            heappush(waiting, (end, bit, length, start, ((start, end),)))
    return found


def _find_two(events: list[_Event], distance: int, is_ordered: bool, limit: int) -> list[Place]:
    """Two parts: from every interval back to the last of the other part before it."""
    found: list[Place] = []
    reach = distance + max([end - start for start, end, _ in events])
    before: tuple[list[Interval], list[Interval]] = ([], [])
    barrier = -1
    for start, end, part in events:
        if start < barrier:
            continue
        best: Interval | None = None
        if not is_ordered or part == 1:
            for other in reversed(before[1 - part]):
                if other[1] <= start and start - other[1] <= distance:
                    best = other
                    break
                if start - other[0] > reach:
                    break
        if best is None:
            before[part].append((start, end))
            continue
        found.append((best, (start, end)))
        if len(found) >= limit:
            break
        before = ([], [])
        barrier = end
    return found


def _find_three(events: list[_Event], distance: int, is_ordered: bool, limit: int) -> list[Place]:
    """Three parts, as most proximities have: from every interval back over the few of the two others in reach."""
    found: list[Place] = []
    reach = distance + 2 * max([end - start for start, end, _ in events])
    before: tuple[list[Interval], list[Interval], list[Interval]] = ([], [], [])
    barrier = -1
    for start, end, part in events:
        if start < barrier:
            continue
        place: Place | None = None
        if not is_ordered or part == 2:
            one, two = (
                (before[0], before[1]) if part == 2 else (before[0], before[2]) if part == 1 else (before[1], before[2])
            )
            if one and two:
                place = _last_pair(one, two, start, distance, reach, is_ordered)
        if place is None:
            before[part].append((start, end))
            continue
        found.append((*place, (start, end)))
        if len(found) >= limit:
            break
        before = ([], [], [])
        barrier = end
    return found


def _last_pair(
    one: list[Interval], two: list[Interval], start: int, distance: int, reach: int, is_ordered: bool
) -> Place | None:
    """Return the pair before `start`, one of each, that begins last and leaves at most `distance` positions free."""
    best: Place | None = None
    best_first = start - reach - 1
    for left in reversed(one):
        left_start, left_end = left
        if left_start <= best_first:
            break  # no pair with it, or with one before it, can begin later
        if left_end > start:
            continue
        free = start - left_end + left_start
        for right in reversed(two):
            right_start, right_end = right
            if right_start <= best_first:
                break
            if right_end > start or (right_start < left_end and (is_ordered or left_start < right_end)):
                continue
            first = left_start if left_start < right_start else right_start
            if free - first - right_end + right_start <= distance:
                best, best_first = ((left, right) if left_start < right_start else (right, left)), first
                break
    return best
