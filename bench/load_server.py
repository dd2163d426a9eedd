"""A loopback server of 10,000 feeds for `bench.load`, run as a process of its own.

    70 % of the polls are answered 304, 20 % with the same document, 8 % with new entries; 2 % are slow or hostile

Feeds have addresses of their own in 127.0.0.0/8, four to a host. It speaks just as much HTTP as is needed, so that on
two cores it leaves one to what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import random
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

LISTED = 20
FEEDS_A_HOST = 4
SLOW, BROKEN, HOSTILE, HANGING, NO_FEED = range(5)
WITHOUT_VALIDATORS, WITH_NEW = 0.2, 0.08
_TEXT = "Ministers of four countries met on Wednesday, and said afterwards that they would meet again. " * 2


class World:
    """Which feed is of which kind, and what it has published at a moment."""

    def __init__(self, feeds: int, interval_seconds: float) -> None:
        self.feeds = feeds
        self.start = time.time()
        self.slow_from = feeds - max(1, feeds // 100)
        self.bad_from = self.slow_from - max(4, feeds // 100)
        self._rate = WITH_NEW / (0.98 - WITHOUT_VALIDATORS) / interval_seconds
        self._times: dict[int, list[float]] = {}
        self._static: dict[int, bytes] = {}
        self.bomb = gzip.compress(bytes(40_000_000))

    def kind(self, feed: int) -> int | None:
        if feed >= self.slow_from:
            return SLOW
        return BROKEN + feed % 4 if feed >= self.bad_from else None

    def has_validators(self, feed: int) -> bool:
        return feed % 49 >= 10  # 10 of 49 are 20 of the 98 in 100 that work

    def version(self, feed: int) -> int:
        """Return how many entries the feed has published until now; those are Poisson, whoever looks."""
        if not self.has_validators(feed):
            return 0
        times = self._times.get(feed)
        if times is None:
            dice, at, times = random.Random(feed), self.start, []
            for _ in range(200):
                at += dice.expovariate(self._rate)
                times.append(at)
            self._times[feed] = times
        return bisect_right(times, time.time())

    def document(self, feed: int, version: int) -> bytes:
        items = []
        for number in range(version, version - LISTED, -1):
            moment = self._times[feed][number - 1] if number > 0 else self.start - 3600.0 * (1 - number)
            date = format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)
            items.append(
                f"<item><title>Headline {number} of feed {feed}</title><link>https://bench-{feed}.example/{number}</link>"
                f"<guid>{feed}-{number}</guid><pubDate>{date}</pubDate><description>{_TEXT}</description></item>"
            )
        head = f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Bench {feed}</title>'
        link = f"<link>https://bench-{feed}.example/</link>"
        return f"{head}{link}{''.join(items)}</channel></rss>".encode()

    def static(self, feed: int) -> bytes:
        if feed not in self._static:
            self._static[feed] = gzip.compress(self.document(feed, 0), 1)
        return self._static[feed]


class _Connection(asyncio.Protocol):
    def __init__(self, world: World) -> None:
        self._world = world
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._held.endswith(b"\r\n\r\n") or self._transport is None:
            return
        request, self._held = self._held, b""
        self._answer(int(request[len(b"GET /") : request.index(b" HTTP")]), request, self._transport)

    def _answer(self, feed: int, request: bytes, transport: asyncio.Transport) -> None:
        world = self._world
        match world.kind(feed):
            case None:
                pass
            case 0:
                transport.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                self._drip()
                return
            case 1:
                transport.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
                return
            case 2:
                self._send(world.bomb, b"Content-Encoding: gzip\r\n")
                return
            case 3:
                transport.close()
                return
            case _:
                self._send(b"<html>" + b"<div>" * 20_000 + b"</html>", b"")
                return
        if not world.has_validators(feed):
            self._send(world.static(feed), b"Content-Encoding: gzip\r\n")
            return
        version = world.version(feed)
        etag = b'ETag: "%d-%d"\r\n' % (feed, version)
        if b'If-None-Match: "%d-%d"\r\n' % (feed, version) in request:
            transport.write(b"HTTP/1.1 304 Not Modified\r\n" + etag + b"\r\n")
        else:
            self._send(world.document(feed, version), etag)

    def _send(self, body: bytes, headers: bytes) -> None:
        assert self._transport is not None
        length = b"Content-Type: application/rss+xml\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(b"HTTP/1.1 200 OK\r\n" + headers + length + body)

    def _drip(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"y")
            self._timer = asyncio.get_running_loop().call_later(1.0, self._drip)


async def _serve(feeds: int, interval_seconds: float) -> None:
    world = World(feeds, interval_seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(world), "0.0.0.0", 0, backlog=4096)  # noqa: S104  (127/8)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def feed_urls(port: int, feeds: int) -> list[str]:
    """Return the address of every feed."""
    hosts = (feed // FEEDS_A_HOST for feed in range(feeds))
    return [f"http://127.1.{host // 250}.{host % 250 + 1}:{port}/{feed}" for feed, host in enumerate(hosts)]


@contextlib.contextmanager
def load_server(feeds: int, interval_seconds: float) -> Iterator[list[str]]:
    """Run the server while the block runs; gives the feeds' URLs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load_server", str(feeds), str(interval_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield feed_urls(int(process.stdout.readline()), feeds)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.load_server")
    parser.add_argument("feeds", type=int)
    parser.add_argument("interval_seconds", type=float)
    options = parser.parse_args()
    asyncio.run(_serve(options.feeds, options.interval_seconds))
