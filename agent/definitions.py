"""The user's topics, entities, sources and frames, read from the configuration folder: every fault by file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.config_files import Faults, Located, load_list, yaml_files
from agent.pages.rules import load_page_rules
from agent.settings import Settings, config_folder, load_settings
from streams.definitions import Definitions, EntityDefinition, FrameDefinition, TopicDefinition

if TYPE_CHECKING:
    from agent.alerts.load import AlertConfig


def load_definitions(folder: Path, faults: Faults) -> Definitions:
    """Read `topics/`, `entities/`, `sources/` and `frames/` below `folder`; faults are noted, faulty items left out."""
    from agent.source_lists import load_sources

    topics = [
        item
        for path in yaml_files(folder / "topics")
        for item in load_list(path, TopicDefinition, faults, key="topics")
    ]
    entities = [
        item
        for path in yaml_files(folder / "entities")
        for item in load_list(path, EntityDefinition, faults, key="entities")
    ]
    topics = _unique(topics, lambda topic: topic.id, "topic", faults)
    entities = _unique(entities, lambda entity: entity.id, "entity", faults)
    frames = _unique(located_frames(folder, faults), lambda frame: frame.id, "frame", faults)
    return Definitions(
        topics=tuple(_with_good_queries(topics, faults)),
        entities=tuple(entity for entity, _ in entities),
        sources=load_sources(folder, faults),
        frames=tuple(_good_frames(frames, faults)),
    )


def located_frames(folder: Path, faults: Faults) -> list[tuple[FrameDefinition, Located]]:
    """Return the frames below `folder` with the lines they stand in."""
    return [
        item
        for path in yaml_files(folder / "frames")
        for item in load_list(path, FrameDefinition, faults, key="frames")
    ]


def load_all(folder_option: str | None) -> tuple[Settings, Definitions]:
    """Read settings and definitions of the configuration folder.

    Raises:
        ConfigError: with every fault in any file.
    """
    faults = Faults()
    folder = config_folder(folder_option)
    settings = load_settings(folder, faults)
    definitions = load_definitions(folder, faults)
    load_page_rules(folder / "pages", faults)  # a fault in them is one of the configuration, whoever asks
    faults.check()
    return settings, definitions


def load_with_alerts(folder_option: str | None) -> tuple[Settings, Definitions, AlertConfig]:
    """Read all of `load_all`, and the alert rules with their destinations.

    Raises:
        ConfigError: with every fault in any file.
    """
    from agent.alerts.load import load_alerts

    faults = Faults()
    folder = config_folder(folder_option)
    settings = load_settings(folder, faults)
    definitions = load_definitions(folder, faults)
    load_page_rules(folder / "pages", faults)
    alerts = load_alerts(folder, definitions, faults)
    faults.check()
    return settings, definitions, alerts


def load_settings_only(folder_option: str | None) -> Settings:
    """Read the settings alone, for commands that need no topics.

    Raises:
        ConfigError: with every fault found.
    """
    faults = Faults()
    settings = load_settings(config_folder(folder_option), faults)
    faults.check()
    return settings


def _unique(
    items: list[tuple[Any, Located]], name_of: Callable[[Any], str], kind: str, faults: Faults
) -> list[tuple[Any, Located]]:
    first: dict[str, Located] = {}
    kept = []
    for value, located in items:
        name = name_of(value)
        if name in first:
            faults.add(
                located.path,
                located.line,
                f"{kind} {name!r} is defined twice (first at {first[name].path}:{first[name].line})",
            )
            continue
        first[name] = located
        kept.append((value, located))
    return kept


def _with_good_queries(topics: list[tuple[TopicDefinition, Located]], faults: Faults) -> list[TopicDefinition]:
    from streams.topics import TopicLibrary

    by_id = {topic.id: topic for topic, _ in topics}
    library = TopicLibrary(by_id)
    good = []
    for topic, located in topics:
        found = library.faults_of(topic)
        for key, message in found:
            faults.add(located.path, located.line_of(key), f"topic {topic.id!r}: {message}")
        if topic.parent is not None and topic.parent not in by_id:
            faults.add(
                located.path,
                located.line_of("parent"),
                f"topic {topic.id!r}: no topic {topic.parent!r} to be its parent",
            )
        if not found:
            good.append(topic)
    return good


def _good_frames(frames: list[tuple[FrameDefinition, Located]], faults: Faults) -> list[FrameDefinition]:
    from streams.frames import frame_faults

    good = []
    for frame, located in frames:
        found = frame_faults(frame)
        for key, message in found:
            faults.add(located.path, located.line_of(key), f"frame {frame.id!r}: {message}")
        if not found:
            good.append(frame)
    return good
