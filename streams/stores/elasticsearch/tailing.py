"""Following what is indexed, by the cluster's own count of operations.

Every write takes the next `_seq_no` of its shard, so a poll asks each shard for what lies beyond the last number
seen. That needs no clock to agree with another, and an article that comes a year late is as new as any. Two writes
may become visible in the other order, so a cursor stays behind for a while, and what was shown is remembered.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from elasticsearch import AsyncElasticsearch

from streams.model import Article
from streams.stores.elasticsearch.documents import from_document
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.searching import candidates_query
from streams.stores.plan import Plan

OVERLAP_SECONDS = 15.0
"""How long after a number was seen a smaller one may still appear: a refresh of the index, and a long pause of the
JVM."""
_PAGE = 500
_MOST_INDICES = 10_000
_REMEMBERED = 200_000

_Place = tuple[str, int]
"""Index and number of the shard in it."""


class Follower:
    """The position of one `tail` in all shards."""

    def __init__(self, client: AsyncElasticsearch, options: ElasticsearchOptions, plan: Plan) -> None:
        self._client = client
        self._options = options
        self._plan = plan
        self._cursors: dict[_Place, int] = {}
        self._newest: dict[_Place, int] = {}
        self._marks: deque[tuple[float, dict[_Place, int]]] = deque()
        self._shown: OrderedDict[tuple[str, int, int], None] = OrderedDict()
        self._identities: dict[str, str] = {}

    async def start(self) -> None:
        """Take the present end of every shard as the starting point."""
        for shard in range(await self._shards()):
            self._cursors.update(await self._ends(shard))
        self._newest = dict(self._cursors)

    async def poll(self) -> AsyncIterator[list[Article]]:
        """Yield the candidates indexed since the last poll, page by page, in the order of their shards.

        When it raises, nothing that was not yielded counts as seen: poll again.
        """
        self._move_cursors(time.monotonic())
        for shard in range(await self._shards()):
            async for page in self._poll_shard(shard):
                yield page
        self._marks.append((time.monotonic(), dict(self._newest)))

    def _move_cursors(self, now: float) -> None:
        while self._marks and self._marks[0][0] <= now - OVERLAP_SECONDS:
            self._cursors = self._marks.popleft()[1]

    async def _shards(self) -> int:
        """Return the number of primary shards of the index that has most."""
        answer = await self._client.indices.get_settings(
            index=self._options.index_pattern,
            name=["index.number_of_shards", "index.uuid"],
            ignore_unavailable=True,
            flat_settings=True,
        )
        for name, entry in answer.body.items():
            identity = entry["settings"]["index.uuid"]
            if self._identities.setdefault(name, identity) != identity:
                self._forget(name)
                self._identities[name] = identity
        return max((int(entry["settings"]["index.number_of_shards"]) for entry in answer.body.values()), default=0)

    def _forget(self, index: str) -> None:
        # Removed and made anew under the same name: its operations are counted from the beginning.
        for ends in (self._cursors, self._newest, *(ends for _, ends in self._marks)):
            for place in [place for place in ends if place[0] == index]:
                del ends[place]
        for key in [key for key in self._shown if key[0] == index]:
            del self._shown[key]

    async def _ends(self, shard: int) -> dict[_Place, int]:
        answer = await self._client.search(
            index=self._options.index_pattern,
            preference=f"_shards:{shard}",
            size=0,
            track_total_hits=False,
            ignore_unavailable=True,
            aggregations={
                "indices": {
                    "terms": {"field": "_index", "size": _MOST_INDICES},
                    "aggregations": {"end": {"max": {"field": "_seq_no"}}},
                }
            },
        )
        buckets = answer.body.get("aggregations", {}).get("indices", {}).get("buckets", [])
        return {(bucket["key"], shard): int(bucket["end"]["value"]) for bucket in buckets}

    async def _poll_shard(self, shard: int) -> AsyncIterator[list[Article]]:
        after: list[Any] | None = None
        while True:
            answer = await self._client.search(
                index=self._options.index_pattern,
                preference=f"_shards:{shard}",
                query={"bool": {"filter": [candidates_query(self._plan), self._beyond(shard)]}},
                sort=[{"_seq_no": "asc"}, {"_index": "asc"}],
                search_after=after,
                size=_PAGE,
                source=False,
                seq_no_primary_term=True,
                track_total_hits=False,
                ignore_unavailable=True,
            )
            hits = answer["hits"]["hits"]
            fresh = [hit for hit in hits if (hit["_index"], shard, int(hit["_seq_no"])) not in self._shown]
            articles = await self._fetch(fresh) if fresh else []
            self._remember(fresh, shard)
            if articles:
                yield articles
            if len(hits) < _PAGE:
                return
            after = hits[-1]["sort"]

    def _beyond(self, shard: int) -> Mapping[str, Any]:
        known = [(index, end) for (index, number), end in self._cursors.items() if number == shard]
        # An index that was not there at the start has nothing but new articles.
        clauses: list[dict[str, Any]] = [
            {"bool": {"must_not": [{"terms": {"_index": [index for index, _ in known]}}]}}
            if known
            else {"match_all": {}}
        ]
        for index, end in known:
            clauses.append({"bool": {"filter": [{"term": {"_index": index}}, {"range": {"_seq_no": {"gt": end}}}]}})
        return {"bool": {"should": clauses, "minimum_should_match": 1}}

    def _remember(self, hits: list[dict[str, Any]], shard: int) -> None:
        for hit in hits:
            place, number = (hit["_index"], shard), int(hit["_seq_no"])
            self._newest[place] = max(self._newest.get(place, -1), number)
            self._shown[hit["_index"], shard, number] = None
        while len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)

    async def _fetch(self, hits: list[dict[str, Any]]) -> list[Article]:
        answer = await self._client.mget(
            docs=[{"_index": hit["_index"], "_id": hit["_id"]} for hit in hits], source_excludes=["match_terms"]
        )
        # One that is gone by now has moved to another month, where it will be met.
        return [from_document(entry["_source"]) for entry in answer["docs"] if entry.get("found")]
