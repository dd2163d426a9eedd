"""Places as bits against the same said with lists."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model import EnrichedArticle
from streams.query import compile_queries, parse
from streams.query.places import GAP, NOWHERE, Places, mask_of, near_two, positions_of
from streams.query.proximity import Interval, _find_many
from streams.text.document import Document

intervals = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 4)).map(lambda pair: (pair[0], sum(pair))), unique=True, max_size=14
).map(sorted)
NOW = datetime(2023, 5, 1, tzinfo=UTC)


@given(st.lists(st.integers(0, 20_000), unique=True, max_size=60).map(sorted))
def test_a_mask_keeps_its_positions(positions: list[int]) -> None:
    assert mask_of(positions) == sum(1 << at for at in positions)
    assert positions_of(mask_of(positions)) == positions


@given(intervals)
def test_intervals_come_back_sorted(found: list[Interval]) -> None:
    places = Places.of(found)
    assert places.intervals() == found
    assert len(places) == len(found)
    assert bool(places) is bool(found)
    assert places is not NOWHERE or not found


@given(intervals)
def test_outermost_are_those_in_no_other(found: list[Interval]) -> None:
    expected = [
        one for one in found if not any(other != one and other[0] <= one[0] and one[1] <= other[1] for other in found)
    ]
    assert Places.of(found).outermost().intervals() == expected


@given(intervals, st.integers(1, 40))
def test_what_lies_before_and_after(found: list[Interval], width: int) -> None:
    before = {at for start, _ in found for at in range(max(0, start - width + 1), start + 1)}
    after = {at for _, end in found for at in range(end, end + width)}
    assert positions_of(Places.of(found).before(width)) == sorted(before)
    assert positions_of(Places.of(found).after(width)) == sorted(after)


@pytest.mark.parametrize("is_ordered", [False, True])
def test_two_parts_are_found_as_by_the_general_search(is_ordered: bool) -> None:
    pick = random.Random(4)
    hits = 0
    for _ in range(3_000):
        parts = [
            sorted(
                {(start, start + pick.choice((1, 1, 1, 2, 3))) for start in pick.sample(range(50), pick.randint(1, 7))}
            )
            for _ in range(2)
        ]
        distance, limit = pick.choice((0, 1, 3, 8)), pick.choice((1, 4, 10))
        events = sorted((start, end, part) for part, found in enumerate(parts) for start, end in found)
        expected = _find_many(events, 2, distance, is_ordered, limit)
        found = near_two((Places.of(parts[0]), Places.of(parts[1])), distance, is_ordered=is_ordered, limit=limit)
        spans = [[(place[0][0], max(end for _, end in place)) for place in places] for places in (found, expected)]
        assert spans[0] == spans[1], (parts, distance, limit)
        hits += bool(found)
    assert hits > 1_000


def test_a_long_article_is_read_like_a_short_one() -> None:
    filler = "word " * 5_000
    text = f"{filler}Damascus opens talks with Ankara {filler}Damascus {filler}talks"
    matcher = compile_queries(
        {
            "near": parse("near/5:(Damascus talks Ankara)"),
            "two": parse('"Damascus talks"~1'),
            "far": parse('"Ankara Damascus"~>100'),
            "often": parse("min_mentions/5000:word"),
            "never": parse("min_mentions/16000:word"),
        }
    )
    article = EnrichedArticle(
        article_id="0" * 32, title="", text=text, language="en", enriched_at=NOW, collected_at=NOW
    )
    found = {match.query_id: match for match in matcher.match(Document.of("", text, "en"), article)}
    assert sorted(found) == ["near", "often", "two"]
    assert [text[span.start : span.end] for span in found["near"].spans] == ["Damascus", "talks", "Ankara"]


def test_nothing_is_near_across_title_and_text() -> None:
    assert GAP > 100
    matcher = compile_queries({"q": parse("near/100:(Damascus Ankara)")})
    article = EnrichedArticle(
        article_id="0" * 32, title="Damascus", text="Ankara", language="en", enriched_at=NOW, collected_at=NOW
    )
    assert matcher.match(Document.of("Damascus", "Ankara", "en"), article) == []
