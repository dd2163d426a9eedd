"""What a page says about itself in JSON-LD (schema.org), however badly it is written. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_SCRIPT_CHARS = 2_000_000
MAX_DEPTH = 12
MAX_NODES = 3_000
ARTICLE_TYPES = frozenset(
    "article newsarticle reportagenewsarticle analysisnewsarticle opinionnewsarticle backgroundnewsarticle "
    "asknewsarticle reviewnewsarticle advertisercontentarticle satiricalarticle scholarlyarticle techarticle "
    "blogposting liveblogposting socialmediaposting report".split()
)
GALLERY_TYPES = frozenset({"imagegallery", "mediagallery"})
VIDEO_TYPES = frozenset({"videoobject"})
_WRAPPING = re.compile(
    r"^\s*(?:<!--|/\*\s*<!\[CDATA\[\s*\*/|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>)\s*;?\s*$"
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

Node = dict[str, Any]


def nodes_of(scripts: list[str]) -> list[Node]:
    """Return every object in the JSON-LD of a page, nested ones too; a script that cannot be read is left out."""
    found: list[Node] = []
    for script in scripts:
        if len(script) <= MAX_SCRIPT_CHARS:
            for node in _walk(_load(script), 0):
                found.append(node)
                if len(found) == MAX_NODES:
                    return found
    return found


def _load(script: str) -> Any:
    text = script.strip().removeprefix("\ufeff")
    for _ in range(2):
        text = _WRAPPING.sub("", text)
    text = text.strip().rstrip(";")
    for candidate in (text, _CONTROLS.sub(" ", _TRAILING_COMMA.sub(r"\1", text))):
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _walk(value: Any, depth: int) -> Iterator[Node]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, depth + 1)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            if isinstance(item, dict | list):
                yield from _walk(item, depth + 1)


def types_of(node: Node) -> frozenset[str]:
    """Return the types of a node in lower case, without their vocabulary."""
    kinds = node.get("@type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return frozenset(re.split(r"[/#:]", kind)[-1].lower() for kind in kinds if isinstance(kind, str))


def articles(nodes: list[Node]) -> list[Node]:
    """Return the nodes that are articles, the one that says most first."""
    found = [node for node in nodes if types_of(node) & ARTICLE_TYPES and ("headline" in node or "articleBody" in node)]
    # Lists of related articles are nested articles too: they carry no body and seldom a date.
    return sorted(
        found, key=lambda n: ("articleBody" in n or "liveBlogUpdate" in n, "datePublished" in n, len(n)), reverse=True
    )


def string(value: Any) -> str:
    """Return a value as text: the first of a list, the `@value` or `name` of an object."""
    if isinstance(value, list):
        value = next((item for item in value if item), None)
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name") or value.get("@id") or value.get("url")
    return value.strip() if isinstance(value, str) else ""


def names(value: Any) -> list[str]:
    """Return the names in an `author` or `keywords` value: text, an object, or a list of either."""
    found: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            found.extend(names(item.get("name")))
        elif isinstance(item, str) and item.strip():
            found.append(item.strip())
    return found


def link(value: Any) -> str:
    """Return the address in an `image` or `mainEntityOfPage` value."""
    if isinstance(value, list):
        value = next((item for item in value if item), None)
    if isinstance(value, dict):
        value = value.get("url") or value.get("contentUrl") or value.get("@id")
        return link(value) if isinstance(value, list | dict) else (value.strip() if isinstance(value, str) else "")
    return value.strip() if isinstance(value, str) else ""


def is_free(node: Node) -> bool:
    """Tell whether the article may be read without paying, as far as the page says."""
    value = node.get("isAccessibleForFree", True)
    return str(value).strip().lower() not in {"false", "0", "no"}
