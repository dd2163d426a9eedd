"""Articles by hour for each series, and what is usual for an hour: the median of the same hour of the week before.

The hour is that of publication, so that an article which comes late is counted where it belongs. The median and the
median deviation are not moved by the few hours in which much happened (Leys et al. 2013).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from statistics import median

from msgspec import Struct

from streams.trends.records import HOURS_A_WEEK, Series

MAX_SERIES = 5_000
WEEKS = 8
_MAD_TO_DEVIATION = 1.4826
"""What makes the median absolute deviation of a normal distribution its standard deviation."""
_LEAST_WEEKS = 3
_LEAST_DAYS = 4
_HOURS_A_DAY = 24


class Usual(Struct, frozen=True):
    """What is usual for an hour: the expected count, and a deviation of one."""

    expected: float
    deviation: float


class Volumes:
    """The counts of the last eight weeks, of at most `max_series` series."""

    def __init__(self, max_series: int = MAX_SERIES, weeks: int = WEEKS) -> None:
        self._max_series = max_series
        self._hours_kept = weeks * HOURS_A_WEEK
        self._counts: dict[Series, dict[int, int]] = {}
        self._totals: dict[int, int] = {}
        self.since: int | None = None
        """The hour in which watching began. Before it nothing is known, which is not that nothing was published: what
        the first polls bring of older days is no past to compare with."""
        self.last_hour: int | None = None

    def __len__(self) -> int:
        return len(self._counts)

    def series(self) -> Iterable[Series]:
        """Return all that is counted."""
        return self._counts.keys()

    def watched_at(self, hour: int) -> None:
        """Note that articles were collected in `hour`."""
        self.since = hour if self.since is None else min(self.since, hour)

    def add_total(self, hour: int, count: int = 1) -> None:
        """Count articles of whatever series, so that an outage of ours can be told from a silence of theirs."""
        self._totals[hour] = self._totals.get(hour, 0) + count
        if len(self._totals) > self._hours_kept + _HOURS_A_DAY:
            self._totals = self._within(self._totals)

    def total(self, hour: int) -> int:
        """Return all articles of one hour."""
        return self._totals.get(hour, 0)

    def add(self, series: Series, hour: int, count: int = 1) -> None:
        """Count `count` articles; an hour before the window is passed over."""
        last = self.last_hour
        if last is not None and hour <= last - self._hours_kept:
            return
        if last is None or hour > last:
            self.last_hour = hour
        counts = self._counts.get(series)
        if counts is None:
            if len(self._counts) >= self._max_series:
                self._forget_least()
            counts = self._counts[series] = {}
        counts[hour] = counts.get(hour, 0) + count
        if len(counts) > self._hours_kept + _HOURS_A_DAY:
            self._counts[series] = self._within(counts)

    def count(self, series: Series, hour: int) -> int:
        """Return the articles of one hour."""
        return self._counts.get(series, {}).get(hour, 0)

    def last_before(self, series: Series, hour: int) -> int:
        """Return the last hour before `hour` in which anything was counted; 0 where there is none."""
        return max((at for at, count in self._counts.get(series, {}).items() if at < hour and count), default=0)

    def usual(self, series: Series, hour: int) -> Usual | None:
        """Return what is usual for `hour` by the weeks before it; None while too little is known.

        In the first weeks the same hour of the days before stands in. A count is never trusted to vary less than by
        chance (the square root of what is expected).
        """
        counts = self._counts.get(series)
        if counts is None or self.since is None:
            return None
        first = max(self.since, hour - self._hours_kept)
        past = _same_hours(hour, first, HOURS_A_WEEK)
        if len(past) < _LEAST_WEEKS:
            past = _same_hours(hour, first, _HOURS_A_DAY)[: 2 * 7]
            if len(past) < _LEAST_DAYS:
                return None
        values = [counts.get(at, 0) for at in past]
        middle = median(values)
        spread = median(abs(value - middle) for value in values) * _MAD_TO_DEVIATION
        return Usual(float(middle), max(spread, sqrt(max(middle, 1.0))))

    def rows(self) -> Iterable[tuple[Series, int, int]]:
        """Return all counts, to be kept somewhere: series, hour, articles. `add` takes them back."""
        return [(series, hour, count) for series, counts in self._counts.items() for hour, count in counts.items()]

    def _within(self, counts: Mapping[int, int]) -> dict[int, int]:
        oldest = (self.last_hour or 0) - self._hours_kept
        return {hour: count for hour, count in counts.items() if hour > oldest}

    def _forget_least(self) -> None:
        """Forget a tenth of the series: those in which the least happened of late."""
        for series, counts in list(self._counts.items()):
            self._counts[series] = self._within(counts)
        recent = (self.last_hour or 0) - HOURS_A_WEEK
        weight = {
            series: (sum(count for hour, count in counts.items() if hour > recent), sum(counts.values()), series)
            for series, counts in self._counts.items()
        }
        for series in sorted(weight, key=weight.__getitem__)[: max(1, self._max_series // 10)]:
            del self._counts[series]


def _same_hours(hour: int, first: int, step: int) -> list[int]:
    """Return the hours before `hour` at the same place in the week or the day, the latest first."""
    return list(range(hour - step, first - 1, -step))
