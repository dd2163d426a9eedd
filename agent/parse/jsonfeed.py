"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/), read with tolerance: wrong types are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from agent.parse.dates import parse_date
from agent.parse.document import NotAFeed, Unparsable
from agent.parse.plain import clean, html_to_text, plain_text, title_to_text
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.parse.urls import absolute_url, canonical_url
from agent.parse.values import (
    MAX_GUID_CHARS,
    MAX_MARKUP_CHARS,
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    labels,
    normal_language,
)


def parse_json_feed(text: str, *, url: str | None, max_entries: int) -> ParsedFeed:
    """Parse the text of a JSON Feed.

    Raises:
        NotAFeed: it is JSON of another kind.
        Unparsable: it says that it is a JSON Feed, but is broken.
    """
    try:
        document = _decoded(text)
    except (ValueError, RecursionError) as error:
        if "jsonfeed.org/version" in text[:5000] or ('"feed_url"' in text[:5000] and '"items"' in text[:50_000]):
            raise Unparsable(f"is a broken JSON Feed ({str(error)[:120]})") from error
        raise NotAFeed("begins like JSON, but is neither JSON nor a feed") from error
    if not isinstance(document, dict):
        raise NotAFeed("is JSON, but not a feed")
    version, items = _string(document.get("version")), document.get("items")
    if "jsonfeed.org" not in version and not (isinstance(items, list) and "title" in document):
        raise NotAFeed("is JSON, but not a JSON Feed: it has no `version` of jsonfeed.org")
    if not isinstance(items, list):
        raise Unparsable("is a JSON Feed without `items`")
    site_url = absolute_url(_string(document.get("home_page_url")), url)
    self_url = absolute_url(_string(document.get("feed_url")), url)
    base = url or self_url or site_url
    feed_authors = _authors(document)
    kept = [item for item in items if isinstance(item, dict)]
    return ParsedFeed(
        format="json11" if version.rstrip("/").endswith("1.1") else "json1",
        title=title_to_text(_string(document.get("title")))[:MAX_TITLE_CHARS],
        site_url=site_url,
        language=normal_language(document.get("language")),
        entries=tuple(_entry(item, base, feed_authors) for item in kept[:max_entries]),
        left_out=max(0, len(kept) - max_entries),
        hub_url=next((absolute_url(_string(hub.get("url")), base) for hub in _objects(document.get("hubs"))), None),
        self_url=self_url,
        was_repaired=len(kept) != len(items),
    )


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except msgspec.DecodeError:
        # Half a surrogate pair, and raw line ends in texts, are what careless writers leave; it is read all the same.
        return json.loads(text, strict=False)


def _entry(item: dict[str, Any], base: str | None, feed_authors: tuple[str, ...]) -> ParsedEntry:
    faults = []
    guid = _stringified(item.get("id"))
    url = absolute_url(_string(item.get("url")), base)
    if url is None and guid.startswith(("http://", "https://")):
        url = absolute_url(guid)
    if url is None:
        url = absolute_url(_string(item.get("external_url")), base)
    markup = _string(item.get("content_html"))[:MAX_MARKUP_CHARS]
    candidates = (
        html_to_text(markup),
        plain_text(_string(item.get("content_text"))[:MAX_MARKUP_CHARS]),
        plain_text(_string(item.get("summary"))[:MAX_MARKUP_CHARS]),
    )
    text = max(candidates, key=len)
    title = title_to_text(_string(item.get("title"))[:MAX_MARKUP_CHARS])
    if len(text) > MAX_TEXT_CHARS or len(title) > MAX_TITLE_CHARS:
        faults.append("too_large")
        text, title = text[:MAX_TEXT_CHARS], title[:MAX_TITLE_CHARS]
    published, modified = _date(item, "date_published"), _date(item, "date_modified")
    has_text = any(_stringified(item.get(name)).strip() for name in ("date_published", "date_modified"))
    if has_text and published is None and modified is None:
        faults.append("bad_date")
    image = absolute_url(_string(item.get("image")) or _string(item.get("banner_image")) or _picture(item), base)
    return ParsedEntry(
        url=url,
        canonical_url=canonical_url(url),
        guid=clean(guid).strip()[:MAX_GUID_CHARS] or None,
        title=title,
        text=text,
        authors=_authors(item) or feed_authors,
        tags=labels(_list(item.get("tags")) or _string(item.get("tags")).split(",")),
        image_url=image,
        published_at=published or modified,
        modified_at=modified if published else None,
        language=normal_language(item.get("language")),
        faults=tuple(faults),
    )


def _authors(holder: dict[str, Any]) -> tuple[str, ...]:
    # `author` is of version 1.0, `authors` of 1.1.
    found = [*_objects(holder.get("authors")), *_objects([holder.get("author")])]
    return labels(_string(author.get("name")) for author in found)


def _date(item: dict[str, Any], name: str) -> datetime | None:
    return parse_date(_stringified(item.get(name)).strip())


def _picture(item: dict[str, Any]) -> str:
    for attachment in _objects(item.get("attachments")):
        if _string(attachment.get("mime_type")).startswith("image/"):
            return _string(attachment.get("url"))
    return ""


def _objects(value: object) -> Iterator[dict[str, Any]]:
    yield from (item for item in _list(value) if isinstance(item, dict))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _stringified(value: object) -> str:
    """Return text as it is, and a number as text: ids and Unix times are written as either."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else _string(value)


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
