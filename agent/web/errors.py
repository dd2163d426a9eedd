"""Every error as an answer: a page for people, JSON for programs, with the column of a faulty query."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agent.errors import RasadError
from agent.web.forms import FormFault
from agent.web.live import TooManyWatchers
from agent.web.world import TooBusy
from streams.query import QueryError
from streams.stores.base import StoreError

if TYPE_CHECKING:
    from agent.web.views import Views

log = logging.getLogger("rasad.web")
KINDS: tuple[type[Exception], ...] = (
    QueryError,
    FormFault,
    StoreError,
    RasadError,
    TooBusy,
    TooManyWatchers,
    HTTPException,
    Exception,
)


def answer(views: Views, request: Request, error: Exception) -> Response:
    """Return what the visitor is told of `error`."""
    status, said, extra = _read(error)
    headers = {"retry-after": "5"} if status == 503 else {}
    if request.url.path.startswith(("/api/", "/export")) or request.url.path.endswith("/events"):
        return JSONResponse({"error": said, "status": status, **extra}, status, headers)
    page = views.page(request, "error.html", status=status, said=said, code=status)
    page.headers.update(headers)
    return page


def _read(error: Exception) -> tuple[int, str, dict[str, object]]:
    match error:
        case QueryError():
            return 400, str(error), {"column": error.column, "message": error.message}
        case FormFault():
            return 400, str(error), {"field": error.field, "message": error.message}
        case TooBusy() | TooManyWatchers():
            return 503, "Too much is asked at once; try again in a few seconds.", {}
        case StoreError() | RasadError():
            return 503, str(error), {}
        case HTTPException():
            return error.status_code, str(error.detail), {}
        case _:
            log.error("a page failed", exc_info=error)
            return 500, "This page failed; the log says why.", {}
