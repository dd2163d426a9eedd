"""When an alert goes out: at once, after quiet hours, or with a digest. Times of day are those of a time zone, also
where its clocks are put forward or back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from streams.definitions import Schedule, Weekday

_WEEKDAYS: tuple[str, ...] = get_args(Weekday)


class Due(NamedTuple):
    """When something goes out, and with what."""

    at: datetime
    """UTC."""
    batch: str | None
    """All of one destination with the same batch go out as one message; None: alone."""


def due(schedule: Schedule, now: datetime) -> Due:
    """Return when what happens `now` goes out by `schedule`. Raises `ZoneInfoNotFoundError` for an unknown zone."""
    zone = ZoneInfo(schedule.time_zone)
    at = now if schedule.every == "event" else _next(schedule, now, zone)
    quiet_end = _quiet_end(schedule, at, zone)
    if quiet_end is not None:
        at = quiet_end
    if schedule.every == "event" and quiet_end is None:
        return Due(now, None)
    return Due(at, f"{schedule.every} {at:%Y-%m-%dT%H:%MZ}")


def _next(schedule: Schedule, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment after `now` at which a digest goes out."""
    at = _time(schedule.at)
    local = now.astimezone(zone)
    if schedule.every == "hour":
        moment = now.replace(minute=at.minute, second=0, microsecond=0)
        return moment if moment > now else moment + timedelta(hours=1)
    day = local.date()
    for ahead in range(9):
        candidate = day + timedelta(days=ahead)
        if schedule.every == "week" and candidate.weekday() != _WEEKDAYS.index(schedule.weekday):
            continue
        moment = _moment(candidate, at, zone)
        if moment > now:
            return moment
    raise AssertionError("every weekday comes within nine days")


def _quiet_end(schedule: Schedule, at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the quiet hours end in which `at` lies, None where it lies in none."""
    if schedule.quiet_from is None or schedule.quiet_to is None:
        return None
    begins, ends = _time(schedule.quiet_from), _time(schedule.quiet_to)
    today = at.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        end_day = day if begins < ends else day + timedelta(days=1)
        start, end = _moment(day, begins, zone), _moment(end_day, ends, zone)
        if start <= at < end:
            return end
    return None


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _time(text: str) -> time:
    return time.fromisoformat(text)
