"""Finds the entities of a document.

candidates = scan(title) + scan(text)          # every place where the words of a name stand in a row
known      = who is named in full              # the article itself says whom it means later by the surname
accepted   = candidates that may be believed   # ambiguous ones need a witness in the article
mentions   = longest and surest first, none overlapping
"""

from __future__ import annotations

from collections.abc import Sequence

from streams.definitions import EntityDefinition
from streams.entities.affixes import language_family
from streams.entities.countries import with_cldr_names
from streams.entities.judge import Judge
from streams.entities.patterns import compile_definitions
from streams.entities.scan import Found, Scanner
from streams.model import EntityLabel, FieldName, Span
from streams.text.document import Document


class EntityRecognizer:
    """Recognizes the defined entities in any spelling; built once, then used for every article."""

    def __init__(self, definitions: Sequence[EntityDefinition]) -> None:
        """Compile `definitions`. Countries get their names from CLDR, in every language that we read, beside the
        given ones."""
        self.definitions = tuple(with_cldr_names(definition) for definition in definitions)
        self._compiled = compile_definitions(self.definitions)
        self._scanner = Scanner(self._compiled)
        self._judge = Judge(self.definitions)

    def recognize(self, document: Document) -> tuple[EntityLabel, ...]:
        """Return every entity named in `document` with its mentions, in order of first mention (title first)."""
        family = language_family(document.language)
        title = self._scanner.scan(document.title, family, is_headline=True)
        text = self._scanner.scan(document.text, family)
        fields: list[tuple[FieldName, Found]] = []
        if title is not None:
            fields.append(("title", title))
        if text is not None:
            fields.append(("text", text))
        if not fields:
            return ()
        case = self._judge.open(document, family)
        for _, found in fields:
            case.hear(found)
        mentions: dict[int, list[Span]] = {}
        for name, found in fields:
            span = found.text.span
            for first, after_last, entity in case.decide(found):
                start, end = span(first)
                if after_last - first > 1:
                    end = span(after_last - 1)[1]
                mentions.setdefault(entity, []).append(Span(field=name, start=start, end=end))
        return tuple(
            EntityLabel(id=self.definitions[entity].id, kind=self.definitions[entity].kind, mentions=tuple(spans))
            for entity, spans in mentions.items()
        )
