"""Writing a query of a topic or a rule back into its YAML file: only that value is touched, comments and order stay."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import yaml

from agent.config_files import Faults, load_list, yaml_files
from agent.errors import RasadError
from streams.definitions import RuleDefinition, TopicDefinition

_KINDS: dict[str, tuple[str, type[TopicDefinition] | type[RuleDefinition], float]] = {
    "topics": ("topics", TopicDefinition, 1.0),
    "alerts": ("rules", RuleDefinition, 0.0),
}
"""By folder: the key of the list in a file, what is in it, and its usual least score."""


class CannotSave(RasadError):
    """The topic cannot be written; the message says why, and what to do."""


def save_query(folder: Path, kind: str, id: str, query: str, min_score: float) -> Path:
    """Write query and least score of a topic or a rule (`kind`: `topics`, `alerts`); return the file.

    Raises:
        CannotSave: there is no such item, it has `terms` instead of a query, or the file cannot be written.
    """
    for path in yaml_files(folder / kind):
        text = path.read_text(encoding="utf-8")
        node = _node(text, _KINDS[kind][0], id)
        if node is None:
            continue
        changed = _changed(text, node, query, min_score, usual=_KINDS[kind][2])
        _check(path, changed, kind, id, query, min_score)
        _replace(path, changed)
        return path
    raise CannotSave(f"there is no {id} below {folder / kind}")


def _node(text: str, list_key: str, id: str) -> yaml.MappingNode | None:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    listed = (
        next((value for key, value in root.value if key.value == list_key), None)
        if isinstance(root, yaml.MappingNode)
        else root
    )
    for node in listed.value if isinstance(listed, yaml.SequenceNode) else ():
        fields = {key.value: value.value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
        if fields.get("id") == id:
            assert isinstance(node, yaml.MappingNode)  # noqa: S101  (it has fields)
            return node
    return None


def _changed(text: str, node: yaml.MappingNode, query: str, min_score: float, *, usual: float) -> str:
    entries = {key.value: (key, value) for key, value in node.value}
    if "query" not in entries:
        raise CannotSave("this one lists its words by language (`terms`): edit them in its file")
    if node.flow_style:
        raise CannotSave("this one is written on one line with braces: edit it in its file")
    key, value = entries["query"]
    indent = " " * key.start_mark.column
    lines = [f"{indent}  {line.strip()}" for line in query.strip().splitlines() if line.strip()]
    end = value.end_mark.index
    comment = ""
    is_block = text[value.start_mark.index : end].endswith("\n")  # the mark of a block stands behind its last line end
    if not is_block:
        line_end = text.find("\n", end)
        comment = text[end : line_end if line_end >= 0 else None]
        end += len(comment)
    block = f"|-{comment.rstrip()}\n" + "\n".join(lines) + ("\n" if is_block else "")
    edits = [(value.start_mark.index, end, block)]
    if "min_score" in entries:
        old = entries["min_score"][1]
        edits.append((old.start_mark.index, old.end_mark.index, f"{min_score:g}"))
    elif min_score != usual:
        edits.append((key.start_mark.index, key.start_mark.index, f"min_score: {min_score:g}\n{indent}"))
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def _check(path: Path, text: str, kind: str, id: str, query: str, min_score: float) -> None:
    """Read the new text as it will be read, so that nothing is written that `rasad run` would refuse."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_text(text, encoding="utf-8")
        faults = Faults()
        list_key, definition, _ = _KINDS[kind]
        located = load_list(trial, definition, faults, key=list_key)
        found = [item for item, _ in located if item.id == id]
    wanted = " ".join(query.split())
    if faults.found or len(found) != 1 or " ".join(found[0].query.split()) != wanted or found[0].min_score != min_score:
        raise CannotSave(f"{path.name} cannot be changed in place; edit it by hand")


def _replace(path: Path, text: str) -> None:
    try:
        mode = path.stat().st_mode
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError as error:
        raise CannotSave(f"{path} cannot be written: {error.strerror}") from error
