"""The words that names are made of, and the question "which of them may this word of an article be, and how surely?".

A word is met exactly (folded, without affixes, in any case of Cyrillic) or, where its part is known to travel
between scripts, by sound.
Answers are remembered by word in bounded tables: a newsroom's vocabulary is small.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from streams.entities import lexicon
from streams.entities.affixes import TURKIC_FAMILIES, Base, bases, cyrillic_stem, language_family
from streams.entities.keys import skeletons
from streams.entities.names import CONNECTORS
from streams.entities.prices import Spelling, consonants, distance
from streams.entities.retrieval import SLACK, SoundIndex, State, Walk, apart
from streams.entities.sounds import ABJADS, CASED, Script, prepare, read, read_prepared, script_of
from streams.text.fold import fold, folded_words

Limits = tuple[tuple[float, float], ...]
"""Pairs: at least so many consonants, at most such a distance; the first that fits counts."""
SURE_IN_TURKISH: Final = 3.0
"""The consonants that a Turkish word must have to be met without its diacritics."""
PER_WORD: Final[Limits] = ((3.0, 0.22), (2.0, 0.15), (0.0, 0.08))
"""How far a word may be from a part to be thought of at all; who asks has limits of their own."""
KNOWN_GIVEN_NAME: Final = 0.05
"""How far a word that is itself a given name (صالح) may be from another (صلاح)."""
SURE_IN_SISTER_LANGUAGE: Final = 4.0
"""The consonants that a word must have to be taken, uncut, for a name that is only known in another language of
Arabic script."""
_ARABIC_STARTS: Final = ("ال", "و", "ف", "ب", "ك", "ل")
_CACHE_BASES: Final = 4_000
"""The spellings, of each script, whose sounds are remembered."""
_CAPITAL_INSIDE = re.compile(r"['’ʼ][^\W\d_a-zа-яёğüşıöç]")  # d'Ankara
_TELLING: Final = re.compile("[ەێۆڵڕڤ]")
"""Letters of Kurdish and Urdu that folding gives up, though by them a word is not its neighbour (دبے, دبي)."""
_TURKISH_TELLING: Final = re.compile("[şçğı]")
_AMBIGUOUS_IN_TURKISH = frozenset("cjqwx")


class Part(NamedTuple):
    """One word of a name."""

    word: str
    """As the tables of sounds know it: lower case, marks taken off."""
    script: Script
    symbols: tuple[int, ...]
    by_sound: bool
    casing: str
    """`upper` (an acronym), `title` or `any` (adjectives that some languages write small)."""


class Sound:
    """A word without an affix as it sounds."""

    __slots__ = ("_is_abjad", "_limit", "_spelling", "_walk", "price", "state", "symbols")

    def __init__(self, symbols: tuple[int, ...], is_abjad: bool, price: float, state: State) -> None:
        self.symbols = symbols
        self._is_abjad = is_abjad
        self.price = price
        """Of the cut that left it."""
        self.state = state
        """The keys that it shares with parts."""
        self._limit = -1.0
        self._spelling: Spelling | None = None
        self._walk: Walk | None = None

    @property
    def spelling(self) -> Spelling:
        """The word ready to be compared."""
        found = self._spelling
        if found is None:
            found = self._spelling = Spelling(self.symbols, self._is_abjad)
        return found

    @property
    def limit(self) -> float:
        """The greatest distance, of a part, that is thought of."""
        if self._limit < 0:
            size = consonants(self.symbols)
            self._limit = next(most for least, most in PER_WORD if size >= least) - self.price
        return self._limit

    def walk(self, index: SoundIndex) -> Walk:
        """Return its keys with the symbols behind each, the likeliest first."""
        found = self._walk
        if found is None:
            found = self._walk = index.walk(self.symbols)
        return found


class _Endings(dict[str, tuple[tuple[int, ...], State]]):
    """The symbols of a spelling in one script, and the state in which it ends; forgets everything when it is full.

    Words that differ by an affix are the same without it.
    """

    def __init__(self, sounds: SoundIndex, script: Script, language: str) -> None:
        super().__init__()
        self._sounds = sounds
        self._script: Script = script
        self._language = language

    def __missing__(self, base: str) -> tuple[tuple[int, ...], State]:
        symbols = read_prepared(base, self._script, self._language)
        if len(self) >= _CACHE_BASES:
            self.clear()
        found = self[base] = symbols, self._sounds.find(symbols)
        return found


class Met:
    """The parts that one word may be. How far it is from a part that it resembles is worked out when it is first
    asked for."""

    __slots__ = ("_apart", "_index", "exact", "folded", "is_given", "script", "slots", "sounds", "stems")

    def __init__(self, index: PartIndex, script: Script, *, is_given: bool = False) -> None:
        self._index = index
        self.script = script
        self.is_given = is_given
        """Whether it is a known given name of Arabic; other languages of the script spell the same names otherwise."""
        self._apart: dict[int, tuple[tuple[Sound, float], ...]] = {}
        self.slots: dict[tuple[int, ...], tuple[float, bool] | None] = {}
        """Kept for who asks about several parts at once: the best of them, and whether it is exact."""
        self.exact: dict[int, float] = {}
        """Parts that the word is to the letter, after folding and cutting, with the price of the cut."""
        self.sounds: list[Sound] = []
        """The word as it sounds, whole and cut, where it shares a key with any part."""
        self.folded = ""
        """The word, folded."""
        self.stems: list[str] = []
        """The word whole and cut, folded."""

    def distance(self, part: int, most: float) -> float:
        """Return how far the word is from a part by sound; 9 when more than `most`, or than is ever thought of."""
        best = 9.0
        spelling = self._index.spelling(part)
        for sound, _ in self.apart(part):
            limit = min(sound.limit, most - sound.price)
            best = min(best, sound.price + distance(sound.spelling, spelling, limit))
        return best

    def apart(self, part: int) -> tuple[tuple[Sound, float], ...]:
        """Return in which of its sounds the word's consonants are near those of a part, and how far apart they are by
        the straight pairing, per consonant."""
        known = self._apart.get(part)
        if known is None:
            known = self._apart[part] = tuple(self._index.compare(self.sounds, part)) if self.sounds else ()
        return known

    def least(self, part: int) -> float:
        """Return about how far the word is at least from a part, by the consonants alone."""
        return min([sound.price + apart for sound, apart in self.apart(part)], default=9.0)

    def is_like(self, parts: Iterable[int]) -> bool:
        """Return whether the word is, or has consonants like, any of `parts`."""
        return any(part in self.exact or self.apart(part) for part in parts)


class PartIndex:
    """All parts, findable by word and by sound. Fill it with `add`, then ask `lookup`; who asks often remembers
    the answers."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.consonants: list[float] = []
        """How many consonants each part has."""
        self._families: list[frozenset[str]] = []
        """The language families that a definition writes each part in."""
        self._shared_families: dict[frozenset[str], frozenset[str]] = {}
        self._spellings: dict[int, Spelling] = {}
        self._numbers: dict[Part, int] = {}
        self._asked: dict[tuple[str, str, bool, str], int] = {}
        """The answers of `add`: an entity's spellings share words."""
        self._exact: dict[str, list[int]] = {}
        self._stems: dict[str, list[int]] = {}
        self.sounds = SoundIndex()
        self._behind: dict[int, dict[int, tuple[int, ...]]] = {}
        self._endings: dict[tuple[Script, str], _Endings] = {}
        self.keys: list[tuple[int, ...]] = []
        """The numbers of each part's keys; none where it does not go by sound."""

    def add(self, word: str, language: str, *, by_sound: bool, casing: str = "title") -> int:
        """Return the number of the part for `word` as written in `language`, made when it is new."""
        asked = (word, language, by_sound, casing)
        known = self._asked.get(asked)
        if known is None:
            known = self._asked[asked] = self._add(*asked)
        return known

    def _add(self, word: str, language: str, by_sound: bool, casing: str) -> int:
        script = script_of(word)
        part = Part(prepare(word, script), script, read(word, language) if by_sound else (), by_sound, casing)
        number = self._numbers.get(part)
        family = language_family(language)
        if number is not None:
            if family not in self._families[number]:
                self._families[number] = self._share(self._families[number] | {family})
            return number
        number = self._numbers[part] = len(self.parts)
        self.parts.append(part)
        self._families.append(self._share(frozenset((family,))))
        self.consonants.append(consonants(part.symbols or read(word, language)))
        folded = fold(word, language)
        self._exact.setdefault(folded, []).append(number)
        if script == "cyrillic" and casing != "upper":
            self._stems.setdefault(cyrillic_stem(folded, alone=casing == "title"), []).append(number)
        self._endings.clear()
        self.keys.append(tuple(self.sounds.add(part.symbols)) if part.symbols else ())
        return number

    def _share(self, families: frozenset[str]) -> frozenset[str]:
        return self._shared_families.setdefault(families, families)

    def close(self) -> None:
        """Forget what only helps to add more: no part will be."""
        self._asked.clear()
        self._numbers.clear()

    def spelling(self, part: int) -> Spelling:
        """Return a part ready to be compared."""
        found = self._spellings.get(part)
        if found is None:
            known = self.parts[part]
            found = self._spellings[part] = Spelling(known.symbols, known.script in ABJADS)
        return found

    def behind(self, part: int) -> dict[int, tuple[int, ...]]:
        """Return the symbols behind each key of a part."""
        found = self._behind.get(part)
        if found is None:
            numbers = self.keys[part]
            symbols = skeletons(self.parts[part].symbols).values() if numbers else ()
            found = self._behind[part] = dict(zip(numbers, symbols, strict=True))
        return found

    def compare(self, sounds: Iterable[Sound], part: int) -> Iterator[tuple[Sound, float]]:
        """Yield those of `sounds` whose consonants are near enough to a part's, with how far apart they are."""
        keys = self.keys[part]
        for sound in sounds:
            if sound.state.numbers.isdisjoint(keys):
                continue
            behind_key = self.behind(part)
            for number, behind in sound.walk(self.sounds):
                others = behind_key.get(number)
                if others is None:
                    continue
                size = len(behind)
                total = apart(behind, others, (sound.limit + SLACK) * size)
                if total is not None:
                    yield sound, total / size
                    break

    def lookup(self, word: str, family: str) -> Met:
        """Return the parts that `word` (as written) may be in a language of `family`."""
        script = script_of(word)
        prepared = prepare(word, script)
        is_cased = script in CASED
        folded = _fold_word(word)
        met = Met(self, script, is_given=family == "ar" and script == "arabic" and folded in lexicon.given_names())
        met.folded = folded
        cuts = bases(prepared, script, family)
        if len(cuts) == 1 and word == prepared:
            stems = [folded]
        elif word.isalpha() and len(folded) == len(prepared) and "ى" not in prepared:
            # Letter stands for letter, so what is left of the word folded is what is left, folded.
            places = [(prepared.find(base), base) for base, _ in cuts]
            stems = [folded[at : at + len(base)] if at >= 0 else _fold_word(base) for at, base in places]
        else:
            stems = [_fold_word(base) for base, _ in cuts]
        met.stems = stems
        if script == "other" and not word.isalnum():
            return met
        has_capital = not is_cased or word[0].isupper() or _CAPITAL_INSIDE.search(word) is not None
        if is_cased:
            may_sound = has_capital or folded in CONNECTORS
        else:
            may_sound = script != "other" and folded not in lexicon.function_words(family)
        for (base, price), stem in zip(cuts, stems, strict=True):
            numbers = self._exact.get(stem)
            if price > 0 and script == "cyrillic":  # a stem shows no case by itself: Газ is not Газа
                numbers = [*(numbers or ()), *self._stems.get(stem, ())]
            if numbers:
                for number in numbers:
                    casing = self.parts[number].casing
                    if not self._is_same_word(number, script, base, price, family):
                        continue
                    if is_cased:
                        upper = word[: len(base)].isupper()  # PKK'nın, HSDê
                    else:
                        upper = script != "hebrew" or _is_acronym(word)
                    if casing == "any" or (upper if casing == "upper" else has_capital):
                        met.exact[number] = min(price, met.exact.get(number, 9.0))
        if may_sound:
            self._look_by_sound(cuts, script, family, met)
        return met

    def _is_same_word(self, number: int, script: Script, base: str, price: float, family: str) -> bool:
        """Whether two words that fold alike are one.

        By letters that folding gives up: Şam and Sam, دبی and دبے, ג'דה and גדה. And between languages of Arabic
        script: العربیه is a
        channel in Persian, العربية any Arab thing in Arabic.
        """
        word = self.parts[number].word
        if script == "hebrew":
            return ("'" in base) == ("'" in word)
        if script == "latin":
            short = self.consonants[number] < SURE_IN_TURKISH and family in TURKIC_FAMILIES
            return not short or _TURKISH_TELLING.findall(base) == _TURKISH_TELLING.findall(word)
        if script != "arabic":
            return True
        if _TELLING.findall(base) != _TELLING.findall(word):
            return False
        families = self._families[number]
        if family == "und" or family in families or "und" in families:
            return True
        is_long = self.consonants[number] >= SURE_IN_SISTER_LANGUAGE
        # بسفر is "on a journey" in Arabic, and only in Persian the Bosphorus.
        return price == 0 and is_long and not base.startswith(_ARABIC_STARTS if family == "ar" else "ال")

    def _look_by_sound(self, cuts: Iterable[Base], script: Script, family: str, met: Met) -> None:
        is_turkic = script == "latin" and family in TURKIC_FAMILIES
        is_abjad = script in ABJADS
        endings = self._endings_of(script, "tr" if is_turkic else "und")
        sounds = met.sounds
        for base, price in cuts:
            symbols, state = endings[base]
            if state.found:
                sounds.append(Sound(symbols, is_abjad, price, state))
            if is_turkic and not _AMBIGUOUS_IN_TURKISH.isdisjoint(base):  # Turkish leaves Western names as they are
                symbols, state = self._endings_of(script, "en")[base]
                if state.found:
                    sounds.append(Sound(symbols, is_abjad, price, state))

    def _endings_of(self, script: Script, language: str) -> _Endings:
        found = self._endings.get((script, language))
        if found is None:
            found = self._endings[script, language] = _Endings(self.sounds, script, language)
        return found


def _is_acronym(word: str) -> bool:
    """Whether a Hebrew word is marked as an acronym: או"ם."""
    return any(mark in word for mark in '"״')


def _fold_word(word: str) -> str:
    """Return one word folded."""
    return folded_words("und")[word] if word.isalpha() else fold(word)
