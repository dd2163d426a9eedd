"""Files of queries, for `rasad match --file`.

    plain text        one query a line; `name<TAB>query` gives it a name; blank lines and lines after # are skipped
    .yaml .yml .json  {name: query, …}, or a list of queries, or a list of {id: name, query: query}
    .jsonl            one {"id": name, "query": query}, or one query in quotes, a line

A query without a name is known by its text. Queries of one file may use one another as `@name`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from agent.config_files import Faults
from streams.query import Query, QueryError, parse

MAX_FILE_BYTES = 256 * 1024 * 1024

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NamedQuery(NamedTuple):
    """A query with its name and the 1-based line it stands in."""

    name: str
    text: str
    line: int


def load_queries(path: Path, faults: Faults) -> dict[str, Query]:
    """Read the queries of a file by name; every fault is noted with its line, and faulty queries are left out."""
    queries: dict[str, Query] = {}
    lines: dict[str, tuple[int, str]] = {}
    text = _read(path, faults)
    for item in _items(path, text, faults) if text is not None else ():
        if item.name in lines:
            first, same = lines[item.name]
            if same != item.text:
                faults.add(path, item.line, f"query {item.name!r} is defined twice (first in line {first})")
            continue
        lines[item.name] = (item.line, item.text)
        try:
            queries[item.name] = parse(item.text)
        except QueryError as error:
            faults.add(path, item.line, f"{_shown(item)}{error}")
    return queries


def _shown(item: NamedQuery) -> str:
    return "" if item.name == item.text else f"query {item.name!r}: "


def _read(path: Path, faults: Faults) -> str | None:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            faults.add(path, 0, f"larger than {MAX_FILE_BYTES // 2**20} MiB: split it")
            return None
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        faults.add(path, 0, f"cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        faults.add(path, 0, f"is not UTF-8 (byte {error.start}): save it as UTF-8")
    return None


def _items(path: Path, text: str, faults: Faults) -> Iterator[NamedQuery]:
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml", ".json"):
        yield from _yaml_items(path, text, faults)
    elif suffix in (".jsonl", ".ndjson"):
        yield from _json_lines(path, text, faults)
    else:
        for number, line in enumerate(text.split("\n"), start=1):
            query = line.strip()
            if not query or query.startswith("#"):
                continue
            name, tab, rest = query.partition("\t")
            yield NamedQuery(name.strip(), rest.strip(), number) if tab else NamedQuery(query, query, number)


def _json_lines(path: Path, text: str, faults: Faults) -> Iterator[NamedQuery]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, str):
            yield NamedQuery(value, value, number)
        elif isinstance(value, dict) and isinstance(value.get("query"), str):
            yield NamedQuery(str(value.get("id") or value["query"]), value["query"], number)
        else:
            faults.add(path, number, 'not a query: write {"id": "name", "query": "…"} or "…"')


def _yaml_items(path: Path, text: str, faults: Faults) -> Iterator[NamedQuery]:
    # JSON is YAML to this loader, which knows the line of every value; but tabs between tokens are not.
    source = text.replace("\t", " ") if path.suffix.lower() == ".json" else text
    try:
        node = yaml.compose(source, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        kind = "JSON" if path.suffix.lower() == ".json" else "YAML"
        problem = getattr(error, "problem", None) or "nested too deep"
        faults.add(path, mark.line + 1 if mark else 0, f"not {kind}: {problem}")
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _item(path, key, value, faults)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            if isinstance(child, yaml.MappingNode):
                fields = {key.value: value for key, value in child.value}
                yield from _item(path, fields.get("id", fields.get("query")), fields.get("query"), faults, child)
            else:
                yield from _item(path, child, child, faults)
    elif node is not None:
        faults.add(path, 1, "write `name: query` lines, or a list of queries")


def _item(path: Path, key: Any, value: Any, faults: Faults, whole: Any = None) -> Iterator[NamedQuery]:
    at = value if value is not None else whole
    if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode) and key.value and value.value.strip():
        yield NamedQuery(key.value, value.value, value.start_mark.line + 1)
    else:
        line = at.start_mark.line + 1 if at is not None else 0
        faults.add(path, line, "not a query: write `name: query`, or {id: name, query: query}")
