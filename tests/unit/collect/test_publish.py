"""Publishing against a producer that fails on purpose. The real one is in tests/integration/test_collect_kafka.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka.errors import (
    InvalidProducerEpochError,
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumberError,
    TopicAuthorizationFailedError,
)

from agent import publish
from agent.collect.records import Delivery, SinkUnavailable
from agent.collect.state import FeedState, SeenEntry, pack_seen
from agent.publish import KafkaSink, check_crc32c
from agent.settings import KafkaSettings
from streams import codec
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import RawArticle

SETTINGS = KafkaSettings(channel_prefix="t.", max_message_bytes=20_000)
Fault = Callable[[str, bytes, bytes], Exception | None]


@dataclass
class Broker:
    """What producers share: everything acknowledged, in order, and the faults to come."""

    log: list[tuple[str, bytes, bytes, int | None]] = field(default_factory=list)
    on_send: Fault = lambda *_: None
    on_ack: Fault = lambda *_: None
    producers: int = 0
    closed: int = 0

    def values(self, topic: str) -> list[bytes]:
        return [value for name, _, value, _ in self.log if name == topic]


class FakeFuture:
    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def get(self, timeout: float) -> None:
        if self._error is not None:
            raise self._error


class FakeProducer:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        broker.producers += 1

    def send(self, topic: str, value: bytes, *, key: bytes, partition: int | None) -> FakeFuture:
        if (refused := self._broker.on_send(topic, key, value)) is not None:
            raise refused
        error = self._broker.on_ack(topic, key, value)
        if error is None:
            self._broker.log.append((topic, key, value, partition))
        return FakeFuture(error)

    def partitions_for(self, topic: str) -> set[int]:
        return {0, 1, 2}

    def close(self, timeout: float) -> None:
        self._broker.closed += 1


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    options: list[dict[str, Any]] = []

    def connect(**given: Any) -> FakeProducer:
        options.append(given)
        return FakeProducer(made)

    monkeypatch.setattr("kafka.KafkaProducer", connect)
    monkeypatch.setattr(publish, "_RETRY_SECONDS", 0.0)
    made.options = options  # type: ignore[attr-defined]
    return made


@pytest.fixture
async def sink(broker: Broker) -> AsyncIterator[KafkaSink]:
    made = KafkaSink(SETTINGS, Metrics())
    yield made
    await made.close()


def article(number: int, text: str = "text", **changes: Any) -> RawArticle:
    return RawArticle(
        article_id=article_id(canonical_url=f"https://a.example/{number}"),
        title=f"Headline {number}",
        text=text,
        collected_at=datetime(2023, 1, 5, tzinfo=UTC),
        **changes,
    )


def delivery(*articles: RawArticle, name: str = "feed", **changes: Any) -> Delivery:
    state = FeedState(feed_url=f"https://a.example/{name}", source_id="a", polls=1, **changes)
    return Delivery(state=state, articles=articles)


async def test_articles_come_before_their_state(sink: KafkaSink, broker: Broker) -> None:
    await sink.deliver([delivery(article(1), article(2, is_backfill=True))])
    assert [(topic, key.decode()[:8]) for topic, key, _, _ in broker.log] == [
        ("t.raw", article(1).article_id[:8]),
        ("t.backfill", article(2).article_id[:8]),
        ("t.feed-state", "https://"),
    ]
    assert broker.log[-1][3] == publish.partition_of("a", 3)
    assert codec.decode(broker.log[0][2], RawArticle) == article(1)


async def test_the_producer_is_asked_for_what_it_must_do(sink: KafkaSink, broker: Broker) -> None:
    await sink.deliver([delivery(article(1))])
    (options,) = broker.options  # type: ignore[attr-defined]
    assert options["acks"] == "all"
    assert options["enable_idempotence"] is True
    assert options["allow_auto_create_topics"] is False


@pytest.mark.parametrize(
    "error",
    [
        KafkaConnectionError(),
        KafkaTimeoutError(),
        OutOfOrderSequenceNumberError(),
        InvalidProducerEpochError(),
        RuntimeError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_was_not_acknowledged_is_sent_again(sink: KafkaSink, broker: Broker, error: Exception) -> None:
    failures = iter([error] * 7)
    broker.on_ack = lambda topic, *_: next(failures, None) if topic == "t.raw" else None
    await sink.deliver([delivery(*(article(n) for n in range(5)))])
    assert {codec.decode(value, RawArticle).title for value in broker.values("t.raw")} == {
        f"Headline {n}" for n in range(5)
    }
    assert broker.log[-1][0] == "t.feed-state"
    assert next(failures, None) is None


async def test_a_producer_that_cannot_recover_is_replaced(sink: KafkaSink, broker: Broker) -> None:
    failures = iter([InvalidProducerEpochError()])
    broker.on_ack = lambda *_: next(failures, None)
    await sink.deliver([delivery(article(1))])
    assert (broker.producers, broker.closed) == (2, 1)


async def test_no_state_without_its_articles(sink: KafkaSink, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "GIVE_UP_SECONDS", 0.05)
    broker.on_ack = lambda topic, *_: KafkaConnectionError() if topic == "t.raw" else None
    with pytest.raises(SinkUnavailable):
        await sink.deliver([delivery(article(1))])
    assert not broker.log
    broker.on_ack = lambda *_: None
    await sink.deliver([delivery(article(1))])
    assert [entry[0] for entry in broker.log] == ["t.raw", "t.feed-state"]


async def test_a_refusal_is_not_waited_for(sink: KafkaSink, broker: Broker) -> None:
    broker.on_send = lambda *_: TopicAuthorizationFailedError("t.raw")
    with pytest.raises(SinkUnavailable, match="TopicAuthorizationFailed"):
        await sink.deliver([delivery(article(1))])


@pytest.mark.parametrize("where", ["on_send", "on_ack"])
async def test_an_article_that_is_too_large_is_cut_not_lost(sink: KafkaSink, broker: Broker, where: str) -> None:
    def refuse(_: str, __: bytes, value: bytes) -> Exception | None:
        return MessageSizeTooLargeError("too large") if len(value) > SETTINGS.max_message_bytes else None

    setattr(broker, where, refuse)
    await sink.deliver([delivery(article(1), article(2, text="word " * 50_000), article(3))])
    found = [codec.decode(value, RawArticle) for value in broker.values("t.raw")]
    assert {each.title for each in found} == {"Headline 1", "Headline 2", "Headline 3"}
    assert any(each.text.startswith("word word") for each in found)
    assert len(broker.values("t.feed-state")) == 1


async def test_a_state_that_is_too_large_forgets_the_oldest(sink: KafkaSink, broker: Broker) -> None:
    broker.on_send = lambda _, __, value: (
        MessageSizeTooLargeError("x") if len(value) > SETTINGS.max_message_bytes else None
    )
    entries = [SeenEntry(n.to_bytes(16, "big"), bytes(8), bytes(6), bytes(6), 1) for n in range(5_000)]
    await sink.deliver([delivery(listed=5_000, seen=pack_seen(entries, 5_000))])
    state = codec.decode(broker.values("t.feed-state")[0], FeedState)
    kept = [entry.article_id for entry in state.entries()]
    assert kept == [entry.article_id for entry in entries[: len(kept)]]
    assert len(kept) > 50


async def test_deliveries_at_once_are_published_together(sink: KafkaSink, broker: Broker) -> None:
    await asyncio.gather(*(sink.deliver([delivery(article(n), name=str(n))]) for n in range(50)))
    assert len(broker.values("t.raw")) == len(broker.values("t.feed-state")) == 50
    assert [entry[0] for entry in broker.log].count("t.raw") == 50


async def test_whoever_stopped_waiting_is_not_published(sink: KafkaSink, broker: Broker) -> None:
    first = asyncio.create_task(sink.deliver([delivery(article(1), name="1")]))
    second = asyncio.create_task(sink.deliver([delivery(article(2), name="2")]))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([first, second])
    assert b"Headline 2" not in b"".join(broker.values("t.raw"))


async def test_counts_what_was_acknowledged(broker: Broker) -> None:
    metrics = Metrics()
    sink = KafkaSink(SETTINGS, metrics)
    await sink.deliver([delivery(article(1), article(2))])
    await sink.close()
    assert metrics.registry.get_sample_value("rasad_articles_published_total") == 2
    assert metrics.registry.get_sample_value("rasad_articles_total", {"stage": "collect", "language": "und"}) == 2


def test_crc32c_is_there() -> None:
    check_crc32c()
