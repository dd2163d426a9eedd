"""The queue between a Faust stream and the batches of a stage."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class Intake:
    """Events in order, bounded by number and bytes; one task puts, one takes.

    Faust's own `take()` is not used: it acknowledges a batch that failed, and one that was cut off by a stop.
    """

    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._events: deque[Any] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._events)

    async def put(self, event: Any) -> None:
        """Add an event; waits while the queue is full."""
        while len(self._events) >= self._max_events or self._bytes >= self._max_bytes:
            self._has_room.clear()
            await self._has_room.wait()
        self._events.append(event)
        self._bytes += _size(event)
        self._arrived.set()

    async def take(self, max_wait_seconds: float) -> list[Any]:
        """Return the next batch: what is there `max_wait_seconds` after the first event, or a full one at once.

        Empty only after `close()`.
        """
        loop = asyncio.get_running_loop()
        deadline: float | None = None
        while not self._closed:
            if len(self._events) >= self._max_events or self._bytes >= self._max_bytes:
                break
            if self._events and deadline is None:
                deadline = loop.time() + max_wait_seconds
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrived.wait()
            except TimeoutError:
                break
        return self._drain()

    def close(self) -> None:
        """Let `take` return nothing from now on."""
        self._closed = True
        self._arrived.set()

    def _drain(self) -> list[Any]:
        batch = [] if self._closed else list(self._events)
        self._events.clear()
        self._bytes = 0
        self._has_room.set()
        return batch


def _size(event: Any) -> int:
    return len(event.message.value or b"") + len(event.message.key or b"")
