"""The address guard: which addresses the agent may connect to.

A feed, a page or a hub names a host, and whoever owns the name decides what it resolves to, also from one look-up to
the next. So the address itself is checked, after DNS, where the socket is made; a redirect passes through the same
place.

    guard = AddressGuard(settings.collect.allow_private_hosts, settings.collect.ports)
    connector = aiohttp.TCPConnector(socket_factory=guard.socket_factory)
    with guard.visiting(guard.check_url(url)): …

What a URL alone gives away is refused before any look-up: other schemes, user names, zone ids, ports that are no web
server's, and hosts that are numbers in another shape than the usual (`0x7f000001`, `127.1`, `１２７.0.0.1`), which only
those write who want to get past somebody.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from urllib.parse import urlsplit

from yarl import URL

SCHEMES = frozenset({"http", "https"})
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_HOST_CHARS = 253
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
"""What IDNA takes for a dot (UTS 46)."""
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")

# Beside what `is_global` leaves out, which differs between versions of Python (IANA special-purpose registries), and
# beside forms that carry another address inside, where the check of the outer one says nothing.
_REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible, and unspecified and loopback
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # local NAT64 (RFC 8215)
        "100::/64",  # discard
        "2001::/23",  # protocol assignments, with Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local, deprecated and still routed here and there
    )
)
_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # public by number, and the metadata service of a cloud
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
    )
)


_NAT64 = IPv6Network("64:ff9b::/96")
_ADVICE = "is not a public address: if it is yours, add the host to collect.allow_private_hosts"


class AddressRefused(OSError):
    """The address is not one that the agent may connect to."""


class AddressGuard:
    """Refuses addresses that are not public, and ports that are not listed, but for the hosts and networks of an
    allow-list."""

    def __init__(self, allowed: Iterable[str] = (), ports: Iterable[int] = DEFAULT_PORTS.values()) -> None:
        """Args:
        allowed: host names (`.intern.example` for all below it), addresses, or CIDR networks; any port of theirs.
        ports: which ports of other hosts may be connected to.
        """
        self._networks: list[IPv4Network | IPv6Network] = []
        self._names: set[str] = set()
        self._ports = frozenset(ports)
        for entry in allowed:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                self._names.add(host_name(entry))
        self._host: ContextVar[str] = ContextVar("host being visited", default="")

    @contextmanager
    def visiting(self, host: str) -> Iterator[None]:
        """Say which host the connections made inside are for; an allow-listed name opens its own addresses only."""
        token = self._host.set(host_name(host))
        try:
            yield
        finally:
            self._host.reset(token)

    def check_url(self, url: str) -> str:
        """Return the host of `url`; raise AddressRefused for what needs no look-up to be refused."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefused(f"the URL cannot be read: {error}") from error
        scheme = parts.scheme.lower()
        if scheme not in SCHEMES:
            raise AddressRefused(f"scheme {parts.scheme!r} is not fetched: only http and https are")
        if "@" in parts.netloc:
            raise AddressRefused("the URL carries a user name or password: it is not sent")
        host = host_name(parts.hostname or "")
        if not host or ("[" in parts.netloc and ":" not in host):
            raise AddressRefused("the URL names no host")
        if "%" in host:
            raise AddressRefused("the URL names an interface of this machine (a zone id), or escapes its host")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            if len(host) > MAX_HOST_CHARS or _is_odd_number(host):
                raise AddressRefused(f"host {host[:60]!r} is neither a name nor an address in its usual form") from None
        else:
            self.check_address(str(address))
            if self._is_allowed(address):
                return host
        if not self._is_allowed_name(host) and not self._networks:
            self._check_port(port or DEFAULT_PORTS[scheme])
        return host

    def check_address(self, address: str, port: int | None = None) -> None:
        """Raise AddressRefused if the agent may not connect to `address` on behalf of the host being visited."""
        found = ipaddress.ip_address(address.partition("%")[0])
        if self._is_allowed(found):
            return
        if not is_public(found):
            host = self._host.get()
            name = f"{host} is at {found}, which" if host and host != str(found) else f"{found}"
            raise AddressRefused(f"{name} {_ADVICE}")
        if port is not None:
            self._check_port(port)

    def socket_factory(self, address_info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one address that a name resolved to; aiohttp calls this before it connects."""
        family, kind, protocol, _, address = address_info
        self.check_address(str(address[0]), int(address[1]))
        return socket.socket(family=family, type=kind, proto=protocol)

    def allows_name(self, host: str) -> bool:
        """Tell whether the allow-list has the name itself."""
        return self._is_allowed_name(host_name(host))

    def _check_port(self, port: int) -> None:
        if port not in self._ports:
            raise AddressRefused(
                f"port {port} is not one of collect.ports: add it there if a feed is really served on it"
            )

    def _is_allowed(self, address: IPv4Address | IPv6Address) -> bool:
        if any(address.version == network.version and address in network for network in self._networks):
            # An allow-listed NAT64 prefix opens the internet behind it, not the private network behind it.
            inner = _embedded(address)
            return inner is None or is_public(inner) or self._is_allowed(inner)
        return self._is_allowed_name(self._host.get())

    def _is_allowed_name(self, host: str) -> bool:
        return bool(host) and any(
            host == name or (name.startswith(".") and host.endswith(name)) for name in self._names
        )


def host_name(host: str) -> str:
    """Return a host name in the one form that it is compared in: lower case, ASCII, without a dot at its end."""
    text = unicodedata.normalize("NFKC", _DOTS.sub(".", host)).strip().strip("[]").lower()
    leading = "." if text.startswith(".") else ""
    text = text.strip(".")
    if not text.isascii():
        try:
            text = URL.build(scheme="http", host=text).raw_host or text
        except (ValueError, UnicodeError):
            return text
    return leading + text if text else ""


def _is_odd_number(host: str) -> bool:
    """Tell whether `host` ends in a number (WHATWG URL, "ends in a number checker") and so is an address to some."""
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(address, IPv6Address) and address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether `address` is one of the open internet, and not a form that carries another address inside."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, IPv6Address):
        return not any(address in network for network in _REFUSED_V6)
    return not any(address in network for network in _REFUSED_V4)
