"""Times as a person types them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.moments import parse_moment

NOW = datetime(2023, 4, 25, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90m", NOW - timedelta(minutes=90)),
        ("90 min", NOW - timedelta(minutes=90)),
        ("3d", NOW - timedelta(days=3)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2023-04-05", datetime(2023, 4, 5, tzinfo=UTC)),
        ("2023-4-5", datetime(2023, 4, 5, tzinfo=UTC)),
        ("2023-04-25T18:30", datetime(2023, 4, 25, 18, 30, tzinfo=UTC)),
        ("2023-04-25T18:30+03:00", datetime(2023, 4, 25, 15, 30, tzinfo=UTC)),
        ("2023-04-25T18:30Z", datetime(2023, 4, 25, 18, 30, tzinfo=UTC)),
        ("today", datetime(2023, 4, 25, tzinfo=UTC)),
        ("yesterday", datetime(2023, 4, 24, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert parse_moment(text, NOW) == expected


def test_a_day_as_an_end_is_the_whole_day() -> None:
    assert parse_moment("2023-04-25", NOW, is_end=True) == datetime(2023, 4, 26, tzinfo=UTC)
    assert parse_moment("2023-04-25T18:30", NOW, is_end=True) == datetime(2023, 4, 25, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "5x", "2023-02-30", "999999w", "2023-13", "9999-12-31T25:00", "-3d"])
def test_what_is_no_moment_is_refused_with_advice(text: str) -> None:
    with pytest.raises(ValueError, match="write 2h"):
        parse_moment(text, NOW)
