"""Tries a feed out as the collector would poll it, and tells everything that it would see and do, without storing
anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from msgspec import Struct

from agent.collect.candidates import Identifier, entry_faults
from agent.collect.decide import decide
from agent.collect.failures import OK_OUTCOMES
from agent.collect.poll import Poller
from agent.collect.records import Decision, Polled
from agent.collect.schedule import wait_reasons
from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from agent.fetch.fetcher import Fetched, Fetcher, Hop
from agent.fetch.guard import DEFAULT_PORTS, AddressRefused
from agent.fetch.resolve import Resolver
from agent.pages.reader import PageReader, Reading
from agent.parse.dates import assess, utc_now
from agent.parse.encoding import declared_encodings, decode_and_tell
from agent.parse.pool import ParsePool
from agent.parse.records import ParsedFeed
from agent.settings import CollectSettings
from streams.metrics import Metrics

SHOWN_ENTRIES = 20
ROBOTS_HOSTS = 3
"""Of how many hosts of articles robots.txt is asked."""


class TriedAddress(Struct, frozen=True, kw_only=True):
    """What the address guard says to one address on the way."""

    url: str
    host: str = ""
    addresses: tuple[str, ...] = ()
    is_allowed: bool
    reason: str = ""
    """Why it is refused."""


class TriedPage(Struct, frozen=True, kw_only=True):
    """Whether an article's page may be read."""

    url: str
    may_be_read: bool
    reason: str = ""


class TriedEntry(Struct, frozen=True, kw_only=True):
    """One entry, shortened."""

    title: str
    url: str | None
    canonical_url: str | None
    guid: str | None
    article_id: str
    fate: str
    """`published`; `duplicate` of another entry; `rejected`, because there is nothing in it."""
    published_at: datetime | None
    date_is_reliable: bool
    date_fault: str | None
    """Why the date is not reliable: `missing_date`, `bad_date`, `future_date`, `old_date`."""
    language: str | None
    """What entry, feed or configuration declare."""
    text_language: str
    """What title and text are in."""
    text_chars: int
    page_is_wanted: bool
    """Whether the text is so short that the article's page would be read (`pages.read`)."""
    faults: tuple[str, ...]


class Report(Struct, frozen=True, kw_only=True):
    """What a feed looks like to the collector."""

    url: str
    outcome: str
    detail: str
    is_usable: bool
    status: int | None
    seconds: float
    addresses: tuple[TriedAddress, ...] = ()
    redirects: tuple[Hop, ...] = ()
    moved_to: str | None = None
    headers: dict[str, str] = {}
    """Those that matter to polling, as they were sent."""
    has_validators: bool = False
    """Whether unchanged polls can be answered without the document."""
    body_bytes: int = 0
    encoding: str = ""
    """What the document was read in..."""
    declared_encodings: dict[str, str] = {}
    """...and what `header` and `document` say."""
    format: str = ""
    title: str = ""
    language: str | None = None
    text_languages: dict[str, int] = {}
    """Entries by the language that they are in."""
    site_url: str | None = None
    was_repaired: bool = False
    """The document is not well-formed; the tolerant parser made the best of it."""
    hub_url: str | None = None
    ttl_seconds: float | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    """Monday is 0."""
    entries: int = 0
    articles: int = 0
    """Articles that a first poll would publish."""
    duplicates: int = 0
    rejected: int = 0
    unreliable_dates: int = 0
    short_texts: int = 0
    """Entries whose page would be read."""
    entry_faults: dict[str, int] = {}
    pages: tuple[TriedPage, ...] = ()
    next_poll_at: datetime | None = None
    next_poll_reasons: tuple[str, ...] = ()
    newest: tuple[TriedEntry, ...] = ()
    """The first entries of the document."""


async def try_feed(feed: FeedDefinition, settings: CollectSettings, reading: Reading | None = None) -> Report:
    """Poll `feed` once, as if it had never been polled.

    Args:
        reading: how article pages are read; None: they are not, and robots.txt is not asked.
    """
    answers: list[Fetched] = []
    state = FeedState(feed_url=feed.url, source_id=feed.source_id)
    async with Fetcher(settings, keeps_headers=True) as fetcher:
        async with ParsePool(settings) as pool:
            polled = await Poller(fetcher, pool, answers.append).poll(feed, state)
        fetched = answers[0] if answers else Fetched(outcome=polled.outcome)
        addresses = [await _address(fetcher, url) for url in (feed.url, *(hop.url for hop in fetched.hops))]
        now = utc_now()
        decision = decide(feed, state, polled, now, settings)
        reader = PageReader(fetcher, reading, Metrics(), user_agent=settings.user_agent) if reading else None
        entries = _entries(feed, polled, decision, now, settings, reader) if polled.feed is not None else []
        pages = await _pages(reader, entries) if reader is not None else ()
    parsed = polled.feed or ParsedFeed(format="")
    fates = Counter(entry.fate for entry in entries)
    return Report(
        url=feed.url,
        outcome=polled.outcome,
        detail=polled.detail,
        is_usable=polled.outcome in OK_OUTCOMES,
        status=polled.status,
        seconds=round(polled.seconds, 3),
        addresses=tuple(addresses),
        redirects=fetched.hops,
        moved_to=polled.moved_to,
        headers=fetched.headers,
        has_validators=bool(polled.etag or polled.last_modified),
        body_bytes=len(fetched.body),
        encoding=decode_and_tell(fetched.body, fetched.content_type)[1] if polled.feed is not None else "",
        declared_encodings=declared_encodings(fetched.body, fetched.content_type),
        format=parsed.format,
        title=parsed.title,
        language=parsed.language,
        text_languages=dict(Counter(entry.text_language for entry in entries).most_common()),
        site_url=parsed.site_url,
        was_repaired=parsed.was_repaired,
        hub_url=polled.hub_url,
        ttl_seconds=parsed.ttl_seconds,
        skip_hours=polled.skip_hours,
        skip_days=polled.skip_days,
        entries=len(entries),
        articles=len(decision.articles),
        duplicates=fates["duplicate"],
        rejected=fates["rejected"] + parsed.left_out,
        unreliable_dates=sum(not entry.date_is_reliable for entry in entries),
        short_texts=sum(entry.page_is_wanted for entry in entries),
        entry_faults=decision.state.entry_faults,
        pages=pages,
        next_poll_at=decision.state.next_poll_at,
        next_poll_reasons=tuple(wait_reasons(feed, decision.state, polled, now=now, settings=settings)),
        newest=tuple(entries[:SHOWN_ENTRIES]),
    )


async def _address(fetcher: Fetcher, url: str) -> TriedAddress:
    host = ""
    found: tuple[str, ...] = ()
    try:
        host = fetcher.guard.check_url(url)
        port = urlsplit(url).port or DEFAULT_PORTS[urlsplit(url).scheme.lower()]
        resolver = Resolver()
        try:
            found = tuple(dict.fromkeys([resolved["host"] for resolved in await resolver.resolve(host)]))
        finally:
            await resolver.close()
        with fetcher.guard.visiting(host):
            for number in found:
                fetcher.guard.check_address(number, port)
    except AddressRefused as error:
        return TriedAddress(url=url, host=host, addresses=found, is_allowed=False, reason=str(error))
    except OSError:
        return TriedAddress(url=url, host=host, is_allowed=False, reason="the host name cannot be resolved")
    return TriedAddress(url=url, host=host, addresses=found, is_allowed=True)


def _entries(
    feed: FeedDefinition,
    polled: Polled,
    decision: Decision,
    now: datetime,
    settings: CollectSettings,
    reader: PageReader | None,
) -> list[TriedEntry]:
    from streams.text.language import default_identifier

    parsed = polled.feed
    if parsed is None:
        return []
    identifier, language_of = Identifier(parsed, feed.url), default_identifier()
    articles = {article.article_id: article for article in decision.articles}
    seen_guids: set[str] = set()
    found = []
    for entry in parsed.entries:
        article_id = identifier.article_id(entry)
        is_empty = not entry.canonical_url and not entry.title and not entry.text
        article = articles.get(article_id)
        is_this_one = article is not None and (article.title, article.published_at) == (entry.title, entry.published_at)
        fate = "rejected" if is_empty else "published" if is_this_one else "duplicate"
        if is_this_one:  # of several that say the same, one
            del articles[article_id]
        is_reliable, fault = assess(entry.published_at, now, settings.max_age_days)
        faults = entry_faults(entry, seen_guids, now, settings.max_age_days)
        declared = entry.language or parsed.language or feed.language
        found.append(
            TriedEntry(
                title=entry.title,
                url=entry.url,
                canonical_url=entry.canonical_url,
                guid=entry.guid,
                article_id=article_id,
                fate=fate,
                published_at=entry.published_at,
                date_is_reliable=is_reliable,
                date_fault="bad_date" if "bad_date" in faults else fault,
                language=declared,
                text_language=language_of.identify(entry.text, title=entry.title, declared=declared).code,
                text_chars=len(entry.text),
                page_is_wanted=is_this_one
                and article is not None
                and reader is not None
                and reader.wants(article, feed),
                faults=tuple(faults),
            )
        )
    return found


async def _pages(reader: PageReader, entries: Sequence[TriedEntry]) -> tuple[TriedPage, ...]:
    by_host: dict[str, str] = {}
    for entry in entries:
        if entry.url is not None and entry.fate == "published" and len(by_host) < ROBOTS_HOSTS:
            by_host.setdefault(urlsplit(entry.url).netloc.lower(), entry.url)
    found = []
    for url in by_host.values():
        verdict = await reader.robots.ask(url)
        delay = f"Crawl-delay {verdict.crawl_delay_seconds:g} s" if verdict.crawl_delay_seconds else ""
        found.append(TriedPage(url=url, may_be_read=verdict.allowed, reason=verdict.reason or delay))
    return tuple(found)
