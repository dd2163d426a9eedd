"""Completion of a query: fields, and the values that a field can have; entities by their names in any script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from streams.query.fields import HAS_FIELDS, SCOPES, VALUE_FIELDS
from streams.text.fold import fold

if TYPE_CHECKING:
    from agent.web.world import World

MOST = 8
_TOKEN = re.compile(r'[^\s()"]*$')
_FIELD_HELP = {
    "title": "words in the headline", "text": "words in the text", "lead": "words in the first lines",
    "lang": "language, as in lang:fa", "source": "outlet, by its id", "country": "country of the outlet: country:SY",
    "feed": "address of a feed", "topic": "topic, by its id", "entity": "person, place or organisation in any spelling",
    "story": "story, by its id", "frame": "wording that takes a side", "has": "articles that have something at all",
    "published": "time, as in published:[now-2d TO *]",
}  # fmt: skip


class Suggestion(Struct, frozen=True):
    """Something to put in place of the word under the cursor."""

    insert: str
    label: str
    help: str = ""


class Completions(Struct, frozen=True):
    """What can stand at a place of a query: `suggestions` replace what is from `start` to the cursor."""

    start: int
    suggestions: tuple[Suggestion, ...] = ()


class Completer:
    """Completes queries with what this world defines."""

    def __init__(self, world: World) -> None:
        self._world = world

    def complete(self, query: str, at: int) -> Completions:
        """Return what can stand at `at` (code points) of `query`."""
        before = query[: max(0, at)]
        token = _TOKEN.search(before)
        word = token.group() if token else ""
        start = len(before) - len(word)
        sign = word[: len(word) - len(word.lstrip("+-"))]
        word = word.lstrip("+-")
        field, colon, value = word.partition(":")
        found = self._values(field, value) if colon else self._words(word)
        unique = {one.insert: one for one in found}
        return Completions(start + len(sign), tuple(unique.values())[:MOST])

    def _words(self, word: str) -> Iterator[Suggestion]:
        if not word:
            return
        for field in (*SCOPES, *VALUE_FIELDS, "has", "published"):
            if field.startswith(word.lower()):
                yield Suggestion(f"{field}:", f"{field}:", _FIELD_HELP.get(field, ""))
        if len(word) >= 2:
            yield from self._entities(word)
            yield from self._listed("topic", {t.id: t.name for t in self._world.topics.values()}, word)

    def _values(self, field: str, value: str) -> Iterator[Suggestion]:
        match field:
            case "entity":
                yield from self._entities(value)
            case "topic":
                yield from self._listed("topic", {t.id: t.name for t in self._world.topics.values()}, value)
            case "source":
                yield from self._listed("source", self._world.source_names, value)
            case "lang":
                from agent.web.views import language_name

                codes = {feed.language for feed in self._world.feeds if feed.language}
                yield from self._listed("lang", {code: language_name(code) for code in sorted(codes)}, value)
            case "country":
                codes = {feed.country for feed in self._world.feeds if feed.country}
                yield from self._listed("country", {code: "" for code in sorted(codes)}, value)
            case "frame":
                frames = {frame.id: frame.name for frame in self._world.definitions.frames}
                yield from self._listed("frame", frames, value)
            case "has":
                yield from self._listed("has", dict.fromkeys(HAS_FIELDS, ""), value)

    def _listed(self, field: str, names: dict[str, str], part: str) -> Iterator[Suggestion]:
        part = fold(part)
        whole = {key: fold(f"{key} {name}") for key, name in names.items()}
        for key in sorted(names, key=lambda key: (not whole[key].startswith(part), key)):
            if part in whole[key]:
                yield Suggestion(f"{field}:{key} ", f"{field}:{key}", names[key])

    def _entities(self, part: str) -> Iterator[Suggestion]:
        folded = fold(part)
        if not folded:
            return
        begins, within = [], []
        for name, entity_id, written in self._world.entity_spellings:
            if name.startswith(folded):
                begins.append((entity_id, written))
            elif f" {folded}" in name:
                within.append((entity_id, written))
        for entity_id, written in begins + within:
            yield Suggestion(f"entity:{entity_id} ", f"entity:{entity_id}", written)
