"""Finds the feeds of a site: what its page declares and links to, what robots.txt and its sitemaps name, and the
addresses that most sites use.

    page ─ declared, linked ─┐
    robots.txt ─ sitemaps ───┼─▶ candidates ─ fetch, parse ─▶ FoundFeed
    common paths ────────────┘

Every candidate is fetched by the collector's own client, and counts only if the collector could read it.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from agent.feeds.definitions import url_fault
from agent.fetch.fetcher import Fetched, Fetcher
from agent.parse.dates import utc_now
from agent.parse.encoding import decode_document
from agent.parse.pool import ParsePool
from agent.parse.records import ParsedFeed
from agent.parse.urls import absolute_url, canonical_url
from agent.settings import CollectSettings

MAX_CANDIDATES = 40
"""Addresses tried for one site."""
MAX_SITEMAPS = 4
_MAX_PAGE_CHARS = 3_000_000

_COMMON_PATHS = (
    "feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml", "feeds/posts/default", "?feed=rss2", "feed.json",
    "rss/news", "news/rss", "rss/all", "fa/rss/allnews", "en/rss",
)  # fmt: skip
_COMMON_SITEMAPS = ("sitemap-news.xml", "news-sitemap.xml", "sitemap_news.xml", "sitemap.xml")
_TAG = re.compile(r"<(link|a|base)\s([^<>]{1,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,30})\s*=\s*(?:"([^"]{0,2000})"|'([^']{0,2000})'|([^\s"'<>`=]{1,2000}))""")
_FEED_TYPES = re.compile(r"^(?:application|text)/(?:rss|atom|rdf|feed)?\+?(?:xml|json)$", re.IGNORECASE)
_FEED_WORD = re.compile(r"(?<![a-z])(?:rss2?|atom|feeds?|rdf|xml)(?![a-z])", re.IGNORECASE)
_SITEMAP_LINE = re.compile(r"^\s*sitemap\s*:\s*(\S{1,2000})", re.IGNORECASE | re.MULTILINE)
_NEWS = re.compile(r"news|latest|today|خبر", re.IGNORECASE)


class FoundFeed(Struct, frozen=True, kw_only=True):
    """A feed that can be read."""

    url: str
    how: str
    """`given`, `declared` by the page, `linked` from it, `robots.txt`, `sitemap` (named by an index), `common path`."""
    format: str
    title: str
    entries: int
    language: str | None
    newest_at: datetime | None
    has_text: bool
    """Whether its entries bring more than a headline."""


class Discovery(Struct, frozen=True, kw_only=True):
    """What was found at a site, the likeliest first."""

    url: str
    feeds: tuple[FoundFeed, ...]
    tried: int
    failures: dict[str, int]
    """Candidates that are no feed, by outcome."""
    detail: str = ""
    """Why the page itself could not be looked at, if so."""


class Candidate(Struct, frozen=True):
    """An address that may be a feed's."""

    url: str
    how: str


async def discover(
    url: str, settings: CollectSettings, *, on_tried: Callable[[int, int], None] | None = None
) -> Discovery:
    """Look for the feeds of the site at `url`; `on_tried` is told how many of how many addresses were tried."""
    async with Fetcher(settings) as fetcher, ParsePool(settings) as pool:
        return await _Search(url, fetcher, pool, on_tried or (lambda done, of: None)).run()


class _Search:
    def __init__(self, url: str, fetcher: Fetcher, pool: ParsePool, on_tried: Callable[[int, int], None]) -> None:
        self._url = url
        self._fetcher = fetcher
        self._pool = pool
        self._on_tried = on_tried
        self._queue: list[Candidate] = []
        self._known: set[str] = set()
        self._bodies: set[bytes] = set()
        self._found: list[FoundFeed] = []
        self._failures: dict[str, int] = {}
        self._tried = self._sitemaps = 0

    async def run(self) -> Discovery:
        detail = ""
        page = await self._fetcher.fetch(self._url)
        if page.outcome == "ok":
            self._known.add(_key(self._url))
            if await self._take(page, "given"):
                return self._result()
            self._add(page_candidates(decode_document(page.body, page.content_type), page.url))
        else:
            detail = f"{page.outcome}: {page.detail}" if page.detail else page.outcome
        site = page.url or self._url
        robots = await self._fetcher.fetch(urljoin(site, "/robots.txt"), max_bytes=500_000)
        if robots.outcome == "ok":
            self._add(robots_candidates(decode_document(robots.body, robots.content_type), robots.url))
        self._add(common_candidates(site))
        while self._queue and self._tried < MAX_CANDIDATES:
            candidate = self._queue.pop(0)
            self._tried += 1
            fetched = await self._fetcher.fetch(candidate.url)
            if fetched.outcome == "ok":
                await self._take(fetched, candidate.how)
            else:
                self._count(fetched.outcome)
            self._on_tried(self._tried, min(self._tried + len(self._queue), MAX_CANDIDATES))
        return self._result(detail)

    def _add(self, candidates: Iterable[Candidate], *, first: bool = False) -> None:
        new = []
        for candidate in candidates:
            key = _key(candidate.url)
            if key not in self._known and url_fault(candidate.url) is None:
                self._known.add(key)
                new.append(candidate)
        self._queue = new + self._queue if first else self._queue + new

    async def _take(self, fetched: Fetched, how: str) -> bool:
        digest = hashlib.blake2b(fetched.body, digest_size=16).digest()
        if digest in self._bodies:
            return False
        self._bodies.add(digest)
        reply = await self._pool.parse(
            fetched.body, url=fetched.url, content_type=fetched.content_type, any_sitemap=True
        )
        if reply.feed is None:
            if how != "given":
                self._count(reply.outcome)
            return False
        parsed = reply.feed
        if parsed.format in {"sitemap", "sitemap-index"}:
            # The sitemaps of news first; a site may have thousands of others.
            links = sorted((link.url for link in parsed.sitemaps), key=lambda link: _NEWS.search(link) is None)
            room = MAX_SITEMAPS - self._sitemaps
            self._sitemaps += len(links[:room])
            self._add([Candidate(link, "sitemap") for link in links[:room]], first=True)
            return False
        self._found.append(_found(fetched.url, how, parsed))
        return True

    def _count(self, outcome: str) -> None:
        self._failures[outcome] = self._failures.get(outcome, 0) + 1

    def _result(self, detail: str = "") -> Discovery:
        order = ("given", "declared", "linked", "robots.txt", "sitemap", "common path")
        feeds = sorted(self._found, key=lambda feed: (not feed.entries, order.index(feed.how)))
        return Discovery(url=self._url, feeds=tuple(feeds), tried=self._tried, failures=self._failures, detail=detail)


def page_candidates(text: str, url: str) -> list[Candidate]:
    """Return the addresses that an HTML page declares as its feeds, and those that it links to and that look so."""
    declared: list[Candidate] = []
    linked: list[Candidate] = []
    base = url
    for tag in _TAG.finditer(text[:_MAX_PAGE_CHARS]):
        attributes = {
            match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "")
            for match in _ATTRIBUTE.finditer(tag[2])
        }
        target = absolute_url(attributes.get("href"), base)
        if target is None:
            continue
        kind = tag[1].lower()
        relations = attributes.get("rel", "").lower().split()
        if kind == "base":
            base = target
        elif kind == "link":
            is_feed = "alternate" in relations and _FEED_TYPES.match(attributes.get("type", "").strip()) is not None
            if is_feed or "feed" in relations:
                declared.append(Candidate(target, "declared"))
        elif _FEED_WORD.search(urlsplit(target).path + "?" + urlsplit(target).query):
            linked.append(Candidate(target, "linked"))
    return declared + linked[:MAX_CANDIDATES]


def robots_candidates(text: str, url: str) -> list[Candidate]:
    """Return the sitemaps that a robots.txt names, those of news first."""
    links = [link for match in _SITEMAP_LINE.finditer(text) if (link := absolute_url(match[1], url))]
    links.sort(key=lambda link: _NEWS.search(link) is None)
    return [Candidate(link, "robots.txt") for link in links[:MAX_SITEMAPS]]


def common_candidates(url: str) -> list[Candidate]:
    """Return the usual addresses of feeds: below the page's own folder, and at the root of the site."""
    folder = urljoin(url, urlsplit(url).path.rpartition("/")[0] + "/") if urlsplit(url).path.strip("/") else None
    found = [urljoin(folder, path) for path in ("feed", "rss", "rss.xml", "feed.xml")] if folder else []
    found += [urljoin(url, f"/{path}") for path in _COMMON_PATHS]
    found += [urljoin(url, f"/{path}") for path in _COMMON_SITEMAPS]
    return [Candidate(link, "common path") for link in found]


def _found(url: str, how: str, parsed: ParsedFeed) -> FoundFeed:
    limit = utc_now()
    dates = [entry.published_at for entry in parsed.entries if entry.published_at and entry.published_at <= limit]
    texts = sum(len(entry.text) > len(entry.title) + 40 for entry in parsed.entries)
    return FoundFeed(
        url=url,
        how=how,
        format=parsed.format,
        title=parsed.title,
        entries=len(parsed.entries),
        language=parsed.language,
        newest_at=max(dates, default=None),
        has_text=2 * texts > len(parsed.entries),
    )


def _key(url: str) -> str:
    return (canonical_url(url) or url).rstrip("/")
