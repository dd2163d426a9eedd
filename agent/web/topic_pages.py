"""Topics: what they look for, how they do on their examples, and a query tried on what is stored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.web.editing import CannotSave, save_query
from agent.web.forms import FormFault, moment_of, number_of
from agent.web.trying import MOST_SHOWN, edited, try_examples, try_history
from streams.query import QueryError
from streams.stores.base import Search

if TYPE_CHECKING:
    from agent.web.views import Views
    from agent.web.world import World
    from streams.definitions import TopicDefinition

_MOST_BODY_BYTES = 200_000


class TopicPages:
    """Handlers of the topics' pages."""

    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views
        self._heavy = asyncio.Lock()

    async def list(self, request: Request) -> Response:
        """`/topics`: all of them, with how much was stored of each."""
        async with self._world.turn():
            summary = await self._world.store.summarize(Search(), values=1000)
        counts = {count.value: count.articles for count in summary.facets.get("topic", ())}
        topics = sorted(self._world.topics.values(), key=lambda topic: (-counts.get(topic.id, 0), topic.name))
        return self._views.page(request, "topics.html", topics=topics, counts=counts)

    async def show(self, request: Request) -> Response:
        """`/topics/ID`: one topic; with `query=…` that query is tried in place of its own."""
        topic = self._topic(request)
        given = request.query_params
        if "query" not in given:
            return self._page(request, topic, query=_text(topic), min_score=topic.min_score, since="30d")
        query, since = given["query"], given.get("since", "30d")
        try:
            min_score = number_of(given.get("min_score", "1"))
            start = moment_of(since)
            changed = edited(self._world, topic, query, min_score)
            async with self._heavy:
                trial = await asyncio.to_thread(try_examples, self._world, changed)
            history = await try_history(self._world, changed, start)
        except (QueryError, FormFault) as error:
            return self._page(
                request, topic, status=400, query=query, min_score=given.get("min_score", "1"), since=since, error=error
            )
        return self._page(request, topic, query=query, min_score=min_score, since=since, trial=trial, history=history)

    async def save(self, request: Request) -> Response:
        """`POST /topics/ID`: write the query into the topic's file. For editors."""
        user = request.scope.get("rasad.user")
        if user is None or user.role != "editor":
            raise HTTPException(403, "Only editors may change topics.")
        topic = self._topic(request)
        form = await read_form(request)
        query, since = form.get("query", ""), form.get("since", "30d")
        try:
            min_score = number_of(form.get("min_score", "1"))
            edited(self._world, topic, query, min_score)
            path = await asyncio.to_thread(save_query, self._world.folder, "topics", topic.id, query, min_score)
        except (QueryError, FormFault, CannotSave) as error:
            return self._page(
                request, topic, status=400, query=query, min_score=form.get("min_score", "1"), since=since, error=error
            )
        return self._page(request, topic, query=query, min_score=min_score, since=since, saved=str(path))

    def _topic(self, request: Request) -> TopicDefinition:
        topic = self._world.topics.get(request.path_params["topic_id"])
        if topic is None:
            raise HTTPException(404, "There is no such topic.")
        return topic

    def _page(self, request: Request, topic: TopicDefinition, *, status: int = 200, **values: Any) -> Response:
        values = {"trial": None, "history": None, "error": None, "saved": ""} | values
        user = request.scope.get("rasad.user")
        may_save = user is not None and user.role == "editor" and not topic.terms
        return self._views.page(
            request, "topic.html", status=status, topic=topic, most=MOST_SHOWN, may_save=may_save, **values
        )


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a posted form, of each the last. Raises `HTTPException` where it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BODY_BYTES:
            raise HTTPException(413, "That is too much.")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[-1] for name, values in fields.items()}


def _text(topic: TopicDefinition) -> str:
    return topic.query.strip() or "\n".join(text.strip() for text in topic.terms.values())
