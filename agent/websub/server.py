"""The server that hubs call: verification of intent, and what they push.

It must be reachable from outside by nature, so what comes in is believed only with the feed's own path, 256 bits that
nobody can guess, and the signature made with its secret; bodies, rates and waiting pushes are bounded.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from agent.errors import ServiceUnavailable

if TYPE_CHECKING:
    from aiohttp import web

    from agent.settings import WebSubSettings

log = logging.getLogger("rasad.websub")

PREFIX = "/websub/"
MAX_WAITING = 100
"""Pushes that are received or worked on at the same time; more are asked to come again."""
BODY_SECONDS = 30.0
MAX_CHALLENGE_CHARS = 2_000
_BURST = 20.0


class Callbacks(Protocol):
    """What the server asks and tells."""

    def feed_of(self, token: str) -> str | None:
        """Return the feed whose callback path ends in `token`."""

    async def verified(self, feed_url: str, mode: str, topic: str, lease_seconds: float | None) -> bool:
        """Return whether we have asked for this."""

    async def denied(self, feed_url: str, topic: str, reason: str) -> None:
        """Note that the hub does not want to."""

    def is_subscribed(self, feed_url: str) -> bool:
        """Return whether pushes for this feed are expected."""

    def is_authentic(self, feed_url: str, signature: str, body: bytes) -> bool:
        """Return whether the hub has signed `body`."""

    def take(self, feed_url: str, body: bytes, content_type: str) -> bool:
        """Begin to work on a push; False where too many wait."""

    def count(self, outcome: str) -> None:
        """Count one push."""


class _Rates:
    """A bucket a feed: `per_minute` pushes, and a burst."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._per_second = per_minute / 60.0
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, feed_url: str) -> bool:
        now = self._clock()
        left, at = self._left.get(feed_url, (_BURST, now))
        left = min(_BURST, left + (now - at) * self._per_second)
        self._left[feed_url] = (left - 1.0 if left >= 1.0 else left, now)
        return left >= 1.0


@asynccontextmanager
async def serve_callbacks(
    callbacks: Callbacks, settings: WebSubSettings, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[int]:
    """Listen while the block runs; gives the port.

    Raises:
        ServiceUnavailable: the address cannot be listened on.
    """
    from aiohttp import web

    app = web.Application(client_max_size=settings.max_push_bytes)
    handler = _Handler(callbacks, settings, _Rates(settings.pushes_per_minute, clock))
    app.router.add_get(PREFIX + "{token}", handler.get, allow_head=False)
    app.router.add_post(PREFIX + "{token}", handler.post)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=15.0, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            place = f"{settings.host}:{settings.port}"
            raise ServiceUnavailable(f"websub: cannot listen on {place}: {error.strerror or error}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


class _Handler:
    def __init__(self, callbacks: Callbacks, settings: WebSubSettings, rates: _Rates) -> None:
        self._callbacks = callbacks
        self._max_bytes = settings.max_push_bytes
        self._rates = rates
        self._receiving = 0

    async def get(self, request: web.Request) -> web.Response:
        from aiohttp import web

        feed_url = self._callbacks.feed_of(request.match_info["token"])
        if feed_url is None:
            raise web.HTTPNotFound
        query = request.query
        mode, topic = query.get("hub.mode", ""), query.get("hub.topic", "")
        if mode == "denied":
            await self._callbacks.denied(feed_url, topic, query.get("hub.reason", ""))
            return web.Response(text="")
        challenge = query.get("hub.challenge", "")
        if not challenge or len(challenge) > MAX_CHALLENGE_CHARS or mode not in {"subscribe", "unsubscribe"}:
            raise web.HTTPBadRequest(text="not a verification of intent")
        if not await self._callbacks.verified(feed_url, mode, topic, _seconds(query.get("hub.lease_seconds", ""))):
            raise web.HTTPNotFound
        # Plain text and not to be guessed at: the challenge comes from outside and goes back as it is.
        return web.Response(text=challenge, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    async def post(self, request: web.Request) -> web.Response:
        from aiohttp import web

        feed_url = self._callbacks.feed_of(request.match_info["token"])
        if feed_url is None:
            self._callbacks.count("unknown")
            raise web.HTTPNotFound
        if not self._callbacks.is_subscribed(feed_url):
            self._callbacks.count("not_subscribed")
            raise web.HTTPGone
        if not self._rates.take(feed_url):
            self._callbacks.count("rate_limited")
            raise web.HTTPTooManyRequests(headers={"Retry-After": "60"})
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            # The signature is over the bytes on the wire, which nobody has any more once they are decompressed.
            self._callbacks.count("unreadable")
            raise web.HTTPUnsupportedMediaType
        if self._receiving >= MAX_WAITING:
            self._callbacks.count("overloaded")
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "30"})
        self._receiving += 1
        try:
            body = await self._body(request)
        finally:
            self._receiving -= 1
        if not self._callbacks.is_authentic(feed_url, request.headers.get("X-Hub-Signature", ""), body):
            # Answered like any other (W3C WebSub section 8): whoever tries secrets is told nothing.
            self._callbacks.count("bad_signature")
            log.warning("feed %s: a push without the right signature was ignored", feed_url)
            return web.Response(status=202)
        if not self._callbacks.take(feed_url, body, request.headers.get("Content-Type", "")):
            self._callbacks.count("overloaded")
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "30"})
        return web.Response(status=202)

    async def _body(self, request: web.Request) -> bytes:
        from aiohttp import web

        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            self._callbacks.count("too_large")
            raise
        except TimeoutError:
            self._callbacks.count("unreadable")
            raise web.HTTPRequestTimeout from None


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
