"""What of an article says which event it is about: names, words, numbers, topics and days, as small hashes.

Names and numbers are the same in every language; words tie articles of one language together. Everything is bounded, so
that an article's signals fit into the few hundred bytes that are kept of it (`state.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol
from zlib import crc32

from streams.model import EnrichedArticle, EntityLabel
from streams.text.document import Document
from streams.text.stems import has_stemmer, stem_keys
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
_CACHE_TERMS = 20_000

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


class Rarities(Protocol):
    """How rare words have been so far."""

    def times(self, weights: Weights) -> Weights:
        """Return `weights`, each times the rarity of its key."""
        ...


def signals_of(article: EnrichedArticle, document: Document, rarity: Rarities) -> Signals:
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


def _terms(document: Document, rarity: Rarities) -> Weights:
    stems, bare = _keys(document.language)
    found: Weights = {}
    for terms, weight in ((document.title.terms, _TITLE_WEIGHT), (document.text.terms[:LEAD_TERMS], _BODY_WEIGHT)):
        # In a language without a stemmer no word has a stem.
        keys = dict.fromkeys(map(stems.__getitem__, terms)) if stems is not None else {}
        keys.pop(0, None)
        if not keys:
            keys = dict.fromkeys(map(bare.__getitem__, terms))
            keys.pop(0, None)
        for key in keys:
            found.setdefault(key, weight)
    if len(found) > MAX_TERMS:
        worth = rarity.times(found)
        rarest = sorted(worth, key=worth.__getitem__, reverse=True)[:MAX_TERMS]
        found = {key: found[key] for key in rarest}
    return found


class _Keys(dict[str, int]):
    """The hash of what each word is compared by, 0 where it is not; forgets everything when it is full."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._prefix = language.partition("-")[0]

    def __missing__(self, term: str) -> int:
        is_word = len(term) >= _LEAST_LETTERS and not term[0].isdigit()
        word = self._word(term) if is_word else ""
        if len(self) >= _CACHE_TERMS:
            self.clear()
        self[term] = key = hash32(f"{self._prefix}:{word}") if word else 0
        return key

    def _word(self, term: str) -> str:
        raise NotImplementedError


class _Stems(_Keys):
    def __init__(self, language: str) -> None:
        super().__init__(language)
        self._language = language

    def _word(self, term: str) -> str:
        return next(iter(stem_keys([term], self._language)), "")


class _BareWords(_Keys):
    def __init__(self, language: str) -> None:
        super().__init__(language)
        self._variants = variants_table(language)

    def _word(self, term: str) -> str:
        return min((term, *self._variants[term]), key=_bareness)


@lru_cache(100)
def _keys(language: str) -> tuple[_Stems | None, _BareWords]:
    return _Stems(language) if has_stemmer(language) else None, _BareWords(language)


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
