"""What is remembered of a story, so that no rule says the same thing twice: its articles, and of each rule what it has
seen and said.

All records are immutable: a decision makes new ones, and whoever runs it takes them over once they are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from streams.model import SCHEMA, Article
from streams.text.fold import fold

MAX_REMEMBERED = 128
"""Articles of a story that are remembered one by one; those that come after are counted only."""
_ID_CHARS = 16


class Known(Struct, frozen=True, array_like=True, gc=False):
    """An article of the story."""

    article: str
    """The first 64 bits of its id."""
    revision: int
    house: str
    """The outlet, its editions taken together; empty where it is not known."""
    origins: tuple[str, ...]
    """Where it has its news from in the end: itself, whom it copies, or whom it credits."""


class RuleMemory(Struct, frozen=True, array_like=True, gc=False):
    """What a rule has seen of a story, copies left out, and what it has said."""

    matched: tuple[int, ...] = ()
    """Which of the story's remembered articles matched."""
    count: int = 0
    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    alerts: int = 0
    count_at_alert: int = 0
    touched_at: datetime | None = None
    """When it last alerted, or said that the story goes on."""


class StoryMemory(Struct, frozen=True):
    """What is remembered of one story."""

    story_id: str
    schema: int = SCHEMA
    version: int = 0
    """One more with each change: of two records of one story the higher holds."""
    time: datetime | None = None
    """When its latest article was collected: it is forgotten a window later."""
    articles: int = 0
    copies: int = 0
    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    houses: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()
    rules: dict[str, RuleMemory] = {}
    merged: tuple[str, ...] = ()
    """Stories that were found to be this one, and whose memory is in here."""

    @property
    def independent_sources(self) -> int:
        """How many origins its remembered articles have."""
        return len({origin for known in self.known for origin in known.origins})

    def place_of(self, article_id: str) -> int | None:
        """Return where the article is among `known`, None if it is not."""
        short = article_id[:_ID_CHARS]
        return next((place for place, known in enumerate(self.known) if known.article == short), None)

    def with_article(self, article: Article, houses: Mapping[str, str]) -> StoryMemory:
        """Return the memory with `article` in it; of an article that is known only the revision is noted.

        `houses`: the id of a source by the ids of its editions.
        """
        time = max(self.time, article.collected_at) if self.time is not None else article.collected_at
        place = self.place_of(article.article_id)
        if place is not None:
            known = self.known[place]
            newer = replace(known, revision=max(known.revision, article.revision))
            return replace(
                self, version=self.version + 1, time=time, known=(*self.known[:place], newer, *self.known[place + 1 :])
            )
        house = house_of(article, houses)
        entry = Known(article.article_id[:_ID_CHARS], article.revision, house, self._origins(article, house, houses))
        return replace(
            self,
            version=self.version + 1,
            time=time,
            articles=self.articles + 1,
            copies=self.copies + (article.near_duplicate_of is not None),
            languages=_with(self.languages, article.language if article.language != "und" else ""),
            countries=_with(self.countries, article.country or ""),
            houses=_with(self.houses, house),
            known=(*self.known, entry) if len(self.known) < MAX_REMEMBERED else self.known,
        )

    def with_merged(self, other: StoryMemory) -> StoryMemory:
        """Return the memory after `other` was found to be the same story: what was said of either is said of both."""
        places = {known.article: place for place, known in enumerate(self.known)}
        more = [known for known in other.known if known.article not in places][: MAX_REMEMBERED - len(self.known)]
        places |= {known.article: len(self.known) + number for number, known in enumerate(more)}
        rules = dict(self.rules)
        for rule_id, theirs in other.rules.items():
            ours = rules.get(rule_id, RuleMemory())
            moved = [
                places[other.known[place].article] for place in theirs.matched if other.known[place].article in places
            ]
            rules[rule_id] = RuleMemory(
                matched=tuple(dict.fromkeys((*ours.matched, *moved))),
                count=ours.count + theirs.count,
                languages=_union(ours.languages, theirs.languages),
                countries=_union(ours.countries, theirs.countries),
                origins=_union(ours.origins, theirs.origins),
                alerts=ours.alerts + theirs.alerts,
                count_at_alert=ours.count_at_alert + theirs.count_at_alert,
                touched_at=max(filter(None, (ours.touched_at, theirs.touched_at)), default=None),
            )
        return replace(
            self,
            version=max(self.version, other.version) + 1,
            articles=self.articles + other.articles,
            copies=self.copies + other.copies,
            languages=_union(self.languages, other.languages),
            countries=_union(self.countries, other.countries),
            houses=_union(self.houses, other.houses),
            known=(*self.known, *more),
            rules=rules,
        )

    def with_rule(self, rule_id: str, memory: RuleMemory) -> StoryMemory:
        """Return the memory with what a rule remembers replaced."""
        return replace(self, rules={**self.rules, rule_id: memory})

    def origins_of(self, article: Article, houses: Mapping[str, str]) -> tuple[str, ...]:
        """Return where `article` has its news from."""
        place = self.place_of(article.article_id)
        if place is not None:
            return self.known[place].origins
        return self._origins(article, house_of(article, houses), houses)

    def _origins(self, article: Article, house: str, houses: Mapping[str, str]) -> tuple[str, ...]:
        if article.near_duplicate_of is not None:
            place = self.place_of(article.near_duplicate_of)
            return self.known[place].origins if place is not None else (f"article:{article.near_duplicate_of}",)
        ends: dict[int, str] = {}
        for step in article.attribution:
            # Nearest first: what a chain ends in is its origin.
            node = (
                f"source:{houses.get(step.source_id, step.source_id)}" if step.source_id else f"name:{fold(step.name)}"
            )
            if node != house:
                ends[step.chain] = node
        origins: dict[str, None] = {}
        for end in ends.values():
            # Whom it credits may be in the story, and say whom that has it from.
            earlier = next((known for known in reversed(self.known) if known.house == end), None)
            origins.update(dict.fromkeys(earlier.origins if earlier is not None else (end,)))
        return tuple(origins) or (house or f"article:{article.article_id}",)


def house_of(article: Article, houses: Mapping[str, str]) -> str:
    """Return the node of the article's outlet, empty where it has none."""
    if article.source_id:
        return f"source:{houses.get(article.source_id, article.source_id)}"
    return f"name:{fold(article.source_name)}" if article.source_name else ""


def _union(values: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values, *more)))


def _with(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return values if not value or value in values else (*values, value)
