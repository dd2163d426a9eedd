"""The web page: searches over HTTP on 100,000 articles, first paint and weight in Chromium, how soon articles are live.

search        `GET /api/v1/search` of different queries, one after another, in the process that serves: words, prefixes,
              fields, and phrases and titles of articles that there are; wall time, and processor time of both sides
first paint   Chromium's own `first-contentful-paint` of a search page, median of some loads with an empty cache
weight        bytes of the page and everything it loads, as sent, with an empty cache
live          from `collected_at` of an article to its row in a browser, the embedded agent between them
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from bench.articles import raw_articles
from bench.figures import figure
from streams.model import Article, RawArticle, TopicLabel
from streams.stores.base import Search
from streams.text.language import default_identifier

if TYPE_CHECKING:
    import aiohttp

    from streams.stores.sqlite import SqliteStore

ARTICLES = int(os.environ.get("ARTICLES", "100000"))
_BATCH = 1000
_LOADS = 7
_STORY_ARTICLES = 12
_QUERIES = (
    "تطبيع AND تركيا",
    "ترکیه OR سوریه",
    '"Suriye" AND NOT deprem',
    "refugees",
    "nothingofthekind",
    "Москва",
    "lang:fa talks",
    "topic:a",
    "topic:b AND lang:ar",
    "country:SY",
    "norm*",
    "",
    "has:topic",
    "(Syria OR Turkey) -football",
    "وزير",
    "bakan",
    "שר",
    "source:none",
)
_NOTHING = '"foreign minister"'
"""Both words stand in thousands of the made-up articles, and never beside one another: as costly as a query can be."""


def run() -> dict[str, Any]:
    """Measure, and return the figures: milliseconds, kilobytes, seconds."""
    with tempfile.TemporaryDirectory(prefix="rasad-bench-") as folder:
        return asyncio.run(_pages(Path(folder))) | asyncio.run(_live(Path(folder)))


async def _pages(folder: Path) -> dict[str, Any]:
    import aiohttp

    from streams.stores.sqlite import SqliteStore

    path = Path(os.environ.get("BENCH_STORE") or folder / "many.sqlite")
    store = SqliteStore(path)
    if await store.count() < ARTICLES:
        await _fill(store)
    queries = [*_QUERIES, *(await _found_in(store))]
    async with _served(path) as url, aiohttp.ClientSession() as client:
        times, cpu_times = [], []
        for _ in range(5):
            for query in queries:
                took, cpu = await _ask(client, url, query)
                times.append(took)
                cpu_times.append(cpu)
        nothing, _ = await _ask(client, url, _NOTHING)
        summaries = []
        for query in ("", "lang:fa", "refugees", "topic:a"):
            started = time.perf_counter()
            async with client.get(f"{url}/summary?q={quote(query)}") as answer:
                await answer.read()
            summaries.append((time.perf_counter() - started) * 1000)
        paint, weight = await _in_chromium(f"{url}/?q={quote('refugees OR Syria')}")
    await store.close()
    return {
        "articles": ARTICLES,
        "search, p50, ms": figure(statistics.median(times)),
        "search, p95, ms": figure(statistics.quantiles(times, n=20)[18], at_most=50),
        "search, p95, ms of processor time": figure(statistics.quantiles(cpu_times, n=20)[18]),
        "search of frequent words that finds nothing, ms": figure(nothing),
        "facets and volume, worst, ms": figure(max(summaries)),
        "first paint, ms": figure(paint, at_most=300),
        "page weight, kB": figure(weight / 1000, at_most=150),
    }


async def _fill(store: SqliteStore) -> None:
    identifier = default_identifier()
    batch: list[Article] = []
    for number, raw in enumerate(raw_articles(ARTICLES)):
        batch.append(_placed(number, raw, identifier.identify(raw.text[:200], title=raw.title).code))
        if len(batch) == _BATCH:
            await store.write(batch)
            batch = []
    await store.write(batch)


async def _found_in(store: SqliteStore) -> list[str]:
    """Return phrases and titles of some of the articles, as queries."""
    page = await store.search(Search(limit=5000))
    queries = []
    for hit in page.hits[::1000]:
        words = [word for word in hit.article.text.split() if word.isalpha()]
        queries.append(f'"{words[2]} {words[3]}"')
        queries.append(f"title:{next(word for word in hit.article.title.split() if word.isalpha())}")
    return queries


async def _ask(client: aiohttp.ClientSession, url: str, query: str) -> tuple[float, float]:
    """Search once; return milliseconds on the wall and of the processor."""
    started, cpu_started = time.perf_counter(), time.process_time()
    async with client.get(f"{url}/api/v1/search?limit=20&q={quote(query)}") as answer:
        await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{query!r} was answered {answer.status}")
    return (time.perf_counter() - started) * 1000, (time.process_time() - cpu_started) * 1000


def _placed(number: int, raw: RawArticle, language: str) -> Article:
    fields = {name: getattr(raw, name) for name in RawArticle.__struct_fields__}
    later = raw.collected_at + timedelta(seconds=1)
    topics = tuple(TopicLabel(id=name, score=2.0) for name, each in (("a", 10), ("b", 37)) if number % each == 0)
    return Article(
        **fields, language=language, topics=topics, enriched_at=later, storied_at=later,
        story_id=f"{number // _STORY_ARTICLES:032x}",
    )  # fmt: skip


@asynccontextmanager
async def _served(path: Path) -> AsyncIterator[str]:
    from agent.settings import Settings, StoreSettings, WebSettings
    from agent.web.access import Access
    from agent.web.live import Hub
    from agent.web.serve import serve
    from agent.web.world import CANDIDATE_BUDGET, World
    from streams.definitions import Definitions
    from streams.stores.sqlite import SqliteStore

    store = SqliteStore(path, read_only=True, candidate_budget=CANDIDATE_BUDGET)
    world = World(
        store=store, settings=Settings(store=StoreSettings(path=str(path)), web=WebSettings(port=0)),
        definitions=Definitions(), folder=path.parent, feeds=(), hub=Hub(), access=Access([]), states=dict,
    )  # fmt: skip
    async with serve(world) as port:
        yield f"http://127.0.0.1:{port}"
    await store.close()


@asynccontextmanager
async def _chromium() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise RuntimeError("Chromium is missing: install Debian's package chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def _in_chromium(address: str) -> tuple[float, float]:
    paints, weight = [], 0.0
    async with _chromium() as browser:
        for _ in range(_LOADS):
            context = await browser.new_context()
            page = await context.new_page()
            await page.goto(address, wait_until="networkidle")
            paints.append(
                await page.evaluate(
                    "performance.getEntriesByType('paint').find(e => e.name === 'first-contentful-paint').startTime"
                )
            )
            weight = await page.evaluate(
                "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
                ".reduce((sum, entry) => sum + entry.transferSize, 0)"
            )
            await context.close()
    return statistics.median(paints), weight


async def _live(folder: Path) -> dict[str, Any]:
    from agent.commands.demo import _demo_settings, _feeds
    from agent.definitions import load_all
    from agent.demo.server import DemoServer
    from agent.runtime import embedded_agent
    from agent.settings import WebSettings
    from agent.web.access import Access

    settings, definitions = load_all(None)
    settings = msgspec.structs.replace(_demo_settings(settings, folder / "live.sqlite"), web=WebSettings(port=0))
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(DemoServer(release="initial", slow_seconds=1.0))
        feeds = [feed for feed in _feeds(server) if "/faults/" not in feed.url]
        agent = await stack.enter_async_context(
            embedded_agent(settings, definitions, feeds, folder=folder, access=Access([]))
        )
        browser = await stack.enter_async_context(_chromium())
        await agent.collector.run_once()
        page = await browser.new_page()
        await page.add_init_script(
            "const Source = EventSource; window.seen = {}; window.EventSource = function (address) {"
            " const source = new Source(address); source.addEventListener('message', event => {"
            " queueMicrotask(() => { window.seen[event.lastEventId] = Date.now() / 1000; }) }); return source };"
        )
        await page.goto(f"http://127.0.0.1:{agent.web_port}/live")
        await page.wait_for_selector("#live-state[data-ready]")
        server.advance(1e9)
        await agent.collector.run_once()
        await page.wait_for_selector(".hit.new")
        delays = []
        for article_id, seen in (await page.evaluate("window.seen")).items():
            article = await agent.store.get(article_id)
            if article is not None:
                delays.append((datetime.fromtimestamp(seen, UTC) - article.collected_at).total_seconds())
    return {
        "live articles": len(delays),
        "collected to live, median, s": figure(statistics.median(delays), at_most=1),
        "collected to live, worst, s": figure(max(delays)),
    }
