"""The feeds that a user lists in `config/feeds/*.yaml`: sources, each with one or more feeds.

    sources:
      - id: example-agency
        name: Example Agency
        country: SY
        language: ar
        ownership: state
        feeds:
          - url: https://agency.example/rss.xml
          - url: https://agency.example/en/rss.xml
            language: en

A source with a single feed may say `url:` instead of `feeds:`, and `opml:` for a list that is kept elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from streams.definitions import Slug
from streams.model import Ownership

MAX_URL_CHARS = 2000

Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2, upper case")]
Language = Annotated[str, Meta(pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47")]
IntervalSeconds = Annotated[float, Meta(ge=5, le=86_400, description="time between two polls")]


class FeedDefinition(Struct, frozen=True, kw_only=True):
    """One feed, with what its source says of it. `url` is its identity."""

    url: str
    source_id: str
    name: str
    """Name of the source."""
    country: str | None = None
    language: str | None = None
    ownership: Ownership = "unknown"
    tags: tuple[str, ...] = ()
    interval_seconds: float | None = None
    """None: `collect.interval_seconds`."""
    enabled: bool = True
    verified: bool = False
    """False: nobody has checked yet that the address serves this outlet's feed."""
    is_backfill: bool = False
    credentials: str | None = None
    """Name of a secret, see `agent.fetch.credentials`."""
    id: str = ""
    """Short name for commands and logs; made from the URL where none is given."""

    def __post_init__(self) -> None:
        if not self.id:
            msgspec.structs.force_setattr(self, "id", feed_id(self.url))

    @property
    def host(self) -> str:
        """Lower-case host name, the unit of politeness."""
        return urlsplit(self.url).hostname or ""


class FeedEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A feed as written below a source; what is left out is taken from the source."""

    url: str
    id: Slug | None = None
    language: Language | None = None
    tags: tuple[str, ...] = ()
    interval_seconds: IntervalSeconds | None = None
    enabled: bool | None = None
    verified: bool | None = None
    credentials: Slug | None = None


class SourceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source as written in a feeds file."""

    id: Slug
    name: Annotated[str, Meta(min_length=1)]
    country: Country | None = None
    language: Language | None = None
    ownership: Ownership = "unknown"
    tags: tuple[str, ...] = ()
    interval_seconds: IntervalSeconds | None = None
    enabled: bool = True
    verified: bool = False
    credentials: Slug | None = None
    url: str | None = None
    opml: Annotated[str | None, Meta(description="address of an OPML list whose feeds it stands for")] = None
    feeds: tuple[FeedEntry, ...] = ()


class Subscription(Struct, frozen=True, kw_only=True):
    """A list of feeds that is subscribed to; `path` is where its document is kept."""

    id: str
    url: str
    path: Path
    source: SourceEntry


def feed_id(url: str) -> str:
    """Return a short, stable name for a feed: 10 hex digits of its URL."""
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


def url_fault(url: str) -> str | None:
    """Return what is wrong with a feed's address, as advice, or None."""
    if len(url) > MAX_URL_CHARS:
        return f"the URL has {len(url)} characters, more than {MAX_URL_CHARS}"
    if any(c.isspace() or not c.isprintable() for c in url):
        return f"URL {url!r} contains a blank or a control character: write it as %20 and so on"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"URL {url!r} cannot be read: {error}"
    if parts.scheme.lower() not in {"http", "https"}:
        return f"URL {url!r} must begin with http:// or https://"
    if not parts.hostname:
        return f"URL {url!r} names no host"
    if port == 0:
        return f"URL {url!r} has port 0"
    if parts.username is not None or parts.password is not None:
        return "the URL carries a user name or password: they would show up in logs and lists"
    return None


def same_feed_key(url: str) -> str:
    """Return a key that is equal for spellings of one address: case of scheme and host, default port, fragment."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    default_port = {"http": 80, "https": 443}.get(scheme)
    port = f":{parts.port}" if parts.port and parts.port != default_port else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{(parts.hostname or '').lower()}{port}{parts.path or '/'}{query}"


def source_id_of(url: str) -> str:
    """Return a source id made of a feed's host: `https://www.agency.example/rss` → `agency-example`."""
    host = (urlsplit(url).hostname or "source").lower()
    host = re.sub(r"^(?:www\d?|rss|feeds?|news|m)\.(?=[^.]+\.)", "", host)
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        pass
    return re.sub(r"[^a-z0-9]+", "-", host).strip("-")[:80].rstrip("-") or "source"
