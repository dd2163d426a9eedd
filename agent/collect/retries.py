"""Tries article pages again between the polls of their feeds: see `agent.pages.again`."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from agent.collect.desk import Desk
from agent.collect.watched import WatchedFeed

log = logging.getLogger("rasad.collect")

FEEDS_AT_A_TIME = 4
_AFTER_ERROR = timedelta(minutes=15)
_MAX_SLEEP_SECONDS = 5.0


class PageRetries:
    """Reads again what is due, a few feeds at a time."""

    def __init__(self, desk: Desk, clock: Callable[[], datetime]) -> None:
        self._desk = desk
        self._clock = clock
        self._heap: list[tuple[datetime, int, WatchedFeed]] = []
        self._waiting: set[str] = set()
        self._sequence = 0
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(FEEDS_AT_A_TIME)

    def notice(self, feed: WatchedFeed) -> None:
        """Look at what is to be tried again of a feed whose state is new."""
        pending = feed.state.pages_due
        if pending and not feed.is_removed and feed.definition.url not in self._waiting:
            self._put(feed, min(one.next_at for one in pending))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Try what falls due while the body runs."""
        task = asyncio.create_task(self._run(), name="pages again")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _put(self, feed: WatchedFeed, at: datetime) -> None:
        self._sequence += 1
        self._waiting.add(feed.definition.url)
        heapq.heappush(self._heap, (at, self._sequence, feed))
        self._changed.set()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                while self._heap and self._heap[0][0] <= self._clock():
                    _, _, feed = heapq.heappop(self._heap)
                    await self._slots.acquire()
                    group.create_task(self._read(feed))
                seconds = _MAX_SLEEP_SECONDS  # no longer, so that a clock that is set is noticed
                if self._heap:
                    seconds = min(seconds, (self._heap[0][0] - self._clock()).total_seconds())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(seconds, 0)):
                        await self._changed.wait()
                self._changed.clear()

    async def _read(self, feed: WatchedFeed) -> None:
        next_at: datetime | None = None
        try:
            if not feed.is_removed:
                await self._desk.read_again(feed)
        except Exception:
            log.exception("feed %s: pages were not read again, tried later", feed.definition.id)
            next_at = self._clock() + _AFTER_ERROR
        finally:
            self._slots.release()
        self._waiting.discard(feed.definition.url)
        if next_at is not None:
            self._put(feed, next_at)
        else:
            self.notice(feed)
