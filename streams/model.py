"""The records that travel between stages, each named after the stage it has left.

    collect ─▶ RawArticle ─ enrich ─▶ EnrichedArticle ─ story ─▶ Article ─▶ index, alert
                   └──────────────── QuarantineRecord ◀────────────┘

A later record is the earlier one with more fields, so a field has one definition and JSON stays flat.
All times are UTC; languages are BCP 47; spans count code points of the named field.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

SCHEMA = 1
"""Version of every record below. A reader refuses a record of a newer schema (`codec.decode`)."""

FieldName = Literal["title", "text"]
TextOrigin = Literal["feed", "page"]
Ownership = Literal["state", "opposition", "independent", "wire", "party", "international", "unknown"]

ArticleId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class Span(Struct, frozen=True, kw_only=True):
    """A half-open range `[start, end)` of code points in one field of an article."""

    field: FieldName
    start: Annotated[int, Meta(ge=0)]
    end: Annotated[int, Meta(ge=0)]


class TopicLabel(Struct, frozen=True, kw_only=True):
    """A topic that the article is about: its score and the words that made it so."""

    id: str
    score: float
    spans: tuple[Span, ...] = ()


class EntityLabel(Struct, frozen=True, kw_only=True):
    """An entity named in the article, with every mention in any spelling."""

    id: str
    kind: str
    mentions: tuple[Span, ...] = ()


class AttributionStep(Struct, frozen=True, kw_only=True):
    """One link of the chain “who took it from whom”, nearest first."""

    name: str
    source_id: str | None = None
    span: Span | None = None
    chain: Annotated[int, Meta(ge=0)] = 0
    """Which of the article's chains it is in: 0 is that of the whole report, or of the first passage that has one."""


class EventDate(Struct, frozen=True, kw_only=True):
    """Days that the text speaks of, resolved from any calendar, or from a weekday and the day of publication.

    The first of an article's event dates is the one that its event took place on, as far as can be told.
    """

    first: date
    last: date
    """The same as `first` for a single day."""
    is_inferred: bool = False
    """True where the year or the day was worked out from the day of publication («الثلاثاء», "on 28 December")."""
    spans: tuple[Span, ...] = ()


class FrameLabel(Struct, frozen=True, kw_only=True):
    """A wording that takes a side, or pointedly none: which, for what, and where it stands."""

    id: str
    group: str
    """What is named («the Syrian government»); frames of one group are alternatives to one another."""
    spans: tuple[Span, ...] = ()


class StoryLink(Struct, frozen=True, kw_only=True):
    """Why an article stands in its story: the kind of evidence, its weight, and what was shared."""

    kind: str
    weight: float
    detail: str = ""


class StoryChange(Struct, frozen=True, kw_only=True):
    """Stories that were found to be one, or one that was found to be two; with the article that showed it."""

    kind: Literal["merge", "split"]
    story_id: str
    """The story that is no more, or the one that is left by some of its articles."""
    into: str
    """The story that stays, or the new one."""
    articles: tuple[str, ...] = ()
    """Of a split: those that go."""
    evidence: tuple[StoryLink, ...] = ()
    decided_at: datetime


class RawArticle(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What the collector saw: one document of one source, as text, before anything is understood."""

    schema: int = SCHEMA
    article_id: ArticleId
    revision: Annotated[int, Meta(ge=1)] = 1
    """1 for the first version seen; one more each time the source edits title, text or GUID."""
    url: str | None = None
    """The link as the feed gave it, made absolute."""
    canonical_url: str | None = None
    """`url` without tracking parameters and fragment; where the page was read, what it calls its own address.
    `article_id` is made of the former: it must not depend on whether a page could be read."""
    guid: str | None = None
    feed_url: str | None = None
    source_id: str | None = None
    source_name: str | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2 of the outlet, from the feed list."""
    ownership: Ownership = "unknown"
    title: str = ""
    text: str = ""
    text_origin: TextOrigin = "feed"
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """The outlet's own labels for the article."""
    image_url: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    date_is_reliable: bool = True
    """False where the date is missing, in the future, or too old to be news: `published_at` is then not to be
    ordered by."""
    collected_at: datetime
    declared_language: str | None = None
    """What the feed or page claims; evidence, not truth."""
    is_backfill: bool = False
    extra: dict[str, Any] = {}
    """Unknown fields of pipe mode, kept untouched."""


class EnrichedArticle(RawArticle, frozen=True, kw_only=True):
    """A raw article that has been understood: language, topics, entities, credits."""

    language: str = "und"
    language_score: float = 0.0
    topics: tuple[TopicLabel, ...] = ()
    entities: tuple[EntityLabel, ...] = ()
    attribution: tuple[AttributionStep, ...] = ()
    event_dates: tuple[EventDate, ...] = ()
    frames: tuple[FrameLabel, ...] = ()
    enriched_at: datetime


class Article(EnrichedArticle, frozen=True, kw_only=True):
    """An article that has its place: the story it belongs to and the article it copies. What the stores hold."""

    near_duplicate_of: str | None = None
    similarity: float | None = None
    wire_copy: bool = False
    story_id: str | None = None
    story_links: tuple[StoryLink, ...] = ()
    story_changes: tuple[StoryChange, ...] = ()
    """What this article showed about its and other stories."""
    storied_at: datetime
    indexed_at: datetime | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """What the story stage keeps, so that its window and its counts can be built again. Not a record of a channel: the
    bytes are."""

    key: str
    """A later record takes the place of an earlier one of the same key. Of an article: its id."""
    time: datetime
    """What it is of: it can be forgotten a window later."""
    record: bytes


class QuarantineRecord(Struct, frozen=True, kw_only=True):
    """A record that a stage could not process, with what is needed to see why and to run it again."""

    schema: int = SCHEMA
    stage: str
    channel: str
    """The channel it was read from, and the one a retry writes to."""
    reason: str
    """Bounded class of fault, usable as a metric label: see `REJECT_REASONS`."""
    detail: str = ""
    payload: bytes
    """The original bytes, untouched (base64 in JSON)."""
    key: bytes | None = None
    position: str = ""
    """Where on the channel it was: `partition 3 offset 1234`; empty in the embedded runtime."""
    quarantined_at: datetime
    attempts: int = 1


REJECT_REASONS = (
    "undecodable",
    "newer_schema",
    "invalid",
    "stage_failed",
    "refused_by_store",
    "too_large",
    "undeliverable",
)
