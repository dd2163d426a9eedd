"""What parsing a document gives: a feed and its entries as plain values."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


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
