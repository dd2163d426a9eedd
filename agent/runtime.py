"""Puts the embedded agent together: definitions → stages, store, collector, display. `run` and `demo` use it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.display import RunDisplay
from agent.settings import Settings
from streams.definitions import Definitions
from streams.stores.base import StoreError

if TYPE_CHECKING:
    from agent.alerts.embedded import EmbeddedAlerts
    from agent.alerts.load import AlertConfig
    from agent.collect.collector import Collector
    from agent.collect.state import FeedState
    from agent.embedded import EmbeddedSink, OnStored
    from agent.feeds.definitions import FeedDefinition
    from agent.pages.rules import PageRules
    from agent.web.access import Access
    from agent.web.live import Hub
    from streams.metrics import Metrics
    from streams.model import Article
    from streams.stores.sqlite import SqliteStore

log = logging.getLogger("rasad.run")


@dataclass(frozen=True)
class EmbeddedAgent:
    """The running parts of the one-process runtime."""

    collector: Collector
    store: SqliteStore
    display: RunDisplay
    metrics_port: int | None
    web_port: int | None
    sink: EmbeddedSink
    metrics: Metrics
    states: dict[str, FeedState]
    """Those of all feeds when the agent was set up."""
    alerts: EmbeddedAlerts | None = None


@asynccontextmanager
async def embedded_agent(
    settings: Settings,
    definitions: Definitions,
    feeds: Sequence[FeedDefinition],
    *,
    page_rules: PageRules | None = None,
    footer: str = "",
    alerts: AlertConfig | None = None,
    folder: Path | None = None,
    access: Access | None = None,
) -> AsyncIterator[EmbeddedAgent]:
    """Set the agent up, give it for running, and put everything away in order: collector, stages, deliveries, store.

    Args:
        alerts: rules and destinations; None: nothing alerts.
        folder: that of the configuration, whose rules and destinations are read again when they change.
        access: who may see the web page; None: it is not served.

    Raises:
        RasadError: the SQLite file cannot be used, or the metrics port is taken.
    """
    from agent.burst import BurstHelper
    from agent.collect.collector import Collector
    from agent.embedded import EmbeddedSink
    from agent.observe import serve
    from agent.open_store import user_error
    from agent.pages.reader import Reading
    from agent.pages.rules import PageRules
    from streams.lineage import houses_of
    from streams.metrics import Metrics
    from streams.pipeline import Pipeline, settle
    from streams.stores.sqlite import SqliteStore

    metrics = Metrics(topic_ids=[topic.id for topic in definitions.labels], version=__version__)
    try:
        Path(settings.store.path).parent.mkdir(parents=True, exist_ok=True)
        store = SqliteStore(settings.store.path, houses=houses_of(definitions.sources))
        states = _feed_states(store)
    except StoreError as error:
        raise user_error(error) from error
    try:
        # The loop serves nothing yet, so it may be held up.
        pipeline = Pipeline(definitions, keeps_state=True, archive=store.archive(), is_built=False)

        def build() -> None:
            pipeline.build()
            settle()

        burst = BurstHelper(pipeline.enrich, definitions, build=build)
        if not burst.fork():
            pipeline.build()
        if faulty := pipeline.stories.restore(store.story_state()):
            log.warning("%d records of the story window cannot be read; their articles are met anew", faulty)
        if faulty := pipeline.stories.trends.restore(store.trend_state()):
            log.warning("%d records of the trends' counts cannot be read and are left out", faulty)
        settle()
        display = RunDisplay(lambda: collector.counts(), lambda: collector.states(), footer=footer)
        page = _Page(settings, definitions, feeds, folder or Path("config"), access)
        on_stored = page.also(display.articles_stored)
        decider = None
        if alerts is not None:
            from agent.alerts.embedded import EmbeddedAlerts
            from agent.alerts.lane import RetryPolicy
            from agent.alerts.senders import sender_maker

            policy = RetryPolicy(give_up_seconds=settings.alerts.give_up_seconds)
            decider = EmbeddedAlerts(
                alerts,
                store,
                sender_maker(settings),
                metrics,
                policy=policy,
                retain_days=settings.alerts.retain_days,
            )
        sink = EmbeddedSink(pipeline, store, metrics, on_stored, burst, decider)
        collector = Collector(
            feeds=feeds,
            states=states,
            sink=sink,
            settings=settings.collect,
            metrics=metrics,
            reading=Reading(settings.pages, page_rules or PageRules()),
            websub=settings.websub,
        )
        metrics.quarantine_size.set(store.quarantine_count())
        async with AsyncExitStack() as running:
            if decider is not None:
                await running.enter_async_context(decider)
            if folder is not None:
                from agent.reload import Reloader, enrich_by

                async def use_definitions(changed: Definitions) -> None:
                    await enrich_by(pipeline, changed)
                    await asyncio.to_thread(burst.use, changed)
                    metrics.know_topics(topic.id for topic in changed.labels)
                    page.use(changed)

                await running.enter_async_context(
                    Reloader(
                        folder,
                        definitions,
                        metrics,
                        watch_seconds=settings.alerts.watch_seconds,
                        use_alerts=decider.use if decider is not None else None,
                        use_definitions=use_definitions,
                    )
                )
            port = await running.enter_async_context(serve(metrics, settings.metrics, lambda: None))
            web_port = await running.enter_async_context(page.served(lambda: collector.states(), metrics))
            try:
                yield EmbeddedAgent(collector, store, display, port, web_port, sink, metrics, states, decider)
            finally:
                await collector.close()
                await sink.close()
    finally:
        await store.close()


class _Page:
    """The web page, where there is to be one; nothing of it is imported where not."""

    def __init__(
        self,
        settings: Settings,
        definitions: Definitions,
        feeds: Sequence[FeedDefinition],
        folder: Path,
        access: Access | None,
    ) -> None:
        self._settings, self._definitions, self._feeds, self._folder = settings, definitions, feeds, folder
        self._access = access if settings.web.port is not None else None
        self._hub: Hub | None = None
        self._users: list[Callable[[Definitions], None]] = []
        if self._access is not None:
            from agent.web.live import Hub

            self._hub = Hub()

    def also(self, on_stored: OnStored) -> OnStored:
        """Return what hands stored articles to the page, too."""
        hub = self._hub
        if hub is None:
            return on_stored

        def both(articles: Sequence[Article]) -> None:
            on_stored(articles)
            hub.publish(articles)

        return both

    def use(self, definitions: Definitions) -> None:
        """Show other topics and entities from now on."""
        self._definitions = definitions
        for use in self._users:
            use(definitions)

    @asynccontextmanager
    async def served(self, states: Callable[[], Sequence[FeedState]], metrics: Metrics) -> AsyncIterator[int | None]:
        """Serve it while the block runs; gives its port, None where there is none."""
        if self._access is None or self._hub is None:
            yield None
            return
        from agent.web.embedding import served

        async with served(
            self._settings,
            self._definitions,
            self._feeds,
            folder=self._folder,
            access=self._access,
            hub=self._hub,
            states=states,
            metrics=metrics,
            on_world=lambda world: self._users.append(world.use),
        ) as port:
            yield port


def _feed_states(store: SqliteStore) -> dict[str, FeedState]:
    from agent.collect.state import FeedState
    from streams import codec

    states = {}
    for url, payload in store.feed_states().items():
        try:
            states[url] = codec.decode(payload, FeedState)
        except codec.CodecError as error:
            # Without its state a feed is read anew: its articles keep their ids, so nothing doubles.
            log.warning("feed %s: its state cannot be read and is begun anew: %s", url, error)
    return states


async def run_until_stopped(agent: EmbeddedAgent, *, once: bool = False) -> None:
    """Collect until SIGINT or SIGTERM; `once`: until every feed was polled."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(agent.collector.run_once() if once else agent.collector.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        for number in signals:
            loop.remove_signal_handler(number)
