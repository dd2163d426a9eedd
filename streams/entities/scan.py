"""Finds candidate mentions in one text: every place where the words of a name stand in a row.

One dictionary look-up a token; then only pairs of neighbours that share a name are looked into, from the anchor to
the left and right, over
articles (`al-`) and patronymics between the words.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from streams.entities.names import Form
from streams.entities.parts import KNOWN_GIVEN_NAME, PER_WORD, Limits, Met
from streams.entities.patterns import Compiled, Pattern
from streams.entities.sounds import CASED, script_of
from streams.entities.vocabulary import NO_MEANING, Single, Vocabulary, Word, within
from streams.text.tokens import Tokens

_BREAK = re.compile(r"[.,;:!?()\[\]{}|/\n\r\t،؛؟…—–«»<>]")
"""What ends a name when it stands between two words of it. A full stop is let through after an initial."""
_SENTENCE_END = re.compile(r"[.!?:;\n\r\"“”«»(\[—–•]")
_PLURALS: Final = frozenset(("ها", "هاي", "هايي"))
_TIE: Final = "\u200c"
_HYPHENS: Final = ("-", "‐", "‑", "־")
CACHE_PAIRS: Final = 20_000
"""The pairs of neighbours, of those that share a name, that are remembered."""
MOST_MEAN: Final[Limits] = ((6.0, 0.12), (5.0, 0.065), (4.0, 0.05), (3.0, 0.035), (0.0, 0.015))
"""For the mean distance of the words of a name of several; one of few consonants is soon met by chance."""
MOST_MEAN_ARABIC: Final[Limits] = ((6.0, 0.07), (5.0, 0.05), (4.0, 0.04), (3.0, 0.03), (0.0, 0.01))
"""The same in Arabic, whose own names have one spelling: only foreign ones vary (شويغو, شويجو)."""
MOST_MEAN_PARTIAL: Final = 0.06
"""The same without the middle name, when all that is left may be two common words."""
MOST_MEAN_CASED: Final[Limits] = ((6.0, 0.17), (4.0, 0.13), (3.0, 0.08), (0.0, 0.03))
"""The same where capitals say that it is a name."""


_NO_KEYS: Final[frozenset[int]] = frozenset()


class Candidate(NamedTuple):
    """A place where an entity may be named: token range, how, and how surely (0 is written exactly so)."""

    start: int
    end: int
    entity: int
    form: Form
    distance: float
    is_exact: bool
    """Whether every word is written as in the definition."""
    words: int
    consonants: float
    is_new_script: bool = False
    """Whether no spelling of it in this script is known."""

    @staticmethod
    def of(start: int, end: int, single: Single) -> Candidate:
        """Return what one word, or some that ties hold together, may name."""
        _, distance, is_exact, is_new_script, entity, form, consonants = single
        return Candidate(start, end, entity, form, distance, is_exact, 1, consonants, is_new_script)


class Text:
    """One field as the search sees it: its words where they stand, and what they may mean."""

    def __init__(self, tokens: Tokens, table: dict[str, Word], *, is_headline: bool = False) -> None:
        self.is_headline = is_headline
        """Whether any word may have a capital, as in English and Turkish headlines."""
        self.tokens = tokens
        self.text = tokens.text
        self.words = tokens.words
        self.meanings = list(map(table.__getitem__, self.words))
        self.span = tokens.span
        """Where a token begins and ends, in code points."""
        self.gap = tokens.gap
        """What stands between a token and the one before it."""
        self.ties: dict[int, int] = {}
        """Persian: token → last token of the group that zero-width non-joiners tie to it."""
        if _TIE in self.text:
            for after in reversed(tokens.behind(_TIE)):
                self.ties[after - 1] = self.ties.get(after, after)

    def joined(self, first: int, last: int) -> str:
        """Return the words from `first` to `last`, which ties hold together, as one."""
        return self.text[self.span(first)[0] : self.span(last)[1]].replace(_TIE, "")

    def begins_sentence(self, position: int) -> bool:
        """Return whether a token stands where any word has a capital: first in the text, or behind the end of a
        sentence."""
        return position == 0 or _SENTENCE_END.search(self.gap(position)) is not None


class Found(NamedTuple):
    """What a search found in one text."""

    text: Text
    candidates: list[Candidate]
    """In order of their anchors, overlapping as they may."""
    plain: dict[int, int]
    """Position → entity of the words that name one without more."""


class _Pair(NamedTuple):
    """What two words beside each other may name."""

    names: tuple[tuple[int, Form, float, bool, float], ...]
    """Names of these two words: entity, form, mean distance, whether it is exact, consonants."""
    longer: tuple[int, ...]
    """Patterns of which they may be two words of several."""


_NO_PAIR: Final = _Pair((), ())


class Scanner:
    """Searches texts for the patterns of `compiled`."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._vocabulary = Vocabulary(compiled)
        self._pairs: dict[tuple[str, str, str], _Pair] = {}
        self._names: dict[tuple[str, str, str], tuple[int, ...]] = {}

    def scan(self, tokens: Tokens, family: str, *, is_headline: bool = False) -> Found | None:
        """Return what may be named in `tokens`; None when nothing."""
        self._vocabulary.begin()
        table = self._vocabulary.of(family)
        text = Text(tokens, table, is_headline=is_headline)
        if len(self._pairs) > CACHE_PAIRS:
            self._pairs.clear()
        if len(self._names) > CACHE_PAIRS:
            self._names.clear()
        search = _Search(self._compiled, self._vocabulary, self._pairs, self._names, text, table, family)
        search.run()
        return Found(text, search.found, search.plain) if search.found or search.plain else None


class _Search:
    """One text being searched."""

    def __init__(
        self,
        compiled: Compiled,
        vocabulary: Vocabulary,
        pairs: dict[tuple[str, str, str], _Pair],
        names: dict[tuple[str, str, str], tuple[int, ...]],
        text: Text,
        table: dict[str, Word],
        family: str,
    ) -> None:
        self.text = text
        self.found: list[Candidate] = []
        self.plain: dict[int, int] = {}
        self._patterns = compiled.patterns
        self._parts = compiled.parts
        self._consonants = compiled.parts.consonants
        self._vocabulary = vocabulary
        self._pairs = pairs
        self._names = names
        self._table = table
        self._family = family
        self._is_arabic = family == "ar"
        self._tied: list[tuple[int, int, Word]] = []

    def run(self) -> None:
        """Fill `found` and `plain`: single words and names of several first, then the surnames of those who are named
        in full."""
        meanings = self.text.meanings
        busy = [(position, word) for position, word in enumerate(meanings) if word is not NO_MEANING]
        pairs: list[int] = []
        passed_over: list[int] = []
        before, after_last = NO_MEANING, -1
        for position, word in busy:
            if position == after_last and not word.keys.isdisjoint(before.follows):
                pairs.append(position)
            if word.is_told:
                if word.plain is not None:
                    self.plain[position] = word.plain
                elif word.singles:
                    self._add_singles(position, position, word)
                if word.is_passed_over:
                    passed_over.append(position)
            before, after_last = word, position + 1
        for position in pairs:
            self._add_pair(position)
        for position in passed_over:  # Bashar al-Assad: the name's words are neighbours over the article
            if 0 < position < len(meanings) - 1:
                words = self.text.words
                self._grow_all(
                    position + 1, position + 1, meanings[position + 1], meanings[position - 1], words[position - 1]
                )
        for position, end in self.text.ties.items():
            self._look_at_tied(position, end)
        named = {each.entity for each in self.found if each.words > 1 and each.form in ("name", "partial")}
        if named:
            self._add_surnames(named, busy)

    def _add_surnames(self, named: set[int], busy: list[tuple[int, Word]]) -> None:
        keys = self._vocabulary.keys.of_surnames
        named &= keys.keys()
        if not named:
            return
        any_keys = _NO_KEYS.union(*[keys[entity] for entity in named])
        words = self.text.words
        places = [(at, at, word, words[at]) for at, word in busy if not any_keys.isdisjoint(word.keys)]
        places += [(first, last, word, self.text.joined(first, last)) for first, last, word in self._tied]
        for first, last, word, written in places:
            for entity in named:
                if not keys[entity].isdisjoint(word.keys):
                    single = self._vocabulary.surname(written, entity, self._family)
                    if single is not None:
                        self._add_single(first, last, single)

    def _add_singles(self, first: int, last: int, word: Word) -> None:
        for single in word.singles:
            self._add_single(first, last, single)

    def _add_pair(self, position: int) -> None:
        """Add the names whose anchor stands at `position` and another word of theirs right before it."""
        text = self.text
        if position - 2 in text.ties:  # the word before may be joined with the one before it
            self._grow_all(
                position, position, text.meanings[position], text.meanings[position - 1], text.words[position - 1]
            )
            return
        words = self._family, text.words[position - 1], text.words[position]
        pair = self._pairs.get(words)
        if pair is None:
            pair = self._pairs[words] = self._work_out_pair(position)
        if pair.names and not self._is_broken(position, 1):
            for entity, form, mean, exact, consonants in pair.names:
                self.found.append(Candidate(position - 1, position + 1, entity, form, mean, exact, 2, consonants))
        if pair.longer:
            met = self._met(text.words[position])
            for number in pair.longer:
                self._grow(position, position, number, met)

    def _work_out_pair(self, position: int) -> _Pair:
        text = self.text
        before = text.meanings[position - 1]
        met, met_before = self._met(text.words[position]), self._met(text.words[position - 1])
        names: list[tuple[int, Form, float, bool, float]] = []
        longer: list[int] = []
        for number in self._vocabulary.names_of(text.meanings[position], met, before, met_before):
            pattern = self._patterns[number]
            best = self._best(met, number, pattern.anchor)
            if best is None:
                continue
            best_before = self._best(met_before, number, pattern.anchor - 1)
            if best_before is None:
                if before.is_passed_over:
                    longer.append(number)
            elif len(pattern.slots) > 2:
                longer.append(number)
            else:
                mean, exact = (best[0] + best_before[0]) / 2, best[1] and best_before[1]
                if self._is_accepted(position - 1, position, pattern, mean, exact):
                    names.append((pattern.entity, pattern.form, mean, exact, pattern.consonants))
        return _Pair(tuple(names), tuple(longer)) if names or longer else _NO_PAIR

    def _grow_all(self, first: int, last: int, word: Word, before: Word, written_before: str) -> None:
        if word.keys.isdisjoint(before.follows):
            return
        written = self.text.words[first] if first == last else self.text.joined(first, last)
        words = self._family, written_before, written
        numbers = self._names.get(words)
        if numbers is None:
            found = self._vocabulary.names_of(word, self._met(written), before, self._met(written_before))
            numbers = self._names[words] = tuple(found)
        if numbers:
            met = self._met(written)
            for number in numbers:
                self._grow(first, last, number, met)

    def _met(self, word: str) -> Met:
        return self._vocabulary.met(word, self._family)

    def _look_at_tied(self, position: int, last: int) -> None:
        """Words tied by a zero-width non-joiner are met joined as well: چاووش‌اوغلو, خامنه‌ای."""
        meanings = self.text.meanings
        for end in range(position + 1, min(last, position + 2) + 1):
            if self.text.tokens.terms[end] in _PLURALS:  # استان‌های is a plural, and no آستانه with an ending
                return
            joined = self.text.joined(position, end)
            word = self._table[joined]
            self._add_singles(position, end, word)
            if position:
                self._grow_all(position, end, word, meanings[position - 1], self.text.words[position - 1])
            if end + 1 < len(meanings):
                self._grow_all(end + 1, end + 1, meanings[end + 1], word, joined)
            if word.keys:
                self._tied.append((position, end, word))

    def _add_single(self, first: int, last: int, single: Single) -> None:
        self.found.append(Candidate.of(first, last + 1, single))

    def _grow(self, first: int, last: int, number: int, met: Met) -> None:
        pattern = self._patterns[number]
        best = self._best(met, number, pattern.anchor)
        if best is None:
            return
        total, exact = best
        start, end = first, last
        for slot in range(pattern.anchor - 1, -1, -1):
            step = self._step(start - 1, -1, number, slot)
            if step is None:
                return
            start, price, same = step
            total, exact = total + price, exact and same
        for slot in range(pattern.anchor + 1, len(pattern.slots)):
            step = self._step(end + 1, 1, number, slot)
            if step is None:
                return
            end, price, same = step
            total, exact = total + price, exact and same
        mean = total / len(pattern.slots)
        if self._is_accepted(start, end, pattern, mean, exact):
            size = len(pattern.slots)
            self.found.append(
                Candidate(start, end + 1, pattern.entity, pattern.form, mean, exact, size, pattern.consonants)
            )

    def _step(self, position: int, direction: int, number: int, slot: int) -> tuple[int, float, bool] | None:
        """The next word of a name at `position`, or past an article there; None when it is another word."""
        text = self.text
        for _ in range(3):
            if not 0 <= position < len(text.words):
                return None
            best, end = self._best(self._met(text.words[position]), number, slot), position
            if best is None and text.ties and (tied := self._joined(position, direction)) is not None:
                end, word = tied
                best = self._best(self._met(word), number, slot)
            if best is None and not text.meanings[position].is_passed_over:
                return None
            if self._is_broken(position, direction):
                return None
            if best is not None:
                return end, *best
            position += direction
        return None

    def _joined(self, position: int, direction: int) -> tuple[int, str] | None:
        if direction > 0:
            last = self.text.ties.get(position)
            return None if last is None else (last, self.text.joined(position, last))
        if position - 1 not in self.text.ties:
            return None
        return position - 1, self.text.joined(position - 1, position)

    def _best(self, met: Met, number: int, index: int) -> tuple[float, bool] | None:
        """How near a word is to any part of one slot of a pattern, and whether it is that to the letter; None when
        to none."""
        slot = self._patterns[number].slots[index]
        if slot in met.slots:
            return met.slots[slot]
        exact = [met.exact[part] for part in slot if part in met.exact] if met.exact else []
        best = 9.0
        if not exact:
            parts, most = slot, 9.0
            if met.is_given:
                # Two given names may sound alike (صالح, صلاح); both are known by their spelling: it must be the same.
                parts = tuple([part for part in slot if self._parts.parts[part].script == "arabic"]) or slot
                most = KNOWN_GIVEN_NAME
            for part in sorted(parts, key=met.least):  # the nearest first: the others are then soon cut off
                price = met.distance(part, min(best, most))
                if price < best and price <= most and within(PER_WORD, self._consonants[part], price):
                    best = price
        met.slots[slot] = found = (min(exact), True) if exact else (best, False) if best < 9.0 else None
        return found

    def _is_accepted(self, start: int, end: int, pattern: Pattern, mean: float, exact: bool) -> bool:
        if not exact and not self._is_near_enough(start, pattern, mean):
            return False
        words = self.text.words
        return not (pattern.needs_capital and words[start][0].islower() and words[end][0].islower())

    def _is_near_enough(self, start: int, pattern: Pattern, mean: float) -> bool:
        if pattern.form == "partial" and mean > MOST_MEAN_PARTIAL:
            return False
        if script_of(self.text.words[start]) in CASED:
            return within(MOST_MEAN_CASED, pattern.consonants, mean)
        return within(MOST_MEAN_ARABIC if self._is_arabic else MOST_MEAN, pattern.consonants, mean)

    def _is_broken(self, position: int, direction: int) -> bool:
        """Whether something that no name runs across stands between `position` and the word it was reached from."""
        text = self.text
        after = position if direction > 0 else position + 1
        gap = text.gap(after)
        if gap in (" ", "-", _TIE):
            return False
        if len(gap) > 4:
            return True
        if gap[:1] == "." and len(text.words[after - 1]) == 1:
            return False
        return _BREAK.search(gap) is not None
