"""Polls feeds when they are due, and delivers what is new.

    heap by time ─▶ queues by host ─▶ [limits: all, slow ones] ─▶ poll ─▶ pages ─▶ [lock: source] decide ─▶ Sink.deliver
      ▲                                                                                                            │
      └─────────────────────────────────────── new state ──────────────────────────────────────────────────────────┘

A feed's new state counts only once its articles are safe: until then the old one stands, so whatever is lost on the way
is found again. Feeds of one source decide one after the other, because each looks at what the others have published.
Feeds that were slow the last time share a part of the places, so that they cannot fill them all. The pages of new
articles are read before deciding, within a deadline: no other feed waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

import msgspec

from agent.collect.desk import Desk, OnPolled
from agent.collect.poll import Poller
from agent.collect.queues import Lanes
from agent.collect.records import Polled, Sink
from agent.collect.retries import PageRetries
from agent.collect.schedule import LATEST, first_poll_at
from agent.collect.slowness import Slowness
from agent.collect.state import FeedState
from agent.collect.tally import Counts, HealthGauges, show_counts
from agent.collect.watched import WatchedFeed, WatchedFeeds
from agent.feeds.definitions import FeedDefinition
from agent.fetch.fetcher import Fetcher
from agent.fetch.guard import AddressGuard
from agent.fetch.pacing import Pacer, Turn
from agent.pages.reader import PageReader, Reading
from agent.parse.dates import utc_now
from agent.parse.pool import ParsePool
from agent.settings import CollectSettings, WebSubSettings
from agent.websub.decide_push import decide_push
from agent.websub.subscriber import Subscriber
from streams.metrics import Metrics

log = logging.getLogger("rasad.collect")

HAND_OVER_SECONDS = 5.0
"""How long a feed that is taken away may go on delivering what it has already decided."""
FINISH_SECONDS = 2.0
"""How long polls under way may go on when the collector stops."""
ONCE_HOLD_SECONDS = 30.0
"""Hosts that want to be left alone for longer are left out by `run_once`."""
PARSER_IDLE_SECONDS = 20.0
"""A parser and what it is forked from take 25 MB: they are not kept where feeds change once an hour. Starting them
again costs 0.15 s of CPU."""
SLOW_SHARE = 0.25
"""Of the places, how many feeds may have that were slow the last time (`slowness`)."""
_MAX_SLEEP_SECONDS = 5.0


class Collector:
    """Polls feeds and delivers their articles. `run()` until cancelled, or `run_once()`."""

    def __init__(
        self,
        *,
        sink: Sink,
        settings: CollectSettings,
        metrics: Metrics,
        feeds: Iterable[FeedDefinition] = (),
        states: Mapping[str, FeedState] | None = None,
        clock: Callable[[], datetime] = utc_now,
        on_polled: OnPolled | None = None,
        guard: AddressGuard | None = None,
        reading: Reading | None = None,
        websub: WebSubSettings | None = None,
    ) -> None:
        """Args:
        reading: how article pages are read; None reads none.
        websub: where hubs may push to; None, or one without a callback address, is never pushed to.
        """
        self._subscriber: Subscriber | None = None
        if websub is not None and websub.callback_url:
            self._subscriber = Subscriber(self, websub, metrics, clock=clock)
        self._reading = reading
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._guard = guard
        self._feeds = WatchedFeeds()
        self._desk = Desk(
            self._feeds,
            sink=sink,
            settings=settings,
            metrics=metrics,
            clock=clock,
            on_polled=on_polled,
            reading=reading,
        )
        self._retries = PageRetries(self._desk, clock)
        self._slowness = Slowness(settings.timeout_seconds)
        self._heap: list[tuple[datetime, int, WatchedFeed]] = []
        self._sequence = 0
        self.pacer = Pacer(concurrency=settings.per_host_concurrency, spacing_seconds=settings.per_host_spacing_seconds)
        self.pacer.on_release = self._released
        self._lanes: Lanes[WatchedFeed] = Lanes(self.pacer, settings.concurrency, SLOW_SHARE)
        self._active: set[WatchedFeed] = set()
        self._changed = asyncio.Event()
        self._poller: Poller | None = None
        self._is_once = False
        self._gauges_at: datetime | None = None
        self._health = HealthGauges(metrics)
        self.add(feeds, states or {})

    # --- which feeds ---

    def add(self, feeds: Iterable[FeedDefinition], states: Mapping[str, FeedState]) -> None:
        """Take over `feeds`, each with its state if it has one; those that are disabled are left out."""
        new = [feed for feed in feeds if feed.enabled and self._feeds.get(feed.url) is None]
        now = self._clock()
        self._slowness.learn(state for feed in new if (state := states.get(feed.url)) is not None)
        for definition in new:
            state = states.get(definition.url) or FeedState(feed_url=definition.url, source_id=definition.source_id)
            if state.source_id != definition.source_id:  # the user has sorted the feed to another source since
                state = msgspec.structs.replace(state, source_id=definition.source_id)
            feed = WatchedFeed(definition, state, None)
            self._feeds.add(feed)
            self._retries.notice(feed)
            if not state.stopped:
                is_overdue = state.next_poll_at is None or not now < state.next_poll_at < now + LATEST
                due_at = first_poll_at(definition, len(new), now=now, settings=self._settings)
                self._schedule(feed, due_at if is_overdue else state.next_poll_at)

    async def remove(self, urls: Iterable[str]) -> None:
        """Let go of feeds; returns when none of them is being polled or delivered any more."""
        removed = [feed for url in urls if (feed := self._feeds.remove(url)) is not None]
        for feed in removed:
            if feed.task is not None and not feed.is_delivering:
                feed.task.cancel()
        tasks = [feed.task for feed in removed if feed.task is not None]
        if tasks:
            # What is being delivered was decided while the feed was ours; to finish it saves the next owner the work.
            _, late = await asyncio.wait(tasks, timeout=HAND_OVER_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def states(self) -> list[FeedState]:
        """Return the state of every feed, as last delivered."""
        return [feed.state for feed in self._feeds]

    def _known(self) -> tuple[list[FeedDefinition], dict[str, FeedState]]:
        return [feed.definition for feed in self._feeds], {feed.definition.url: feed.state for feed in self._feeds}

    def counts(self) -> Counts:
        """Return how the feeds stand."""
        now = self._clock()
        feeds = self._feeds
        return Counts(
            total=len(feeds),
            due=sum(feed.due_at is not None and feed.due_at <= now for feed in feeds),
            fetching=len(self._active),
            failing=sum(feed.state.consecutive_failures > 0 and not feed.state.stopped for feed in feeds),
            stopped=sum(feed.state.stopped for feed in feeds),
        )

    # --- running ---

    async def run(self) -> None:
        """Poll feeds as they fall due, until cancelled."""
        async with self._running():
            while True:
                self._start_due()
                await self._sleep_until_due()

    async def run_once(self) -> None:
        """Poll every feed once, now, and return when all is delivered. A server's Retry-After is obeyed."""
        now = self._clock()
        self._is_once = True
        self._heap.clear()
        self._lanes.clear()
        for feed in self._feeds:
            feed.due_at = None
            state = feed.state
            is_asked_to_wait = state.held_until is not None and state.held_until > now
            if not state.stopped and not is_asked_to_wait:
                self._schedule(feed, now)
        try:
            async with self._running():
                while self._heap or self._active or self._lanes:
                    self._start_due()
                    await self._sleep_until_due()
        finally:
            self._is_once = False

    async def close(self) -> None:
        """Stop polling. What is under way may end within moments, so that nobody is asked the same again at once; what
        is not delivered then is found again at the next poll."""
        tasks = [feed.task for feed in self._active if feed.task is not None]
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=FINISH_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
        await asyncio.wait(tasks)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            fetcher = await stack.enter_async_context(Fetcher(self._settings, self._guard, self.pacer))
            # Who may be pushed to at any moment does not wait for a parser to start.
            idle_seconds = PARSER_IDLE_SECONDS if self._subscriber is None else None
            pool = await stack.enter_async_context(ParsePool(self._settings, idle_seconds=idle_seconds))
            await pool.start()
            self._poller = Poller(fetcher, pool)
            if self._reading is not None:
                agent = self._settings.user_agent
                reader = PageReader(fetcher, self._reading, self._metrics, user_agent=agent)
                self._desk.reader = await stack.enter_async_context(reader)
                if not self._is_once:
                    await stack.enter_async_context(self._retries.running())
            stack.push_async_callback(self._health.close)
            stack.push_async_callback(self.close)
            if self._subscriber is not None and not self._is_once:
                await stack.enter_async_context(self._subscriber.running(fetcher))
            yield

    def _schedule(self, feed: WatchedFeed, due_at: datetime | None) -> None:
        feed.due_at = due_at
        if due_at is not None:
            self._sequence += 1
            heapq.heappush(self._heap, (due_at, self._sequence, feed))
            self._changed.set()

    def _start_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due_at, _, feed = heapq.heappop(self._heap)
            if not feed.is_removed and feed.due_at == due_at:
                self._lanes.put(feed, feed.host, is_slow=self._slowness.is_slow(feed.state))
        max_hold_seconds = ONCE_HOLD_SECONDS if self._is_once else math.inf
        while (found := self._lanes.take(max_hold_seconds)) is not None:
            self._start(*found)
        self._show(now)

    def _start(self, feed: WatchedFeed, is_slow: bool) -> None:
        if feed.is_removed:
            self._lanes.give_back(is_slow=is_slow)
            return
        feed.due_at, feed.is_slow = None, is_slow
        self._active.add(feed)
        turn = self.pacer.take(feed.host)
        feed.task = asyncio.create_task(self._poll(feed, turn), name=f"poll {feed.definition.id}")
        feed.task.add_done_callback(lambda task: self._ended(feed, task, turn))

    def _released(self, host: str) -> None:
        self._lanes.released(host)
        self._changed.set()

    def _ended(self, feed: WatchedFeed, task: asyncio.Task[None], turn: Turn) -> None:
        turn.release()  # a task that was cancelled before it began has not
        feed.task = None
        self._active.discard(feed)
        self._lanes.give_back(is_slow=feed.is_slow)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("feed %s: polling failed, tried again later", feed.definition.id, exc_info=error)
            if not feed.is_removed and not self._is_once:
                self._schedule(feed, self._clock() + timedelta(seconds=self._settings.interval_seconds))
        self._changed.set()

    async def _sleep_until_due(self) -> None:
        seconds = _MAX_SLEEP_SECONDS  # no longer, so that a clock that is set is noticed
        if self._heap:
            seconds = min(seconds, (self._heap[0][0] - self._clock()).total_seconds())
        if (next_at := self._lanes.next_at()) is not None:
            seconds = min(seconds, next_at - time.monotonic())
        if seconds > 0:
            # Not wait_for(): until Python 3.12 it swallows a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        else:
            await asyncio.sleep(0)
        self._changed.clear()

    # --- one poll ---

    async def _poll(self, feed: WatchedFeed, turn: Turn) -> None:
        if self._poller is None:
            raise RuntimeError("the collector is not running")
        polled = await self._poller.poll(feed.definition, feed.state, turn)
        self._metrics.fetched(polled.outcome, polled.seconds)
        self._slowness.note(polled.outcome, polled.seconds)
        pages = await self._desk.read_pages(feed, polled)
        async with self._feeds.lock_of(feed):
            decision = await self._desk.decide(feed, polled, pages)
            if self._subscriber is not None:
                decision = self._subscriber.after_poll(decision, polled)
            await self._desk.make_safe(feed, decision)
        self._retries.notice(feed)
        if not feed.is_removed and not self._is_once:
            self._schedule(feed, decision.state.next_poll_at)

    # --- what hubs push ---

    @property
    def push_port(self) -> int:
        """The port that hubs are listened for on; 0 while none is."""
        return self._subscriber.port if self._subscriber is not None else 0

    def watched(self) -> Iterator[tuple[FeedDefinition, FeedState]]:
        """Yield every feed with its state."""
        for feed in list(self._feeds):
            yield feed.definition, feed.state

    def state_of(self, feed_url: str) -> FeedState | None:
        """Return the state of a feed, or None where it is not ours."""
        feed = self._feeds.get(feed_url)
        return feed.state if feed is not None else None

    async def change_state(self, feed_url: str, change: Callable[[FeedState], FeedState]) -> None:
        """Change the state of a feed between its polls, and make it safe."""
        feed = self._feeds.get(feed_url)
        if feed is not None:
            await self._desk.change_state(feed, change)

    async def receive(self, feed_url: str, body: bytes, content_type: str) -> str:
        """Take what a hub has pushed for a feed; returns the outcome (`streams.metrics.PUSH_OUTCOMES`)."""
        feed = self._feeds.get(feed_url)
        if feed is None or self._poller is None or self._subscriber is None:
            return "unknown"
        url = feed.state.push.topic_url if feed.state.push is not None else feed_url
        reply = await self._poller.parse(body, url=url, content_type=content_type)
        if reply.feed is None:
            log.warning("feed %s: what its hub pushed %s", feed.definition.id, reply.detail)
            return "not_a_feed"
        polled = Polled(outcome="ok", feed=reply.feed)
        pages = await self._desk.read_pages(feed, polled)
        async with self._feeds.lock_of(feed):
            if feed.is_removed:
                return "unknown"
            decision = await self._desk.decide(feed, polled, pages, decide_by=decide_push)
            if decision.articles:
                await self._desk.make_safe(feed, self._subscriber.after_push(decision))
        self._retries.notice(feed)
        return "new" if decision.articles else "nothing_new"

    def _show(self, now: datetime) -> None:
        if self._gauges_at is not None and now - self._gauges_at < timedelta(seconds=1):
            return
        self._gauges_at = now
        show_counts(self._metrics, self.counts())
        self._health.show(now, self._known)
