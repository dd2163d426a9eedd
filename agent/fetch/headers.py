"""Reads the headers of an answer: validators, waits, freshness; and says in one line what went wrong."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import aiohttp
from aiohttp.http_exceptions import BadHttpMessage, ContentLengthError, TransferEncodingError
from multidict import CIMultiDictProxy
from yarl import URL

from agent.fetch.guard import AddressRefused

MAX_VALIDATOR_CHARS = 1_000
TELLING = tuple(
    "Content-Type Content-Encoding Content-Language ETag Last-Modified Cache-Control Expires Age Retry-After Link "
    "Server".split()
)
"""What an answer says of itself that matters to polling."""
_WELL_FORMED = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))) + " "


def telling(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that matter to polling, shortened, as text."""
    return {name: ascii_only(headers[name])[:500] for name in TELLING if name in headers}


def validator(raw_headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """Return a validator as it was sent, byte for byte, or None where it could not be sent back so."""
    for key, value in raw_headers:
        if key.lower() == name:
            try:
                text = value.decode("utf-8")
            except UnicodeDecodeError:
                return None
            return text if text and len(text) <= MAX_VALIDATOR_CHARS and text.isprintable() else None
    return None


def as_it_is(url: str) -> URL:
    """Return `url` for a request, unchanged where it is well-formed: a server may have signed every escape in it."""
    return URL(url, encoded=_WELL_FORMED.fullmatch(url) is not None)


def ascii_only(header: str) -> str:
    """Return a header's value with everything that is no ASCII percent-encoded, byte for byte."""
    return header if header.isascii() else quote(header.encode("utf-8", "surrogateescape"), safe=_PRINTABLE)


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3): a number, or a date."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 else 1e9
    moment = http_date(text)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds()) if moment is not None else None


def http_date(value: str | None) -> datetime | None:
    """Return the moment that a date header names, or None."""
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def fresh_seconds(headers: CIMultiDictProxy[str], now: datetime | None = None) -> float | None:
    """Return how long an answer says that it stays fresh (RFC 9111 section 4.2): `max-age`, or `Expires`, less the time
    that it has spent in caches; None where it says nothing."""
    directives = [part.strip().lower() for part in ",".join(headers.getall("Cache-Control", [])).split(",")]
    age = headers.get("Age", "")
    age_seconds = float(age) if age.isascii() and age.isdigit() and len(age) < 12 else 0.0
    names = {directive.partition("=")[0].strip() for directive in directives}
    if names & {"no-cache", "no-store"}:
        return None
    for directive in directives:
        name, _, value = directive.partition("=")
        value = value.strip().strip('"')
        if name.strip() == "max-age" and value.isascii() and value.isdigit():
            return max(0.0, min(float(value[:12]), 1e9) - age_seconds)
    if (expires := http_date(headers.get("Expires"))) is not None:
        sent = http_date(headers.get("Date")) or now or datetime.now(UTC)
        return max(0.0, (expires - sent).total_seconds() - age_seconds) or None
    return None


def failed_status(status: int, reason: str | None, *, has_retry_after: bool) -> tuple[str, str]:
    """Return the class of failure that a status stands for, and a line for a person."""
    text = f"HTTP {status} {line(reason or '')[:60]}".strip()
    if status == 410:
        return "gone", f"{text}: the feed was ended by its publisher"
    if status == 429 or (status == 503 and has_retry_after):
        return "rate_limited", text
    if status == 204 or status == 205:
        return "empty", text
    return "http_error", text


def failure(error: Exception) -> tuple[str, str]:
    """Return the class of failure that an exception stands for, and a line for a person."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 10:
        chain.append(cause)
        cause = cause.__cause__ or (cause.os_error if isinstance(cause, aiohttp.ClientConnectorError) else None)
    for link in chain:
        if isinstance(link, AddressRefused):
            return "refused_address", line(link)
    for link in chain:
        # Met behind the head, a fault of the protocol comes wrapped like a connection that ended too early.
        if isinstance(link, BadHttpMessage) and not _is_incomplete(link):
            return "http_error", f"not HTTP as it should be: {line(link.message)}"
        if isinstance(link, aiohttp.ClientHttpProxyError):
            return "unreachable", f"the proxy answered {link.status} (collect.proxy)"
        if isinstance(link, ssl.SSLError | ssl.CertificateError | aiohttp.ClientSSLError):
            return "tls_error", line(link)
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "unreachable", "the host name cannot be resolved"
        case aiohttp.ClientResponseError():
            return "http_error", f"not HTTP as it should be: {line(error.message)}"
        case aiohttp.InvalidURL() | ValueError():
            return "http_error", "the address cannot be requested"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return "unreachable", "the server closed the connection before the answer was complete"
    return "unreachable", line(error) or type(error).__name__


def _is_incomplete(error: BadHttpMessage) -> bool:
    is_unfinished = isinstance(error, TransferEncodingError) and error.message.startswith("Not enough data")
    return is_unfinished or isinstance(error, ContentLengthError)


def line(value: object) -> str:
    """Return the text of `value` as one short line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())[:200]
