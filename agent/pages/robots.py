"""robots.txt by RFC 9309: whether a page may be read, and how far apart.

    verdict = await robots.ask(url)      # .allowed, .crawl_delay_seconds, .reason

A host that answers 4xx has no rules; one that cannot be reached, or answers 5xx or 429, wants to be left alone until it
can be asked again, or until then what it said last is obeyed.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from agent.fetch.fetcher import Fetched, Fetcher

MAX_ROBOTS_BYTES = 500 * 1024
"""What is read of the file (RFC 9309 section 2.5 asks for at least so much); the rest of a longer one is ignored."""
MAX_FETCHED_BYTES = 4 * MAX_ROBOTS_BYTES
MAX_ORIGINS = 2_000
MAX_CRAWL_DELAY_SECONDS = 60.0
"""A longer one is kept as this: pages would never be read, and the articles would wait for nothing."""
_DAY_SECONDS = 86_400.0
_KEEP_SECONDS = 12 * 3_600.0
_KEEP_FAILED_SECONDS = 600.0
_TIMEOUT_SECONDS = 8.0


@dataclass(frozen=True)
class Verdict:
    """Whether a page may be read."""

    allowed: bool
    reason: str = ""
    crawl_delay_seconds: float | None = None
    is_reachable: bool = True
    """False where the host could not be asked at all."""


@dataclass
class _Known:
    rules: Any
    """A parsed file, or None where everything is allowed."""
    until: float
    unreachable: str = ""
    """Why the host could not be asked; everything is then disallowed, unless there are older rules."""


class Robots:
    """The robots.txt of every origin that pages are read from, remembered for half a day."""

    def __init__(self, fetcher: Fetcher, user_agent: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetcher = fetcher
        self._token = user_agent.partition("/")[0].split()[0] if user_agent.strip() else "Rasad"
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Known]] = {}

    async def ask(self, url: str) -> Verdict:
        """Return whether `url` may be read."""
        origin = _origin(url)
        if origin is None:
            return Verdict(False, "the address is none")
        known = self._known.get(origin)
        if known is None or known.until <= self._clock():
            known = await self._renewed(origin)
        self._known.move_to_end(origin) if origin in self._known else None
        if known.unreachable and known.rules is None:
            return Verdict(False, f"robots.txt cannot be read ({known.unreachable})", is_reachable=False)
        if known.rules is None:
            return Verdict(True)
        delay = known.rules.crawl_delay(self._token)
        delay = min(max(float(delay), 0.0), MAX_CRAWL_DELAY_SECONDS) if delay is not None else None
        if known.rules.can_fetch(url, self._token):
            return Verdict(True, crawl_delay_seconds=delay)
        return Verdict(False, "robots.txt forbids it", delay)

    async def sitemaps(self, url: str) -> list[str]:
        """Return the sitemaps that the robots.txt of the origin of `url` names."""
        await self.ask(url)
        known = self._known.get(_origin(url) or "")
        return list(known.rules.sitemaps)[:100] if known is not None and known.rules is not None else []

    async def _renewed(self, origin: str) -> _Known:
        task = self._asking.get(origin)
        if task is None:
            task = asyncio.create_task(self._fetch(origin), name="robots.txt")
            self._asking[origin] = task
            task.add_done_callback(lambda _: self._asking.pop(origin, None))
        # One question for all who wait; whoever stops waiting does not take it from the others.
        return await asyncio.shield(task)

    async def _fetch(self, origin: str) -> _Known:
        fetched = await self._fetcher.fetch(
            f"{origin}/robots.txt",
            accept="text/plain, */*;q=0.5",
            max_bytes=MAX_FETCHED_BYTES,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        before = self._known.pop(origin, None)
        known = self._judge(fetched, before)
        self._known[origin] = known
        while len(self._known) > MAX_ORIGINS:
            self._known.popitem(last=False)
        return known

    def _judge(self, fetched: Fetched, before: _Known | None) -> _Known:
        now = self._clock()
        kept_seconds = min(max(fetched.max_age_seconds or _KEEP_SECONDS, _KEEP_FAILED_SECONDS), _DAY_SECONDS)
        if fetched.outcome == "ok":
            return _Known(_parsed(fetched.body), now + kept_seconds)
        status = fetched.status or 0
        if fetched.outcome == "empty" or (400 <= status < 500 and status != 429):
            return _Known(None, now + kept_seconds)
        rules = before.rules if before is not None else None
        return _Known(rules, now + _KEEP_FAILED_SECONDS, fetched.detail or fetched.outcome)


def _parsed(body: bytes) -> Any:
    from protego import Protego

    text = body[:MAX_ROBOTS_BYTES].decode("utf-8", "replace").removeprefix("\ufeff").replace("\0", "")
    return Protego.parse(text)


def _origin(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        return None
    return urlunsplit((parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower(), "", "", ""))
