"""Counting: few candidates are judged, many are counted by the cluster."""

from __future__ import annotations

import asyncio
from typing import Any

from elasticsearch import AsyncElasticsearch

from streams.stores.base import Count, Summary
from streams.stores.elasticsearch.documents import from_document
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.searching import candidates_query
from streams.stores.plan import Plan
from streams.stores.summaries import MOST_JUDGED, bucket_for, estimated, moment_of, ordered, summary_of

_FIELDS = {"topic": "topics.id", "language": "language", "country": "country", "ownership": "ownership"}
_MOST_VALUES = 2000
"""Asked of each shard, so that a value is not lost that is rare in each and frequent in all."""


async def summary(client: AsyncElasticsearch, options: ElasticsearchOptions, plan: Plan, values: int) -> Summary:
    """Return what the articles of `plan` are like, taken together."""
    times = {name: {name: {"field": "@timestamp"}} for name in ("min", "max")}
    query = candidates_query(plan)
    answer = await _ask(client, options, query, aggs=times, track_total_hits=True)
    number: int = answer["hits"]["total"]["value"]
    if not number:
        return Summary()
    if plan.has_query and number <= MOST_JUDGED:
        found = await _ask(client, options, query, size=MOST_JUDGED, source_excludes=["match_terms"])
        return await asyncio.to_thread(_judged, plan, found["hits"]["hits"], values)
    first, last = (int(answer["aggregations"][name]["value"]) for name in ("min", "max"))
    bucket_seconds = bucket_for((last - first) / 1000)
    counted = (await _ask(client, options, query, aggs=_counts(bucket_seconds)))["aggregations"]
    facets = {facet: _values(counted[facet]) for facet in _FIELDS}
    facets["source"] = _values(counted["source"]) + _values(counted["nameless"]["source_name"])
    summed = Summary(
        articles=number,
        first=moment_of(first * 1000),
        last=moment_of(last * 1000),
        facets={facet: tuple(ordered(found)[:values]) for facet, found in facets.items()},
        bucket_seconds=bucket_seconds,
        volume=tuple((moment_of(b["key"] * 1000), b["doc_count"]) for b in counted["volume"]["buckets"]),
    )
    if not plan.has_query:
        return summed
    # Ids are hashes, so that the first of them are like all the others.
    sample = await _ask(
        client, options, query, size=MOST_JUDGED, source_excludes=["match_terms"], sort=[{"article_id": "asc"}]
    )
    return await asyncio.to_thread(_estimated, plan, summed, sample["hits"]["hits"])


def _counts(bucket_seconds: int) -> dict[str, Any]:
    aggs: dict[str, Any] = {facet: _terms(field) for facet, field in _FIELDS.items()}
    aggs["source"] = _terms("source_id")
    without_id = {"bool": {"must_not": [{"exists": {"field": "source_id"}}]}}
    aggs["nameless"] = {"filter": without_id, "aggs": {"source_name": _terms("source_name")}}
    aggs["volume"] = {
        "date_histogram": {"field": "@timestamp", "fixed_interval": f"{bucket_seconds}s", "min_doc_count": 1}
    }
    return aggs


def _terms(field: str) -> dict[str, Any]:
    return {"terms": {"field": field, "size": _MOST_VALUES}}


def _values(answer: dict[str, Any]) -> list[Count]:
    return [Count(str(bucket["key"]), bucket["doc_count"]) for bucket in answer["buckets"] if bucket["key"]]


def _estimated(plan: Plan, summed: Summary, hits: list[dict[str, Any]]) -> Summary:
    articles = {article.article_id: article for article in (from_document(hit["_source"]) for hit in hits)}
    return estimated(summed, [(article, plan.judge(article) is not None) for article in articles.values()])


def _judged(plan: Plan, hits: list[dict[str, Any]], values: int) -> Summary:
    judged = (plan.judge(from_document(hit["_source"])) for hit in hits)
    # Two copies of one article may stand in two months for a moment.
    articles = {hit.article.article_id: hit.article for hit in judged if hit is not None}
    return summary_of(list(articles.values()), values)


async def _ask(
    client: AsyncElasticsearch, options: ElasticsearchOptions, query: dict[str, Any], size: int = 0, **arguments: Any
) -> dict[str, Any]:
    answer = await client.search(
        index=options.index_pattern, query=query, size=size, ignore_unavailable=True, **arguments
    )
    return dict(answer.body)
