"""YAML files that a user edits, read so that every fault is reported at once with file and line.

The shape of a file is declared as msgspec Structs; this module walks the YAML node tree beside the Struct, so that
each value that does not fit is known by its line. Duplicate and unknown keys are faults too (with the nearest known
key).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
import yaml

from agent.errors import ConfigError, ConfigFault

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 40

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Faults:
    """Collects faults over many files; `check()` raises them all together."""

    def __init__(self) -> None:
        self.found: list[ConfigFault] = []

    def add(self, path: Path | str, line: int, message: str) -> None:
        """Note one fault; `line` is 1-based, 0 for the file as a whole."""
        self.found.append(ConfigFault(str(path), line, message))

    def check(self) -> None:
        """Raise ConfigError if any fault was noted."""
        if self.found:
            raise ConfigError(self.found)


class Located(msgspec.Struct, frozen=True):
    """A value with the place it came from, for faults found later (a query that does not parse, a repeated id)."""

    value: Any
    path: str
    line: int
    lines: dict[str, int]
    """Line of each dotted key below `value`: `{"query": 7, "examples.match.0": 12}`."""

    def line_of(self, key: str) -> int:
        """Return the line of a dotted key, or of its nearest known parent."""
        while key:
            if key in self.lines:
                return self.lines[key]
            key = key.rpartition(".")[0]
        return self.line


def load_struct(path: Path, kind: type[S], faults: Faults) -> tuple[S, Located] | None:
    """Read one YAML file as a `kind`; None when it has faults (which are then in `faults`)."""
    node = _compose(path, faults)
    if node is _FAILED:
        return None
    if node is None:
        return _convert_empty(path, kind, faults)
    walker = _Walker(path, faults)
    value = walker.value(node, kind, "")
    if value is _FAILED:
        return None
    return value, Located(value, str(path), 1, walker.lines)


def load_list(path: Path, kind: type[S], faults: Faults, *, key: str | None = None) -> list[tuple[S, Located]]:
    """Read a YAML file that holds one `kind`, a list of them, or a list under `key`; faulty items are left out."""
    node = _compose(path, faults)
    if node is None or node is _FAILED:
        return []
    items = [node]
    if key is not None and isinstance(node, yaml.MappingNode) and _has_key(node, key):
        for extra_key, _ in node.value:
            if extra_key.value != key:
                faults.add(path, _line(extra_key), f"unknown key {extra_key.value!r} beside {key!r}")
        node = next(child for child_key, child in node.value if child_key.value == key)
        items = [node]
    if isinstance(node, yaml.SequenceNode):
        items = node.value
    elif key is not None and isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
        items = []
    loaded = []
    for item in items:
        walker = _Walker(path, faults)
        value = walker.value(item, kind, "")
        if value is not _FAILED:
            loaded.append((value, Located(value, str(path), _line(item), walker.lines)))
    return loaded


def yaml_files(folder: Path) -> Iterator[Path]:
    """Yield the `*.yaml` and `*.yml` files below `folder`, sorted; hidden ones and those in hidden folders left out.

    Kubernetes mounts a ConfigMap as links to files in a hidden folder beside them.
    """
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in {".yaml", ".yml"} and not is_hidden and path.is_file():
            yield path


# --- the walk ------------------------------------------------------------------------------------------------------

_FAILED: Any = object()
_TEXT = "tag:yaml.org,2002:str"


def _compose(path: Path, faults: Faults) -> Any:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            faults.add(path, 0, f"larger than {MAX_FILE_BYTES // 2**20} MiB: split it")
            return _FAILED
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        faults.add(path, 0, "no such file")
        return _FAILED
    except OSError as error:
        faults.add(path, 0, f"cannot be read: {error.strerror or error}")
        return _FAILED
    except UnicodeDecodeError as error:
        faults.add(path, 0, f"is not UTF-8 (byte {error.start}): save it as UTF-8")
        return _FAILED
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(path, mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}")
    except (yaml.YAMLError, RecursionError) as error:
        faults.add(path, 0, f"not YAML: {error}")
    return _FAILED


def _convert_empty(path: Path, kind: type[S], faults: Faults) -> tuple[S, Located] | None:
    try:
        value = msgspec.convert({}, kind)
    except msgspec.ValidationError as error:
        faults.add(path, 0, f"is empty: {_plain(error)}")
        return None
    return value, Located(value, str(path), 1, {})


def _has_key(node: yaml.MappingNode, key: str) -> bool:
    return any(child.value == key for child, _ in node.value)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


class _Walker:
    def __init__(self, path: Path, faults: Faults) -> None:
        self.path = path
        self.faults = faults
        self.lines: dict[str, int] = {}

    def value(self, node: Any, kind: Any, key: str, depth: int = 0) -> Any:
        if key:
            self.lines[key] = _line(node)
        if depth > MAX_DEPTH:
            self.faults.add(self.path, _line(node), f"nested deeper than {MAX_DEPTH} levels")
            return _FAILED
        struct = _struct_of(kind)
        if struct is not None and isinstance(node, yaml.MappingNode):
            return self._struct(node, struct, key, depth)
        inner = _item_type(kind)
        if inner is not None and isinstance(node, yaml.SequenceNode) and inner[0] == "list":
            return self._list(node, inner[1], kind, key, depth)
        if inner is not None and isinstance(node, yaml.MappingNode) and inner[0] == "dict":
            return self._dict(node, inner[1], key, depth)
        return self._leaf(node, kind, key, depth)

    def _struct(self, node: yaml.MappingNode, struct: type[msgspec.Struct], key: str, depth: int) -> Any:
        fields = _fields_of(struct)
        values: dict[str, Any] = {}
        failed = False
        for name, child in self._pairs(node):
            if name not in fields:
                near = difflib.get_close_matches(name, fields, n=1)
                hint = f": did you mean {near[0]!r}?" if near else f" (known: {', '.join(fields)})"
                self.faults.add(self.path, self._key_line(node, name), f"unknown key {name!r}{hint}")
                failed = True
                continue
            value = self.value(child, fields[name].type, f"{key}.{name}" if key else name, depth + 1)
            if value is _FAILED:
                failed = True
            else:
                values[fields[name].name] = value
        given = {child.value for child, _ in node.value}
        for name, field in fields.items():
            if field.required and name not in given:
                where = f" in {key!r}" if key else ""
                self.faults.add(self.path, _line(node), f"missing key {name!r}{where}")
                failed = True
        if failed:
            return _FAILED
        try:
            return struct(**values)
        except (TypeError, ValueError) as error:
            self.faults.add(self.path, _line(node), _plain(error))
            return _FAILED

    def _list(self, node: yaml.SequenceNode, item_type: Any, kind: Any, key: str, depth: int) -> Any:
        values = [self.value(child, item_type, f"{key}.{i}", depth + 1) for i, child in enumerate(node.value)]
        if any(value is _FAILED for value in values):
            return _FAILED
        # Constraints on the list itself (a minimum length) are msgspec's to check.
        return self._converted(values, kind, node, key)

    def _dict(self, node: yaml.MappingNode, item_type: Any, key: str, depth: int) -> Any:
        values = {}
        for name, child in self._pairs(node):
            value = self.value(child, item_type, f"{key}.{name}", depth + 1)
            if value is _FAILED:
                return _FAILED
            values[name] = value
        return values

    def _leaf(self, node: Any, kind: Any, key: str, depth: int) -> Any:
        return self._converted(self._plain_value(node, depth), kind, node, key)

    def _plain_value(self, node: Any, depth: int) -> Any:
        # Nearly every value of a definition is plain text, and a constructor for each was most of a start.
        if node.tag == _TEXT and isinstance(node, yaml.ScalarNode):
            return node.value
        constructor = _Loader("")
        try:
            return constructor.construct_document(node)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self.faults.add(self.path, _line(node), f"not a usable value: {error}")
            return None
        finally:
            constructor.dispose()

    def _converted(self, value: Any, kind: Any, node: Any, key: str) -> Any:
        if kind is str and type(value) is str:
            return value
        try:
            return msgspec.convert(value, kind, strict=True)
        except msgspec.ValidationError as error:
            where = f"{key}: " if key else ""
            self.faults.add(self.path, _line(node), f"{where}{_plain(error)}")
            return _FAILED

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for child_key, child in node.value:
            name = str(child_key.value)
            if name in seen:
                self.faults.add(self.path, _line(child_key), f"key {name!r} is given twice")
                continue
            seen.add(name)
            yield name, child

    def _key_line(self, node: yaml.MappingNode, name: str) -> int:
        return next(_line(child) for child, _ in node.value if child.value == name)


def _plain(error: Exception) -> str:
    # msgspec writes "Expected `int`, got `str` - at `$.x`"; the place is already told by file and line.
    return str(error).partition(" - at ")[0].replace("`", "'")


@cache
def _fields_of(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def _unwrapped(kind: Any) -> Any:
    while get_origin(kind) is not None and hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    return kind


@cache
def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    kind = _unwrapped(kind)
    for option in (kind, *get_args(kind)):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            # Only a Struct itself or an optional Struct; `list[Struct]` is met by _item_type.
            if option is kind or type(None) in get_args(kind):
                return option
    return None


@cache
def _item_type(kind: Any) -> tuple[str, Any] | None:
    kind = _unwrapped(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (list, tuple) and arguments:
        return "list", arguments[0]
    if origin is dict and len(arguments) == 2:
        return "dict", arguments[1]
    for option in arguments:
        if option is not type(None) and (found := _item_type(option)):
            return found
    return None
