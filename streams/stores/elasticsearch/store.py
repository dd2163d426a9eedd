"""The article store of the distributed runtime: monthly Elasticsearch indices.

write   bulk loop ─▶ every document has its verdict ─▶ copies in other months removed
search  point in time ─ candidates by key, newest first ─▶ the matcher decides
tail    per shard, by sequence number
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
from elastic_transport import SerializationError, TransportError
from elasticsearch import ApiError, NotFoundError, UnsupportedProductError

from streams.alerts.records import Alert
from streams.metrics import Metrics
from streams.model import Article
from streams.stores.base import (
    Hit,
    Search,
    SearchPage,
    StoreError,
    StoreHalted,
    StoreUnavailable,
    StorySearch,
    Summary,
    TrendSearch,
    Verdict,
)
from streams.stores.elasticsearch.alerts import alert_items
from streams.stores.elasticsearch.bulk import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, BulkLoop, Item
from streams.stores.elasticsearch.client import connect, translate
from streams.stores.elasticsearch.documents import index_name, to_document
from streams.stores.elasticsearch.homes import Homes
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.elasticsearch.searching import find, search_page
from streams.stores.elasticsearch.stories import StoryIndex, find_stories, follow_story
from streams.stores.elasticsearch.summarizing import summary
from streams.stores.elasticsearch.tailing import Follower
from streams.stores.elasticsearch.template import side_templates
from streams.stores.elasticsearch.trends import find_trends, trend_items
from streams.stores.pages import CANDIDATE_BUDGET
from streams.stores.plan import Plan
from streams.stores.records import version_of
from streams.stories.documents import StoryDocument
from streams.stories.shelf import apart
from streams.trends.records import Trend

logger = logging.getLogger(__name__)

_REMEMBERED = 100_000
_COUNTED_EXACTLY = 40_000
"""Values: as many as Elasticsearch counts exactly at the most."""
T = TypeVar("T")
_FAULTS = (ApiError, TransportError, SerializationError, UnsupportedProductError)


class ElasticsearchStore:
    """An `ArticleStore` in an Elasticsearch 9.x cluster, whose template `rasad admin init` has made.

    Args:
        options: how to reach it.
        metrics: where bulk outcomes are counted.
        clock: gives `indexed_at`.
        candidate_budget: candidates that one search looks at.
        first_wait_seconds, longest_wait_seconds: bounds of the back-off.
        houses: the id of a source by those of its editions, for the lineages of stories.

    Raises:
        StoreHalted: the options cannot be used.
    """

    def __init__(
        self,
        options: ElasticsearchOptions,
        *,
        metrics: Metrics | None = None,
        clock: Callable[[], datetime] | None = None,
        candidate_budget: int = CANDIDATE_BUDGET,
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
        houses: Mapping[str, str] | None = None,
    ) -> None:
        self.options = options
        self._metrics = metrics
        self._clock = clock if clock is not None else lambda: datetime.now(UTC)
        self._budget = candidate_budget
        self._first_wait = first_wait_seconds
        self._longest_wait = longest_wait_seconds
        self._client = connect(options)
        waits = {"first_wait_seconds": first_wait_seconds, "longest_wait_seconds": longest_wait_seconds}
        self._loop = BulkLoop(self._client, options, self._count, **waits)
        self._side_loop = BulkLoop(self._client, options, lambda outcome, documents: None, **waits)
        """For what is kept beside the articles, and not counted among them."""
        self._story_index = StoryIndex(self._client, options, self._side_loop, self._patiently, houses)
        self._houses = houses
        self._homes = Homes(self._client, options)
        self._is_prepared = False

    async def write(self, articles: Sequence[Article]) -> list[Verdict]:
        """Store `articles`; one verdict each, in order. Waits as long as the cluster needs.

        Raises:
            StoreHalted: the cluster refuses us, or has no template for our indices.
        """
        if not articles:
            return []
        await self._prepare()
        alone, others = apart(articles)
        places = self._homes.places
        shelf, beginnings = await self._story_index.shelved(others, places)
        labelled = {id(before): after for before, after in zip(others, shelf.labelled(others), strict=True)}
        written = [labelled.get(id(article), article) for article in articles]
        items = [
            Item(
                index_name(article, self.options.index_prefix),
                article.article_id,
                version_of(article),
                partial(self._encode, article),
            )
            for article in written
        ]
        await self._loop.send(items)
        looking = asyncio.ensure_future(self._story_index.grown(alone))
        try:
            copies = await self._patiently(lambda: self._homes.elsewhere(items))
            grown = await looking
        finally:
            looking.cancel()
        await self._homes.settle(items, copies, self._loop)
        refused = {id(article) for article, item in zip(articles, items, strict=True) if item.outcome == "refused"}
        touched = [article for article in (*others, *grown) if id(article) not in refused]
        if refused or grown:
            shelf, beginnings = await self._story_index.shelved(touched, places)
        for line in await self._story_index.keep(touched, written, (shelf, beginnings), places):
            logger.error("index: the document of a story is refused, and left as it was: %s", line)
        return [Verdict(item.id, item.outcome or "refused", item.detail) for item in items]

    async def write_trends(self, trends: Sequence[Trend]) -> None:
        """Store what stands out; of two records of one finding the later one stays. Waits as `write` does.

        Raises:
            StoreHalted: the cluster refuses us, or has no template for our indices.
        """
        await self._prepare()
        await self._side_loop.send(items := trend_items(trends, self.options))
        for item in items:
            if item.outcome == "refused":
                logger.error("index: a trend is refused, and left out: %s", item.detail)

    async def write_alerts(self, alerts: Sequence[Alert]) -> list[str]:
        """Put alerts into their index; return why some were refused. Waits as `write` does.

        Raises:
            StoreHalted: the cluster refuses us, or has no template for our indices.
        """
        await self._prepare()
        await self._side_loop.send(items := alert_items(alerts, self.options))
        return [item.detail for item in items if item.outcome == "refused"]

    async def trends(self, wanted: TrendSearch) -> list[Trend]:
        """Return what stood out, the newest hours that were asked for, in order of time."""
        return await self._once(find_trends(self._client, self.options, wanted))

    async def story(self, story_id: str) -> StoryDocument | None:
        """Return the document of a story, or of the one that it was merged into; None where there is none."""
        return await self._once(follow_story(self._client, self.options, story_id, self._houses))

    async def stories(self, wanted: StorySearch) -> list[StoryDocument]:
        """Return stories, without those that were merged into another."""
        return await self._once(find_stories(self._client, self.options, wanted, self._houses))

    async def count_stories(self) -> int:
        """Return how many stories the visible articles have; of more than 40,000 to within a few in a hundred."""
        count = {"cardinality": {"field": "story_id", "precision_threshold": _COUNTED_EXACTLY}}
        answer = await self._once(
            self._client.search(
                index=self.options.index_pattern,
                size=0,
                aggregations={"stories": count},
                track_total_hits=False,
                ignore_unavailable=True,
            )
        )
        return int(answer["aggregations"]["stories"]["value"]) if "aggregations" in answer else 0

    async def search(self, search: Search) -> SearchPage:
        """Return the articles that match, at one point in time.

        Raises:
            streams.query.QueryError: the query is faulty.
            StoreUnavailable, StoreHalted: the cluster cannot be asked.
        """
        plan = Plan.of(search)
        return await self._once(search_page(self._client, self.options, plan, self._budget))

    async def summarize(self, search: Search, *, values: int = 50) -> Summary:
        """Count the articles that match, by facet and over time.

        Raises:
            streams.query.QueryError: the query is faulty.
            StoreUnavailable, StoreHalted: the cluster cannot be asked.
        """
        return await self._once(summary(self._client, self.options, Plan.of(search), values))

    async def get(self, article_id: str) -> Article | None:
        """Return one article, or None; up to a second after it was written it may not be seen yet."""
        found = await self._once(find(self._client, self.options, [article_id]))
        return found[0] if found else None

    def tail(
        self, search: Search, *, poll_seconds: float = 0.5, ready: Callable[[], None] | None = None
    ) -> AsyncGenerator[Hit, None]:
        """Yield matching articles as they are indexed, from the first `anext` on, each once, for ever.

        `ready` is called when the starting point is fixed: all that is indexed after that will be seen. A cluster that
        is away is waited for.
        """
        return self._tail(Plan.of(search, is_standing=True), poll_seconds, ready)

    async def count(self) -> int:
        """Return how many articles are stored and visible."""
        answer = await self._once(self._client.count(index=self.options.index_pattern, ignore_unavailable=True))
        return int(answer["count"])

    async def refresh(self) -> None:
        """Make everything written so far visible to searches; the cluster does so by itself every second."""
        names = [self.options.index_pattern, *side_templates(self.options)]
        await self._once(self._client.indices.refresh(index=names, ignore_unavailable=True))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _encode(self, article: Article) -> bytes:
        return to_document(msgspec.structs.replace(article, indexed_at=self._clock()))

    def _count(self, outcome: str, documents: int) -> None:
        if self._metrics is not None and documents:
            self._metrics.bulk_items.labels(outcome).inc(documents)

    async def _prepare(self) -> None:
        if not self._is_prepared:
            for name in (self.options.template_name, *side_templates(self.options)):
                await self._patiently(partial(self._require_template, name))
            self._is_prepared = True

    async def _require_template(self, name: str) -> None:
        """Refuse to write where Elasticsearch would guess the mapping."""
        try:
            await self._client.indices.get_index_template(name=name)
        except NotFoundError as error:
            raise StoreHalted(f"Elasticsearch has no index template {name}: run `rasad admin init` first") from error
        except ApiError as error:
            if error.status_code != 403:
                raise
            # A worker's key need not be allowed to see templates.
            logger.info("index: may not look for the index template; taking it to be there")

    async def _once(self, request: Awaitable[T]) -> T:
        try:
            return await request
        except _FAULTS as error:
            raise translate(error, self.options) from error

    async def _patiently(self, request: Callable[[], Awaitable[T]]) -> T:
        """Return what `request` gives, tried again for as long as the cluster is away. Raises `StoreHalted`."""
        failures = 0
        while True:
            try:
                return await self._once(request())
            except StoreUnavailable as error:
                failures = await self._wait_out(error, failures)

    async def _wait_out(self, error: StoreError, failures: int) -> int:
        """Wait a while, longer with every failure; return the failures so far. Raises `error` if waiting cannot
        help."""
        if not isinstance(error, StoreUnavailable):
            raise error
        ceiling = min(self._longest_wait, self._first_wait * 2.0 ** min(failures, 20))
        failures += 1
        if failures in (1, 3, 10) or failures % 30 == 0:
            logger.warning("%s; attempt %d", error, failures)
        await asyncio.sleep(random.uniform(ceiling / 2, ceiling))
        return failures

    async def _tail(
        self, plan: Plan, poll_seconds: float, ready: Callable[[], None] | None
    ) -> AsyncGenerator[Hit, None]:
        follower = Follower(self._client, self.options, plan)
        await self._once(follower.start())
        if ready is not None:
            ready()
        shown: OrderedDict[str, None] = OrderedDict()
        failures = 0
        while True:
            try:
                async for articles in follower.poll():
                    failures = 0
                    for article in articles:
                        hit = plan.judge(article) if article.article_id not in shown else None
                        if hit is not None:
                            shown[article.article_id] = None
                            yield hit
                    while len(shown) > _REMEMBERED:
                        shown.popitem(last=False)
            except _FAULTS as error:
                failures = await self._wait_out(translate(error, self.options), failures)
            await asyncio.sleep(poll_seconds)
