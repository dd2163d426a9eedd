"""Which keys a spelling shares with parts of names: an automaton of phonetic keys.

A letter may stand for several classes of consonants, so that a spelling is at several keys at once. Where it is after
each letter is one state of the automaton, worked out when a word first comes there: a new word then costs one look-up a
letter, and words that sound alike end in the same state. What a state means to who asks is kept with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from streams.entities.keys import MOST_KEYS, options_of, skeletons
from streams.entities.prices import exchange_prices

MOST_STATES: Final = 12_000
"""The states that are remembered: some 10 MB."""
MOST_WALKS: Final = 2_000
SLACK: Final = 0.04
"""How much dearer the straight pairing of consonants may be than the best alignment."""
_SILENT: Final = ("",)
Steps = tuple[tuple[int, int], ...]
Walk = tuple[tuple[int, tuple[int, ...]], ...]
"""Keys of a spelling, with the symbols behind the letters of each."""


class State(dict[str, "State"]):
    """Where a spelling may be in the tree of keys; by the mark of its next letter, where it is then."""

    __slots__ = ("_index", "_steps", "_ways", "found", "note", "numbers")

    def __init__(self, index: SoundIndex, keys: tuple[str, ...]) -> None:
        super().__init__()
        self._index = index
        self._ways = keys
        self._steps: dict[str, Steps] = {}
        self.found = tuple([number for key in keys if (number := index.number_of(key)) >= 0])
        """The numbers of the keys that parts have, of those where the spelling may be if it ends here."""
        self.numbers = frozenset(self.found)
        """The same."""
        self.note: Any = None
        """What who asks has worked out from these keys."""

    def with_keys(self, behind: Sequence[tuple[int, ...]]) -> Walk:
        """Return the numbers of the keys that parts have, with what of `behind`, one for every key, is theirs."""
        numbers = map(self._index.number_of, self._ways)
        return tuple([pair for pair in zip(numbers, behind, strict=True) if pair[0] >= 0])

    def __missing__(self, mark: str) -> State:
        found = self[mark] = self._index.state(tuple(self._index.grown(self._ways, mark)))
        return found

    def steps(self, mark: str) -> Steps:
        """Return, for each key of where a spelling is after its next letter, which of the keys here it comes from and
        how many letters it has more."""
        found = self._steps.get(mark)
        if found is None:
            found = self._steps[mark] = tuple(self._index.grown(self._ways, mark).values())
        return found


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
    """Keys of parts by their sound. Fill it with `add`, then ask `find`."""

    def __init__(self) -> None:
        self._keys = {"": -1}
        """The number of each key; -1 where it is only the beginning of one."""
        self._count = 0
        self._marks = _Marks()
        self._states: dict[tuple[str, ...], State] = {}
        self._start = self.state(("",))
        self._walks: dict[tuple[int, ...], Walk] = {}

    def add(self, symbols: tuple[int, ...]) -> list[int]:
        """Note that a part is spelled `symbols`, and return the numbers of its keys."""
        keys = self._keys
        found = []
        for key in skeletons(symbols):
            number = keys.get(key, -1)
            if number < 0:
                for end in range(1, len(key)):
                    keys.setdefault(key[:end], -1)
                number = keys[key] = self._count
                self._count += 1
                if self._start or self._walks:
                    self._forget()
            found.append(number)
        return found

    def find(self, symbols: tuple[int, ...]) -> State:
        """Return the state in which a spelling ends."""
        state, marks = self._start, self._marks
        for symbol in symbols:
            mark = marks[symbol]
            if mark:
                state = state[mark]
        return state

    def state(self, keys: tuple[str, ...]) -> State:
        """Return the state of being at `keys`."""
        found = self._states.get(keys)
        if found is None:
            if len(self._states) >= MOST_STATES:
                self._forget()
            found = self._states[keys] = State(self, keys)
        return found

    def _forget(self) -> None:
        for state in self._states.values():
            state.clear()
        self._states.clear()
        self._walks.clear()
        self._start = self.state(("",))

    def number_of(self, key: str) -> int:
        """Return the number of a key; -1 where it is only the beginning of one."""
        return self._keys[key]

    def grown(self, keys: Sequence[str], mark: str) -> dict[str, tuple[int, int]]:
        """Return where a spelling is, after a letter of such a mark, that was at `keys`, and which of them each key
        comes from, with the number of letters added to it."""
        options = self._marks.options[ord(mark)]
        if len(options) > 1 and len(keys) * len(options) > 2 * MOST_KEYS:
            options = options[:1]
        grown: dict[str, tuple[int, int]] = {}
        for option in options:
            for place, key in enumerate(keys):
                if not option or key.endswith(option):  # a doubled consonant counts once
                    grown.setdefault(key, (place, 0))
                elif (longer := key + option) in self._keys:
                    grown.setdefault(longer, (place, len(option)))
        return dict(islice(grown.items(), MOST_KEYS))

    def walk(self, symbols: tuple[int, ...]) -> Walk:
        """Return the keys of a spelling, of those that parts have, with the symbols behind each: what `find` finds."""
        found = self._walks.get(symbols)
        if found is None:
            if len(self._walks) >= MOST_WALKS:
                self._walks.clear()
            found = self._walks[symbols] = self._walk(symbols)
        return found

    def _walk(self, symbols: tuple[int, ...]) -> Walk:
        state, marks = self._start, self._marks
        behind: list[tuple[int, ...]] = [()]
        for symbol in symbols:
            mark = marks[symbol]
            if mark:
                added = (), (symbol,), (symbol, symbol)
                behind = [behind[place] + added[more] if more else behind[place] for place, more in state.steps(mark)]
                state = state[mark]
        return state.with_keys(behind)


def apart(behind: tuple[int, ...], others: tuple[int, ...], most: float) -> float | None:
    """Return the price of pairing as many consonants in order; None when it is more than `most`.

    It is quick to work out, and rarely dearer than the best alignment.
    """
    if behind == others:
        return 0.0
    total = 0.0
    for symbol, other in zip(behind, others, strict=True):
        total += exchange_prices(symbol)[other]
        if total > most:
            return None
    return total
