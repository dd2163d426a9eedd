"""Delivers alerts to all destinations, each at its own pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.alerts.destinations import DestinationDefinition
from agent.alerts.lane import Lane, RetryPolicy
from agent.alerts.sending import Journal, Sender
from streams.alerts.deliveries import Delivery
from streams.pipeline import utc_now

if TYPE_CHECKING:
    from streams.metrics import Metrics

log = logging.getLogger("rasad.alerts")

MakeSender = Callable[[DestinationDefinition], Sender]


class Deliverer:
    """Takes deliveries that wait, and brings them where they go. An async context manager, for one event loop."""

    def __init__(
        self,
        destinations: Mapping[str, DestinationDefinition],
        make_sender: MakeSender,
        journal: Journal,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime] = utc_now,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._wanted = dict(destinations)
        self._make_sender = make_sender
        self._journal = journal
        self._metrics = metrics
        self._clock = clock
        self._policy = policy or RetryPolicy()
        self._definitions: dict[str, DestinationDefinition] = {}
        self._lanes: dict[str, Lane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._dropping: set[asyncio.Task[None]] = set()
        self._change = asyncio.Lock()
        self._held: list[Delivery] = []
        """What came while the lanes were changed."""

    async def __aenter__(self) -> Deliverer:
        await self.use(self._wanted)
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self._lanes):
            await self._end(name)
        if self._dropping:
            await asyncio.wait(self._dropping)

    @property
    def waiting(self) -> int:
        """How many deliveries wait, for a time or for a destination."""
        return sum(len(lane) for lane in self._lanes.values())

    def keys(self) -> set[str]:
        """Return the keys of all deliveries that wait; may be called from another thread."""
        return {key for lane in list(self._lanes.values()) for key in lane.keys()}

    def accept(self, deliveries: Iterable[Delivery]) -> None:
        """Take deliveries that wait; one that is here already is not taken twice."""
        if self._change.locked():
            self._held += deliveries
            return
        lost = []
        for delivery in deliveries:
            lane = self._lanes.get(delivery.destination)
            if lane is not None:
                lane.accept(delivery)
            else:
                lost.append(delivery)
        if lost:
            task = asyncio.create_task(self._drop(lost))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    async def forget(self) -> None:
        """Let go of all that waits, and change nothing about it: another process delivers it."""
        async with self._change:
            self._held.clear()
            definitions = dict(self._definitions)
            for name in list(self._lanes):
                await self._end(name)
            self._begin(definitions)
        self._accept_held()

    async def drain(self, timeout_seconds: float) -> None:
        """Wait until what is due has been tried once, but not for long: the rest waits in the journal."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                for lane in list(self._lanes.values()):
                    await lane.quiet()

    async def use(self, destinations: Mapping[str, DestinationDefinition]) -> None:
        """Change the destinations; what waits for one that has changed goes out by its new definition."""
        async with self._change:
            for name in [name for name, known in self._definitions.items() if destinations.get(name) != known]:
                self._held += await self._end(name)
            self._begin(destinations)
        self._accept_held()

    def _accept_held(self) -> None:
        held, self._held = self._held, []
        self.accept(held)

    def _begin(self, destinations: Mapping[str, DestinationDefinition]) -> None:
        for name, definition in destinations.items():
            if name in self._lanes:
                continue
            lane = Lane(
                name,
                self._make_sender(definition),
                self._journal,
                per_minute=definition.per_minute,
                clock=self._clock,
                policy=self._policy,
                metrics=self._metrics,
            )
            self._definitions[name], self._lanes[name] = definition, lane
            self._tasks[name] = asyncio.create_task(lane.run(), name=f"rasad-lane-{name}")

    async def _end(self, name: str) -> list[Delivery]:
        task, lane = self._tasks.pop(name), self._lanes.pop(name)
        del self._definitions[name]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        waiting = lane.take_all()
        await lane.close()
        return waiting

    async def _drop(self, deliveries: list[Delivery]) -> None:
        names = ", ".join(sorted({delivery.destination for delivery in deliveries}))
        log.warning("%d alerts are for destinations that are not configured any more: %s", len(deliveries), names)
        now = self._clock()
        detail = "its destination is not in the configuration any more"
        try:
            await self._journal.settle(
                [replace(one, status="dropped", finished_at=now, detail=detail) for one in deliveries]
            )
        except Exception:
            log.exception("what was dropped could not be noted; it is met again at the next start")
