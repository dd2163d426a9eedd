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
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from agent.config_files import Faults, Located, load_list, yaml_files
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
    """Name of a secret, see `agent.collect.credentials`."""
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


def load_feeds(folder: Path, faults: Faults, *, with_lists: bool = True) -> list[FeedDefinition]:
    """Read all feeds below `folder` (`config/feeds`), in file order; every fault is noted with file and line.

    Those of subscribed lists come last, as the lists were when they were fetched (`lists`).
    """
    located: list[tuple[SourceEntry, Located]] = []
    for path in yaml_files(folder):
        located.extend(load_list(path, SourceEntry, faults, key="sources"))
    feeds = _checked(located, faults)
    known = {same_feed_key(feed.url) for feed in feeds}
    for source, place in located:
        # What stands in the files comes first: there a user can say more of it.
        for feed in _listed(_subscription(source, place)) if source.opml and with_lists else ():
            if same_feed_key(feed.url) not in known:
                known.add(same_feed_key(feed.url))
                feeds.append(feed)
    return feeds


def load_subscriptions(folder: Path) -> list[Subscription]:
    """Return the lists that sources below `folder` subscribe to; files with faults are left out."""
    located: list[tuple[SourceEntry, Located]] = []
    for path in yaml_files(folder):
        located.extend(load_list(path, SourceEntry, Faults(), key="sources"))
    return [_subscription(source, place) for source, place in located if source.opml and not url_fault(source.opml)]


def _subscription(source: SourceEntry, place: Located) -> Subscription:
    return Subscription(
        id=source.id, url=source.opml or "", path=Path(place.path).parent / f"{source.id}.opml", source=source
    )


def _listed(subscription: Subscription) -> list[FeedDefinition]:
    """Return the feeds of a list as it was fetched last; each is a source of its own unless the list says more."""
    from agent.collect.feed_files import source_id_of
    from agent.collect.opml import OpmlError, read_opml

    source = subscription.source
    try:
        listed = read_opml(subscription.path.read_bytes()).feeds
    except (OSError, OpmlError):  # not fetched yet
        return []
    feeds = []
    for feed in listed:
        source_id = feed.source_id or source_id_of(feed.url)
        feeds.append(
            FeedDefinition(
                url=feed.url,
                source_id=source_id,
                name=feed.source_name or feed.title or source_id,
                country=feed.country or source.country,
                language=feed.language or source.language,
                ownership=feed.ownership if feed.ownership != "unknown" else source.ownership,
                tags=tuple(dict.fromkeys((*source.tags, *feed.tags))),
                interval_seconds=feed.interval_seconds or source.interval_seconds,
                enabled=source.enabled,
            )
        )
    return feeds


def _checked(located: Iterable[tuple[SourceEntry, Located]], faults: Faults) -> list[FeedDefinition]:
    feeds: list[FeedDefinition] = []
    source_places: dict[str, str] = {}
    url_places: dict[str, str] = {}
    id_places: dict[str, str] = {}
    for source, place in located:
        line = place.line_of("id")
        if source.id in source_places:
            faults.add(
                place.path,
                line,
                f"source {source.id!r} stands already at {source_places[source.id]}: put all its feeds under one entry",
            )
        source_places.setdefault(source.id, f"{place.path}:{line}")
        given = [name for name in ("url", "feeds", "opml") if getattr(source, name)]
        if len(given) > 1:
            both = " and ".join(f"`{name}`" for name in given)
            faults.add(place.path, place.line_of(given[0]), f"source {source.id!r} has {both}: write one of them")
        elif not given:
            faults.add(place.path, line, f"source {source.id!r} has no feed: give it `url` or `feeds`")
        elif source.opml and (wrong := url_fault(source.opml)):
            faults.add(place.path, place.line_of("opml"), wrong)
        for key, entry in _entries(source):
            feed = _definition(source, entry)
            feed_line = place.line_of(f"{key}.url" if key else "url")
            if wrong := url_fault(feed.url):
                faults.add(place.path, feed_line, wrong)
                continue
            for kind, value, places in (("feed", same_feed_key(feed.url), url_places), ("feed id", feed.id, id_places)):
                if value in places:
                    shown = feed.url if kind == "feed" else feed.id
                    faults.add(place.path, feed_line, f"{kind} {shown} stands already at {places[value]}")
                    break
                places[value] = f"{place.path}:{feed_line}"
            else:
                feeds.append(feed)
    return feeds


def _entries(source: SourceEntry) -> list[tuple[str, FeedEntry]]:
    found = [("", FeedEntry(url=source.url))] if source.url is not None else []
    found.extend((f"feeds.{number}", entry) for number, entry in enumerate(source.feeds))
    return found


def _definition(source: SourceEntry, entry: FeedEntry) -> FeedDefinition:
    return FeedDefinition(
        url=entry.url,
        id=entry.id or "",
        source_id=source.id,
        name=source.name,
        country=source.country,
        language=entry.language or source.language,
        ownership=source.ownership,
        tags=tuple(dict.fromkeys((*source.tags, *entry.tags))),
        interval_seconds=entry.interval_seconds or source.interval_seconds,
        enabled=source.enabled if entry.enabled is None else source.enabled and entry.enabled,
        verified=source.verified if entry.verified is None else entry.verified,
        credentials=entry.credentials or source.credentials,
    )
