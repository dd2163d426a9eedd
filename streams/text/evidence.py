"""Evidence for a language beyond n-grams: everyday words, letters that no neighbour writes, beginnings and endings.

All of it is a property of a single word, so it is worked out once a word and remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from streams.text.ngrams import LANGUAGES

_CACHE_WORDS = 8_000
_CACHE_WORD_LENGTH = 40
_LETTER_WEIGHT = 0.7
_SHORTEST_STEM = 2
_BARE_WEIGHT = 0.6
_BARE = str.maketrans("çğışöüêîûəñýžä", "cgisoueiueñyza")
"""Turkish and Kurdish typed on a keyboard without their letters."""

Weights = tuple[tuple[str, float, float], ...]
"""Language, weight as a known word, weight of letters, beginning and ending; a language at most once."""


class WordEvidence(NamedTuple):
    """What one word says, or a few that no space parts."""

    weights: Weights
    leads: dict[str, float]
    """By language: how much more the word speaks for it than for any other that the n-gram model does not know."""
    lead: float
    """The same for every other language: nothing, or less."""


class Weighed(NamedTuple):
    """Evidence by language, `[words, marks]`, and how many words it comes from."""

    by_language: dict[str, list[float]]
    words: int


class Evidence:
    """The evidence of one script, ready to be weighed; see `lexicon.txt`."""

    def __init__(self) -> None:
        self.modelled: frozenset[str] = frozenset()
        """The languages that the n-gram model knows."""
        self.alphabets: dict[str, frozenset[str]] = {}
        self.sure: dict[str, tuple[float, frozenset[str]]] = {}
        """By language: the n-gram score and the letters that together leave no doubt, where no letter is foreign."""
        self._words: dict[str, dict[str, float]] = {}
        self._letters: dict[str, list[tuple[str, float, float]]] = {}
        self._endings: dict[str, list[tuple[str, float, float]]] = {}
        self._beginnings: dict[str, list[tuple[str, float, float]]] = {}
        self._rare: frozenset[str] = frozenset()
        self._has_ascii_letters = False
        self._letter_parts: dict[str, Weights] = {}
        self._ending_parts: dict[str, Weights] = {}
        self._beginning_parts: dict[str, Weights] = {}
        self._ending_lengths: dict[str, tuple[int, ...]] = {}
        """By a word's last letter, the lengths of the endings with that letter, longest first."""
        self._beginning_lengths: dict[str, tuple[int, ...]] = {}
        self._listed: dict[str, Weights] = {}
        self._by_parts: dict[Weights, WordEvidence] = {}
        """Many words say the same, by the same article or ending."""
        self._by_piece: dict[str, WordEvidence | None] = {}

    def add(self, language: str, kind: str, weight: float, listed: str) -> None:
        """Take in one line of the lexicon."""
        if kind == "alphabet":
            self.alphabets[language] = frozenset(listed.strip())
        elif kind == "sure":
            self.sure[language] = (weight, frozenset(listed.strip()))
        elif kind == "letters":
            for letter in listed.strip():
                self._letters.setdefault(letter, []).append((language, 0.0, weight))
        elif kind == "words":
            for word in listed.split():
                word = _with_one_yeh_and_kaf(word)
                self._words.setdefault(word, {})[language] = 0.5 if len(word) == 1 else weight
                bare = word.translate(_BARE)
                if bare != word:
                    self._words.setdefault(bare, {}).setdefault(language, _BARE_WEIGHT)
        elif kind in ("endings", "beginnings"):
            table = self._endings if kind == "endings" else self._beginnings
            for part in listed.split():
                table.setdefault(part, []).append((language, 0.0, weight))
        else:
            raise ValueError(f"lexicon.txt: unknown kind of evidence {kind!r}")

    def close(self) -> None:
        """Work out what the look-ups need, once all lines are in."""
        for letter, languages in self._letters.items():
            self._letters[letter] = [(language, 0.0, _LETTER_WEIGHT / len(languages)) for language, _, _ in languages]
        self._rare = frozenset(self._letters)
        self._has_ascii_letters = any(letter.isascii() for letter in self._rare)
        self._listed = {
            word: tuple((language, weight / len(shared), 0.0) for language, weight in shared.items())
            for word, shared in self._words.items()
        }
        self._letter_parts = {letter: tuple(parts) for letter, parts in self._letters.items()}
        self._ending_parts = {ending: tuple(parts) for ending, parts in self._endings.items()}
        self._beginning_parts = {beginning: tuple(parts) for beginning, parts in self._beginnings.items()}
        self._ending_lengths = _lengths((ending[-1], len(ending)) for ending in self._endings)
        self._beginning_lengths = _lengths((beginning[0], len(beginning)) for beginning in self._beginnings)

    def words(self, lower: str) -> list[WordEvidence]:
        """Return the evidence in `lower`, a lower-cased sample, piece by piece between spaces, where there is any."""
        pieces = lower.split()
        by_piece = self._by_piece
        try:
            found = [by_piece[piece] for piece in pieces]
        except KeyError:
            found = [by_piece[piece] if piece in by_piece else self._of_piece(piece) for piece in pieces]
        return [each for each in found if each is not None]

    def weigh(self, lower: str) -> Weighed:
        """Return the evidence in `lower`, a lower-cased sample."""
        return Weighed(sum_of(self.words(lower)), count_words(lower))

    def _of_piece(self, piece: str) -> WordEvidence | None:
        parts: Weights = ()
        for word in _WORD.findall(_with_one_yeh_and_kaf(piece)):
            parts += self._of_word(word)
        found = self._by_parts.get(parts) if parts else None
        if found is None and parts:
            found = _evidence(parts, self.modelled)
            if len(self._by_parts) < _CACHE_WORDS:
                self._by_parts[parts] = found
        if len(piece) <= _CACHE_WORD_LENGTH:
            if len(self._by_piece) >= _CACHE_WORDS:
                self._by_piece.clear()
            self._by_piece[piece] = found
        return found

    def _of_word(self, word: str) -> Weights:
        parts = self._listed.get(word, ())
        if self._has_ascii_letters or not word.isascii():
            for letter in self._rare.intersection(word):
                parts += self._letter_parts[letter]
        longest = len(word) - _SHORTEST_STEM
        for length in self._ending_lengths.get(word[-1], ()):
            if length <= longest and (ending := self._ending_parts.get(word[-length:])):
                parts += ending
                break
        for length in self._beginning_lengths.get(word[0], ()):
            if length <= longest and (beginning := self._beginning_parts.get(word[:length])):
                parts += beginning
                break
        return parts


def sum_of(words: list[WordEvidence]) -> dict[str, list[float]]:
    """Return the evidence of `words` together, by language: `[words, marks]`."""
    found: dict[str, list[float]] = {}
    for weights, _, _ in words:
        for language, known, marks in weights:
            so_far = found.get(language)
            if so_far is None:
                found[language] = [known, marks]
            else:
                so_far[0] += known
                so_far[1] += marks
    return found


def count_words(lower: str) -> int:
    """Return how many words a text has."""
    return len(_WORD.findall(lower))


def _evidence(parts: Weights, modelled: frozenset[str]) -> WordEvidence:
    by_language: dict[str, tuple[float, float]] = {}
    for language, known, marks in parts:
        so_far = by_language.get(language, _NOTHING)
        by_language[language] = (so_far[0] + known, so_far[1] + marks)
    weights = tuple((language, known, marks) for language, (known, marks) in by_language.items())
    others = sorted(
        ((known + marks, language) for language, known, marks in weights if language not in modelled), reverse=True
    )
    most, of = others[0] if others else (0.0, "")
    second = others[1][0] if len(others) > 1 else 0.0
    leads = {language: known + marks - (second if language == of else most) for language, known, marks in weights}
    return WordEvidence(weights, leads, -most)


_NOTHING = (0.0, 0.0)


def _lengths(pairs: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for letter, length in pairs:
        found.setdefault(letter, set()).add(length)
    return {letter: tuple(sorted(lengths, reverse=True)) for letter, lengths in found.items()}


_WORD = re.compile(r"[^\W\d_][^\W\d_\u200c]*(?:\u200c[^\W\d_]*)*")


def _with_one_yeh_and_kaf(text: str) -> str:
    if "ی" in text:
        text = text.replace("ی", "ي")
    return text.replace("ک", "ك") if "ک" in text else text


@cache
def evidence_by_script() -> dict[str, Evidence]:
    """Return the evidence tables of the scripts that several languages share, read from the lexicon."""
    tables: dict[str, Evidence] = {}
    table = Evidence()
    for line in files("streams.text").joinpath("lexicon.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            table = tables[line.strip("[]")] = Evidence()
        elif line and not line.startswith("#"):
            head, _, listed = line.partition(":")
            language, kind, *weight = head.split()
            table.add(language, kind, float(weight[0]) if weight else 1.0, listed)
    for script, table in tables.items():
        table.modelled = frozenset(LANGUAGES.get(script, "").split())
        table.close()
    return tables
