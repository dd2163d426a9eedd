"""The index of the stories, kept by as many writers as there are.

    articles ─▶ read their stories (by id, as written a moment ago) ─▶ Shelf ─▶ write, if nobody else has meanwhile
                       ▲                                                          │
                       └──────────────────────── conflict ◀───────────────────────┘

A document is written under its `revision`, one more than was read, as an external version: of two writers that have
read the same document one is refused, reads again, and adds its articles to what the other has written.

A story that is nothing but the article that began it has no document (`lone.py`). Whoever writes such an article looks
for a document AFTER it is written; whoever makes a document looks for the article again AFTER that is written. So of
two that meet at least one sees the other; and as a document of revision 1 may be one whose maker was killed before it
looked, the article is looked for with such a one, too (docs/decisions/0225).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
from elasticsearch import AsyncElasticsearch, AuthorizationException

from streams.model import Article
from streams.stores.base import StorySearch
from streams.stores.elasticsearch.bulk import BulkLoop, Item
from streams.stores.elasticsearch.documents import from_document, index_at, index_name, to_document
from streams.stores.elasticsearch.lone import Houses, document_of, lone_stories
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.searching import find
from streams.stores.records import article_time, encodable, microseconds, version_of
from streams.stores.story_keys import story_key, story_keys
from streams.stories.archive import DAYS_BEFORE, ArchiveSearch
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

    async def shelved(self, articles: Sequence[Article], places: Mapping[str, str]) -> tuple[Shelf, list[Article]]:
        """Return the shelf of `articles`, with them in it, and the stored articles that were put on it besides.

        `places`: the index of articles that were written lately, by id, as far as is known. Raises `StoreHalted`.
        """
        shelf = Shelf(self._houses, keeps_lone=False)
        beginnings: list[Article] = []
        while missing := shelf.missing([*beginnings, *articles]):
            found = await self._patiently(partial(read_stories, self._client, self._options, sorted(missing)))
            shelf.give(found)
            young = [story_id for story_id, document in found.items() if document is None or document.revision == 1]
            beginnings += await self._patiently(partial(self._beginnings, young, articles, places))
        await asyncio.to_thread(shelf.take, [*beginnings, *articles])
        return shelf, beginnings

    async def grown(self, alone: Sequence[Article]) -> list[Article]:
        """Return those of `alone`, which are written, whose stories have documents. Raises `StoreHalted`."""
        if not alone:
            return []
        docs = [{"_index": self._options.stories_index, "_id": one.article_id, "_source": False} for one in alone]
        answer = await self._patiently(lambda: self._client.mget(docs=docs, filter_path="docs._id,docs.found"))
        found = {doc["_id"] for doc in answer["docs"] if doc.get("found")}
        return [article for article in alone if article.article_id in found]

    async def keep(
        self, articles: Sequence[Article], written: Sequence[Article], shelved: tuple[Shelf, list[Article]],
        places: Mapping[str, str],
    ) -> list[str]:  # fmt: skip
        """Store what became of the stories of `articles`, which are stored as `written`.

        Returns what was refused, one line each. Raises `StoreHalted`.
        """
        shelf, beginnings = shelved
        labels = {article.article_id: article.story_id for article in (*beginnings, *written)}
        attempt = 0
        while True:
            late = [one for one in shelf.labelled([*beginnings, *articles]) if one.story_id != labels[one.article_id]]
            await self._write_articles(late)
            labels |= {article.article_id: article.story_id for article in late}
            await self._relabel(list(shelf.relabels.values()))
            gaining, losing = shelf.changed()
            refused: list[str] = []
            # What one story loses another must have first, whatever happens in between.
            if await self._write(gaining, refused) and await self._write(losing, refused):
                made = [one.story_id for one in (*gaining, *losing) if one.revision == 1]
                begun = await self._patiently(partial(self._beginnings, made, articles, places))
                if not shelf.missing(begun) and not any(map(shelf.lacks, begun)):
                    return refused
            else:
                ceiling = min(_LONGEST_WAIT_SECONDS, 0.01 * 2.0 ** min(attempt, 10))
                await asyncio.sleep(random.uniform(0, ceiling))
                attempt += 1
            shelf, beginnings = await self.shelved(articles, places)
            labels |= {article.article_id: article.story_id for article in beginnings}

    async def _beginnings(
        self, story_ids: Sequence[str], articles: Sequence[Article], places: Mapping[str, str]
    ) -> list[Article]:
        """Return the stored articles that began these stories."""
        if not story_ids:
            return []
        # Where it may be: the months of the articles that have come together with it, and what may lie before them.
        months = {index_name(one, self._options.index_prefix) for one in articles}
        months |= {
            index_at(article_time(one) - timedelta(days=DAYS_BEFORE), self._options.index_prefix) for one in articles
        }
        docs = [
            {"_index": index, "_id": one, "_source": {"excludes": ["match_terms"]}}
            for one in story_ids
            for index in ({places[one]} if one in places else months)
        ]
        answer = await self._client.mget(docs=docs)
        newest: dict[str, dict[str, Any]] = {}
        for doc in answer["docs"]:
            if doc.get("found") and doc["_version"] > newest.get(doc["_id"], doc | {"_version": -1})["_version"]:
                newest[doc["_id"]] = doc
        found = {article_id: from_document(doc["_source"]) for article_id, doc in newest.items()}
        if elsewhere := [one for one in story_ids if one not in found]:
            # Long ago, as a rule, or not there at all.
            with contextlib.suppress(AuthorizationException):  # what a search sees is a second old, then
                await self._client.indices.refresh(index=self._options.index_pattern, ignore_unavailable=True)
            found |= {one.article_id: one for one in await find(self._client, self._options, elsewhere)}
        # Also one that has left its story meanwhile: it may have been edited since it was put where it is.
        return [article for article in found.values() if article.story_id is not None]

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
    client: AsyncElasticsearch, options: ElasticsearchOptions, story_id: str, houses: Houses
) -> StoryDocument | None:
    """Return the document of a story, or of the one that it was found to be."""
    document = None
    for _ in range(_MAX_HOPS):
        document = (await read_stories(client, options, [story_id]))[story_id]
        if document is None:
            found = await find(client, options, [story_id])
            return document_of(found[0], houses) if found else None
        if document.merged_into is None:
            break
        story_id = document.merged_into
    return document


async def find_stories(
    client: AsyncElasticsearch, options: ElasticsearchOptions, wanted: StorySearch, houses: Houses
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
    kept = [decode_story(hit["_source"]) for hit in answer["hits"]["hits"]]
    is_full_of_larger = wanted.order == "largest" and len(kept) == wanted.limit and kept[-1].articles > 1
    if wanted.min_articles > 1 or is_full_of_larger:
        return kept
    lone = await lone_stories(client, options, wanted, houses)
    found = {one.story_id: one for one in (*lone, *kept)}
    return sorted(found.values(), key=partial(_place, wanted))[: wanted.limit]


def _place(wanted: StorySearch, story: StoryDocument) -> tuple[int, int, str]:
    # As the index sorts them: it knows milliseconds.
    size = -story.articles if wanted.order == "largest" else 0
    return size, -(microseconds(story.last_time) // 1000), story.story_id


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
