"""Searching: candidates by key and time from the cluster, newest first, judged by the matcher."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from elasticsearch import AsyncElasticsearch, NotFoundError

from streams.model import Article
from streams.stores.base import SearchPage
from streams.stores.elasticsearch.documents import from_document
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.pages import PageBuilder
from streams.stores.plan import Plan
from streams.stores.records import microseconds
from streams.stores.wanted import AllKeys, AnyKeys, Key, Period, Wanted

_FIRST_PAGE = 100
_LARGEST_PAGE = 1000
_KEEP_ALIVE = "1m"


async def search_page(client: AsyncElasticsearch, options: ElasticsearchOptions, plan: Plan, budget: int) -> SearchPage:
    """Return the page that `plan` asks for, at one point in time, after looking at `budget` candidates at most."""
    builder = PageBuilder(plan, budget)
    if builder.is_done:
        return builder.page()
    try:
        opened = await client.open_point_in_time(
            index=options.index_pattern, keep_alive=_KEEP_ALIVE, ignore_unavailable=True
        )
    except NotFoundError:
        return builder.page()
    point: str = opened["id"]
    try:
        after: list[Any] | None = None
        size = min(max(_FIRST_PAGE, plan.search.limit), _LARGEST_PAGE)
        while True:
            answer = await client.search(
                pit={"id": point, "keep_alive": _KEEP_ALIVE},
                query=candidates_query(plan),
                sort=[{"@timestamp": "desc"}, {"article_id": "desc"}],
                search_after=after,
                size=size,
                source_excludes=["match_terms"],
                track_total_hits=False,
            )
            point = answer.get("pit_id", point)
            hits = answer["hits"]["hits"]
            # A thousand articles take the matcher a good part of a second, which is not the event loop's to give.
            await asyncio.to_thread(_look_at_all, builder, hits)
            if builder.is_done or len(hits) < size:
                return builder.page()
            after, size = hits[-1]["sort"], _LARGEST_PAGE
    finally:
        await _close_point(client, point)


async def find(client: AsyncElasticsearch, options: ElasticsearchOptions, article_ids: Sequence[str]) -> list[Article]:
    """Return the articles of these ids that are there, in any order; of several copies of one, the newest."""
    answer = await client.search(
        index=options.index_pattern,
        query={"ids": {"values": list(article_ids)}},
        size=min(10_000, 4 * len(article_ids)),
        version=True,
        source_excludes=["match_terms"],
        track_total_hits=False,
        ignore_unavailable=True,
    )
    newest: dict[str, dict[str, Any]] = {}
    for hit in answer["hits"]["hits"]:
        known = newest.get(hit["_id"])
        if known is None or known["_version"] < hit["_version"]:
            newest[hit["_id"]] = hit
    return [from_document(hit["_source"]) for hit in newest.values()]


def candidates_query(plan: Plan) -> dict[str, Any]:
    """Return the query of the candidates: filters alone, since the matcher gives the score."""
    filters: list[dict[str, Any]] = []
    if plan.keys is not None:
        filters.append(_keys_query(plan.keys))
    if (period := _period_query(plan.period)) is not None:
        filters.append(period)
    if plan.search.ownership is not None:
        filters.append({"term": {"ownership": {"value": plan.search.ownership}}})
    return {"bool": {"filter": filters}} if filters else {"match_all": {}}


def _look_at_all(builder: PageBuilder, hits: Sequence[dict[str, Any]]) -> None:
    for hit in hits:
        builder.look_at(from_document(hit["_source"]))
        if builder.is_done:
            return


async def _close_point(client: AsyncElasticsearch, point: str) -> None:
    try:
        await client.close_point_in_time(id=point)
    except Exception:  # noqa: S110  (it ends by itself in a minute, and the search has its own error to tell)
        pass


def _keys_query(wanted: Wanted) -> dict[str, Any]:
    match wanted:
        case Key(key, True):
            return {"prefix": {"match_terms": {"value": key}}}
        case Key(key):
            return {"term": {"match_terms": {"value": key}}}
        case AllKeys(parts):
            return {"bool": {"filter": [_keys_query(part) for part in parts]}}
        case AnyKeys(parts):
            plain = [part.key for part in parts if isinstance(part, Key) and not part.is_prefix]
            others = [_keys_query(part) for part in parts if not (isinstance(part, Key) and not part.is_prefix)]
            # One clause however many words: clauses are limited, terms (nearly) not.
            listed = [{"terms": {"match_terms": plain}}] if plain else []
            if not listed and not others:
                return {"match_none": {}}
            return {"bool": {"should": listed + others, "minimum_should_match": 1}}


def _period_query(period: Period) -> dict[str, Any] | None:
    # The index knows milliseconds, rounded down; the matcher decides about what is within one.
    bounds: dict[str, Any] = {}
    if period.low is not None:
        bounds["gte"] = microseconds(period.low) // 1000
    if period.high is not None:
        bounds["lte"] = microseconds(period.high) // 1000
    return {"range": {"@timestamp": {**bounds, "format": "epoch_millis"}}} if bounds else None
