"""Articles whose topics somebody has written down, against those that Rasad gives them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

import msgspec

from agent.pipe import BadLine, read_articles
from streams.model import RawArticle

LABELS = ("expected", "topics")
"""Where a line has its topics: the first of these that it has."""


@dataclass(frozen=True)
class Line:
    """One input line: its number, its article, its `id` as given, and its topics, None where none are written down."""

    number: int
    article: RawArticle
    id: object
    expected: frozenset[str] | None


def read_labelled(stream: IO[bytes], clock: Callable[[], datetime]) -> Iterator[Line | BadLine]:
    """Yield every line that is not blank, with the topics that it should have, or why it is no article."""
    for number, line in enumerate(stream, start=1):
        for _, item in read_articles(io.BytesIO(line), clock):
            if isinstance(item, BadLine):
                yield BadLine(number, item.reason)
                continue
            fields = _fields(line)
            expected, fault = _expected(fields)
            if fault:
                yield BadLine(number, fault)
                continue
            given = fields.get("id")
            yield Line(number, item, given if given not in (None, "") else item.url or item.article_id, expected)


def _fields(line: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}  # read with tolerance: labels of such a line are not looked for
    return found if isinstance(found, dict) else {}


def _expected(fields: dict[str, Any]) -> tuple[frozenset[str] | None, str]:
    """Return the topics that a line says it has, and what is wrong with what it says."""
    name = next((name for name in LABELS if fields.get(name) is not None), None)
    if name is None:
        return None, ""
    value = fields[name]
    labels = [value] if isinstance(value, str) else value
    if isinstance(labels, dict):  # {"football": true}
        labels = [label for label, is_set in labels.items() if is_set]
    if isinstance(labels, list):
        ids = [label.get("id") if isinstance(label, dict) else label for label in labels]
        named = [one for one in ids if isinstance(one, str)]
        if len(named) == len(ids):
            return frozenset(named), ""
    return None, f'{name!r} must be a list of topics: ["football"]'


@dataclass
class Tally:
    """How often a topic was written down, was given, and both."""

    expected: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    labelled: int = 0
    wrong_lines: int = 0

    def add(self, expected: frozenset[str], given: frozenset[str]) -> None:
        """Count one labelled article."""
        self.labelled += 1
        self.wrong_lines += expected != given
        self.expected.update(expected)
        self.given.update(given)
        self.right.update(expected & given)

    def rows(self) -> list[dict[str, Any]]:
        """Return precision and recall by topic, those of all together last; None where there is nothing to divide."""
        topics = sorted(self.expected | self.given)
        rows = [self._row(topic, self.expected[topic], self.given[topic], self.right[topic]) for topic in topics]
        if len(rows) > 1:
            rows.append(self._row("all", self.expected.total(), self.given.total(), self.right.total()))
        return rows

    @staticmethod
    def _row(topic: str, expected: int, given: int, right: int) -> dict[str, Any]:
        precision = round(right / given, 4) if given else None
        recall = round(right / expected, 4) if expected else None
        return {
            "topic": topic,
            "expected": expected,
            "given": given,
            "right": right,
            "precision": precision,
            "recall": recall,
        }
