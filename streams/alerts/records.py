"""The records of alerts: what was decided, and everything that a message about it says."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Literal

from msgspec import Meta, Struct

from streams.definitions import Schedule, Severity
from streams.model import SCHEMA, FieldName, Ownership

AlertReason = Literal["story", "language", "source", "country", "growth", "revision", "trend", "activity"]
"""`story`: the rule's first alert on the story. `activity`: none that is shown, the story goes on; where an alert can
end by itself it is kept up. The others are what `RealertPolicy` names."""

AlertId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class Excerpt(Struct, frozen=True, kw_only=True):
    """A piece of the article around matched words."""

    field: FieldName
    text: str
    highlights: tuple[tuple[int, int], ...] = ()
    """Half-open ranges of code points in `text`."""
    is_cut_before: bool = False
    is_cut_after: bool = False


class AlertArticle(Struct, frozen=True, kw_only=True):
    """The article that made a rule alert."""

    article_id: str
    revision: int
    title: str
    url: str | None
    language: str
    source_id: str | None
    source_name: str | None
    country: str | None
    ownership: Ownership
    published_at: datetime | None
    """None where it is not to be relied on."""
    topics: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()


class StoryFacts(Struct, frozen=True, kw_only=True):
    """What was known of the story at that time."""

    articles: int
    copies: int
    sources: int
    independent_sources: int
    languages: tuple[str, ...]
    countries: tuple[str, ...]


class TrendFacts(Struct, frozen=True, kw_only=True):
    """The finding that made a trend rule alert; fields as in `streams.trends.Trend`."""

    kind: Literal["spike", "flatline", "new_term"]
    series_kind: str
    series_value: str
    term: str | None
    hour: datetime
    seen: int
    expected: float
    tolerance: float
    sources: int


class Alert(Struct, frozen=True, kw_only=True):
    """One alert of one rule: on a story because of an article, or on a trend."""

    schema: int = SCHEMA
    alert_id: AlertId
    """The same whenever the same is decided again."""
    rule_id: str
    rule_name: str
    severity: Severity
    reasons: tuple[AlertReason, ...]
    created_at: datetime
    query: str = ""
    channels: tuple[str, ...] = ()
    """Ids of the destinations it goes to."""
    schedule: Schedule = Schedule()
    story_id: str | None = None
    story: StoryFacts | None = None
    article: AlertArticle | None = None
    score: float = 0.0
    excerpts: tuple[Excerpt, ...] = ()
    lineage: tuple[str, ...] = ()
    """Who has it from whom, each chain as one line of names, the article's outlet first."""
    trend: TrendFacts | None = None

    @property
    def is_shown(self) -> bool:
        """Whether it is for people, and not only kept up somewhere."""
        return self.reasons != ("activity",)


def alert_id(*parts: str) -> str:
    """Return the id of an alert: 128 bits of what it is about."""
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
