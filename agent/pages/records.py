"""What is asked of a page, and what was found in it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from streams.model import RawArticle

KINDS = ("article", "live_blog", "gallery", "video", "other")


class Hints(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the rules say about a source's pages; selectors as XPath (`selectors.to_xpath`)."""

    text: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    """Lines that are cut where they stand alone."""
    endings: tuple[str, ...] = ()
    """Words of the line below everything, who owns the rights and so on: cut with all that follows."""
    leads: tuple[str, ...] = ()
    """Headings of lists of other articles: cut alone, in front of a headline, and at the end with what follows."""


class Cut(Struct, frozen=True, kw_only=True):
    """A piece of the page that is not taken, shortened, and why."""

    text: str
    reason: str


class Page(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article page as plain values: text without markup, absolute links, UTC times."""

    url: str | None = None
    title: str = ""
    text: str = ""
    text_from: str = ""
    """What the text was found by: `rule`, `main text`, `JSON-LD`, `live blog`, `captions`; empty where none was."""
    kind: str = "other"
    """One of `KINDS`."""
    description: str = ""
    authors: tuple[str, ...] = ()
    section: str | None = None
    tags: tuple[str, ...] = ()
    image_url: str | None = None
    canonical_url: str | None = None
    """`rel=canonical` and its kin, without tracking parameters, where it can be the address of this article."""
    site_name: str | None = None
    language: str | None = None
    """What the page declares."""
    published_at: datetime | None = None
    modified_at: datetime | None = None
    date_from: str = ""
    """Where `published_at` stood: `JSON-LD`, `meta`, `time` …"""
    is_paywalled: bool = False
    """True where the page says that the article is not free: the text is then only its beginning."""
    cuts: tuple[Cut, ...] = ()


class PendingPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page that could not be read and is tried again: its article as published, and when."""

    article: RawArticle
    tries: int = 0
    next_at: datetime


class PageRequest(Struct, frozen=True, kw_only=True):
    """A page to extract, and the CPU seconds that it may cost."""

    data: bytes
    url: str | None = None
    content_type: str = ""
    hints: Hints = Hints()
    explain: bool = False
    """Also list what was cut."""
    cpu_seconds: float


class PageReply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The page, or why there is none (`outcome` of `streams.metrics.PAGE_OUTCOMES`)."""

    page: Page | None = None
    outcome: str = "ok"
    detail: str = ""
