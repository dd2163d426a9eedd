"""From what a parser took out of a feed to `ParsedFeed`: the same for `fast` and for feedparser, whose names and shapes
the raw mappings have."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from agent.parse.dates import parse_date
from agent.parse.plain import clean, html_to_text, title_to_text
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.parse.urls import absolute_url, canonical_url
from agent.parse.values import (
    MAX_AUTHOR_CHARS,
    MAX_GUID_CHARS,
    MAX_LABELS,
    MAX_MARKUP_CHARS,
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    labels,
    mapping,
    mappings,
    normal_language,
    string,
)

# Without IGNORECASE, which would make the search for the first letter slow.
_IMG = re.compile(r"""<[iI][mM][gG]\b[^>]{0,2000}?\s[sS][rR][cC]\s*=\s*["']([^"'<>]{1,2000})["']""")
_ADDRESS = re.compile(r"""https?://[^\s"'<>]+""")
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
_EMAIL = re.compile(r"[^\s<>()]+@[^\s<>()]+")
_IN_BRACKETS = re.compile(r"\(([^()]*[^\W\d_][^()]*)\)")
_SY_SECONDS = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}


def feed_of(
    feed: dict[str, Any],
    raw_entries: Sequence[dict[str, Any]],
    *,
    version: str,
    url: str | None,
    language: str | None,
    max_entries: int,
    was_repaired: bool,
    is_tame: bool = False,
    guids_are_links: Callable[[], bool] = lambda: False,
) -> ParsedFeed:
    """Return the feed whose raw values are given.

    Args:
        is_tame: none of them matches `plain.WILD`.
        guids_are_links: tells whether no GUID of the document says that it is no address; asked only if need be.
    """
    site_url, base = _bases(feed, url, is_atom=version.startswith("atom"))
    feed_language = normal_language(feed.get("language")) or language
    return ParsedFeed(
        format=version,
        title=title_to_text(string(feed.get("title")))[:MAX_TITLE_CHARS],
        site_url=site_url,
        language=feed_language,
        entries=tuple(
            [
                _entry(raw, base, version, feed_language, guids_are_links, is_tame=is_tame)
                for raw in raw_entries[:max_entries]
            ]
        ),
        left_out=max(0, len(raw_entries) - max_entries),
        ttl_seconds=_ttl_seconds(feed),
        hub_url=absolute_url(_link_of(feed, "hub"), base),
        self_url=absolute_url(_link_of(feed, "self"), url),
        was_repaired=was_repaired,
    )


def _bases(feed: dict[str, Any], url: str | None, *, is_atom: bool) -> tuple[str | None, str | None]:
    """Return the site's address, and what relative links of entries are relative to.

    Atom has its own rules (RFC 4287 section 2: the document's address); in RSS links are relative to the site.
    """
    self_url = absolute_url(_link_of(feed, "self"), url)
    document = url or self_url
    site_url = absolute_url(string(feed.get("link")), document)
    return site_url, (document or site_url) if is_atom else (site_url or document)


def _entry(
    raw: dict[str, Any],
    base: str | None,
    version: str,
    feed_language: str | None,
    guids_are_links: Callable[[], bool],
    *,
    is_tame: bool,
) -> ParsedEntry:
    faults: list[str] = []
    url = _entry_url(raw, base)
    guid = string(raw.get("id"))
    if not guid.isprintable():
        guid = clean(guid)
    if url is None and guid.lstrip().startswith(("https://", "http://")) and guids_are_links():
        # Beside an empty link, or with isPermaLink="TRUE", feedparser does not take it for one.
        url = absolute_url(guid)
    title = title_to_text(string(raw.get("title"))[:MAX_MARKUP_CHARS])
    text, markup = _text(raw, version, is_tame=is_tame)
    if len(text) > MAX_TEXT_CHARS or len(title) > MAX_TITLE_CHARS:
        faults.append("too_large")
        text, title = text[:MAX_TEXT_CHARS], title[:MAX_TITLE_CHARS]
    published_at, modified_at, is_bad = _dates(raw)
    if is_bad:
        faults.append("bad_date")
    language = normal_language(raw.get("language") or mapping(raw.get("title_detail")).get("language"))
    return ParsedEntry(
        url=url,
        canonical_url=canonical_url(url),
        guid=guid.strip()[:MAX_GUID_CHARS] or None,
        title=title,
        text=text,
        authors=_authors(raw) if "author" in raw or "authors" in raw else (),
        tags=labels([tag.get("term") or tag.get("label") for tag in mappings(raw["tags"])]) if "tags" in raw else (),
        image_url=_image(raw, base or url, markup),
        published_at=published_at,
        modified_at=modified_at,
        language=language if language != feed_language else None,
        faults=tuple(faults),
    )


def _entry_url(raw: dict[str, Any], base: str | None) -> str | None:
    if "feedburner_origlink" in raw and (original := absolute_url(string(raw["feedburner_origlink"]))):
        return original
    link = string(raw.get("link")).strip()
    if "<" in link:  # an anchor where only its address should be
        link = found[0] if (found := _ADDRESS.search(link)) else ""
    if not link.startswith(("https://", "http://", "/")) and link == string(raw.get("id")).strip():
        # A GUID that was taken for a permalink only because RSS says so by default ("12345").
        link = ""
    if (url := absolute_url(link, base)) is not None:
        return url
    alternate = _link_of(raw, "alternate")
    return absolute_url(alternate, base) if "<" not in alternate else None


def _text(raw: dict[str, Any], version: str, *, is_tame: bool) -> tuple[str, str]:
    """Return the longest text that the entry carries, as plain text, and its markup."""
    best, best_markup = "", ""
    values: list[tuple[object, object]] = []
    if "content" in raw:
        values = [(item.get("value"), item.get("type")) for item in mappings(raw["content"])]
    summary, detail = raw.get("summary"), raw.get("summary_detail")
    kind = detail.get("type") if isinstance(detail, dict) else None
    # Feedparser copies a content to the summary where there is none.
    if not values or summary != values[0][0] or kind:
        values.append((summary, kind))
    for value, kind in values:
        markup = value[:MAX_MARKUP_CHARS] if isinstance(value, str) else ""
        if not markup:
            continue
        if not isinstance(kind, str) or not kind:
            kind = "text/html"
        elif not kind.startswith(("text/", "application/xhtml", "application/xml", "html")):
            continue
        # In Atom, type="text" is literal; in RSS nobody knows, and HTML it is.
        is_literal = kind == "text/plain" and version.startswith("atom")
        text = html_to_text(markup, any_tag=not is_literal, is_tame=is_tame)
        if len(text) > len(best):
            best, best_markup = text, markup
        elif not best_markup:  # a picture and nothing else
            best_markup = markup
    return best, best_markup


def _dates(raw: dict[str, Any]) -> tuple[datetime | None, datetime | None, bool]:
    """Return when it was published, when it was modified, and whether a date was there that could not be read."""
    published = _date(raw, "published") if "published" in raw else None
    if published is None and "created" in raw:
        published = _date(raw, "created")
    modified = _date(raw, "updated") if "updated" in raw else None
    if published is not None:
        return published, modified, False
    has_text = any(string(raw.get(name)).strip() for name in ("published", "created", "updated"))
    return modified, None, modified is None and has_text


def _date(raw: dict[str, Any], name: str) -> datetime | None:
    text = raw.get(name)
    if not text or not (text := string(text).strip()):
        return None
    return parse_date(text) or _parsed_tuple(raw, name)


def _parsed_tuple(raw: dict[str, Any], name: str) -> datetime | None:
    parsed = raw.get(f"{name}_parsed")
    if not parsed:
        return None
    try:
        moment = datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return moment if 1900 <= moment.year <= 2200 else None


def _authors(raw: dict[str, Any]) -> tuple[str, ...]:
    whole = string(raw.get("author"))[:MAX_AUTHOR_CHARS]
    authors = mappings(raw.get("authors"))
    if len(authors) == 1 and authors[0].get("name") == whole and "@" not in whole:
        return labels((whole,))
    if not whole and not authors:
        return ()
    names = [string(author.get("name"))[:MAX_AUTHOR_CHARS] for author in authors[: 2 * MAX_LABELS]]
    if "@" in whole and len(authors) < 2:
        # RSS wants "address (name)", and feedparser cuts addresses under long domains in two.
        names = [whole]
    elif not any(names):
        names = [whole, *(string(author.get("email"))[:MAX_AUTHOR_CHARS] for author in authors[: 2 * MAX_LABELS])]
    return labels([_author_name(name) if "@" in name else name for name in names])


def _author_name(text: str) -> str:
    if not _EMAIL.search(text):
        return text
    if match := _IN_BRACKETS.search(text):
        return match[1]
    return _EMAIL.sub("", text).strip(" <>,;\"'") or text


def _image(raw: dict[str, Any], base: str | None, markup: str) -> str | None:
    if "media_thumbnail" in raw:  # mostly, and mostly good
        for item in mappings(raw["media_thumbnail"]):
            if (url := item.get("url")) and (found := absolute_url(string(url), base)):
                return found
    for candidate in _images(raw, markup):
        if candidate and (found := absolute_url(candidate, base)):
            return found
    return None


def _images(raw: dict[str, Any], markup: str) -> Iterator[str]:
    if "media_content" in raw:
        for item in mappings(raw["media_content"]):
            url = string(item.get("url") or item.get("href"))
            if item.get("medium") == "image" or _is_picture(item.get("type"), url):
                yield url
    for item in mappings(raw.get("links")):
        kind = item.get("type")
        if kind == "text/html" or item.get("rel") == "icon":
            continue
        if string(kind).lower().startswith("image/"):
            yield string(item.get("href"))
        elif item.get("rel") == "enclosure" and _is_picture(kind, url := string(item.get("href"))):
            yield url
    if "image" in raw:
        yield string(mapping(raw["image"]).get("href"))
    if "<" in markup and (match := _IMG.search(markup, 0, 100_000)):
        yield match[1].replace("&amp;", "&")


def _is_picture(kind: object, url: str) -> bool:
    """Tell by its type, or where there is none by its name, whether an attachment is a picture."""
    if kind:
        return string(kind).lower().startswith("image/")
    return url.partition("?")[0].lower().endswith(_PICTURES)


def _ttl_seconds(feed: dict[str, Any]) -> float | None:
    seconds: list[float] = []
    minutes = string(feed.get("ttl")).strip()
    if minutes.isascii() and minutes.isdigit() and len(minutes) < 8 and int(minutes):
        seconds.append(int(minutes) * 60.0)
    period = _SY_SECONDS.get(string(feed.get("sy_updateperiod")).strip().lower())
    if period:
        frequency = string(feed.get("sy_updatefrequency")).strip()
        often = int(frequency) if frequency.isascii() and frequency.isdigit() and len(frequency) < 8 else 1
        seconds.append(period / max(often, 1))
    return max(seconds) if seconds else None


def _link_of(holder: dict[str, Any], relation: str) -> str:
    return next((string(x.get("href")) for x in mappings(holder.get("links")) if x.get("rel") == relation), "")
