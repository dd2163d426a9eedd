"""Which parts sound like a spelling: a tree of phonetic keys, and behind each key the parts that are near enough.

A spelling is walked consonant by consonant through the tree of the keys that parts have, so that a word like none of
them falls off after two or three. Where it arrives, its consonants are compared with those of the parts there, once for
all words that share them: most new words of a text do with some word before.
"""

from __future__ import annotations

from typing import Any, Final

from streams.entities.keys import MOST_KEYS, options_of, skeletons
from streams.entities.prices import exchange_prices

MOST_NEARS: Final = 20_000
"""The comparisons that are remembered: some 10 MB."""
SLACK: Final = 0.04
"""How much dearer the straight pairing of consonants may be than the best alignment."""
_SILENT: Final = ("",)
_NONE: Final[list[Near]] = []


class Alike:
    """The parts that have the same key and, behind it, the same letters."""

    __slots__ = ("notes", "parts")

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.notes: dict[Any, Any] = {}
        """What who asks has worked out from these parts."""


class Near:
    """The parts behind one key that are near enough to a run of consonants."""

    __slots__ = ("_apart", "alike", "asked", "note")

    def __init__(self, alike: tuple[tuple[Alike, float], ...]) -> None:
        self.alike = alike
        """With the price of pairing the consonants in order, per consonant: quick, and rarely dearer than the best
        alignment."""
        self._apart: dict[int, float] | None = None
        self.asked: Any = None
        self.note: Any = None
        """What who asked last, for `asked`, has worked out from these parts."""

    @property
    def apart(self) -> dict[int, float]:
        """The same price by part."""
        if self._apart is None:
            self._apart = {part: apart for each, apart in self.alike for part in each.parts}
        return self._apart


class _Node:
    """A key, or the beginning of one."""

    __slots__ = ("key", "near", "next", "parts")

    def __init__(self, key: str) -> None:
        self.key = key
        self.next: dict[str, _Node] = {}
        """By one class of consonants, or two that one letter stands for."""
        self.parts: dict[tuple[int, ...], Alike] = {}
        """The parts with this key, by the symbols behind its letters."""
        self.near: dict[tuple[tuple[int, ...], float], Near] = {}


class _Marks(dict[int, str]):
    """One character for each symbol that says which letters of a key it may be; none where it is in no key."""

    def __init__(self) -> None:
        super().__init__()
        self.options: list[tuple[str, ...]] = []
        """By the character's number."""

    def __missing__(self, symbol: int) -> str:
        options = options_of[symbol]
        if options == _SILENT:
            mark = ""
        else:
            if options not in self.options:
                self.options.append(options)
            mark = chr(self.options.index(options))
        self[symbol] = mark
        return mark


class SoundIndex:
    """Parts by their sound. Fill it with `add`, then ask `find`."""

    def __init__(self) -> None:
        self._root = _Node("")
        self._nodes = {"": self._root}
        self._near_count = 0
        self._marks = _Marks()
        self._walks: dict[str, tuple[tuple[_Node, tuple[int, ...]], ...]] = {}

    def add(self, symbols: tuple[int, ...], number: int) -> None:
        """Note that part `number` is spelled `symbols`."""
        for key, behind in skeletons(symbols).items():
            node = self._node(key)
            alike = node.parts.get(behind)
            if alike is None:
                alike = node.parts[behind] = Alike()
            alike.parts.append(number)
            alike.notes.clear()
            node.near.clear()

    def _node(self, key: str) -> _Node:
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = _Node(key)
            self._node(key[:-1]).next[key[-1]] = node
            if len(key) > 1:
                self._nodes[key[:-2]].next[key[-2:]] = node
            self._walks.clear()
        return node

    def find(self, symbols: tuple[int, ...], limit: float) -> list[Near]:
        """Return the parts whose consonants are within `limit` of those of `symbols`, by key, the likeliest first."""
        marks = [mark for symbol in symbols if (mark := self._marks[symbol])]
        word = "".join(marks)
        walk = self._walks.get(word)
        if walk is None:
            if len(self._walks) >= MOST_NEARS:
                self._walks.clear()
            walk = self._walks[word] = self._walk(word)
        if not walk:
            return _NONE
        if len(marks) < len(symbols):
            symbols = tuple(symbol for symbol in symbols if self._marks[symbol])
        found = []
        for node, places in walk:
            behind = tuple([symbols[place] for place in places])
            near = node.near.get((behind, limit))
            if near is None:
                near = self._compare(node, behind, limit)
            if near.alike:
                found.append(near)
        return found

    def _walk(self, word: str) -> tuple[tuple[_Node, tuple[int, ...]], ...]:
        """Return the keys that a word of such marks has, of those that parts have, with the places of the symbols
        behind each."""
        walked: dict[_Node, tuple[int, ...]] = {self._root: ()}
        for place, mark in enumerate(word):
            options = self._marks.options[ord(mark)]
            if len(options) > 1 and len(walked) * len(options) > 2 * MOST_KEYS:
                options = options[:1]
            grown: dict[_Node, tuple[int, ...]] = {}
            for option in options:
                added = (place,) * len(option)
                for node, behind in walked.items():
                    if not option or node.key.endswith(option):  # a doubled consonant counts once
                        grown.setdefault(node, behind)
                    elif (longer := node.next.get(option)) is not None:
                        grown.setdefault(longer, behind + added)
            walked = dict(list(grown.items())[:MOST_KEYS])
            if not walked:
                break
        return tuple((node, places) for node, places in walked.items() if node.parts)

    def _compare(self, node: _Node, behind: tuple[int, ...], limit: float) -> Near:
        size = len(behind)
        farthest = (limit + SLACK) * size
        rows = [exchange_prices(symbol) for symbol in behind]
        near: list[tuple[Alike, float]] = []
        for others, alike in node.parts.items():
            apart = 0.0
            if others != behind:
                for row, other in zip(rows, others, strict=True):
                    apart += row[other]
                    if apart > farthest:
                        break
                else:
                    near.append((alike, apart / size))
            else:
                near.append((alike, apart))
        if self._near_count >= MOST_NEARS:
            for each in self._nodes.values():
                each.near.clear()
            self._near_count = 0
        self._near_count += 1
        found = node.near[behind, limit] = Near(tuple(near)) if near else _NOTHING_NEAR
        return found


_NOTHING_NEAR: Final = Near(())
