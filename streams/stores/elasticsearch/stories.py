"""The index of the stories, kept by as many writers as there are.

    articles ─▶ read their stories (by id, as written a moment ago) ─▶ Shelf ─▶ write, if nobody else has meanwhile
                       ▲                                                          │
                       └──────────────────────── conflict ◀───────────────────────┘

A document is written under its `revision`, one more than was read, as an external version: of two writers that have
read the same document one is refused, reads again, and adds its articles to what the other has written.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
from elasticsearch import AsyncElasticsearch

from streams.model import Article
from streams.stores.base import StorySearch
from streams.stores.elasticsearch.bulk import BulkLoop, Item
from streams.stores.elasticsearch.documents import from_document, index_name, to_document
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.records import encodable, microseconds, version_of
from streams.stores.story_keys import story_key, story_keys
from streams.stories.archive import ArchiveSearch
from streams.stories.documents import StoryDocument
from streams.stories.shelf import Relabel, Shelf, relabelled

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_DATE = {"type": "date"}
_KEPT = {"type": "object", "enabled": False}
MAPPINGS: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {
        "@timestamp": {"type": "alias", "path": "last_time"},
        "schema": {"type": "short"},
        "revision": {"type": "long"},
        "story_id": _KEYWORD,
        "first_time": _DATE,
        "last_time": _DATE,
        "event_date": _DATE,
        "articles": {"type": "integer"},
        "copies": {"type": "integer"},
        "titles": {"type": "text"},
        "sources": _KEYWORD,
        "countries": _KEYWORD,
        "languages": _KEYWORD,
        "independent_source_count": {"type": "integer"},
        "entity_ids": _KEYWORD,
        "topic_ids": _KEYWORD,
        "keys": {"type": "keyword"},
        "is_complete": {"type": "boolean"},
        "merged_into": _KEYWORD,
        # Whole in the document, and not searched: names and numbers by name.
        "headlines": _KEPT,
        "timeline": _KEPT,
        "entities": _KEPT,
        "topics": _KEPT,
        "articles_per_hour": _KEPT,
        "lineage": _KEPT,
        "framing": _KEPT,
        "further": _KEPT,
        "moved": _KEPT,
        "changes": _KEPT,
    },
}
_MAX_KEY_LETTERS = 1024
_MAX_HOPS = 16
_LONGEST_WAIT_SECONDS = 2.0
_ARTICLES_A_REQUEST = 200
T = TypeVar("T")


class Patiently(Protocol):
    """Does a request again and again while the cluster is away."""

    async def __call__(self, request: Callable[[], Awaitable[T]]) -> T: ...


class StoryIndex:
    """Keeps the documents of the stories in step with the articles."""

    def __init__(
        self,
        client: AsyncElasticsearch,
        options: ElasticsearchOptions,
        loop: BulkLoop,
        patiently: Patiently,
        houses: Mapping[str, str] | None,
    ) -> None:
        self._client = client
        self._options = options
        self._loop = loop
        self._patiently = patiently
        self._houses = houses

    async def shelved(self, articles: Sequence[Article]) -> Shelf:
        """Return the shelf of `articles`, with them in it. Raises `StoreHalted`."""
        shelf = Shelf(self._houses)
        while missing := shelf.missing(articles):
            shelf.give(await self._patiently(partial(read_stories, self._client, self._options, sorted(missing))))
        await asyncio.to_thread(shelf.take, articles)
        return shelf

    async def keep(self, articles: Sequence[Article], written: Sequence[Article], shelf: Shelf) -> list[str]:
        """Store what became of the stories of `articles`, which are stored as `written`.

        Returns what was refused, one line each. Raises `StoreHalted`.
        """
        labels = {article.article_id: article.story_id for article in written}
        attempt = 0
        while True:
            late = [one for one in shelf.labelled(articles) if one.story_id != labels[one.article_id]]
            await self._write_articles(late)
            labels |= {article.article_id: article.story_id for article in late}
            await self._relabel(list(shelf.relabels.values()))
            gaining, losing = shelf.changed()
            refused: list[str] = []
            # What one story loses another must have first, whatever happens in between.
            if await self._write(gaining, refused) and await self._write(losing, refused):
                return refused
            ceiling = min(_LONGEST_WAIT_SECONDS, 0.01 * 2.0 ** min(attempt, 10))
            await asyncio.sleep(random.uniform(0, ceiling))
            attempt += 1
            shelf = await self.shelved(articles)

    async def _write(self, documents: Sequence[StoryDocument], refused: list[str]) -> bool:
        items = [
            Item(self._options.stories_index, one.story_id, one.revision, partial(encode_story, one))
            for one in documents
        ]
        await self._loop.send(items)
        refused += [f"story {item.id}: {item.detail}" for item in items if item.outcome == "refused"]
        # A write whose answer was lost may have been somebody else's: it is looked at again.
        return all(item.outcome == "refused" or (item.outcome != "stale" and not item.detail) for item in items)

    async def _relabel(self, relabels: Sequence[Relabel]) -> None:
        for place in range(0, len(relabels), _ARTICLES_A_REQUEST):
            wanted = relabels[place : place + _ARTICLES_A_REQUEST]
            articles = await self._patiently(partial(self._read_articles, wanted))
            changed = [
                after
                for relabel in wanted
                if (before := articles.get(relabel.article_id)) is not None
                and (after := relabelled(before, relabel)) is not None
            ]
            await self._write_articles(changed)

    async def _write_articles(self, articles: Sequence[Article]) -> None:
        await self._loop.send(
            [
                Item(
                    index_name(article, self._options.index_prefix),
                    article.article_id,
                    version_of(article),
                    partial(to_document, article),
                )
                for article in articles
            ]
        )

    async def _read_articles(self, relabels: Sequence[Relabel]) -> dict[str, Article]:
        docs = [
            {
                "_index": f"{self._options.index_prefix}-articles-{one.month}",
                "_id": one.article_id,
                "_source": {"excludes": ["match_terms"]},
            }
            for one in relabels
        ]
        answer = await self._client.mget(docs=docs)
        return {doc["_id"]: from_document(doc["_source"]) for doc in answer["docs"] if doc.get("found")}


async def read_stories(
    client: AsyncElasticsearch, options: ElasticsearchOptions, story_ids: Sequence[str]
) -> dict[str, StoryDocument | None]:
    """Return the documents of stories as they were last written, None for one that is not there."""
    if not story_ids:
        return {}
    answer = await client.mget(docs=[{"_index": options.stories_index, "_id": one} for one in story_ids])
    found = {doc["_id"]: decode_story(doc["_source"]) for doc in answer["docs"] if doc.get("found")}
    return {story_id: found.get(story_id) for story_id in story_ids}


async def follow_story(
    client: AsyncElasticsearch, options: ElasticsearchOptions, story_id: str
) -> StoryDocument | None:
    """Return the document of a story, or of the one that it was found to be."""
    document = None
    for _ in range(_MAX_HOPS):
        document = (await read_stories(client, options, [story_id]))[story_id]
        if document is None or document.merged_into is None:
            break
        story_id = document.merged_into
    return document


async def find_stories(
    client: AsyncElasticsearch, options: ElasticsearchOptions, wanted: StorySearch
) -> list[StoryDocument]:
    """Return the stories that were asked for, in the order that was asked for."""
    answer = await client.search(
        index=options.stories_index,
        query=stories_query(wanted),
        sort=[
            *([{"articles": "desc"}] if wanted.order == "largest" else []),
            {"last_time": "desc"},
            {"story_id": "asc"},
        ],
        size=min(wanted.limit, 10_000),
        track_total_hits=False,
        ignore_unavailable=True,
    )
    return [decode_story(hit["_source"]) for hit in answer["hits"]["hits"]]


def stories_query(wanted: StorySearch) -> dict[str, Any]:
    """Return the query of a search for stories."""
    filters: list[dict[str, Any]] = [{"range": {"articles": {"gte": max(1, wanted.min_articles)}}}]
    if wanted.since is not None:
        filters.append(_range("last_time", "gte", microseconds(wanted.since) // 1000))
    if wanted.until is not None:
        filters.append(_range("first_time", "lt", -(-microseconds(wanted.until) // 1000)))
    for kind, value in (("topic", wanted.topic), ("lang", wanted.language), ("entity", wanted.entity)):
        if value is not None:
            filters.append({"term": {"keys": story_key(kind, value)}})
    return {"bool": {"filter": filters, "must_not": [{"exists": {"field": "merged_into"}}]}}


def old_stories_query(wanted: ArchiveSearch) -> dict[str, Any]:
    """Return the query of the stories that share names, scored by how many, and had begun around a day."""
    keys = [story_key("entity", one) for one in wanted.entities]
    return {
        "bool": {
            "filter": [
                _range("first_time", "gte", microseconds(wanted.begun_after) // 1000),
                _range("first_time", "lt", microseconds(wanted.begun_before) // 1000),
                _range("last_time", "gte", microseconds(wanted.alive_after) // 1000),
            ],
            "must_not": [{"exists": {"field": "merged_into"}}],
            "should": [{"constant_score": {"filter": {"term": {"keys": key}}}} for key in keys],
            "minimum_should_match": 1,
        }
    }


def encode_story(document: StoryDocument) -> bytes:
    """Return a story as a document of the index."""
    try:
        return _encode(document)
    except UnicodeEncodeError:
        return _encode(encodable(document))


def decode_story(source: Mapping[str, Any]) -> StoryDocument:
    """Return the story of a document's `_source`."""
    return msgspec.convert(source, StoryDocument)


def _encode(document: StoryDocument) -> bytes:
    fields = {name: getattr(document, name) for name in StoryDocument.__struct_fields__}
    fields["titles"] = list(document.headlines.values())
    fields["entity_ids"] = list(document.entities)
    fields["topic_ids"] = list(document.topics)
    fields["keys"] = _short(story_keys(document))
    if document.merged_into is None:
        del fields["merged_into"]
    return msgspec.json.encode(fields)


def _short(keys: Iterable[str]) -> list[str]:
    return [key for key in keys if len(key) <= _MAX_KEY_LETTERS]


def _range(field: str, bound: str, milliseconds: int) -> dict[str, Any]:
    return {"range": {field: {bound: milliseconds, "format": "epoch_millis"}}}
