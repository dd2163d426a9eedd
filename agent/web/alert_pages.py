"""Alerts: what was alerted on, why, what became of it; and the rules, each to be tried on what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent.errors import RasadError
from streams.stores.base import StoreError

if TYPE_CHECKING:
    from agent.web.views import Views
    from agent.web.world import World
    from streams.alerts.records import Excerpt
    from streams.definitions import RuleDefinition
    from streams.stores.sqlite.alerts import AlertSearch, StoredAlert

_MOST = 100


class AlertPages:
    """Handlers of the alerts' pages."""

    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views

    async def show(self, request: Request) -> Response:
        """`/alerts`: the newest first."""
        from streams.stores.sqlite.alerts import AlertSearch

        rule, severity = request.query_params.get("rule", ""), request.query_params.get("severity", "")
        fault = ""
        found: Sequence[StoredAlert] = ()
        try:
            search = AlertSearch(rule=rule or None, severity=severity or None, limit=_MOST)
            found = await asyncio.to_thread(self._find, search)
        except (RasadError, StoreError) as error:
            fault = str(error)
        rules = await asyncio.to_thread(self._rules)
        return self._views.page(
            request, "alerts.html", alerts=found, rules=rules, rule=rule, severity=severity, fault=fault, marked=excerpt
        )

    async def acknowledge(self, request: Request) -> Response:
        """`POST /alerts/ID`: note that somebody has seen it. For editors."""
        user = request.scope.get("rasad.user")
        if user is None or user.role != "editor":
            raise HTTPException(403, "Only editors may acknowledge alerts.")
        await asyncio.to_thread(self._acknowledge, request.path_params["alert_id"])
        return RedirectResponse("/alerts", 303)

    def _find(self, search: AlertSearch) -> list[StoredAlert]:
        from agent.alerts.book import open_book

        with open_book(self._world.settings, read_only=True) as book:
            return [stored for stored in book.find(search) if stored.alert.is_shown]

    def _acknowledge(self, alert_id: str) -> None:
        from agent.alerts.book import AlertSearch, open_book

        with open_book(self._world.settings) as book:
            found = [stored.alert.alert_id for stored in book.find(AlertSearch(alert=alert_id, limit=2))]
            if found != [alert_id]:
                raise HTTPException(404, "There is no such alert.")
            book.acknowledge(found, datetime.now(UTC))

    def _rules(self) -> Sequence[RuleDefinition]:
        """Return the rules as they stand in their files; what is faulty there the log and `rasad check` tell."""
        from agent.config_files import Faults, load_list, yaml_files
        from streams.definitions import RuleDefinition

        paths = yaml_files(self._world.folder / "alerts")
        return [rule for path in paths for rule, _ in load_list(path, RuleDefinition, Faults(), key="rules")]


def excerpt(one: Excerpt) -> Markup:
    """Return a passage of an alert, escaped, with its matches highlighted."""
    pieces, at = [Markup("… ") if one.is_cut_before else Markup("")], 0
    for start, end in one.highlights:
        pieces += [escape(one.text[at:start]), Markup("<mark>"), escape(one.text[start:end]), Markup("</mark>")]
        at = end
    pieces += [escape(one.text[at:]), Markup(" …") if one.is_cut_after else Markup("")]
    return Markup("").join(pieces)
