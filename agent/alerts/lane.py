"""The way to one destination: what waits for it, in order of time, sent as fast as the destination takes it.

    accept ─▶ waits until due ─▶ circuit closed? ─▶ muted? ─▶ rate ─▶ send ─┬─▶ ok: settled
                  ▲                                                         ├─▶ refused: quarantine
                  └──── back-off, the circuit opens after failures in a row ◀┘    a day of failing: quarantine

Each destination has a lane and a task of its own, so that one that stalls holds nothing else up.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.alerts.sending import Journal, Outgoing, Sender, Sent
from streams.alerts.deliveries import Delivery, batch_key

if TYPE_CHECKING:
    from streams.metrics import Metrics

log = logging.getLogger("rasad.alerts")

_LONGEST_SLEEP_SECONDS = 60.0
"""A clock that was set is noticed after so long."""
_BURST_SECONDS = 10.0
_MAX_DETAIL = 300
_FIRST_JOURNAL_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and for how long, a delivery is tried. Only tests have reason to change it."""

    first_seconds: float = 5.0
    longest_seconds: float = 900.0
    give_up_seconds: float = 86_400.0
    """Time from the first attempt after which a delivery that fails is undeliverable."""
    open_after: int = 5
    """Failures in a row that open the circuit: then one message alone is tried now and then."""
    probe_seconds: float = 15.0
    longest_probe_seconds: float = 600.0

    def delay(self, attempts: int) -> float:
        """Return the pause after so many attempts, with jitter."""
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(attempts - 1, 30)) * random.uniform(0.6, 1.0)


@dataclass
class _Unit:
    """What goes out as one message."""

    key: str
    due_at: datetime
    is_digest: bool
    deliveries: dict[str, Delivery] = field(default_factory=dict)


class Lane:
    """Delivers to one destination. For one event loop."""

    def __init__(
        self,
        name: str,
        sender: Sender,
        journal: Journal,
        *,
        per_minute: float,
        clock: Callable[[], datetime],
        policy: RetryPolicy,
        metrics: Metrics,
    ) -> None:
        self.name = name
        self._sender = sender
        self._journal = journal
        self._per_second = per_minute / 60
        self._clock = clock
        self._policy = policy
        self._metrics = metrics
        self._units: dict[str, _Unit] = {}
        self._waiting = 0
        self._heap: list[tuple[datetime, int, str]] = []
        self._number = 0
        self._changed = asyncio.Event()
        self._moved = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._failing_since: datetime | None = None
        self._open_until: datetime | None = None
        self._tokens = max(1.0, self._per_second * _BURST_SECONDS)
        self._tokens_at = asyncio.get_running_loop().time()

    @property
    def is_open(self) -> bool:
        """Whether the circuit is open: the destination has failed often in a row."""
        return self._open_until is not None

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way, or due and not tried yet."""
        if self._sending:
            return True
        if self.is_open:
            return False
        now = self._clock()
        return any(
            unit.due_at <= now and not any(one.attempts for one in unit.deliveries.values())
            for unit in list(self._units.values())
        )

    async def quiet(self) -> None:
        """Wait until nothing is on its way or due for the first time."""
        while self.is_busy:
            self._moved.clear()
            await self._moved.wait()

    def __len__(self) -> int:
        return self._waiting

    def __contains__(self, delivery: Delivery) -> bool:
        unit = self._units.get(_unit_key(delivery))
        return unit is not None and delivery.key in unit.deliveries

    def keys(self) -> list[str]:
        """Return the keys of all deliveries that wait; may be called from another thread."""
        return [key for unit in list(self._units.values()) for key in list(unit.deliveries)]

    def accept(self, delivery: Delivery) -> None:
        """Take a delivery that waits; a second time it changes nothing."""
        if delivery in self:
            return
        key = _unit_key(delivery)
        unit = self._units.get(key)
        if unit is None:
            unit = self._units[key] = _Unit(key, delivery.due_at, delivery.batch is not None)
            self._push(unit)
        unit.deliveries[delivery.key] = delivery
        self._waiting += 1
        if delivery.first_tried_at is not None:
            self._failing_since = min(filter(None, (self._failing_since, delivery.first_tried_at)))
        self._show()

    async def run(self) -> None:
        """Deliver until cancelled; what is on its way then is delivered again after the next start."""
        limit = asyncio.Semaphore(self._sender.concurrency)
        try:
            while True:
                unit = await self._next()
                await limit.acquire()
                # A destination that fails is asked with one message at a time.
                if self._failures:
                    await asyncio.gather(*self._sending)
                task = asyncio.create_task(self._attempt(unit), name=f"rasad-deliver-{self.name}")
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
                task.add_done_callback(lambda _: limit.release())
                task.add_done_callback(lambda _: self._moved.set())
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    def take_all(self) -> list[Delivery]:
        """Return all that waits, and forget it: another lane takes over."""
        waiting = [delivery for unit in self._units.values() for delivery in unit.deliveries.values()]
        self._units.clear()
        self._heap.clear()
        self._waiting = 0
        self._show()
        return waiting

    async def close(self) -> None:
        """Let go of the sender's connections."""
        await self._sender.close()

    def _push(self, unit: _Unit) -> None:
        self._number += 1
        heapq.heappush(self._heap, (unit.due_at, self._number, unit.key))
        self._changed.set()

    async def _next(self) -> _Unit:
        """Return the next unit, when it is due and the circuit lets one through."""
        while True:
            self._changed.clear()
            seconds = _LONGEST_SLEEP_SECONDS
            if self._heap:
                at, _, key = self._heap[0]
                if self._open_until is not None:
                    at = max(at, self._open_until)
                    if self._sending:  # the one that shall tell whether it is back
                        await asyncio.wait(self._sending)
                        continue
                seconds = (at - self._clock()).total_seconds()
                if seconds <= 0:
                    heapq.heappop(self._heap)
                    if key in self._units:
                        return self._units[key]
                    continue
            try:
                async with asyncio.timeout(min(seconds, _LONGEST_SLEEP_SECONDS)):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _attempt(self, unit: _Unit) -> None:
        try:
            deliveries = await self._without_muted(unit)
            if not deliveries:
                self._finish(unit, ())
                return
            await self._take_token()
            message = Outgoing(
                key=batch_key(self.name, (one.key for one in deliveries)) if unit.is_digest else unit.key,
                alerts=tuple(one.alert for one in deliveries),
                is_digest=unit.is_digest,
            )
            try:
                sent = await self._sender.send(message)
            except Exception as error:  # a fault of ours must not end the lane
                log.exception("alerts to %s: the sender failed", self.name)
                sent = Sent("retry", f"{type(error).__name__}: {error}")
            await self._settle(unit, deliveries, sent)
        except Exception:  # the journal failed: it stays as it was, and is tried again
            log.exception("alerts to %s: what came of a message could not be kept; it is tried again", self.name)
            unit.due_at = self._clock() + timedelta(seconds=_FIRST_JOURNAL_RETRY_SECONDS)
            self._push(unit)

    async def _without_muted(self, unit: _Unit) -> list[Delivery]:
        deliveries = list(unit.deliveries.values())
        muted = await self._journal.are_muted([one.alert for one in deliveries])
        silent = [one for one, is_muted in zip(deliveries, muted, strict=True) if is_muted]
        if silent:
            now = self._clock()
            await self._journal.settle([replace(one, status="muted", finished_at=now) for one in silent])
            self._count("muted", len(silent))
            for one in silent:
                self._waiting -= unit.deliveries.pop(one.key, None) is not None
        return [one for one, is_muted in zip(deliveries, muted, strict=True) if not is_muted]

    async def _settle(self, unit: _Unit, deliveries: list[Delivery], sent: Sent) -> None:
        now = self._clock()
        tried = [
            replace(
                one,
                attempts=one.attempts + 1,
                first_tried_at=one.first_tried_at or now,
                detail=sent.detail[:_MAX_DETAIL],
            )
            for one in deliveries
        ]
        if sent.outcome == "ok":
            await self._journal.settle([replace(one, status="sent", finished_at=now) for one in tried])
            self._answered()
            self._count("sent", len(tried))
            for one in tried:
                self._metrics.alert_seconds.observe(
                    max(0.0, (now - max(one.alert.created_at, one.due_at)).total_seconds())
                )
            self._finish(unit, tried)
            return
        is_over = sent.outcome == "refused" or self._is_over(tried, now)
        if sent.outcome == "refused":
            self._answered()
        else:
            self._failed(now)
        if is_over:
            log.error("alerts to %s: undeliverable: %s; see `rasad quarantine list`", self.name, sent.detail)
            await self._journal.settle([replace(one, status="undeliverable", finished_at=now) for one in tried])
            self._count("undeliverable", len(tried))
            self._finish(unit, tried)
            return
        attempts = max(one.attempts for one in tried)
        seconds = max(self._policy.delay(attempts), min(sent.retry_after_seconds or 0.0, 3600.0))
        log.warning("alerts to %s: attempt %d failed, next in %.0f s: %s", self.name, attempts, seconds, sent.detail)
        self._count("retried", len(tried))
        # The batch keeps its first time, which is part of its key; when it is tried next is for this process to know.
        await self._journal.settle(tried)
        unit.deliveries.update((one.key, one) for one in tried)
        unit.due_at = now + timedelta(seconds=seconds)
        self._push(unit)

    def _is_over(self, tried: Iterable[Delivery], now: datetime) -> bool:
        day = timedelta(seconds=self._policy.give_up_seconds)
        if any(one.first_tried_at is not None and now - one.first_tried_at >= day for one in tried):
            return True
        # What waited all the time behind an open circuit does not get a day of its own.
        since = self._failing_since
        return since is not None and all(now - max(one.due_at, since) >= day for one in tried)

    def _answered(self) -> None:
        self._failures = 0
        self._failing_since = self._open_until = None
        self._changed.set()
        self._show()

    def _failed(self, now: datetime) -> None:
        self._failures += 1
        self._failing_since = self._failing_since or now
        over = self._failures - self._policy.open_after
        if over >= 0:
            seconds = min(self._policy.longest_probe_seconds, self._policy.probe_seconds * 2.0 ** min(over, 30))
            if not self.is_open:
                log.error("alerts to %s: failed %d times in a row; the circuit is open", self.name, self._failures)
            self._open_until = now + timedelta(seconds=seconds)
        self._show()

    def _finish(self, unit: _Unit, done: Iterable[Delivery]) -> None:
        for one in done:
            self._waiting -= unit.deliveries.pop(one.key, None) is not None
        if unit.deliveries:  # what came to a digest while it was on its way follows
            self._push(unit)
        else:
            self._units.pop(unit.key, None)
        self._show()

    async def _take_token(self) -> None:
        loop = asyncio.get_running_loop()
        most = max(1.0, self._per_second * _BURST_SECONDS)
        now = loop.time()
        self._tokens = min(most, self._tokens + (now - self._tokens_at) * self._per_second) - 1
        self._tokens_at = now
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._per_second)

    def _count(self, outcome: str, number: int) -> None:
        self._metrics.alert_deliveries.labels(self.name, outcome).inc(number)

    def _show(self) -> None:
        self._moved.set()
        self._metrics.alerts_waiting.labels(self.name).set(len(self))
        self._metrics.alert_circuit.labels(self.name).set(self.is_open)


def _unit_key(delivery: Delivery) -> str:
    return delivery.batch if delivery.batch is not None else delivery.key
