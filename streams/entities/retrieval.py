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


class Near:
    """The parts behind one key that are near enough to a run of consonants."""

    __slots__ = ("apart", "notes")

    def __init__(self, apart: dict[int, float]) -> None:
        self.apart = apart
        """The price of pairing the consonants of each part in order, per consonant: quick, and rarely dearer than the
        best alignment."""
        self.notes: dict[Any, Any] = {}
        """What who asks has worked out from these parts, kept as long as they are."""


class _Node:
    """A key, or the beginning of one."""

    __slots__ = ("key", "near", "next", "parts")

    def __init__(self, key: str) -> None:
        self.key = key
        self.next: dict[str, _Node] = {}
        """By one class of consonants, or two that one letter stands for."""
        self.parts: dict[tuple[int, ...], list[int]] = {}
        """The parts with this key, by the symbols behind its letters."""
        self.near: dict[tuple[tuple[int, ...], float], Near] = {}


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
            node.parts.setdefault(behind, []).append(number)
            node.near.clear()

    def _node(self, key: str) -> _Node:
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = _Node(key)
            self._node(key[:-1]).next[key[-1]] = node
            if len(key) > 1:
                self._nodes[key[:-2]].next[key[-2:]] = node
        return node

    def find(self, symbols: tuple[int, ...], limit: float) -> list[Near]:
        """Return the parts whose consonants are within `limit` of those of `symbols`, by key, the likeliest first."""
        walked: dict[_Node, tuple[int, ...]] = {self._root: ()}
        for symbol in symbols:
            options = options_of[symbol]
            if options == _SILENT:
                continue
            if len(options) > 1 and len(walked) * len(options) > 2 * MOST_KEYS:
                options = options[:1]
            grown: dict[_Node, tuple[int, ...]] = {}
            for option in options:
                behind_option = (symbol,) * len(option)
                for node, behind in walked.items():
                    if not option or node.key.endswith(option):  # a doubled consonant counts once
                        if node not in grown:
                            grown[node] = behind
                    elif (longer := node.next.get(option)) is not None and longer not in grown:
                        grown[longer] = behind + behind_option
            if not grown:
                return []
            walked = grown
            if len(walked) > MOST_KEYS:
                walked = dict(list(walked.items())[:MOST_KEYS])
        found = []
        for node, behind in walked.items():
            if node.parts:
                near = node.near.get((behind, limit))
                if near is None:
                    near = self._compare(node, behind, limit)
                if near.apart:
                    found.append(near)
        return found

    def _compare(self, node: _Node, behind: tuple[int, ...], limit: float) -> Near:
        size = len(behind)
        farthest = (limit + SLACK) * size
        rows = [exchange_prices(symbol) for symbol in behind]
        near: dict[int, float] = {}
        for others, numbers in node.parts.items():
            apart = 0.0
            if others != behind:
                for row, other in zip(rows, others, strict=True):
                    apart += row[other]
                    if apart > farthest:
                        break
            if apart <= farthest:
                near.update(dict.fromkeys(numbers, apart / size))
        if self._near_count >= MOST_NEARS:
            for each in self._nodes.values():
                each.near.clear()
            self._near_count = 0
        self._near_count += 1
        found = node.near[behind, limit] = Near(near) if near else _NOTHING_NEAR
        return found


_NOTHING_NEAR: Final = Near({})
