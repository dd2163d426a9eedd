"""The records of trends: what stands out, against what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal

from msgspec import Struct

from streams.model import SCHEMA

TrendKind = Literal["spike", "flatline", "new_term"]
SeriesKind = Literal["topic", "entity", "language"]

TREND_KINDS: tuple[TrendKind, ...] = ("spike", "flatline", "new_term")
SERIES_KINDS: tuple[SeriesKind, ...] = ("topic", "entity", "language")
HOUR_SECONDS = 3600
HOURS_A_WEEK = 168


class Series(Struct, frozen=True, order=True):
    """What is counted: the articles with a topic, with an entity, or in a language."""

    kind: SeriesKind
    value: str


class Trend(Struct, frozen=True, kw_only=True):
    """Something that stands out in one hour."""

    schema: int = SCHEMA
    trend_id: str
    """The same for the same finding, however often it is made: a late article makes it a newer version, not another."""
    kind: TrendKind
    series: Series
    """Of a new term: the language it is in."""
    term: str | None = None
    hour: datetime
    """The hour's beginning, of the time of publication (UTC)."""
    seen: int
    """Articles in that hour; of a new term, in the day that ends with it."""
    expected: float
    """The median of the same hour in the weeks before; 0 for a new term."""
    tolerance: float
    """How far from `expected` a count may be and still be usual."""
    sources: int = 0
    """Outlets that use a new term."""
    found_at: datetime
    """When this was last found to be so: of two records of one finding the later one counts."""


def trend_id(kind: TrendKind, series: Series, hour: int, term: str | None = None) -> str:
    """Return the id of a finding: 128 bits of what it is."""
    text = "\x1f".join((kind, series.kind, series.value, str(hour), term or ""))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def hour_of(moment: datetime) -> int:
    """Return the number of the hour since 1970 in which `moment` lies."""
    return int(moment.timestamp() // HOUR_SECONDS)


def time_of(hour: int) -> datetime:
    """Return when an hour begins."""
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)
