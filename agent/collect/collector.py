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
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from agent.collect.dates import utc_now
from agent.collect.decide import decide
from agent.collect.delivering import deliver_until_done
from agent.collect.feeds import FeedDefinition
from agent.collect.fetch import Fetcher
from agent.collect.guard import AddressGuard
from agent.collect.pacing import Pacer, Turn, pace_key
from agent.collect.parse_pool import ParsePool
from agent.collect.poll import Poller
from agent.collect.queues import Lanes
from agent.collect.records import Decision, Delivery, Polled, Sink
from agent.collect.schedule import LATEST, first_poll_at
from agent.collect.state import FeedState
from agent.collect.tally import Counts, HealthGauges, show_counts, tally
from agent.pages.apply import with_pages
from agent.pages.reader import PageReader, Reading
from agent.pages.records import Page
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
PARSER_IDLE_SECONDS = 60.0
"""A parser takes 25 MB: it is not kept where feeds change once an hour."""
SLOW_SHARE = 0.25
"""Of the places, how many feeds may have that timed out the last time, or took as long as..."""
SLOW_PART = 0.25
"""...this part of the deadline."""
_MAX_SLEEP_SECONDS = 5.0
_THREAD_ENTRIES = 1_000
"""Documents with more entries are decided in a thread, so that the loop goes on serving the other feeds."""

OnPolled = Callable[[FeedDefinition, Decision], None]


@dataclass(eq=False)
class _Feed:
    definition: FeedDefinition
    state: FeedState
    due_at: datetime | None
    """None while it is being polled, and for a feed that is stopped."""
    task: asyncio.Task[None] | None = None
    is_slow: bool = False
    """Whether it was, when its poll under way began."""
    is_delivering: bool = False
    is_removed: bool = False

    @property
    def host(self) -> str:
        return pace_key(self.state.fetch_url or self.definition.url)


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
        self._reader: PageReader | None = None
        self._sink = sink
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._on_polled = on_polled
        self._guard = guard
        self._feeds: dict[str, _Feed] = {}
        self._sources: dict[str, dict[str, _Feed]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._heap: list[tuple[datetime, int, _Feed]] = []
        self._sequence = 0
        self.pacer = Pacer(concurrency=settings.per_host_concurrency, spacing_seconds=settings.per_host_spacing_seconds)
        self.pacer.on_release = self._released
        self._lanes: Lanes[_Feed] = Lanes(self.pacer, settings.concurrency, SLOW_SHARE)
        self._active: set[_Feed] = set()
        self._changed = asyncio.Event()
        self._poller: Poller | None = None
        self._is_once = False
        self._gauges_at: datetime | None = None
        self._health = HealthGauges(metrics)
        self.add(feeds, states or {})

    # --- which feeds ---

    def add(self, feeds: Iterable[FeedDefinition], states: Mapping[str, FeedState]) -> None:
        """Take over `feeds`, each with its state if it has one; those that are disabled are left out."""
        new = [feed for feed in feeds if feed.enabled and feed.url not in self._feeds]
        now = self._clock()
        for definition in new:
            state = states.get(definition.url) or FeedState(feed_url=definition.url, source_id=definition.source_id)
            if state.source_id != definition.source_id:  # the user has sorted the feed to another source since
                state = msgspec.structs.replace(state, source_id=definition.source_id)
            feed = _Feed(definition, state, None)
            self._feeds[definition.url] = feed
            self._sources.setdefault(definition.source_id, {})[definition.url] = feed
            if not state.stopped:
                is_overdue = state.next_poll_at is None or not now < state.next_poll_at < now + LATEST
                due_at = first_poll_at(definition, len(new), now=now, settings=self._settings)
                self._schedule(feed, due_at if is_overdue else state.next_poll_at)

    async def remove(self, urls: Iterable[str]) -> None:
        """Let go of feeds; returns when none of them is being polled or delivered any more."""
        removed = [feed for url in urls if (feed := self._feeds.pop(url, None)) is not None]
        for feed in removed:
            feed.is_removed = True
            source = self._sources.get(feed.definition.source_id, {})
            source.pop(feed.definition.url, None)
            if not source:
                self._sources.pop(feed.definition.source_id, None)
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
        return [feed.state for feed in self._feeds.values()]

    def _known(self) -> tuple[list[FeedDefinition], dict[str, FeedState]]:
        feeds = self._feeds.values()
        return [feed.definition for feed in feeds], {feed.definition.url: feed.state for feed in feeds}

    def counts(self) -> Counts:
        """Return how the feeds stand."""
        now = self._clock()
        feeds = self._feeds.values()
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
        for feed in self._feeds.values():
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
                self._reader = await stack.enter_async_context(reader)
            stack.push_async_callback(self._health.close)
            stack.push_async_callback(self.close)
            if self._subscriber is not None and not self._is_once:
                await stack.enter_async_context(self._subscriber.running(fetcher))
            yield

    def _schedule(self, feed: _Feed, due_at: datetime | None) -> None:
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
                self._lanes.put(feed, feed.host, is_slow=self._is_slow(feed))
        max_hold_seconds = ONCE_HOLD_SECONDS if self._is_once else math.inf
        while (found := self._lanes.take(max_hold_seconds)) is not None:
            self._start(*found)
        self._show(now)

    def _is_slow(self, feed: _Feed) -> bool:
        state = feed.state
        return state.last_outcome == "timeout" or state.last_seconds > SLOW_PART * self._settings.timeout_seconds

    def _start(self, feed: _Feed, is_slow: bool) -> None:
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

    def _ended(self, feed: _Feed, task: asyncio.Task[None], turn: Turn) -> None:
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

    async def _poll(self, feed: _Feed, turn: Turn) -> None:
        if self._poller is None:
            raise RuntimeError("the collector is not running")
        polled = await self._poller.poll(feed.definition, feed.state, turn)
        self._metrics.fetched(polled.outcome, polled.seconds)
        pages = await self._pages(feed, polled)
        async with self._lock_of(feed):
            decision = await self._decide(feed, polled, pages)
            if self._subscriber is not None:
                decision = self._subscriber.after_poll(decision, polled)
            await self._make_safe(feed, decision)
        if not feed.is_removed and not self._is_once:
            self._schedule(feed, decision.state.next_poll_at)

    def _lock_of(self, feed: _Feed) -> asyncio.Lock:
        return self._locks.setdefault(feed.definition.source_id, asyncio.Lock())

    async def _make_safe(self, feed: _Feed, decision: Decision) -> None:
        """Deliver what was decided; from then on it is the feed's state."""
        feed.is_delivering = True
        try:
            await deliver_until_done(self._sink, decision.delivery, f"feed {feed.definition.id}")
        finally:
            feed.is_delivering = False
        was_failing = feed.state.consecutive_failures
        feed.state = decision.state
        tally(self._metrics, feed.definition, decision, was_failing)
        if self._on_polled is not None:
            self._on_polled(feed.definition, decision)

    # --- what hubs push ---

    @property
    def push_port(self) -> int:
        """The port that hubs are listened for on; 0 while none is."""
        return self._subscriber.port if self._subscriber is not None else 0

    def watched(self) -> Iterator[tuple[FeedDefinition, FeedState]]:
        """Yield every feed with its state."""
        for feed in list(self._feeds.values()):
            yield feed.definition, feed.state

    def state_of(self, feed_url: str) -> FeedState | None:
        """Return the state of a feed, or None where it is not ours."""
        feed = self._feeds.get(feed_url)
        return feed.state if feed is not None else None

    async def change_state(self, feed_url: str, change: Callable[[FeedState], FeedState]) -> None:
        """Change the state of a feed between its polls, and make it safe."""
        feed = self._feeds.get(feed_url)
        if feed is None:
            return
        async with self._lock_of(feed):
            state = change(feed.state)
            if state != feed.state and not feed.is_removed:
                await deliver_until_done(self._sink, Delivery(state=state), f"feed {feed.definition.id}")
                feed.state = state

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
        pages = await self._pages(feed, polled)
        async with self._lock_of(feed):
            if feed.is_removed:
                return "unknown"
            decision = await self._decide(feed, polled, pages, decide_by=decide_push)
            if decision.articles:
                await self._make_safe(feed, self._subscriber.after_push(decision))
        return "new" if decision.articles else "nothing_new"

    # --- deciding and delivering ---

    async def _pages(self, feed: _Feed, polled: Polled) -> dict[str, Page]:
        """Read the pages of what looks new; what it is in the end is decided with the source's other feeds."""
        if self._reader is None or polled.feed is None:
            return {}
        preview = await self._decide(feed, polled)
        return await self._reader.read_all(preview.articles, feed.definition)

    async def _decide(
        self,
        feed: _Feed,
        polled: Polled,
        pages: Mapping[str, Page] | None = None,
        *,
        decide_by: Callable[..., Decision] = decide,
    ) -> Decision:
        siblings = [other.state for other in self._sources.get(feed.definition.source_id, {}).values() if other != feed]
        now = self._clock()
        canonical_urls = {id_: page.canonical_url for id_, page in (pages or {}).items() if page.canonical_url}
        arguments = (feed.definition, feed.state, polled, now, self._settings, siblings, canonical_urls)
        if polled.feed is not None and len(polled.feed.entries) > _THREAD_ENTRIES:
            decision = await asyncio.to_thread(decide_by, *arguments)
        else:
            decision = decide_by(*arguments)
        if self._reading is None or pages is None:
            return decision
        decision, cut = with_pages(
            decision,
            pages,
            siblings,
            min_articles=self._reading.settings.boilerplate_articles,
            max_age_days=self._settings.max_age_days,
            now=now,
        )
        self._metrics.lines_cut.inc(cut)
        return decision

    def _show(self, now: datetime) -> None:
        if self._gauges_at is not None and now - self._gauges_at < timedelta(seconds=1):
            return
        self._gauges_at = now
        show_counts(self._metrics, self.counts())
        self._health.show(now, self._known)
