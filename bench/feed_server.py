"""A loopback server of made-up feeds, run as a process of its own so that it costs the measured one nothing.

    with feed_server(feeds=50, entries=100) as urls: ...

Feed `n` has `entries` RSS items of about `tokens` words each; every document is rendered once, before the port is
announced.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import html
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from bench.articles import raw_articles, stream_articles
from streams.model import RawArticle

KINDS = ("pooled", "stream")
"""Sentences of many reports put into one article (`raw_articles`), or whole reports (`stream_articles`)."""


def render_feeds(feeds: int, entries: int, tokens: int, kind: str = "pooled") -> list[bytes]:
    """Return `feeds` RSS documents of `entries` items; no two items are alike."""
    articles = _stream(feeds * entries) if kind == "stream" else raw_articles(feeds * entries, tokens=tokens)
    now = datetime.now(UTC)
    documents = []
    for feed in range(feeds):
        items = []
        for number in range(entries):
            article = next(articles)
            published = format_datetime(now - timedelta(minutes=number), usegmt=True)
            items.append(
                f"<item><title>{html.escape(article.title)} {feed}-{number}</title>"
                f"<link>https://bench-{feed}.example/{number}</link><guid>{feed}-{number}</guid>"
                f"<pubDate>{published}</pubDate><description>{html.escape(article.text)}</description></item>"
            )
        head = f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Bench {feed}</title>'
        documents.append((head + "".join(items) + "</channel></rss>").encode())
    return documents


def _stream(count: int) -> Iterator[RawArticle]:
    from agent.definitions import load_all
    from bench.query import name_test

    return stream_articles(count, name_test(load_all("config")[1]))


async def serve(feeds: int, entries: int, tokens: int, kind: str) -> None:
    """Serve until standard input ends; the first line printed is the port."""
    from aiohttp import web

    documents = render_feeds(feeds, entries, tokens, kind)

    async def feed(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        etag = f'"{number}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=documents[number], content_type="application/rss+xml", headers={"ETag": etag})

    application = web.Application()
    application.router.add_get(r"/feeds/{number:\d+}", feed)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


@contextlib.contextmanager
def feed_server(*, feeds: int, entries: int, tokens: int = 276, kind: str = "pooled") -> Iterator[list[str]]:
    """Run the server while the block runs; gives the feeds' URLs. Its end of the pipe closing ends it, whatever
    happens to us. `kind` is one of `KINDS`; a stream's articles have their own length."""
    arguments = ["--feeds", str(feeds), "--entries", str(entries), "--tokens", str(tokens), "--kind", kind]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.feed_server", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield [f"http://127.0.0.1:{port}/feeds/{number}" for number in range(feeds)]
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.feed_server")
    for option, default in (("--feeds", 20), ("--entries", 50), ("--tokens", 276)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--kind", choices=KINDS, default="pooled")
    options = parser.parse_args()
    asyncio.run(serve(options.feeds, options.entries, options.tokens, options.kind))
