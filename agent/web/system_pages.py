"""Feeds and system: how the collecting and the process do. And logging in."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from agent.errors import RasadError
from agent.web.access import SESSION_SECONDS, TooManyFailures
from agent.web.guard import COOKIE, session_of, too_many
from agent.web.topic_pages import read_form
from streams.stores.base import Search

if TYPE_CHECKING:
    from agent.feed_check.report import FeedRow
    from agent.web.views import Views
    from agent.web.world import World

_FRESH_SECONDS = 30.0
_LATENCY_OF = 200
_DOCTOR_SECONDS = 60.0


class Latency(Struct, frozen=True):
    """From collected to searchable, of the newest articles that are no backfill, in seconds."""

    articles: int
    half: float
    most: float
    """95 % are faster."""


class SystemState(Struct, frozen=True, kw_only=True):
    """How the whole does."""

    articles: int
    newest: datetime | None
    latency: Latency | None
    findings: list[dict[str, str]]
    counters: list[tuple[str, float]]


class SystemPages:
    """Handlers of the pages about the system itself."""

    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views
        self._findings: tuple[float, list[dict[str, str]]] = (-1e9, [])
        self._looking = asyncio.Lock()

    async def feeds(self, request: Request) -> Response:
        """`/feeds`: every feed, those with problems first."""
        rows, fault = await self.feed_rows()
        problems = Counter(problem for row in rows for problem in row.health.problems)
        only = request.query_params.get("problem", "")
        shown = [row for row in rows if not only or only in row.health.problems]
        shown.sort(key=lambda row: (not row.health.problems, not row.is_failing, row.name.casefold()))
        return self._views.page(
            request, "feeds.html", rows=shown, total=len(rows), problems=problems.most_common(), only=only, fault=fault
        )

    async def feed_rows(self) -> tuple[list[FeedRow], str]:
        """Return every feed with what is known of it, and why that is little where it is."""
        from agent.feed_check.report import feed_rows

        try:
            states = await asyncio.to_thread(self._world.states)
            fault = ""
        except RasadError as error:
            states, fault = {}, str(error)
        return await asyncio.to_thread(feed_rows, self._world.feeds, states), fault

    async def system(self, request: Request) -> Response:
        """`/system`: lag, latency, quarantine, and what `rasad doctor` finds."""
        return self._views.page(request, "system.html", state=await self.state())

    async def state(self) -> SystemState:
        """Return how the whole does; what is costly to find out is at most half a minute old."""
        async with self._world.turn():
            count = await self._world.store.count()
            page = await self._world.store.search(Search(limit=_LATENCY_OF))
        seconds = sorted(
            (hit.article.indexed_at - hit.article.collected_at).total_seconds()
            for hit in page.hits
            if hit.article.indexed_at is not None and not hit.article.is_backfill
        )
        latency = None
        if seconds:
            latency = Latency(len(seconds), seconds[len(seconds) // 2], seconds[int(0.95 * (len(seconds) - 1))])
        newest = max((hit.article.collected_at for hit in page.hits), default=None)
        return SystemState(
            articles=count,
            newest=newest,
            latency=latency,
            findings=await self._examined(),
            counters=list(self._counters()),
        )

    async def _examined(self) -> list[dict[str, str]]:
        async with self._looking:
            at, findings = self._findings
            if time.monotonic() - at > _FRESH_SECONDS:
                findings = await _doctor(self._world)
                self._findings = (time.monotonic(), findings)
            return findings

    def _counters(self) -> Any:
        if self._world.metrics is None:
            return
        wanted = {
            "rasad_fetches": "Polls of feeds",
            "rasad_articles_published": "Articles in this run",
            "rasad_quarantined": "Records put into quarantine in this run",
            "rasad_quarantine_records": "Records in quarantine",
            "rasad_consumer_lag_records": "Records waiting",
            "process_resident_memory_bytes": "Memory, in bytes",
        }
        for family in self._world.metrics.registry.collect():
            if family.name in wanted:
                samples = [s.value for s in family.samples if not s.name.endswith("_created")]
                yield wanted[family.name], sum(samples)

    async def health(self, _: Request) -> Response:
        """`/healthz`: for probes."""
        return PlainTextResponse("ok\n")

    async def login_page(self, request: Request) -> Response:
        """`/login`."""
        if not self._world.access.needs_login:
            return RedirectResponse("/", 303)
        return self._views.page(request, "login.html", wrong=False, next=_inside(request.query_params.get("next", "/")))

    async def log_in(self, request: Request) -> Response:
        """`POST /login`."""
        form = await read_form(request)
        address = request.client.host if request.client else ""
        target = _inside(form.get("next", "/"))
        try:
            secret = await self._world.access.log_in(form.get("name", ""), form.get("password", ""), address)
        except TooManyFailures as error:
            return too_many(error)
        if secret is None:
            return self._views.page(request, "login.html", status=401, wrong=True, next=target)
        response = RedirectResponse(target, 303)
        is_secure = (self._world.settings.web.public_url or "").startswith("https:")
        response.set_cookie(
            COOKIE, secret, max_age=int(SESSION_SECONDS), httponly=True, samesite="strict", secure=is_secure, path="/"
        )
        return response

    async def log_out(self, request: Request) -> Response:
        """`POST /logout`."""
        self._world.access.log_out(session_of(request.headers))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, path="/")
        return response


async def _doctor(world: World) -> list[dict[str, str]]:
    """Return what `rasad doctor` finds. In a process of its own: it reads the whole configuration anew."""
    settings = world.settings
    # What the command line has set instead of the configuration.
    store = {"RASAD_STORE__KIND": settings.store.kind, "RASAD_STORE__PATH": settings.store.path}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", "doctor", "--json", "--config", str(world.folder), env={**os.environ, **store},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _DOCTOR_SECONDS)
    except TimeoutError:
        return [{"check": "doctor", "level": "fault", "detail": "took too long", "advice": "run `rasad doctor`"}]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        found = msgspec.json.decode(output, type=list[dict[str, Any]])
    except msgspec.DecodeError:
        return [{"check": "doctor", "level": "fault", "detail": "says nothing", "advice": "run `rasad doctor`"}]
    return [{name: str(one.get(name, "")) for name in ("check", "level", "detail", "advice")} for one in found]


def _inside(target: str) -> str:
    """Return `target` where it is a path of ours, else the first page: a link must not lead out after logging in."""
    parts = urlsplit(target)
    is_path = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    is_clean = not any(ord(letter) < 0x20 or letter == "\\" for letter in target)
    return target if is_path and is_clean else "/"
