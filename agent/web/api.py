"""The JSON API: what the pages show, for programs; and exports. Described by OpenAPI at `/api/openapi.json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent.web import export, searching
from agent.web.bodies import HitBody, SearchBody
from agent.web.complete import Completer
from agent.web.forms import MOST_EXPORTED, SearchForm
from agent.web.openapi import document

if TYPE_CHECKING:
    from agent.web.system_pages import SystemPages
    from agent.web.world import World

_MOST_STORIES = 100


class Api:
    """Handlers of `/api/…` and `/export.…`."""

    def __init__(self, world: World, system: SystemPages) -> None:
        self._world = world
        self._system = system
        self._completer = Completer(world)

    async def search(self, request: Request) -> Response:
        """`/api/v1/search`."""
        page = await searching.articles(self._world, SearchForm.of(request.query_params))
        hits = [HitBody(hit.article, hit.score, hit.spans) for hit in page.hits]
        return json_of(SearchBody(hits, page.is_complete))

    async def summary(self, request: Request) -> Response:
        """`/api/v1/summary`."""
        return json_of(await searching.summary(self._world, SearchForm.of(request.query_params)))

    async def article(self, request: Request) -> Response:
        """`/api/v1/articles/ID`."""
        article = await self._world.store.get(request.path_params["article_id"].lower())
        if article is None:
            raise HTTPException(404, "there is no such article")
        return json_of(article)

    async def stories(self, request: Request) -> Response:
        """`/api/v1/stories`."""
        found, is_all = await searching.stories(self._world, SearchForm.of(request.query_params), _MOST_STORIES)
        return json_of({"stories": found, "is_complete": is_all})

    async def story(self, request: Request) -> Response:
        """`/api/v1/stories/ID`."""
        story = await searching.story(self._world, request.path_params["story_id"])
        if story is None:
            raise HTTPException(404, "there is no such story")
        return json_of(story)

    async def topics(self, _: Request) -> Response:
        """`/api/v1/topics`."""
        return json_of({"topics": list(self._world.topics.values())})

    async def feeds(self, _: Request) -> Response:
        """`/api/v1/feeds`."""
        rows, fault = await self._system.feed_rows()
        return json_of({"feeds": rows, "fault": fault})

    async def system(self, _: Request) -> Response:
        """`/api/v1/system`."""
        return json_of(await self._system.state())

    async def complete(self, request: Request) -> Response:
        """`/api/v1/complete`."""
        query = request.query_params.get("q", "")[:2000]
        at = request.query_params.get("at", "")
        place = int(at) if at.isdecimal() and len(at) < 6 else len(query)
        return json_of(self._completer.complete(query, place))

    async def openapi(self, _: Request) -> Response:
        """`/api/openapi.json`."""
        return json_of(document())

    async def export(self, request: Request) -> Response:
        """`/export.csv`, `/export.jsonl`, `/export.rss`."""
        kind = request.path_params["kind"]
        if kind not in export.MEDIA_TYPES:
            raise HTTPException(404, "exports are csv, jsonl and rss")
        given = dict(request.query_params)
        given.setdefault("limit", "100" if kind == "rss" else "1000")
        form = SearchForm.of(given, most=MOST_EXPORTED)
        page = await searching.articles(self._world, form)
        lines: Iterator[str]
        match kind:
            case "csv":
                lines = export.as_csv(page.hits)
            case "jsonl":
                lines = export.as_jsonl(page.hits)
            case _:
                title = f"Rasad: {form.q or 'newest articles'}"
                lines = export.as_rss(page.hits, title=title, address=f"{request.base_url}?{form.with_()}")
        headers = {"x-rasad-complete": str(page.is_complete).lower()}
        if kind != "rss":
            headers["content-disposition"] = f'attachment; filename="rasad.{kind}"'
        encoded = (line.encode("utf-8", "replace") for line in lines)
        return StreamingResponse(encoded, media_type=export.MEDIA_TYPES[kind], headers=headers)


def json_of(value: Any) -> Response:
    """Return a JSON answer."""
    return Response(msgspec.json.encode(value), media_type="application/json")
