from __future__ import annotations

import time
from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from streams.query.proximity import Interval, find_near

intervals = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 3)).map(lambda pair: (pair[0], sum(pair))), max_size=6
)


def _fits(choice: tuple[Interval, ...], distance: int, is_ordered: bool) -> bool:
    ordered = sorted(choice)
    apart = all(left[1] <= right[0] for left, right in pairwise(ordered))
    gap = ordered[-1][1] - ordered[0][0] - sum(end - start for start, end in choice)
    return apart and gap <= distance and (not is_ordered or list(choice) == ordered)


@given(st.lists(intervals, min_size=1, max_size=4), st.integers(0, 8), st.booleans())
def test_finds_a_place_exactly_where_there_is_one(parts: list[list[Interval]], distance: int, is_ordered: bool) -> None:
    sorted_parts = [sorted(set(part)) for part in parts]
    found = find_near(sorted_parts, distance, is_ordered=is_ordered, limit=1000)
    expected = any(_fits(choice, distance, is_ordered) for choice in product(*sorted_parts))
    assert bool(found) == expected
    reach = -1
    for place in found:
        assert len(place) == len(parts)
        assert any(
            _fits(choice, distance, is_ordered)
            for choice in product(*[[one for one in place if one in part] for part in sorted_parts])
        )
        assert place[0][0] >= reach  # places do not overlap
        reach = max(end for _, end in place)


def test_dense_and_hopeless_positions_are_handled_fast() -> None:
    # Two parts that share their only words, four that stand everywhere: no place, and every window looks promising.
    rare = [(at, at + 1) for at in range(0, 60_000, 100)]
    everywhere = [(at, at + 1) for at in range(60_000)]
    started = time.process_time()
    assert find_near([rare, rare, rare, everywhere, everywhere, everywhere], 90, is_ordered=False, limit=4) == []
    assert time.process_time() - started < 30


def test_the_number_of_places_is_bounded() -> None:
    everywhere = [(at, at + 1) for at in range(10_000)]
    assert len(find_near([everywhere, everywhere], 5, is_ordered=False, limit=7)) == 7
    assert len(find_near([everywhere, everywhere, everywhere], 5, is_ordered=False, limit=7)) == 7
