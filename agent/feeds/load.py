"""Reads `config/feeds`: what a user lists, and the feeds of the OPML lists that a source stands for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from agent.config_files import Faults, Located, load_list, yaml_files
from agent.feeds.definitions import (
    FeedDefinition,
    FeedEntry,
    SourceEntry,
    Subscription,
    same_feed_key,
    source_id_of,
    url_fault,
)


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
    from agent.feeds.opml import OpmlError, read_opml

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
