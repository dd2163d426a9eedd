"""What articles are like, taken together: counted by facet and over time. Pure; every store's small results come
here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from streams.model import Article
from streams.stores.base import FACETS, Count, Summary
from streams.stores.records import article_time, microseconds

MOST_JUDGED = 400
"""Candidates that are judged one by one, a few tenths of a second; of more so many are judged as a sample."""
_WEIGHT_OF_ALL = 10
"""The share of matches among candidates with one value leans on that of all, as if so many more had been judged: a rare
value has few in the sample, or none."""
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
        for facet, counted in counts.items():
            counted.update(_values_of(article, facet))
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


def estimated(counted: Summary, sample: Sequence[tuple[Article, bool]]) -> Summary:
    """Return an estimate of what matches, from the count of all candidates and a sample of them, each with whether it
    matches; sampled without regard to what it is like."""
    number = len(sample)
    share = sum(is_match for _, is_match in sample) / number if number else 1.0
    width = counted.bucket_seconds * 1_000_000

    def scaled(values: Iterable[tuple[Any, int]], of: Callable[[Article], Iterable[Any]]) -> list[tuple[Any, int]]:
        seen: Counter[Any] = Counter()
        matched: Counter[Any] = Counter()
        for article, is_match in sample:
            for value in set(of(article)):
                seen[value] += 1
                matched[value] += is_match
        found = (
            (value, round(count * (matched[value] + _WEIGHT_OF_ALL * share) / (seen[value] + _WEIGHT_OF_ALL)))
            for value, count in values
        )
        return [(value, count) for value, count in found if count]

    def bucket(article: Article) -> list[datetime]:
        time = microseconds(article_time(article))
        return [moment_of(time - time % width)]

    facets = {}
    for facet, counts in counted.facets.items():
        values = scaled([(one.value, one.articles) for one in counts], partial(_values_of, facet=facet))
        facets[facet] = tuple(ordered(Count(value, count) for value, count in values))
    return replace(
        counted,
        articles=round(counted.articles * share),
        is_exact=False,
        candidates=counted.articles,
        judged=number,
        facets=facets,
        volume=tuple(scaled(counted.volume, bucket)),
    )


def _values_of(article: Article, facet: str) -> tuple[str, ...]:
    if facet == "topic":
        return tuple({label.id for label in article.topics})
    value = (article.source_id or article.source_name) if facet == "source" else getattr(article, facet)
    return (value,) if value else ()


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
