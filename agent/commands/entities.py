"""`rasad entities`: the entities, and every spelling by which one is recognized."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from streams.definitions import EntityDefinition
    from streams.entities.explain import Explanation

_CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped one)."
)
_KINDS = ("person", "organisation", "place", "armed-group", "agency", "country", "event")


@click.group("entities", epilog="Example: rasad entities explain sergei-shoigu")
def command() -> None:
    """List entities and explain which spellings match."""


@command.command("list", epilog="Example: rasad entities list --kind person --json")
@_CONFIG
@click.option("--kind", type=click.Choice(_KINDS), help="Only entities of this kind.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(folder: str | None, kind: str | None, as_json: bool) -> int:
    """Show every entity with its kind and names."""
    entities = [entity for entity in _load(folder) if kind is None or entity.kind == kind]
    if as_json:
        import msgspec

        for entity in entities:
            sys.stdout.buffer.write(msgspec.json.encode(entity) + b"\n")
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("entity", "kind", "country", "names"):
        table.add_column(column)
    for entity in entities:
        names = " · ".join(names[0] for names in entity.names.values() if names)
        table.add_row(entity.id, entity.kind, entity.country or "", names)
    console = Console()
    console.print(table)
    console.print(f"{len(entities)} entities")
    return 0


@command.command(
    "explain",
    epilog="Example: rasad entities explain 'Ilham Aliyev' --arabic 'إلهام علييف'",
)
@click.argument("name")
@_CONFIG
@click.option("--arabic", metavar="NAME", help="For a NAME that is not defined: its Arabic spelling, if you know one.")
@click.option(
    "--kind", type=click.Choice(_KINDS), default="person", help="For a NAME that is not defined (default: person)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def explain(name: str, folder: str | None, arabic: str | None, kind: str, as_json: bool) -> int:
    """Show every surface that would match NAME, by language, with its phonetic key and why.

    NAME is the id of an entity or one of its names; any other is taken as a new entity, to show what a definition of it
    would recognize. Spellings `by sound` are examples: any other that sounds as near matches too.
    """
    from streams.entities.explain import explain as explain_definition

    definition = _find(_load(folder), name)
    is_new = definition is None
    if definition is None:
        definition = _new(name, arabic, kind)
    explanation = explain_definition(definition)
    if as_json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.encode(explanation) + b"\n")
        return 0
    _print(explanation, is_new)
    return 0


def _load(folder: str | None) -> tuple[EntityDefinition, ...]:
    """Read the entities alone: a fault in a topic is no reason not to explain a name."""
    from agent.config_files import Faults, load_list, yaml_files
    from agent.settings import config_folder
    from streams.definitions import EntityDefinition

    faults = Faults()
    found = [
        entity
        for path in yaml_files(config_folder(folder) / "entities")
        for entity, _ in load_list(path, EntityDefinition, faults, key="entities")
    ]
    faults.check()
    return tuple(found)


def _find(entities: tuple[EntityDefinition, ...], name: str) -> EntityDefinition | None:
    from streams.text.fold import fold

    wanted = fold(name.strip())
    for entity in entities:
        if entity.id == name or any(fold(known) == wanted for names in entity.names.values() for known in names):
            return entity
    return None


def _new(name: str, arabic: str | None, kind: str) -> EntityDefinition:
    import msgspec

    from streams.definitions import EntityDefinition
    from streams.entities.sounds import script_of

    language = {"arabic": "ar", "hebrew": "he", "cyrillic": "ru"}.get(script_of(name), "en")
    names = {language: [name]}
    if arabic:
        names.setdefault("ar", []).append(arabic)
    return msgspec.convert({"id": "new", "kind": kind, "names": names}, EntityDefinition)


def _print(explanation: Explanation, is_new: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"{explanation.id}  ({explanation.kind})" if not is_new else f"not defined; as a new {explanation.kind}:"
    )
    table = Table(box=None, pad_edge=False)
    for column in ("language", "surface", "key", "why", "distance"):
        table.add_column(column, justify="right" if column == "distance" else "left")
    for language, surfaces in explanation.surfaces.items():
        for surface in surfaces:
            far = f"{surface.distance:.3f}" if surface.why == "by sound" else ""
            table.add_row(language, surface.surface, "·".join(surface.keys), surface.why, far)
    console.print(table)
    for line in explanation.alone:
        console.print(line)
    if explanation.near:
        console.print(f"near: {', '.join(explanation.near)}")
    if explanation.not_names:
        console.print(f"not: {', '.join(explanation.not_names)}")
