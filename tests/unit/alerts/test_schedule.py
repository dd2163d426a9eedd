"""When alerts go out: digests, quiet hours and time zones, also on the days when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.deliveries import batch_key, plan
from streams.alerts.schedule import due
from streams.definitions import Schedule
from tests.unit.alerts.kit import NOON, article, rule, run, stage


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "expected"),
    [
        (Schedule(), "2026-03-01T12:34", "2026-03-01T12:34"),
        (Schedule(every="hour", at="00:15"), "2026-03-01T12:14", "2026-03-01T12:15"),
        (Schedule(every="hour", at="00:15"), "2026-03-01T12:15", "2026-03-01T13:15"),
        (Schedule(every="day", at="07:30", time_zone="Asia/Damascus"), "2026-03-01T12:00", "2026-03-02T04:30"),
        (Schedule(every="day", at="07:30", time_zone="Asia/Kolkata"), "2026-03-01T01:59", "2026-03-01T02:00"),
        (Schedule(every="week", at="07:00", weekday="monday"), "2026-03-01T12:00", "2026-03-02T07:00"),
        (Schedule(every="week", at="07:00", weekday="monday"), "2026-03-02T07:00", "2026-03-09T07:00"),
        (Schedule(every="week", at="09:00", weekday="sunday", time_zone="Europe/Istanbul"), "2026-03-01T05:00", "2026-03-01T06:00"),
        # Berlin loses 02:00–03:00 on 29 March 2026 and has it twice on 25 October.
        (Schedule(every="day", at="07:00", time_zone="Europe/Berlin"), "2026-03-28T12:00", "2026-03-29T05:00"),
        (Schedule(every="day", at="07:00", time_zone="Europe/Berlin"), "2026-10-24T12:00", "2026-10-25T06:00"),
        (Schedule(quiet_from="22:00", quiet_to="07:00", time_zone="Europe/Berlin"), "2026-03-28T22:30", "2026-03-29T05:00"),
        (Schedule(quiet_from="22:00", quiet_to="07:00"), "2026-03-01T21:59", "2026-03-01T21:59"),
        (Schedule(quiet_from="22:00", quiet_to="07:00"), "2026-03-01T22:00", "2026-03-02T07:00"),
        (Schedule(quiet_from="22:00", quiet_to="07:00"), "2026-03-01T06:59", "2026-03-01T07:00"),
        (Schedule(quiet_from="22:00", quiet_to="07:00"), "2026-03-01T07:00", "2026-03-01T07:00"),
        (Schedule(quiet_from="13:00", quiet_to="14:00"), "2026-03-01T13:30", "2026-03-01T14:00"),
        (Schedule(every="hour", at="00:00", quiet_from="13:00", quiet_to="15:00"), "2026-03-01T12:30", "2026-03-01T15:00"),
    ],
)  # fmt: skip
def test_when(schedule: Schedule, now: str, expected: str) -> None:
    found = due(schedule, at(now))
    assert found.at == at(expected)
    assert (found.batch is None) == (expected == now)


_TIMES = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))


@given(
    st.builds(
        Schedule,
        every=st.sampled_from(["event", "hour", "day", "week"]),
        at=_TIMES,
        weekday=st.sampled_from(["monday", "friday", "sunday"]),
        quiet_from=st.just("22:10"),
        quiet_to=st.just("06:40"),
        time_zone=st.sampled_from(
            ["UTC", "Asia/Damascus", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia", "Asia/Tehran"]
        ),
    ),
    st.integers(1_672_531_200, 1_798_761_600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_never_in_the_past_never_too_late_and_never_in_quiet_hours(schedule: Schedule, now: datetime) -> None:
    from zoneinfo import ZoneInfo

    found = due(schedule, now)
    assert now <= found.at <= now + timedelta(days=9)
    local = found.at.astimezone(ZoneInfo(schedule.time_zone)).time().isoformat()[:5]
    assert not (local >= "22:10" or local < "06:40")
    if found.batch is not None:
        assert due(schedule, now) == found


def test_a_plan_is_always_the_same_and_ending_destinations_wait_for_no_digest() -> None:
    [alert] = run(
        stage(rule(channels=("desk", "am", "desk"), schedule=Schedule(every="day")), keeps_up=["am"]), article("a")
    )
    planned = list(plan(alert, {"am"}))
    assert planned == list(plan(alert, {"am"}))
    assert {one.destination: (one.due_at == NOON, one.batch is None) for one in planned} == {
        "desk": (False, False),
        "am": (True, True),
    }
    assert len({one.key for one in planned}) == 2
    assert batch_key("desk", ["a", "b"]) == batch_key("desk", ["b", "a"]) != batch_key("desk", ["a"])
