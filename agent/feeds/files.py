"""Writes feeds into the user's YAML files without touching what the user wrote: comments, order and blank lines stay.

The place is found in the YAML node tree, the text is inserted there, and the result is read again before it replaces
the file: it must hold what was there and the new feeds, nothing else.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from agent.config_files import Faults, yaml_files
from agent.errors import DataError, UsageError
from agent.feeds.definitions import FeedDefinition, same_feed_key, url_fault
from agent.feeds.load import load_feeds
from streams.model import Ownership

HEADER = "# Feeds added by `rasad feeds`. Edit as you like: your comments are kept.\n"

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _./-]*[A-Za-z0-9]")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"})


class NewFeed(Struct, frozen=True, kw_only=True):
    """A feed to add. With the `source_id` of a source that is there already it joins it."""

    url: str
    source_id: str
    name: str
    country: str | None = None
    language: str | None = None
    ownership: Ownership = "unknown"
    tags: tuple[str, ...] = ()
    interval_seconds: float | None = None


class Added(Struct, frozen=True, kw_only=True):
    """What `add_feeds` did."""

    added: tuple[NewFeed, ...] = ()
    known: tuple[str, ...] = ()
    """URLs that were there already."""
    files: tuple[Path, ...] = ()


def add_feeds(folder: Path, new: Iterable[NewFeed], *, file: Path | None = None) -> Added:
    """Add feeds to the YAML files below `folder`; those of new sources to `file` (default: `added.yaml`).

    Raises:
        UsageError: a URL cannot be a feed's, or the files cannot be changed safely.
        ConfigError: the files have faults already.
        DataError: a file cannot be written.
    """
    faults = Faults()
    before = load_feeds(folder, faults, with_lists=False)
    faults.check()
    urls = {same_feed_key(feed.url) for feed in before}
    wanted: list[NewFeed] = []
    known: list[str] = []
    for feed in new:
        if wrong := url_fault(feed.url):
            raise UsageError(wrong)
        if same_feed_key(feed.url) in urls:
            known.append(feed.url)
        else:
            urls.add(same_feed_key(feed.url))
            wanted.append(feed)
    sources = {feed.source_id for feed in before}
    texts: dict[Path, str] = {}
    groups: dict[str, list[NewFeed]] = {}
    for feed in wanted:
        groups.setdefault(feed.source_id, []).append(feed)
    for source_id in [source_id for source_id in groups if source_id in sources]:
        path = _file_of(folder, source_id)
        texts[path] = _joined(texts.get(path) or _text(path), path, groups.pop(source_id))
    if groups:
        path = file or folder / "added.yaml"
        texts[path] = _appended(texts.get(path) or _text(path), path, list(groups.values()))
    _write(folder, texts, before, wanted)
    return Added(added=tuple(wanted), known=tuple(known), files=tuple(texts))


# --- where ---


def _file_of(folder: Path, source_id: str) -> Path:
    for path in yaml_files(folder):
        if _find_source(_compose(_text(path)), source_id) is not None:
            return path
    raise UsageError(f"source {source_id!r} is not in any file below {folder}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig") if path.exists() else ""


def _compose(text: str) -> Any:
    return yaml.compose(text, Loader=_Loader) if text.strip() else None


def _sources(root: Any) -> Any:
    """Return the node that holds the list of sources, or the mapping that is a single one, or None."""
    if isinstance(root, yaml.MappingNode):
        listed = _value(root, "sources")
        return listed if listed is not None else root
    return root


def _value(node: yaml.MappingNode, key: str) -> Any:
    return next((child for name, child in node.value if name.value == key), None)


def _find_source(root: Any, source_id: str) -> yaml.MappingNode | None:
    holder = _sources(root)
    items = holder.value if isinstance(holder, yaml.SequenceNode) else [holder]
    for node in items:
        if isinstance(node, yaml.MappingNode):
            found = _value(node, "id")
            if found is not None and found.value == source_id:
                return node
    return None


# --- what ---


def _joined(text: str, path: Path, feeds: Sequence[NewFeed]) -> str:
    """Return `text` with `feeds` below the source that they belong to."""
    source = _find_source(_compose(text), feeds[0].source_id)
    if source is None or source.flow_style:
        raise UsageError(f"{path}: source {feeds[0].source_id!r} is written in one line: add the feed there by hand")
    lines = text.split("\n")
    indent = " " * source.start_mark.column
    listed, single = _value(source, "feeds"), _value(source, "url")
    if isinstance(listed, yaml.SequenceNode) and not listed.flow_style and listed.value:
        item_indent = " " * listed.start_mark.column
        place = _last_line(listed.value[-1], lines) + 1
        return _insert(lines, place, _items(feeds, item_indent))
    if single is not None:
        line = single.start_mark.line
        kept = lines[line][single.start_mark.column :]
        key_start = lines[line][: single.start_mark.column].replace("url:", "feeds:", 1).rstrip()
        lines[line : line + 1] = [key_start, f"{indent}  - url: {kept}"]
        return _insert(lines, line + 2, _items(feeds, indent + "  "))
    raise UsageError(
        f"{path}: the feeds of source {feeds[0].source_id!r} are written in one line: add it there by hand"
    )


def _last_line(node: Any, lines: list[str]) -> int:
    """Return the last line of a block; its end mark may lie behind blank lines and comments of what follows."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1][1], lines)
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1], lines)
    end = node.end_mark.line
    if node.end_mark.column == 0 and end > node.start_mark.line:
        end -= 1
    while end > node.start_mark.line and not lines[end].strip():
        end -= 1
    return int(end)


def _appended(text: str, path: Path, groups: Sequence[Sequence[NewFeed]]) -> str:
    """Return `text` with new sources at its end."""
    root = _compose(text)
    holder = _sources(root)
    if holder is None or (isinstance(holder, yaml.ScalarNode) and not holder.value):
        if root is None:
            text = (text or HEADER).rstrip("\n") + "\n"
            text += "" if "sources:" in text.split() else "sources:\n"
        new = [line for feeds in groups for line in _source(feeds, "  ")]
        return text.rstrip("\n") + "\n" + "\n".join(new) + "\n"
    if not isinstance(holder, yaml.SequenceNode) or holder.flow_style:
        raise UsageError(f"{path}: is no list of sources in block style: choose another file with --to")
    lines = text.split("\n")
    column = holder.start_mark.column
    place = _last_line(holder, lines) + 1
    # Comments that are indented like the last source's own lines belong to it.
    following = place
    while following < len(lines) and (not lines[following].strip() or _is_comment_right_of(lines[following], column)):
        following += 1
        place = following if lines[following - 1].strip() else place
    return _insert(lines, place, [line for feeds in groups for line in _source(feeds, " " * column)])


def _is_comment_right_of(line: str, column: int) -> bool:
    text = line.lstrip()
    return text.startswith("#") and len(line) - len(text) > column


def _insert(lines: list[str], place: int, new: list[str]) -> str:
    text = "\n".join([*lines[:place], *new, *lines[place:]])
    return text if text.endswith("\n") else text + "\n"


def _source(feeds: Sequence[NewFeed], indent: str) -> list[str]:
    first = feeds[0]
    pairs: list[tuple[str, object]] = [("id", first.source_id), ("name", first.name)]
    for key in ("country", "language"):
        if getattr(first, key):
            pairs.append((key, getattr(first, key)))
    if first.ownership != "unknown":
        pairs.append(("ownership", first.ownership))
    lines = [f"{indent}{'- ' if not n else '  '}{key}: {_yaml(value)}" for n, (key, value) in enumerate(pairs)]
    lines.append(f"{indent}  feeds:")
    return lines + _items(feeds, indent + "    ", first.language)


def _items(feeds: Sequence[NewFeed], indent: str, language: str | None = None) -> list[str]:
    lines = []
    for feed in feeds:
        lines.append(f"{indent}- url: {_yaml(feed.url)}")
        if feed.language and feed.language != language:
            lines.append(f"{indent}  language: {_yaml(feed.language)}")
        if feed.tags:
            lines.append(f"{indent}  tags: [{', '.join(map(_yaml, feed.tags))}]")
        if feed.interval_seconds:
            lines.append(f"{indent}  interval_seconds: {feed.interval_seconds:g}")
    return lines


def _yaml(value: object) -> str:
    """Return a scalar as YAML that reads back as the same text, without quotes where they are not needed."""
    text = str(value)
    is_url = re.fullmatch(r"https?://[A-Za-z0-9._~/?&=%+@:-]+[A-Za-z0-9._~/?&=%+@-]", text) is not None
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    is_letters = len(text) > 1 and all(c.isalpha() or c == " " for c in text) and text == text.strip()
    if is_url or is_plain or (is_letters and text.lower() not in _WORDS):
        return text
    return json.dumps(text, ensure_ascii=False)


# --- and safely ---


def _write(folder: Path, texts: dict[Path, str], before: list[FeedDefinition], new: list[NewFeed]) -> None:
    if not texts:
        return
    _check_result(folder, texts, before, new)
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written ({error.strerror}): choose another folder with --config"
            ) from error


def _check_result(folder: Path, texts: dict[Path, str], before: list[FeedDefinition], new: list[NewFeed]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        _copy_changed(folder, texts, copy)
        faults = Faults()
        after = {feed.url: feed for feed in load_feeds(copy, faults, with_lists=False)}
    if faults.found:
        raise UsageError(f"the files cannot be changed safely ({faults.found[0].message}): add the feed by hand")
    kept = {feed.url: feed for feed in before}
    if {url: after.get(url) for url in kept} != kept or set(after) - set(kept) != {feed.url for feed in new}:
        raise UsageError("the files cannot be changed safely (other feeds would change): add the feed by hand")


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        else:
            os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


# --- what was verified ---


def verified_texts(folder: Path, verified: Mapping[str, bool]) -> dict[Path, str]:
    """Return the files below `folder` that change when `verified` is written down for the feeds with these URLs.

    Raises:
        UsageError: a file cannot be changed safely.
        ConfigError: the files have faults already.
    """
    faults = Faults()
    before = load_feeds(folder, faults, with_lists=False)
    faults.check()
    wanted = {feed.url: verified[feed.url] for feed in before if verified.get(feed.url, feed.verified) != feed.verified}
    texts: dict[Path, str] = {}
    for path in yaml_files(folder):
        text = _text(path)
        changed = _with_verified(text, wanted)
        if changed != text:
            texts[path] = changed
    with tempfile.TemporaryDirectory() as temporary:
        _copy_changed(folder, texts, Path(temporary))
        after = {feed.url: feed.verified for feed in load_feeds(Path(temporary), faults, with_lists=False)}
    if faults.found or after != {feed.url: wanted.get(feed.url, feed.verified) for feed in before}:
        raise UsageError("the files cannot be changed safely: write `verified: true` by hand")
    return texts


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write files, each in one step. Raises DataError where one cannot be written."""
    for path, text in texts.items():
        try:
            _replace(path, text)
        except OSError as error:
            raise DataError(f"{path}: cannot be written ({error.strerror})") from error


def _with_verified(text: str, wanted: Mapping[str, bool]) -> str:
    """Return `text` with `verified` beside every `url` of `wanted` that stands on a line of its own."""
    lines = text.split("\n")
    places: list[tuple[int, str]] = []
    for mapping in _mappings(_compose(text)):
        url = _value(mapping, "url")
        if url is None or url.value not in wanted or mapping.flow_style:
            continue
        word = "true" if wanted[url.value] else "false"
        known = _value(mapping, "verified")
        if known is not None:
            line, column = known.start_mark.line, known.start_mark.column
            lines[line] = lines[line][:column] + word + lines[line][known.end_mark.column :]
        else:
            places.append((url.end_mark.line + 1, " " * mapping.start_mark.column + f"verified: {word}"))
    for place, line in sorted(places, reverse=True):
        lines.insert(place, line)
    return "\n".join(lines)


def _mappings(node: Any) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, child in node.value:
            yield from _mappings(child)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _mappings(child)


def _copy_changed(folder: Path, texts: Mapping[Path, str], copy: Path) -> None:
    for number, path in enumerate(sorted({*yaml_files(folder), *texts})):
        text = texts[path] if path in texts else path.read_text(encoding="utf-8-sig")
        (copy / f"{number:06}.yaml").write_text(text, encoding="utf-8")
