"""A page on a small store, served as it always is, and a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from agent.settings import Settings, StoreSettings, WebSettings
from agent.web.access import Access, User
from agent.web.live import Hub
from agent.web.serve import serve
from agent.web.world import World
from streams.definitions import Definitions
from streams.model import Article
from streams.stores.sqlite import SqliteStore


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    text: str


@dataclass(frozen=True)
class Site:
    """A served page: `get` and `post` keep cookies and follow no redirect."""

    url: str
    world: World
    store: SqliteStore
    client: aiohttp.ClientSession

    async def get(self, path: str, **options: Any) -> Answer:
        return await _answer(self.client.get(self.url + path, allow_redirects=False, **options))

    async def post(self, path: str, data: dict[str, str] | None = None, **options: Any) -> Answer:
        headers = {"Origin": self.url} | options.pop("headers", {})
        return await _answer(
            self.client.post(self.url + path, data=data, headers=headers, allow_redirects=False, **options)
        )


Make = Callable[..., Awaitable[Site]]


async def _answer(request: Any) -> Answer:
    async with request as answer:
        return Answer(answer.status, answer.headers, (await answer.read()).decode("utf-8-sig"))


async def serve_site(
    stack: AsyncExitStack,
    folder: Path,
    articles: Sequence[Article] = (),
    *,
    users: Sequence[User] = (),
    web: WebSettings | None = None,
    definitions: Definitions | None = None,
    budget: int = 3000,
    **more: Any,
) -> Site:
    """Serve a page on a store with `articles` until `stack` is closed."""
    path = str(folder / "r.sqlite")
    store = SqliteStore(path)
    stack.callback(store.close_now)
    await store.write(articles)
    reader = SqliteStore(path, read_only=True, candidate_budget=budget)
    stack.push_async_callback(reader.close)
    settings = Settings(store=StoreSettings(path=path), web=web or WebSettings(port=0))
    world = World(
        store=reader, settings=settings, definitions=definitions or Definitions(), folder=folder,
        feeds=more.pop("feeds", ()), hub=Hub(), access=Access(list(users)), states=more.pop("states", dict), **more,
    )  # fmt: skip
    port = await stack.enter_async_context(serve(world))
    client = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
    return Site(f"http://127.0.0.1:{port}", world, store, client)
