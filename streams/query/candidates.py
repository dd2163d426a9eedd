"""What a store looks for: a tree over index keys whose result is always a superset of what the matcher accepts.

The keys are those of `Document.index_terms()` and the values of `streams.query.fields.values_in`; positions, scores,
`has:` and negation stay with the matcher. A store may drop any part of an `AllOf`, never of an `AnyOf`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from streams.query import dates
from streams.query.errors import UnknownName
from streams.query.syntax import (
    AtLeast,
    Clauses,
    InLanguage,
    InScope,
    Moment,
    Near,
    Node,
    Phrase,
    Published,
    Query,
    Reference,
    ValueField,
    Weighted,
    Word,
)
from streams.query.syntax import FieldIs as QueryFieldIs


class Everything(Struct, frozen=True, gc=False):
    """Any document."""


class Term(Struct, frozen=True, gc=False):
    """Documents with this key among their index terms."""

    key: str


class Prefix(Struct, frozen=True, gc=False):
    """Documents with an index term that begins so."""

    key: str


class FieldIs(Struct, frozen=True, gc=False):
    """Documents of which `streams.query.fields.values_in(article, field)` has one of `values`."""

    field: ValueField
    values: tuple[str, ...]


class FieldRange(Struct, frozen=True, gc=False):
    """Documents whose time lies in `[low, high)`: `published_at` where the date is reliable, else `collected_at`."""

    field: str
    low: datetime | None
    high: datetime | None


class AllOf(Struct, frozen=True, gc=False):
    """Documents in all of `items`."""

    items: tuple[Candidates, ...]


class AnyOf(Struct, frozen=True, gc=False):
    """Documents in one of `items`; none where there are none."""

    items: tuple[Candidates, ...]


Candidates = Everything | Term | Prefix | FieldIs | FieldRange | AllOf | AnyOf
_CLOCK_SLACK = timedelta(minutes=10)
"""`now` moves between the store's answer and the matcher's."""


def candidates(query: Query, now: datetime | None = None) -> Candidates:
    """Return what a store is to look for.

    `now` (UTC) is what `now-7d` counts from; without it, such ends are left open.

    Raises:
        UnknownName: the query has an `@name` that was not resolved (`streams.query.resolve`).
    """
    return _of(query.root, now)


def _of(node: Node, now: datetime | None) -> Candidates:
    match node:
        case Phrase():
            return _all([_word(word) for word in node.words])
        case Near():
            return _all([_of(part, now) for part in node.parts])
        case Clauses():
            if node.must:
                return _all([_of(item, now) for item in node.must])
            return _any([_of(item, now) for item in node.should]) if node.should else Everything()
        case InScope() | InLanguage() | Weighted() | AtLeast():
            return _of(node.item, now)
        case QueryFieldIs():
            return FieldIs(node.field, node.values)
        case Published():
            return _range(node, now)
        case Reference():
            raise UnknownName(f"`@{node.name}` is not known here; write out what it stands for", node.column)
        case _:
            return Everything()


def _word(word: Word) -> Candidates:
    return Prefix(word.key) if word.kind == "prefix" else Term(word.key)


def _range(node: Published, now: datetime | None) -> Candidates:
    low = _end(node.low, now)
    high = _end(node.high, now + _CLOCK_SLACK if now else None)
    return FieldRange("published", low, high) if low or high else Everything()


def _end(moment: Moment | None, now: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.fixed is not None:
        return moment.fixed
    return dates.resolve(moment, now) if now is not None else None


def _all(items: list[Candidates]) -> Candidates:
    flat: dict[Candidates, None] = {}
    for item in items:
        flat.update(dict.fromkeys(item.items if isinstance(item, AllOf) else (item,)))
    flat.pop(Everything(), None)
    if not flat:
        return Everything()
    return next(iter(flat)) if len(flat) == 1 else AllOf(tuple(flat))


def _any(items: list[Candidates]) -> Candidates:
    flat: dict[Candidates, None] = {}
    for item in items:
        flat.update(dict.fromkeys(item.items if isinstance(item, AnyOf) else (item,)))
    if Everything() in flat:
        return Everything()
    return next(iter(flat)) if len(flat) == 1 else AnyOf(tuple(flat))
