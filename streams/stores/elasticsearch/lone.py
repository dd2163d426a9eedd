"""Stories of one article have no document: the article stands for the story that it began (docs/decisions/0225).

Such articles are marked by a key among their match terms. A mark says that an article began its story and is still in
it, not that it is the only one: where the story has a document, that counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from elasticsearch import AsyncElasticsearch, Elasticsearch

from streams.model import Article
from streams.stores.base import StorySearch
from streams.stores.elasticsearch.documents import BEGINS, from_document
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.keys import field_key
from streams.stores.records import microseconds
from streams.stores.story_keys import story_key, story_keys
from streams.stories.archive import ArchiveSearch
from streams.stories.documents import StoryDocument, story_document
from streams.stories.shelf import begins

_LARGEST_PAGE = 500
_NOT_READ = ["match_terms", "text"]
Houses = Mapping[str, str] | None


def document_of(article: Article, houses: Houses) -> StoryDocument | None:
    """Return the document of the story that an article began; None where it is another story's by now."""
    return story_document(article.article_id, [article], houses) if begins(article) else None


async def lone_stories(
    client: AsyncElasticsearch, options: ElasticsearchOptions, wanted: StorySearch, houses: Houses
) -> list[StoryDocument]:
    """Return the newest stories of one article that were asked for."""
    keys = [
        (field_key(field, value), story_key(field, value))
        for field, value in (("topic", wanted.topic), ("lang", wanted.language), ("entity", wanted.entity))
        if value is not None
    ]
    filters: list[dict[str, Any]] = [{"term": {"match_terms": {"value": key}}} for key, _ in keys]
    if wanted.since is not None:
        filters.append(_times("gte", microseconds(wanted.since) // 1000))
    if wanted.until is not None:
        filters.append(_times("lt", -(-microseconds(wanted.until) // 1000)))
    found: list[StoryDocument] = []
    size = min(max(wanted.limit, 50), _LARGEST_PAGE)
    request = _request(options, size, {"bool": {"filter": [_BEGINS, *filters]}}, [{"@timestamp": "desc"}])
    async for hits in _pages(client, request):
        articles = _articles(hits)
        asked = _known_request(options, articles)
        known = _known((await client.mget(**asked)).body) if articles else set()
        for document in _documents(articles, known, houses):
            # A document holds less than its article: what an article names far down, its story is not found by.
            if {key for _, key in keys} <= set(story_keys(document)):
                found.append(document)
        if len(found) >= wanted.limit:
            break
    return found[: wanted.limit]


def lone_candidates(client: Elasticsearch, options: ElasticsearchOptions, wanted: ArchiveSearch) -> list[StoryDocument]:
    """Return the stories of one article that share the most of the names asked for, and are of around that day."""
    query = {
        "bool": {
            "filter": [
                _BEGINS,
                _times("gte", microseconds(max(wanted.begun_after, wanted.alive_after)) // 1000),
                _times("lt", microseconds(wanted.begun_before) // 1000),
            ],
            "should": [
                {"constant_score": {"filter": {"term": {"match_terms": field_key("entity", one)}}}}
                for one in wanted.entities
            ],
            "minimum_should_match": 1,
        }
    }
    request = _request(options, 4 * wanted.limit, query, [{"_score": "desc"}])
    found: list[StoryDocument] = []
    while True:
        hits = client.search(**request)["hits"]["hits"]
        articles = _articles(hits)
        known = _known(client.mget(**_known_request(options, articles)).body) if articles else set()
        documents = _documents(articles, known, None)
        found += [document for document in documents if shared(document, wanted)]
        found.sort(key=lambda document: closest_first(document, wanted))
        del found[wanted.limit :]
        # A document may name less than its article does, and so come later than it was found.
        is_full = len(found) == wanted.limit and shared(found[-1], wanted) >= hits[-1]["sort"][0]
        if is_full or len(hits) < request["size"]:
            return found
        request["search_after"] = hits[-1]["sort"]


def shared(document: StoryDocument, wanted: ArchiveSearch) -> int:
    """Return how many of the names asked for a story has."""
    return sum(one in document.entities for one in dict.fromkeys(wanted.entities))


def closest_first(document: StoryDocument, wanted: ArchiveSearch) -> tuple[int, int, str]:
    """Return what candidates are sorted by."""
    return -shared(document, wanted), -document.articles, document.story_id


_BEGINS: dict[str, Any] = {"term": {"match_terms": {"value": BEGINS}}}


def _request(
    options: ElasticsearchOptions, size: int, query: dict[str, Any], sort: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "index": options.index_pattern,
        "query": query,
        "sort": [*sort, {"article_id": "asc"}],
        "size": size,
        "source_excludes": _NOT_READ,
        "track_total_hits": False,
        "ignore_unavailable": True,
    }


async def _pages(client: AsyncElasticsearch, request: dict[str, Any]) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    while True:
        hits = (await client.search(**request))["hits"]["hits"]
        yield hits
        if len(hits) < request["size"]:
            return
        request = {**request, "search_after": hits[-1]["sort"], "size": _LARGEST_PAGE}


def _articles(hits: Iterable[Mapping[str, Any]]) -> list[Article]:
    # Of an article on its way from one month to another there are two documents for a moment.
    return list({hit["_id"]: from_document(hit["_source"]) for hit in hits}.values())


def _known_request(options: ElasticsearchOptions, articles: Sequence[Article]) -> dict[str, Any]:
    return {"docs": [{"_index": options.stories_index, "_id": one.article_id, "_source": False} for one in articles]}


def _known(answer: Mapping[str, Any]) -> set[str]:
    return {doc["_id"] for doc in answer["docs"] if doc.get("found")}


def _documents(articles: Iterable[Article], known: set[str], houses: Houses) -> list[StoryDocument]:
    found = (document_of(article, houses) for article in articles if article.article_id not in known)
    return [document for document in found if document is not None]


def _times(bound: str, milliseconds: int) -> dict[str, Any]:
    return {"range": {"@timestamp": {bound: milliseconds, "format": "epoch_millis"}}}
