"""What is fuzzed: each target takes bytes, and raises where a promise is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.feed_check.discover import page_candidates, robots_candidates
from agent.feeds.opml import OpmlError, read_opml
from agent.parse.dates import parse_date
from agent.parse.document import DocumentError
from agent.parse.feed import parse_document
from agent.parse.plain import html_to_text, title_to_text
from agent.parse.records import ParsedFeed
from agent.parse.urls import absolute_url, canonical_url

SEEDS = Path(__file__).parents[1] / "data" / "feeds"


def feed(data: bytes) -> None:
    """A feed of any kind: values or a document error; both ways give the same; what comes out can be sent on."""
    results: list[object] = []
    for is_fast in (True, False):
        try:
            results.append(parse_document(data, url="https://a.example/x", is_fast=is_fast, any_sitemap=True))
        except DocumentError as error:
            assert str(error).isprintable(), "an error of more than one line"
            results.append((type(error), str(error)))
    assert results[0] == results[1], "the quick way gives something else"
    parsed = results[0]
    if not isinstance(parsed, ParsedFeed):
        return
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parsed), type=ParsedFeed) == parsed
    for entry in parsed.entries:
        for address in (entry.url, entry.canonical_url, entry.image_url):
            assert address is None or address[:7].lower() in {"http://", "https:/"}, "an unsafe address"
        assert "\n" not in entry.title
        _is_plain(entry.title)


def date(data: bytes) -> None:
    """A date: a moment in UTC, or None."""
    found = parse_date(data.decode("utf-8", "replace"))
    assert found is None or (found.utcoffset() is not None and 1899 <= found.year <= 2201)


def url(data: bytes) -> None:
    """An address: absolute http(s), canonical once and for all, or None."""
    text = data.decode("utf-8", "replace")
    for link in (absolute_url(text), absolute_url(text, "https://a.example/b/c"), f"https://a.example/{text}"):
        if link is not None and not link.startswith("https://a.example/"):
            assert link[:7].lower() in {"http://", "https:/"}
        canonical = canonical_url(link)
        if canonical is not None:
            assert canonical.isascii()
            assert canonical_url(canonical) == canonical


def html(data: bytes) -> None:
    """Markup: words without scripts; a page's links are absolute."""
    text = data.decode("utf-8", "replace")
    for plain in (html_to_text(text), title_to_text(text)):
        _is_plain(plain)
    for candidate in [*page_candidates(text, "https://a.example/"), *robots_candidates(text, "https://a.example/r")]:
        assert candidate.url[:7].lower() in {"http://", "https:/"}


def opml(data: bytes) -> None:
    """A list of feeds: addresses that may be fetched, or an error."""
    try:
        found = read_opml(data)
    except OpmlError:
        return
    assert all(listed.url[:7].lower() in {"http://", "https:/"} for listed in found.feeds)


def _is_plain(text: str) -> None:
    # What is left of markup after three rounds of escaping is text, and whoever shows it escapes it; never a control.
    assert not any((c < " " and c not in "\n") or "\x7f" <= c < "\xa0" or "\ud800" <= c <= "\udfff" for c in text)
    msgspec.json.encode(text)


TARGETS: dict[str, Callable[[bytes], None]] = {"feed": feed, "date": date, "url": url, "html": html, "opml": opml}

SHARE = {"feed": 0.03, "date": 0.4, "url": 0.35, "html": 0.2, "opml": 0.02}
"""What part of all inputs a target gets: one of `feed` costs as much as thirty of `date`."""


def seeds(name: str) -> list[bytes]:
    """Return inputs to begin with."""
    if name in {"feed", "html", "opml"}:
        return [path.read_bytes() for path in sorted(SEEDS.iterdir()) if not path.name.endswith(".json")]
    if name == "date":
        texts = (
            "Thu, 05 Jan 2023 13:30:00 +0330|2023-01-05T10:00:00.5Z|۱۵ دی ۱۴۰۱ ساعت ۱۰:۳۰|5 كانون الثاني/يناير 2023 م|"
            "15 رمضان 1444 هـ|1/5/2023 10:30 AM|5. Januar 2023, 10.30 Uhr|1672912800|2023年1月5日"
        )
        return [text.encode() for text in texts.split("|")]
    texts = "https://a.example/x?utm_source=rss&b=1#c|//b.example|HTTP://Ä.example:80/%7e/ü|javascript:x|/a/../b|[::1]"
    return [text.encode() for text in texts.split("|")]
