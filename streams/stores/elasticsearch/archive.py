"""The cluster as the story stage's archive. Blocking, for a thread; tried once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from elastic_transport import SerializationError, TransportError
from elasticsearch import ApiError, UnsupportedProductError

from streams.model import Article
from streams.stores.elasticsearch.client import connect_blocking, translate
from streams.stores.elasticsearch.documents import from_document
from streams.stores.elasticsearch.lone import closest_first, lone_candidates
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.stories import decode_story, old_stories_query
from streams.stories.archive import ArchiveSearch, ArchiveUnavailable
from streams.stories.documents import StoryDocument

T = TypeVar("T")


class ElasticsearchArchive:
    """A `StoryArchive` in the cluster that `options` name.

    Raises:
        StoreHalted: the options cannot be used.
    """

    def __init__(self, options: ElasticsearchOptions) -> None:
        self._options = options
        self._client = connect_blocking(options)

    def article(self, article_id: str) -> Article | None:
        """Return a stored article. Raises `ArchiveUnavailable`."""
        answer = self._ask(
            lambda: self._client.search(
                index=self._options.index_pattern,
                query={"ids": {"values": [article_id]}},
                size=4,
                version=True,
                source_excludes=["match_terms"],
                track_total_hits=False,
                ignore_unavailable=True,
            )
        )
        newest = max(answer["hits"]["hits"], key=lambda hit: hit["_version"], default=None)
        return from_document(newest["_source"]) if newest is not None else None

    def candidates(self, wanted: ArchiveSearch) -> list[StoryDocument]:
        """Return stories, the ones that share most first. Raises `ArchiveUnavailable`."""
        answer = self._ask(
            lambda: self._client.search(
                index=self._options.stories_index,
                query=old_stories_query(wanted),
                sort=[{"_score": "desc"}, {"articles": "desc"}, {"story_id": "asc"}],
                size=wanted.limit,
                track_total_hits=False,
                ignore_unavailable=True,
            )
        )
        kept = [decode_story(hit["_source"]) for hit in answer["hits"]["hits"]]
        lone = self._ask(lambda: lone_candidates(self._client, self._options, wanted))
        found = {one.story_id: one for one in (*lone, *kept)}
        return sorted(found.values(), key=lambda one: closest_first(one, wanted))[: wanted.limit]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, request: Callable[[], T]) -> T:
        try:
            return request()
        except (ApiError, TransportError, SerializationError, UnsupportedProductError) as error:
            fault = translate(error, self._options)
            raise ArchiveUnavailable(str(fault)) from fault
