"""The records of collecting, each named after the step it has left.

    FeedDefinition ─ fetch ─▶ Fetched ─ parse ─▶ Polled(ParsedFeed) ─ decide ─▶ Decision ─▶ Delivery ─▶ Sink

`Polled` is everything that one poll found out; `decide` needs nothing else from the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from agent.collect.state import FeedState
from streams.model import RawArticle


class ParsedEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a feed as plain values: text without markup, absolute links, UTC times."""

    url: str | None = None
    canonical_url: str | None = None
    guid: str | None = None
    title: str = ""
    text: str = ""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    image_url: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    language: str | None = None
    """What the entry declares (`xml:lang`, `dc:language`); the feed's own is in `ParsedFeed`."""
    faults: tuple[str, ...] = ()
    """What parsing found wrong with it: `bad_date`, `too_large` (of `streams.metrics.ENTRY_FAULTS`)."""


class SitemapLink(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sitemap that a sitemap index names."""

    url: str
    modified_at: datetime | None = None


class ParsedFeed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A feed document as plain values, entries in document order."""

    format: str
    """`rss20`, `atom10`, `rss10`, `json1`, `news-sitemap`, `sitemap`, `sitemap-index` …"""
    title: str = ""
    site_url: str | None = None
    language: str | None = None
    entries: tuple[ParsedEntry, ...] = ()
    left_out: int = 0
    """Entries past the limit of one document, not in `entries`."""
    ttl_seconds: float | None = None
    """The shortest time between polls that the feed itself asks for (`ttl`, `sy:updatePeriod`)."""
    hub_url: str | None = None
    self_url: str | None = None
    sitemaps: tuple[SitemapLink, ...] = ()
    """Only of a sitemap index, which has no entries."""
    was_repaired: bool = False
    """True when the document was not well-formed and the tolerant parser made the best of it."""


class Polled(Struct, frozen=True, kw_only=True):
    """What one poll of one feed came to."""

    outcome: str
    """One of `streams.metrics.FETCH_OUTCOMES`."""
    status: int | None = None
    detail: str = ""
    """One line for a person; never a secret."""
    feed: ParsedFeed | None = None
    """Set when the document was parsed: outcome `ok` or `moved`."""
    is_same_body: bool = False
    """True for a 200 whose bytes are those of the last parsed document: `feed` is then None."""
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    retry_after_seconds: float | None = None
    min_interval_seconds: float | None = None
    """What HTTP caching asks for (`Cache-Control: max-age`, `Expires`)."""
    moved_to: str | None = None
    """Where permanent redirects (301, 308) alone led."""
    url: str = ""
    """Where the document came from, after redirects."""
    hub_url: str | None = None
    """The WebSub hub that headers or document name..."""
    topic_url: str | None = None
    """...and what it knows the feed by."""
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    """Monday is 0."""
    seconds: float = 0.0


class Delivery(Struct, frozen=True, kw_only=True):
    """A feed's new state with the articles that it accounts for: articles are made safe first, then the state."""

    state: FeedState
    articles: tuple[RawArticle, ...] = ()


class Decision(Struct, frozen=True, kw_only=True):
    """What a poll means: the state to keep, the articles to publish, and the counts to show."""

    state: FeedState
    articles: tuple[RawArticle, ...] = ()
    outcome: str
    entries: dict[str, int] = {}
    """Entries by `streams.metrics.ENTRY_OUTCOMES`."""
    faults: dict[str, int] = {}
    """Faults by `streams.metrics.ENTRY_FAULTS`, of the entries that are new, edited or rejected."""

    @property
    def delivery(self) -> Delivery:
        return Delivery(state=self.state, articles=self.articles)


class SinkUnavailable(Exception):
    """The sink cannot take deliveries now. Nothing was lost: the collector keeps the deliveries and tries again."""


class Sink(Protocol):
    """Where the collector delivers to: `agent.publish.KafkaSink`, or the embedded runtime."""

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Make articles AND states safe, articles first; return only then.

        May be called again with the same deliveries after any exception, so it must not matter if a part was
        already written: articles have deterministic ids and revisions.

        Raises:
            SinkUnavailable: try again later. Any other exception is treated the same, and logged with its traceback.
        """
        ...
