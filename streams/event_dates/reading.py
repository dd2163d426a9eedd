"""Reads the expressions that fix a day, one field of a document at a time; nothing is resolved yet.

A day needs a number and a month («28 كانون الأول», "April 25", «الثامن والعشرين من آذار»), three numbers (25.04.2023),
the name of a weekday, or a word such as "yesterday". Months and years alone fix no day and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from streams.event_dates.calendars import is_year
from streams.event_dates.names import Calendar, M, Names, Phrases, names_of
from streams.text.tokens import Tokens

_DAY = re.compile(r"(?:\D{0,2}?)(\d{1,2})(?:\D{0,3})")
_YEAR = re.compile(r"(\d{4})\D{0,2}")
_SEPARATORS = frozenset("./-‑–")
_MAX_JOINTS = 2
_MAX_ORDINAL_TERMS = 3
Direction = Literal["nearest", "past", "future"]


class Expression(NamedTuple):
    """One expression: tokens `[first, last)`, and what it says of the day."""

    first: int
    last: int
    days: tuple[int, ...] = ()
    """Days of the month; two for a range or a list."""
    month: int = 0
    calendar: Calendar = "gregorian"
    year: int | None = None
    weekday: int | None = None
    """Monday is 0."""
    relative_days: int | None = None
    """Days from the day of publication: 0 for "today"."""
    direction: Direction = "nearest"


_PREFIXES = {"ar": "وفبكل", "he": "בלמהושכ"}
_MAX_PREFIXES = 2
_CACHE_TERMS = 50_000

# What a term may be: one bit each, so that the terms of a text make a string of bytes that can be searched.
_DIGITS, _DAY_NUMBER, _ORDINAL, _MONTH, _OTHER = 1, 2, 4, 8, 16
"""`_OTHER`: a weekday, or a word such as "today"."""
_LONGEST_NAME = 4
"""Terms of the longest name of a month."""


def _any_of(roles: int) -> str:
    return "[" + "".join(f"\\x{role:02x}" for role in range(32) if role & roles) + "]"


def _before(roles: int, most: int) -> str:
    return "|".join(f"(?<={_any_of(roles)}{'.' * distance})" for distance in range(1, most + 1))


_BEGINNING = re.compile(
    # First what a quick search can look for, then what must stand there and behind it.
    f"{_any_of(_OTHER | _DIGITS | _MONTH)}(?:(?<={_any_of(_OTHER)})|(?<={_any_of(_DIGITS)})(?={_any_of(_DIGITS)}{{2}})"
    f"|(?<={_any_of(_MONTH)})(?:{_before(_DAY_NUMBER | _ORDINAL, _MAX_JOINTS + _MAX_ORDINAL_TERMS)}"
    f"|(?=.{{0,{_LONGEST_NAME - 1}}}{_any_of(_DAY_NUMBER)})))".encode(),
    re.DOTALL,
)
"""Where a day may be named, in the roles of a text's tokens: a month only near a number."""


class _Stems(dict[str, tuple[str, ...]]):
    """What a term may stand for in tables of names: itself, and what is left when clitics and endings are off.

    Names are few, so that this is cheaper than asking for all variants of every word.
    """

    def __init__(self, language: str, *tables: Phrases[Any]) -> None:
        super().__init__()
        self._firsts = {first for table in tables for first in table.exact}
        self._beginnings = tuple(beginning for table in tables for beginning, _ in table.beginnings)
        self._prefixes = _PREFIXES.get(language.partition("-")[0], "")
        self._heads = {known[:2] for known in (*self._firsts, *self._beginnings)}

    def may_stand_for_any(self, term: str) -> bool:
        """Whether a term of letters alone may stand for any of the names; most are told by how they begin."""
        if term[0] not in self._prefixes and term[:2] not in self._heads and term[0] not in self._heads:
            return False
        return any(map(self._begins, self._forms(term)))

    def __missing__(self, term: str) -> tuple[str, ...]:
        stems = () if term[0].isdigit() else tuple([form for form in self._forms(term) if self._begins(form)])
        if len(self) >= _CACHE_TERMS:
            self.clear()
        self[term] = stems
        return stems

    def _forms(self, term: str) -> Iterator[str]:
        yield term
        bare = term
        for _ in range(_MAX_PREFIXES):
            if not bare or bare[0] not in self._prefixes:
                break
            bare = bare[1:]
            yield bare
        head, apostrophe, _ = term.partition("'")
        if apostrophe:
            yield head
        elif len(term) > 4:  # «نیسانی», "marts", "nisana"
            yield term[:-1]

    def _begins(self, form: str) -> bool:
        return form in self._firsts or (bool(self._beginnings) and form.startswith(self._beginnings))


class _Roles(dict[str, int]):
    """What a term may be in the expression of a day; forgets everything when it is full."""

    def __init__(self, language: str, names: Names) -> None:
        super().__init__()
        self.stems = _Stems(language, names.months, names.weekdays, names.relative)
        self.ordinals = _Stems(language, names.ordinals)
        self._all = _Stems(language, names.months, names.weekdays, names.relative, names.ordinals)
        self._months = _Stems(language, names.months)
        self._others = _Stems(language, names.weekdays, names.relative)

    def __missing__(self, term: str) -> int:
        role = self._role_of(term) if not term.isalpha() or self._all.may_stand_for_any(term) else 0
        if len(self) >= _CACHE_TERMS:
            self.clear()
        self[term] = role
        return role

    def _role_of(self, term: str) -> int:
        role = 0
        if term[0].isdigit():
            role = _DIGITS if term.isdigit() and term.isascii() and len(term) <= 4 else 0
        elif self.stems[term]:
            role = (_MONTH if self._months[term] else 0) | (_OTHER if self._others[term] else 0)
        if self.ordinals[term]:
            role |= _ORDINAL
        if day_of(term) is not None:
            role |= _DAY_NUMBER
        return role


def day_of(term: str) -> int | None:
    """Return the day of the month that `term` may be the number of: "25", «و16», "28th"."""
    number = _DAY.fullmatch(term)
    return day if number is not None and 1 <= (day := int(number[1])) <= 31 else None


@cache
def _tables(language: str) -> tuple[_Roles, Names]:
    names = names_of(language)
    return _Roles(language, names), names


def read(tokens: Tokens) -> list[Expression]:
    """Return the expressions of `tokens` in order; none of them overlap."""
    table, names = _tables(tokens.language)
    # Most words have nothing to do with days: they are passed over at the speed of a look-up.
    roles = bytes(map(table.__getitem__, tokens.terms))
    begun = [match.start() for match in _BEGINNING.finditer(roles)]
    if not begun:
        return []
    reader = _Reader(tokens, names, table)
    found = [one for at in begun if roles[at] & _DIGITS and (one := reader.numeric(at)) is not None]
    found += [one for at in begun if roles[at] & _MONTH and (one := reader.month(at)) is not None]
    taken = {place for expression in found for place in range(expression.first, expression.last)}
    for at in begun:
        if (
            roles[at] & _OTHER
            and at not in taken
            and (expression := reader.weekday(at) or reader.relative(at)) is not None
        ):
            found.append(expression)
            taken.update(range(expression.first, expression.last))
    return _joined(sorted(found, key=itemgetter(0))) if found else []


class _Reader:
    def __init__(self, tokens: Tokens, names: Names, roles: _Roles) -> None:
        self._tokens = tokens
        self._terms = tokens.terms
        self._names = names
        self._stems = roles.stems
        self._ordinals = roles.ordinals

    def numeric(self, at: int) -> Expression | None:
        """25.04.2023, 2023-04-25, ۱۴۰۲/۰۲/۰۵"""
        terms = self._terms
        if at + 2 >= len(terms):
            return None
        values = terms[at : at + 3]
        if not all(value.isdigit() and value.isascii() and len(value) <= 4 for value in values):
            return None
        if not (self._gap(at) in _SEPARATORS and self._gap(at) == self._gap(at + 1)):
            return None
        first, month, last = (int(value) for value in values)
        year, day = (first, last) if len(values[0]) == 4 else (last, first)
        if len(values[0 if year == first else 2]) != 4:
            return None
        if month > 12 >= day and year == last:  # 4/25/2023
            month, day = day, month
        calendar = self._calendar_of(year)
        if calendar is None or not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        return Expression(at, at + 3, (day,), month, calendar, year)

    def month(self, at: int) -> Expression | None:
        found = self._named(self._names.months, at)
        if found is None:
            return None
        length, (calendar, month) = found
        after = at + length
        days, first = self._days_before(at)
        if not days:
            days, after = self._days_after(after)
        if not days or not self._is_name(at):
            return None
        year, last = self._year_after(after, calendar)
        direction, last = self._direction(first, last)
        return Expression(first, last, days, month, calendar, year, direction=direction)

    def weekday(self, at: int) -> Expression | None:
        found = self._named(self._names.weekdays, at)
        if found is None:
            return None
        length, weekday = found
        direction, last = self._direction(at, at + length)
        return Expression(at, last, weekday=weekday, direction=direction)

    def relative(self, at: int) -> Expression | None:
        # As it stands: with an ending off, "dünya" would be yesterday, and «غداة» tomorrow.
        found = self._names.relative.at(self._terms, at)
        return Expression(at, at + found[0], relative_days=found[1]) if found is not None else None

    def _is_name(self, at: int) -> bool:
        """False for what is another word in other clothes: may and march; "4,75-5 aralığına", which is no December."""
        language = self._tokens.language
        if language not in ("en", "tr"):
            return True
        start, end = self._tokens.span(at)
        written = self._tokens.text[start:end]
        return written[0].isupper() or (language == "tr" and not written.endswith(("na", "ne")))

    def _named(self, phrases: Phrases[M], at: int) -> tuple[int, M] | None:
        for stem in self._stems[self._terms[at]]:
            found = phrases.at(self._terms, at, stem)
            if found is not None:
                return found
        return None

    def _days_before(self, month: int) -> tuple[tuple[int, ...], int]:
        """Return the days that stand before the month at `month`, and where they begin."""
        terms = self._terms
        for joint in self._before_joints(month):
            day = self._day(joint - 1)
            if day is not None:
                earlier = self._day(joint - 2) if self._is_listed(joint - 2, joint - 1) else None
                if earlier is None and joint >= 3 and len(terms[joint - 2]) <= 3 and not terms[joint - 2].isdigit():
                    linked = self._day(joint - 3)  # «3 و 4», "3 and 4", «3 ve 4»
                    if linked is not None and linked < day and terms[joint - 3].isdigit():
                        return (linked, day), joint - 3
                if earlier is not None and earlier < day:
                    return (earlier, day), joint - 2
                return (day,), joint - 1
            for length in range(_MAX_ORDINAL_TERMS, 0, -1):
                start = joint - length
                if start < 0:
                    continue
                for stem in self._ordinals[terms[start]]:
                    found = self._names.ordinals.at(terms, start, stem)
                    if found is not None and found[0] == length:
                        return (found[1],), start
        return (), month

    def _days_after(self, at: int) -> tuple[tuple[int, ...], int]:
        """Return the days that stand from `at` on, after a month, and where they end."""
        day = self._day(at)
        if day is None or not self._is_near(at - 1):
            return (), at
        later = self._day(at + 1) if self._is_listed(at, at + 1) else None
        if later is not None and later > day:
            return (day, later), at + 2
        return (day,), at + 1

    def _before_joints(self, month: int) -> list[int]:
        """Return where a day before the month may end: right before it, or before the words between them."""
        places = [month]
        for count in range(1, _MAX_JOINTS + 1):
            start = month - count
            if start <= 0:
                break
            found = self._names.joints.at(self._terms, start)
            if found is not None and start + found[0] in places:
                places.append(start)
        return places

    def _year_after(self, at: int, calendar: Calendar) -> tuple[int | None, int]:
        for skipped in range(_MAX_JOINTS + 1):
            place = at + skipped
            if place >= len(self._terms):
                break
            number = _YEAR.fullmatch(self._terms[place])
            if number and is_year(calendar, int(number[1])):
                return int(number[1]), place + 1
            found = self._names.year_joints.at(self._terms, place)
            if found is None:
                break
        return None, at

    def _direction(self, first: int, last: int) -> tuple[Direction, int]:
        """Whether "last" or "next" stands after or before the expression, and where it then ends."""
        terms = self._terms
        if last < len(terms):
            direction = self._direction_of(last)
            if direction != "nearest":
                return direction, last + 1
        return self._direction_of(first - 1) if first > 0 else "nearest", last

    def _direction_of(self, at: int) -> Direction:
        if self._names.past.at(self._terms, at) is not None:
            return "past"
        return "future" if self._names.next.at(self._terms, at) is not None else "nearest"

    def _calendar_of(self, year: int) -> Calendar | None:
        if is_year("gregorian", year):
            return "gregorian"
        order: tuple[Calendar, ...] = (
            ("hijri", "jalali") if self._tokens.language in ("ar", "ur") else ("jalali", "hijri")
        )
        return next((calendar for calendar in order if is_year(calendar, year)), None)

    def _day(self, at: int) -> int | None:
        if not 0 <= at < len(self._terms):
            return None
        return day_of(self._terms[at])

    def _is_listed(self, first: int, second: int) -> bool:
        """Whether two days stand in a list or a range: "3-4", «15 و16»."""
        if first < 0 or second >= len(self._terms):
            return False
        return self._gap(first).strip() in _SEPARATORS - {"."} or not self._terms[second][0].isdigit()

    def _is_near(self, at: int) -> bool:
        return self._gap(at).strip(" .\u00a0") == ""  # "Dec. 28"

    def _gap(self, at: int) -> str:
        """Return what stands in the text between the token at `at` and the next one."""
        return self._tokens.gap(at + 1)


def _joined(found: list[Expression]) -> list[Expression]:
    """Let a weekday beside a date be part of it: «الثلاثاء 25 نيسان», "28 Aralık Çarşamba", "в четверг, 18 мая"."""
    joined: list[Expression] = []
    for expression in found:
        before = joined[-1] if joined else None
        if before is not None and expression.first < before.last:
            continue
        if before is not None and expression.first - before.last <= 1:
            pair = (before, expression)
            dates = [one for one in pair if one.days]
            others = [one for one in pair if not one.days]
            if len(dates) == 1 and len(others) == 1:
                date = dates[0]
                joined[-1] = Expression(
                    before.first, expression.last, date.days, date.month, date.calendar, date.year,
                    others[0].weekday, others[0].relative_days, date.direction,
                )  # fmt: skip
                continue
            if before.relative_days is not None and expression.weekday is not None:  # «اليوم الثلاثاء», "îro sêşemê"
                joined[-1] = Expression(
                    before.first, expression.last, weekday=expression.weekday, relative_days=before.relative_days
                )
                continue
        joined.append(expression)
    return joined
