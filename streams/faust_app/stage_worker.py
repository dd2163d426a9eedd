"""Keeps one stage running: waits for Kafka and its channels, runs the Faust app, and starts a new one when it crashes
or is stuck."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from streams import channels
from streams.app import make_app
from streams.channels import Channel
from streams.faust_app.options import KafkaOptions, WorkerOptions
from streams.faust_app.runner import Runner, StageState
from streams.faust_app.watchdog import end_process
from streams.faust_app.work import Work
from streams.metrics import Metrics

log = logging.getLogger("rasad.worker")

_SLOW_SECONDS = 30.0


class KafkaProbe(Protocol):
    """What is asked of the brokers beside the consumers, by a client of its own. Blocking; called in a thread."""

    def missing(self, wanted: Sequence[Channel]) -> list[str]:
        """Return the names of the channels that do not exist. Raises an exception when the brokers do not answer."""
        ...

    def lag(self, group: str, read: Sequence[Channel]) -> Mapping[Channel, Mapping[int, tuple[int, int | None]]]:
        """Return `(records not yet processed, committed offset)` by channel and partition."""
        ...


class StageWorker:
    """One stage of this process."""

    def __init__(
        self,
        work: Work,
        kafka: KafkaOptions,
        options: WorkerOptions,
        metrics: Metrics,
        clock: Callable[[], datetime],
        probe: KafkaProbe,
    ) -> None:
        self.work = work
        self.state = StageState()
        self._kafka = kafka
        self._options = options
        self._metrics = metrics
        self._clock = clock
        self._probe = probe
        self._app: Any = None
        self._not_running: str | None = "starting"
        self._restart: asyncio.Event = asyncio.Event()
        self._last_commits: Mapping[tuple[Channel, int], int | None] = {}
        self._last_commit_change = time.monotonic()

    def reason_not_ready(self) -> str | None:
        """Return None when records flow or could, else why not."""
        for reason in (self._not_running, self.state.halted, self.state.waiting_for):
            if reason is not None:
                return f"{self.work.name}: {reason}"
        busy_since = self.state.busy_since
        if busy_since is not None and time.monotonic() - busy_since > _SLOW_SECONDS:
            return f"{self.work.name}: the batch in hand takes very long; is the store away?"
        return None

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop` is set."""
        failures = 0
        while not stop.is_set():
            if not await self._channels_exist(stop):
                return
            started = time.monotonic()
            await self._run_app(stop)
            if stop.is_set():
                return
            failures = 0 if time.monotonic() - started > 60 else failures + 1
            await _pause(
                stop, min(self._options.retry_seconds, 0.5 * 2.0 ** min(failures, 10)) * (0.5 + random.random() / 2)
            )

    async def _channels_exist(self, stop: asyncio.Event) -> bool:
        # A consumer that subscribes to a channel that is not there gets no partitions, and says nothing.
        written = [self.work.writes] if self.work.writes is not None else []
        wanted = [*self.work.reads, *written, *self.work.beside, channels.QUARANTINE]
        attempt = 0
        said = ""
        while not stop.is_set():
            try:
                missing = await asyncio.to_thread(self._probe.missing, wanted)
                trouble = f"channels are missing ({', '.join(missing)}): run `rasad admin init`" if missing else ""
            except Exception as error:
                trouble = str(error) or type(error).__name__
            if not trouble:
                return True
            self._not_running = trouble
            if trouble != said or attempt % 10 == 0:
                log.warning("%s: waiting: %s", self.work.name, trouble)
                said = trouble
            attempt += 1
            await _pause(stop, min(5.0, 0.5 * 2.0 ** min(attempt, 10)) * (0.5 + random.random() / 2))
        return False

    async def _run_app(self, stop: asyncio.Event) -> None:
        runner = Runner(self.work, self._options, self._metrics, self._clock, self.state)
        app = make_app(self.work, runner, self._kafka, self._options)
        self._restart.clear()
        self.state.last_progress = self._last_commit_change = time.monotonic()
        starting = asyncio.create_task(app.start(), name=f"rasad-start-{self.work.name}")
        ended = asyncio.create_task(app.wait_until_stopped())
        stopping = asyncio.create_task(stop.wait())
        restarting = asyncio.create_task(self._restart.wait())
        waits = {starting, ended, stopping, restarting}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and starting.exception() is None and not ended.done():
                self._app, self._not_running = app, None
                log.info("%s: running, in group %s", self.work.name, self._options.group(self.work.name))
                await asyncio.wait(waits - {starting}, return_when=asyncio.FIRST_COMPLETED)
            self._explain(app, starting, stop)
        finally:
            self._app = None
            self._not_running = "restarting"
            await self._stop_app(app, runner, stop)
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _explain(self, app: Any, starting: asyncio.Task[None], stop: asyncio.Event) -> None:
        if stop.is_set():
            return
        reason = starting.exception() if starting.done() and not starting.cancelled() else None
        reason = reason or getattr(app, "crash_reason", None)
        if self._restart.is_set():
            log.error("%s: its consumer is stuck; it is started again", self.work.name)
        else:
            log.error(
                "%s: Faust stopped (%s); it is started again", self.work.name, repr(reason) if reason else "no reason"
            )

    async def _stop_app(self, app: Any, runner: Runner, stop: asyncio.Event) -> None:
        await runner.drain(self._options.drain_seconds)
        patience = self._options.stop_seconds if stop.is_set() else self._options.restart_seconds
        try:
            async with asyncio.timeout(patience):
                with suppress(Exception):
                    # Faust commits once more when it stops, but by then it may have let go of its partitions.
                    await app.consumer.commit()
                await app.stop()
        except TimeoutError:
            if not stop.is_set():
                end_process(f"{self.work.name}: Faust did not stop within {patience:.0f} s")
            log.warning("%s: left its group without a word: is Kafka away?", self.work.name)
        except Exception:
            log.exception("%s: Faust did not stop in order; what was not committed is processed again", self.work.name)

    async def watch(self) -> None:
        """Measure the lag again and again, and have a stage restarted that makes no progress although records wait."""
        while True:
            await asyncio.sleep(self._options.lag_seconds)
            try:
                lag = await asyncio.to_thread(self._probe.lag, self._options.group(self.work.name), self.work.reads)
            except Exception as error:
                # The brokers are away: that the stage does not progress is no fault of its own.
                log.debug("%s: no lag known: %s", self.work.name, error)
                self._last_commit_change = time.monotonic()
                continue
            for channel, partitions in lag.items():
                for partition, (records, _) in partitions.items():
                    self._metrics.consumer_lag.labels(channel.name, str(partition)).set(records)
            self._judge(lag)

    def _judge(self, lag: Mapping[Channel, Mapping[int, tuple[int, int | None]]]) -> None:
        now = time.monotonic()
        committed = {(c, p): offset for c, parts in lag.items() for p, (_, offset) in parts.items()}
        if committed != self._last_commits or self._app is None:
            self._last_commits, self._last_commit_change = committed, now
            return
        state, limit = self.state, self._options.stuck_seconds
        if state.busy_since is not None:
            # A store or a broker may be away for long; a stage of ours that computes for so long never ends.
            if now - state.busy_since > limit and not self.work.may_wait and state.waiting_for is None:
                end_process(f"{self.work.name}: one batch has been computed for {now - state.busy_since:.0f} s")
            return
        if now - max(self._last_commit_change, state.last_progress) > limit and self._has_own_lag(lag):
            self._restart.set()

    def _has_own_lag(self, lag: Mapping[Channel, Mapping[int, tuple[int, int | None]]]) -> bool:
        waiting = {
            (channel.full_name(self._options.channel_prefix), partition)
            for channel, partitions in lag.items()
            for partition, (records, _) in partitions.items()
            if records
        }
        try:
            own = {(place.topic, place.partition) for place in self._app.consumer.assignment()}
        except Exception:  # a consumer in this state cannot say what it reads: certainly not well
            own = set()
        # Without partitions of its own, it is stuck only if nobody makes progress; then a rejoin helps everybody.
        return bool(waiting & own) if own else bool(waiting)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
