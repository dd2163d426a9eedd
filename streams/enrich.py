"""The enrich stage: language, entities, credits, topics and wordings of one article. Pure; its tables are built once.

language    = identify(raw text)
document    = tokens of title and text, with offsets
entities    = recognize(document)
attribution = find(document, outlet)
dates       = find(document, day of publication)
labels      = label(document, what is known so far): topics and frames
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from streams.attribution import AttributionFinder
from streams.definitions import Definitions
from streams.entities import EntityRecognizer
from streams.event_dates import find_event_dates
from streams.labels import Labeller
from streams.model import EnrichedArticle, RawArticle
from streams.text.document import Document
from streams.text.language import default_identifier


class Enricher:
    """Turns raw articles into enriched ones, by the given definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._language = default_identifier()
        self._entities = EntityRecognizer(definitions.entities)
        self._attribution = AttributionFinder(definitions.sources)
        self._labeller = Labeller(definitions.topics, definitions.frames)

    def enrich(self, raw: RawArticle, now: datetime) -> EnrichedArticle:
        """Return `raw` understood, stamped with `now`."""
        language = self._language.identify(raw.text, title=raw.title, declared=raw.declared_language)
        document = Document.of(raw.title, raw.text, language.code)
        known = EnrichedArticle(
            **{name: getattr(raw, name) for name in RawArticle.__struct_fields__},
            language=language.code,
            language_score=language.score,
            entities=self._entities.recognize(document),
            attribution=self._attribution.find(document, raw),
            event_dates=find_event_dates(document, publication_day(raw)),
            enriched_at=now,
        )
        topics, frames = self._labeller.label(document, known)
        return msgspec.structs.replace(known, topics=topics, frames=frames)


def publication_day(raw: RawArticle) -> date | None:
    """Return the day from which an article reckons `yesterday`; None where its date is not to be relied on."""
    return raw.published_at.date() if raw.published_at is not None and raw.date_is_reliable else None
