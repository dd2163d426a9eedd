"""Collecting: parse rate through the worker processes against bare feedparser, deciding, memory at 10,000 feeds."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

from bench import load

ITEMS, PARAGRAPH = 50, "Ministers of four countries met on Wednesday, and said afterwards that they would meet again. "
FEEDS, REMEMBERED, LISTED = 10_000, 200, 30
SECONDS = 5.0


def run() -> dict[str, Any]:
    """Return the figures of the area `collect`."""
    document = _document()
    bare = _rate(lambda: _feedparser(document))
    alone = _rate(lambda: _ours(document))
    pooled = asyncio.run(_pooled(document))
    return {
        "feed_bytes": len(document),
        "feeds_per_s": {"bare_feedparser": bare, "our_parser_alone": alone, "through_the_pool": pooled},
        "pool_as_share_of_bare_feedparser": pooled / bare,
        "entries_decided_per_s": {"new": _decide(is_first=True), "unchanged": _decide(is_first=False)},
        "memory_at_10000_feeds": _in_a_process_of_its_own(),
        "load_10000_feeds": load.run(),
    }


def _document() -> bytes:
    items = "".join(
        f"<item><title>Headline number {n} of the day</title><link>https://bench.example/news/{n}?utm_source=rss</link>"
        f'<guid isPermaLink="false">bench-{n}</guid><pubDate>Thu, 05 Jan 2023 10:{n:02}:00 GMT</pubDate>'
        f"<category>world</category><description>&lt;p&gt;{PARAGRAPH * 5}&lt;/p&gt;</description></item>"
        for n in range(ITEMS)
    )
    head = "<title>Bench</title><link>https://bench.example/</link><language>en</language>"
    return f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


def _rate(work: Any) -> float:
    work()
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < SECONDS:
        work()
        done += 1
    return done / elapsed


def _feedparser(document: bytes) -> None:
    import feedparser

    assert len(feedparser.parse(io.BytesIO(document)).entries) == ITEMS


def _ours(document: bytes) -> None:
    from agent.parse.feed import parse_document

    assert len(parse_document(document, url="https://bench.example/rss").entries) == ITEMS


async def _pooled(document: bytes) -> float:
    from agent.parse.pool import ParsePool
    from agent.settings import CollectSettings

    async with ParsePool(CollectSettings()) as pool:
        await pool.parse(document)
        done, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < SECONDS:
            replies = await asyncio.gather(*(pool.parse(document) for _ in range(4)))
            done += sum(reply.feed is not None for reply in replies)
        return done / elapsed


def _decide(*, is_first: bool) -> float:
    from agent.collect.decide import decide
    from agent.collect.records import Polled
    from agent.collect.state import FeedState
    from agent.feeds.definitions import FeedDefinition
    from agent.parse.feed import parse_document
    from agent.settings import CollectSettings

    feed = FeedDefinition(url="https://bench.example/rss", source_id="bench", name="Bench")
    polled = Polled(outcome="ok", feed=parse_document(_document()))
    now, settings = datetime(2023, 1, 6, tzinfo=UTC), CollectSettings()
    state = FeedState(feed_url=feed.url, source_id="bench")
    if not is_first:
        state = decide(feed, state, polled, now, settings).state
    return ITEMS * _rate(lambda: decide(feed, state, polled, now, settings))


def _in_a_process_of_its_own() -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", "bench.collect"], capture_output=True, check=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _memory() -> dict[str, float]:
    """Return resident megabytes with 10,000 feeds in the configuration, and with a full state for each."""
    import tempfile
    from pathlib import Path

    from agent.collect.collector import Collector
    from agent.collect.state import FeedState, SeenEntry, pack_seen
    from agent.config_files import Faults
    from agent.feeds.load import load_feeds
    from agent.settings import CollectSettings
    from streams.metrics import Metrics

    class Nowhere:
        async def deliver(self, deliveries: object) -> None: ...

    empty = _resident_megabytes()
    with tempfile.TemporaryDirectory() as folder:
        lines = (
            f"  - id: source-{n}\n    name: Source {n}\n    country: SY\n    language: ar\n"
            f"    url: https://source-{n}.example/feeds/news.xml\n"
            for n in range(FEEDS)
        )
        (Path(folder) / "feeds.yaml").write_text("sources:\n" + "".join(lines))
        start = time.perf_counter()
        feeds = load_feeds(Path(folder), Faults())
        load_seconds = time.perf_counter() - start
    settings, metrics = CollectSettings(), Metrics()
    collector = Collector(feeds=feeds, sink=Nowhere(), settings=settings, metrics=metrics)
    configured = _resident_megabytes()
    states = {}
    for number, feed in enumerate(feeds):
        entries = [
            SeenEntry((number * 1_000 + n).to_bytes(16, "big"), bytes([n % 255 + 1] * 8), bytes(6), bytes(6), 1, 1)
            for n in range(REMEMBERED)
        ]
        states[feed.url] = FeedState(
            feed_url=feed.url,
            source_id=feed.source_id,
            polls=100,
            etag=f'"{number:016x}"',
            last_modified="Thu, 05 Jan 2023 10:00:00 GMT",
            body_hash=f"{number:024x}",
            last_outcome="not_modified",
            next_poll_at=datetime(2023, 1, 6, tzinfo=UTC),
            listed=LISTED,
            seen=pack_seen(entries, LISTED),
        )
    del collector
    collector = Collector(feeds=feeds, states=states, sink=Nowhere(), settings=settings, metrics=metrics)
    full = _resident_megabytes()
    assert collector.counts().total == FEEDS
    return {
        "load_seconds": round(load_seconds, 2),
        "before_mb": empty,
        "configured_mb": configured,
        "with_states_mb": full,
    }


def _resident_megabytes() -> float:
    import gc

    import psutil

    gc.collect()
    return round(psutil.Process().memory_info().rss / 1e6, 1)


if __name__ == "__main__":
    json.dump(_memory(), sys.stdout)
