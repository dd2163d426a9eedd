"""Dates in queries: `2023`, `2023-05`, `2023-05-10`, `2023-05-10T12:30Z`, and date math: `now-7d`, `now-1d/d`.

A date without a time stands for the whole of its year, month or day, as in Kibana: `published:2023-05` is all of May,
and `published:<=2023-05-10` includes the tenth. All times are UTC. The date math is Elasticsearch's.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import cast

from streams.query.errors import QueryError
from streams.query.syntax import Moment, Published, Unit

_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?)?)?"
)
_NOW = re.compile(r"now((?:[+-]\d{1,5}[smhdwMy])*)(?:/([smhdwMy]))?")
_SHIFT = re.compile(r"([+-]\d+)([smhdwMy])")
_RANGE = re.compile(r"([\[{])\s*(\S+)\s+TO\s+(\S+?)\s*([\]}])")
_COMPARED = re.compile(r"([<>]=?)\s*(\S+)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_HINT = "write a date as 2023-05-10, 2023-05, 2023-05-10T12:30Z, or counted from now: now-7d"


def published(raw: str, column: int) -> Published:
    """Return the range that `published:raw` stands for. Raises `QueryError`."""
    found = _RANGE.fullmatch(raw)
    if found:
        opening, low, high, closing = found.groups()
        span = Published(
            None if low == "*" else _bound(low, column, end=opening == "{"),
            None if high == "*" else _bound(high, column, end=closing == "]"),
        )
    elif found := _COMPARED.fullmatch(raw):
        sign, value = found.groups()
        if sign[0] == ">":
            span = Published(_bound(value, column, end=sign == ">"), None)
        else:
            span = Published(None, _bound(value, column, end=sign == "<="))
    else:
        if raw.startswith("now") and "/" not in raw:
            raise QueryError(
                f"`{raw[:40]}` is one instant; write `published:>={raw[:40]}` for everything since", column
            )
        span = Published(_bound(raw, column, end=False), _bound(raw, column, end=True))
    if span.low and span.high and span.low.fixed and span.high.fixed and span.low.fixed >= span.high.fixed:
        raise QueryError("the range ends before it begins; write the earlier date first", column)
    return span


def _bound(raw: str, column: int, *, end: bool) -> Moment:
    """Return the first moment of what `raw` stands for, or with `end` the first after it."""
    now = _NOW.fullmatch(raw)
    if now:
        shifts = tuple((int(count), cast(Unit, unit)) for count, unit in _SHIFT.findall(now.group(1)))
        return Moment(shift=shifts, round_to=cast(Unit | None, now.group(2)), rounds_up=end)
    found = _DATE.fullmatch(raw)
    if found is None:
        raise QueryError(f"`{raw[:40]}` is no date; {_HINT}", column)
    year, month, day, hour, minute, second, zone = found.groups()
    try:
        start = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        )
        if zone and zone != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            start = start - offset if zone[0] == "+" else start + offset
        unit: Unit = "s" if second else "m" if hour else "d" if day else "M" if month else "y"
        return Moment(fixed=_shifted(start, 1, unit) if end else start)
    except (ValueError, OverflowError) as error:
        raise QueryError(f"`{raw[:40]}` is no date of the calendar; {_HINT}", column) from error


def resolve(moment: Moment, now: datetime) -> datetime:
    """Return the point in time that `moment` is at `now`; clamped to the calendar's ends."""
    if moment.fixed is not None:
        return moment.fixed
    at = now.astimezone(UTC)
    try:
        for count, unit in moment.shift:
            at = _shifted(at, count, unit)
        if moment.round_to:
            at = _floor(at, moment.round_to)
            if moment.rounds_up:
                at = _shifted(at, 1, moment.round_to)
    except (ValueError, OverflowError):
        forward = sum(count for count, _ in moment.shift) > 0
        return datetime.max.replace(tzinfo=UTC) if forward else datetime.min.replace(tzinfo=UTC)
    return at


def _shifted(at: datetime, count: int, unit: Unit) -> datetime:
    if unit in _SECONDS:
        return at + timedelta(seconds=count * _SECONDS[unit])
    months = at.year * 12 + at.month - 1 + (count if unit == "M" else 12 * count)
    year, month = divmod(months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))


def _floor(at: datetime, unit: Unit) -> datetime:
    at = at.replace(microsecond=0)
    if unit == "s":
        return at
    at = at.replace(second=0)
    if unit == "m":
        return at
    at = at.replace(minute=0)
    if unit == "h":
        return at
    at = at.replace(hour=0)
    if unit == "w":
        return at - timedelta(days=at.weekday())
    if unit == "d":
        return at
    return at.replace(day=1) if unit == "M" else at.replace(month=1, day=1)
