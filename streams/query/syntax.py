"""The query language's own tree: what a query means, whatever parsed it.

Nothing of the parser's library is in here, so that matcher and stores depend on these records alone. Every record is
frozen and hashable: equal parts of different queries are compiled once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

Scope = Literal["any", "title", "text", "lead"]
"""Where a word must stand. `lead` is the title and the first `LEAD_WORDS` words of the text."""
WordKind = Literal["term", "prefix", "exact"]
ValueField = Literal["lang", "source", "country", "feed", "topic", "entity", "story", "frame"]
Unit = Literal["s", "m", "h", "d", "w", "M", "y"]


class Node(Struct, frozen=True, gc=False):
    """Base of all parts of a query."""


class Word(Struct, frozen=True, gc=False):
    """One word to look for: `key` as the document's folded terms have it."""

    key: str
    kind: WordKind = "term"
    surface: str = ""
    """For `exact`: the word as written (`streams.query.exact`)."""


class Phrase(Node, frozen=True, gc=False):
    """Words that follow one another; a single word is a phrase of one."""

    words: tuple[Word, ...]


class Near(Node, frozen=True, gc=False):
    """All `parts` with at most `distance` other words between the first and the last of them."""

    parts: tuple[Node, ...]
    distance: int
    is_ordered: bool


class InScope(Node, frozen=True, gc=False):
    """`item`, counted only where `scope` says."""

    scope: Scope
    item: Node
    column: int = 1


class InLanguage(Node, frozen=True, gc=False):
    """`item`, counted only in articles of one of `languages`, or whose language is not known."""

    languages: tuple[str, ...]
    item: Node


class AtLeast(Node, frozen=True, gc=False):
    """`item`, with at least `count` mentions in the article."""

    item: Node
    count: int


class FieldIs(Node, frozen=True, gc=False):
    """A field that has one of the values (already in the form that the field holds)."""

    field: ValueField
    values: tuple[str, ...]


class Has(Node, frozen=True, gc=False):
    """A field that is not empty."""

    field: str


class Moment(Struct, frozen=True, gc=False):
    """A point in time: fixed, or `now` with an offset and a rounding."""

    fixed: datetime | None = None
    shift: tuple[tuple[int, Unit], ...] = ()
    """Applied to now in order: `now-1d+2h` is `((-1, "d"), (2, "h"))`."""
    round_to: Unit | None = None
    rounds_up: bool = False
    """Take the end of the `round_to` unit, not its start."""


class Published(Node, frozen=True, gc=False):
    """An article of the half-open range `[low, high)`; None is open."""

    low: Moment | None
    high: Moment | None


class Clauses(Node, frozen=True, gc=False):
    """Lucene's Boolean: all of `must`, none of `must_not`; without a `must`, at least one of `should`."""

    must: tuple[Node, ...] = ()
    should: tuple[Node, ...] = ()
    must_not: tuple[Node, ...] = ()
    against: tuple[Node, ...] = ()
    """Clauses of negative weight: they lower the score and decide nothing else."""


class Weighted(Node, frozen=True, gc=False):
    """`item`, its score multiplied."""

    item: Node
    weight: float


class Reference(Node, frozen=True, gc=False):
    """`@name`: another query, put here by `streams.query.names.resolve`."""

    name: str
    column: int


class Everything(Node, frozen=True, gc=False):
    """`*`: any article."""


class Query(Struct, frozen=True, gc=False):
    """A parsed query: the tree, and what is asked of the article as a whole."""

    text: str
    root: Node
    min_score: float = 0.0
    min_mentions: int = 0
    names: tuple[str, ...] = ()
    """The `@names` in it that are still to be resolved."""
