"""Search results as files: CSV, JSON lines, RSS 2.0."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from agent.render import json_line
from agent.web.views import outward
from streams.model import Article
from streams.stores.base import Hit
from streams.stores.records import article_time

COLUMNS = (
    "time", "language", "source", "country", "ownership", "title", "url", "topics", "entities", "story_id",
    "near_duplicate_of", "article_id", "text",
)  # fmt: skip
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson", "rss": "application/rss+xml"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NOT_XML = {
    code: "\ufffd" for code in (*range(0x20), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)) if code not in (9, 10, 13)
}


def as_csv(hits: Iterable[Hit]) -> Iterator[str]:
    """Yield RFC 4180 lines, with a byte order mark so that spreadsheets read UTF-8.

    A cell that a spreadsheet would take for a formula begins with an apostrophe: feeds write what they like (OWASP,
    "CSV injection").
    """
    yield "\ufeff"
    for row in [COLUMNS, *map(_row, hits)]:
        line = io.StringIO()
        csv.writer(line).writerow([_harmless(cell) for cell in row])
        yield line.getvalue()


def as_jsonl(hits: Iterable[Hit]) -> Iterator[str]:
    """Yield a line for each article, as `rasad search --json` does."""
    for hit in hits:
        yield json_line(hit) + "\n"


def as_rss(hits: Iterable[Hit], *, title: str, address: str) -> Iterator[str]:
    """Yield an RSS 2.0 document."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>\n'
    yield f"<title>{_xml(title)}</title><link>{_xml(address)}</link><description>{_xml(title)}</description>\n"
    yield f"<lastBuildDate>{format_datetime(datetime.now(UTC))}</lastBuildDate>\n"
    for hit in hits:
        yield _item(hit.article)
    yield "</channel></rss>\n"


def _item(article: Article) -> str:
    link = outward(article.url)
    parts = [
        f"<title>{_xml(article.title or '(no title)')}</title>",
        f"<link>{_xml(link)}</link>" if link else "",
        f'<guid isPermaLink="false">{article.article_id}</guid>',
        f"<pubDate>{format_datetime(article_time(article))}</pubDate>",
        f"<dc:language>{_xml(article.language)}</dc:language>",
        f"<dc:creator>{_xml(article.source_name)}</dc:creator>" if article.source_name else "",
        # Escaped twice: a reader takes the description for HTML, and this is text.
        f"<description>{_xml(escape(article.text[:1000]))}</description>",
        *(f"<category>{_xml(topic.id)}</category>" for topic in article.topics),
    ]
    return f"<item>{''.join(parts)}</item>\n"


def _row(hit: Hit) -> tuple[str, ...]:
    article = hit.article
    return (
        article_time(article).isoformat(),
        article.language,
        article.source_name or article.source_id or "",
        article.country or "",
        article.ownership,
        article.title,
        outward(article.url),
        " ".join(topic.id for topic in article.topics),
        " ".join(entity.id for entity in article.entities),
        article.story_id or "",
        article.near_duplicate_of or "",
        article.article_id,
        article.text,
    )


def _harmless(cell: str) -> str:
    cell = cell.replace("\0", "\ufffd")
    # Spreadsheets pass over white space before the sign.
    return f"'{cell}" if cell.lstrip(" \u00a0\ufeff").startswith(_FORMULA) else cell


def _xml(text: str) -> str:
    return escape(text.translate(_NOT_XML))
