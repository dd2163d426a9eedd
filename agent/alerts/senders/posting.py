"""Posting to a destination by the one HTTP client, through the address guard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from agent.alerts.sending import OK, Sent
from agent.fetch.fetcher import Fetched, Fetcher
from agent.fetch.guard import DEFAULT_PORTS, AddressGuard
from agent.fetch.pacing import Pacer

if TYPE_CHECKING:
    from agent.settings import Settings

CONCURRENCY = 8
_MAX_ANSWER_BYTES = 65_536
_FINAL = frozenset({400, 405, 406, 410, 411, 413, 414, 415, 422, 431, 501, 505})
"""Answers after which the same message will be refused again."""


class Poster:
    """Posts to one URL."""

    def __init__(self, url: str, settings: Settings, *, allowed: Iterable[str], timeout_seconds: float) -> None:
        """`allowed`: hosts and networks that may be posted to although they are not public."""
        self._url = url
        self._timeout_seconds = timeout_seconds
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        collect = msgspec.structs.replace(settings.collect, max_feed_bytes=_MAX_ANSWER_BYTES)
        self._fetcher = Fetcher(
            collect,
            guard=AddressGuard(allowed, {*settings.collect.ports, port}),
            pacer=Pacer(concurrency=CONCURRENCY, spacing_seconds=0.0),
        )
        self._is_open = False

    async def post(self, body: bytes, headers: Mapping[str, str], secrets: Mapping[str, str]) -> Sent:
        """Post JSON, and return what came of it. `secrets` go to the URL's own origin only."""
        if not self._is_open:
            self._is_open = True
            await self._fetcher.__aenter__()
        fetched = await self._fetcher.post(
            self._url,
            body,
            content_type="application/json",
            headers=headers,
            secrets=secrets,
            timeout_seconds=self._timeout_seconds,
        )
        return judged(fetched)

    async def close(self) -> None:
        """Close the connections."""
        if self._is_open:
            self._is_open = False
            await self._fetcher.__aexit__(None, None, None)


def judged(fetched: Fetched) -> Sent:
    """Return what an answer means for the message. An answer that is too long to read is one, too."""
    if fetched.outcome == "ok" or (fetched.status is not None and 200 <= fetched.status < 300):
        return OK
    status = f"HTTP {fetched.status}: " if fetched.status is not None and "HTTP" not in fetched.detail else ""
    detail = f"{status}{fetched.detail or fetched.outcome}"
    if fetched.outcome == "refused_address" or fetched.status in _FINAL:
        return Sent("refused", detail)
    return Sent("retry", detail, fetched.retry_after_seconds)
