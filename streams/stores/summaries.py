"""What articles are like, taken together: counted by facet and over time. Pure; every store's small results come
here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from streams.model import Article
from streams.stores.base import FACETS, Count, Summary
from streams.stores.records import article_time, microseconds

MOST_JUDGED = 400
"""Candidates that are judged one by one, a few tenths of a second; more are counted as they are."""
MOST_BUCKETS = 120
_HOUR, _DAY = 3600, 86_400
_STEPS = (60, 300, 900, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 7 * _DAY, 30 * _DAY)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def summary_of(articles: Sequence[Article], values: int) -> Summary:
    """Return the summary of `articles`, all of which match."""
    if not articles:
        return Summary()
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    times = [microseconds(article_time(article)) for article in articles]
    for article in articles:
        counts["topic"].update({label.id for label in article.topics})
        single = {
            "language": article.language,
            "source": article.source_id or article.source_name,
            "country": article.country,
            "ownership": article.ownership,
        }
        for facet, value in single.items():
            if value:
                counts[facet][value] += 1
    first, last = min(times), max(times)
    bucket_seconds = bucket_for((last - first) / 1_000_000)
    width = bucket_seconds * 1_000_000
    buckets = Counter(time - time % width for time in times)
    return Summary(
        articles=len(articles),
        first=moment_of(first),
        last=moment_of(last),
        facets={facet: most(counted, values) for facet, counted in counts.items()},
        bucket_seconds=bucket_seconds,
        volume=tuple((moment_of(start), number) for start, number in sorted(buckets.items())),
    )


def bucket_for(span_seconds: float) -> int:
    """Return the length of a bucket, in seconds, of which `MOST_BUCKETS` or fewer cover a span."""
    for step in _STEPS:
        if span_seconds <= step * (MOST_BUCKETS - 1):
            return step
    longest = _STEPS[-1]
    return longest * math.ceil(span_seconds / (longest * (MOST_BUCKETS - 1)))


def most(counts: Mapping[str, int], values: int) -> tuple[Count, ...]:
    """Return the most frequent values, of equals the first in the alphabet."""
    return tuple(ordered(Count(value, number) for value, number in counts.items() if value))[:values]


def ordered(counts: Iterable[Count]) -> list[Count]:
    """Return `counts`, the most frequent first."""
    return sorted(counts, key=lambda count: (-count.articles, count.value))


def moment_of(microseconds_since_1970: int) -> datetime:
    """Return the moment, the calendar's first where a bucket begins before it."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds_since_1970)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
