"""The HTTP client underneath the fetcher: connections that pass the guard, verified TLS, no cookies, bounded bytes."""

from __future__ import annotations

import base64
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp

from agent.errors import UsageError
from agent.fetch.decompress import ACCEPTED
from agent.fetch.guard import AddressGuard
from agent.fetch.resolve import Resolver
from agent.settings import CollectSettings

KEEP_ALIVE_SECONDS = 15.0
HEAD_BYTES = 262_144
"""Headers, chunk sizes, trailers and interim answers that come with a body."""


@dataclass
class Wire:
    """How many bytes one request may bring in, whatever they are, and how many it has."""

    max_bytes: int
    received: int = 0

    @property
    def is_full(self) -> bool:
        return self.received > self.max_bytes


wire_now: ContextVar[Wire | None] = ContextVar("wire of the request under way", default=None)


class _Connector(aiohttp.TCPConnector):
    """Counts what comes in: the client library bounds headers, but neither how many interim answers come before them
    nor how much is wrapped around the chunks of a body."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (the library's own)
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        protocol, wire = connection.protocol, wire_now.get()
        if protocol is not None and wire is not None:
            plain = type(protocol).data_received

            def data_received(data: bytes) -> None:
                wire.received += len(data)
                if wire.is_full:
                    # The transport tells the protocol, and that whoever reads the head or the body.
                    if protocol.transport is not None:
                        protocol.transport.abort()
                else:
                    plain(protocol, data)

            protocol.data_received = data_received  # type: ignore[method-assign]
        return connection


@dataclass(frozen=True)
class Proxy:
    """The proxy that everything goes through, without the password in its address."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, text: str | None) -> Proxy | None:
        """Raises UsageError for an address that is none."""
        if not text:
            return None
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError("collect.proxy must be http://host:port, or http://user:password@host:port")
        headers = {}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        netloc = f"{host}:{port}" if port else host
        return cls(urlunsplit((parts.scheme, netloc, "", "", "")), headers)


@lru_cache(maxsize=4)  # reading the system's authorities takes longer than most fetches
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, and those in `ca_file`. Raises UsageError."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"collect.ca_file {ca_file}: no certificates can be read from it: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def make_session(
    settings: CollectSettings, guard: AddressGuard, resolver: Resolver, *, through_proxy: bool
) -> aiohttp.ClientSession:
    """Return the session for everything that is fetched.

    Through a proxy all sockets lead to the proxy, which the user has chosen: there the guard looks at the name instead.
    """
    connector = _Connector(
        limit=0,  # how many at once is for the collector and the pacer to say
        ttl_dns_cache=60,
        resolver=resolver,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        ssl=tls_context(settings.ca_file),
        socket_factory=None if through_proxy else guard.socket_factory,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": settings.user_agent, "Accept-Encoding": ACCEPTED},
    )
