"""Whom articles credit: the sources below `config/sources/`, and the outlets of the feed list by their names there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from agent.config_files import Faults, Located, load_list, yaml_files
from agent.feeds.load import load_feeds
from streams.definitions import SourceDefinition
from streams.text.tokens import tokenize


def load_sources(folder: Path, faults: Faults) -> tuple[SourceDefinition, ...]:
    """Read `sources/` and the names in `feeds/` below `folder`; notes the faults of `sources/`."""
    located = [
        item
        for path in yaml_files(folder / "sources")
        for item in load_list(path, SourceDefinition, faults, key="sources")
    ]
    sources = _checked(located, faults)
    known = {name for source in sources for name in (source.id, *source.also)}
    # Faults of the feed list are its reader's to tell.
    feeds = load_feeds(folder / "feeds", Faults())
    listed = {feed.source_id: listed_source(feed.source_id, feed.name, feed.language) for feed in feeds}
    return (*sources, *(source for source_id, source in listed.items() if source_id not in known))


def listed_source(source_id: str, name: str, language: str | None = None) -> SourceDefinition:
    """Return an outlet of a feed list as somebody whom others may credit.

    A name of one word may be a word of the language, too, and counts only beside a word such as "newspaper".
    """
    ambiguous = (name,) if len(tokenize(name)) < 2 else ()
    return SourceDefinition(id=source_id, kind="outlet", names={language or "und": (name,)}, ambiguous=ambiguous)


def _checked(located: Iterable[tuple[SourceDefinition, Located]], faults: Faults) -> list[SourceDefinition]:
    places: dict[str, str] = {}
    good = []
    for source, place in located:
        found = _faults_of(source)
        for key, name in (("id", source.id), *(("also", other) for other in source.also)):
            if name in places:
                found.append((key, f"{name!r} stands already at {places[name]}"))
            places.setdefault(name, f"{place.path}:{place.line_of(key)}")
        for key, message in found:
            faults.add(place.path, place.line_of(key), f"source {source.id!r}: {message}")
        if not found:
            good.append(source)
    return good


def _faults_of(source: SourceDefinition) -> list[tuple[str, str]]:
    names = [name for forms in source.names.values() for name in forms]
    found = [] if names else [("names", "has no name to be found by: give it one, by language")]
    found += [
        ("names", f"{name!r} has no letter or digit, so that nothing can be found by it")
        for name in (*names, *source.not_names)
        if not len(tokenize(name))
    ]
    found += [
        ("ambiguous", f"{name!r} is none of its names: write it as it stands below `names`")
        for name in source.ambiguous
        if name not in names
    ]
    return found
