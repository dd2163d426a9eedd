"""From the bytes of a feed to `ParsedFeed`: RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, JSON Feed, news sitemaps.

    bytes ─ encoding ─▶ text ─┬─ jsonfeed
                              ├─ sitemap
                              └─ fast (lxml) ─ not sure? ─▶ mend ─▶ feedparser ─▶ entries ─▶ ParsedFeed

Pure, but neither bounded in time nor in memory: run it through `pool`, in a process that can be killed.
"""

from __future__ import annotations

import io
import re
from functools import cache

from agent.parse.document import EmptyDocument, NotAFeed, Unparsable, check_complexity, feed_start, root_name
from agent.parse.encoding import decode_document, without_declaration
from agent.parse.entries import feed_of
from agent.parse.fast import RawFeed, read_fast
from agent.parse.mend import with_closed_leaves, with_xml_entities
from agent.parse.plain import clean
from agent.parse.records import ParsedFeed
from agent.parse.sitemap import SITEMAP_ROOTS, parse_sitemap
from agent.parse.values import normal_language

MAX_ENTRIES = 10_000
"""Entries taken of one document, the first ones; fewer than `state.MAX_SEEN`, or the rest would be new at every
poll."""

_XML_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NO_PERMALINK = re.compile(r"""isPermaLink\s*=\s*["']?\s*false""", re.IGNORECASE)
_CHARACTER_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,9})|([0-9]{1,9}));?")


def parse_document(
    data: bytes,
    *,
    url: str | None = None,
    content_type: str = "",
    content_language: str = "",
    max_entries: int = MAX_ENTRIES,
    any_sitemap: bool = False,
    is_fast: bool = True,
) -> ParsedFeed:
    """Parse the body of a feed.

    Args:
        url: where it was fetched from, after redirects; relative links are resolved against it.
        content_type, content_language: the HTTP headers' values, empty where there were none.
        any_sitemap: read sitemaps without titles and sitemap indexes too, which are no feeds.
        is_fast: False reads with feedparser alone; the result is the same.

    Raises:
        DocumentError: see there.
    """
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise EmptyDocument("the document is empty")
    text = decode_document(data, content_type).lstrip("\ufeff \t\r\n\x00")
    if text.startswith(("{", "[")):
        from agent.parse.jsonfeed import parse_json_feed

        return parse_json_feed(text, url=url, max_entries=max_entries)
    if text.startswith("<") and root_name(text) in SITEMAP_ROOTS:
        return parse_sitemap(_legal(_prepared(text)), url=url, max_entries=max_entries, any_sitemap=any_sitemap)
    start = feed_start(text)
    language = normal_language(content_language.split(",")[0])
    try:
        return _parse_xml(text[start:], url, language, max_entries, is_fast=is_fast)
    except Unparsable:
        if start and root_name(text) == "html":
            raise NotAFeed("is an HTML page, not a feed") from None
        raise


def _legal(text: str) -> str:
    """Return XML without the characters that XML has not."""
    return _XML_ILLEGAL.sub("", text)


def _prepared(text: str) -> str:
    """Return XML without its declaration and without references to characters that XML has not."""
    text = without_declaration(text)
    # The one letter is found many times as quickly as the two.
    return _CHARACTER_REFERENCE.sub(_legal_reference, text) if "&" in text and "&#" in text else text


def _legal_reference(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else int(match[2])
    legal = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= 0x10FFFF
    return match[0] if legal else ""


def _parse_xml(text: str, url: str | None, language: str | None, max_entries: int, *, is_fast: bool) -> ParsedFeed:
    check_complexity(text)
    text = _prepared(text)
    raw, was_repaired = read_fast(text, max_entries) if is_fast else None, False
    if raw is None:
        # lxml had refused it for a character that is gone now, or for a reference that is none.
        legal = _legal(text)
        mended = with_xml_entities(legal)
        raw, was_repaired = _read(mended, max_entries, is_fast=is_fast and mended != text)
        was_repaired = was_repaired or mended != legal
    return feed_of(
        raw.feed,
        raw.entries,
        version=raw.version or "unknown",
        url=url,
        language=language,
        max_entries=max_entries,
        was_repaired=was_repaired,
        is_tame=raw.is_tame,
        guids_are_links=cache(lambda: _NO_PERMALINK.search(text) is None),
    )


def _read(text: str, max_entries: int, *, is_fast: bool) -> tuple[RawFeed, bool]:
    """Return what is in a document, and whether it is not well-formed.

    Raises:
        Unparsable: nothing can be read in it.
    """
    if is_fast and (raw := read_fast(text, max_entries)) is not None:
        return raw, False
    raw, fault = _read_tolerantly(text)
    if fault and (closed := with_closed_leaves(text)) != text:
        better = read_fast(closed, max_entries) if is_fast else None
        remaining = ""
        if better is None:
            better, remaining = _read_tolerantly(closed)
        if not remaining or _telling(better) > _telling(raw):
            raw = better
    if not raw.entries and (fault or not raw.version):
        raise Unparsable(f"is broken beyond repair ({fault or 'no known format'})")
    return raw, bool(fault)


def _telling(raw: RawFeed) -> int:
    return sum(1 for entry in raw.entries if entry.get("title") or entry.get("link"))


def _read_tolerantly(text: str) -> tuple[RawFeed, str]:
    """Return what feedparser makes of a document, and what is wrong with it, if anything."""
    import feedparser

    # No base address is given: feedparser would resolve GUIDs too, and "12345" is not a link.
    headers = {"content-type": "application/xml; charset=utf-8"}
    try:
        result = feedparser.parse(
            io.BytesIO(text.encode("utf-8", "replace")),
            response_headers=headers,
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except (MemoryError, RecursionError):  # these are the limits of the process, not a fault of the format
        raise
    except Exception as error:  # the library's own faults on broken input: the document is at fault all the same
        raise Unparsable(f"cannot be parsed ({type(error).__name__})") from error
    raw = RawFeed(result.get("version") or "", dict(result["feed"]), [dict(entry) for entry in result["entries"]])
    if not result.get("bozo"):
        return raw, ""
    return raw, " ".join(clean(str(result.get("bozo_exception") or "")).split())[:160] or "no known format"
