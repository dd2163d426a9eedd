"""What the collector would see in a document, for the commands that show it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from agent.collect.candidates import Identifier
from agent.errors import DataError
from agent.fetch.decompress import BodyError, gunzip
from agent.parse.dates import assess, utc_now
from agent.parse.pool import ParsePool
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.parse.urls import canonical_url
from agent.settings import CollectSettings


class EntryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as `rasad parse` prints it; the names are those of `streams.model.RawArticle`."""

    article_id: str
    url: str | None
    canonical_url: str | None
    guid: str | None
    title: str
    text: str
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    image_url: str | None
    published_at: datetime | None
    modified_at: datetime | None
    date_is_reliable: bool
    language: str | None
    """What entry or feed declare."""


async def parse_bytes(
    data: bytes, settings: CollectSettings, *, name: str, url: str | None = None, content_type: str = ""
) -> ParsedFeed:
    """Parse a document in a process that can be killed.

    Raises:
        DataError: it is no feed; the message begins with `name`.
    """
    try:
        data = gunzip(data, settings.max_feed_bytes)
    except BodyError as error:
        raise DataError(f"{name}: is broken gzip ({error})") from error
    if len(data) > settings.max_feed_bytes:
        raise DataError(f"{name}: larger than {settings.max_feed_bytes} bytes when decompressed")
    async with ParsePool(settings) as pool:
        reply = await pool.parse(data, url=url, content_type=content_type, any_sitemap=True)
    if reply.feed is None:
        raise DataError(f"{name}: {reply.detail}")
    return reply.feed


def entry_lines(parsed: ParsedFeed, url: str | None, settings: CollectSettings) -> Iterator[bytes]:
    """Yield each entry as a line of JSON, without its line end; of a sitemap index, each sitemap."""
    identifier = Identifier(parsed, url or parsed.self_url or "")
    encoder = msgspec.json.Encoder()
    now = utc_now()
    entries = parsed.entries or [
        ParsedEntry(url=link.url, canonical_url=canonical_url(link.url), modified_at=link.modified_at)
        for link in parsed.sitemaps
    ]
    for entry in entries:
        yield encoder.encode(
            EntryLine(
                article_id=identifier.article_id(entry),
                url=entry.url,
                canonical_url=entry.canonical_url,
                guid=entry.guid,
                title=entry.title,
                text=entry.text,
                authors=entry.authors,
                tags=entry.tags,
                image_url=entry.image_url,
                published_at=entry.published_at,
                modified_at=entry.modified_at,
                date_is_reliable=assess(entry.published_at, now, settings.max_age_days)[0],
                language=entry.language or parsed.language,
            )
        )
