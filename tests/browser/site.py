"""Real sites for browsers and clients: the demo's agent in a thread of its own, and small worlds with what a test puts in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from agent.commands.demo import _demo_settings, _feeds
from agent.definitions import load_all
from agent.demo.server import DemoServer
from agent.feeds.definitions import FeedDefinition
from agent.runtime import EmbeddedAgent, embedded_agent
from agent.settings import Settings, StoreSettings, WebSettings
from agent.web.access import Access, User
from agent.web.live import Hub
from agent.web.serve import serve
from agent.web.world import CANDIDATE_BUDGET, World
from streams.definitions import Definitions
from streams.model import Article
from streams.stores.sqlite import SqliteStore


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="site", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` there and return what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=240)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)
        self.loop.close()


class DemoSite:
    """The embedded agent on the demo's world, with its page. `advance` brings later articles out."""

    def __init__(self, loop: Loop, folder: Path) -> None:
        self._loop = loop
        self._folder = folder
        self._stack = AsyncExitStack()
        self.server: DemoServer
        self.agent: EmbeddedAgent
        self.url = ""
        loop.run(self._start())

    async def _start(self) -> None:
        settings, definitions = load_all("config")
        settings = _demo_settings(settings, self._folder / "demo.sqlite")
        settings = msgspec.structs.replace(settings, web=WebSettings(port=0))
        self.server = await self._stack.enter_async_context(DemoServer(release="initial", slow_seconds=3.0))
        # The misbehaving feeds, too, but for the one that only costs time.
        feeds = [feed for feed in _feeds(self.server) if not feed.url.endswith("/slow")]
        self.feeds = feeds
        self.agent = await self._stack.enter_async_context(
            embedded_agent(settings, definitions, feeds, folder=Path("config"), access=Access([]))
        )
        self.url = f"http://127.0.0.1:{self.agent.web_port}"
        await self.agent.collector.run_once()

    def poll_again(self, seconds: float) -> None:
        """Let the demo's time go on by `seconds`, and poll every feed once."""

        async def poll() -> None:
            self.server.advance(seconds)
            await self.agent.collector.run_once()

        self._loop.run(poll())

    def close(self) -> None:
        self._loop.run(self._stack.aclose())


class SmallSite:
    """A page on a store with what a test puts in."""

    def __init__(
        self,
        loop: Loop,
        folder: Path,
        articles: Sequence[Article],
        *,
        users: Sequence[User] = (),
        definitions: Definitions | None = None,
        feeds: Sequence[FeedDefinition] = (),
        config: Path | None = None,
        web: WebSettings | None = None,
        states: Callable[[], Any] = dict,
    ) -> None:
        self._loop = loop
        self._stack = AsyncExitStack()
        self.hub = Hub()
        self.store = SqliteStore(folder / "small.sqlite")
        self._given = (folder, users, definitions or Definitions(), feeds, config or folder, web, states)
        loop.run(self.store.write(articles))
        self.port: int = loop.run(self._stack.enter_async_context(self._served()))
        self.url = f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[int]:
        folder, users, definitions, feeds, config, web, states = self._given
        path = str(folder / "small.sqlite")
        settings = Settings(store=StoreSettings(path=path), web=web or WebSettings(port=0))
        reader = SqliteStore(path, read_only=True, candidate_budget=CANDIDATE_BUDGET)
        self.world = World(
            store=reader, settings=settings, definitions=definitions, folder=config, feeds=feeds, hub=self.hub,
            access=Access(list(users)), states=states,
        )  # fmt: skip
        async with serve(self.world) as port:
            yield port
        await reader.close()

    def publish(self, articles: Sequence[Article]) -> None:
        """Store articles, and tell whoever watches, as the agent does."""

        async def both() -> None:
            await self.store.write(articles)
            self.hub.publish(articles)

        self._loop.run(both())

    def close(self) -> None:
        self._loop.run(self._stack.aclose())
        self._loop.run(self.store.close())
