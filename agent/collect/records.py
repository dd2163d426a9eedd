"""The records of collecting, each named after the step it has left.

    FeedDefinition ─ fetch ─▶ Fetched ─ parse ─▶ Polled(ParsedFeed) ─ decide ─▶ Decision ─▶ Delivery ─▶ Sink

`Polled` is everything that one poll found out; `decide` needs nothing else from the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from agent.collect.state import FeedState
from agent.parse.records import ParsedFeed
from streams.model import RawArticle


class Polled(Struct, frozen=True, kw_only=True):
    """What one poll of one feed came to."""

    outcome: str
    """One of `streams.metrics.FETCH_OUTCOMES`."""
    status: int | None = None
    detail: str = ""
    """One line for a person; never a secret."""
    feed: ParsedFeed | None = None
    """Set when the document was parsed: outcome `ok` or `moved`."""
    is_same_body: bool = False
    """True for a 200 whose bytes are those of the last parsed document: `feed` is then None."""
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    retry_after_seconds: float | None = None
    min_interval_seconds: float | None = None
    """What HTTP caching asks for (`Cache-Control: max-age`, `Expires`)."""
    moved_to: str | None = None
    """Where permanent redirects (301, 308) alone led."""
    url: str = ""
    """Where the document came from, after redirects."""
    hub_url: str | None = None
    """The WebSub hub that headers or document name..."""
    topic_url: str | None = None
    """...and what it knows the feed by."""
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    """Monday is 0."""
    seconds: float = 0.0


class Delivery(Struct, frozen=True, kw_only=True):
    """A feed's new state with the articles that it accounts for: articles are made safe first, then the state."""

    state: FeedState
    articles: tuple[RawArticle, ...] = ()


class Decision(Struct, frozen=True, kw_only=True):
    """What a poll means: the state to keep, the articles to publish, and the counts to show."""

    state: FeedState
    articles: tuple[RawArticle, ...] = ()
    outcome: str
    entries: dict[str, int] = {}
    """Entries by `streams.metrics.ENTRY_OUTCOMES`."""
    faults: dict[str, int] = {}
    """Faults by `streams.metrics.ENTRY_FAULTS`, of the entries that are new, edited or rejected."""

    @property
    def delivery(self) -> Delivery:
        return Delivery(state=self.state, articles=self.articles)


class SinkUnavailable(Exception):
    """The sink cannot take deliveries now. Nothing was lost: the collector keeps the deliveries and tries again."""


class Sink(Protocol):
    """Where the collector delivers to: `agent.publish.KafkaSink`, or the embedded runtime."""

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Make articles AND states safe, articles first; return only then.

        May be called again with the same deliveries after any exception, so it must not matter if a part was
        already written: articles have deterministic ids and revisions.

        Raises:
            SinkUnavailable: try again later. Any other exception is treated the same, and logged with its traceback.
        """
        ...
