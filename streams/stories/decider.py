"""Decides to which story an article belongs. Pure: signals and the stories at hand in, a candidate and why out.

    evidence (what an article and a story share) ─▶ weighed sum ─▶ probability ─▶ join the likeliest story, or begin one

The weights were fitted to the development half of the labelled stories, half of them moved onto the same days, so that
what is shared counts and not only when it was (docs/decisions/0091).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

import msgspec
from msgspec import Struct

from streams.stories.profile import Bearings, Direction, Rarity, StoryProfile, dot
from streams.stories.signals import Days

JOIN_AT = 0.5
"""Probability from which an article joins a story."""


class Evidence(Struct, frozen=True, kw_only=True):
    """What an article shares with a story."""

    entities: float = 0.0
    """Cosine of the named persons, organisations and places, by rarity."""
    terms: float = 0.0
    """Cosine of the words, by rarity, with the story's articles of the same language."""
    has_terms: float = 0.0
    """1 where the story has an article of the same language, and so words could be compared."""
    numbers: float = 0.0
    topics: float = 0.0
    days: float = 0.0
    """Up to 1 for the same day of the event."""
    other_days: float = 0.0
    """Up to 1 for days that exclude one another."""
    gap: float = 0.0
    """Days between the article and the nearest article of the story, as a logarithm."""
    best_entities: float = 0.0
    """Cosine with the article of the story that is most like it."""


class Weights(Struct, frozen=True, kw_only=True):
    """How much each kind of evidence says."""

    bias: float
    entities: float
    terms: float
    has_terms: float
    numbers: float
    topics: float
    days: float
    other_days: float
    gap: float
    best_entities: float


WEIGHTS = Weights(
    bias=-2.2,
    entities=3.6,
    terms=2.0,
    has_terms=-1.4,
    numbers=1.0,
    topics=2.5,
    days=0.5,
    other_days=-1.6,
    gap=-3.0,
    best_entities=3.2,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that an article may belong to."""

    story_id: str
    probability: float
    evidence: Evidence


def weigh(evidence: Evidence, *, best_entities: float | None = None) -> float:
    """Return the probability that an article with this evidence belongs to the story.

    `best_entities` stands in for that of the evidence.
    """
    weights = WEIGHTS
    total = (
        weights.bias
        + evidence.entities * weights.entities
        + evidence.terms * weights.terms
        + evidence.has_terms * weights.has_terms
        + evidence.numbers * weights.numbers
        + evidence.topics * weights.topics
        + evidence.days * weights.days
        + evidence.other_days * weights.other_days
        + evidence.gap * weights.gap
        + (evidence.best_entities if best_entities is None else best_entities) * weights.best_entities
    )
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, total))))


def _quick_evidence(article: Bearings, story: StoryProfile, rarity: Rarity) -> Evidence:
    signals = article.signals
    terms = story.terms.get(signals.language)
    agreement = days_agree(signals.days, story.days)
    return Evidence(
        entities=story.entities.cosine(article.entities),
        terms=terms.cosine(article.terms) if terms is not None else 0.0,
        has_terms=1.0 if terms is not None else 0.0,
        numbers=_shared(signals.numbers, story.numbers, rarity),
        topics=_overlap(signals.topics, story.topics),
        days=max(0.0, agreement),
        other_days=max(0.0, -agreement),
        gap=_gap(signals.time, story),
    )


def _gap(time: datetime, story: StoryProfile) -> float:
    if story.first_time <= time <= story.last_time:
        return 0.0
    away = story.first_time - time if time < story.first_time else time - story.last_time
    return math.log2(1.0 + away.total_seconds() / 86_400)


def _best_entities(article: Bearings, story: StoryProfile) -> float:
    entities = article.entities
    return max([dot(entities, member) for member in story.members], default=0.0) if entities else 0.0


def evidence_of(article: Bearings, story: StoryProfile, rarity: Rarity) -> Evidence:
    """Return what an article shares with a story."""
    evidence = _quick_evidence(article, story, rarity)
    return msgspec.structs.replace(evidence, best_entities=_best_entities(article, story))


def decide(
    article: Bearings,
    stories: Iterable[StoryProfile],
    rarity: Rarity,
    *,
    at_least: float = JOIN_AT,
    known: dict[str, Evidence] | None = None,
) -> Candidate | None:
    """Return the story that the article joins, with a probability of `at_least`; None where it begins one.

    `known` keeps, by story, what was found out: for another question about the same article and stories.
    """
    bounds: list[tuple[float, StoryProfile, Evidence]] = []
    for story in stories:
        evidence = known.get(story.story_id) if known is not None else None
        if evidence is None:
            evidence = _quick_evidence(article, story, rarity)
            if known is not None:
                known[story.story_id] = evidence
        bound = weigh(evidence, best_entities=1.0)
        if bound >= at_least:
            bounds.append((bound, story, evidence))
    bounds.sort(key=itemgetter(0), reverse=True)
    best: Candidate | None = None
    least = at_least
    for bound, story, evidence in bounds:
        # Comparing with single articles costs most: only where it could still decide.
        if bound < least:
            break
        best_entities = _best_entities(article, story)
        probability = weigh(evidence, best_entities=best_entities)
        if probability >= at_least and (
            best is None or (probability, story.story_id) > (best.probability, best.story_id)
        ):
            best = Candidate(
                story.story_id, probability, msgspec.structs.replace(evidence, best_entities=best_entities)
            )
            least = probability
    return best


def compare(one: StoryProfile, other: StoryProfile, rarity: Rarity) -> Evidence:
    """Return what two stories share, as if one were an article of the other."""
    languages = one.terms.keys() & other.terms.keys()
    agreement = stories_agree(one.days, other.days)
    later, earlier = (one, other) if one.first_time > other.first_time else (other, one)
    return Evidence(
        entities=_cosine(one.entities, other.entities),
        terms=max([_cosine(one.terms[language], other.terms[language]) for language in languages], default=0.0),
        has_terms=1.0 if languages else 0.0,
        numbers=_shared(frozenset(one.numbers), other.numbers, rarity),
        topics=_overlap(frozenset(one.topics), other.topics),
        days=max(0.0, agreement),
        other_days=max(0.0, -agreement),
        gap=_gap(later.first_time, earlier),
        best_entities=_mean_best(one.members, other.members),
    )


def _mean_best(members: list[dict[int, float]], others: list[dict[int, float]]) -> float:
    """Return how like the most similar article of the other story is, on the average of all articles."""
    products = [[dot(member, other) for other in others] for member in members]
    best = [*map(max, products), *map(max, zip(*products, strict=True))] if products and others else []
    return sum(best) / len(best) if best else 0.0


def _cosine(one: Direction, other: Direction) -> float:
    length = math.sqrt(dot(other.sums, other.sums))
    return one.cosine(other.sums) / length if length else 0.0


def share_of(evidence: Evidence) -> dict[str, float]:
    """Return what each kind of evidence gave to the decision, in the units of its sum; kinds that gave something."""
    given = {
        "entities": evidence.entities * WEIGHTS.entities + evidence.best_entities * WEIGHTS.best_entities,
        "words": evidence.terms * WEIGHTS.terms,
        "numbers": evidence.numbers * WEIGHTS.numbers,
        "topics": evidence.topics * WEIGHTS.topics,
        "day": evidence.days * WEIGHTS.days,
    }
    return {kind: weight for kind, weight in given.items() if weight > 0.05}


def days_agree(days: Days, story_days: dict[int, float]) -> float:
    """Return whether the days of an article and a story agree: from -1 (they exclude one another) to 1 (the same day).

    The first of an article's days is the one that its event took place on. A story's are those of its articles.
    """
    if not days or not story_days:
        return 0.0
    first, last, _ = days[0]
    total = sum(story_days.values())
    agreeing = sum(weight for day, weight in story_days.items() if first - 1 <= day <= last + 1)
    if agreeing:
        return agreeing / total
    nearest = min(min(abs(day - first), abs(day - last)) for day in story_days)
    mentioned = any(begin <= day <= end for begin, end, _ in days[1:] for day in story_days)
    return -min(1.0, nearest / 5) * (0.7 if mentioned else 1.0)


def stories_agree(days: dict[int, float], other_days: dict[int, float]) -> float:
    """Return whether the days of two stories agree: from -1 (they exclude one another) to 1 (the same days)."""
    if not days or not other_days:
        return 0.0
    shares = [
        sum(weight for day, weight in mine.items() if any(abs(day - one) <= 1 for one in theirs)) / sum(mine.values())
        for mine, theirs in ((days, other_days), (other_days, days))
    ]
    if all(shares):
        return min(shares)
    return -min(1.0, min(abs(day - other) for day in days for other in other_days) / 5)


def _shared(numbers: frozenset[int], story_numbers: dict[int, int], rarity: Rarity) -> float:
    return min(1.0, sum(rarity.numbers(number) for number in numbers if number in story_numbers) / 6.0)


def _overlap(topics: frozenset[int], story_topics: dict[int, int]) -> float:
    if not topics or not story_topics:
        return 0.0
    return len(topics & story_topics.keys()) / len(topics | story_topics.keys())
