"""The runner's promises: nothing is acknowledged before all that came of it is, and nothing raises into Faust."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from streams import codec
from streams.channels import ARTICLES, STORY_STATE
from streams.faust_app.runner import Runner
from streams.faust_app.work import Beside, Item, Output, Result
from streams.model import QuarantineRecord, RawArticle
from streams.pipeline import Rejected
from streams.quarantine import ATTEMPTS_HEADER, quarantine_id
from streams.stores.base import StoreHalted, StoreUnavailable
from tests.unit.worker.fakes import App, Event, Message, MessageSizeTooLargeError, Stream, Work, events, runner_for


@asynccontextmanager
async def running(runner: Runner, stream: Stream) -> AsyncIterator[asyncio.Task[None]]:
    body = asyncio.create_task(runner.run(stream))
    try:
        yield body
    finally:
        body.cancel()
        with suppress(asyncio.CancelledError):
            await body


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  (what is looked at is plain state)
            await asyncio.sleep(0.001)


def quarantined(app: App) -> list[QuarantineRecord]:
    return [codec.decode(value, QuarantineRecord) for topic, _, value in app.producer.sent if topic == "t.quarantine"]


async def test_outputs_are_keyed_by_article_and_inputs_acknowledged_in_order() -> None:
    app, work, stream = App(), Work(), Stream(events(450))
    runner, state, metrics = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: len(stream.acked) == 450)
    assert stream.acked == list(range(450))
    assert [topic for topic, _, _ in app.producer.sent] == ["t.enriched"] * 450
    assert all(key == json.loads(value)["article_id"].encode() for _, key, value in app.producer.sent)
    assert max(work.calls) <= 200 and len(work.calls) < 450
    assert stream.enable_acks is False, "Faust must not acknowledge by itself"
    assert state.processed == 450 and state.busy_since is None
    assert metrics.registry.get_sample_value("rasad_articles_total", {"stage": "enrich", "language": "und"}) == 450


async def test_nothing_is_acknowledged_before_the_broker_has_the_outputs() -> None:
    app, stream = App(), Stream(events(3))
    app.producer.held = []
    runner, _, _ = runner_for(Work(), app)
    async with running(runner, stream):
        await until(lambda: len(app.producer.held or []) == 3)
        await asyncio.sleep(0.02)
        assert stream.acked == []
        for acknowledgement in app.producer.held:
            acknowledgement.set_result(None)
        await until(lambda: stream.acked == [0, 1, 2])


async def test_outputs_that_kafka_refuses_for_now_are_sent_again() -> None:
    app, stream = App(), Stream(events(5))
    failures = iter([ConnectionError("away")] * 7)
    app.producer.fault = lambda _topic, _value: next(failures, None)
    runner, state, _ = runner_for(Work(), app)
    async with running(runner, stream):
        await until(lambda: len(stream.acked) == 5)
    assert len({value for _, _, value in app.producer.sent}) == 5
    assert state.waiting_for is None


async def test_while_kafka_is_away_the_stage_says_so() -> None:
    app, stream = App(), Stream(events(1))
    app.producer.fault = lambda _topic, _value: ConnectionError("away")
    runner, state, _ = runner_for(Work(), app)
    async with running(runner, stream):
        await until(lambda: state.waiting_for == "Kafka")
    assert stream.acked == []


async def test_a_rejected_record_goes_to_quarantine_with_its_bytes_and_place() -> None:
    app, work = App(), Work()
    poison = Event(Message("t.raw", 3, 7, b"\xff", b"\x00no json", headers=[(ATTEMPTS_HEADER, b"4")]))
    stream = Stream([poison, *events(2)])

    def reject(item: Item) -> Result | None:
        return Rejected("enrich", "undecodable", "no JSON") if item.payload == b"\x00no json" else None

    work.fault = reject
    runner, _, metrics = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: stream.acked == [7, 0, 1])
    [record] = quarantined(app)
    assert (record.payload, record.key, record.channel, record.stage) == (b"\x00no json", b"\xff", "raw", "enrich")
    assert (record.reason, record.detail, record.attempts) == ("undecodable", "no JSON", 4)
    assert record.position == "partition 3 offset 7"
    [key] = [key for topic, key, _ in app.producer.sent if topic == "t.quarantine"]
    assert key == quarantine_id("raw", 3, 7, b"\x00no json").encode()
    labels = {"stage": "enrich", "reason": "undecodable"}
    assert metrics.registry.get_sample_value("rasad_quarantined_total", labels) == 1


@pytest.mark.parametrize("value", [None, b""])
async def test_an_empty_record_is_quarantined_as_empty(value: bytes | None) -> None:
    app, work, stream = App(), Work(), Stream([Event(Message("t.raw", 0, 0, None, value))])
    work.fault = lambda _item: Rejected("enrich", "undecodable", "Input data was truncated")
    runner, _, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: stream.acked == [0])
    [record] = quarantined(app)
    assert (record.payload, record.detail) == (b"", "the record is empty")


@pytest.mark.parametrize("header", [b"x", b"", b"\xff", b"-3", b"9" * 99])
async def test_a_forged_attempts_header_does_no_harm(header: bytes) -> None:
    app, work = App(), Work()
    stream = Stream([Event(Message("t.raw", 0, 0, None, b"?", headers=[(ATTEMPTS_HEADER, header)]))])
    work.fault = lambda _item: Rejected("enrich", "undecodable", "")
    runner, _, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: stream.acked == [0])
    [record] = quarantined(app)
    assert 1 <= record.attempts <= 1_000_000


async def test_an_output_too_large_for_its_channel_is_quarantined_and_its_neighbours_are_not() -> None:
    app, stream = App(), Stream(events(4))
    large = stream._events[2].message.value
    first_try = [True] * 4

    def fault(topic: str, value: bytes) -> Exception | None:
        if topic != "t.enriched":
            return None
        if first_try:
            first_try.pop()
            return MessageSizeTooLargeError("the batch")  # Kafka refuses whole batches
        return MessageSizeTooLargeError("the record") if value == large else None

    app.producer.fault = fault
    runner, _, _ = runner_for(Work(), app)
    async with running(runner, stream):
        await until(lambda: len(stream.acked) == 4)
    [record] = quarantined(app)
    assert (record.reason, record.payload) == ("too_large", large)
    assert sorted(value for topic, _, value in app.producer.sent if topic == "t.enriched") == sorted(
        event.message.value for event in stream._events if event.message.value != large
    )


async def test_a_record_too_large_even_for_quarantine_leaves_its_place_there() -> None:
    app, work, stream = App(), Work(), Stream([Event(Message("t.raw", 1, 5, b"k", b"x" * 9000))])
    work.fault = lambda _item: Rejected("enrich", "undecodable", "")
    app.producer.fault = lambda _topic, value: MessageSizeTooLargeError("no") if len(value) > 8000 else None
    runner, _, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: stream.acked == [5])
    [record] = quarantined(app)
    assert (record.payload, record.reason, record.position) == (b"", "too_large", "partition 1 offset 5")
    assert "9000 bytes" in record.detail


async def test_records_of_an_earlier_generation_are_neither_processed_nor_acknowledged() -> None:
    app, work = App(consumer_generation_id=2), Work()
    stream = Stream([*events(3, generation=1), *events(2, generation=2)])
    runner, _, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: len(stream.acked) == 2)
    assert len(app.producer.sent) == 2


async def test_a_fault_of_the_work_itself_is_tried_again_and_then_isolated() -> None:
    app, work, stream = App(), Work(), Stream(events(6))
    guilty = stream._events[4].message.value

    def fault(item: Item) -> Result | None:
        if item.payload == guilty:
            raise ZeroDivisionError("a fault of ours")
        return None

    work.fault = fault
    runner, _, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: len(stream.acked) == 6)
    [record] = quarantined(app)
    assert (record.reason, record.payload) == ("stage_failed", guilty)
    assert "ZeroDivisionError" in record.detail
    assert len(app.producer.sent) == 6


async def test_a_store_that_refuses_us_halts_the_stage_until_it_is_mended() -> None:
    app, work = App(), Work(reads=(ARTICLES,), writes=ARTICLES)
    stream = Stream([Event(Message("t.articles", 0, e.message.offset, b"k", e.message.value)) for e in events(2)])
    refuses = True

    def fault(_item: Item) -> Result | None:
        if refuses:
            raise StoreHalted("401")
        return None

    work.fault = fault
    runner, state, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: state.halted == "401" and len(work.calls) > 3)
        assert stream.acked == [] and app.producer.sent == []
        refuses = False
        await until(lambda: stream.acked == [0, 1])
    assert state.halted is None


async def test_a_store_that_is_away_is_waited_for() -> None:
    app, work, stream = App(), Work(), Stream(events(2))
    answers: list[Exception | None] = [StoreUnavailable("away")] * 5

    def fault(_item: Item) -> Result | None:
        if answers and (error := answers.pop()):
            raise error
        return None

    work.fault = fault
    runner, _, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: stream.acked == [0, 1])


async def test_draining_finishes_the_batch_in_hand_and_takes_no_other() -> None:
    app, stream = App(), Stream(events(500))
    app.producer.held = []
    runner, _, _ = runner_for(Work(), app, batch_articles=100)
    async with running(runner, stream):
        await until(lambda: len(app.producer.held or []) == 100)
        draining = asyncio.create_task(runner.drain(30))
        await asyncio.sleep(0.01)
        assert not draining.done()
        held, app.producer.held = app.producer.held, None
        for acknowledgement in held:
            acknowledgement.set_result(None)
        assert await draining is True
    # One batch being acknowledged, and at most one being computed meanwhile.
    assert stream.acked in (list(range(100)), list(range(200)))


async def test_draining_does_not_wait_for_an_outage_to_end() -> None:
    app, stream = App(), Stream(events(5))
    app.producer.fault = lambda _topic, _value: ConnectionError("away")
    runner, state, _ = runner_for(Work(), app, retry_seconds=3600.0)
    async with running(runner, stream):
        await until(lambda: state.waiting_for == "Kafka")
        async with asyncio.timeout(30):
            assert await runner.drain(600) is True
    assert stream.acked == []


async def test_a_batch_is_closed_when_it_has_enough_bytes() -> None:
    app, work, stream = App(), Work(), Stream(events(10))
    runner, _, _ = runner_for(work, app, batch_bytes=1, batch_wait_seconds=10.0)
    async with running(runner, stream):
        await until(lambda: len(stream.acked) == 10)
    assert set(work.calls) == {1}


async def test_what_a_stage_keeps_is_acknowledged_before_its_input_is() -> None:
    app, stream = App(), Stream(events(2))
    app.producer.held = []
    work = Work(beside=(STORY_STATE,))

    def placed(item: Item) -> Output:
        record = codec.decode(item.payload, RawArticle)
        return Output(item.payload, record, (Beside(STORY_STATE, record.article_id.encode(), b"place"),))

    work.fault = placed
    runner, _, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: len(app.producer.held or []) == 4)
        kept = [(topic, key, value) for topic, key, value in app.producer.sent if topic == "t.story-state"]
        assert len(kept) == 2 and all(value == b"place" for _, _, value in kept)
        assert {key for _, key, _ in kept} == {key for topic, key, _ in app.producer.sent if topic == "t.enriched"}
        held = app.producer.held
        for acknowledgement in held[:3]:
            acknowledgement.set_result(None)
        await asyncio.sleep(0.02)
        assert stream.acked == []
        held[3].set_result(None)
        await until(lambda: stream.acked == [0, 1])


async def test_a_work_is_told_the_generation_before_each_batch_and_may_ask_for_time() -> None:
    app, work, stream = App(), Work(), Stream(events(1))
    away = iter([StoreUnavailable("the state channel is away")])

    async def begin(generation: int) -> None:
        work.generations.append(generation)
        for error in away:
            raise error

    work.begin = begin  # type: ignore[method-assign]
    runner, state, _ = runner_for(work, app)
    async with running(runner, stream):
        await until(lambda: stream.acked == [0])
    assert work.generations == [1, 1]
    assert state.waiting_for is None
