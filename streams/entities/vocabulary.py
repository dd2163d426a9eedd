"""What one word of an article may mean for the search, worked out once a word and remembered.

A word costs an article one dictionary look-up. It says which one-word names it may be, and for names of several words
whether it may be the *anchor* (where the search starts) or stand *before* it: a pair of neighbours is looked into only
when the same name is in both sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.entities import lexicon
from streams.entities.names import ARTICLES, FORM_RANK, Form
from streams.entities.parts import Limits, Met
from streams.entities.patterns import Compiled
from streams.entities.retrieval import Alike, Near
from streams.entities.sounds import ABJADS, CASED, script_of

CACHE_WORDS: Final = 20_000
"""The words of one generation that are remembered for each language family: some 5 MB, twice that for two."""
CACHE_METS: Final = 4_000
"""The words whose nearness to the parts is remembered: only those of possible names are asked for."""

ALONE_CASED: Final[Limits] = ((4.0, 0.075), (3.0, 0.05))
"""For a single capitalised word that only sounds like a name; one of fewer consonants wants its bearer named in
full."""
ALONE_UNCASED: Final[Limits] = ((5.0, 0.045), (4.0, 0.03))
"""The same where a script has no capitals, so that a name looks like any word."""
ALONE_AT_START: Final[Limits] = ((4.0, 0.03),)
"""The same where the word begins a sentence, so that its capital says nothing."""
_SLACK: Final = 0.03
_SURNAMES: Final[frozenset[Form]] = frozenset(("surname", "called"))
WITNESSED: Final = 0.16
"""The greatest distance of a surname whose bearer the article names in full."""


def within(limits: Limits, consonants: float, distance: float) -> bool:
    """Return whether a distance is small enough for a name of so many consonants."""
    return any(consonants >= least and distance <= most for least, most in limits)


_NO_PATTERNS: Final[frozenset[int]] = frozenset()
_PATRONYMIC = re.compile("(?:[оеё]вич|[оеё]вн|ьич)(?:а|у|ем|е|ы|ой|ою)?$")


class Single(NamedTuple):
    """A pattern of one word that a word may be, with its distance."""

    pattern: int
    distance: float
    is_exact: bool
    is_new_script: bool
    """Whether no spelling of it in the word's script is known, so that none could be met exactly."""
    entity: int
    form: Form
    consonants: float


class Word:
    """What a word may mean."""

    __slots__ = (
        "anchors",
        "befores",
        "is_ambiguous",
        "is_article",
        "is_given",
        "is_passed_over",
        "plain",
        "singles",
        "weak",
    )

    def __init__(
        self,
        singles: tuple[Single, ...] = (),
        weak: frozenset[int] = _NO_PATTERNS,
        anchors: frozenset[int] = _NO_PATTERNS,
        befores: frozenset[int] = _NO_PATTERNS,
    ) -> None:
        self.singles = singles
        """One-word names that it may be by itself."""
        self.plain: int | None = None
        """The entity that it names without more, if that is all that it may be by itself."""
        self.weak = weak
        """Surnames (numbers of patterns) that it may be if the article names their bearer in full."""
        self.anchors = anchors
        """Names of several words whose anchor it may be."""
        self.befores = befores
        """Names of several words before whose anchor it may stand."""
        self.is_article = False
        self.is_passed_over = False
        """Whether it may stand between the words of a name: an article, or a patronymic."""
        self.is_ambiguous = False
        self.is_given = False


class _Meant(NamedTuple):
    """The patterns that a word may belong to by parts that it sounds like."""

    word: Word
    """What a word means that only sounds like them, and like no one-word name."""
    alone: tuple[tuple[int, float], ...]
    """One-word patterns that may be near enough to be met by sound, with how much may be added to the distance."""


NO_MEANING: Final = Word()
"""What all words mean that mean nothing to us."""


class Vocabulary:
    """The remembered words of every language family."""

    def __init__(self, compiled: Compiled) -> None:
        self._parts = compiled.parts
        self._patterns = compiled.patterns
        self._anchored: dict[int, list[int]] = {}
        self._before: dict[int, list[int]] = {}
        self._alone: dict[int, list[int]] = {}
        self._by_script: dict[int, dict[str, tuple[int, ...]]] = {}
        """The parts of one-word patterns, by their script (Latin and Cyrillic are one)."""
        self._scripts: dict[int, frozenset[str]] = {}
        surnames: dict[int, set[int]] = {}
        for number, pattern in enumerate(compiled.patterns):
            starts = self._anchored if pattern.anchor else self._alone
            for part in pattern.slots[pattern.anchor]:
                starts.setdefault(part, []).append(number)
            if pattern.anchor:
                for part in pattern.slots[pattern.anchor - 1]:
                    self._before.setdefault(part, []).append(number)
            else:
                self._by_script[number] = self._parts_by_script(pattern.slots[0])
                self._scripts[number] = frozenset(self._parts.parts[part].script for part in pattern.slots[0])
                if pattern.form in _SURNAMES:
                    surnames.setdefault(pattern.entity, set()).add(number)
        self.surnames: dict[int, frozenset[int]] = {entity: frozenset(found) for entity, found in surnames.items()}
        """The one-word patterns of each entity that count when the article names the bearer in full."""
        self._words: dict[str, _Table] = {}
        self._shared: dict[tuple[frozenset[int], frozenset[int], frozenset[int]], Word] = {}
        self._mets: dict[tuple[str, str], Met] = {}
        self._witnessed: dict[tuple[str, str, int], Single | None] = {}

    def of(self, family: str) -> dict[str, Word]:
        """Return the table of one language family, which works out a word when it is first asked for."""
        table = self._words.get(family)
        if table is None:
            table = self._words[family] = _Table(self, family)
        return table

    def met(self, word: str, family: str) -> Met:
        """Return the parts that `word` may be, to ask how far it is from them."""
        found = self._mets.get((word, family))
        if found is None:
            if len(self._mets) >= CACHE_METS:
                self._mets.clear()
            found = self._mets[word, family] = self._parts.lookup(word, family)
        return found

    def work_out(self, word: str, family: str) -> Word:
        """Return what `word` (as written) may mean in a language of `family`."""
        met = self._parts.lookup(word, family)
        article = met.folded in ARTICLES
        given = not lexicon.given_names().isdisjoint(met.stems)
        script = script_of(word)
        passed_over = article or (script == "cyrillic" and _PATRONYMIC.search(met.folded) is not None)
        if not (met.exact or met.sounds or passed_over or given):
            return NO_MEANING
        is_cased = script in CASED
        numbers = {number for part in met.exact for number in self._alone.get(part, ())}
        meant: list[_Meant] = []
        asked = family, is_cased
        for sound in met.sounds:
            for near in sound.near:
                if near.asked != asked:
                    near.asked, near.note = asked, self._mean(near, family, is_cased)
                means: _Meant = near.note
                meant.append(means)
                if means.alone:
                    numbers.update([number for number, slack in means.alone if sound.price <= slack])
        is_ambiguous = not lexicon.words("ambiguous").isdisjoint(met.stems)
        if len(meant) == 1 and not (numbers or met.exact or is_ambiguous or passed_over or given):
            return meant[0].word
        singles: list[Single] = []
        for number in sorted(numbers):
            if self._is_of(number, family):
                single = self.single(number, met, script, self._most_alone(number, is_cased))
                if single is not None:
                    singles.append(single)
        words = [each.word for each in meant]
        anchors = _union([word.anchors for word in words], self._anchored, met.exact)
        befores = _union([word.befores for word in words], self._before, met.exact)
        weak = _union([word.weak for word in words])
        if singles:
            weak = weak.difference([single.pattern for single in singles])
        if not (singles or passed_over or given or is_ambiguous):
            return self._share(weak, anchors, befores)
        if not (singles or weak or anchors or befores or passed_over or given):
            return NO_MEANING
        found = Word(tuple(self._best_of_each(singles)), weak, anchors, befores)
        found.is_article, found.is_passed_over, found.is_given = article, passed_over, given
        found.is_ambiguous = is_ambiguous
        if len(found.singles) == 1:
            single = found.singles[0]
            if single.is_exact and single.distance <= self._patterns[single.pattern].dearest_plain:
                found.plain = single.entity
        return found

    def _mean(self, near: Near, family: str, is_cased: bool) -> _Meant:
        meant: list[_Meant] = []
        alone: dict[int, float] = {}
        for alike, apart in near.alike:
            found: _Meant | None = alike.notes.get((family, is_cased))
            if found is None:
                found = alike.notes[family, is_cased] = self._mean_alike(alike, family, is_cased)
            meant.append(found)
            for number, most in found.alone:
                if apart <= most:
                    alone[number] = max(most - apart, alone.get(number, 0.0))
        if len(meant) == 1:
            return _Meant(meant[0].word, tuple(alone.items()))
        words = [each.word for each in meant]
        anchors = _union([word.anchors for word in words])
        befores = _union([word.befores for word in words])
        return _Meant(self._share(_union([word.weak for word in words]), anchors, befores), tuple(alone.items()))

    def _mean_alike(self, alike: Alike, family: str, is_cased: bool) -> _Meant:
        numbers = {
            number for part in alike.parts for number in self._alone.get(part, ()) if self._is_of(number, family)
        }
        weak = frozenset(number for number in numbers if self._patterns[number].form in _SURNAMES)
        alone = [(number, self._most_alone(number, is_cased)) for number in numbers]
        anchors, befores = _union((), self._anchored, alike.parts), _union((), self._before, alike.parts)
        word = self._share(weak or _NO_PATTERNS, anchors, befores)
        return _Meant(word, tuple((number, most + _SLACK) for number, most in alone if most > 0))

    def _share(self, weak: frozenset[int], anchors: frozenset[int], befores: frozenset[int]) -> Word:
        """Return the one word of all that mean this and nothing else: some seven of an article's words share it."""
        if not (weak or anchors or befores):
            return NO_MEANING
        key = weak, anchors, befores
        found = self._shared.get(key)
        if found is None:
            if len(self._shared) >= CACHE_WORDS:
                self._shared.clear()
            found = self._shared[key] = Word((), weak, anchors, befores)
        return found

    def _is_of(self, number: int, family: str) -> bool:
        """Whether a one-word name is one in the languages of `family`."""
        families = self._patterns[number].families
        return families is None or family in families or family == "und"

    def _most_alone(self, number: int, is_cased: bool) -> float:
        """How far a word may be from a one-word name to be met by sound; 0 where by its letters only."""
        consonants = self._patterns[number].consonants
        limits = ALONE_CASED if is_cased else ALONE_UNCASED
        return next((most for least, most in limits if consonants >= least), 0.0)

    @staticmethod
    def _best_of_each(singles: list[Single]) -> Iterator[Single]:
        """Keep one pattern of each entity: the article's words are decided on by entity."""
        seen = set()
        for single in sorted(singles, key=_goodness):
            if single.entity not in seen:
                seen.add(single.entity)
                yield single

    def surname(self, word: Word, written: str, entity: int, family: str) -> Single | None:
        """Return the surname of `entity` that a word, as `written`, may be when the article names the bearer."""
        asked = (written, family, entity)
        if asked in self._witnessed:
            return self._witnessed[asked]
        met, script = self.met(written, family), script_of(written)
        numbers = sorted(word.weak & self.surnames[entity])
        found = [self.single(number, met, script, WITNESSED) for number in numbers]
        near = [single for single in found if single is not None]
        best = min(near, key=lambda single: single.distance, default=None)
        if len(self._witnessed) >= CACHE_METS:
            self._witnessed.clear()
        self._witnessed[asked] = best
        return best

    def single(self, number: int, met: Met, script: str, most: float) -> Single | None:
        """Return the one-word pattern `number` as met by a word of `script`; None when further than `most` away.

        Each script keeps something of the sound that another loses, so a word that stands alone has to agree with the
        spellings of all; and in Arabic script there must be one in Arabic script.
        """
        pattern = self._patterns[number]
        exact = [met.exact[part] for part in pattern.slots[0] if part in met.exact]
        if exact:
            return Single(number, min(exact), True, False, pattern.entity, pattern.form, pattern.consonants)
        if most <= 0:
            return None
        by_script = self._by_script[number]
        if script == "arabic" and "arabic" not in by_script:
            return None
        for parts in by_script.values():
            if min(map(met.least, parts)) > most + _SLACK:
                return None
        distance = 0.0
        for parts in by_script.values():
            distance = max(distance, min([met.distance_within(part, most) for part in parts]))
            if distance > most:
                return None
        new = script not in self._scripts[number]
        return Single(number, distance, False, new, pattern.entity, pattern.form, pattern.consonants)

    def _parts_by_script(self, slot: frozenset[int]) -> dict[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for part in slot:
            script = self._parts.parts[part].script
            found.setdefault(script if script in ABJADS else "full", []).append(part)
        return {script: tuple(parts) for script, parts in found.items()}


def _goodness(single: Single) -> tuple[bool, int, float]:
    return not single.is_exact, FORM_RANK[single.form], single.distance


def _union(
    sets: Sequence[frozenset[int]], by_part: Mapping[int, list[int]] = {}, parts: Iterable[int] = ()
) -> frozenset[int]:
    """Return all numbers of `sets`, and those that `by_part` has for `parts`; one set as it is, to share it."""
    more = [found for part in parts if (found := by_part.get(part)) is not None]
    if not more:
        filled = [each for each in sets if each]
        if len(filled) < 2:
            return filled[0] if filled else _NO_PATTERNS
        sets = filled
    return _NO_PATTERNS.union(*sets, *more)


class _Table(dict[str, Word]):
    """Remembers words by two generations: what was not asked for while one filled is forgotten with the next."""

    def __init__(self, vocabulary: Vocabulary, family: str) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._family = family
        self._older: dict[str, Word] = {}

    def __missing__(self, word: str) -> Word:
        found = self._older.get(word)
        if found is None:
            found = self._vocabulary.work_out(word, self._family)
        if len(self) >= CACHE_WORDS:
            self._older = dict(self)
            self.clear()
        self[word] = found
        return found
