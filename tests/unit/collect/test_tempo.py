"""How a feed's tempo is learned, and that polling by it pays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.collect.tempo import PRIOR_RATE, Tempo, begin, expected_entries, integral, observe, wait_seconds
from bench.publication import compare
from bench.schedule import windows
from streams import codec

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = 86_400.0


def wait(tempo: Tempo, now: datetime = NOW) -> float:
    return wait_seconds(tempo, now, 600, 300, DAY)


def every(gap: timedelta, count: int, until: datetime = NOW) -> list[datetime]:
    return [until - gap * number for number in range(count)]


def test_a_feed_of_which_nothing_is_known_is_polled_at_the_base_interval() -> None:
    assert begin([], NOW).rate_per_hour == PRIOR_RATE
    assert wait(begin([], NOW)) == pytest.approx(600)


def test_the_first_document_tells_how_often_a_feed_publishes() -> None:
    assert begin(every(timedelta(hours=6), 30), NOW).rate_per_hour == pytest.approx(1 / 6, rel=0.2)
    assert begin(every(timedelta(minutes=5), 30), NOW).rate_per_hour == pytest.approx(12, rel=0.3)
    years = begin(every(timedelta(days=90), 30), NOW)
    assert wait(years) > 3 * 3600


def test_a_busy_feed_is_polled_oftener_by_the_root_of_its_rate() -> None:
    slow, quick = begin(every(timedelta(hours=17), 60), NOW), begin(every(timedelta(hours=1), 60), NOW)
    assert wait(slow) / wait(quick) == pytest.approx(17**0.5, rel=0.25)
    assert wait(begin(every(timedelta(seconds=30), 60), NOW)) == 300


def test_a_feed_that_falls_silent_is_polled_more_rarely_and_comes_back_at_once() -> None:
    tempo, now = begin(every(timedelta(hours=1), 30), NOW), NOW
    busy = wait(tempo)
    for _ in range(60):
        now += timedelta(days=1)
        tempo = observe(tempo, [], now)
    silent = wait(tempo, now)
    assert silent > 4 * busy
    assert wait(observe(tempo, [now] * 10, now + timedelta(hours=1)), now) < silent / 2


def test_a_quiet_night_is_no_sign_of_a_feed_that_slows_down_and_the_morning_is_not_missed() -> None:
    days = [
        datetime(2026, 2, 1, hour, 30, tzinfo=UTC) + timedelta(days=day) for day in range(28) for hour in range(8, 18)
    ]
    tempo = begin(days, days[-1])
    for moment in days[-100:]:
        tempo = observe(tempo, [moment], max(moment, tempo.as_of))
    evening = days[-1] + timedelta(hours=2)
    noon = days[-1] - timedelta(hours=5)
    assert wait(tempo, evening) > 1.5 * wait(tempo, noon)
    morning = observe(tempo, [], days[-1] + timedelta(hours=14))
    assert morning.rate_per_hour == pytest.approx(tempo.rate_per_hour, rel=0.35)


def test_the_usual_gap_and_the_longest_are_kept_while_a_feed_is_silent() -> None:
    tempo = begin(every(timedelta(hours=2), 20), NOW)
    later = observe(tempo, [], NOW + timedelta(days=10))
    assert (later.gap_seconds, later.longest_gap_seconds) == (pytest.approx(7200, rel=0.01), 7200)
    assert observe(later, [NOW + timedelta(days=10)], NOW + timedelta(days=10)).longest_gap_seconds == 10 * DAY


@given(
    st.lists(st.lists(st.datetimes(timezones=st.just(UTC)), max_size=5), max_size=10),
    st.lists(st.floats(-3600, 1e7), min_size=10, max_size=10),
)
def test_whatever_dates_a_feed_gives_the_wait_is_within_bounds(
    documents: list[list[datetime]], steps: list[float]
) -> None:
    tempo, now = begin(documents[0] if documents else [], NOW), NOW
    for times, step in zip(documents, steps, strict=False):
        now += timedelta(seconds=step)  # clocks are set back, too
        tempo = observe(tempo, times, now)
        assert 300 <= wait(tempo, now) <= DAY
        assert tempo.rate_per_hour > 0
        assert expected_entries(tempo, now, now + timedelta(days=400)) >= 0
        assert codec.decode(codec.encode(tempo), Tempo) == tempo


def test_hours_are_weighted_by_the_profile() -> None:
    shape = [0.0] * 12 + [2.0] * 12
    day = datetime(2026, 1, 1, tzinfo=UTC)
    assert integral(shape, day, day + timedelta(days=3, hours=13, minutes=30)) == pytest.approx(3 * 24 + 3)


def test_polling_by_tempo_makes_entries_wait_a_fifth_less_than_fixed_intervals_do() -> None:
    for kind in ("recorded", "modelled"):
        feeds = windows(kind)
        found = compare(feeds if kind == "recorded" else feeds[::3])
        assert found["entries"] > 200
        assert found["saved"] >= 0.2, (kind, found)
        # Even where each feed has the fixed interval that suits it, the hour of the day is worth something.
        assert found["saved_against_fixed_by_feed"] > 0, (kind, found)
