"""Parsing: ordinary feeds against bare feedparser, with identical entries; the parser alone and through its process.

python -m bench parse
"""

from __future__ import annotations

import asyncio
import gc
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.figures import figure

ENTRIES = 50
ROUNDS = 20
_ENGLISH = "Ministers of four countries met on Wednesday, and said afterwards that they would meet again. "
_ARABIC = "التقى وزراء الخارجية الأربعة في موسكو أمس لبحث مسار التطبيع، وقال المتحدث إن الاجتماع «كان مثمرا». "


def run() -> dict[str, Any]:
    """Return the figures of the area `parse`."""
    documents = {"rss_headlines": _rss(_ENGLISH), "rss_arabic_full_text": _rss(_ARABIC, content=True), "atom": _atom()}
    speedups, rates = {}, {}
    for name, document in documents.items():
        _check_identical(document)
        # By turns, so that a machine that is slow for a while is slow for both.
        bare, ours = _by_turns(lambda d=document: _bare(d), lambda d=document: _ours(d))
        speedups[name] = bare / ours
        rates[name] = {"feed_bytes": len(document), "bare_feedparser_per_s": 1 / bare, "ours_per_s": 1 / ours}
    overall = statistics.geometric_mean(speedups.values())
    return {
        "feed parse rate": figure(overall, at_least=10.0),
        "times_bare_feedparser": speedups,
        "feeds": rates,
        "through_a_process_per_s": asyncio.run(_pooled(documents["rss_headlines"])),
    }


def _rss(paragraph: str, *, content: bool = False) -> bytes:
    encoded = f"<content:encoded><![CDATA[{f'<p>{paragraph}</p>' * 12}]]></content:encoded>" if content else ""
    items = "".join(
        f"<item><title>{paragraph[:60]} {n}</title><link>https://bench.example/news/{n}?utm_source=rss</link>"
        f'<guid isPermaLink="false">bench-{n}</guid><pubDate>Thu, 05 Jan 2023 10:{n:02}:00 GMT</pubDate>'
        f"<dc:creator>A. Reporter</dc:creator><category>world</category>"
        f"<description>{paragraph * 3}</description>{encoded}"
        f'<media:thumbnail url="https://bench.example/{n}.jpg" width="240" height="135"/></item>'
        for n in range(ENTRIES)
    )
    names = (
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom"'
    )
    head = "<title>Bench</title><link>https://bench.example/</link><language>en</language><ttl>15</ttl>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" {names}><channel>{head}'
        f'<atom:link href="https://bench.example/rss" rel="self" type="application/rss+xml"/>{items}</channel></rss>'
    ).encode()


def _atom() -> bytes:
    entries = "".join(
        f"<entry><id>tag:bench.example,2023:{n}</id><title>{_ENGLISH[:60]} {n}</title>"
        f'<link rel="alternate" type="text/html" href="https://bench.example/news/{n}"/>'
        f"<published>2023-01-05T10:{n:02}:00Z</published><updated>2023-01-05T11:{n:02}:00Z</updated>"
        f'<author><name>A. Reporter</name></author><category term="world"/>'
        f'<summary type="html">&lt;p&gt;{_ENGLISH * 3}&lt;/p&gt;</summary></entry>'
        for n in range(ENTRIES)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
        f'<id>tag:bench.example,2023:feed</id><title>Bench</title><link href="https://bench.example/"/>{entries}</feed>'
    ).encode()


def _check_identical(document: bytes) -> None:
    from agent.parse.fast import read_fast
    from agent.parse.feed import parse_document

    url = "https://bench.example/rss"
    assert parse_document(document, url=url) == parse_document(document, url=url, is_fast=False)
    assert read_fast(document.decode().partition("?>")[2], ENTRIES) is not None


def _bare(document: bytes) -> None:
    import feedparser

    assert len(feedparser.parse(io.BytesIO(document)).entries) == ENTRIES


def _ours(document: bytes) -> None:
    from agent.parse.feed import parse_document

    assert len(parse_document(document, url="https://bench.example/rss").entries) == ENTRIES


def _by_turns(*works: Callable[[], None]) -> list[float]:
    """Return the least CPU seconds of each piece of work: what others take from the machine is in the rest.

    Each is done three times in its turn, because a parser parses one feed after the other, with its own code in the
    caches and not another parser's.
    """
    gc.collect()
    gc.freeze()  # as in the parser's own process
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            for _ in range(3):
                start = time.process_time()
                work()
                best[number] = min(best[number], time.process_time() - start)
    return best


async def _pooled(document: bytes) -> float:
    from agent.parse.pool import ParsePool
    from agent.settings import CollectSettings

    async with ParsePool(CollectSettings()) as pool:
        await pool.parse(document)
        done, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < 3.0:
            replies = await asyncio.gather(*(pool.parse(document) for _ in range(4)))
            done += sum(reply.feed is not None for reply in replies)
        return done / elapsed
