"""What a user defines in `config/` and the stages work with: topics, entities, sources and frames, as plain records.

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
