"""Watches the volume of topics, entities and languages, and the words of headlines.

    article ─▶ counts? (new, dated, no backfill) ─▶ hour of publication ─▶ volumes, terms ─▶ close(now) ─▶ Trend

Pure: whoever runs it gives it each article once, when the store says that it is new, and asks at the end of an hour.
After a restart it is fed from what the store holds (`Volumes.rows`, or the articles of the last eight weeks).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from streams.model import EnrichedArticle
from streams.text.tokens import tokenize
from streams.trends.records import Series, Trend, TrendKind, hour_of, time_of, trend_id
from streams.trends.terms import Terms
from streams.trends.volumes import Usual, Volumes

_DEVIATIONS = 4.0
_LEAST_SPIKE = 5
_LEAST_SPIKE_TIMES = 2.0
_LEAST_FLATLINE = 6.0
_FLATLINE_HOURS = 3
_LATE_HOURS = 2
"""How long a count is waited for before its absence says something."""
_MAX_OPEN_HOURS = 6
"""How far back an hour is judged again when articles come late."""
_FUTURE = timedelta(minutes=10)


class TrendWatch:
    """Says what stands out."""

    def __init__(self, volumes: Volumes | None = None, terms: Terms | None = None) -> None:
        self.volumes = volumes if volumes is not None else Volumes()
        self.terms = terms if terms is not None else Terms()
        self._touched: set[tuple[Series, int]] = set()
        self._new_terms: list[Trend] = []

    def add(self, article: EnrichedArticle, terms: Sequence[str] | None = None) -> bool:
        """Count `article`; False where it says nothing about its time: backfill, no reliable date, an edit.

        `terms`: the folded terms of its headline, where they are at hand.
        """
        published = article.published_at
        if published is None or not article.date_is_reliable or article.is_backfill or article.revision > 1:
            return False
        if published > article.collected_at + _FUTURE:
            return False
        hour = hour_of(published)
        collected = hour_of(article.collected_at)
        self.volumes.watched_at(collected)
        self.volumes.add_total(hour)
        for series in series_of(article):
            self.volumes.add(series, hour)
            self._touched.add((series, hour))
        source = article.source_id or article.feed_url or ""
        if terms is None:
            terms = tokenize(article.title, article.language).terms
        for found in self.terms.add(article.language, terms, source, collected):
            series = Series("language", found.language)
            self._new_terms.append(
                Trend(
                    trend_id=trend_id("new_term", series, collected, found.term),
                    kind="new_term",
                    series=series,
                    term=found.term,
                    hour=time_of(collected),
                    seen=found.articles,
                    expected=0.0,
                    tolerance=0.0,
                    sources=found.sources,
                    found_at=article.collected_at,
                )
            )
        return True

    def close(self, now: datetime, *, with_silences: bool = True) -> tuple[Trend, ...]:
        """Return what stands out by `now`: spikes of the hours that articles were added to since the last call (the
        present one among them, and hours before it that got late articles), flatlines of the last hours that are
        complete, and new terms.

        Silences are looked for in all series: once an hour is enough.
        """
        present = hour_of(now)
        found = [*self._new_terms]
        for series, hour in sorted(self._touched):
            if present - _MAX_OPEN_HOURS <= hour <= present and (spike := self._spike(series, hour)) is not None:
                found.append(spike)
        self._touched.clear()
        self._new_terms = []
        if with_silences:
            found += self._flatlines(present - _LATE_HOURS)
        return tuple([replace(trend, found_at=now) for trend in found])

    def _spike(self, series: Series, hour: int) -> Trend | None:
        seen = self.volumes.count(series, hour)
        usual = self.volumes.usual(series, hour)
        if usual is None or seen < _LEAST_SPIKE or seen < _LEAST_SPIKE_TIMES * usual.expected:
            return None
        tolerance = _DEVIATIONS * usual.deviation
        if seen <= usual.expected + tolerance:
            return None
        return _trend("spike", series, hour, seen, usual.expected, tolerance)

    def _flatlines(self, last: int) -> Iterator[Trend]:
        """Yield the series of which nothing came in the three hours up to `last`, though much used to."""
        hours = range(last - _FLATLINE_HOURS + 1, last + 1)
        if not all(self.volumes.total(hour) for hour in hours):
            return  # nothing at all came in: it is we who were away
        for series in sorted(self.volumes.series()):
            if any(self.volumes.count(series, hour) for hour in hours):
                continue
            usual = [found for hour in hours if (found := self.volumes.usual(series, hour)) is not None]
            if len(usual) < _FLATLINE_HOURS:
                continue
            expected = sum(one.expected for one in usual)
            tolerance = _tolerance(usual)
            if expected >= _LEAST_FLATLINE and expected > tolerance:
                # A silence is one finding for as long as it lasts.
                silent_since = self.volumes.last_before(series, hours[0]) + 1
                silence = _trend("flatline", series, last, 0, expected, tolerance)
                yield replace(silence, trend_id=trend_id("flatline", series, silent_since))


def series_of(article: EnrichedArticle) -> list[Series]:
    """Return the series that an article belongs to, each once."""
    topics = dict.fromkeys(Series("topic", label.id) for label in article.topics)
    entities = dict.fromkeys(Series("entity", label.id) for label in article.entities)
    return [*topics, *entities, Series("language", article.language)]


def _tolerance(usual: list[Usual]) -> float:
    return float(sum(one.deviation**2 for one in usual) ** 0.5 * 2)


def _trend(kind: TrendKind, series: Series, hour: int, seen: int, expected: float, tolerance: float) -> Trend:
    return Trend(
        trend_id=trend_id(kind, series, hour),
        kind=kind,
        series=series,
        hour=time_of(hour),
        seen=seen,
        expected=expected,
        tolerance=tolerance,
        found_at=time_of(hour),
    )
