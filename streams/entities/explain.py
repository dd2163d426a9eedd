"""Shows what a definition is recognized by: listed names, likely spellings in each language, and the rules for a
word alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from msgspec import Struct

from streams.definitions import EntityDefinition
from streams.entities.countries import with_cldr_names
from streams.entities.judge import SURE_CONSONANTS
from streams.entities.keys import keys
from streams.entities.names import inflected, person_cuts, words_of
from streams.entities.prices import Spelling, consonants, distance
from streams.entities.recognizer import EntityRecognizer
from streams.entities.sounds import ABJADS, read, script_of
from streams.entities.spell import LANGUAGES, VOWELLED, spell
from streams.text.document import Document

_MOST_PER_LANGUAGE: Final = 6
_EXAMPLES: Final = {
    "ar": ("و{}", "ل{}", "ب{}"),
    "fa": ("{}\u200cها",),
    "tr": ("{}'ın", "{}'la"),
    "ru": ("{}а", "{}у", "{}ом"),
    "uk": ("{}а", "{}у"),
    "ckb": ("{}ی", "{}یش"),
    "he": ("ו{}", "ל{}"),
    "en": ("{}'s",),
}
"""A clitic or ending of each language, to show that it is seen through."""


class Surface(Struct, frozen=True, kw_only=True):
    """One way to write the entity that is recognized."""

    surface: str
    why: str
    """`listed`, `CLDR`, `demonym`, `by sound`, `with an ending`, `without a middle name`."""
    keys: tuple[str, ...] = ()
    """The phonetic keys of its words, by which it is found."""
    distance: float = 0.0
    """How far it sounds from the definition's nearest spelling; 0 is the same."""


class Explanation(Struct, frozen=True, kw_only=True):
    """What an entity is recognized by."""

    id: str
    kind: str
    surfaces: dict[str, tuple[Surface, ...]]
    """By language. Spellings that only sound like the name are examples: any that is as near matches too."""
    alone: tuple[str, ...]
    """What is asked of a single word of the name."""
    near: tuple[str, ...]
    not_names: tuple[str, ...]


def explain(definition: EntityDefinition) -> Explanation:
    """Work out what `definition` is recognized by, each surface tried on a recognizer of its own."""
    complete = with_cldr_names(definition)
    recognizer = EntityRecognizer([definition])
    surfaces: dict[str, dict[str, Surface]] = {}
    for language, names in complete.names.items():
        listed = definition.names.get(language, ())
        for name in names:
            _add(surfaces, language, name, "listed" if name in listed else "CLDR", language)
    for language, words in definition.demonyms.items():
        for bent in (form for word in words for form in inflected(word, language)):
            _add(surfaces, language, bent, "demonym", language)
    if definition.kind != "country":
        for language in LANGUAGES:
            found = surfaces.setdefault(language, {})
            for surface, far in _spelled(definition, language, recognizer):
                if surface not in found:
                    found[surface] = Surface(
                        surface=surface, why="by sound", keys=_keys_of(surface, language), distance=round(far, 3)
                    )
    for language, found in surfaces.items():
        for surface in _with_endings(language, list(found), definition, recognizer):
            found.setdefault(surface, Surface(surface=surface, why="with an ending", keys=_keys_of(surface, language)))
    return Explanation(
        id=definition.id,
        kind=definition.kind,
        surfaces={language: tuple(found.values()) for language, found in surfaces.items() if found},
        alone=tuple(_alone(definition)),
        near=definition.near,
        not_names=definition.not_names,
    )


def _add(surfaces: dict[str, dict[str, Surface]], language: str, name: str, why: str, written_in: str) -> None:
    surfaces.setdefault(language, {}).setdefault(name, Surface(surface=name, why=why, keys=_keys_of(name, written_in)))


def _keys_of(name: str, language: str) -> tuple[str, ...]:
    return tuple(next(iter(keys(read(word.text, language))), "") for word in words_of(name, language))


def _spelled(definition: EntityDefinition, language: str, recognizer: EntityRecognizer) -> Iterator[tuple[str, float]]:
    """Likely spellings in `language` that the recognizer accepts, nearest first."""
    tried: dict[str, float] = {}
    telling = {
        seed_language: names
        for seed_language, names in definition.names.items()
        if seed_language != language and not (language in VOWELLED and names and script_of(names[0]) in ABJADS)
    }
    for seed_language, names in (telling or definition.names).items():
        for name in names[:2]:
            if definition.kind == "person":
                cut = next(iter(person_cuts(name, seed_language, definition.country)), None)
                words = list(cut.words) if cut is not None else []
            else:
                words = [word.text for word in words_of(name, seed_language)]
            options = [spell(word, seed_language, language)[:8] for word in words if len(word) > 1]
            for spelled in product(*(choice[:4] for choice in options)):
                surface = " ".join(spelled)
                if surface and surface not in tried:
                    tried[surface] = _apart(spelled, words, seed_language, language)
    shown = 0
    for surface, far in sorted(tried.items(), key=lambda item: item[1]):
        if shown >= _MOST_PER_LANGUAGE:
            return
        if _is_recognized(recognizer, definition.id, surface, language):
            shown += 1
            yield surface, far


def _apart(spelled: tuple[str, ...], words: list[str], seed_language: str, language: str) -> float:
    pairs = zip(spelled, (word for word in words if len(word) > 1), strict=False)
    found = [
        distance(
            Spelling(read(mine, language), script_of(mine) in ABJADS),
            Spelling(read(theirs, seed_language), script_of(theirs) in ABJADS),
        )
        for mine, theirs in pairs
    ]
    return sum(found) / len(found) if found else 9.0


def _with_endings(
    language: str, names: list[str], definition: EntityDefinition, recognizer: EntityRecognizer
) -> Iterator[str]:
    for name in names[:1]:
        for pattern in _EXAMPLES.get(language, ()):
            surface = pattern.format(name)
            if _is_recognized(recognizer, definition.id, surface, language):
                yield surface


def _is_recognized(recognizer: EntityRecognizer, entity: str, surface: str, language: str) -> bool:
    labels = recognizer.recognize(Document.of("", surface, language))
    return any(
        label.id == entity and any(span.start == 0 and span.end == len(surface) for span in label.mentions)
        for label in labels
    )


def _alone(definition: EntityDefinition) -> Iterator[str]:
    if definition.kind != "person":
        if definition.near:
            yield f"a single word counts only beside one of: {', '.join(definition.near)}"
        return
    seen = set()
    for language, names in definition.names.items():
        for name in names:
            for cut in person_cuts(name, language, definition.country):
                surname = " ".join(cut.words)
                if cut.form == "called" and surname not in seen:
                    seen.add(surname)
                    yield f"{surname}: alone as well, the definition names the person so"
                elif cut.form == "surname" and len(cut.words) == 1 and surname not in seen:
                    seen.add(surname)
                    few = consonants(read(surname, language)) < SURE_CONSONANTS
                    if few:
                        rule = "as written here and its bearer's country named, or the full name in the article"
                        yield f"{surname}: alone only {rule}"
                    else:
                        yield f"{surname}: alone where it is written so, or the article has the full name"
