"""The index of the trends: one document a finding, the later record of it in the place of the earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from elasticsearch import AsyncElasticsearch

from streams import codec
from streams.stores.base import TrendSearch
from streams.stores.elasticsearch.bulk import Item
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.records import microseconds
from streams.trends.records import Trend

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_DATE = {"type": "date"}
MAPPINGS: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {
        "@timestamp": {"type": "alias", "path": "hour"},
        "schema": {"type": "short"},
        "trend_id": _KEYWORD,
        "kind": _KEYWORD,
        "series": {"properties": {"kind": _KEYWORD, "value": _KEYWORD}},
        "term": _KEYWORD,
        "hour": _DATE,
        "seen": {"type": "integer"},
        "expected": {"type": "double"},
        "tolerance": {"type": "double"},
        "sources": {"type": "integer"},
        "found_at": _DATE,
    },
}


def trend_items(trends: Sequence[Trend], options: ElasticsearchOptions) -> list[Item]:
    """Return what the bulk loop is to send, of each finding the latest record."""
    latest = {trend.trend_id: trend for trend in sorted(trends, key=lambda trend: trend.found_at)}
    return [
        Item(options.trends_index, trend.trend_id, microseconds(trend.found_at), partial(codec.encode, trend))
        for trend in latest.values()
    ]


async def find_trends(client: AsyncElasticsearch, options: ElasticsearchOptions, wanted: TrendSearch) -> list[Trend]:
    """Return what stood out, the newest hours that were asked for, in order of time."""
    filters: list[dict[str, Any]] = [
        {"range": {"hour": {"gte": microseconds(wanted.since) // 1000, "format": "epoch_millis"}}}
    ]
    if wanted.kind is not None:
        filters.append({"term": {"kind": wanted.kind}})
    answer = await client.search(
        index=options.trends_index,
        query={"bool": {"filter": filters}},
        sort=[{"hour": "desc"}, {"trend_id": "desc"}],
        size=min(wanted.limit, 10_000),
        track_total_hits=False,
        ignore_unavailable=True,
    )
    return [msgspec.convert(hit["_source"], Trend) for hit in reversed(answer["hits"]["hits"])]
