"""Feeds and pages of the demo as bytes: RSS 2.0, RSS 1.0, Atom (RFC 4287), JSON Feed 1.1, HTML. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from agent.demo.world import Outlet

TRUNCATED_CHARS = 140
RIGHT_TO_LEFT = frozenset({"ar", "fa", "ur", "ckb", "he", "ps", "ug", "azb", "yi"})
CONTENT_TYPES = {
    "rss2": "application/rss+xml",
    "atom": "application/atom+xml",
    "rdf": "application/rdf+xml",
    "json": "application/feed+json",
}
# No reader must take an invented text for a report, wherever a page ends up.
NOTICE = "Invented for the Rasad demo. Not a report of real events."


@dataclass(frozen=True)
class Item:
    """An article as it is visible now. Times are aware datetimes."""

    guid: str
    url: str
    language: str
    title: str
    paragraphs: tuple[str, ...]
    published_at: datetime
    modified_at: datetime


def render_feed(outlet: Outlet, items: list[Item], *, feed_url: str, site_url: str, updated_at: datetime) -> bytes:
    """The outlet's feed in its dialect and encoding, newest item first as given."""
    if outlet.dialect == "json":
        return _json_feed(outlet, items, feed_url, site_url)
    writer = {"rss2": _rss2, "atom": _atom, "rdf": _rdf}[outlet.dialect]
    body = writer(outlet, items, feed_url, site_url, updated_at)
    text = f'<?xml version="1.0" encoding="{outlet.encoding}"?>\n{body}'
    return text.encode(outlet.encoding, errors="xmlcharrefreplace")


def summary_of(paragraphs: tuple[str, ...], content: str) -> str:
    """What the feed shows as description: the first paragraph, cut at a word where the outlet truncates."""
    lead = paragraphs[0]
    if content != "truncated" or len(lead) <= TRUNCATED_CHARS:
        return lead
    return lead[:TRUNCATED_CHARS].rsplit(" ", 1)[0] + "…"


def _html_body(paragraphs: tuple[str, ...]) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)


def _local(moment: datetime, outlet: Outlet) -> datetime:
    return moment.astimezone(timezone(timedelta(minutes=outlet.utc_offset_minutes)))


def _rfc3339(moment: datetime, outlet: Outlet) -> str:
    return _local(moment, outlet).isoformat(timespec="seconds")


def _rss2(outlet: Outlet, items: list[Item], feed_url: str, site_url: str, updated_at: datetime) -> str:
    entries = []
    for item in items:
        full = (
            f"<content:encoded><![CDATA[{_html_body(item.paragraphs)}]]></content:encoded>"
            if outlet.content == "full"
            else ""
        )
        entries.append(
            f"<item><title>{escape(item.title)}</title><link>{escape(item.url)}</link>"
            f'<guid isPermaLink="false">{escape(item.guid)}</guid>'
            f"<pubDate>{format_datetime(_local(item.published_at, outlet))}</pubDate>"
            f"<description>{escape(summary_of(item.paragraphs, outlet.content))}</description>{full}</item>"
        )
    return (
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>{escape(outlet.name)}</title><link>{escape(site_url)}</link>"
        f"<description>{escape(outlet.english_name)}. {NOTICE}</description>"
        f"<language>{outlet.language}</language>"
        f'<atom:link href={quoteattr(feed_url)} rel="self" type="application/rss+xml"/>'
        f"<lastBuildDate>{format_datetime(_local(updated_at, outlet))}</lastBuildDate>\n"
        + "\n".join(entries)
        + "\n</channel></rss>\n"
    )


def _atom(outlet: Outlet, items: list[Item], feed_url: str, site_url: str, updated_at: datetime) -> str:
    entries = []
    for item in items:
        full = (
            f'<content type="html">{escape(_html_body(item.paragraphs))}</content>' if outlet.content == "full" else ""
        )
        entries.append(
            f"<entry xml:lang={quoteattr(item.language)}><id>{escape(item.guid)}</id>"
            f"<title>{escape(item.title)}</title>"
            f'<link rel="alternate" type="text/html" href={quoteattr(item.url)}/>'
            f"<published>{_rfc3339(item.published_at, outlet)}</published>"
            f"<updated>{_rfc3339(item.modified_at, outlet)}</updated>"
            f"<summary>{escape(summary_of(item.paragraphs, outlet.content))}</summary>{full}</entry>"
        )
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(outlet.language)}>'
        f"<id>{escape(feed_url)}</id><title>{escape(outlet.name)}</title>"
        f"<subtitle>{escape(outlet.english_name)}. {NOTICE}</subtitle>"
        f'<link rel="self" href={quoteattr(feed_url)}/><link rel="alternate" href={quoteattr(site_url)}/>'
        f"<author><name>{escape(outlet.name)}</name></author>"
        f"<updated>{_rfc3339(updated_at, outlet)}</updated>\n" + "\n".join(entries) + "\n</feed>\n"
    )


def _rdf(outlet: Outlet, items: list[Item], feed_url: str, site_url: str, updated_at: datetime) -> str:
    listed = "".join(f"<rdf:li rdf:resource={quoteattr(item.url)}/>" for item in items)
    entries = []
    for item in items:
        full = (
            f"<content:encoded><![CDATA[{_html_body(item.paragraphs)}]]></content:encoded>"
            if outlet.content == "full"
            else ""
        )
        entries.append(
            f"<item rdf:about={quoteattr(item.url)}><title>{escape(item.title)}</title>"
            f"<link>{escape(item.url)}</link>"
            f"<description>{escape(summary_of(item.paragraphs, outlet.content))}</description>"
            f"<dc:date>{_rfc3339(item.published_at, outlet)}</dc:date>"
            f"<dc:language>{escape(item.language)}</dc:language>{full}</item>"
        )
    return (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel rdf:about={quoteattr(feed_url)}><title>{escape(outlet.name)}</title>"
        f"<link>{escape(site_url)}</link>"
        f"<description>{escape(outlet.english_name)}. {NOTICE}</description>"
        f"<dc:language>{escape(outlet.language)}</dc:language>"
        f"<dc:date>{_rfc3339(updated_at, outlet)}</dc:date>"
        f"<items><rdf:Seq>{listed}</rdf:Seq></items></channel>\n" + "\n".join(entries) + "\n</rdf:RDF>\n"
    )


def _json_feed(outlet: Outlet, items: list[Item], feed_url: str, site_url: str) -> bytes:
    entries = []
    for item in items:
        entry = {
            "id": item.guid,
            "url": item.url,
            "title": item.title,
            "language": item.language,
            "summary": summary_of(item.paragraphs, outlet.content),
            "date_published": _rfc3339(item.published_at, outlet),
            "date_modified": _rfc3339(item.modified_at, outlet),
        }
        # JSON Feed 1.1 requires one of content_html and content_text in every item.
        if outlet.content == "full":
            entry["content_html"] = _html_body(item.paragraphs)
        else:
            entry["content_text"] = entry["summary"]
        entries.append(entry)
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "description": f"{outlet.english_name}. {NOTICE}",
        "language": outlet.language,
        "home_page_url": site_url,
        "feed_url": feed_url,
        "items": entries,
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def render_article(outlet: Outlet, item: Item, *, site_url: str, related: list[Item]) -> bytes:
    """The article's page, with the furniture around it that an extractor must leave out."""
    direction = "rtl" if item.language in RIGHT_TO_LEFT else "ltr"
    links = "".join(f"<li><a href={quoteattr(other.url)}>{escape(other.title)}</a></li>" for other in related)
    paragraphs = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in item.paragraphs)
    return (
        f"<!doctype html>\n<html lang={quoteattr(item.language)} dir={quoteattr(direction)}>\n<head>\n"
        f'<meta charset="utf-8">\n<title>{escape(item.title)} | {escape(outlet.name)}</title>\n'
        f'<link rel="canonical" href={quoteattr(item.url)}>\n'
        f'<meta property="og:type" content="article">\n'
        f'<meta property="og:title" content={quoteattr(item.title)}>\n'
        f'<meta property="og:site_name" content={quoteattr(outlet.name)}>\n'
        f'<meta property="article:published_time" content={quoteattr(_rfc3339(item.published_at, outlet))}>\n'
        f'<meta property="article:modified_time" content={quoteattr(_rfc3339(item.modified_at, outlet))}>\n'
        f"</head>\n<body>\n"
        f"<header><nav><a href={quoteattr(site_url)}>{escape(outlet.name)}</a></nav></header>\n"
        f"<main><article>\n<h1>{escape(item.title)}</h1>\n{paragraphs}\n</article></main>\n"
        f"<aside><ul>{links}</ul></aside>\n"
        f"<footer>{escape(outlet.english_name)}. {NOTICE}</footer>\n</body>\n</html>\n"
    ).encode()


def render_index(title: str, links: list[tuple[str, str]]) -> bytes:
    """A plain list of links; `links` are (address, text)."""
    rows = "".join(f"<li><a href={quoteattr(url)}>{escape(text)}</a></li>" for url, text in links)
    return (
        f'<!doctype html>\n<html lang="en">\n'
        f'<head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f"<body><h1>{escape(title)}</h1><ul>{rows}</ul><footer>{NOTICE}</footer></body>\n</html>\n"
    ).encode()
