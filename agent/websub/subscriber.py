"""Keeps the subscriptions of a collector's feeds: asks hubs, answers them, renews, and hands on what they push.

watched feeds ─ due? ─▶ POST to the hub ─▶ (the hub calls back) verified ─▶ lease, in the feed's state
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import msgspec

from agent.errors import ConfigError, ConfigFault
from agent.websub.records import MAX_MISSED, Subscription
from agent.websub.server import MAX_WAITING, PREFIX, serve_callbacks
from agent.websub.signature import hub_secret, is_signed, path_token

if TYPE_CHECKING:
    from agent.collect.records import Decision, Polled
    from agent.collect.state import FeedState
    from agent.feeds.definitions import FeedDefinition
    from agent.fetch.fetcher import Fetcher
    from agent.settings import WebSubSettings
    from streams.metrics import Metrics

log = logging.getLogger("rasad.websub")

PENDING_FOR = timedelta(days=1)
"""How long after asking a hub may verify that we did."""
UNANSWERED_AFTER = timedelta(minutes=10)
FIRST_RETRY = timedelta(minutes=10)
MAX_RETRY = timedelta(days=1)
MIN_LEASE_SECONDS = 60.0
MAX_LEASE_SECONDS = 60 * 86_400.0
MIN_SECRET_CHARS = 16
_LOOK_SECONDS = 30.0
_ASKS_AT_ONCE = 8


class Feeds(Protocol):
    """What a collector gives and does; `agent.collect.collector.Collector`."""

    def watched(self) -> Iterable[tuple[FeedDefinition, FeedState]]:
        """Yield every feed with its state."""

    def state_of(self, feed_url: str) -> FeedState | None:
        """Return the state of a feed that is ours."""

    async def change_state(self, feed_url: str, change: Callable[[FeedState], FeedState]) -> None:
        """Change the state of a feed, and make it safe."""

    async def receive(self, feed_url: str, body: bytes, content_type: str) -> str:
        """Take what was pushed; returns the outcome (`streams.metrics.PUSH_OUTCOMES`)."""


@dataclass
class _Asked:
    topic_url: str
    at: datetime
    failures: int = 0
    next_at: datetime | None = None
    lease_until: datetime | None = None
    """Set as soon as the hub has verified, before it stands in the feed's state."""

    @property
    def is_verified(self) -> bool:
        return self.lease_until is not None


class Subscriber:
    """Subscribes at hubs on behalf of `feeds`, while `running()`."""

    def __init__(
        self, feeds: Feeds, settings: WebSubSettings, metrics: Metrics, *, clock: Callable[[], datetime]
    ) -> None:
        """Raises ConfigError for a callback address without a secret that is long enough."""
        if len(settings.secret or "") < MIN_SECRET_CHARS:
            advice = f"websub.callback_url needs a secret of {MIN_SECRET_CHARS} characters or more: set "
            raise ConfigError(
                [ConfigFault("websub.secret", 0, f"{advice}RASAD_WEBSUB__SECRET_FILE (made by `openssl rand -hex 32`)")]
            )
        self._feeds = feeds
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._base = (settings.callback_url or "").rstrip("/")
        self._secret = settings.secret or ""
        self._tokens: dict[str, str] = {}
        self._asked: dict[str, _Asked] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.port = 0

    # --- what the collector tells ---

    def after_poll(self, decision: Decision, polled: Polled) -> Decision:
        """Return `decision` with what the poll says of hubs, and the next poll put off where a hub is relied on."""
        state, now = decision.state, self._clock()
        push = state.push
        if polled.feed is not None:
            push = self._found(push, polled)
        if push is not None and push.is_active(self._base, now) and polled.feed is not None:
            # Something new since the last push, which the hub has not brought.
            has_missed = bool(decision.articles) and push.verified_at is not None
            push = msgspec.structs.replace(push, missed=min(push.missed + 1, MAX_MISSED) if has_missed else push.missed)
        next_at = state.next_poll_at
        if push is not None and next_at is not None and push.is_relied_on(self._base, now):
            next_at = max(next_at, now + timedelta(seconds=self._settings.poll_seconds))
        if push is not state.push and push != state.push:
            self._changed.set()
        return msgspec.structs.replace(decision, state=msgspec.structs.replace(state, push=push, next_poll_at=next_at))

    def after_push(self, decision: Decision) -> Decision:
        """Return `decision` of a push, with the subscription's own memory of it."""
        push = decision.state.push
        if push is None or not decision.articles:
            return decision
        push = msgspec.structs.replace(push, pushed_at=self._clock(), missed=0)
        return msgspec.structs.replace(decision, state=msgspec.structs.replace(decision.state, push=push))

    @staticmethod
    def _found(push: Subscription | None, polled: Polled) -> Subscription | None:
        if polled.hub_url is None:
            return None
        topic_url = polled.topic_url or polled.url
        if push is not None and (push.hub_url, push.topic_url) == (polled.hub_url, topic_url):
            return push
        return Subscription(hub_url=polled.hub_url, topic_url=topic_url) if topic_url else None

    # --- running ---

    @asynccontextmanager
    async def running(self, fetcher: Fetcher) -> AsyncIterator[None]:
        """Listen, and keep subscriptions alive, while the block runs."""
        async with serve_callbacks(self, self._settings) as port:
            self.port = port
            keeping = asyncio.create_task(self._keep(fetcher), name="websub")
            try:
                yield
            finally:
                tasks = [keeping, *self._working]
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    async def _keep(self, fetcher: Fetcher) -> None:
        slots = asyncio.Semaphore(_ASKS_AT_ONCE)
        while True:
            self._changed.clear()
            await asyncio.gather(*(self._ask(fetcher, slots, url, push) for url, push in self._due()))
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _due(self) -> list[tuple[str, Subscription]]:
        now = self._clock()
        due, tokens, active = [], {}, 0
        for feed, state in self._feeds.watched():
            push = state.push
            if push is None or state.stopped:
                continue
            tokens[path_token(self._secret, feed.url)] = feed.url
            active += push.is_active(self._base, now)
            asked = self._asked.get(feed.url)
            waits = asked is not None and asked.topic_url == push.topic_url and asked.next_at and asked.next_at > now
            if not waits and push.renew_at(self._base, now) <= now:
                due.append((feed.url, push))
        self._tokens = tokens
        ours = set(tokens.values())
        self._asked = {url: asked for url, asked in self._asked.items() if url in ours}
        self._metrics.subscriptions.labels("active").set(active)
        self._metrics.subscriptions.labels("wanted").set(len(tokens) - active)
        return due

    async def _ask(self, fetcher: Fetcher, slots: asyncio.Semaphore, feed_url: str, push: Subscription) -> None:
        before = self._asked.get(feed_url)
        now = self._clock()
        failures = before.failures if before is not None and before.topic_url == push.topic_url else 0
        # Before the hub is asked: it may call back before it answers.
        asked = self._asked[feed_url] = _Asked(push.topic_url, now, failures, now + UNANSWERED_AFTER)
        form = {
            "hub.callback": f"{self._base}{PREFIX}{path_token(self._secret, feed_url)}",
            "hub.mode": "subscribe",
            "hub.topic": push.topic_url,
            "hub.secret": hub_secret(self._secret, feed_url, push.topic_url),
            "hub.lease_seconds": str(int(self._settings.lease_seconds)),
        }
        async with slots:
            fetched = await fetcher.post(push.hub_url, urlencode(form).encode())
        if fetched.outcome != "ok" and not asked.is_verified:
            self._failed(asked, feed_url, push.hub_url, f"{fetched.outcome}: {fetched.detail}")
        elif not asked.is_verified:
            # Accepted; a hub that never verifies is asked again, later each time.
            asked.failures += 1
            asked.next_at = self._clock() + max(UNANSWERED_AFTER, self._wait(asked.failures))

    def _failed(self, asked: _Asked, feed_url: str, hub_url: str, detail: str) -> None:
        asked.failures += 1
        asked.next_at = self._clock() + self._wait(asked.failures)
        level = logging.WARNING if asked.failures == 1 else logging.DEBUG
        wait = self._wait(asked.failures)
        log.log(level, "feed %s: hub %s was asked in vain (%s), again in %s", feed_url, hub_url, detail, wait)

    @staticmethod
    def _wait(failures: int) -> timedelta:
        return min(FIRST_RETRY * 2.0 ** min(failures - 1, 10), MAX_RETRY)

    # --- what the server asks and tells ---

    def feed_of(self, token: str) -> str | None:
        return self._tokens.get(token)

    async def verified(self, feed_url: str, mode: str, topic: str, lease_seconds: float | None) -> bool:
        asked, state, now = self._asked.get(feed_url), self._feeds.state_of(feed_url), self._clock()
        push = state.push if state is not None else None
        if mode != "subscribe":
            return push is None or topic != push.topic_url
        if push is None or asked is None or topic != push.topic_url or topic != asked.topic_url:
            return False
        if now - asked.at > PENDING_FOR:
            return False
        seconds = min(max(lease_seconds or self._settings.lease_seconds, MIN_LEASE_SECONDS), MAX_LEASE_SECONDS)
        asked.failures, asked.lease_until = 0, now + timedelta(seconds=seconds)
        asked.next_at = now + min(UNANSWERED_AFTER, timedelta(seconds=seconds / 2))

        def change(state: FeedState) -> FeedState:
            if state.push is None or state.push.topic_url != topic:
                return state
            changed = msgspec.structs.replace(
                state.push,
                callback=self._base,
                verified_at=now,
                lease_until=asked.lease_until,
                missed=0,
            )
            return msgspec.structs.replace(state, push=changed)

        # Not waited for: the hub's patience is short, and a lease that is lost with us is asked for again.
        self._work(self._feeds.change_state(feed_url, change))
        log.info("feed %s: %s pushes for %.0f s", feed_url, push.hub_url, seconds)
        return True

    async def denied(self, feed_url: str, topic: str, reason: str) -> None:
        asked, state = self._asked.get(feed_url), self._feeds.state_of(feed_url)
        if asked is None or state is None or state.push is None or topic != state.push.topic_url:
            return
        asked.failures = max(asked.failures, 8)
        self._failed(asked, feed_url, state.push.hub_url, f"denied: {' '.join(reason.split())[:200]}")

        def change(state: FeedState) -> FeedState:
            if state.push is None:
                return state
            return msgspec.structs.replace(state, push=msgspec.structs.replace(state.push, lease_until=None))

        self._work(self._feeds.change_state(feed_url, change))

    def is_subscribed(self, feed_url: str) -> bool:
        state = self._feeds.state_of(feed_url)
        if state is None or state.push is None:
            return False
        asked, now = self._asked.get(feed_url), self._clock()
        if asked is not None and asked.lease_until is not None and asked.lease_until > now:
            return True
        return state.push.is_active(self._base, now)

    def is_authentic(self, feed_url: str, signature: str, body: bytes) -> bool:
        state = self._feeds.state_of(feed_url)
        if state is None or state.push is None:
            return False
        return is_signed(signature, body, hub_secret(self._secret, feed_url, state.push.topic_url))

    def take(self, feed_url: str, body: bytes, content_type: str) -> bool:
        if len(self._working) >= MAX_WAITING:
            return False
        self._work(self._receive(feed_url, body, content_type))
        return True

    def count(self, outcome: str) -> None:
        self._metrics.pushed(outcome)

    async def _receive(self, feed_url: str, body: bytes, content_type: str) -> None:
        self.count(await self._feeds.receive(feed_url, body, content_type))

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a push could not be worked on; polling finds what it brought", exc_info=error)
