"""What one word of an article may mean for the search, worked out once a word and remembered.

A word costs an article one dictionary look-up. It says which one-word names it may be, and for names of several words
which keys it shares with them: a pair of neighbours is looked into only when a key of the second is that of an *anchor*
(where the search for a name starts) that may stand behind the first. How far the words are from the name is worked out
only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from streams.entities import lexicon
from streams.entities.name_keys import NameKeys
from streams.entities.names import ARTICLES, FORM_RANK, Form
from streams.entities.parts import Limits, Met, Sound
from streams.entities.patterns import Compiled
from streams.entities.retrieval import State, apart
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
WITNESSED: Final = 0.16
"""The greatest distance of a surname whose bearer the article names in full."""


def within(limits: Limits, consonants: float, distance: float) -> bool:
    """Return whether a distance is small enough for a name of so many consonants."""
    return any(consonants >= least and distance <= most for least, most in limits)


_NO_KEYS: Final[frozenset[int]] = frozenset()
_ROUNDING: Final = 1e-9
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
        "follows",
        "is_ambiguous",
        "is_article",
        "is_given",
        "is_passed_over",
        "is_told",
        "keys",
        "plain",
        "singles",
    )

    def __init__(
        self, singles: tuple[Single, ...] = (), keys: frozenset[int] = _NO_KEYS, follows: frozenset[int] = _NO_KEYS
    ) -> None:
        self.singles = singles
        """One-word names that it may be by itself."""
        self.plain: int | None = None
        """The entity that it names without more, if that is all that it may be by itself."""
        self.keys = keys
        """What it shares with words of names: numbers of keys, and of parts."""
        self.follows = follows
        """The keys of words that may stand behind it in a name."""
        self.is_told = False
        """Whether there is more to know of it than its keys: any of what follows, or what is above them."""
        self.is_article = False
        self.is_passed_over = False
        """Whether it may stand between the words of a name: an article, or a patronymic."""
        self.is_ambiguous = False
        self.is_given = False


NO_MEANING: Final = Word()
"""What all words mean that mean nothing to us."""
_Alone = tuple[tuple[tuple[int, ...], float, tuple[int, ...]], ...]
"""Of the one-word names with one key that may be met by sound: the symbols behind it, how far a word may be from them,
and which names they are."""


class Vocabulary:
    """The remembered words of every language family."""

    def __init__(self, compiled: Compiled) -> None:
        self._parts = compiled.parts
        self._patterns = compiled.patterns
        self._given_names, self._ambiguous = lexicon.given_names(), lexicon.words("ambiguous")
        self.keys = NameKeys(compiled)
        """The names by the keys of their words."""
        self._by_script: dict[int, dict[str, tuple[int, ...]]] = {}
        """The parts of one-word names that were asked for, by their script (Latin and Cyrillic are one)."""
        self._by_sound = {script: self._alone_by_sound(script) for script in ("full", "arabic", "hebrew")}
        """One-word names that are met by sound, by the keys of the parts that a word of a script has to be like."""
        self._words: dict[str, _Table] = {}
        self._shared: dict[tuple[frozenset[int], frozenset[int]], Word] = {}
        self._mets: dict[tuple[str, str], Met] = {}
        self._fresh: dict[tuple[str, str], Met] = {}
        self._witnessed: dict[tuple[str, str, int], Single | None] = {}

    def _alone_by_sound(self, script: str) -> dict[int, _Alone]:
        found: dict[int, dict[tuple[tuple[int, ...], float], list[int]]] = {}
        for number, pattern in enumerate(self._patterns):
            most = 0.0 if pattern.anchor or not pattern.by_sound else self._most_alone(number, script == "full")
            if most <= 0:
                continue
            by_script = self._parts_by_script(number)
            # A word has to be like the spellings of every script: it is enough to look at those of one.
            group = script if script in by_script or script == "arabic" else next(iter(by_script))
            for part in by_script.get(group, ()):
                for key, behind in self._parts.behind(part).items():
                    farthest = (most + _SLACK) * len(behind) + _ROUNDING
                    alike = found.setdefault(key, {}).setdefault((behind, farthest), [])
                    if number not in alike:
                        alike.append(number)
        return {
            key: tuple([(behind, farthest, tuple(alike)) for (behind, farthest), alike in entries.items()])
            for key, entries in found.items()
        }

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
            found = self._fresh.get((word, family))
            if found is None:
                found = self._parts.lookup(word, family)
            self._mets[word, family] = found
        return found

    def begin(self) -> None:
        """Begin with a text: what the new words of the one before it are near to is not asked for any more."""
        self._fresh.clear()

    def work_out(self, word: str, family: str) -> Word:
        """Return what `word` (as written) may mean in a language of `family`."""
        met = self._parts.lookup(word, family)
        found = self._work_out(met, family)
        if found.keys:  # it may be asked for beside its neighbour
            if len(self._fresh) >= CACHE_METS:
                self._fresh.clear()
            self._fresh[word, family] = met
        return found

    def _work_out(self, met: Met, family: str) -> Word:
        script = met.script
        article = met.folded in ARTICLES
        given = not self._given_names.isdisjoint(met.stems)
        passed_over = article or (script == "cyrillic" and _PATRONYMIC.search(met.folded) is not None)
        sounds, exact = met.sounds, met.exact
        if not (exact or sounds or passed_over or given):
            return NO_MEANING
        numbers = {number for part in exact for number in self.keys.alone.get(part, ())}
        meant = [sound.state.note or self._mean(sound.state) for sound in sounds]
        if sounds:
            by_sound = self._by_sound["full" if script in CASED else script]
            for sound in sounds:
                if not by_sound.keys().isdisjoint(sound.state.numbers):
                    numbers.update(self._heard(sound, by_sound))
        if len(meant) == 1 and not (numbers or exact or passed_over or given):
            return meant[0]
        singles: list[Single] = []
        for number in sorted(numbers):
            single = self._by_itself(number, met, family)
            if single is not None:
                singles.append(single)
        keys = _union([each.keys for each in meant])
        follows = _union([each.follows for each in meant])
        if exact:
            own = [~part for part in exact if ~part in self.keys.known]
            keys = keys.union(own)
            follows = follows.union(*[self.keys.follows[key] for key in own if key in self.keys.follows])
        if not (singles or passed_over or given):
            return self._share(keys, follows)
        found = Word(tuple(self._best_of_each(singles)), keys, follows)
        found.is_article, found.is_passed_over, found.is_given = article, passed_over, given
        found.is_told = True
        found.is_ambiguous = not self._ambiguous.isdisjoint(met.stems)
        if len(found.singles) == 1:
            single = found.singles[0]
            if single.is_exact and single.distance <= self._patterns[single.pattern].dearest_plain:
                found.plain = single.entity
        return found

    def _mean(self, state: State) -> Word:
        """Return what a word means that only has the keys of `state`, and is like no one-word name."""
        keys = self.keys.known & state.numbers
        follows = _union([self.keys.follows[key] for key in keys if key in self.keys.follows])
        found = state.note = self._share(keys, follows)
        return found

    def _share(self, keys: frozenset[int], follows: frozenset[int]) -> Word:
        """Return the one word of all that mean this and nothing else: some seven of an article's words share it."""
        if not keys:
            return NO_MEANING
        found = self._shared.get((keys, follows))
        if found is None:
            if len(self._shared) >= CACHE_WORDS:
                self._shared.clear()
            found = self._shared[keys, follows] = Word((), keys, follows)
        return found

    def _heard(self, sound: Sound, by_sound: Mapping[int, _Alone]) -> Iterator[int]:
        """Yield the one-word names that may be near enough to be met by sound."""
        for key, mine in sound.walk(self._parts.sounds):
            for behind, farthest, numbers in by_sound.get(key, ()):
                if apart(mine, behind, farthest - sound.price * len(mine)) is not None:
                    yield from numbers

    def _by_itself(self, number: int, met: Met, family: str) -> Single | None:
        """Return the one-word name `number` as a word may be it without a witness."""
        if not self._is_of(number, family):
            return None
        most = self._most_alone(number, met.script in CASED)
        found = self.single(number, met, met.script, most)
        return found if found is not None and (found.is_exact or self._is_heard(number, met, most)) else None

    def _is_heard(self, number: int, met: Met, most: float) -> bool:
        """Whether a one-word name is near enough by the consonants of any of its spellings."""
        farthest = most + _SLACK
        return any(
            apart <= farthest and sound.price <= farthest - apart
            for part in self._patterns[number].slots[0]
            for sound, apart in met.apart(part)
        )

    def names_of(self, word: Word, written: Met, before: Word, written_before: Met) -> list[int]:
        """Return the names of several words of whose anchor a word shares the consonants and of whose word before it
        another does, or both the letters."""
        kept = []
        for number in self.keys.both(word.keys & before.follows, before.keys):
            slots, anchor = self._patterns[number].slots, self._patterns[number].anchor
            if written.is_like(slots[anchor]) and written_before.is_like(slots[anchor - 1]):
                kept.append(number)
        return kept

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

    def surname(self, written: str, entity: int, family: str) -> Single | None:
        """Return the surname of `entity` that a word, as `written`, is only when the article names the bearer."""
        asked = (written, family, entity)
        if asked in self._witnessed:
            return self._witnessed[asked]
        met, script = self.met(written, family), script_of(written)
        near = []
        for number in self.keys.surnames[entity]:
            if self._is_of(number, family) and any(map(met.apart, self._patterns[number].slots[0])):
                single = self.single(number, met, script, WITNESSED)
                if single is not None and self._by_itself(number, met, family) is None:
                    near.append(single)
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
        by_script = self._parts_by_script(number)
        if script == "arabic" and "arabic" not in by_script:
            return None
        own = by_script.get("full" if script in CASED else script, ())  # tells it from its neighbours the soonest
        groups = [own, *[parts for parts in by_script.values() if parts is not own]] if own else [*by_script.values()]
        farthest = most + _SLACK
        for parts in groups:
            if not any(met.least(part) <= farthest for part in parts):
                return None
        distance = 0.0
        for parts in groups:
            best = 9.0
            for part in sorted(parts, key=met.least):  # the nearest cuts the others off
                best = min(best, met.distance(part, min(best, most)))
                if best <= distance:
                    break
            if best > most:
                return None
            distance = max(distance, best)
        new = all(self._parts.parts[part].script != script for part in pattern.slots[0])
        return Single(number, distance, False, new, pattern.entity, pattern.form, pattern.consonants)

    def _parts_by_script(self, number: int) -> dict[str, tuple[int, ...]]:
        known = self._by_script.get(number)
        if known is None:
            found: dict[str, list[int]] = {}
            for part in self._patterns[number].slots[0]:
                script = self._parts.parts[part].script
                found.setdefault(script if script in ABJADS else "full", []).append(part)
            known = self._by_script[number] = {script: tuple(parts) for script, parts in found.items()}
        return known


def _goodness(single: Single) -> tuple[bool, int, float]:
    return not single.is_exact, FORM_RANK[single.form], single.distance


def _union(sets: Sequence[frozenset[int]]) -> frozenset[int]:
    """Return all numbers of `sets`; one set as it is, to share it."""
    filled = [each for each in sets if each]
    if len(filled) < 2:
        return filled[0] if filled else _NO_KEYS
    return _NO_KEYS.union(*filled)


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
