"""Moves the records of one stage: batch → work → outputs acknowledged by the broker → input acknowledged.

    stream ─▶ intake ─ batch ─▶ work ─▶ outputs, quarantine ─ acknowledged ─▶ ack ─▶ Faust commits

Nothing here raises into Faust, which would acknowledge the record that failed. An input is acknowledged only when
everything that came of it is safe, and in the order in which it was read, because Faust commits up to the highest
acknowledged offset of an unbroken run.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from streams import channels, codec
from streams.channels import Channel
from streams.faust_app.intake import Intake
from streams.faust_app.options import WorkerOptions
from streams.faust_app.work import Decided, Item, Noted, Output, Result, Work
from streams.metrics import Metrics
from streams.model import QuarantineRecord
from streams.pipeline import Rejected
from streams.quarantine import ATTEMPTS_HEADER, quarantine_id
from streams.stores.base import StoreHalted, StoreUnavailable

log = logging.getLogger("rasad.worker")

_FIRST_RETRY_SECONDS = 0.5
_FAILURES_BEFORE_SPLIT = 2
_MAX_KEY_BYTES = 10_000
_LOGGED_REJECTS = 3
_REFUSED_AS_TOO_LARGE = ("MessageSizeTooLargeError", "RecordTooLargeError", "RecordListTooLargeError")


@dataclass
class StageState:
    """What a stage is doing, for the watchdog, `/readyz` and the tests. Times are of the monotonic clock."""

    busy_since: float | None = None
    """When the batch in hand was begun; None between batches."""
    last_progress: float = field(default_factory=time.monotonic)
    """When a batch was last finished."""
    waiting_for: str | None = None
    """The service that is being waited for."""
    halted: str | None = None
    """Why the store refuses us; a person must act."""
    processed: int = 0
    """Records finished since the start of the process."""

    def progressed(self, records: int) -> None:
        """Note that a batch was finished."""
        self.waiting_for = self.halted = None
        self.last_progress = time.monotonic()
        self.processed += records


@dataclass(frozen=True, slots=True)
class _Done:
    """One record and what the stage made of it."""

    event: Any
    item: Item
    result: Result


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """What is to be published because of it."""

    channel: Channel
    key: bytes | None
    value: bytes
    done: _Done


class Runner:
    """Runs one `Work` on one Faust app's stream. A new app needs a new runner; `state` outlives both."""

    def __init__(
        self,
        work: Work,
        options: WorkerOptions,
        metrics: Metrics,
        clock: Callable[[], datetime],
        state: StageState,
    ) -> None:
        self._work = work
        self._options = options
        self._metrics = metrics
        self._clock = clock
        self.state = state
        self._app: Any = None
        self._by_topic: Mapping[str, Channel] = {c.full_name(options.channel_prefix): c for c in work.reads}
        self._intake = Intake(options.batch_articles, options.batch_bytes)
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = asyncio.Event()

    def bind(self, app: Any) -> None:
        """Say which Faust app the streams come from."""
        self._app = app

    async def run(self, stream: Any) -> None:
        """Be the body of the agent: process `stream` until cancelled."""
        stream.enable_acks = False
        self._metrics.halted.labels(self._work.name).set(0)
        processor = asyncio.create_task(self._process_all(), name=f"rasad-{self._work.name}")
        try:
            async for event in stream.events():
                await self._intake.put(event)
        finally:
            # What is in hand stays unacknowledged, and is delivered again.
            processor.cancel()
            with suppress(asyncio.CancelledError):
                await processor

    async def drain(self, timeout_seconds: float) -> bool:
        """Take no more batches; return whether the one in hand was finished in time."""
        self._stopping.set()
        self._intake.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout_seconds)
        return self._idle.is_set()

    async def _process_all(self) -> None:
        # While the broker acknowledges the outputs of one batch the next is computed; never more than these two.
        finishing: asyncio.Task[None] | None = None
        try:
            while not self._stopping.is_set():
                events = await self._intake.take(self._options.batch_wait_seconds)
                if not events:
                    continue
                self._begin()
                batch = await self._compute(events)
                if finishing is not None:
                    await finishing
                finishing = asyncio.create_task(self._finish(batch))
            if finishing is not None:
                await finishing
        finally:
            if finishing is not None:
                finishing.cancel()
                await asyncio.gather(finishing, return_exceptions=True)

    def _begin(self) -> None:
        self._in_hand += 1
        self._idle.clear()
        self._metrics.queue_depth.labels(self._work.name).set(len(self._intake))
        if self.state.busy_since is None:
            self.state.busy_since = time.monotonic()

    def _end(self) -> None:
        self._in_hand -= 1
        self.state.busy_since = time.monotonic() if self._in_hand else None
        if not self._in_hand:
            self._idle.set()

    def _current(self, batch: Sequence[_Done]) -> list[_Done]:
        # After a rebalance the broker delivers again, to whom it now concerns, all that was not committed.
        generation = self._app.consumer_generation_id
        return [done for done in batch if done.event.message.generation_id == generation]

    async def _compute(self, events: Sequence[Any]) -> list[_Done]:
        # Never raises; empty when the worker is being stopped.
        generation = self._app.consumer_generation_id
        events = [event for event in events if event.message.generation_id == generation]
        while events and not self._stopping.is_set():
            try:
                items = [Item(event.message.value or b"", self._by_topic[event.message.topic]) for event in events]
                with self._metrics.timed(self._work.name, len(items)):
                    results = await self._results(items)
                if results is not None:
                    return [_Done(*done) for done in zip(events, items, results, strict=True)]
            except Exception:  # a fault of ours: unacknowledged, the records are delivered again
                log.exception("%s: a batch of %d records failed; it is tried again", self._work.name, len(events))
                await self._pause(_FIRST_RETRY_SECONDS)
        return []

    async def _finish(self, batch: Sequence[_Done]) -> None:
        # Never raises. The batch stays unacknowledged when the worker is being stopped before its outputs are safe.
        try:
            while batch := self._current(batch):
                try:
                    first = [message for done in batch for message in self._outgoing(done)]
                    then = [message for done in batch for message in _afterwards(done)]
                    if await self._publish(first) and await self._publish(then):
                        for done in batch:
                            done.event.ack()
                        self.state.progressed(len(batch))
                        self._metrics.halted.labels(self._work.name).set(0)
                        self._count(batch)
                    return
                except Exception:
                    log.exception("%s: a batch of %d records failed; it is tried again", self._work.name, len(batch))
                    if not await self._pause(_FIRST_RETRY_SECONDS):
                        return
        finally:
            self._end()

    async def _results(self, items: Sequence[Item]) -> list[Result] | None:
        # None: the worker is being stopped while the store is away.
        failures = attempt = 0
        while True:
            try:
                await self._work.begin(self._app.consumer_generation_id)
                return await self._work(items)
            except StoreHalted as error:
                self.state.halted = str(error)
                self._metrics.halted.labels(self._work.name).set(1)
                log.error("%s: halted: %s. Nothing is lost; it goes on when this is mended", self._work.name, error)
            except StoreUnavailable as error:
                self.state.waiting_for = str(error)
                log.warning("%s: the store is away: %s", self._work.name, error)
            except Exception as error:
                failures += 1
                log.exception("%s: failed on a batch of %d records", self._work.name, len(items))
                if failures > _FAILURES_BEFORE_SPLIT:
                    if len(items) == 1:
                        return [Rejected(self._work.name, "stage_failed", f"{type(error).__name__}: {error}")]
                    return await self._one_by_one(items)
            attempt += 1
            if not await self._pause(self._delay(attempt)):
                return None

    async def _one_by_one(self, items: Sequence[Item]) -> list[Result] | None:
        results: list[Result] = []
        for item in items:
            result = await self._results([item])
            if result is None:
                return None
            results += result
        return results

    async def _publish(self, outgoing: Sequence[_Outgoing]) -> bool:
        # Returns when the broker has acknowledged all; False when the worker is being stopped before that.
        attempt = 0
        while outgoing:
            outcomes = await self._send_all(outgoing)
            failed = []
            errors = []
            for message, error in zip(outgoing, outcomes, strict=True):
                if _is_too_large(error):
                    # Records are refused by the batch: sent alone, only the one that is too large still is.
                    [error] = await self._send_all([message])
                    if _is_too_large(error):
                        failed.append(self._too_large(message))
                        continue
                if error is not None:
                    failed.append(message)
                    errors.append(error)
            outgoing = failed
            if errors:
                attempt += 1
                self.state.waiting_for = "Kafka"
                reason = f"{type(errors[0]).__name__}: {errors[0]}"
                log.warning("%s: Kafka did not acknowledge %d records (%s)", self._work.name, len(errors), reason)
                if not await self._pause(self._delay(attempt)):
                    return False
        return True

    async def _send_all(self, outgoing: Sequence[_Outgoing]) -> list[BaseException | None]:
        producer = self._app.producer
        acknowledgements: list[Any] = []
        for message in outgoing:
            topic = message.channel.full_name(self._options.channel_prefix)
            try:
                # What `channel.send` comes to in the end, at several times its speed: gives a future of the
                # acknowledgement.
                acknowledgement = await producer.send(topic, message.key, message.value, None, None, None)
            except Exception as error:
                acknowledgement = _failed(error)
            acknowledgements.append(acknowledgement)
        outcomes = await asyncio.gather(*acknowledgements, return_exceptions=True)
        return [outcome if isinstance(outcome, BaseException) else None for outcome in outcomes]

    def _outgoing(self, done: _Done) -> list[_Outgoing]:
        result = done.result
        if isinstance(result, Rejected):
            return [self._quarantined(done, result)]
        if isinstance(result, Decided):
            return [_Outgoing(one.channel, one.key, one.payload, done) for one in result.first]
        if not isinstance(result, Output):
            return []
        if self._work.writes is None:
            raise TypeError(f"stage {self._work.name} has outputs and no channel to write them to")
        beside = [_Outgoing(one.channel, one.key, one.payload, done) for one in result.beside]
        return [
            *beside,
            _Outgoing(self._work.writes, result.key or result.record.article_id.encode(), result.payload, done),
        ]

    def _quarantined(self, done: _Done, rejected: Rejected, *, whole: bool = True) -> _Outgoing:
        message, item = done.event.message, done.item
        record = QuarantineRecord(
            stage=rejected.stage,
            channel=item.channel.name,
            reason=rejected.reason,
            detail=rejected.detail[:2000] if item.payload else "the record is empty",
            payload=item.payload if whole else b"",
            key=message.key if whole and len(message.key or b"") <= _MAX_KEY_BYTES else None,
            position=f"partition {message.partition} offset {message.offset}",
            quarantined_at=self._clock(),
            attempts=_attempts(message.headers),
        )
        identity = quarantine_id(item.channel.name, message.partition, message.offset, item.payload)
        return _Outgoing(channels.QUARANTINE, identity.encode(), codec.encode(record), done)

    def _too_large(self, message: _Outgoing) -> _Outgoing:
        done = message.done
        if message.channel is channels.QUARANTINE:
            size = len(done.item.payload)
            detail = (
                f"{size} bytes, more than the quarantine channel takes: they stay where they were read, for a while"
            )
            return self._quarantined(done, Rejected(self._work.name, "too_large", detail), whole=False)
        size, name = len(message.value), message.channel.name
        detail = f"its output has {size} bytes, more than channel {name} takes: raise kafka.max_message_bytes"
        return self._quarantined(done, Rejected(self._work.name, "too_large", detail))

    def _count(self, batch: Sequence[_Done]) -> None:
        now = self._clock()
        rejected = []
        for done in batch:
            if isinstance(done.result, Rejected):
                self._metrics.rejected(done.result.stage, done.result.reason)
                rejected.append((done.event.message, done.result))
            elif not isinstance(done.result, Noted) and done.result.record is not None:
                self._metrics.left_stage(self._work.name, done.result.record, now)
        # A flood of poison must not become a flood of log lines.
        for message, result in rejected[:_LOGGED_REJECTS]:
            place = f"{message.topic} partition {message.partition} offset {message.offset}"
            log.warning("quarantined %s: %s: %s: %s", place, result.stage, result.reason, result.detail[:300])
        if len(rejected) > _LOGGED_REJECTS:
            log.warning("%s: and %d more of this batch", self._work.name, len(rejected) - _LOGGED_REJECTS)

    def _delay(self, attempt: int) -> float:
        longest: float = min(self._options.retry_seconds, _FIRST_RETRY_SECONDS * 2.0 ** min(attempt, 20))
        return longest * (0.5 + random.random() / 2)

    async def _pause(self, seconds: float) -> bool:
        # False when the worker is being stopped.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return not self._stopping.is_set()


def _afterwards(done: _Done) -> list[_Outgoing]:
    result = done.result
    if not isinstance(result, Decided):
        return []
    return [_Outgoing(one.channel, one.key, one.payload, done) for one in result.then]


def _failed(error: Exception) -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _is_too_large(error: BaseException | None) -> bool:
    while error is not None:
        if type(error).__name__ in _REFUSED_AS_TOO_LARGE:
            return True
        error = error.__cause__
    return False


def _attempts(headers: Any) -> int:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    for name, value in pairs:
        if name == ATTEMPTS_HEADER:
            with suppress(ValueError, TypeError, UnicodeDecodeError):
                return min(max(int(bytes(value).decode()), 1), 1_000_000)
    return 1
