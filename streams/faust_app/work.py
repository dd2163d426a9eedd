"""What is done with a batch: a pure stage in a thread of its own, or the index. No Kafka here."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from streams import channels, codec
from streams.channels import Channel
from streams.metrics import Metrics
from streams.model import Article, Kept, RawArticle
from streams.pipeline import Rejected
from streams.stores.base import StoreError, StoreUnavailable, Verdict
from streams.stories.archive import ArchiveUnavailable
from streams.trends.keeper import TrendKeeper
from streams.trends.records import Trend

log = logging.getLogger("rasad.worker")


@dataclass(frozen=True, slots=True)
class Item:
    """One record as it was read."""

    payload: bytes
    channel: Channel


@dataclass(frozen=True, slots=True)
class Beside:
    """A record that a stage writes beside its outputs: its state, or what it found."""

    channel: Channel
    key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Output:
    """What goes on to the next channel."""

    payload: bytes
    record: RawArticle
    beside: tuple[Beside, ...] = ()
    """What is to be acknowledged with it, and written before it."""
    key: bytes | None = None
    """None: the article's id."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The end of the flow for an article, or for a finding, and what was decided because of it."""

    record: RawArticle | None
    first: tuple[Beside, ...] = ()
    """Acknowledged before anything of `then` is written: what must not be lost."""
    then: tuple[Beside, ...] = ()
    """What says that the first need not be written again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The end of the flow: nothing goes on."""

    record: RawArticle


@dataclass(frozen=True, slots=True)
class Noted:
    """Stored, and no article: nothing goes on, and nothing is counted."""


Result = Output | Decided | Stored | Noted | Rejected


class Work(Protocol):
    """The work of one stage, as the runner calls it."""

    @property
    def name(self) -> str:
        """Name of the stage."""
        ...

    @property
    def reads(self) -> tuple[Channel, ...]:
        """The channels that records come from."""
        ...

    @property
    def writes(self) -> Channel | None:
        """The channel of the outputs; None at the end of the flow."""
        ...

    @property
    def may_wait(self) -> bool:
        """True where a batch may take as long as an outage of a store does."""
        ...

    @property
    def beside(self) -> tuple[Channel, ...]:
        """The channels of what is written beside the outputs."""
        ...

    async def begin(self, generation: int) -> None:
        """Get ready for records of this generation of the consumer group; called before each batch.

        Raises:
            StoreUnavailable: try again later.
        """
        ...

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """Return one result for each item, in order.

        Raises:
            StoreHalted: a person must act; nothing may be acknowledged.
            StoreUnavailable: try again later.
        """
        ...


class StageLike(Protocol):
    """What is needed of `streams.pipeline.Stage`."""

    @property
    def name(self) -> str: ...
    @property
    def reads(self) -> tuple[Channel, ...]: ...
    @property
    def writes(self) -> Channel: ...
    def step(self, payload: bytes) -> tuple[bytes, Any] | Rejected: ...


class StatefulStage(Protocol):
    """What is needed of `streams.story.StoryStage`."""

    @property
    def trends(self) -> TrendKeeper: ...
    def take_kept(self) -> list[Kept]: ...
    def restore(self, records: Iterable[bytes]) -> int: ...


class IndexStore(Protocol):
    """What is needed of a store."""

    async def write(self, articles: Sequence[Article]) -> list[Verdict]: ...
    async def write_trends(self, trends: Sequence[Trend]) -> None: ...


class StageWork:
    """Runs a pure stage off the event loop: a long batch would otherwise hold up the consumer's rebalancing and the
    health checks."""

    may_wait = False

    def __init__(self, stage: StageLike, executor: Executor) -> None:
        self._stage = stage
        self._executor = executor
        self.name = stage.name
        self.reads = stage.reads
        self.writes: Channel | None = stage.writes
        self.beside: tuple[Channel, ...] = ()

    async def begin(self, generation: int) -> None:
        """Nothing: the stage has no state."""

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """Return the stage's output or rejection for each item."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._steps, items)

    def _steps(self, items: Sequence[Item]) -> list[Result]:
        return [self._step(item) for item in items]

    def _step(self, item: Item) -> Result:
        result = self._stage.step(item.payload)
        if isinstance(result, Rejected):
            return result
        payload, record = result
        if item.channel is channels.BACKFILL and not record.is_backfill:
            # Whoever filled the channel: what travels on it must never alert as if it were news.
            record = msgspec.structs.replace(record, is_backfill=True)
            payload = codec.encode(record)
        return Output(payload, record)


class StoryWork(StageWork):
    """Runs the story stage, whose window is built from its channel again whenever the partition comes to this worker.

    Another worker may have had the partition meanwhile, and what this one knows of the window is then out of date.
    """

    def __init__(
        self,
        stage: StageLike,
        state: StatefulStage,
        executor: Executor,
        read_state: Callable[[Channel], Iterable[bytes]],
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        """`read_state` gives the newest record of each key of a state channel."""
        super().__init__(stage, executor)
        self.beside = (channels.STORY_STATE, channels.TREND_STATE, channels.TRENDS)
        self._state = state
        self._read_state = read_state
        self._metrics = metrics
        self._clock = clock
        self._generation: int | None = None
        self._begun: tuple[Sequence[Item], list[Result]] | None = None
        """A batch that could not be finished, with what was made of its first items."""

    async def begin(self, generation: int) -> None:
        """Build window and counts from their channels, where the group has changed since."""
        if generation == self._generation:
            return
        await asyncio.get_running_loop().run_in_executor(self._executor, self._restore)
        self._generation = generation

    def _restore(self) -> None:
        self._begun = None
        faulty = self._state.restore(self._read_state(channels.STORY_STATE))
        if faulty:
            log.warning("%s: %d records of its state cannot be read; their articles are met anew", self.name, faulty)
        if faulty := self._state.trends.restore(self._read_state(channels.TREND_STATE)):
            log.warning("%s: %d records of the trends' counts cannot be read and are left out", self.name, faulty)

    def _steps(self, items: Sequence[Item]) -> list[Result]:
        results = self._begun[1] if self._begun is not None and self._begun[0] is items else []
        self._begun = items, results
        for item in items[len(results) :]:
            try:
                results.append(self._step(item))
            except ArchiveUnavailable as error:
                raise (
                    error.__cause__ if isinstance(error.__cause__, StoreError) else StoreUnavailable(str(error))
                ) from error
        self._begun = None
        # Once a batch: most articles of a batch are counted into the same hours.
        for place in range(len(results) - 1, -1, -1):
            last = results[place]
            if isinstance(last, Output):
                results[place] = dataclasses.replace(last, beside=(*last.beside, *self._trends()))
                break
        return results

    def _step(self, item: Item) -> Result:
        result = super()._step(item)
        kept = tuple(Beside(channels.STORY_STATE, one.key.encode(), one.record) for one in self._state.take_kept())
        if not isinstance(result, Output):
            return result
        # By story, so that whoever follows what becomes of stories needs only some of the partitions.
        story_id = getattr(result.record, "story_id", None)
        return dataclasses.replace(result, beside=kept, key=story_id.encode() if story_id else None)

    def _trends(self) -> list[Beside]:
        trends, now = self._state.trends, self._clock()
        found = trends.found(now)
        self._metrics.trended(found, trends, now)
        beside = [Beside(channels.TREND_STATE, one.key.encode(), one.record) for one in trends.unsaved()]
        beside += [Beside(channels.TRENDS, trend.trend_id.encode(), codec.encode(trend)) for trend in found]
        # The runner publishes them until they are acknowledged, or the counts are built again.
        trends.saved()
        return beside


class IndexWork:
    """Writes articles and trends to the store, which waits out its own outages."""

    name = "index"
    reads = (channels.ARTICLES, channels.TRENDS)
    writes: Channel | None = None
    beside: tuple[Channel, ...] = ()
    may_wait = True

    def __init__(self, store: IndexStore) -> None:
        self._store = store

    async def begin(self, generation: int) -> None:
        """Nothing: the store remembers."""

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """Store the articles and trends among `items`; what is neither, or is refused, is rejected."""
        results: list[Result | None] = []
        articles: list[Article] = []
        trends: list[Trend] = []
        for item in items:
            try:
                if item.channel is channels.TRENDS:
                    trends.append(codec.decode(item.payload, Trend))
                    results.append(Noted())
                else:
                    articles.append(codec.decode(item.payload, Article))
                    results.append(None)
            except codec.CodecError as error:
                results.append(Rejected(self.name, error.reason, error.detail))
        verdicts = iter(zip(articles, await self._store.write(articles) if articles else [], strict=True))
        if trends:
            await self._store.write_trends(trends)
        for place, result in enumerate(results):
            if result is None:
                article, verdict = next(verdicts)
                refused = verdict.outcome == "refused"
                results[place] = Rejected(self.name, "refused_by_store", verdict.detail) if refused else Stored(article)
        return [result for result in results if result is not None]
