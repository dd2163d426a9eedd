"""The values of feeds, in order and bounded: languages, labels, lengths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from agent.parse.plain import title_to_text

MAX_TEXT_CHARS = 200_000
MAX_MARKUP_CHARS = 4_000_000
MAX_TITLE_CHARS = 2_000
MAX_GUID_CHARS = 2_000
MAX_AUTHOR_CHARS = 1_000
MAX_LABELS = 50
MAX_LABEL_CHARS = 200
_USUAL_LABEL_CHARS = 60

_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$")


def normal_language(value: object) -> str | None:
    """Return a language tag in the usual spelling (`ar`, `pt-BR`), or None for what is none."""
    return _normal_language(value) if isinstance(value, str) and len(value) < 100 else None


@lru_cache(maxsize=1_000)
def _normal_language(value: str) -> str | None:
    text = value.strip().replace("_", "-")
    if not _LANGUAGE.match(text):
        return None
    primary, *rest = text.split("-")
    parts = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower() for part in rest]
    return "-".join([primary.lower(), *parts])


def labels(values: Iterable[object]) -> tuple[str, ...]:
    """Return short texts as plain text, each once, bounded in number and length; what is no text is left out."""
    found: dict[str, None] = {}
    for value in values:
        if not value or not isinstance(value, str):
            continue
        text = _label(value) if len(value) <= _USUAL_LABEL_CHARS else _new_label(value)
        if text:
            found[text] = None
        if len(found) == MAX_LABELS:
            break
    return tuple(found)


def _new_label(value: str) -> str:
    return title_to_text(value[: 4 * MAX_LABEL_CHARS])[:MAX_LABEL_CHARS].strip()


# The same few sections and authors come again and again.
_label = lru_cache(maxsize=4_096)(_new_label)


def string(value: object) -> str:
    """Return `value` if it is text, else none."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> dict[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """Return the mappings among the items of `value`."""
    if not isinstance(value, list):
        return []
    for item in value:
        if not isinstance(item, dict):
            return [item for item in value if isinstance(item, dict)]
    return value
