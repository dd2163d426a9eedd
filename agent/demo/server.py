"""A feed server on loopback that plays the demo's world.

    GET /feeds/{outlet}          the outlet's feed in its own dialect and encoding
    GET /articles/{outlet}/{id}  the article's page
    GET /faults/{kind}           feeds that misbehave, to show how faults are told
    GET /outlets/{outlet}  GET / lists of links        GET /robots.txt

Validators as RFC 9110 section 13 has them: a strong ETag and Last-Modified on feeds and pages, If-None-Match
before If-Modified-Since, 304 without a body. Articles come out on the demo's own clock, which starts at the
first request for a feed, so that a slow start of the reader does not eat the show.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from math import inf
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from agent.demo import render
from agent.demo.world import DemoArticle, Outlet, World, load_world
from streams.model import Ownership

if TYPE_CHECKING:
    from aiohttp import web

Release = Literal["gradual", "all", "initial"]


@dataclass(frozen=True)
class FeedDefinition:
    """What a feeds file says of one feed. `fault` names how a misbehaving one misbehaves, else None."""

    url: str
    outlet_id: str
    name: str
    country: str
    language: str
    ownership: Ownership
    fault: str | None = None


@dataclass(frozen=True)
class _Fault:
    kind: str
    name: str
    country: str
    language: str


FAULTS = (
    _Fault("not-found", "The Lost Gazette", "GB", "en"),
    _Fault("html-instead-of-feed", "Gazette du Portail", "FR", "fr"),
    _Fault("empty-body", "نشرة الصفحة البيضاء", "LB", "ar"),
    _Fault("slow", "Ağır Posta", "TR", "tr"),
    _Fault("broken-xml", "Кривой вестник", "RU", "ru"),
)

# Not a document by any reading: an unescaped ampersand, tags that close what was never opened, and no end.
_BROKEN_XML = (
    '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>Кривой вестник & сын\n'
    "</link></item><description <b>оборвано"
)
_HTML_PAGE = (
    '<!doctype html>\n<html lang="fr"><head><meta charset="utf-8"><title>Maintenance</title></head>\n'
    f"<body><h1>Le portail fait peau neuve</h1><p>Revenez bientôt.</p>"
    f"<footer>{render.NOTICE}</footer></body></html>\n"
)


class DemoServer:
    """`async with DemoServer() as server:` serves on `server.base_url` until the block ends.

    release: "gradual" lets the late articles and the edit come by themselves; "all" has everything out from
    the start in its last wording; "initial" holds the late ones back until `advance` is called.
    slow_seconds: how long the slow feed drips blanks before it ends without a document.
    clock: seconds that only grow, for "gradual".
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        release: Release = "gradual",
        slow_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        world: World | None = None,
    ) -> None:
        self._host = host
        self._wanted_port = port
        self._release = release
        self._slow_seconds = slow_seconds
        self._clock = clock
        self._world = world or load_world()
        self._clock_started_at: float | None = None
        self._advanced_seconds = 0.0
        # Whole seconds, because RSS dates and Last-Modified have no smaller ones. Where everything is out at
        # once, the demo has begun long enough ago that no article is dated in the future.
        head_start_seconds = 0.0 if release == "gradual" else self._world.last_change_seconds
        self._begun_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=head_start_seconds)
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self.port = 0

    @property
    def world(self) -> World:
        return self._world

    @property
    def base_url(self) -> str:
        """http address without a slash at the end. Raises RuntimeError before the server listens."""
        if not self.port:
            raise RuntimeError("the demo server is not listening; enter it with `async with` first")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def feeds(self) -> list[FeedDefinition]:
        """Every outlet's feed, then the misbehaving ones."""
        good = [
            FeedDefinition(
                f"{self.base_url}/feeds/{outlet.id}",
                outlet.id,
                outlet.name,
                outlet.country,
                outlet.language,
                outlet.ownership,
            )
            for outlet in self._world.outlets
        ]
        bad = [
            FeedDefinition(
                f"{self.base_url}/faults/{fault.kind}",
                f"demo-fault-{fault.kind}",
                fault.name,
                fault.country,
                fault.language,
                "independent",
                fault.kind,
            )
            for fault in FAULTS
        ]
        return good + bad

    @property
    def elapsed_seconds(self) -> float:
        """The demo's own time: which articles and wordings are out."""
        if self._release == "all":
            return inf
        if self._release == "initial" or self._clock_started_at is None:
            return self._advanced_seconds
        return self._clock() - self._clock_started_at + self._advanced_seconds

    def advance(self, seconds: float) -> None:
        """Moves the demo's time on; `math.inf` brings everything out."""
        self._advanced_seconds += seconds

    async def __aenter__(self) -> DemoServer:
        from aiohttp import web

        app = web.Application()
        app.router.add_get("/", self._get_index)
        app.router.add_get("/robots.txt", self._get_robots)
        app.router.add_get("/feeds/{outlet}", self._get_feed)
        app.router.add_get("/outlets/{outlet}", self._get_outlet)
        app.router.add_get("/articles/{outlet}/{article}", self._get_article)
        app.router.add_get("/faults/{kind}", self._get_fault)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._wanted_port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A reader that still waits for the slow feed must not hold up the end.
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
        self.port = 0

    def _item(self, article: DemoArticle, elapsed_seconds: float) -> render.Item | None:
        version = article.version_at(elapsed_seconds)
        if version is None:
            return None
        first = article.versions[0].after_seconds
        published_at = self._begun_at - timedelta(minutes=article.age_minutes) + timedelta(seconds=first)
        edited = version is not article.versions[0]
        modified_at = self._begun_at + timedelta(seconds=version.after_seconds) if edited else published_at
        return render.Item(
            guid=f"urn:rasad-demo:{article.id}",
            url=f"{self.base_url}/articles/{article.outlet_id}/{article.id}",
            language=article.language,
            title=version.title,
            paragraphs=version.paragraphs,
            published_at=published_at,
            modified_at=modified_at,
        )

    def _items(self, outlet: Outlet) -> list[render.Item]:
        elapsed = self.elapsed_seconds
        found = (self._item(article, elapsed) for article in self._world.articles_of(outlet.id))
        return sorted((item for item in found if item), key=lambda item: item.published_at, reverse=True)

    def _find_outlet(self, request: web.Request) -> Outlet:
        from aiohttp import web

        wanted = request.match_info["outlet"]
        for outlet in self._world.outlets:
            if outlet.id == wanted:
                return outlet
        raise web.HTTPNotFound(text=f"no outlet {wanted!r} in the demo")

    async def _get_feed(self, request: web.Request) -> web.StreamResponse:
        if self._clock_started_at is None:
            self._clock_started_at = self._clock()
        outlet = self._find_outlet(request)
        items = self._items(outlet)
        updated_at = max((item.modified_at for item in items), default=self._begun_at)
        body = render.render_feed(
            outlet,
            items,
            feed_url=f"{self.base_url}/feeds/{outlet.id}",
            site_url=f"{self.base_url}/outlets/{outlet.id}",
            updated_at=updated_at,
        )
        content_type = f"{render.CONTENT_TYPES[outlet.dialect]}; charset={outlet.encoding}"
        return _conditional(request, body, content_type, updated_at)

    async def _get_article(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        outlet = self._find_outlet(request)
        items = self._items(outlet)
        wanted = f"{self.base_url}{request.path}"
        item = next((item for item in items if item.url == wanted), None)
        if item is None:
            raise web.HTTPNotFound(text="no such article, or not yet")
        body = render.render_article(
            outlet,
            item,
            site_url=f"{self.base_url}/outlets/{outlet.id}",
            related=[other for other in items if other is not item][:4],
        )
        return _conditional(request, body, "text/html; charset=utf-8", item.modified_at)

    async def _get_outlet(self, request: web.Request) -> web.StreamResponse:
        outlet = self._find_outlet(request)
        links = [(item.url, item.title) for item in self._items(outlet)]
        return _html(render.render_index(outlet.name, links))

    async def _get_index(self, request: web.Request) -> web.StreamResponse:
        links = [(f"{self.base_url}/outlets/{outlet.id}", outlet.name) for outlet in self._world.outlets]
        return _html(render.render_index("The outlets of the Rasad demo", links))

    async def _get_robots(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        return web.Response(text="User-agent: *\nAllow: /\n")

    async def _get_fault(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        match request.match_info["kind"]:
            case "html-instead-of-feed":
                return web.Response(body=_HTML_PAGE.encode(), content_type="text/html", charset="utf-8")
            case "empty-body":
                return web.Response(body=b"", content_type="application/rss+xml")
            case "broken-xml":
                return web.Response(body=_BROKEN_XML.encode(), content_type="application/rss+xml", charset="utf-8")
            case "slow":
                return await self._drip(request)
            case _:
                raise web.HTTPNotFound(text="gone fishing")

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        response = web.StreamResponse(headers={"Content-Type": "application/rss+xml; charset=utf-8"})
        await response.prepare(request)
        deadline = self._clock() + self._slow_seconds
        try:
            # One byte now and then: a time limit on silence alone never fires, one on the whole must.
            while self._clock() < deadline and not self._stopping.is_set():
                await response.write(b" ")
                try:
                    async with asyncio.timeout(0.5):
                        await self._stopping.wait()
                except TimeoutError:
                    continue
            await response.write_eof()
        except ConnectionError:
            pass  # the reader gave up, as it should
        return response


def _html(body: bytes) -> web.Response:
    from aiohttp import web

    return web.Response(body=body, content_type="text/html", charset="utf-8")


def _conditional(request: web.Request, body: bytes, content_type: str, modified_at: datetime) -> web.Response:
    from aiohttp import web

    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(modified_at.astimezone(UTC), usegmt=True),
        "Cache-Control": "no-cache",
    }
    if _is_unchanged(request, etag, modified_at):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers={**headers, "Content-Type": content_type})


def _is_unchanged(request: web.Request, etag: str, modified_at: datetime) -> bool:
    wanted = request.headers.get("If-None-Match")
    if wanted is not None:
        tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        return etag in tags or "*" in tags
    since = request.headers.get("If-Modified-Since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return modified_at <= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
