"""Words that headlines have begun to use: unknown until a day ago, and now in several outlets.

What has been met is remembered as hashes, in two generations: when the younger is full, the older is forgotten. A word
whose hash is that of another is taken for known, about once in 2⁶⁴⁻ⁿ words of 2ⁿ; none is reported that is not new.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

MAX_KNOWN = 200_000
MAX_CANDIDATES = 20_000
_DAY_HOURS = 24
_LEAST_LETTERS = 4
_LEAST_ARTICLES = 5
_LEAST_SOURCES = 3
_LEARNING_HOURS = 7 * 24
"""For the first week every word is new."""


class NewTerm(Struct, frozen=True):
    """A term that has become one: articles and sources in the last day."""

    language: str
    term: str
    articles: int
    sources: int


class TermsDump(NamedTuple):
    """All that is remembered, to be kept somewhere."""

    young: list[int]
    old: list[int]
    candidates: list[tuple[str, str, int, int, tuple[str, ...]]]
    """Language, term, first hour, articles, sources."""
    first_hour: int | None


class _Candidate(Struct):
    first_hour: int
    articles: int = 0
    sources: set[str] = set()


class Terms:
    """The words of headlines, by language."""

    def __init__(self, max_known: int = MAX_KNOWN, max_candidates: int = MAX_CANDIDATES) -> None:
        self._max_known = max_known
        self._max_candidates = max_candidates
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._candidates: dict[tuple[str, str], _Candidate] = {}
        self._first_hour: int | None = None

    def add(self, language: str, terms: Iterable[str], source: str, hour: int) -> list[NewTerm]:
        """Take the folded terms of one headline; return the terms that this makes new ones. Each is returned once."""
        self._first_hour = hour if self._first_hour is None else min(self._first_hour, hour)
        is_learning = hour - self._first_hour < _LEARNING_HOURS
        found = []
        for term in dict.fromkeys(terms):
            if len(term) < _LEAST_LETTERS or not term.isalpha():
                continue
            key = (language, term)
            number = _hash(key)
            if number in self._young:
                continue
            if number in self._old:
                self._know(number)  # what is used stays known
                continue
            if is_learning:
                self._know(number)
                continue
            candidate = self._candidates.get(key)
            if candidate is None:
                self._make_room(hour)
                candidate = self._candidates[key] = _Candidate(hour, 0, set())
            elif hour - candidate.first_hour >= _DAY_HOURS:
                del self._candidates[key]  # it came into use slowly
                self._know(number)
                continue
            candidate.articles += 1
            candidate.sources.add(source)
            if candidate.articles >= _LEAST_ARTICLES and len(candidate.sources) >= _LEAST_SOURCES:
                found.append(NewTerm(language, term, candidate.articles, len(candidate.sources)))
                del self._candidates[key]
                self._know(number)
        return found

    def dump(self) -> TermsDump:
        """Return what is remembered; `load` takes it back."""
        candidates = [
            (language, term, one.first_hour, one.articles, tuple(sorted(one.sources)))
            for (language, term), one in self._candidates.items()
        ]
        return TermsDump(sorted(self._young), sorted(self._old), candidates, self._first_hour)

    def load(self, dump: TermsDump) -> None:
        """Remember what was dumped, and nothing else."""
        self._young, self._old, self._first_hour = set(dump.young), set(dump.old), dump.first_hour
        self._candidates = {
            (language, term): _Candidate(first_hour, articles, set(sources))
            for language, term, first_hour, articles, sources in dump.candidates
        }

    def _know(self, number: int) -> None:
        if len(self._young) >= self._max_known:
            self._old = self._young
            self._young = set()
        self._young.add(number)

    def _make_room(self, hour: int) -> None:
        if len(self._candidates) < self._max_candidates:
            return
        for key, candidate in list(self._candidates.items()):
            if hour - candidate.first_hour >= _DAY_HOURS:
                del self._candidates[key]
                self._know(_hash(key))
        if len(self._candidates) >= self._max_candidates:  # a flood of words met once: spam
            by_use = sorted(self._candidates, key=lambda key: (self._candidates[key].articles, key))
            for key in by_use[: self._max_candidates // 2]:
                del self._candidates[key]


def _hash(key: tuple[str, str]) -> int:
    text = "\x1f".join(key).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
