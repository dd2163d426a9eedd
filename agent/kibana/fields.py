"""The fields of an index, from its mapping: what a chart may count, and what not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_AGGREGATABLE = frozenset({"keyword", "date", "boolean", "double", "integer", "short", "byte", "long"})


class UnknownField(Exception):
    """A chart or a search names a field that the mapping does not have, or that cannot be counted."""


class Fields:
    """The indexed fields of one mapping, by their full name."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        found = dict(_flat(properties, ""))
        self._types = {name: found.get(kind.removeprefix("alias:"), kind) for name, kind in found.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def type_of(self, name: str) -> str:
        """Return the Elasticsearch type of a field. Raises `UnknownField`."""
        if name not in self._types:
            raise UnknownField(f"the mapping has no field {name}")
        return self._types[name]

    def countable(self, name: str) -> str:
        """Return the Lens data type of a field that values can be counted of.

        Raises:
            UnknownField: there is none of this name, or it is text.
        """
        kind = self.type_of(name)
        if kind not in _AGGREGATABLE:
            raise UnknownField(f"values of {name} ({kind}) cannot be counted")
        return {"keyword": "string", "date": "date", "boolean": "boolean"}.get(kind, "number")


def _flat(properties: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, entry in properties.items():
        if "properties" in entry:
            yield from _flat(entry["properties"], f"{prefix}{name}.")
        elif entry["type"] == "alias":
            yield prefix + name, f"alias:{entry['path']}"
        elif entry["type"] != "object" and entry.get("index", True):
            yield prefix + name, entry["type"]
