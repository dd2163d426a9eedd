"""By which keys the words of names are met: of each part its phonetic keys, and one of its own for its letters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar, cast

from streams.entities.names import Form
from streams.entities.patterns import Compiled

_Numbers = TypeVar("_Numbers", tuple[int, ...], frozenset[int])
_SURNAMES: Final[frozenset[Form]] = frozenset(("surname", "called"))


class NameKeys:
    """The names, findable by the keys of their words. A name is known by its place among the patterns."""

    def __init__(self, compiled: Compiled) -> None:
        keys_of_part = compiled.parts.keys
        anchored: dict[int, list[int]] = {}
        before: dict[int, list[int]] = {}
        follows: dict[int, set[int]] = {}
        surnames: dict[int, list[int]] = {}
        alone: dict[int, list[int]] = {}
        for number, pattern in enumerate(compiled.patterns):
            anchor = pattern.anchor
            if anchor:
                keys = _keys_of(pattern.slots[anchor], keys_of_part)
                keys_before = _keys_of(pattern.slots[anchor - 1], keys_of_part)
                for key in keys:
                    anchored.setdefault(key, []).append(number)
                for key in keys_before:
                    before.setdefault(key, []).append(number)
                    follows.setdefault(key, set()).update(keys)
            else:
                for part in pattern.slots[0]:
                    alone.setdefault(part, []).append(number)
                if pattern.form in _SURNAMES:
                    surnames.setdefault(pattern.entity, []).append(number)
        share = _Shared()
        self.alone = {part: share(tuple(found)) for part, found in alone.items()}
        """Names of one word by their parts."""
        self.anchored = {key: share(tuple(found)) for key, found in anchored.items()}
        """Names of several words by the keys of their anchor."""
        self.before = {key: share(tuple(found)) for key, found in before.items()}
        """The same by the keys of the word before the anchor."""
        self.follows = {key: share(frozenset(found)) for key, found in follows.items()}
        """By the keys of a word those of the anchors that it may stand before."""
        self.surnames = {entity: tuple(found) for entity, found in surnames.items()}
        """The names of one word of each entity that count when the article names the bearer in full."""
        self.of_surnames = {
            entity: frozenset(
                [key for number in found for part in compiled.patterns[number].slots[0] for key in keys_of_part[part]]
            )
            for entity, found in surnames.items()
        }
        """Their phonetic keys."""
        self.known = frozenset().union(self.anchored, self.before, *self.of_surnames.values())
        """All keys of the words of names of several words, and of surnames."""

    def both(self, keys: Iterable[int], keys_before: Iterable[int]) -> set[int]:
        """Return the names of several words whose anchor has one of `keys`, and the word before it another."""
        found: set[int] = set()
        found.update(*[self.anchored[key] for key in keys if key in self.anchored])
        found.intersection_update([number for key in keys_before if key in self.before for number in self.before[key]])
        return found


class _Shared:
    """Keeps one of all that are equal: the parts of one word of a name have much in common."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def __call__(self, numbers: _Numbers) -> _Numbers:
        return cast("_Numbers", self._known.setdefault(numbers, numbers))


def _keys_of(parts: Iterable[int], keys_of_part: list[tuple[int, ...]]) -> set[int]:
    keys: set[int] = set()
    for part in parts:
        keys.add(~part)
        keys.update(keys_of_part[part])
    return keys
