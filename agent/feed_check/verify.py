"""`rasad feeds check`: polls every feed of the list once and tells which addresses serve what they should."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from agent.collect.failures import OK_OUTCOMES
from agent.collect.poll import Poller
from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from agent.fetch.fetcher import Fetcher
from agent.parse.dates import utc_now
from agent.parse.pool import ParsePool
from agent.parse.records import ParsedFeed
from agent.settings import CollectSettings

STALE_AFTER = timedelta(days=60)


class Checked(Struct, frozen=True, kw_only=True):
    """What one feed of the list turned out to be."""

    id: str
    url: str
    source_id: str
    is_verified: bool
    """It answers, is a feed, and has entries of late."""
    outcome: str
    detail: str
    moved_to: str | None = None
    format: str = ""
    title: str = ""
    entries: int = 0
    newest_at: datetime | None = None
    language: str | None = None
    notes: tuple[str, ...] = ()
    """What a person should look at: another language than listed, nothing new for months, moved."""


async def check_feeds(
    feeds: Sequence[FeedDefinition],
    settings: CollectSettings,
    *,
    concurrency: int = 16,
    on_checked: Callable[[Checked], None] | None = None,
) -> list[Checked]:
    """Poll every feed once, as if never polled before; the results stand in the order of `feeds`."""
    gate = asyncio.Semaphore(concurrency)
    async with Fetcher(settings) as fetcher, ParsePool(settings) as pool:
        poller = Poller(fetcher, pool)

        async def one(feed: FeedDefinition) -> Checked:
            async with gate:
                polled = await poller.poll(feed, FeedState(feed_url=feed.url, source_id=feed.source_id))
            checked = judge(feed, polled.outcome, polled.detail, polled.moved_to, polled.feed, utc_now())
            if on_checked is not None:
                on_checked(checked)
            return checked

        return list(await asyncio.gather(*(one(feed) for feed in feeds)))


def judge(
    feed: FeedDefinition, outcome: str, detail: str, moved_to: str | None, parsed: ParsedFeed | None, now: datetime
) -> Checked:
    """Return what a poll says about an entry of the list."""
    notes = [f"moved to {moved_to}"] if moved_to else []
    if parsed is None or outcome not in OK_OUTCOMES:
        return Checked(
            id=feed.id,
            url=feed.url,
            source_id=feed.source_id,
            is_verified=False,
            outcome=outcome,
            detail=detail,
            moved_to=moved_to,
            notes=tuple(notes),
        )
    dates = [entry.published_at for entry in parsed.entries if entry.published_at and entry.published_at <= now]
    newest_at = max(dates, default=None)
    if not parsed.entries:
        notes.append("has no entries")
    elif newest_at is not None and newest_at < now - STALE_AFTER:
        notes.append(f"nothing new since {newest_at:%Y-%m-%d}")
    if parsed.language and feed.language and parsed.language.split("-")[0] != feed.language.split("-")[0]:
        notes.append(f"says that its language is {parsed.language}, not {feed.language}")
    is_fresh = newest_at is None or newest_at >= now - STALE_AFTER
    return Checked(
        id=feed.id,
        url=feed.url,
        source_id=feed.source_id,
        is_verified=bool(parsed.entries) and is_fresh,
        outcome=outcome,
        detail=detail,
        moved_to=moved_to,
        format=parsed.format,
        title=parsed.title,
        entries=len(parsed.entries),
        newest_at=newest_at,
        language=parsed.language,
        notes=tuple(notes),
    )


def as_patch(texts: Mapping[Path, str]) -> str:
    """Return new texts of files as a unified diff that `patch -p0` applies."""
    return "".join(
        line
        for path, text in texts.items()
        for line in difflib.unified_diff(
            path.read_text(encoding="utf-8-sig").splitlines(keepends=True),
            text.splitlines(keepends=True),
            str(path),
            str(path),
        )
    )
