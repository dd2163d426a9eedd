"""What is known of a story as a whole, and how rare names, words and numbers have been so far."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from streams.stories.signals import Signals, Weights

MAX_MEMBERS = 12
"""Articles of a story that a new one is compared with one by one: the latest."""
MAX_PROFILE_ENTITIES, MAX_PROFILE_TERMS, MAX_PROFILE_NUMBERS = 40, 80, 30
_NOTHING = 1e-9
MAX_RANGE_DAYS = 4
"""Of a longer range («from the 3rd to the 20th») the first days are taken."""


class Frequencies:
    """How many articles had each hash, of a stream without end: when there are too many, all are halved, and what had
    one is forgotten."""

    def __init__(self, limit: int, prior_articles: float, prior_count: float) -> None:
        self._counts: dict[int, float] = {}
        self._limit = limit
        self._articles = 0.0
        self._prior_articles = prior_articles
        self._prior_count = prior_count

    def __call__(self, key: int) -> float:
        """Return the rarity of `key`: the logarithm of how many articles there are to one that has it."""
        count = self._counts.get(key, 0.0) + self._prior_count
        return max(0.0, math.log((self._articles + self._prior_articles) / count))

    def __len__(self) -> int:
        return len(self._counts)

    def times(self, weights: Weights) -> Weights:
        """Return `weights`, each times the rarity of its key: at once, what calling for each would give."""
        get, total, prior, log = self._counts.get, self._articles + self._prior_articles, self._prior_count, math.log
        return {
            key: weight * (rarity if (rarity := log(total / (get(key, 0.0) + prior))) > 0.0 else 0.0)
            for key, weight in weights.items()
        }

    def add(self, keys: Iterable[int]) -> None:
        """Count one article."""
        counts = self._counts
        for key in keys:
            counts[key] = counts.get(key, 0.0) + 1.0
        self._articles += 1.0
        if len(counts) > self._limit:
            self._counts = {key: count / 2 for key, count in counts.items() if count > 1.0}
            self._articles /= 2


class Rarity:
    """The rarities of the three kinds."""

    def __init__(self) -> None:
        # Before anything was seen a name stands in one of sixty articles, a word in one of a hundred.
        self.entities = Frequencies(200_000, 60.0, 1.0)
        self.terms = Frequencies(400_000, 100.0, 1.0)
        self.numbers = Frequencies(100_000, 60.0, 1.0)
        self._latest: Bearings | None = None

    def bearings(self, signals: Signals) -> Bearings:
        """Return the bearings of an article as rarities are now; asked for again before one is counted, the same."""
        if self._latest is None or self._latest.signals is not signals:
            self._latest = Bearings(signals, self)
        return self._latest

    def add(self, signals: Signals) -> None:
        """Count one article."""
        self._latest = None
        self.entities.add(signals.entities)
        self.terms.add(signals.terms)
        self.numbers.add(signals.numbers)


class Bearings:
    """The signals of one article as directions: names and words weighed by their rarity when it came, of length 1."""

    __slots__ = ("entities", "signals", "terms")

    def __init__(self, signals: Signals, rarity: Rarity) -> None:
        self.signals = signals
        self.entities = _direction(signals.entities, rarity.entities)
        self.terms = _direction(signals.terms, rarity.terms)


def _direction(weights: Weights, rarity: Frequencies) -> Weights:
    weighed = rarity.times(weights)
    length = math.sqrt(sum([weight * weight for weight in weighed.values()]))
    return {key: weight / length for key, weight in weighed.items()} if length else {}


def dot(one: Weights, other: Weights) -> float:
    """Return the product of two bags of weighed hashes; `one` should be the smaller."""
    if one.keys().isdisjoint(other.keys()):  # as most are
        return 0.0
    return sum([weight * other[key] for key, weight in one.items() if key in other])


class Direction:
    """The sum of many directions."""

    __slots__ = ("_length", "_limit", "sums")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.sums: Weights = {}
        self._length: float | None = 0.0

    def add(self, direction: Weights) -> None:
        """Take one in. Twice the limit is kept before the least are let go, so that this is seldom done."""
        sums = self.sums
        for key, weight in direction.items():
            sums[key] = sums.get(key, 0.0) + weight
        if len(sums) > 2 * self._limit:
            self.sums = sums = dict(sorted(sums.items(), key=lambda item: -item[1])[: self._limit])
        self._length = None

    @property
    def length(self) -> float:
        """The length of the sum."""
        length = self._length
        if length is None:  # worked out when it is asked for: most stories are never compared with
            length = self._length = math.sqrt(sum([weight * weight for weight in self.sums.values()]))
        return length

    def cosine(self, direction: Weights) -> float:
        """Return the cosine with a direction of length 1."""
        length = self.length
        return dot(direction, self.sums) / length if length else 0.0


@dataclass(slots=True)
class StoryProfile:
    """The sum of a story's articles."""

    story_id: str
    first_time: datetime
    last_time: datetime
    live: int = 0
    """Articles of it that are still in the window."""
    entities: Direction = field(default_factory=lambda: Direction(MAX_PROFILE_ENTITIES))
    terms: dict[str, Direction] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    topics: dict[int, int] = field(default_factory=dict)
    days: dict[int, float] = field(default_factory=dict)
    members: list[Weights] = field(default_factory=list)
    """The names of the latest articles."""

    def add(self, bearings: Bearings) -> None:
        """Take one article in."""
        signals = bearings.signals
        self.live += 1
        self.first_time = min(self.first_time, signals.time)
        self.last_time = max(self.last_time, signals.time)
        self.entities.add(bearings.entities)
        terms = self.terms.get(signals.language)
        if terms is None:
            terms = self.terms[signals.language] = Direction(MAX_PROFILE_TERMS)
        terms.add(bearings.terms)
        _count(self.numbers, signals.numbers, MAX_PROFILE_NUMBERS)
        _count(self.topics, signals.topics, MAX_PROFILE_NUMBERS)
        if signals.days:
            first, last, weight = signals.days[0]
            last = min(last, first + MAX_RANGE_DAYS - 1)
            for day in range(first, last + 1):
                self.days[day] = self.days.get(day, 0.0) + weight / (1 + last - first)
        self.members.append(bearings.entities)
        del self.members[:-MAX_MEMBERS]

    def part_with(self, new: StoryProfile, leaving: Iterable[tuple[Weights, Iterable[int]]], articles: int) -> None:
        """Give articles to a story of their own: names and days of each; `articles` are how many go in all.

        Words cannot be told apart any more: the new story learns them from its next articles.
        """
        for entities, days in leaving:
            new.entities.add(entities)
            self.entities.add({key: -weight for key, weight in entities.items()})
            new.members.append(entities)
            self.members = [member for member in self.members if member is not entities]
            for day in days:
                self.days.pop(day, None)
                new.days[day] = new.days.get(day, 0.0) + 1.0
        self.entities.sums = {key: weight for key, weight in self.entities.sums.items() if weight > _NOTHING}
        self.entities.add({})
        del new.members[:-MAX_MEMBERS]
        new.live += articles
        self.live -= articles
        for key, count in self.topics.items():
            new.topics[key] = max(new.topics.get(key, 0), count)

    def absorb(self, other: StoryProfile) -> None:
        """Take in a story that was found to be this one."""
        self.live += other.live
        self.first_time = min(self.first_time, other.first_time)
        self.last_time = max(self.last_time, other.last_time)
        self.entities.add(other.entities.sums)
        for language, terms in other.terms.items():
            mine = self.terms.get(language)
            if mine is None:
                mine = self.terms[language] = Direction(MAX_PROFILE_TERMS)
            mine.add(terms.sums)
        for counts, more in ((self.numbers, other.numbers), (self.topics, other.topics)):
            for key, count in more.items():
                counts[key] = counts.get(key, 0) + count
            _count(counts, (), MAX_PROFILE_NUMBERS)
        for day, weight in other.days.items():
            self.days[day] = self.days.get(day, 0.0) + weight
        self.members = [*other.members, *self.members][-MAX_MEMBERS:]


def _count(counts: dict[int, int], keys: Iterable[int], limit: int) -> None:
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    if len(counts) > 2 * limit:
        for key in sorted(counts, key=counts.__getitem__)[:-limit]:
            del counts[key]
