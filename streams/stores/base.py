"""The port that every article store stands behind.

The store answers a query with a superset of candidates (by the bag of match terms), and the compiled matcher decides;
so a query means the same in the stream, in SQLite and in Elasticsearch. `tests/contract/store_contract.py` holds
every store to this.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from streams.model import Article, Span
from streams.trends.records import Trend, TrendKind

if TYPE_CHECKING:
    from streams.query import Query
    from streams.stories.documents import StoryDocument

Outcome = Literal["created", "updated", "stale", "refused"]


class StoreError(Exception):
    """Base of what a store raises."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or answers with a fault that may pass; try again later."""


class StoreHalted(StoreError):
    """The store refuses us (credentials, read-only): a person must act, trying again does not help."""


class Verdict(Struct, frozen=True):
    """What became of one document. `stale`: a newer version of it is already there, which is fine."""

    article_id: str
    outcome: Outcome
    detail: str = ""


class Search(Struct, frozen=True, kw_only=True):
    """A search: `query` in the query language (empty for all), with the usual filters beside it."""

    query: str = ""
    named: Mapping[str, Query] = {}
    """What `@name` in the query stands for (`streams.topics.named_queries`)."""
    since: datetime | None = None
    """Compared with `published_at` where the date is reliable, else with `collected_at`."""
    until: datetime | None = None
    """Not included: the range is `[since, until)`."""
    language: str | None = None
    """BCP 47; a bare language stands for all its variants (`az` for `az-Arab`)."""
    topic: str | None = None
    source: str | None = None
    """Id of a source, or its name as it is."""
    country: str | None = None
    """ISO 3166-1 alpha-2 of the outlet."""
    ownership: str | None = None
    limit: int = 50
    order: Literal["newest", "score"] = "newest"


class Hit(Struct, frozen=True, kw_only=True):
    """One article that matched, with the score and the words that matched."""

    article: Article
    score: float = 0.0
    spans: tuple[Span, ...] = ()


class SearchPage(Struct, frozen=True, kw_only=True):
    """The hits in order, and how complete they are."""

    hits: tuple[Hit, ...]
    candidates: int = 0
    """How many candidates the store gave and the matcher looked at."""
    is_complete: bool = True
    """False when the candidate budget ran out before the store did: there may be more."""


class StorySearch(Struct, frozen=True, kw_only=True):
    """Which stories are wanted."""

    since: datetime | None = None
    """Stories that have an article of this time or later."""
    until: datetime | None = None
    """Stories that have an article of before this time."""
    topic: str | None = None
    language: str | None = None
    """BCP 47; a bare language stands for all its variants."""
    entity: str | None = None
    min_articles: int = 1
    limit: int = 50
    order: Literal["largest", "newest"] = "largest"


class TrendSearch(Struct, frozen=True, kw_only=True):
    """Which trends are wanted."""

    since: datetime
    """Compared with the hour that a trend is of."""
    kind: TrendKind | None = None
    limit: int = 1_000


FACETS = ("topic", "language", "source", "country", "ownership")
"""What a summary counts by. A source is counted by its id, one without an id by its name."""


class Count(Struct, frozen=True):
    """How many articles have a value."""

    value: str
    articles: int


class Summary(Struct, frozen=True, kw_only=True):
    """What the articles of a search are like, taken together."""

    articles: int = 0
    is_exact: bool = True
    """False where there were too many candidates to be judged one by one: every number is then an estimate, from all
    candidates and from a sample of them that was judged."""
    candidates: int | None = None
    """How many there were; None where the numbers are exact."""
    judged: int | None = None
    """How many of them were judged; None where the numbers are exact."""
    first: datetime | None = None
    last: datetime | None = None
    """Times of the earliest and of the latest article."""
    facets: dict[str, tuple[Count, ...]] = {}
    """By each of `FACETS`, the most frequent values first."""
    bucket_seconds: int = 3600
    volume: tuple[tuple[datetime, int], ...] = ()
    """Articles by time: the beginning of each bucket that has any. Buckets begin at whole multiples of their length
    from 1970."""


class ArticleStore(Protocol):
    """Where articles are kept and found."""

    async def write(self, articles: Sequence[Article]) -> list[Verdict]:
        """Store `articles` by `article_id`, an older version never over a newer one; one verdict each, in order. The
        documents of their stories are kept in step, and what the articles showed of stories is carried out.

        Returns only when every article has its verdict: a store that is slow or away is waited for, with jittered
        back-off.

        Raises:
            StoreHalted: credentials are refused; nothing is lost if the caller does not acknowledge.
        """
        ...

    async def search(self, search: Search) -> SearchPage:
        """Return the articles that match. Raises `streams.query.QueryError` for a faulty query."""
        ...

    async def summarize(self, search: Search, *, values: int = 50) -> Summary:
        """Count the articles that match, by facet (`values` each at most) and over time; limit and order are not
        looked at.

        Raises `streams.query.QueryError` for a faulty query.
        """
        ...

    async def get(self, article_id: str) -> Article | None:
        """Return one article, or None."""
        ...

    def tail(
        self, search: Search, *, poll_seconds: float = 0.5, ready: Callable[[], None] | None = None
    ) -> AsyncGenerator[Hit, None]:
        """Yield matching articles as they are indexed, from the first `anext` on, each once, for ever.

        `ready` is called when the starting point is fixed: all that is indexed after that will be seen.
        Raises `streams.query.QueryError` at once for a faulty query.
        """
        ...

    async def story(self, story_id: str) -> StoryDocument | None:
        """Return the document of a story, or of the one that it was merged into; None where there is none."""
        ...

    async def stories(self, wanted: StorySearch) -> list[StoryDocument]:
        """Return stories, without those that were merged into another."""
        ...

    async def count_stories(self) -> int:
        """Return how many stories are stored, without those that were merged into another."""
        ...

    async def write_trends(self, trends: Sequence[Trend]) -> None:
        """Store what stands out; of two records of one finding the later one stays. Waits as `write` does."""
        ...

    async def trends(self, wanted: TrendSearch) -> list[Trend]:
        """Return what stood out, the newest hours that were asked for, in order of time."""
        ...

    async def count(self) -> int:
        """Return how many articles are stored."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...
