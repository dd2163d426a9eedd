"""The three calendars against known days and their own laws."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.event_dates.calendars import is_leap_jalali, is_year, to_date, year_of
from streams.event_dates.names import Calendar


@pytest.mark.parametrize(
    ("calendar", "day", "gregorian"),
    [
        ("jalali", (1402, 2, 5), date(2023, 4, 25)),
        ("jalali", (1401, 10, 7), date(2022, 12, 28)),
        ("jalali", (1399, 12, 30), date(2021, 3, 20)),
        ("jalali", (1403, 12, 30), date(2025, 3, 20)),
        ("jalali", (1357, 11, 22), date(1979, 2, 11)),
        ("hijri", (1444, 9, 1), date(2023, 3, 23)),
        ("hijri", (1444, 8, 18), date(2023, 3, 10)),
        ("gregorian", (2024, 2, 29), date(2024, 2, 29)),
    ],
)
def test_known_days(calendar: Calendar, day: tuple[int, int, int], gregorian: date) -> None:
    assert to_date(calendar, *day) == gregorian
    assert year_of(calendar, gregorian) == day[0]


@pytest.mark.parametrize(
    ("calendar", "day"),
    [("jalali", (1402, 12, 30)), ("jalali", (1402, 7, 31)), ("jalali", (9999, 1, 1)), ("hijri", (1444, 1, 31)),
     ("hijri", (1200, 1, 1)), ("gregorian", (2023, 2, 29)), ("gregorian", (2023, 13, 1)), ("jalali", (1402, 0, 1))],
)  # fmt: skip
def test_days_that_there_are_not(calendar: Calendar, day: tuple[int, int, int]) -> None:
    assert to_date(calendar, *day) is None


@given(st.integers(1343, 1470))
def test_a_jalali_year_follows_the_one_before(year: int) -> None:
    first, following = to_date("jalali", year, 1, 1), to_date("jalali", year + 1, 1, 1)
    if is_year("jalali", year) and is_year("jalali", year + 1):
        assert first is not None and following is not None
        assert (following - first).days == 365 + is_leap_jalali(year)
        assert (first.month, first.day) in ((3, 20), (3, 21), (3, 22))
