"""A Faust app, stream and producer as the runner sees them, without Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from streams import codec
from streams.channels import ENRICHED, RAW, Channel
from streams.faust_app.options import WorkerOptions
from streams.faust_app.runner import Runner, StageState
from streams.faust_app.work import Item, Output, Result
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import RawArticle

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PREFIX = "t."


def raw(number: int) -> RawArticle:
    url = f"https://outlet.example/{number}"
    return RawArticle(article_id=article_id(canonical_url=url), url=url, title=f"Day {number}", collected_at=NOW)


@dataclass
class Message:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    generation_id: int = 1
    headers: Any = ()


@dataclass
class Event:
    message: Message
    acked: list[int] = field(default_factory=list)

    def ack(self) -> bool:
        self.acked.append(self.message.offset)
        return True


class MessageSizeTooLargeError(Exception):
    """By its name what aiokafka raises."""


@dataclass
class Producer:
    """Acknowledges what is sent, or fails as `fault` says."""

    sent: list[tuple[str, bytes | None, bytes]] = field(default_factory=list)
    fault: Callable[[str, bytes], Exception | None] = lambda _topic, _value: None
    held: list[asyncio.Future[None]] | None = None
    """A list: acknowledgements are withheld, and kept here."""

    async def send(self, topic: str, key: bytes | None, value: bytes, *_: Any) -> asyncio.Future[None]:
        acknowledgement: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        error = self.fault(topic, value)
        if error is not None:
            acknowledgement.set_exception(error)
        else:
            self.sent.append((topic, key, value))
            if self.held is None:
                acknowledgement.set_result(None)
            else:
                self.held.append(acknowledgement)
        return acknowledgement


@dataclass
class App:
    producer: Producer = field(default_factory=Producer)
    consumer_generation_id: int = 1


class Stream:
    """Gives its events and then waits, as a stream of Kafka does."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.enable_acks = True
        self.acked: list[int] = []
        self._events = events
        for event in events:
            event.acked = self.acked

    async def events(self) -> AsyncIterator[Event]:
        for event in self._events:
            yield event
        await asyncio.Event().wait()


class Work:
    """Passes records on; `fault` may raise or reject."""

    name = "enrich"
    may_wait = False

    def __init__(
        self,
        *,
        reads: tuple[Channel, ...] = (RAW,),
        writes: Channel | None = ENRICHED,
        beside: tuple[Channel, ...] = (),
    ) -> None:
        self.reads = reads
        self.writes = writes
        self.beside = beside
        self.generations: list[int] = []
        self.calls: list[int] = []
        self.fault: Callable[[Item], Result | None] = lambda _item: None

    async def begin(self, generation: int) -> None:
        self.generations.append(generation)

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        self.calls.append(len(items))
        results: list[Result] = []
        for item in items:
            odd = self.fault(item)
            results.append(odd or Output(item.payload, codec.decode(item.payload, RawArticle)))
        return results


def events(count: int, *, generation: int = 1) -> list[Event]:
    return [
        Event(Message(PREFIX + "raw", 0, number, b"k", codec.encode(raw(number)), generation))
        for number in range(count)
    ]


def runner_for(work: Work, app: App, **options: Any) -> tuple[Runner, StageState, Metrics]:
    state, metrics = StageState(), Metrics()
    given = {"batch_wait_seconds": 0.001, "retry_seconds": 0.001, "channel_prefix": PREFIX, **options}
    runner = Runner(work, WorkerOptions(**given), metrics, lambda: NOW, state)
    runner.bind(app)
    return runner, state, metrics
