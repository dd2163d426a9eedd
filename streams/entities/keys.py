"""The phonetic key: the consonants of a spelling, coarsely classed, so that spellings of one name share a key in
every script.

A key only retrieves; `prices.distance` decides. An ambiguous letter (و, ח, kh, ğ …) counts in every way it may
sound, so a spelling has
a few keys, and two spellings of a name meet in at least one of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from streams.entities.sounds import SYMBOLS

MOST_KEYS: Final = 8
_SURE = 0.101
"""A sound with a higher price than this is left to the distance: it would double the keys for little."""
_CLASSES: Final[dict[str, str | tuple[str, ...]]] = {
    **dict.fromkeys("pb", "B"), **dict.fromkeys("fv", "F"), **dict.fromkeys("td", "T"),
    **dict.fromkeys("sz", "S"), "c": ("S", "TS"),
    "S": "X", **dict.fromkeys("ZCJ", "J"), **dict.fromkeys("kgq", "K"), "G": ("K", ""), "x": "H", "h": ("", "H"),
    "m": "M", "n": "N", "r": "R", "l": "L", **dict.fromkeys("aeiouyw'", ""),
}  # fmt: skip


class _Options(dict[int, tuple[str, ...]]):
    def __missing__(self, symbol: int) -> tuple[str, ...]:
        classes: dict[str, None] = {}
        for sound, price in SYMBOLS[symbol].sounds.items():
            if price < _SURE and sound in _CLASSES:  # T and D are in none: their letters say t, s, d or z as well
                options = _CLASSES[sound]
                classes.update(dict.fromkeys((options,) if isinstance(options, str) else options))
        self[symbol] = found = tuple(classes) or ("T", "S")
        return found


options_of: Final = _Options()
"""For each symbol the letters that it may be in a key; an empty one where it may be in none."""


@lru_cache(maxsize=2_048)
def skeletons(symbols: tuple[int, ...], most: int = MOST_KEYS) -> dict[str, tuple[int, ...]]:
    """Return the keys of one spelling (at most `most`, the likeliest readings first), each with the symbols behind
    its letters. The result is remembered: do not change it."""
    found: list[tuple[str, tuple[int, ...]]] = [("", ())]
    for symbol in symbols:
        options = options_of[symbol]
        if len(options) > 1 and len(found) * len(options) > 2 * most:
            options = options[:1]
        if options == ("",):
            continue
        grown: dict[str, tuple[int, ...]] = {}
        for option in options:
            behind_option = (symbol,) * len(option)
            for key, behind in found:
                if not option or key.endswith(option):  # a doubled consonant counts once
                    if key not in grown:
                        grown[key] = behind
                elif (longer := key + option) not in grown:
                    grown[longer] = behind + behind_option
        found = list(grown.items())
        if len(found) > most:
            del found[most:]
    return {key: behind for key, behind in found if key}


def keys(symbols: tuple[int, ...], most: int = MOST_KEYS) -> tuple[str, ...]:
    """Return the keys of one spelling alone."""
    return tuple(skeletons(symbols, most))
