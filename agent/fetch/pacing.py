"""When a host may be asked again: so many requests at a time, so far apart, and not before it wants to be.

One `Pacer` for everything that a process fetches, so that feeds, article pages and robots.txt of one host share its
patience.

    turn = await pacer.turn(host)     # in order of asking
    try: …
    finally: turn.release()
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_HOLD_SECONDS = 7 * 86_400.0
REFUSALS_BELIEVED = 3
_PRUNE_AT = 2_000


@dataclass(slots=True)
class _Host:
    active: int = 0
    next_start_at: float = 0.0
    held_until: float = 0.0
    refusals: int = 0
    """Times in a row that it said 429, and nothing else between."""
    line: asyncio.Lock | None = None
    """Whoever waits for a turn stands in it; made by the first."""
    freed: asyncio.Event | None = None


@dataclass(slots=True, eq=False)
class Turn:
    """The right to ask one host, until it is released."""

    host: str
    _pacer: Pacer = field(repr=False)
    _is_over: bool = False

    def release(self) -> None:
        """Give the turn back; a second time does nothing."""
        if not self._is_over:
            self._is_over = True
            self._pacer._release(self.host)  # noqa: SLF001  (one room)


class Pacer:
    """Spaces requests by host. Times are those of `clock`, in seconds; for one event loop."""

    def __init__(
        self, *, concurrency: int, spacing_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._concurrency = concurrency
        self._spacing_seconds = spacing_seconds
        self._clock = clock
        self._hosts: dict[str, _Host] = {}
        self.on_release: Callable[[str], None] | None = None
        """Called with the host after each turn; how the collector learns that a feed of it may go."""

    def ready_at(self, host: str) -> float:
        """Return from when on `host` may be asked; infinity while too many requests are under way."""
        known = self._hosts.get(host)
        if known is None:
            return 0.0
        if known.active >= self._concurrency:
            return math.inf
        return max(known.next_start_at, known.held_until)

    def take(self, host: str, spacing_seconds: float | None = None) -> Turn:
        """Take a turn at once; look at `ready_at` before."""
        known = self._hosts.get(host)
        if known is None:
            if len(self._hosts) >= _PRUNE_AT:
                self._prune()
            known = self._hosts[host] = _Host()
        known.active += 1
        spacing = self._spacing_seconds if spacing_seconds is None else max(spacing_seconds, self._spacing_seconds)
        known.next_start_at = self._clock() + spacing
        return Turn(host, self)

    async def turn(self, host: str, spacing_seconds: float | None = None) -> Turn:
        """Wait for a turn; first come, first served. `spacing_seconds` is kept to the next one, if it is longer."""
        known = self._hosts.setdefault(host, _Host())
        if known.line is None:
            known.line = asyncio.Lock()
        async with known.line:
            while (ready_at := self.ready_at(host)) > (now := self._clock()):
                if math.isinf(ready_at):
                    known.freed = asyncio.Event()
                    await known.freed.wait()
                else:
                    await asyncio.sleep(ready_at - now)
            return self.take(host, spacing_seconds)

    def hold(self, host: str, seconds: float) -> None:
        """Leave `host` alone for so long: it has said `Retry-After`."""
        known = self._hosts.setdefault(host, _Host())
        known.held_until = max(known.held_until, self._clock() + min(max(seconds, 0.0), MAX_HOLD_SECONDS))

    def refused(self, host: str, seconds: float) -> None:
        """Note that `host` said 429 or the like. Addresses may have limits of their own; when a third request in a
        row is refused and none was answered between, it is the host that is full, and all its addresses wait."""
        known = self._hosts.setdefault(host, _Host())
        known.refusals += 1
        if known.refusals >= REFUSALS_BELIEVED:
            self.hold(host, seconds)

    def answered(self, host: str) -> None:
        """Note that `host` answered as it should."""
        if (known := self._hosts.get(host)) is not None:
            known.refusals = 0

    def held_seconds(self, host: str) -> float:
        """Return how much longer `host` wants to be left alone."""
        known = self._hosts.get(host)
        return max(0.0, known.held_until - self._clock()) if known is not None else 0.0

    def _release(self, host: str) -> None:
        known = self._hosts[host]
        known.active -= 1
        if known.freed is not None:
            known.freed.set()
            known.freed = None
        if self.on_release is not None:
            self.on_release(host)

    def _prune(self) -> None:
        now = self._clock()
        self._hosts = {
            host: known
            for host, known in self._hosts.items()
            if known.active
            or max(known.next_start_at, known.held_until) > now
            or (known.line is not None and known.line.locked())
        }


def pace_key(url: str) -> str:
    """Return what `url` is paced by: its host, and its port where that is not a web server's usual one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").rstrip(".")
    return host if port in (None, 80, 443) else f"{host}:{port}"
