"""The values of feeds, in order and bounded: languages, labels, lengths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from agent.collect.plain import title_to_text

MAX_TEXT_CHARS = 200_000
MAX_MARKUP_CHARS = 4_000_000
MAX_TITLE_CHARS = 2_000
MAX_GUID_CHARS = 2_000
MAX_AUTHOR_CHARS = 1_000
MAX_LABELS = 50
MAX_LABEL_CHARS = 200

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


def labels(values: Iterable[str]) -> tuple[str, ...]:
    """Return short texts as plain text, each once, bounded in number and length."""
    found: dict[str, None] = {}
    for value in values:
        if not value:
            continue
        text = title_to_text(value[: 4 * MAX_LABEL_CHARS])[:MAX_LABEL_CHARS].strip()
        if text:
            found[text] = None
        if len(found) == MAX_LABELS:
            break
    return tuple(found)


def string(value: object) -> str:
    """Return `value` if it is text, else none."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> dict[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """Return the mappings among the items of `value`."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []
