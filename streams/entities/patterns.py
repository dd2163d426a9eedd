"""All definitions compiled: the parts, the patterns made of them, and which part starts the search for which
pattern."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, NamedTuple

from streams.definitions import EntityDefinition
from streams.entities.affixes import language_family
from streams.entities.keys import skeletons
from streams.entities.names import Cut, Form, inflected, person_cuts, place_cuts, plain_cuts, words_of
from streams.entities.parts import PartIndex
from streams.entities.prices import Spelling, is_near
from streams.entities.sounds import ABJADS, read, script_of
from streams.text.fold import fold

_SAME_NAME: Final = 0.35
"""Two languages' spellings of a word this near are one slot: an article may mix them."""
_TRANSLITERATED: Final = 0.2
_LATIN_SCRIPTS: Final = frozenset(("latin", "cyrillic"))


class Pattern(NamedTuple):
    """A sequence of words of which each may be any of a few parts."""

    entity: int
    form: Form
    slots: tuple[tuple[int, ...], ...]
    anchor: int
    """The slot whose word starts the search; never the first of several."""
    by_sound: bool
    consonants: float
    """How many consonants its shortest spelling has: a name of few is soon met by chance."""
    needs_capital: bool
    families: frozenset[str] | None
    """The language families that the words belong to, where the same letters are another word elsewhere; None for
    all."""
    dearest_plain: float
    """How dear a cut may be for a word to be believed without a witness where it is the pattern to the letter; below 0
    never."""


class Compiled(NamedTuple):
    """What the recognizer works with."""

    parts: PartIndex
    patterns: tuple[Pattern, ...]


class _Heard:
    """One word of a name, to be compared by sound; what that takes is worked out when it is first compared."""

    __slots__ = ("_folded", "_spelling", "symbols", "word")

    def __init__(self, word: str, symbols: tuple[int, ...]) -> None:
        self.word = word
        self.symbols = symbols
        self._folded: str | None = None
        self._spelling: Spelling | None = None

    @property
    def folded(self) -> str:
        """The word, folded."""
        if self._folded is None:
            self._folded = fold(self.word)
        return self._folded

    @property
    def spelling(self) -> Spelling:
        """The word's sounds."""
        if self._spelling is None:
            self._spelling = Spelling(self.symbols, script_of(self.word) in ABJADS)
        return self._spelling

    def is_near(self, other: _Heard, most: float) -> bool:
        """Whether two words are the same or sound so; `most` is the greatest distance."""
        if self.folded == other.folded:
            return True
        if skeletons(self.symbols).keys().isdisjoint(skeletons(other.symbols)):
            return False
        return is_near(self.spelling, other.spelling, most)


@lru_cache(maxsize=2_048)
def _heard(word: str, symbols: tuple[int, ...]) -> _Heard:
    return _Heard(word, symbols)


@lru_cache(maxsize=512)
def _heard_words(name: str, language: str) -> tuple[_Heard, ...]:
    return tuple(_heard(word.text, read(word.text, language)) for word in words_of(name, language))


class _Group:
    """Spellings with the same words in the same places, from several languages."""

    def __init__(self, form: Form, by_sound: bool, size: int) -> None:
        self.form = form
        self.by_sound = by_sound
        self.languages: set[str] = set()
        self.slots: list[set[int]] = [set() for _ in range(size)]
        self.spellings: list[dict[str, _Heard]] = [{} for _ in range(size)]
        """For each slot every spelling."""

    def fits(self, words: Sequence[_Heard]) -> bool:
        for heard, spellings in zip(words, self.spellings, strict=True):
            if heard.word in spellings:
                continue
            if not heard.symbols or not any(heard.is_near(other, _SAME_NAME) for other in spellings.values()):
                return False
        return True

    def add(self, language: str, parts: Sequence[set[int]], words: Sequence[_Heard]) -> None:
        self.languages.add(language)
        for slot, found in zip(self.slots, parts, strict=True):
            slot |= found
        for spellings, heard in zip(self.spellings, words, strict=True):
            spellings.setdefault(heard.word, heard)


class _Groups:
    """The groups of one definition. Spellings that are met to the letter are grouped by their letters, the others
    by sound."""

    def __init__(self) -> None:
        self.exact: dict[tuple[Form, tuple[frozenset[int], ...]], _Group] = {}
        self.by_sound: dict[tuple[Form, int], list[_Group]] = {}

    def __iter__(self) -> Iterator[_Group]:
        yield from self.exact.values()
        for groups in self.by_sound.values():
            yield from groups

    def find(
        self,
        form: Form,
        by_sound: bool,
        parts: Sequence[set[int]],
        words: Sequence[_Heard],
    ) -> _Group:
        """Return the group that the words belong to, a new one where there is none."""
        if not by_sound:
            key = (form, tuple(map(frozenset, parts)))
            group = self.exact.get(key)
            if group is None:
                group = self.exact[key] = _Group(form, False, len(parts))
            return group
        groups = self.by_sound.setdefault((form, len(parts)), [])
        for group in groups:
            if group.fits(words):
                return group
        groups.append(_Group(form, True, len(parts)))
        return groups[-1]


def compile_definitions(definitions: Sequence[EntityDefinition]) -> Compiled:
    """Compile `definitions`; an entity is known by its place among them."""
    with _no_garbage():
        return _compile(definitions)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Keep the collector from looking, a dozen times, through some 200,000 new objects of which none is garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _compile(definitions: Sequence[EntityDefinition]) -> Compiled:
    index = PartIndex()
    slots: dict[tuple[int, ...], tuple[int, ...]] = {}
    families: dict[frozenset[str] | None, frozenset[str] | None] = {}
    patterns: dict[tuple[int, Form, tuple[tuple[int, ...], ...]], Pattern] = {}
    for entity, definition in enumerate(definitions):
        for group in _groups(definition, index):
            pattern = _pattern(entity, definition, group, index)
            key = (entity, pattern.form, pattern.slots)
            known = patterns.get(key)
            both = pattern.families if known is None else _both(known.families, pattern.families)
            patterns[key] = (known or pattern)._replace(
                slots=tuple([slots.setdefault(slot, slot) for slot in pattern.slots]),
                families=families.setdefault(both, both),
            )
    index.close()
    for cached in (_heard, _heard_words, words_of, read, skeletons):  # megabytes that only compiling needs
        cached.cache_clear()
    return Compiled(index, tuple(patterns.values()))


def _both(families: frozenset[str] | None, others: frozenset[str] | None) -> frozenset[str] | None:
    return None if families is None or others is None else families | others


def _groups(definition: EntityDefinition, index: PartIndex) -> _Groups:
    groups = _Groups()
    for language, names in definition.names.items():
        for name in names:
            by_sound = _goes_by_sound(name, language, definition)
            for cut in _cuts(definition, name, language, by_sound):
                _put(groups, cut, language, by_sound, index)
    for name in definition.not_names:
        for cut in plain_cuts(name, "und"):
            _put(groups, Cut(cut.words, "decoy"), "und", False, index)
    for language, words in definition.demonyms.items():
        for bent in (form for word in words for form in inflected(word, language)):
            for cut in plain_cuts(bent, language):
                _put(groups, Cut(cut.words, "demonym"), language, False, index)
    return groups


def _cuts(definition: EntityDefinition, name: str, language: str, by_sound: bool) -> Iterable[Cut]:
    if definition.kind == "person":
        return person_cuts(name, language, definition.country)
    return place_cuts(name, language) if by_sound else plain_cuts(name, language)


def _put(groups: _Groups, cut: Cut, language: str, by_sound: bool, index: PartIndex) -> None:
    if not cut.words:
        return
    first = cut.words[0]
    if (
        language == "he"
        and not by_sound
        and first.startswith("ה")
        and (len(cut.words) > 1 or _casing(first) == "upper")
    ):
        # ב + הארגון is written בארגון: the article hides behind the preposition.
        _put(groups, Cut((first[1:], *cut.words[1:]), cut.form), language, by_sound, index)
    alone = len(cut.words) == 1
    parts: list[set[int]] = []
    words: list[_Heard] = []
    for word in cut.words:
        casing = _casing(word)
        sound = by_sound and casing != "upper"
        # In a name of several words a language may write some small; one capital among them is asked for later.
        casing = casing if alone or sound else "any"
        bare = word[2:] if sound and word.startswith("ال") and len(word) >= 5 else word
        found = {index.add(word, language, by_sound=sound, casing=casing)}
        if bare is not word:
            found.add(index.add(bare, language, by_sound=sound, casing=casing))
        parts.append(found)
        words.append(_heard(bare, read(bare, language) if sound else ()))
    group = groups.find(cut.form, by_sound, parts, words)
    group.add(language, parts, words)


def _pattern(entity: int, definition: EntityDefinition, group: _Group, index: PartIndex) -> Pattern:
    slots = tuple([tuple(sorted(slot)) for slot in group.slots])
    lengths = [max(len(index.parts[part].word) for part in slot) for slot in slots]
    # The search starts at a pair of words, the anchor and the one before it; the longest word is the rarest.
    anchor = len(slots) - 1 if group.by_sound or len(slots) == 1 else 1 + lengths[1:].index(max(lengths[1:]))
    lightest = sum(min(index.consonants[part] for part in slot) for slot in slots)
    words = [word for spellings in group.spellings for word in spellings]
    needs_capital = any(word[:1].isupper() for word in words)
    families = None
    if len(slots) == 1 and not group.languages & {"en", "und"}:
        # Şam is Damascus and Sam is not; ترکیه is Turkey in Persian and an adjective in Arabic.
        if definition.kind == "country" or all(script_of(word) == "latin" for word in words):
            families = frozenset(map(language_family, group.languages))
    plain = _dearest_plain(group.form, definition)
    return Pattern(entity, group.form, slots, anchor, group.by_sound, lightest, needs_capital, families, plain)


def _dearest_plain(form: Form, definition: EntityDefinition) -> float:
    """Most mentions are a country's or a city's plain name, of which the judge need not hear."""
    if definition.kind != "person":
        if form == "demonym":
            return 9.0
        if form == "name" and not definition.near:
            return 9.0 if definition.kind == "country" else 0.0
    return -1.0


def _casing(word: str) -> str:
    if script_of(word) == "hebrew" and any(mark in word for mark in '"״'):
        return "upper"
    if script_of(word) not in _LATIN_SCRIPTS or not word[0].isupper():
        return "any"
    return "upper" if len(word) > 1 and word.isupper() else "title"


def _goes_by_sound(name: str, language: str, definition: EntityDefinition) -> bool:
    """Whether a name is carried between languages by its sound: a person's always, a place's of one word, others
    when they show it."""
    if definition.kind == "person":
        return True
    if definition.kind == "country":
        return False
    words = _heard_words(name, language)
    if definition.kind == "place" and len(words) == 1:
        return True
    return bool(words) and _is_transliterated(words, definition)


def _is_transliterated(words: tuple[_Heard, ...], definition: EntityDefinition) -> bool:
    """Whether an organisation's name (Hamas, Gazprom) is the same by sound in another script: not translated, and
    no acronym."""
    script = script_of(words[0].word)
    found = False
    for other_language, names in definition.names.items():
        for name in names:
            others = _heard_words(name, other_language)
            if len(others) != len(words):
                continue
            first = others[0].word
            if script_of(first) == script and not first.isupper():
                continue
            if all(map(_is_same_by_sound, words, others)):
                if any(_casing(heard.word) == "upper" for heard in (*words, *others)):
                    return False
                found = True
    return found


def _is_same_by_sound(heard: _Heard, other: _Heard) -> bool:
    return heard.is_near(other, _TRANSLITERATED)
