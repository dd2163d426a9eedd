"""Tries a feed out as the collector would poll it, without storing anything."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from agent.collect.dates import utc_now
from agent.collect.decide import decide
from agent.collect.feeds import FeedDefinition
from agent.collect.fetch import Fetcher
from agent.collect.parse_pool import ParsePool
from agent.collect.poll import Poller
from agent.collect.schedule import OK_OUTCOMES
from agent.collect.state import FeedState
from agent.settings import CollectSettings

SHOWN_ENTRIES = 10


class TriedEntry(Struct, frozen=True, kw_only=True):
    """One entry, shortened."""

    title: str
    url: str | None
    published_at: datetime | None
    date_is_reliable: bool
    text_chars: int


class Report(Struct, frozen=True, kw_only=True):
    """What a feed looks like to the collector."""

    url: str
    outcome: str
    detail: str
    is_usable: bool
    status: int | None
    seconds: float
    format: str = ""
    title: str = ""
    language: str | None = None
    site_url: str | None = None
    was_repaired: bool = False
    """The document is not well-formed; the tolerant parser made the best of it."""
    has_validators: bool = False
    """Whether unchanged polls can be answered without the document."""
    moved_to: str | None = None
    entries: int = 0
    articles: int = 0
    """Articles that a first poll would publish."""
    entry_faults: dict[str, int] = {}
    next_poll_at: datetime | None = None
    newest: tuple[TriedEntry, ...] = ()


async def try_feed(feed: FeedDefinition, settings: CollectSettings) -> Report:
    """Poll `feed` once, as if it had never been polled."""
    async with Fetcher(settings) as fetcher, ParsePool(settings) as pool:
        polled = await Poller(fetcher, pool).poll(feed, FeedState(feed_url=feed.url, source_id=feed.source_id))
    decision = decide(feed, FeedState(feed_url=feed.url, source_id=feed.source_id), polled, utc_now(), settings)
    parsed = polled.feed
    newest = tuple(
        TriedEntry(
            title=article.title,
            url=article.url,
            published_at=article.published_at,
            date_is_reliable=article.date_is_reliable,
            text_chars=len(article.text),
        )
        for article in reversed(decision.articles[-SHOWN_ENTRIES:])
    )
    return Report(
        url=feed.url,
        outcome=polled.outcome,
        detail=polled.detail,
        is_usable=polled.outcome in OK_OUTCOMES,
        status=polled.status,
        seconds=round(polled.seconds, 3),
        format=parsed.format if parsed else "",
        title=parsed.title if parsed else "",
        language=parsed.language if parsed else None,
        site_url=parsed.site_url if parsed else None,
        was_repaired=parsed.was_repaired if parsed else False,
        has_validators=bool(polled.etag or polled.last_modified),
        moved_to=polled.moved_to,
        entries=len(parsed.entries) if parsed else 0,
        articles=len(decision.articles),
        entry_faults=decision.state.entry_faults,
        next_poll_at=decision.state.next_poll_at,
        newest=newest,
    )
