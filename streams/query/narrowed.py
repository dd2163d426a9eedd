"""Leaves that count in one part of an article, or in articles of some languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.query.leaves import Groups, Leaf, singles
from streams.query.places import NOWHERE, Places
from streams.query.proximity import Interval, Place
from streams.query.syntax import Scope

if TYPE_CHECKING:
    from streams.query.scan import Scan


class ScopedLeaf(Leaf):
    """A leaf, counted only in one part of the article."""

    __slots__ = ("has_windows", "item", "scope")

    def __init__(self, item: Leaf, scope: Scope) -> None:
        self.item = item
        self.has_windows = item.has_windows
        self.scope = scope

    def needed_in_title(self) -> frozenset[int]:
        return singles(self.item.required()) if self.scope == "title" else frozenset()

    def most(self) -> tuple[float, float]:
        most, outside = self.item.most()
        return (most, 0.0) if self.scope == "title" else (outside, outside) if self.scope == "text" else (most, outside)

    def find(self, scan: Scan) -> Places:
        return self.item.places(scan).inside(scan.area(self.scope))

    def choose(self, scan: Scan) -> Places:
        return self.item.choices(scan).inside(scan.area(self.scope))

    def windows(self, scan: Scan) -> dict[Interval, Place]:
        return self.item.windows(scan)

    def needs(self) -> Groups:
        return self.item.required()


class LanguageLeaf(Leaf):
    """A leaf, counted only in articles of some languages."""

    __slots__ = ("has_windows", "item", "languages")

    def __init__(self, item: Leaf, languages: frozenset[str]) -> None:
        self.item = item
        self.has_windows = item.has_windows
        self.languages = languages

    def find(self, scan: Scan) -> Places:
        return self.item.places(scan) if self._applies(scan.document.language) else NOWHERE

    def choose(self, scan: Scan) -> Places:
        return self.item.choices(scan) if self._applies(scan.document.language) else NOWHERE

    def windows(self, scan: Scan) -> dict[Interval, Place]:
        return self.item.windows(scan)

    def _applies(self, language: str) -> bool:
        return language in self.languages or language.partition("-")[0] in self.languages

    def needs(self) -> Groups:
        return self.item.required()
