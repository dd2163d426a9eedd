"""The feeds that a collector watches, by address and by source."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from agent.fetch.pacing import pace_key


@dataclass(eq=False)
class WatchedFeed:
    """One feed, and how it stands."""

    definition: FeedDefinition
    state: FeedState
    due_at: datetime | None
    """None while it is being polled, and for a feed that is stopped."""
    task: asyncio.Task[None] | None = None
    is_slow: bool = False
    """Whether it was, when its poll under way began."""
    is_delivering: bool = False
    is_removed: bool = False

    @property
    def host(self) -> str:
        return pace_key(self.state.fetch_url or self.definition.url)


class WatchedFeeds:
    """All of them. Feeds of one source share a lock, because each looks at what the others have published."""

    def __init__(self) -> None:
        self._feeds: dict[str, WatchedFeed] = {}
        self._sources: dict[str, dict[str, WatchedFeed]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def __iter__(self) -> Iterator[WatchedFeed]:
        return iter(self._feeds.values())

    def get(self, url: str) -> WatchedFeed | None:
        return self._feeds.get(url)

    def add(self, feed: WatchedFeed) -> None:
        definition = feed.definition
        self._feeds[definition.url] = feed
        self._sources.setdefault(definition.source_id, {})[definition.url] = feed

    def remove(self, url: str) -> WatchedFeed | None:
        """Forget a feed, and return it if it was there."""
        feed = self._feeds.pop(url, None)
        if feed is None:
            return None
        feed.is_removed = True
        source = self._sources.get(feed.definition.source_id, {})
        source.pop(url, None)
        if not source:
            self._sources.pop(feed.definition.source_id, None)
        return feed

    def siblings(self, feed: WatchedFeed) -> list[FeedState]:
        """Return the states of the other feeds of the source of `feed`."""
        source = self._sources.get(feed.definition.source_id, {})
        return [other.state for other in source.values() if other is not feed]

    def lock_of(self, feed: WatchedFeed) -> asyncio.Lock:
        """Return what is held while one feed of the source decides and delivers."""
        return self._locks.setdefault(feed.definition.source_id, asyncio.Lock())
