"""What months, weekdays and days are called, by language: `names.txt`, and CLDR (babel) for languages not in it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Generic, Literal, TypeVar, get_args

from streams.text.tokens import tokenize

Calendar = Literal["gregorian", "jalali", "hijri"]
Month = tuple[Calendar, int]
M = TypeVar("M")


@dataclass
class Phrases(Generic[M]):
    """Sequences of folded terms and what they mean; looked up by their first term."""

    exact: dict[str, list[tuple[tuple[str, ...], M]]] = field(default_factory=dict)
    beginnings: list[tuple[str, M]] = field(default_factory=list)

    def add(self, form: str, language: str, meaning: M) -> None:
        """Let `form` mean `meaning`; with `*` at its end, every word that begins so."""
        terms = tuple(tokenize(form.rstrip("*"), language).terms)
        if not terms:
            return
        if form.endswith("*"):
            self.beginnings.append((terms[0], meaning))
            return
        known = self.exact.setdefault(terms[0], [])
        known.append((terms, meaning))
        known.sort(key=lambda entry: -len(entry[0]))

    def at(self, terms: list[str], place: int, stem: str | None = None) -> tuple[int, M] | None:
        """Return how many terms the longest form at `place` has, and what it means. `stem` stands in for the first."""
        first = stem if stem is not None else terms[place]
        for form, meaning in self.exact.get(first, ()):
            if len(form) == 1 or tuple(terms[place + 1 : place + len(form)]) == form[1:]:
                return len(form), meaning
        for beginning, meaning in self.beginnings:
            if first.startswith(beginning):
                return 1, meaning
        return None


@dataclass(frozen=True)
class Names:
    """All words of dates in one language."""

    months: Phrases[Month]
    weekdays: Phrases[int]
    """Monday is 0."""
    relative: Phrases[int]
    """Today and its neighbours, as a number of days."""
    ordinals: Phrases[int]
    next: Phrases[bool]
    past: Phrases[bool]
    joints: Phrases[bool]
    year_joints: Phrases[bool]


@cache
def names_of(language: str) -> Names:
    """Return the words of dates of `language` (BCP 47)."""
    code = "fa" if language == "azb" else language.partition("-")[0]
    table = _tables().get(code, {})
    months: Phrases[Month] = Phrases()
    for calendar in get_args(Calendar):
        for number, forms in enumerate(table.get(f"months-{calendar}", ()), start=1):
            _add(months, forms, code, (calendar, number))
    if not months.exact and not months.beginnings:
        for number, forms in enumerate(_cldr(code, "months"), start=1):
            _add(months, forms, code, ("gregorian", number))
    relative: Phrases[int] = Phrases()
    for name, days in (("today", 0), ("yesterday", -1), ("tomorrow", 1)):
        _add(relative, _flat(table, name), code, days)
    return Names(
        months,
        _numbered(table.get("weekdays") or _cldr(code, "days"), code, lambda number: number),
        relative,
        _numbered(table.get("ordinals", ()), code, lambda number: number + 1),
        *(_set(_flat(table, name), code) for name in ("next", "past", "joints", "year-joints")),
    )


def month_names() -> Iterator[tuple[Calendar, int, str]]:
    """Yield the calendar, the number and the name of each month of `names.txt`, in every form that is a whole word."""
    for table in _tables().values():
        for calendar in get_args(Calendar):
            for number, forms in enumerate(table.get(f"months-{calendar}", ()), start=1):
                yield from ((calendar, number, form) for form in forms if not form.endswith("*"))


_Forms = tuple[str, ...]


@cache
def _tables() -> dict[str, dict[str, tuple[_Forms, ...]]]:
    tables: dict[str, dict[str, tuple[_Forms, ...]]] = {}
    for line in files(__package__).joinpath("names.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, names = line.partition(": ")
        language, _, what = head.partition(" ")
        table = tables.setdefault(language, {})
        forms = tuple(tuple(name.split(" / ")) for name in names.split(" | "))
        known = table.get(what)  # a second line of the same kind: Arabic has two sets of Gregorian months
        table[what] = tuple(map(operator.add, known, forms)) if known else forms
    return tables


def _flat(table: dict[str, tuple[_Forms, ...]], name: str) -> _Forms:
    return tuple(form for forms in table.get(name, ()) for form in forms)


def _add(phrases: Phrases[M], forms: _Forms, language: str, meaning: M) -> None:
    for form in forms:
        phrases.add(form, language, meaning)


def _numbered(names: tuple[_Forms, ...], language: str, meaning: Callable[[int], int]) -> Phrases[int]:
    phrases: Phrases[int] = Phrases()
    for number, forms in enumerate(names):
        _add(phrases, forms, language, meaning(number))
    return phrases


def _set(forms: _Forms, language: str) -> Phrases[bool]:
    phrases: Phrases[bool] = Phrases()
    _add(phrases, forms, language, True)
    return phrases


def _cldr(code: str, what: Literal["months", "days"]) -> tuple[_Forms, ...]:
    """Return CLDR's names; nothing for a language that it does not know."""
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return ()
    names = locale.months if what == "months" else locale.days
    widths = [names[context]["wide"] for context in ("format", "stand-alone")]
    return tuple(tuple(dict.fromkeys(str(width[key]) for width in widths)) for key in sorted(widths[0]))
