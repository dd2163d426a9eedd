"""The page inside `rasad run`: it reads beside the writer, and sees articles the moment they are stored."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import ServiceUnavailable
from agent.web.world import CANDIDATE_BUDGET, World
from streams.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from agent.collect.state import FeedState
    from agent.feeds.definitions import FeedDefinition
    from agent.settings import Settings
    from agent.web.access import Access
    from agent.web.live import Hub
    from streams.definitions import Definitions
    from streams.metrics import Metrics

log = logging.getLogger("rasad.web")


@asynccontextmanager
async def served(
    settings: Settings,
    definitions: Definitions,
    feeds: Sequence[FeedDefinition],
    *,
    folder: Path,
    access: Access,
    hub: Hub,
    states: Callable[[], Sequence[FeedState]],
    metrics: Metrics,
    on_world: Callable[[World], None] = lambda _: None,
) -> AsyncIterator[int | None]:
    """Serve the page while the block runs; gives the port, or None where it is taken: collecting matters more.

    `on_world`: is given what the pages know, to be told of changes.
    """
    from agent.web.serve import serve

    store = SqliteStore(settings.store.path, read_only=True, candidate_budget=CANDIDATE_BUDGET)
    world = World(
        store=store,
        settings=settings,
        definitions=definitions,
        folder=folder,
        feeds=feeds,
        hub=hub,
        access=access,
        states=lambda: _by_url(states()),
        metrics=metrics,
    )
    on_world(world)
    serving = serve(world)
    try:
        port = await serving.__aenter__()
    except ServiceUnavailable as error:
        log.warning("no web page: %s", error)
        yield None
        return
    try:
        yield port
    finally:
        await serving.__aexit__(None, None, None)
        await store.close()


def _by_url(states: Sequence[FeedState]) -> Mapping[str, FeedState]:
    return {state.feed_url: state for state in states}
