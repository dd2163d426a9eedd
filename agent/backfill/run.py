"""Looks back over one target: document after document, a few entries at a time.

    document ─ fetch ─▶ parse ─▶ older document, sitemaps: pending
                          └─▶ entries within the time ─ 20 at a time ─▶ pages ─▶ decide ─▶ deliver(articles, state)

The state says which document is being looked into, and every entry that was delivered; a run that is killed reads that
document again and finds its delivered entries known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from agent.backfill.links import older_url
from agent.backfill.progress import BackfillProgress, Document
from agent.backfill.targets import Target
from agent.collect.decide import decide
from agent.collect.delivering import deliver_until_done
from agent.collect.records import Decision, Delivery, Polled, Sink
from agent.collect.state import ENTRY_BYTES, MAX_SEEN, FeedState, merged_seen
from agent.feeds.definitions import FeedDefinition
from agent.fetch.fetcher import Fetched, Fetcher
from agent.pages.apply import with_pages
from agent.pages.reader import PageReader, Reading
from agent.pages.records import Page
from agent.parse.dates import utc_now
from agent.parse.pool import ParsePool
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.settings import CollectSettings
from streams.metrics import Metrics
from streams.model import RawArticle

log = logging.getLogger("rasad.backfill")

ENTRIES_AT_A_TIME = 20
MAX_ENTRIES = 50_000
"""Of one document; the protocol of sitemaps allows so many."""
TRIES = 3
_RETRY_SECONDS = 2.0
_MAX_RETRY_SECONDS = 30.0
_TEMPORARY = frozenset({"timeout", "unreachable", "rate_limited"})
_ARTICLE_KINDS = frozenset({"article", "live_blog", "gallery", "video"})

IsStored = Callable[[str], Awaitable[bool]]


async def _never(_: str) -> bool:
    return False


class Backfiller:
    """Runs one backfill. `fetcher`, `pool` and `reader` are open."""

    def __init__(
        self,
        target: Target,
        *,
        fetcher: Fetcher,
        pool: ParsePool,
        reader: PageReader,
        reading: Reading,
        sink: Sink,
        settings: CollectSettings,
        metrics: Metrics,
        state: FeedState | None,
        siblings: Sequence[FeedState],
        since: datetime,
        max_documents: int,
        is_stored: IsStored = _never,
        clock: Callable[[], datetime] = utc_now,
        on_progress: Callable[[BackfillProgress, str], None] = lambda *_: None,
    ) -> None:
        """Args:
        state: what an earlier run has left, which goes on if it was not finished.
        siblings: states of the source's feeds; what they have published is not published again.
        max_documents: most feed pages and sitemaps of this run.
        is_stored: tells whether an article is in the store already, where that can be asked.
        on_progress: called with the progress and the document under way.
        """
        self._target = target
        self._fetcher, self._pool, self._reader, self._reading = fetcher, pool, reader, reading
        self._sink, self._settings, self._metrics = sink, settings, metrics
        self._siblings = siblings
        self._max_documents = max_documents
        self._is_stored = is_stored
        self._clock = clock
        self._on_progress = on_progress
        self._sites: set[str] = set()
        state = state or FeedState(feed_url=target.key, source_id=target.feed.source_id)
        progress = state.backfill
        self.is_resumed = progress is not None and not progress.is_finished
        if progress is None or progress.is_finished:
            progress = BackfillProgress(since=since).with_documents(target.documents)
        self._state = msgspec.structs.replace(state, backfill=progress)

    @property
    def progress(self) -> BackfillProgress:
        """What is done and what is left, as last delivered."""
        return self._state.backfill or BackfillProgress(since=self._clock())

    async def run(self) -> BackfillProgress:
        """Look back until nothing is left, or the limit of this run is reached."""
        for _ in range(self._max_documents):
            progress = self.progress
            if not progress.pending:
                break
            await self._look_into(progress.pending[0])
        return self.progress

    async def _look_into(self, document: Document) -> None:
        self._on_progress(self.progress, document.url)
        fetched = await self._fetch(document.url)
        if fetched.outcome != "ok":
            log.log(
                # The last page of a WordPress feed is one that is not there.
                logging.DEBUG if document.depth == 0 and fetched.status == 404 else logging.WARNING,
                "%s: %s: %s", document.url, fetched.outcome, fetched.detail,
            )  # fmt: skip
            await self._finish(document, failed=fetched.status != 404)
            return
        reply = await self._pool.parse(
            fetched.body,
            url=fetched.url,
            content_type=fetched.content_type,
            content_language=fetched.content_language,
            max_entries=MAX_ENTRIES,
            any_sitemap=True,
        )
        parsed = reply.feed
        if parsed is None:
            more = await self._sitemaps_of(fetched.url) if reply.outcome == "not_a_feed" else []
            if not more:
                log.warning("%s: %s", document.url, reply.detail)
            await self._finish(document, more, failed=not more)
            return
        since = self.progress.since
        recent = [entry for entry in parsed.entries if _is_since(entry, since)]
        more = [
            Document(url=link.url, kind="sitemap", depth=document.depth + 1)
            for link in sorted(parsed.sitemaps, key=lambda s: s.modified_at or self._clock(), reverse=True)
            if link.modified_at is None or link.modified_at >= since
        ]
        is_sitemap = parsed.format in {"sitemap", "news-sitemap", "sitemap-index"}
        at_a_time = min(ENTRIES_AT_A_TIME, self._reading.settings.max_pages_per_poll)
        for start in range(0, len(recent), at_a_time):
            await self._take(document, fetched, parsed, recent[start : start + at_a_time], is_sitemap=is_sitemap)
            self._on_progress(self.progress, document.url)
        if not is_sitemap:
            older = older_url(fetched.body, fetched.url, fetched.link, fetched.content_type)
            # A document in which nothing is young enough has nothing younger behind it.
            if older and (recent or not parsed.entries):
                more.append(Document(url=older, feed_url=document.feed_url))
            if document in self._target.documents:
                more += await self._sitemaps_of(parsed.site_url or fetched.url)
        await self._finish(document, more)

    async def _fetch(self, url: str) -> Fetched:
        for attempt in range(TRIES):
            fetched = await self._fetcher.fetch(url)
            if fetched.outcome not in _TEMPORARY or attempt == TRIES - 1:
                break
            await asyncio.sleep(min(fetched.retry_after_seconds or _RETRY_SECONDS * 2**attempt, _MAX_RETRY_SECONDS))
        return fetched

    async def _sitemaps_of(self, url: str) -> list[Document]:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site in self._sites:
            return []
        self._sites.add(site)
        return [Document(url=link, kind="sitemap") for link in await self._reader.robots.sitemaps(f"{site}/")]

    # --- a few entries ---

    async def _take(
        self,
        document: Document,
        fetched: Fetched,
        parsed: ParsedFeed,
        entries: Sequence[ParsedEntry],
        *,
        is_sitemap: bool,
    ) -> None:
        feed = msgspec.structs.replace(self._target.feed, url=document.feed_url or fetched.url, is_backfill=True)
        part = msgspec.structs.replace(parsed, entries=tuple(entries), left_out=0)
        polled = Polled(outcome="ok", status=200, feed=part)
        preview = self._decide(feed, polled, {})
        if not preview.articles:
            return
        pages = await self._pages(preview.articles, feed)
        decision = self._decide(feed, polled, {id_: p.canonical_url for id_, p in pages.items() if p.canonical_url})
        decision, cut = with_pages(
            decision,
            pages,
            self._siblings,
            min_articles=self._reading.settings.boilerplate_articles,
            max_age_days=self._settings.max_age_days,
            now=self._clock(),
        )
        self._metrics.lines_cut.inc(cut)
        # What a sitemap calls an article differently from its feed is no edit.
        new = [article for article in decision.articles if article.revision == 1]
        articles = [
            article
            for article in new
            if self._is_wanted(article, pages.get(article.article_id), is_sitemap=is_sitemap)
            and not await self._is_stored(article.article_id)
        ]
        progress = self.progress
        progress = msgspec.structs.replace(
            progress,
            articles=progress.articles + len(articles),
            left_out=progress.left_out + len(new) - len(articles),
        )
        state = msgspec.structs.replace(
            decision.state,
            backfill=progress,
            seen=merged_seen(decision.state.seen, self._state.seen)[: MAX_SEEN * ENTRY_BYTES],
            published=self._state.published + len(articles),
        )
        await self._deliver(Delivery(state=state, articles=tuple(articles)))

    def _decide(self, feed: FeedDefinition, polled: Polled, canonical_urls: dict[str, str]) -> Decision:
        return decide(feed, self._state, polled, self._clock(), self._settings, self._siblings, canonical_urls)

    async def _pages(self, articles: Sequence[RawArticle], feed: FeedDefinition) -> dict[str, Page]:
        # Nobody waits for these: the deadline is what the host's own patience needs, and as much again.
        settings = self._reading.settings
        seconds = settings.deadline_seconds + len(articles) * (settings.timeout_seconds + 60.0)
        return (await self._reader.read_all(articles, feed, deadline_seconds=seconds)).by_id

    def _is_wanted(self, article: RawArticle, page: Page | None, *, is_sitemap: bool) -> bool:
        """Tell whether an entry has become an article: sitemaps name sections, authors and videos too."""
        if article.published_at is not None and article.published_at < self.progress.since:
            return False
        if not is_sitemap or (article.title and page is None):
            return bool(article.title or article.text)
        return page is not None and page.kind in _ARTICLE_KINDS and bool(article.title)

    # --- what is done ---

    async def _finish(self, document: Document, more: Sequence[Document] = (), *, failed: bool = False) -> None:
        progress = self.progress.with_documents(more).without_first(failed=failed)
        await self._deliver(
            Delivery(state=msgspec.structs.replace(self._state, backfill=progress, polls=self._state.polls + 1))
        )
        self._on_progress(progress, document.url)

    async def _deliver(self, delivery: Delivery) -> None:
        await deliver_until_done(self._sink, delivery, self._target.key)
        self._state = delivery.state


def _is_since(entry: ParsedEntry, since: datetime) -> bool:
    moment = entry.published_at or entry.modified_at
    return moment is None or moment >= since
