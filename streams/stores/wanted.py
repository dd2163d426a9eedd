"""What a search wants from a store: a small tree of keys and a range of time, the same for every store.

`streams.query.candidates` says it in the query's terms; here that becomes keys (`streams.stores.keys`), and is cut
down to what any database can be asked: a bounded number of clauses and depth. Whatever is cut widens the result; the
matcher decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from streams.query.candidates import AllOf, AnyOf, Candidates, FieldIs, FieldRange, Prefix, Term
from streams.stores.keys import field_key, is_field_key, term_key

MAX_DEPTH = 12
"""Elasticsearch refuses more than 30 levels."""
MAX_PARTS = 256
"""Parts of one AND, or of one OR that cannot be listed as plain keys."""
MAX_CLAUSES = 800
"""Clauses in all (Elasticsearch: 1,024 on the smallest machine)."""
MAX_KEYS = 20_000
"""Plain keys of which one must be there (Elasticsearch: 65,536)."""


class Key(Struct, frozen=True):
    """Documents with this key, or with one that begins so."""

    key: str
    is_prefix: bool = False


class AllKeys(Struct, frozen=True):
    """Documents in all of `parts`."""

    parts: tuple[Wanted, ...]


class AnyKeys(Struct, frozen=True):
    """Documents in any of `parts`; none where there are none."""

    parts: tuple[Wanted, ...]


Wanted = Key | AllKeys | AnyKeys
"""None stands beside it for: any document."""


class Period(Struct, frozen=True):
    """The half-open range `[low, high)` of an article's time (`records.article_time`), None where open; empty if low
    ≥ high."""

    low: datetime | None = None
    high: datetime | None = None

    def cut(self, low: datetime | None, high: datetime | None) -> Period:
        """Return what lies in both."""
        lows = [moment for moment in (self.low, low) if moment is not None]
        highs = [moment for moment in (self.high, high) if moment is not None]
        return Period(max(lows, default=None), min(highs, default=None))


def wanted(candidates: Candidates, filters: Iterable[Wanted] = ()) -> tuple[Wanted | None, Period]:
    """Return the keys and the period of `candidates`, narrowed by `filters`."""
    period = Period()
    for item in candidates.items if isinstance(candidates, AllOf) else (candidates,):
        if isinstance(item, FieldRange):
            period = period.cut(item.low, item.high)
    parts = [_keys(candidates, MAX_DEPTH), *filters]
    return _within_limit(_all(parts)), period


def _keys(item: Candidates, depth: int) -> Wanted | None:
    match item:
        case Term() | Prefix() if item.key:
            return Key(term_key(item.key), is_prefix=isinstance(item, Prefix))
        case FieldIs():
            return _any([Key(field_key(item.field, value)) for value in item.values])
        case AllOf() if depth:
            return _all([_keys(part, depth - 1) for part in item.items])
        case AnyOf() if depth:
            return _any([_keys(part, depth - 1) for part in item.items])
        case _:
            return None


def _all(parts: list[Wanted | None]) -> Wanted | None:
    flat: dict[Wanted, None] = {}
    for part in parts:
        if part is not None:
            flat.update(dict.fromkeys(part.parts if isinstance(part, AllKeys) else (part,)))
    if not flat:
        return None
    # Any part of an AND may be left out.
    kept = tuple(flat)[:MAX_PARTS]
    return kept[0] if len(kept) == 1 else AllKeys(kept)


def _clauses(part: Wanted) -> int:
    """Return how many clauses a database counts in `part`: plain keys of an OR are one list."""
    match part:
        case Key():
            return 1
        case AllKeys(parts):
            return sum(map(_clauses, parts))
        case AnyKeys(parts):
            lists = any(isinstance(part, Key) and not part.is_prefix for part in parts)
            return lists + sum(_clauses(part) for part in parts if not isinstance(part, Key) or part.is_prefix)


def _within_limit(whole: Wanted | None) -> Wanted | None:
    """Return `whole`, without the costliest parts of its AND where it is too much for a database."""
    if whole is None or _clauses(whole) <= MAX_CLAUSES:
        return whole
    parts = whole.parts if isinstance(whole, AllKeys) else (whole,)
    if max(map(_clauses, parts)) > MAX_CLAUSES // len(parts):
        parts = tuple(_coarser(part) for part in parts)
    kept: list[Wanted] = []
    left = MAX_CLAUSES
    for part in sorted(parts, key=_clauses):
        left -= _clauses(part)
        if left >= 0:
            kept.append(part)
    if len(kept) > 1:
        return AllKeys(tuple(kept))
    return kept[0] if kept else None


def _coarser(part: Wanted) -> Wanted:
    """Return something that is cheaper to ask and gives no less: of every AND, the word that is likely to be rarest."""
    match part:
        case Key():
            return part
        case AllKeys(parts):
            return _coarser(max(parts, key=_rarity))
        case AnyKeys(parts):
            flat: dict[Wanted, None] = {}
            for coarse in map(_coarser, parts):
                flat.update(dict.fromkeys(coarse.parts if isinstance(coarse, AnyKeys) else (coarse,)))
            return AnyKeys(tuple(flat))


def _rarity(part: Wanted) -> tuple[bool, bool, int]:
    # Long words are rarer than short ones, one word than several, and any word than a language or a country.
    if isinstance(part, Key):
        return (not is_field_key(part.key), not part.is_prefix, len(part.key))
    return (False, False, -_clauses(part))


def _any(parts: list[Wanted | None]) -> Wanted | None:
    flat: dict[Wanted, None] = {}
    for part in parts:
        if part is None:
            return None
        flat.update(dict.fromkeys(part.parts if isinstance(part, AnyKeys) else (part,)))
    plain = sum(isinstance(part, Key) and not part.is_prefix for part in flat)
    if len(flat) - plain > MAX_PARTS:
        coarser = _coarser(AnyKeys(tuple(flat)))
        assert isinstance(coarser, AnyKeys)  # noqa: S101  (it stays an OR)
        flat = dict.fromkeys(coarser.parts)
        plain = sum(isinstance(part, Key) and not part.is_prefix for part in flat)
    if plain > MAX_KEYS or len(flat) - plain > MAX_PARTS:
        return None
    return next(iter(flat)) if len(flat) == 1 else AnyKeys(tuple(flat))
