"""How far apart two spellings sound: a weighted edit distance between their symbols.

The prices say how often a sound is exchanged for another when a name changes script or language. They are per
sound; a pair of
symbols costs as much as its nearest pair of sounds. Where one of the two spellings leaves short vowels out
(Arabic, Hebrew script)
an unmatched vowel is almost free, otherwise it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, islice
from typing import Final

from streams.entities.sounds import SYMBOLS, VOWELS

_EXCHANGES = """
pb.40 td.35 kg.40 fv.20 sz.30 SZ.40 CJ.30 xh.12 xk.35 qk.08 qg.20 qx.35 Gg.10 Gq.30 Gx.35 Gh.45 h'.30 Tt.10 Ts.10
Dd.10 Dz.10 TD.2 JZ.12 Jg.35
Jd.60 Jy.60 CS.35 Ss.35 Zz.35 cs.20 cC.35 ct.45 cz.30 vw.10 vb.35 wu.05 wo.10 yi.05 ye.20 mn.55 wf.40 uv.30 kC.6 gZ.6
ae.12 ao.15 au.30 ai.35 ei.12 eo.30 eu.40 ou.08 iu.22 io.35
"""
EXCHANGE: Final[dict[tuple[str, str], float]] = {}
for _entry in _EXCHANGES.split():
    EXCHANGE[_entry[0], _entry[1]] = EXCHANGE[_entry[1], _entry[0]] = float(_entry[2:])

_LOSS = {"'": 0.03, "h": 0.35, "y": 0.25, "w": 0.3, "G": 0.45}
_UNWRITTEN: Final = {"a": 0.06, "e": 0.06, "i": 0.1, "u": 0.12, "o": 0.14}
"""A vowel that the other script has no letter for, or leaves out."""
_LONG_IN_ABJAD: Final = 0.16
"""A vowel letter of Arabic or Hebrew script that the other spelling, in such a script too, lacks."""
_LONG_IN_FULL: Final = 0.25
_VOWEL_IN_FULL: Final = 0.35
_FIRST_VOWEL: Final = 0.4
"""Every script writes that a word begins with a vowel …"""
_LAST_VOWEL: Final = 0.4
"""… and nearly always the vowel that it ends with."""
_CONSONANT_WEIGHT = 1.0
_VOWEL_WEIGHT = 0.3


def _symbol_price(first: int, second: int) -> float:
    best = 2.0
    for sound, extra in SYMBOLS[first].sounds.items():
        for other, other_extra in SYMBOLS[second].sounds.items():
            base = 0.0 if sound == other else EXCHANGE.get((sound, other), 1.0 + (sound in VOWELS) + (other in VOWELS))
            best = min(best, base + extra + other_extra)
    return best


def _loss(symbol: int, other_is_abjad: bool) -> float:
    """The price of a symbol that the other spelling lacks."""
    sounds, abjad = SYMBOLS[symbol]
    best = 1.0
    for sound, price in sounds.items():
        if price > 0:
            continue
        if sound not in VOWELS:
            best = min(best, _LOSS.get(sound, 1.0))
        elif abjad:
            best = min(best, _LONG_IN_ABJAD if other_is_abjad else _LONG_IN_FULL)
        else:
            best = min(best, _UNWRITTEN[sound] if other_is_abjad else _VOWEL_IN_FULL)
    return best


class _IsVowel(dict[int, bool]):
    def __missing__(self, symbol: int) -> bool:
        self[symbol] = answer = next(iter(SYMBOLS[symbol].sounds)) in VOWELS
        return answer


class _Row(dict[int, float]):
    """The prices of one symbol standing for another, by the other."""

    def __init__(self, symbol: int) -> None:
        super().__init__()
        self._symbol = symbol

    def __missing__(self, other: int) -> float:
        price = _symbol_price(self._symbol, other)
        self[other] = _EXCHANGES_OF[other][self._symbol] = price
        return price


class _Exchanges(dict[int, _Row]):
    def __missing__(self, symbol: int) -> _Row:
        self[symbol] = row = _Row(symbol)
        return row


class _Losses(dict[int, float]):
    def __init__(self, other_is_abjad: bool) -> None:
        super().__init__()
        self._other_is_abjad = other_is_abjad

    def __missing__(self, symbol: int) -> float:
        self[symbol] = price = _loss(symbol, self._other_is_abjad)
        return price


class _Weights(dict[int, float]):
    def __missing__(self, symbol: int) -> float:
        soft = any(sound in VOWELS or sound == "'" for sound in SYMBOLS[symbol].sounds)
        self[symbol] = heavy = _VOWEL_WEIGHT if soft else _CONSONANT_WEIGHT
        return heavy


_EXCHANGES_OF: Final = _Exchanges()
_LOSSES_OF: Final = (_Losses(False), _Losses(True))
_WEIGHTS: Final = _Weights()
_VOWELS: Final = _IsVowel()
_ROUNDING: Final = 1e-9


class _Consonants(dict[int, float]):
    def __missing__(self, symbol: int) -> float:
        first = next(iter(SYMBOLS[symbol].sounds))
        count = 0.0 if first in VOWELS or first == "'" else 0.5 if first in _LOSS else 1.0
        self[symbol] = count
        return count


_CONSONANTS: Final = _Consonants()


def consonants(symbols: tuple[int, ...]) -> float:
    """Return how many consonants a spelling has; those that come and go (h, y, w, gh) count half."""
    return sum(map(_CONSONANTS.__getitem__, symbols), 0.0)


def exchange_price(first: int, second: int) -> float:
    """Return the price of one symbol standing for another."""
    return _EXCHANGES_OF[first][second]


def exchange_prices(symbol: int) -> Mapping[int, float]:
    """Return the prices of `symbol` standing for others, by the other."""
    return _EXCHANGES_OF[symbol]


def weight(symbols: tuple[int, ...]) -> float:
    """Return how much there is to compare: about the number of consonants."""
    return sum(map(_WEIGHTS.__getitem__, symbols)) or 1.0


class Spelling:
    """A spelling ready to be compared: its symbols with what they weigh and what each costs to leave out."""

    __slots__ = ("_abjad_losses", "_least", "_losses", "_weight", "abjad", "symbols")

    def __init__(self, symbols: tuple[int, ...], abjad: bool) -> None:
        self.symbols = symbols
        self.abjad = abjad
        """Whether it is in a script that leaves short vowels out."""
        self._weight = 0.0
        self._losses: list[float] | None = None
        self._abjad_losses: list[float] | None = None
        self._least: dict[bool, list[float]] | None = None

    @property
    def weight(self) -> float:
        """How much there is to compare."""
        found = self._weight
        if not found:
            found = self._weight = weight(self.symbols)
        return found

    def losses(self, other_is_abjad: bool) -> list[float]:
        """Return what it costs to leave out each symbol when the other spelling is (or is not) in such a script."""
        found = self._abjad_losses if other_is_abjad else self._losses
        if found is None:
            table = _LOSSES_OF[other_is_abjad]
            found = [table[symbol] for symbol in self.symbols]
            if found and _VOWELS[self.symbols[0]]:
                found[0] = max(found[0], _FIRST_VOWEL)
            if found and _VOWELS[self.symbols[-1]]:
                found[-1] = max(found[-1], _LAST_VOWEL)
            if other_is_abjad:
                self._abjad_losses = found
            else:
                self._losses = found
        return found

    def least_loss(self, count: int, other_is_abjad: bool) -> float:
        """Return what it costs at least to leave out `count` symbols when the other spelling is (or is not) in such a
        script."""
        if self._least is None:
            self._least = {}
        found = self._least.get(other_is_abjad)
        if found is None:
            found = self._least[other_is_abjad] = [0.0, *accumulate(sorted(self.losses(other_is_abjad)))]
        return found[count]


def distance(first: Spelling, second: Spelling, limit: float = 1.0) -> float:
    """Return how far two spellings are apart by sound, per consonant: 0 the same, above `limit` cut off as 9."""
    if first.symbols == second.symbols:
        return 0.0
    scale = (first.weight + second.weight) / 2
    most = limit * scale
    more = len(first.symbols) - len(second.symbols)
    if more:  # symbols without a counterpart are often dear enough by themselves
        longer, other = (first, second) if more > 0 else (second, first)
        if longer.least_loss(abs(more), other.abjad) > most + _ROUNDING:
            return 9.0
    exchanges, others = _EXCHANGES_OF, second.symbols
    first_losses = first.losses(second.abjad)
    second_losses = second.losses(first.abjad)
    row = [0.0, *accumulate(second_losses)]
    left = row[-1]
    for symbol, gone in zip(first.symbols, first_losses, strict=True):
        left = lowest = row[0] + gone
        below = [left]
        append = below.append
        prices = map(exchanges[symbol].__getitem__, others)
        for diagonal, above, price, loss in zip(row, islice(row, 1, None), prices, second_losses, strict=False):
            here = diagonal + price
            other_way = above + gone
            if other_way < here:
                here = other_way
            left += loss
            if left > here:
                left = here
            append(left)
            if left < lowest:
                lowest = left
        if lowest > most:
            return 9.0
        row = below
    return left / scale if left <= most else 9.0


def is_near(first: Spelling, second: Spelling, limit: float) -> bool:
    """Return whether two spellings are no further apart than `limit`: what `distance` says, mostly sooner.

    Where a simple alignment, vowel with vowel and consonant with consonant, is near enough, the best one is too.
    """
    if first.symbols == second.symbols:
        return True
    most = limit * (first.weight + second.weight) / 2 - _ROUNDING
    first_losses, second_losses = first.losses(second.abjad), second.losses(first.abjad)
    others, exchanges, is_vowel = second.symbols, _EXCHANGES_OF, _VOWELS
    total = 0.0
    column, end = 0, len(others)
    for symbol, gone in zip(first.symbols, first_losses, strict=True):
        if not is_vowel[symbol]:
            while column < end and is_vowel[others[column]]:
                total += second_losses[column]
                column += 1
        if column < end and is_vowel[symbol] == is_vowel[others[column]]:
            total += exchanges[symbol][others[column]]
            column += 1
        else:
            total += gone
    total += sum(second_losses[column:])
    return total <= most or distance(first, second, limit) <= limit
