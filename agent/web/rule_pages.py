"""A rule: what it alerts on, and a query tried in its place, on its examples and on what is stored."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.config_files import Faults, load_list, yaml_files
from agent.web.editing import CannotSave, save_query
from agent.web.forms import FormFault, moment_of, number_of
from agent.web.rule_trial import try_rule_examples
from agent.web.topic_pages import read_form
from agent.web.trying import MOST_SHOWN, RuleHistory
from streams.alerts.rules import RuleSet
from streams.definitions import RuleDefinition
from streams.query import QueryError
from streams.stores.base import Hit, Search

if TYPE_CHECKING:
    from agent.web.views import Views
    from agent.web.world import World

_MOST_FOUND = 500


class RulePages:
    """Handlers of the rules' pages."""

    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views
        self._heavy = asyncio.Lock()

    async def show(self, request: Request) -> Response:
        """`/rules/ID`: one rule; with `query=…` that query is tried in place of its own."""
        rule = await self._rule(request)
        given = request.query_params
        if "query" not in given:
            return self._page(request, rule, query=rule.query, min_score=rule.min_score, since="30d")
        query, since, least = given["query"], given.get("since", "30d"), given.get("min_score", "0")
        try:
            start = moment_of(since)
            _require(query)
            changed = msgspec.structs.replace(rule, query=query, min_score=number_of(least), enabled=True)
            rules = RuleSet([changed], self._world.named)
            async with self._heavy:
                trial = await try_rule_examples(self._world.folder, changed)
            history = await self._history(changed, rules, start)
        except (QueryError, FormFault) as error:
            return self._page(request, rule, status=400, query=query, min_score=least, since=since, error=error)
        return self._page(request, rule, query=query, min_score=least, since=since, trial=trial, history=history)

    async def save(self, request: Request) -> Response:
        """`POST /rules/ID`: write the query into the rule's file. For editors."""
        user = request.scope.get("rasad.user")
        if user is None or user.role != "editor":
            raise HTTPException(403, "Only editors may change rules.")
        rule = await self._rule(request)
        form = await read_form(request)
        query, since, least = form.get("query", ""), form.get("since", "30d"), form.get("min_score", "0")
        try:
            number = number_of(least)
            _require(query)
            RuleSet([msgspec.structs.replace(rule, query=query, enabled=True)], self._world.named)
            path = await asyncio.to_thread(save_query, self._world.folder, "alerts", rule.id, query, number)
        except (QueryError, FormFault, CannotSave) as error:
            return self._page(request, rule, status=400, query=query, min_score=least, since=since, error=error)
        return self._page(request, rule, query=query, min_score=least, since=since, saved=str(path))

    async def _history(self, rule: RuleDefinition, rules: RuleSet, since: datetime | None) -> RuleHistory:
        search = Search(query=rule.query, named=self._world.named, since=since, limit=_MOST_FOUND)
        async with self._world.turn():
            page = await self._world.store.search(search)
            found = await asyncio.to_thread(lambda: tuple(hit for hit in page.hits if rules.match(hit.article)))
        stories = {hit.article.story_id or hit.article.article_id for hit in found}
        return RuleHistory(
            found=found,
            firsts=_first_of_stories(found),
            stories=len(stories),
            is_complete=page.is_complete and len(page.hits) < _MOST_FOUND,
        )

    async def _rule(self, request: Request) -> RuleDefinition:
        wanted = request.path_params["rule_id"]
        rules = await asyncio.to_thread(self._load)
        rule = next((rule for rule in rules if rule.id == wanted and rule.query), None)
        if rule is None:
            raise HTTPException(404, "There is no such rule, or it has no query.")
        return rule

    def _load(self) -> list[RuleDefinition]:
        paths = yaml_files(self._world.folder / "alerts")
        return [rule for path in paths for rule, _ in load_list(path, RuleDefinition, Faults(), key="rules")]

    def _page(self, request: Request, rule: RuleDefinition, *, status: int = 200, **values: Any) -> Response:
        values = {"trial": None, "history": None, "error": None, "saved": ""} | values
        user = request.scope.get("rasad.user")
        may_save = user is not None and user.role == "editor"
        return self._views.page(
            request, "rule.html", status=status, rule=rule, most=MOST_SHOWN, may_save=may_save, **values
        )


def _require(query: str) -> None:
    if not query.strip():
        raise FormFault("query", "is empty: a rule needs one")


def _first_of_stories(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """Return of each story the earliest hit, newest story first: about what the rule would have alerted on."""
    first: dict[str, Hit] = {}
    for hit in hits:  # newest first
        if hit.article.near_duplicate_of is None:
            first[hit.article.story_id or hit.article.article_id] = hit
    return tuple(first.values())
