"""The one-process runtime: the same stages, called in turn, one SQLite file.

    collector ─ deliver ─▶ [enrich ─▶ story ─▶ alert] ─▶ ONE transaction: articles, feed state, story state, trends,
                            ▲                            alerts, quarantine
                            └ of the next batch meanwhile, by a helper process (`agent.burst`)

Feed state, articles and what they became are committed together, so a killed agent has either seen an entry and stored
its article, or neither: exactly once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from agent.burst import BurstHelper, Sharing
from agent.collect.records import Delivery, SinkUnavailable
from streams import channels, codec
from streams.model import Article, QuarantineRecord, RawArticle
from streams.pipeline import Pipeline, Rejected
from streams.stores.base import StoreError

if TYPE_CHECKING:
    from agent.alerts.embedded import EmbeddedAlerts
    from streams.metrics import Metrics
    from streams.stores.sqlite import SqliteStore
    from streams.trends.records import Trend

TREND_STATE_KEPT = timedelta(hours=channels.TREND_STATE.retention_hours or 0)
_BATCH_ARTICLES = 200
"""So many that a long batch still gets help (`agent.burst`), and a transaction costs little beside them."""
OnStored = Callable[[Sequence[Article]], None]


class EmbeddedSink:
    """Takes what the collector delivers through the stages and into the store; one batch at a time, in a thread of
    its own.

    The thread keeps a long batch from holding up fetching. Deliveries that arrive while a batch is being written are
    written together with the next one: a transaction costs more than an article.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        store: SqliteStore,
        metrics: Metrics,
        on_stored: OnStored | None = None,
        burst: BurstHelper | None = None,
        alerts: EmbeddedAlerts | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._store = store
        self._metrics = metrics
        self._on_stored = on_stored
        self._burst = burst
        self._alerts = alerts
        self._waiting: list[tuple[Sequence[Delivery], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rasad-stages")

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Process and store; returns when articles and states are committed.

        Raises:
            SinkUnavailable: nothing was committed; deliver the same again later.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((deliveries, done))
        self._metrics.queue_depth.labels("deliveries").set(len(self._waiting))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def close(self) -> None:
        """Finish what was delivered."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        self._thread.shutdown(wait=True)
        if self._burst is not None:
            self._burst.close()

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        batch: _Batch | None = None
        while batch is not None or self._waiting:
            following = self._next_batch() if self._waiting else None
            self._metrics.queue_depth.labels("deliveries").set(len(self._waiting))
            try:
                articles = await loop.run_in_executor(self._thread, self._advance, batch, following)
            except Exception as error:  # whatever it was, the collector keeps its deliveries and tries again
                if batch is not None:
                    batch.fail(error if isinstance(error, SinkUnavailable) else _unavailable(error))
            else:
                if batch is not None:
                    batch.succeed()
                if self._on_stored is not None and articles:
                    self._on_stored(articles)
            batch = following

    def _next_batch(self) -> _Batch:
        """Take what waits, but no more than is quickly committed: alerts go out when their batch is."""
        articles = groups = 0
        while groups < len(self._waiting) and articles < _BATCH_ARTICLES:
            articles += sum(len(delivery.articles) for delivery in self._waiting[groups][0])
            groups += 1
        taken, self._waiting = self._waiting[:groups], self._waiting[groups:]
        return _Batch([delivery for group, _ in taken for delivery in group], [done for _, done in taken])

    def _advance(self, batch: _Batch | None, following: _Batch | None) -> list[Article]:
        """Write a batch, if there is one, while the one that follows is being enriched."""
        if following is not None and self._burst is not None:
            # What cannot be begun fails when its own turn comes.
            with suppress(Exception):
                following.begin(self._burst)
        return self._write(batch) if batch is not None else []

    def _write(self, batch: _Batch) -> list[Article]:
        deliveries = batch.deliveries
        articles: list[Article] = []
        quarantined: list[QuarantineRecord] = []
        for result in self._processed(batch):
            if isinstance(result, Article):
                articles.append(result)
            else:
                quarantined.append(self._quarantine(*result))
        stories = self._pipeline.stories
        trends = stories.trends.found(self._pipeline.clock())
        with self._deciding(articles, trends) as alerts:
            with self._metrics.timed("index", len(articles)), self._store.transaction() as transaction:
                verdicts = transaction.write(articles)
                transaction.put_feed_states({d.state.feed_url: codec.encode(d.state) for d in deliveries})
                transaction.put_quarantine(quarantined)
                if (begins := stories.window.begins) is not None:
                    transaction.put_story_state(stories.take_kept(), begins)
                now = self._pipeline.clock()
                transaction.put_trends(trends)
                transaction.put_trend_state(stories.trends.unsaved(), now - TREND_STATE_KEPT)
                if alerts is not None:
                    alerts.write(transaction)
        stories.trends.saved()
        self._metrics.trended(trends, stories.trends, now)
        for article, verdict in zip(articles, verdicts, strict=True):
            self._metrics.bulk_items.labels(verdict.outcome).inc()
            for stage in ("collect", "enrich", "story", "index", *(("alert",) if self._alerts is not None else ())):
                self._metrics.left_stage(stage, article, now)
        self._metrics.published.inc(len(articles))
        if quarantined:
            self._metrics.quarantine_size.set(self._store.quarantine_count())
        return articles

    @contextmanager
    def _deciding(self, articles: Sequence[Article], trends: Iterable[Trend]) -> Iterator[EmbeddedAlerts | None]:
        """Decide on alerts; what was decided counts when the block ends well, and else never was."""
        alerts = self._alerts
        if alerts is None:
            yield None
            return
        try:
            with self._metrics.timed("alert", len(articles)):
                alerts.decide(articles, trends)
            yield alerts
        except BaseException:
            alerts.roll_back()
            raise
        alerts.commit()

    def _processed(self, batch: _Batch) -> Iterator[Article | tuple[Rejected, bytes]]:
        if self._burst is None:
            yield from (self._pipeline.process(raw) for raw in batch.raws)
            return
        sharing = batch.sharing or batch.begin(self._burst)
        articles = len(sharing.payloads)
        enrich_seconds = 0.0
        started = time.perf_counter()
        with closing(self._burst.results(sharing)) as enriched:
            for payload in sharing.payloads:
                asked = time.perf_counter()
                result = next(enriched)
                enrich_seconds += time.perf_counter() - asked
                yield (result, payload) if isinstance(result, Rejected) else self._pipeline.process_enriched(result)
        self._metrics.took("enrich", enrich_seconds, articles)
        self._metrics.took("story", time.perf_counter() - started - enrich_seconds, articles)

    def _quarantine(self, rejected: Rejected, payload: bytes) -> QuarantineRecord:
        self._metrics.rejected(rejected.stage, rejected.reason)
        reads = next(stage.reads[0].name for stage in self._pipeline.stages if stage.name == rejected.stage)
        return rejected.quarantine(payload, channel=reads, key=None, now=self._pipeline.clock())


@dataclass
class _Batch:
    """Deliveries that are committed together, and who waits for them."""

    deliveries: list[Delivery]
    waiting: list[asyncio.Future[None]]
    sharing: Sharing | None = None

    @property
    def raws(self) -> Iterator[RawArticle]:
        return (raw for delivery in self.deliveries for raw in delivery.articles)

    def begin(self, burst: BurstHelper) -> Sharing:
        """Begin to enrich it."""
        self.sharing = burst.begin([codec.encode(raw) for raw in self.raws])
        return self.sharing

    def succeed(self) -> None:
        """Let go on who waits."""
        for done in self.waiting:
            if not done.done():
                done.set_result(None)

    def fail(self, failure: SinkUnavailable) -> None:
        """Tell who waits that nothing was committed."""
        for done in self.waiting:
            if not done.done():
                done.set_exception(failure)


def _unavailable(error: Exception) -> SinkUnavailable:
    detail = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
    failure = SinkUnavailable(detail)
    failure.__cause__ = error
    return failure
