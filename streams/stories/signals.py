"""What of an article says which event it is about: names, words, numbers, topics and days, as small hashes.

Names and numbers are the same in every language; words tie articles of one language together. Everything is bounded, so
that an article's signals fit into the few hundred bytes that are kept of it (`state.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zlib import crc32

from streams.model import EnrichedArticle, EntityLabel
from streams.text.document import Document
from streams.text.stems import stem_keys
from streams.text.variants import variants_table

MAX_ENTITIES, MAX_TERMS, MAX_NUMBERS, MAX_TOPICS, MAX_DAYS = 14, 20, 8, 5, 4
LEAD_TERMS = 60
WEIGHT_STEPS = 50
_TITLE_WEIGHT, _LEAD_WEIGHT, _BODY_WEIGHT = 2.0, 1.5, 1.0
_LEAD_LETTERS = 400
_LEAST_LETTERS = 3
_COUNTRY_WEIGHT = 0.5
"""Countries are named in most reports of an affair, whatever the event."""
_MIN_NUMBER_LETTERS = 2

Weights = dict[int, float]
Days = tuple[tuple[int, int, float], ...]
"""First and last day as ordinals, and how much the article is about them."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals of one article."""

    article_id: str
    source: int
    """Hash of the source; 0 where it is not known."""
    language: str
    time: datetime
    """When it was published, or collected where that is not known."""
    entities: Weights
    terms: Weights
    numbers: frozenset[int]
    topics: frozenset[int]
    days: Days
    is_dated: bool
    """Whether `time` is the time of publication."""


def signals_of(article: EnrichedArticle, document: Document, rarity: Callable[[int], float]) -> Signals:
    """Return the signals of `article`, whose words are `document`; of its words, the rarest."""
    is_dated = article.published_at is not None and article.date_is_reliable
    return Signals(
        article_id=article.article_id,
        source=hash32(article.source_id or article.feed_url or ""),
        language=article.language,
        time=(article.published_at if is_dated and article.published_at else article.collected_at).replace(
            microsecond=0
        ),
        entities=_entities(article.entities),
        terms=_terms(document, rarity),
        numbers=_numbers(document),
        topics=frozenset(_hash16(label.id) for label in article.topics[:MAX_TOPICS]),
        days=_days(article, is_dated),
        is_dated=is_dated,
    )


def _entities(labels: Iterable[EntityLabel]) -> Weights:
    found: Weights = {}
    for label in labels:
        weight = 0.0
        for mention in label.mentions[:4]:
            place = (
                _TITLE_WEIGHT
                if mention.field == "title"
                else _LEAD_WEIGHT
                if mention.start < _LEAD_LETTERS
                else _BODY_WEIGHT
            )
            weight = max(weight, place) + 0.25
        found[hash32(label.id)] = in_steps(weight * (_COUNTRY_WEIGHT if label.kind == "country" else 1.0))
    return dict(sorted(found.items(), key=lambda item: -item[1])[:MAX_ENTITIES])


def _terms(document: Document, rarity: Callable[[int], float]) -> Weights:
    language = document.language.partition("-")[0]
    found: Weights = {}
    for terms, weight in ((document.title.terms, _TITLE_WEIGHT), (document.text.terms[:LEAD_TERMS], _BODY_WEIGHT)):
        for word in _words(terms, document.language):
            found.setdefault(hash32(f"{language}:{word}"), weight)
    if len(found) > MAX_TERMS:
        rarest = sorted(found, key=lambda key: -found[key] * rarity(key))[:MAX_TERMS]
        found = {key: found[key] for key in rarest}
    return found


def _words(terms: list[str], language: str) -> list[str]:
    plain = [term for term in terms if len(term) >= _LEAST_LETTERS and not term[0].isdigit()]
    stems = stem_keys(plain, language)
    if stems:
        return stems
    table = variants_table(language)
    return [min((term, *table[term]), key=_bareness) for term in plain]


@cache
def _bareness(word: str) -> tuple[bool, int]:
    return len(word) < _LEAST_LETTERS, len(word)


def _numbers(document: Document) -> frozenset[int]:
    terms = [*document.title.terms, *document.text.terms[:LEAD_TERMS]]
    numerals = dict.fromkeys(term for term in terms if term.isdigit() and len(term) >= _MIN_NUMBER_LETTERS)
    # A year is in half of all reports.
    plain = [number for number in numerals if not (len(number) == 4 and number[:2] in ("19", "20", "13", "14"))]
    return frozenset(map(_hash16, plain[:MAX_NUMBERS]))


def _days(article: EnrichedArticle, is_dated: bool) -> Days:
    found = [
        (event.first.toordinal(), event.last.toordinal(), in_steps(1.0 / (1 + place) + 0.1 * len(event.spans)))
        for place, event in enumerate(article.event_dates[:MAX_DAYS])
    ]
    if not found and is_dated and article.published_at is not None:
        day = article.published_at.date().toordinal()
        found = [(day - 1, day, 0.5)]
    return tuple(found)


def in_steps(weight: float) -> float:
    """Return `weight` to a fiftieth: what is kept of an article is then what was decided with."""
    return round(weight * WEIGHT_STEPS) / WEIGHT_STEPS


def hash32(text: str) -> int:
    """Return a hash of `text` that is the same in every process; 0 for none."""
    return crc32(text.encode("utf-8", "replace")) if text else 0


def _hash16(text: str) -> int:
    return hash32(text) & 0xFFFF
