"""Rarities and directions: what is worked out at once, or later, is what was worked out one by one."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from streams.stories.profile import Direction, Frequencies, Rarity, dot
from streams.stories.signals import Signals

WEIGHTS = st.dictionaries(st.integers(0, 30), st.floats(0.02, 4.0), max_size=12)


def signals(weights: dict[int, float]) -> Signals:
    now = datetime(2023, 4, 25, tzinfo=UTC)
    return Signals("0" * 32, 1, "ar", now, weights, weights, frozenset(), frozenset(), (), True)


@given(seen=st.lists(st.lists(st.integers(0, 30), max_size=10), max_size=20), weights=WEIGHTS)
def test_rarities_at_once_are_those_one_by_one(seen: list[list[int]], weights: dict[int, float]) -> None:
    rarity = Frequencies(25, 5.0, 1.0)  # few, so that they are halved
    for keys in seen:
        rarity.add(keys)
    assert rarity.times(weights) == {key: weight * rarity(key) for key, weight in weights.items()}


@given(weights=WEIGHTS, later=WEIGHTS)
def test_bearings_are_of_the_rarities_there_were(weights: dict[int, float], later: dict[int, float]) -> None:
    rarity = Rarity()
    article = signals(weights)
    first = rarity.bearings(article)
    assert rarity.bearings(article) is first
    rarity.add(signals(later))
    rarity.add(article)
    fresh = rarity.bearings(signals(weights))
    again = rarity.bearings(article)
    assert (again.entities, again.terms) == (fresh.entities, fresh.terms)


@given(parts=st.lists(WEIGHTS, min_size=1, max_size=8), asked=WEIGHTS)
def test_a_sum_has_the_length_of_what_is_in_it(parts: list[dict[int, float]], asked: dict[int, float]) -> None:
    direction = Direction(10)
    for part in parts:
        direction.add(part)
        assert direction.length == math.sqrt(sum(weight * weight for weight in direction.sums.values()))
    expected = dot(asked, direction.sums) / direction.length if direction.length else 0.0
    assert direction.cosine(asked) == expected
