"""Reads the pages of a feed's articles, politely and within a deadline.

    articles ─ rules: wanted? ─▶ [all at once, one host at a time] robots.txt ─▶ fetch ─▶ extract ─▶ Page by article id

What cannot be read in time costs its article nothing but the longer text: it goes out with what the feed said.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.collect.failures import failure_class
from agent.fetch.fetcher import ACCEPT_PAGE
from agent.fetch.pacing import Turn, pace_key
from agent.pages.pool import PagePool
from agent.pages.records import Page
from agent.pages.robots import Robots
from agent.pages.rules import PageRules
from agent.parse.records import ParsedEntry
from agent.settings import PageSettings
from streams.model import RawArticle

if TYPE_CHECKING:
    from agent.feeds.definitions import FeedDefinition
    from agent.fetch.fetcher import Fetcher
    from streams.metrics import Metrics

HOST_DOWN_SECONDS = 600.0
"""How long the pages of a host that does not answer are not asked for."""
FAILURES_TO_BE_DOWN = 3
MAX_DOWN_HOSTS = 5_000
NO_SERVERS = frozenset({"example", "invalid"})
"""Top-level names that are reserved for documents and tests (RFC 2606): nothing is ever found there."""
_HOST_FAILURES = frozenset({"timeout", "unreachable", "tls_error", "rate_limited"})


@dataclass(frozen=True)
class Reading:
    """How pages are to be read: the settings, and the rules of `config/pages`."""

    settings: PageSettings
    rules: PageRules


@dataclass(frozen=True)
class ReadPage:
    """What came of one page; `outcome` is `read`, or why there is none (`streams.metrics.PAGE_OUTCOMES`)."""

    outcome: str
    page: Page | None = None
    detail: str = ""
    is_temporary: bool = False
    """Whether it may go better later."""


@dataclass(frozen=True)
class ReadPages:
    """What came of the pages of several articles, by article id."""

    by_id: dict[str, Page] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    """Those that could not be read now, and may be later."""


@dataclass
class _Host:
    failures: int = 0
    down_until: float = 0.0


class PageReader:
    """Reads pages with `fetcher`. Use as an async context manager, within one event loop."""

    def __init__(
        self,
        fetcher: Fetcher,
        reading: Reading,
        metrics: Metrics,
        *,
        user_agent: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetcher = fetcher
        self._settings = reading.settings
        self._rules = reading.rules
        self._metrics = metrics
        self._clock = clock
        self.robots = Robots(fetcher, user_agent, clock=clock)
        self._slots = asyncio.Semaphore(reading.settings.concurrency)
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self._stack = AsyncExitStack()
        self._pool = PagePool(reading.settings)

    async def __aenter__(self) -> PageReader:
        await self._stack.enter_async_context(self._pool)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def wants(self, article: RawArticle | ParsedEntry, feed: FeedDefinition) -> bool:
        """Tell whether the page of `article` is to be read."""
        if article.url is None or not article.url.startswith(("http://", "https://")):
            return False
        if (urlsplit(article.url).hostname or "").rpartition(".")[2] in NO_SERVERS:
            return False
        place = {"feed_id": feed.id, "source_id": feed.source_id, "url": article.url}
        ruled = self._rules.read(**place)
        read = ruled if ruled != "auto" else self._settings.read
        if read != "auto":
            return read == "always"
        return len(article.text) < self._rules.short_text_chars(self._settings.short_text_chars, **place)

    async def read_all(
        self, articles: Sequence[RawArticle], feed: FeedDefinition, *, deadline_seconds: float | None = None
    ) -> ReadPages:
        """Return the pages of those of `articles` that want one and get it within the deadline."""
        wanted = [article for article in articles if self.wants(article, feed)]
        # The oldest come first; where there is no time for all, the newest are read.
        chosen = wanted[-self._settings.max_pages_per_poll :][::-1]
        for _ in wanted[: len(wanted) - len(chosen)]:
            self._metrics.page("no_time")
        tasks = {asyncio.create_task(self._read_article(article, feed)): article for article in chosen}
        if not tasks:
            return ReadPages()
        seconds = self._settings.deadline_seconds if deadline_seconds is None else deadline_seconds
        try:
            done, late = await asyncio.wait(tasks, timeout=seconds)
        finally:
            for task in tasks:
                task.cancel()
        if late:
            await asyncio.wait(late)
        for _ in late:
            self._metrics.page("no_time", seconds)
        read = {tasks[task].article_id: task.result() for task in done if not task.cancelled()}
        missing = {article_id for article_id, one in read.items() if one.is_temporary}
        return ReadPages(
            {article_id: one.page for article_id, one in read.items() if one.page is not None},
            frozenset(missing | {tasks[task].article_id for task in late}),
        )

    async def _read_article(self, article: RawArticle, feed: FeedDefinition) -> ReadPage:
        start = time.perf_counter()
        read = await self.read(article.url or "", feed_id=feed.id, source_id=feed.source_id)
        outcome = read.outcome
        if read.page is not None and len(read.page.text) <= len(article.text):
            outcome = "not_better" if read.page.text else "no_text"
        self._metrics.page(outcome, time.perf_counter() - start)
        return read

    async def read(self, url: str, *, feed_id: str = "", source_id: str = "", explain: bool = False) -> ReadPage:
        """Read one page. Never raises for what a page or its server does."""
        host = (urlsplit(url).hostname or "").lower()
        if self._is_down(host):
            return ReadPage("host_down", detail=f"{host} did not answer before", is_temporary=True)
        verdict = await self.robots.ask(url)
        if not verdict.allowed:
            if not verdict.is_reachable:
                self._mark_down(host)
            return ReadPage("robots", detail=verdict.reason, is_temporary=not verdict.is_reachable)
        spacing_seconds = max(self._settings.host_spacing_seconds, verdict.crawl_delay_seconds or 0.0)
        # The host's turn first: whoever waits for a patient host takes no place from the pages of others.
        turn = await self._fetcher.pacer.turn(pace_key(url), spacing_seconds)
        try:
            async with self._slots:
                return await self._read_now(url, host, turn, feed_id=feed_id, source_id=source_id, explain=explain)
        finally:
            turn.release()

    async def _read_now(
        self, url: str, host: str, turn: Turn, *, feed_id: str, source_id: str, explain: bool
    ) -> ReadPage:
        fetched = await self._fetcher.fetch(
            url,
            accept=ACCEPT_PAGE,
            max_bytes=self._settings.max_page_bytes,
            timeout_seconds=self._settings.timeout_seconds,
            turn=turn,
        )
        self._note(host, fetched.outcome)
        if fetched.outcome != "ok":
            is_temporary = failure_class(fetched.outcome, fetched.status) == "temporary"
            return ReadPage(fetched.outcome, detail=fetched.detail, is_temporary=is_temporary)
        if fetched.url != url and not (moved := await self.robots.ask(fetched.url)).allowed:
            # Redirects are followed below here; what they led to is not used against the wish of that host.
            return ReadPage("robots", detail=f"redirected to {fetched.url[:200]}: {moved.reason}")
        reply = await self._pool.extract(
            fetched.body,
            url=fetched.url,
            content_type=fetched.content_type,
            hints=self._rules.hints(feed_id=feed_id, source_id=source_id, url=fetched.url),
            explain=explain,
        )
        return ReadPage("read" if reply.page is not None else reply.outcome, reply.page, reply.detail)

    # --- hosts that do not answer ---

    def _is_down(self, host: str) -> bool:
        known = self._hosts.get(host)
        return known is not None and known.down_until > self._clock()

    def _note(self, host: str, outcome: str) -> None:
        if outcome not in _HOST_FAILURES:
            self._hosts.pop(host, None)
            return
        known = self._remember(host)
        known.failures += 1
        if known.failures >= FAILURES_TO_BE_DOWN or outcome == "rate_limited":
            known.down_until = self._clock() + HOST_DOWN_SECONDS

    def _mark_down(self, host: str) -> None:
        self._remember(host).down_until = self._clock() + HOST_DOWN_SECONDS

    def _remember(self, host: str) -> _Host:
        known = self._hosts.setdefault(host, _Host())
        self._hosts.move_to_end(host)
        while len(self._hosts) > MAX_DOWN_HOSTS:
            self._hosts.popitem(last=False)
        return known
