"""The routes, and what surrounds them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.web import errors, private_feeds
from agent.web.alert_pages import AlertPages
from agent.web.api import Api
from agent.web.guard import Guard
from agent.web.pages import ReadingPages
from agent.web.rule_pages import RulePages
from agent.web.system_pages import SystemPages
from agent.web.topic_pages import TopicPages
from agent.web.views import Views

if TYPE_CHECKING:
    from agent.web.world import World

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}  # fmt: skip
_FOREVER = "public, max-age=31536000, immutable"

Handler = Callable[[Request], Awaitable[Response]]


class Assets:
    """The files that pages need: read once, sent compressed, kept by browsers for as long as they do not change."""

    def __init__(self) -> None:
        paths = [path for path in _STATIC.iterdir() if path.suffix in _TYPES]
        self._files = {path.name: (path.read_bytes(), _TYPES[path.suffix]) for path in paths}
        self._packed = {name: gzip.compress(data, mtime=0) for name, (data, _) in self._files.items()}
        self._versions = {name: hashlib.sha256(data).hexdigest()[:12] for name, (data, _) in self._files.items()}

    def address(self, name: str) -> str:
        """Return where a file is, with its version."""
        return f"/static/{name}?v={self._versions[name]}"

    async def serve(self, request: Request) -> Response:
        """`/static/NAME`."""
        name = request.path_params["name"]
        if name not in self._files:
            raise HTTPException(404, "There is no such file.")
        data, kind = self._files[name]
        is_current = request.query_params.get("v") == self._versions[name]
        headers = {"cache-control": _FOREVER if is_current else "no-cache", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self._packed[name], media_type=kind, headers=headers | {"content-encoding": "gzip"})
        return Response(data, media_type=kind, headers=headers)


def application(world: World) -> Starlette:
    """Return the ASGI application of a world."""
    assets = Assets()
    views = Views(world, assets.address)
    reading, topics, system = ReadingPages(world, views), TopicPages(world, views), SystemPages(world, views)
    api, alerts, rules = Api(world, system), AlertPages(world, views), RulePages(world, views)
    pages: dict[str, Handler] = {
        "/": reading.search,
        "/search": reading.random_key,
        "/summary": reading.summary,
        "/live": reading.live,
        "/live/events": reading.live_events,
        "/articles/{article_id}": reading.article,
        "/stories": reading.stories,
        "/stories/{story_id}": reading.story,
        "/topics": topics.list,
        "/topics/{topic_id}": topics.show,
        "/alerts": alerts.show,
        "/rules/{rule_id}": rules.show,
        f"{private_feeds.PREFIX}{{name}}": private_feeds.PrivateFeeds(world).serve,
        "/feeds": system.feeds,
        "/system": system.system,
        "/login": system.login_page,
        "/healthz": system.health,
        "/static/{name}": assets.serve,
        "/export.{kind}": api.export,
        "/api/openapi.json": api.openapi,
        "/api/v1/search": api.search,
        "/api/v1/summary": api.summary,
        "/api/v1/articles/{article_id}": api.article,
        "/api/v1/stories": api.stories,
        "/api/v1/stories/{story_id}": api.story,
        "/api/v1/topics": api.topics,
        "/api/v1/feeds": api.feeds,
        "/api/v1/system": api.system,
        "/api/v1/complete": api.complete,
    }
    posts: dict[str, Handler] = {
        "/topics/{topic_id}": topics.save,
        "/alerts/{alert_id}": alerts.acknowledge,
        "/rules/{rule_id}": rules.save,
        "/login": system.log_in,
        "/logout": system.log_out,
    }
    # Faults of pages are answered inside the guard, so that they have its headers, too.
    kinds: tuple[type[Exception], ...] = errors.KINDS
    return Starlette(
        routes=[
            *(Route(path, partial(_answered, views, page), methods=["POST"]) for path, page in posts.items()),
            *(Route(path, partial(_answered, views, page), methods=["GET"]) for path, page in pages.items()),
        ],
        middleware=[
            Middleware(Guard, settings=world.settings.web, access=world.access),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
        ],
        exception_handlers={kind: _handler(views) for kind in kinds if issubclass(kind, HTTPException)},
    )


async def _answered(views: Views, page: Handler, request: Request) -> Response:
    try:
        return await page(request)
    except Exception as error:  # whatever it was, the visitor is told, and the agent goes on
        return errors.answer(views, request, error)


def _handler(views: Views) -> Callable[[Request, Exception], Response]:
    return lambda request, error: errors.answer(views, request, error)
