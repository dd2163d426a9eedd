"""Decides what polls and pushes mean, with the pages of what is new, and delivers it.

    Polled ─▶ preview ─▶ pages ─▶ [lock: source] decide ─▶ with_pages ─▶ Sink.deliver ─▶ the feed's state

A feed's new state counts only once its articles are safe: until then the old one stands, so whatever is lost on the way
is found again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from agent.collect.decide import decide
from agent.collect.delivering import deliver_until_done
from agent.collect.records import Decision, Delivery, Polled, Sink
from agent.collect.state import FeedState
from agent.collect.tally import tally
from agent.collect.watched import WatchedFeed, WatchedFeeds
from agent.feeds.definitions import FeedDefinition
from agent.pages import again
from agent.pages.apply import with_pages
from agent.pages.reader import PageReader, Reading, ReadPages
from agent.settings import CollectSettings
from streams.metrics import Metrics

_THREAD_ENTRIES = 1_000
"""Documents with more entries are decided in a thread, so that the loop goes on serving the other feeds."""

OnPolled = Callable[[FeedDefinition, Decision], None]


class Desk:
    """What every feed's articles pass on their way out."""

    def __init__(
        self,
        feeds: WatchedFeeds,
        *,
        sink: Sink,
        settings: CollectSettings,
        metrics: Metrics,
        clock: Callable[[], datetime],
        on_polled: OnPolled | None,
        reading: Reading | None,
    ) -> None:
        self._feeds = feeds
        self._sink = sink
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._on_polled = on_polled
        self._reading = reading
        self.reader: PageReader | None = None
        """Reads pages while the collector is running."""

    async def read_pages(self, feed: WatchedFeed, polled: Polled) -> ReadPages:
        """Read the pages of what looks new; what it is in the end is decided with the source's other feeds."""
        if self.reader is None or polled.feed is None:
            return ReadPages()
        definition, entries = feed.definition, polled.feed.entries
        if not any(self.reader.wants(entry, definition) for entry in entries):
            return ReadPages()
        preview = await self.decide(feed, polled)
        return await self.reader.read_all(preview.articles, feed.definition)

    async def decide(
        self,
        feed: WatchedFeed,
        polled: Polled,
        pages: ReadPages | None = None,
        *,
        decide_by: Callable[..., Decision] = decide,
    ) -> Decision:
        """Return what a poll means; without `pages`, what it would mean if none were read."""
        siblings, now = self._feeds.siblings(feed), self._clock()
        read = pages.by_id if pages is not None else {}
        canonical_urls = {id_: page.canonical_url for id_, page in read.items() if page.canonical_url}
        arguments = (feed.definition, feed.state, polled, now, self._settings, siblings, canonical_urls)
        if polled.feed is not None and len(polled.feed.entries) > _THREAD_ENTRIES:
            decision = await asyncio.to_thread(decide_by, *arguments)
        else:
            decision = decide_by(*arguments)
        if self._reading is None or pages is None:
            return decision
        decision = again.with_missing(decision, pages.missing, now)
        return self._with_pages(decision, pages, siblings, now)

    async def make_safe(self, feed: WatchedFeed, decision: Decision) -> None:
        """Deliver what was decided; from then on it is the feed's state. The lock of its source must be held."""
        await self._deliver(feed, decision.delivery)
        was_failing = feed.state.consecutive_failures
        feed.state = decision.state
        tally(self._metrics, feed.definition, decision, was_failing)
        if self._on_polled is not None:
            self._on_polled(feed.definition, decision)

    async def change_state(self, feed: WatchedFeed, change: Callable[[FeedState], FeedState]) -> None:
        """Change the state of a feed between its polls, and make it safe."""
        async with self._feeds.lock_of(feed):
            state = change(feed.state)
            if state != feed.state and not feed.is_removed:
                await self._deliver(feed, Delivery(state=state))
                feed.state = state

    async def read_again(self, feed: WatchedFeed) -> None:
        """Try pages again that could not be read, and publish what they add to their articles as a revision."""
        if self.reader is None:
            return
        due = again.due(feed.state, self._clock())
        articles = [pending.article for pending in due]
        pages = await self.reader.read_all(articles, feed.definition) if due else ReadPages()
        async with self._feeds.lock_of(feed):
            if feed.is_removed or not due:
                return
            siblings, now = self._feeds.siblings(feed), self._clock()
            filled = self._with_pages(again.asked_anew(feed.state, due, pages.by_id), pages, siblings, now)
            decision = again.settled(feed.state, filled, due, pages, now)
            await self._deliver(feed, decision.delivery)
            feed.state = decision.state
            tally(self._metrics, feed.definition, decision, feed.state.consecutive_failures)
            if self._on_polled is not None and decision.articles:
                self._on_polled(feed.definition, decision)

    async def _deliver(self, feed: WatchedFeed, delivery: Delivery) -> None:
        feed.is_delivering = True
        try:
            await deliver_until_done(self._sink, delivery, f"feed {feed.definition.id}")
        finally:
            feed.is_delivering = False

    def _with_pages(self, decision: Decision, pages: ReadPages, siblings: list[FeedState], now: datetime) -> Decision:
        if self._reading is None:
            return decision
        decision, cut = with_pages(
            decision,
            pages.by_id,
            siblings,
            min_articles=self._reading.settings.boilerplate_articles,
            max_age_days=self._settings.max_age_days,
            now=now,
        )
        self._metrics.lines_cut.inc(cut)
        return decision
