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


class Alike:
    """The parts that have the same key and, behind it, the same letters."""

    __slots__ = ("notes", "parts")

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.notes: dict[Any, Any] = {}
        """What who asks has worked out from these parts."""


class Near:
    """The parts behind one key that are near enough to a run of consonants."""

    __slots__ = ("_apart", "alike", "notes")

    def __init__(self, alike: tuple[tuple[Alike, float], ...]) -> None:
        self.alike = alike
        """With the price of pairing the consonants in order, per consonant: quick, and rarely dearer than the best
        alignment."""
        self._apart: dict[int, float] | None = None
        self.notes: dict[Any, Any] = {}
        """What who asks has worked out from these parts, kept as long as they are."""

    @property
    def apart(self) -> dict[int, float]:
        """The same price by part."""
        if self._apart is None:
            self._apart = {part: apart for each, apart in self.alike for part in each.parts}
        return self._apart


class _Node:
    """A key, or the beginning of one."""

    __slots__ = ("key", "near", "next", "parts", "steps")

    def __init__(self, key: str) -> None:
        self.key = key
        self.steps = _Steps(self)
        self.next: dict[str, _Node] = {}
        """By one class of consonants, or two that one letter stands for."""
        self.parts: dict[tuple[int, ...], Alike] = {}
        """The parts with this key, by the symbols behind its letters."""
        self.near: dict[tuple[tuple[int, ...], float], Near] = {}


class _Steps(dict[int, tuple[tuple[_Node, tuple[int, ...]], ...]]):
    """Where a symbol leads from a node, with what it adds behind the key."""

    def __init__(self, node: _Node) -> None:
        super().__init__()
        self._node = node

    def __missing__(self, symbol: int) -> tuple[tuple[_Node, tuple[int, ...]], ...]:
        node = self._node
        steps: dict[_Node, tuple[int, ...]] = {}
        for option in options_of[symbol]:
            if not option or node.key.endswith(option):  # a doubled consonant counts once
                steps.setdefault(node, ())
            elif option in node.next:
                steps.setdefault(node.next[option], (symbol,) * len(option))
        self[symbol] = found = tuple(steps.items())
        return found


class SoundIndex:
    """Parts by their sound. Fill it with `add`, then ask `find`."""

    def __init__(self) -> None:
        self._root = _Node("")
        self._nodes = {"": self._root}
        self._near_count = 0

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
            ends = [self._node(key[:-1])]
            ends[0].next[key[-1]] = node
            if len(key) > 1:
                ends.append(self._nodes[key[:-2]])
                ends[1].next[key[-2:]] = node
            for end in ends:
                end.steps.clear()
        return node

    def find(self, symbols: tuple[int, ...], limit: float) -> list[Near]:
        """Return the parts whose consonants are within `limit` of those of `symbols`, by key, the likeliest first."""
        walked: list[tuple[_Node, tuple[int, ...]]] = [(self._root, ())]
        for symbol in symbols:
            if options_of[symbol] == _SILENT:
                continue
            if len(walked) == 1:
                node, behind = walked[0]
                walked = [(longer, behind + added) for longer, added in node.steps[symbol]]
            else:
                grown: dict[_Node, tuple[int, ...]] = {}
                for node, behind in walked:
                    for longer, added in node.steps[symbol]:
                        if longer not in grown:
                            grown[longer] = behind + added
                walked = list(grown.items())[:MOST_KEYS]
            if not walked:
                return []
        found = []
        for node, behind in walked:
            if node.parts:
                near = node.near.get((behind, limit))
                if near is None:
                    near = self._compare(node, behind, limit)
                if near.alike:
                    found.append(near)
        return found

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
