"""The shipped word lists: given names, titles, heads of state bodies, words that are names and something else as well.

They are data of ours, written for this purpose, a few kilobytes each; read on first use.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from streams.text.fold import fold


def _lines(name: str) -> list[str]:
    text = (files("streams.entities") / "data" / name).read_text(encoding="utf-8")
    return [line for raw in text.splitlines() if (line := raw.partition("#")[0].strip())]


@cache
def given_names() -> frozenset[str]:
    """Return the folded given names, in Latin and Arabic script."""
    return frozenset(fold(name) for line in _lines("given_names.txt") for name in line.split(maxsplit=1))


@cache
def words(name: str) -> frozenset[str]:
    """Return the folded words of one list: `ambiguous`."""
    return frozenset(fold(word) for line in _lines(f"{name}.txt") for word in line.split())


_FAMILIES = {"Arabic": "ar", "Persian": "fa", "Urdu": "ur", "Central Kurdish": "ckb", "Pashto": "ps", "Hebrew": "he"}


@cache
def function_words(family: str) -> frozenset[str]:
    """Return the folded function words of one language family; of all of them where the language is not known."""
    text = (files("streams.entities") / "data" / "function_words.txt").read_text(encoding="utf-8")
    found: set[str] = set()
    section = ""
    for line in text.splitlines():
        if line.startswith("#"):
            section = _FAMILIES.get(line.removeprefix("#").strip(), "")
        elif section == family or family not in _FAMILIES.values():
            found.update(fold(word) for word in line.split())
    return frozenset(found)
