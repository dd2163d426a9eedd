"""Articles as they are stored, handed to everybody who watches.

stored articles, or the store's `tail` ─▶ Hub ─▶ for each watcher: its query ─▶ a bounded queue ─▶ server-sent events
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence

from streams.model import Article
from streams.stores.base import ArticleStore, Hit, Search, StoreError
from streams.stores.plan import Plan

log = logging.getLogger("rasad.web")

MOST_WATCHERS = 64
_QUEUE = 200
_BATCHES = 50
_PAUSE_SECONDS = 2.0


class TooManyWatchers(Exception):
    """As many streams are open as may be."""


class Hub:
    """Gives each stored article to every watcher whose search it fits. A watcher that does not keep up misses the
    oldest."""

    def __init__(self) -> None:
        self._watchers: dict[asyncio.Queue[Hit | None], Plan] = {}
        self._incoming: deque[Sequence[Article]] = deque(maxlen=_BATCHES)
        self._handing: asyncio.Task[None] | None = None
        self._store: ArticleStore | None = None
        self._following: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._is_closed = False

    @property
    def watchers(self) -> int:
        """How many watch."""
        return len(self._watchers)

    @property
    def is_idle(self) -> bool:
        """Whether no store is followed."""
        return self._following is None

    def publish(self, articles: Sequence[Article]) -> None:
        """Hand out articles that were just stored. On the event loop, which judging does not hold up."""
        if not self._watchers or self._is_closed:
            return
        self._incoming.append(articles)
        if self._handing is None or self._handing.done():
            self._handing = asyncio.create_task(self._hand_out())

    async def _hand_out(self) -> None:
        while self._incoming:
            batch = self._incoming.popleft()
            for queue, hit in await asyncio.to_thread(_judged, list(self._watchers.items()), batch):
                if queue in self._watchers:
                    _put(queue, hit)

    def follow(self, store: ArticleStore) -> None:
        """Hand out what another process stores: the store is asked for it while anybody watches."""
        self._store = store

    async def watch(self, search: Search, *, ready: asyncio.Event | None = None) -> AsyncIterator[Hit]:
        """Yield the articles that fit as they are stored, until the hub is closed. `ready` is set when nothing that is
        stored from then on is missed.

        Raises:
            QueryError: the query is faulty.
            TooManyWatchers: no further stream may be opened.
        """
        if len(self._watchers) >= MOST_WATCHERS:
            raise TooManyWatchers
        plan = Plan.of(search, is_standing=True)
        queue: asyncio.Queue[Hit | None] = asyncio.Queue(_QUEUE)
        self._watchers[queue] = plan
        if self._is_closed:
            queue.put_nowait(None)
        try:
            if self._store is not None and not self._is_closed:
                if self._following is None:
                    self._started.clear()
                    self._following = asyncio.create_task(self._follow(self._store))
                await self._started.wait()
            if ready is not None:
                ready.set()
            while (hit := await queue.get()) is not None:
                yield hit
        finally:
            del self._watchers[queue]
            if not self._watchers and self._following is not None:
                self._following.cancel()
                self._following = None

    async def close(self) -> None:
        """End every stream."""
        self._is_closed = True
        if self._handing is not None:
            await asyncio.wait({self._handing})
        for queue in self._watchers:
            _put(queue, None)
        self._started.set()
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    async def _follow(self, store: ArticleStore) -> None:
        while True:
            try:
                async for hit in store.tail(Search(), ready=self._started.set):
                    self.publish([hit.article])
            except StoreError as error:
                log.warning("live: %s", error)
            await asyncio.sleep(_PAUSE_SECONDS)


def _judged(
    watchers: Sequence[tuple[asyncio.Queue[Hit | None], Plan]], articles: Sequence[Article]
) -> list[tuple[asyncio.Queue[Hit | None], Hit]]:
    return [
        (queue, hit) for queue, plan in watchers for article in articles if (hit := plan.judge(article)) is not None
    ]


def _put(queue: asyncio.Queue[Hit | None], item: Hit | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)
