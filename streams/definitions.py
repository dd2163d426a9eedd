"""What a user defines in `config/` and the stages work with: topics, entities, sources, frames and alert rules, as
plain records.

Reading and checking the YAML is `agent.definitions`' work; what is here has no file behind it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from streams.model import Ownership

Slug = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,79}$", description="lower-case letters, digits and hyphens")]
EntityKind = Literal["person", "organisation", "place", "armed-group", "agency", "country", "event"]


class Example(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A short article that must, or must not, match."""

    title: str = ""
    text: str = ""
    lang: str | None = None


class Examples(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The examples that `rasad check` and the tests run."""

    match: tuple[Example | str, ...] = ()
    not_match: tuple[Example | str, ...] = ()


Language = Annotated[str, Meta(pattern="^([a-z]{2,3}|all)$", description="a language code, or `all`")]


class TopicDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A standing query that labels articles, or a concept that such queries use."""

    id: Slug
    name: str
    description: str = ""
    parent: Slug | None = None
    query: str = ""
    terms: dict[Language, str] = {}
    """Alternatives by language, side by side in one query: so a person sees which language lacks a word."""
    min_score: Annotated[float, Meta(ge=0)] = 1.0
    """The least score of an article with text; a headline alone needs 70 % of it."""
    where: dict[Slug, str] = {}
    """Named sub-queries, one per concept, that `query` uses as `@name`."""
    is_concept: bool = False
    """A concept is there for other topics to use as `@id`, and labels nothing itself."""
    examples: Examples = Examples()

    def __post_init__(self) -> None:
        if bool(self.query.strip()) == bool(self.terms):
            raise ValueError("give either `query`, or `terms` by language")

    @property
    def whole_query(self) -> str:
        """`query`, or the `terms` of all languages as one."""
        return self.query or " ".join(self.terms.values())

    def queries(self) -> dict[str, str]:
        """Return every query as it is written, by its key: `where.NAME`, and `query` or `terms.LANGUAGE`."""
        parts = {f"where.{name}": text for name, text in self.where.items()}
        terms = {f"terms.{language}": text for language, text in self.terms.items()}
        return {**parts, **(terms or {"query": self.query})}


class EntityDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person, organisation or place, by some of its names; the other spellings are generated."""

    id: Slug
    kind: EntityKind
    names: dict[str, tuple[str, ...]]
    """Names by language: `{en: [Sergei Shoigu], ar: [سيرغي شويغو]}`. The first of a language is the one shown."""
    near: tuple[str, ...] = ()
    """Words of which one must stand in the article for an ambiguous name to count."""
    not_names: tuple[str, ...] = ()
    """Surfaces that look like a spelling of this entity and are not."""
    demonyms: dict[str, tuple[str, ...]] = {}
    """Of a country: its adjectives and the words for its people, by language (`{en: [Syrian, Syrians]}`)."""
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    roles: dict[str, tuple[str, ...]] = {}
    """Role phrases by language («وزير الدفاع التركي»), evidence for a name nearby."""


class SourceDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agency or outlet that others credit, by its names."""

    id: Slug
    kind: Literal["agency", "outlet"]
    names: dict[str, tuple[str, ...]]
    """Names by language, without the word for "agency" or "newspaper"; each is found in texts of any language."""
    ambiguous: tuple[str, ...] = ()
    """Those of the names that are other words, too: they count only beside a word such as "agency", or in quotes."""
    not_names: tuple[str, ...] = ()
    """What begins or ends like a name and is somebody else: the Reuters Institute."""
    also: tuple[Slug, ...] = ()
    """Ids in the feed list that are the same house: its editions in other languages."""
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    ownership: Ownership = "unknown"


class FrameDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wording that takes a side, or pointedly none, for something that others word otherwise."""

    id: Slug
    group: Slug
    """What is named; the frames of one group are alternatives to one another."""
    name: str
    description: str = ""
    query: str
    """In the one query language; what it matches are the wordings."""
    examples: Examples = Examples()


Severity = Literal["info", "warning", "critical"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
TimeOfDay = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", description="a time of day, `07:30`")]


class RealertPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a rule alert again on a story that it has alerted on. Copies never do."""

    language: bool = False
    """The first match in a language."""
    source: bool = False
    """The first match of an independent source: one that has the news from nobody who is in the story already."""
    country: bool = False
    """The first match of an outlet of a country."""
    growth: Annotated[float, Meta(gt=1)] | None = None
    """The story has grown by this factor, in matching articles, since the last alert."""
    revision: bool = True
    """An article that did not match was edited, and matches now."""


class RuleFilters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an article must be for a rule to look at it; each that is given must hold, empty ones hold for all."""

    languages: tuple[Annotated[str, Meta(pattern="^[a-z]{2,3}$")], ...] = ()
    countries: tuple[Annotated[str, Meta(pattern="^[A-Z]{2}$")], ...] = ()
    sources: tuple[str, ...] = ()
    not_sources: tuple[str, ...] = ()
    ownership: tuple[Ownership, ...] = ()


class TrendCondition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which findings about volumes and words a rule alerts on, in place of a query."""

    kinds: tuple[Literal["spike", "flatline", "new_term"], ...] = ("spike", "flatline", "new_term")
    series: Literal["topic", "entity", "language"] | None = None
    values: tuple[str, ...] = ()
    """Ids of topics or entities, or languages; empty for all of the series."""
    min_seen: Annotated[int, Meta(ge=0)] = 0
    """Least articles of a spike or new term."""

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("`kinds` is empty: give spike, flatline or new_term")
        if self.values and self.series is None:
            raise ValueError("`values` need `series: topic`, `entity` or `language`")


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When alerts go out: as they happen, or gathered into one message."""

    every: Literal["event", "hour", "day", "week"] = "event"
    at: TimeOfDay = "07:00"
    """When a daily or weekly digest goes out; of an hourly one the minutes count."""
    weekday: Weekday = "monday"
    quiet_from: TimeOfDay | None = None
    quiet_to: TimeOfDay | None = None
    """From `quiet_from` to `quiet_to` nothing goes out; what came meanwhile follows as one message."""
    time_zone: str = "UTC"
    """An IANA name such as `Asia/Damascus`."""

    def __post_init__(self) -> None:
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("give both `quiet_from` and `quiet_to`, or neither")
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValueError("`quiet_from` and `quiet_to` are the same: that would be quiet all day")


class RuleDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A standing query that alerts: once for each story, and again only on what `realert` names."""

    id: Slug
    name: str
    description: str = ""
    query: str = ""
    """In the one query language; `@id` is a topic or concept."""
    trend: TrendCondition | None = None
    filters: RuleFilters = RuleFilters()
    realert: RealertPolicy = RealertPolicy()
    severity: Severity = "info"
    channels: tuple[Slug, ...] = ()
    """Ids of destinations. Without any, alerts are kept and listed, and sent nowhere."""
    schedule: Schedule = Schedule()
    min_sources: Annotated[int, Meta(ge=1, le=100)] = 1
    """Least independent sources with a matching article before the first alert on a story."""
    min_score: Annotated[float, Meta(ge=0)] = 0.0
    enabled: bool = True
    examples: Examples = Examples()

    def __post_init__(self) -> None:
        if bool(self.query.strip()) == (self.trend is not None):
            raise ValueError("give either `query` or `trend`")
        if self.trend is not None and (self.examples.match or self.examples.not_match):
            raise ValueError("a trend rule has no examples: they are articles, and it looks at volumes")


class Definitions(Struct, frozen=True, kw_only=True):
    """Everything the stages are configured with."""

    topics: tuple[TopicDefinition, ...] = ()
    entities: tuple[EntityDefinition, ...] = ()
    sources: tuple[SourceDefinition, ...] = ()
    frames: tuple[FrameDefinition, ...] = ()

    @property
    def labels(self) -> tuple[TopicDefinition, ...]:
        """The topics that articles are labelled with: all but the concepts."""
        return tuple(topic for topic in self.topics if not topic.is_concept)
