"""Fetches one URL over HTTP: conditional, bounded in time and bytes, paced by host, and only from addresses that the
guard allows.

    async with Fetcher(settings) as fetcher:
        fetched = await fetcher.fetch(url, etag=…, last_modified=…)

RFC 9110 for validators and redirects. No cookies, no referrer, no credentials but those given for the URL's own origin.
What went wrong is a class of `streams.metrics.FETCH_OUTCOMES` and one line for a person, never an exception.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from agent.fetch.client import HEAD_BYTES, Proxy, Wire, make_session, wire_now
from agent.fetch.credentials import without_secrets
from agent.fetch.decompress import BodyError, Decompressor
from agent.fetch.guard import AddressGuard, AddressRefused
from agent.fetch.headers import (
    as_it_is,
    ascii_only,
    failed_status,
    failure,
    fresh_seconds,
    retry_after,
    telling,
    validator,
)
from agent.fetch.pacing import Pacer, Turn, pace_key
from agent.fetch.resolve import Resolver
from agent.settings import CollectSettings

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9, */*;q=0.5"
MAX_REDIRECTS = 5
_CHUNK_BYTES = 65_536
_PERMANENT = frozenset({301, 308})
_REDIRECTS = _PERMANENT | {302, 303, 307}
_PRIVATE_SUFFIXES = (".local", ".internal", ".intranet", ".lan", ".home", ".corp", ".private", ".home.arpa")
"""Names that only a private network has an address for."""


class Hop(Struct, frozen=True):
    """One redirect."""

    status: int
    url: str
    """Where it led."""


class Fetched(Struct, frozen=True, kw_only=True):
    """What one fetch came to. `outcome` is `ok`, `not_modified` or a failure; `moved` is for the caller to say."""

    outcome: str
    status: int | None = None
    detail: str = ""
    body: bytes = b""
    url: str = ""
    """Where the body came from, after redirects."""
    content_type: str = ""
    content_language: str = ""
    link: str = ""
    """The `Link` headers (RFC 8288), joined; a hub may be in them."""
    etag: str | None = None
    last_modified: str | None = None
    retry_after_seconds: float | None = None
    max_age_seconds: float | None = None
    """How long the answer stays fresh, by `Cache-Control` or `Expires`."""
    moved_to: str | None = None
    """Where permanent redirects alone led; None when there was none, or a temporary one among them."""
    seconds: float = 0.0
    """Without the time that was spent waiting for the host's turn."""
    hops: tuple[Hop, ...] = ()
    headers: dict[str, str] = {}
    """Those of `http_headers.TELLING` that were sent; only of a fetcher that is told to keep them."""


@dataclass
class _Ask:
    """One fetch under way, over all its redirects."""

    method: str
    headers: dict[str, str]
    secrets: Mapping[str, str]
    conditions: dict[str, str]
    conditions_url: str
    origin: tuple[str, str, int | None]
    max_bytes: int
    body: bytes | None = None
    turn: Turn | None = None
    hops: list[Hop] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    timeout: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))

    def headers_for(self, url: str) -> dict[str, str]:
        # A validator belongs to one resource (RFC 9110 section 8.8), a secret to one origin.
        conditions = self.conditions if url == self.conditions_url else {}
        secrets = self.secrets if self.secrets and _origin(url) == self.origin else {}
        return {**self.headers, **secrets, **conditions}


class _Failed(Exception):
    def __init__(self, outcome: str, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        self.status = status


class Fetcher:
    """One HTTP client for everything that is fetched. Use as an async context manager, within one event loop."""

    def __init__(
        self,
        settings: CollectSettings,
        guard: AddressGuard | None = None,
        pacer: Pacer | None = None,
        *,
        keeps_headers: bool = False,
    ) -> None:
        """Raises UsageError for a proxy that is none."""
        self._settings = settings
        self._keeps_headers = keeps_headers
        self.guard = guard or AddressGuard(settings.allow_private_hosts, settings.ports)
        self.pacer = pacer or Pacer(
            concurrency=settings.per_host_concurrency, spacing_seconds=settings.per_host_spacing_seconds
        )
        self._proxy = Proxy.of(settings.proxy)
        self._session: aiohttp.ClientSession | None = None
        self._resolver: Resolver | None = None

    async def __aenter__(self) -> Fetcher:
        self._resolver = Resolver()
        self._session = make_session(self._settings, self.guard, self._resolver, through_proxy=self._proxy is not None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._resolver is not None:  # the connector closes only one that it made itself
            await self._resolver.close()
            self._resolver = None

    async def fetch(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        validators_url: str | None = None,
        accept: str = ACCEPT,
        headers: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        secrets_url: str | None = None,
        max_bytes: int | None = None,
        timeout_seconds: float | None = None,
        spacing_seconds: float | None = None,
        turn: Turn | None = None,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Fetched:
        """Fetch `url`, following redirects. Never raises for what a server does.

        Args:
            etag, last_modified: those of the last document, verbatim.
            validators_url: where that document came from, if not from `url`: only there they mean something.
            headers: sent wherever redirects lead.
            secrets: headers sent only to the scheme, host and port of `secrets_url` (default: of `url`).
            max_bytes: most bytes of the body, before and after decompression (default: collect.max_feed_bytes).
            timeout_seconds: deadline from the request to the last byte (default: collect.timeout_seconds); waiting for
                the host's turn does not count.
            spacing_seconds: least time to the next request to this host, where it asks for more than we keep anyway.
            turn: a turn already taken for the host of `url`; it is released here.
            method: `POST` with `body` takes any 2xx for `ok` and follows only 307 and 308.
        """
        ask = _Ask(
            method=method,
            headers={"Accept": accept, **(headers or {})},
            secrets=secrets or {},
            conditions=_conditions(etag, last_modified),
            conditions_url=validators_url or url,
            origin=_origin(secrets_url or url),
            max_bytes=self._settings.max_feed_bytes if max_bytes is None else max_bytes,
            body=body,
            turn=turn,
        )
        timeout_seconds = self._settings.timeout_seconds if timeout_seconds is None else timeout_seconds
        start = time.perf_counter()
        try:
            if ask.turn is None:
                self.guard.check_url(url)  # what is refused anyway waits for nobody's turn
                ask.turn = await self.pacer.turn(pace_key(url), spacing_seconds)
            start = time.perf_counter()
            ask.timeout = asyncio.timeout(timeout_seconds)
            async with ask.timeout:
                fetched = await self._follow(url, ask)
        except _Failed as failed:
            fetched = Fetched(outcome=failed.outcome, status=failed.status, detail=failed.detail)
        except TimeoutError:
            fetched = Fetched(outcome="timeout", detail=f"no complete answer within {timeout_seconds:g} s")
        except Exception as error:  # whatever a server does to a client library, the next feed wants its turn
            outcome, detail = failure(error)
            fetched = Fetched(outcome=outcome, detail=detail)
        finally:
            if ask.turn is not None:
                ask.turn.release()
        detail = without_secrets(fetched.detail, ask.secrets) if ask.secrets else fetched.detail
        seconds = time.perf_counter() - start
        return msgspec.structs.replace(fetched, seconds=seconds, detail=detail, hops=tuple(ask.hops), headers=ask.told)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        content_type: str = "application/x-www-form-urlencoded",
        headers: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> Fetched:
        """Send `body` to `url` (a hub, a webhook), through the same guard; see `fetch`."""
        return await self.fetch(
            url,
            accept="*/*",
            headers={"Content-Type": content_type, **(headers or {})},
            secrets=secrets,
            timeout_seconds=timeout_seconds,
            method="POST",
            body=body,
        )

    async def _follow(self, url: str, ask: _Ask) -> Fetched:
        moved_to, only_permanent = None, True
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._request(url, ask)
            if isinstance(answer, Fetched):
                return msgspec.structs.replace(answer, moved_to=moved_to)
            status, location = answer
            try:
                target = urljoin(url, location)
                urlsplit(target).port  # noqa: B018  (raises for a port that is none)
            except ValueError:
                raise _Failed("http_error", "redirected to an address that is none", status) from None
            if ask.method != "GET" and status not in {307, 308}:
                raise _Failed("http_error", f"HTTP {status}: a {ask.method} is not sent on as something else", status)
            ask.hops.append(Hop(status, target))
            await self._change_turn(url, target, ask)
            url = target
            only_permanent = only_permanent and status in _PERMANENT
            moved_to = url if only_permanent else None
        raise _Failed("http_error", f"redirected more than {MAX_REDIRECTS} times", status)

    async def _change_turn(self, url: str, target: str, ask: _Ask) -> None:
        """Give the turn at one host back before waiting for one at another, so that two cannot wait for each other."""
        if pace_key(url) == pace_key(target) or ask.turn is None:
            return
        self.guard.check_url(target)
        ask.turn.release()
        ask.turn = await self.pacer.turn(pace_key(target))

    async def _request(self, url: str, ask: _Ask) -> Fetched | tuple[int, str]:
        """Return the answer, or status and target of a redirect."""
        if self._session is None:
            raise RuntimeError("the fetcher is closed: use it with `async with`")
        host = self.guard.check_url(url)
        headers = ask.headers_for(url)
        wire = Wire(ask.max_bytes + HEAD_BYTES)
        wire_now.set(wire)
        with self.guard.visiting(host):
            proxy = self._proxy
            if proxy is not None:
                await self._check_behind_proxy(host, url)
                if _origin(url)[0] == "http":  # the request itself is for the proxy to read; else only CONNECT is
                    headers |= proxy.headers
            try:
                async with self._session.request(
                    ask.method,
                    as_it_is(url),
                    headers=headers,
                    data=ask.body,
                    allow_redirects=False,
                    proxy=proxy.url if proxy else None,
                    proxy_headers=proxy.headers if proxy else None,
                ) as response:
                    if self._keeps_headers:
                        ask.told = telling(response.headers)
                    location = response.headers.get("Location")
                    if response.status in _REDIRECTS and location:
                        return response.status, ascii_only(location.strip())
                    is_conditional = not ask.conditions.keys().isdisjoint(headers)
                    answer = await self._answer(response, url, ask, is_conditional=is_conditional)
                    if wire.is_full:  # a body that lasts until the connection ends looks complete when we end it
                        raise _too_large(ask.max_bytes, response.status)
                    return answer
            except aiohttp.ClientError as error:
                if wire.is_full:
                    raise _too_large(ask.max_bytes, None) from error
                raise

    async def _check_behind_proxy(self, host: str, url: str) -> None:
        """Refuse names that are private here, or that only a private network knows; the rest is the proxy's to judge,
        because it looks names up itself."""
        if self._resolver is None or self.guard.allows_name(host):
            return
        if ("." not in host and ":" not in host) or host.endswith(_PRIVATE_SUFFIXES):
            raise AddressRefused(f"{host} is not a name of the open internet, and the proxy is not asked for it")
        port = _origin(url)[2] or 0
        try:
            found = [address["host"] for address in await self._resolver.resolve(host)]
        except OSError:
            found = []
        for address in found or ["1.1.1.1"]:  # where nobody here knows the name, the port at least is looked at
            self.guard.check_address(address, port)

    async def _answer(self, response: aiohttp.ClientResponse, url: str, ask: _Ask, *, is_conditional: bool) -> Fetched:
        status, headers = response.status, response.headers
        is_ok = status == 200 or (ask.method != "GET" and 200 <= status < 300)
        if is_ok or (status == 304 and is_conditional):
            self.pacer.answered(pace_key(url))
            fetched = Fetched(
                outcome="ok" if is_ok else "not_modified",
                status=status,
                url=url,
                etag=validator(response.raw_headers, b"etag"),
                last_modified=validator(response.raw_headers, b"last-modified"),
                max_age_seconds=fresh_seconds(headers),
            )
            if not is_ok:
                return fetched
            body = await self._body(response, ask.max_bytes)
            is_empty = ask.method == "GET" and not body.strip(b" \t\r\n\0")
            return msgspec.structs.replace(
                fetched,
                outcome="empty" if is_empty else "ok",
                detail="the answer has no content" if is_empty else "",
                body=body,
                content_type=ascii_only(headers.get("Content-Type", "")),
                content_language=ascii_only(headers.get("Content-Language", "")),
                link=ascii_only(", ".join(headers.getall("Link", []))),
            )
        wait_seconds = retry_after(headers.get("Retry-After"))
        outcome, detail = failed_status(status, response.reason, has_retry_after=wait_seconds is not None)
        if outcome == "rate_limited" and wait_seconds is not None:
            self.pacer.refused(pace_key(url), wait_seconds)
        return Fetched(outcome=outcome, status=status, detail=detail, url=url, retry_after_seconds=wait_seconds)

    async def _body(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        if response.content_length is not None and response.content_length > limit:
            raise _too_large(limit, response.status)
        received = 0
        body = bytearray()
        try:
            decompressor = Decompressor(", ".join(response.headers.getall("Content-Encoding", [])))
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                received += len(chunk)
                body += decompressor.feed(chunk, limit - len(body) + 1)
                if received > limit or len(body) > limit:
                    raise _too_large(limit, response.status)
            body += decompressor.finish()
        except BodyError as error:
            raise _Failed("http_error", str(error), response.status) from error
        return bytes(body)


def _conditions(etag: str | None, last_modified: str | None) -> dict[str, str]:
    conditions = {}
    if etag:
        conditions["If-None-Match"] = etag
    if last_modified:
        conditions["If-Modified-Since"] = last_modified
    return conditions


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower())
    except ValueError:
        return ("", "", None)
    return (parts.scheme.lower(), (parts.hostname or "").rstrip("."), port)


def _too_large(limit: int, status: int | None) -> _Failed:
    return _Failed("too_large", f"larger than {limit} bytes (collect.max_feed_bytes)", status)
