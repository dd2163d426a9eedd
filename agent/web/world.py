"""What the pages know of the process they are served by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from streams.stores.base import ArticleStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agent.collect.state import FeedState
    from agent.feeds.definitions import FeedDefinition
    from agent.settings import Settings
    from agent.web.access import Access
    from agent.web.live import Hub
    from streams.definitions import Definitions, TopicDefinition
    from streams.metrics import Metrics
    from streams.query import Query

CANDIDATE_BUDGET = 3000
"""Candidates that a search from the page looks at: a second or two of matching, whatever the query."""
_AT_A_TIME = 4
_PATIENCE_SECONDS = 10.0


class TooBusy(Exception):
    """As many searches run as may; the visitor is asked to come again."""


@dataclass
class World:
    """Everything that a page may ask."""

    store: ArticleStore
    settings: Settings
    definitions: Definitions
    folder: Path
    feeds: Sequence[FeedDefinition]
    hub: Hub
    access: Access
    states: Callable[[], Mapping[str, FeedState]]
    """How the feeds do; blocking, and may raise `RasadError`."""
    metrics: Metrics | None = None
    """Of the agent, where it runs in this process."""
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_A_TIME))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn to ask the store something costly. Raises `TooBusy`."""
        try:
            await asyncio.wait_for(self._turns.acquire(), _PATIENCE_SECONDS)
        except TimeoutError:
            raise TooBusy from None
        try:
            yield
        finally:
            self._turns.release()

    def use(self, definitions: Definitions) -> None:
        """Show other topics and entities from now on."""
        self.definitions = definitions
        for name in ("named", "topics", "entity_names", "entity_spellings"):
            self.__dict__.pop(name, None)

    @cached_property
    def named(self) -> Mapping[str, Query]:
        """What `@name` in a query stands for."""
        from streams.topics import named_queries

        return named_queries(self.definitions.topics)

    @cached_property
    def topics(self) -> dict[str, TopicDefinition]:
        """The topics that articles are labelled with, by id."""
        return {topic.id: topic for topic in self.definitions.labels}

    @cached_property
    def source_names(self) -> dict[str, str]:
        """Names of the sources of the feed list, by id."""
        return {feed.source_id: feed.name for feed in self.feeds}

    @cached_property
    def entity_spellings(self) -> list[tuple[str, str, str]]:
        """Every name of every entity: folded, the entity's id, and as written."""
        from streams.text.fold import fold

        return [
            (fold(name, language), entity.id, name)
            for entity in self.definitions.entities
            for language, names in entity.names.items()
            for name in names
        ]

    @cached_property
    def entity_names(self) -> dict[str, str]:
        """An English name, or the first there is, of each entity by id."""
        found = {}
        for entity in self.definitions.entities:
            names = entity.names.get("en") or next(iter(entity.names.values()), ())
            found[entity.id] = names[0] if names else entity.id
        return found
