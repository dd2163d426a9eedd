"""Rules and destinations, read from the configuration folder: every fault by file and line, all at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from agent.alerts.destinations import DestinationDefinition
from agent.config_files import Faults, Located, load_list, yaml_files
from streams.alerts.rules import RuleSet, rule_fault
from streams.definitions import Definitions, RuleDefinition
from streams.query import Query
from streams.topics import named_queries

LocatedRule = tuple[RuleDefinition, Located]


class AlertConfig(NamedTuple):
    """What is configured about alerts."""

    rules: RuleSet
    destinations: Mapping[str, DestinationDefinition]
    located: tuple[LocatedRule, ...]
    """All rules, also those that are not enabled, with the lines they stand in."""


def load_alerts(folder: Path, definitions: Definitions, faults: Faults) -> AlertConfig:
    """Read `alerts/` and `destinations/` below `folder`; faults are noted, faulty items left out."""
    with _without_collector():
        destinations = _destinations(folder, faults)
        located = _unique(
            [
                item
                for path in yaml_files(folder / "alerts")
                for item in load_list(path, RuleDefinition, faults, key="rules")
            ],
            "rule",
            faults,
        )
        rules, queries = _good(located, named_queries(definitions.topics), destinations, faults)
        houses = {also: source.id for source in definitions.sources for also in source.also}
        ending = [one.id for one in destinations.values() if one.ends_alerts]
        ruleset = RuleSet(rules, queries=queries, houses=houses, keeps_up=ending)
    return AlertConfig(ruleset, destinations, tuple(located))


def _destinations(folder: Path, faults: Faults) -> dict[str, DestinationDefinition]:
    items = _unique(
        [
            item
            for path in yaml_files(folder / "destinations")
            for item in load_list(path, DestinationDefinition, faults, key="destinations")
        ],
        "destination",
        faults,
    )
    for value, located in items:
        if not _is_zone(value.time_zone):
            faults.add(located.path, located.line_of("time_zone"), _no_zone(value.time_zone))
    return {value.id: value for value, _ in items}


def _good(
    located: list[LocatedRule],
    named: Mapping[str, Query],
    destinations: Mapping[str, DestinationDefinition],
    faults: Faults,
) -> tuple[list[RuleDefinition], dict[str, Query]]:
    good, queries = [], {}
    zones: dict[str, bool] = {}
    for rule, place in located:
        before = len(faults.found)
        query = rule_fault(rule, named)
        if isinstance(query, str):
            faults.add(place.path, place.line_of("query"), f"rule {rule.id!r}: {query}")
        for number, channel in enumerate(rule.channels):
            if channel not in destinations:
                advice = f"rule {rule.id!r}: there is no destination {channel!r}: see config/destinations"
                faults.add(place.path, place.line_of(f"channels.{number}"), advice)
        zone = rule.schedule.time_zone
        if not zones.setdefault(zone, _is_zone(zone)):
            faults.add(place.path, place.line_of("schedule.time_zone"), f"rule {rule.id!r}: {_no_zone(zone)}")
        if len(faults.found) == before:
            good.append(rule)
            if isinstance(query, Query):
                queries[rule.id] = query
    return good, queries


def _unique(items: list[tuple[Any, Located]], kind: str, faults: Faults) -> list[tuple[Any, Located]]:
    first: dict[str, Located] = {}
    kept = []
    for value, located in items:
        if (earlier := first.get(value.id)) is not None:
            message = f"{kind} {value.id!r} is defined twice (first at {earlier.path}:{earlier.line})"
            faults.add(located.path, located.line, message)
            continue
        first[value.id] = located
        kept.append((value, located))
    return kept


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder of the database
        return False
    return True


def _no_zone(name: str) -> str:
    return f"there is no time zone {name!r}: write one such as Asia/Damascus or Europe/Istanbul"


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rules are large and stay: looking for garbage among them takes most of the time in which many are read."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
