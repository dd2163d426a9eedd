"""What is done with a batch: a pure stage in a thread of its own, or the index. No Kafka here."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from streams import channels, codec
from streams.channels import Channel
from streams.model import Article, Kept, RawArticle
from streams.pipeline import Rejected
from streams.stores.base import ArticleStore

log = logging.getLogger("rasad.worker")


@dataclass(frozen=True, slots=True)
class Item:
    """One record as it was read."""

    payload: bytes
    channel: Channel


@dataclass(frozen=True, slots=True)
class Output:
    """What goes on to the next channel."""

    payload: bytes
    record: RawArticle
    kept: tuple[bytes, ...] = ()
    """What the stage keeps of it, for its state channel, by the record's key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The end of the flow: nothing goes on."""

    record: RawArticle


Result = Output | Stored | Rejected


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
    def keeps(self) -> Channel | None:
        """The channel of what is kept; None for a stage without state."""
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

    def take_kept(self) -> list[Kept]: ...
    def restore(self, records: Iterable[bytes]) -> int: ...


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
        self.keeps: Channel | None = None

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
        self, stage: StageLike, state: StatefulStage, executor: Executor, read_state: Callable[[], Iterable[bytes]]
    ) -> None:
        super().__init__(stage, executor)
        self.keeps = channels.STORY_STATE
        self._state = state
        self._read_state = read_state
        self._generation: int | None = None

    async def begin(self, generation: int) -> None:
        """Build the window from the state channel, where the group has changed since."""
        if generation == self._generation:
            return
        await asyncio.get_running_loop().run_in_executor(self._executor, self._restore)
        self._generation = generation

    def _restore(self) -> None:
        faulty = self._state.restore(self._read_state())
        if faulty:
            log.warning("%s: %d records of its state cannot be read; their articles are met anew", self.name, faulty)

    def _step(self, item: Item) -> Result:
        result = super()._step(item)
        kept = tuple(kept.record for kept in self._state.take_kept())
        return dataclasses.replace(result, kept=kept) if isinstance(result, Output) else result


class IndexWork:
    """Writes articles to the store, which waits out its own outages."""

    name = "index"
    reads = (channels.ARTICLES,)
    writes: Channel | None = None
    keeps: Channel | None = None
    may_wait = True

    def __init__(self, store: ArticleStore) -> None:
        self._store = store

    async def begin(self, generation: int) -> None:
        """Nothing: the store remembers."""

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """Store the articles among `items`; what is none, or is refused, is rejected."""
        results: list[Result | None] = []
        articles = []
        for item in items:
            try:
                articles.append(codec.decode(item.payload, Article))
                results.append(None)
            except codec.CodecError as error:
                results.append(Rejected(self.name, error.reason, error.detail))
        verdicts = iter(zip(articles, await self._store.write(articles) if articles else [], strict=True))
        for place, result in enumerate(results):
            if result is None:
                article, verdict = next(verdicts)
                refused = verdict.outcome == "refused"
                results[place] = Rejected(self.name, "refused_by_store", verdict.detail) if refused else Stored(article)
        return [result for result in results if result is not None]
