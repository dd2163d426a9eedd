"""Invented articles, rules and receivers for the tests of alerts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from streams.alerts.records import Alert
from streams.alerts.rules import RuleSet
from streams.alerts.stage import AlertStage
from streams.definitions import RuleDefinition
from streams.identity import article_id
from streams.model import Article, AttributionStep, StoryLink

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PATIENCE_SECONDS = 60.0


def article(name: str, **fields: Any) -> Article:
    """The same `name` is the same article; all are of one story unless told otherwise."""
    given: dict[str, Any] = {
        "article_id": id_of(name),
        "url": f"https://outlet.example/{name}",
        "source_id": f"outlet-{name}",
        "source_name": f"Outlet {name}",
        "country": "SY",
        "title": "Ministers speak of normalization",
        "text": "The ministers met in Moscow and spoke of normalization between the two states.",
        "published_at": NOON,
        "collected_at": NOON,
        "enriched_at": NOON,
        "storied_at": NOON,
        "language": "en",
        "story_id": id_of("story"),
        **fields,
    }
    return Article(**given)


def id_of(name: str) -> str:
    return article_id(canonical_url=f"https://outlet.example/{name}")


def copy_of(name: str, original: str, **fields: Any) -> Article:
    link = StoryLink(kind="copy", weight=1.0)
    return article(
        name, near_duplicate_of=id_of(original), similarity=1.0, wire_copy=True, story_links=(link,), **fields
    )


def credits(*names: str) -> tuple[AttributionStep, ...]:
    return tuple(AttributionStep(name=name, source_id=name.lower()) for name in names)


def rule(**fields: Any) -> RuleDefinition:
    return RuleDefinition(**{"id": "normalization", "name": "Normalization", "query": "normalization", **fields})


def stage(*rules: RuleDefinition, **options: Any) -> AlertStage:
    return AlertStage(RuleSet(rules, **options))


def run(stage: AlertStage, *articles: Article, step: timedelta = timedelta(minutes=1)) -> list[Alert]:
    """What the articles come to, one after the other, each committed."""
    found: list[Alert] = []
    for number, one in enumerate(articles):
        found += stage.step(one, NOON + number * step)
        stage.commit()
    return found


class Receiver:
    """A real HTTP server that does what the test says: `answers` are taken in order, the last one for ever."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes, str]] = []
        self.answers: list[Callable[[web.Request], Awaitable[web.StreamResponse]]] = []
        self.arrived = asyncio.Condition()
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with self.arrived:
            self.requests.append((dict(request.headers), body, request.path))
            self.arrived.notify_all()
        if not self.answers:
            return web.Response(text="ok")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= count)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield made
    finally:
        await runner.cleanup()


def status(code: int, **headers: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers)

    return answer


async def until(look: Callable[[], Any]) -> Any:
    """The first true value of `look()`; for what gives no event."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (value := look()):  # noqa: ASYNC110  (what is looked at gives no event)
            await asyncio.sleep(0.01)
    return value
