"""Resolves what was read into days, and puts the day of the event first.

read (title, text) ─▶ resolve (the day of publication, the calendar) ─▶ weigh ─▶ EventDate, the event's own first
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from streams.event_dates.calendars import is_year, to_date, year_of
from streams.event_dates.reading import Expression, read
from streams.model import EventDate, Span
from streams.text.document import Document
from streams.text.tokens import Tokens

MAX_DATES = 12
_MAX_FUTURE_DAYS = 100
"""How far ahead a date without a year is looked for: an election in three months, not one in ten."""
_LEAD_TOKENS, _UPPER_TOKENS = 40, 100
_PUBLICATION_WEIGHT = 1.2
"""What a report that dates nothing says of its own day."""
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Resolved:
    first: date
    last: date
    is_inferred: bool
    weight: float
    span: Span


def find_event_dates(document: Document, published: date | None) -> tuple[EventDate, ...]:
    """Return the days that the document speaks of, the one of its event first, at most 12.

    `published` is the day of publication, None where it is not known or not to be relied on: then only dates with a
    year are resolved. Where the text dates nothing near it, the day of publication itself is among them, without spans.
    """
    weights: defaultdict[tuple[date, date], float] = defaultdict(float)
    spans: defaultdict[tuple[date, date], list[Span]] = defaultdict(list)
    inferred: dict[tuple[date, date], bool] = {}
    for found in _resolved(document, published):
        key = (found.first, found.last)
        # Said again it counts a little more: a background date is said once.
        weights[key] = max(weights[key], found.weight) + (0.2 if key in inferred else 0.0)
        spans[key].append(found.span)
        inferred[key] = inferred.get(key, True) and found.is_inferred
    if published is not None and weights and (published, published) not in weights:
        weights[published, published] = _PUBLICATION_WEIGHT
        inferred[published, published] = True
    order = sorted(weights, key=lambda key: (-weights[key], key))[:MAX_DATES]
    return tuple(
        EventDate(first=key[0], last=key[1], is_inferred=inferred[key], spans=tuple(spans[key][:4])) for key in order
    )


def _resolved(document: Document, published: date | None) -> Iterator[_Resolved]:
    fields: tuple[tuple[Literal["title", "text"], Tokens], ...] = (("title", document.title), ("text", document.text))
    for field, tokens in fields:
        for expression in read(tokens):
            days = _days_of(expression, published)
            if days is None:
                continue
            span = Span(field=field, start=tokens.span(expression.first)[0], end=tokens.span(expression.last - 1)[1])
            weight = (
                _place_weight(field, expression.first) * _kind_weight(expression) * _distance_weight(days[0], published)
            )
            yield _Resolved(*days, expression.year is None, weight, span)


def _place_weight(field: str, token: int) -> float:
    if field == "title":
        return 2.0
    return 1.6 if token < _LEAD_TOKENS else 1.1 if token < _UPPER_TOKENS else 0.6


def _kind_weight(expression: Expression) -> float:
    if expression.relative_days is not None and expression.weekday is None and not expression.days:
        return 0.7  # "today" is also "nowadays"
    return 1.2 if expression.days and expression.weekday is not None else 1.0


def _distance_weight(day: date, published: date | None) -> float:
    if published is None:
        return 1.0
    days = (day - published).days
    distance = abs(days)
    weight = (
        2.0 if distance <= 1 else 1.5 if distance <= 3 else 1.0 if distance <= 7 else 0.6 if distance <= 30 else 0.5
    )
    return weight * 0.6 if days > 1 else weight


def _days_of(expression: Expression, published: date | None) -> tuple[date, date] | None:
    if expression.days:
        first = _dated(expression, expression.days[0], published)
        last = _dated(expression, expression.days[-1], published)
        return (first, last) if first is not None and last is not None and first <= last else None
    if published is None:
        return None
    if expression.weekday is not None:
        day = _weekday(expression, published)
    else:
        day = published + timedelta(days=expression.relative_days or 0)
    return day, day


def _dated(expression: Expression, day: int, published: date | None) -> date | None:
    calendar, month = expression.calendar, expression.month
    if expression.year is not None:
        return to_date(calendar, expression.year, month, day)
    if published is None:
        return None
    year = year_of(calendar, published)
    near = [
        found
        for number in (year - 1, year, year + 1)
        if is_year(calendar, number) and (found := to_date(calendar, number, month, day))
    ]
    if expression.weekday is not None and len(expression.days) == 1:
        agreeing = [found for found in near if found.weekday() == expression.weekday]
        near = agreeing or near
    past = [found for found in near if found <= published + _ONE_DAY]
    future = [found for found in near if published <= found]
    if expression.direction == "past" and past:
        return max(past)
    if expression.direction == "future" and future:
        return min(future)
    in_reach = [found for found in near if found - published <= timedelta(days=_MAX_FUTURE_DAYS)]
    return min(in_reach, key=lambda found: abs(found - published), default=None)


def _weekday(expression: Expression, published: date) -> date:
    if expression.relative_days is not None:  # «أمس الاثنين»: the two are one; the weekday decides, near that day
        near = published + timedelta(days=expression.relative_days)
        return min(
            near + timedelta(days=shift)
            for shift in range(-3, 4)
            if (near + timedelta(days=shift)).weekday() == expression.weekday
        )
    back = (published.weekday() - (expression.weekday or 0)) % 7
    if expression.direction == "future":
        return published + timedelta(days=(7 - back) if back else 7)
    if expression.direction == "past" and back == 0:
        return published - timedelta(days=7)
    # A report speaks of what has been; one of tomorrow is named by its weekday, too.
    return published + _ONE_DAY if back == 6 else published - timedelta(days=back)
