"""The pages for reading: search, live, articles, stories."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from agent.web import searching
from agent.web.forms import MOST_ARTICLES, PAGE_SIZE, FormFault, SearchForm
from agent.web.live import MOST_WATCHERS, TooManyWatchers
from streams.frames import Usage
from streams.lineage import Lineage
from streams.model import Ownership, Span
from streams.query import QueryError
from streams.stores.base import SearchPage
from streams.stories.documents import StoryDocument

if TYPE_CHECKING:
    from agent.web.views import Views
    from agent.web.world import World

_HEARTBEAT_SECONDS = 15.0
_MOST_STORIES = 40
_MOST_DEPTH = 12


class ReadingPages:
    """Handlers of the pages that only show."""

    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views

    async def search(self, request: Request) -> Response:
        """`/`: the search, and what it finds."""
        try:
            form = SearchForm.of(request.query_params)
            page = await searching.articles(self._world, form)
        except (QueryError, FormFault) as error:
            return self._faulty(request, error)
        summary = None
        if "facets" in request.query_params:
            summary = await searching.summary(self._world, form)
        more = min(form.limit + PAGE_SIZE, MOST_ARTICLES) if len(page.hits) == form.limit else 0
        return self._search_page(request, form, page=page, summary=summary, more=more if more > form.limit else 0)

    def _faulty(self, request: Request, error: QueryError | FormFault) -> Response:
        names = [name for name in SearchForm.__struct_fields__ if name not in ("order", "limit")]
        given: dict[str, Any] = {name: request.query_params.get(name, "") for name in names}
        form = SearchForm(**given)
        return self._search_page(request, form, status=400, error=error)

    def _search_page(self, request: Request, form: SearchForm, *, status: int = 200, **values: Any) -> Response:
        values = {"page": SearchPage(hits=()), "summary": None, "more": 0, "error": None} | values
        if isinstance(values["error"], QueryError):
            at = max(0, values["error"].column - 1)
            values["fault_at"] = (form.q[:at], form.q[at : at + 1] or " ", form.q[at + 1 :])
        return self._views.page(
            request, "search.html", status=status, form=form, ownerships=get_args(Ownership), **values
        )

    async def summary(self, request: Request) -> Response:
        """`/summary`: facets and chart, for the search page to take in."""
        try:
            form = SearchForm.of(request.query_params)
            found = await searching.summary(self._world, form)
        except (QueryError, FormFault):
            return HTMLResponse("")  # the page says it already
        return HTMLResponse(self._views.part("summary.html", summary=found, form=form))

    async def article(self, request: Request) -> Response:
        """`/articles/ID`: one article, with every mention marked."""
        article = await self._world.store.get(request.path_params["article_id"].lower())
        if article is None:
            raise HTTPException(404, "There is no such article, or no longer.")
        spans: list[Span] = [span for label in article.topics for span in label.spans]
        spans += [span for frame in article.frames for span in frame.spans]
        names = [span for entity in article.entities for span in entity.mentions]
        spans += [step.span for step in article.attribution if step.span is not None]
        revisions = getattr(self._world.store, "revisions", None)
        earlier = await asyncio.to_thread(revisions, article.article_id) if revisions is not None else []
        return self._views.page(request, "article.html", article=article, spans=spans, names=names, earlier=earlier)

    async def stories(self, request: Request) -> Response:
        """`/stories`: what belongs together, the largest first."""
        try:
            form = SearchForm.of(request.query_params)
            found, is_all = await searching.stories(self._world, form, _MOST_STORIES)
        except (QueryError, FormFault) as error:
            return self._views.page(
                request, "stories.html", status=400, form=SearchForm(q=request.query_params.get("q", "")),
                stories=[], is_all=True, error=error,
            )  # fmt: skip
        return self._views.page(request, "stories.html", form=form, stories=found, is_all=is_all, error=None)

    async def story(self, request: Request) -> Response:
        """`/stories/ID`: one story."""
        story = await searching.story(self._world, request.path_params["story_id"])
        if story is None:
            raise HTTPException(404, "There is no such story, or no longer.")
        languages: defaultdict[str, list[Any]] = defaultdict(list)
        for report in story.timeline:
            languages[report.language].append(report)
        return self._views.page(
            request, "story.html", story=story, by_language=_side_by_side(story, languages),
            tree=list(_tree(story.lineage)), framing=_framing(story.framing),
        )  # fmt: skip

    async def live(self, request: Request) -> Response:
        """`/live`: what comes in."""
        error, form, newest = None, SearchForm(), SearchPage(hits=())
        try:
            form = SearchForm.of({**request.query_params, "limit": "20"})
            newest = await searching.articles(self._world, form)
        except (QueryError, FormFault) as fault:
            error = fault
            form = SearchForm(q=request.query_params.get("q", ""))
        status = 400 if error else 200
        return self._views.page(request, "live.html", status=status, form=form, page=newest, error=error)

    async def live_events(self, request: Request) -> Response:
        """`/live/events`: articles as server-sent events, each a piece of the page. Raises `QueryError`."""
        search = SearchForm.of(request.query_params).search(self._world)
        if self._world.hub.watchers >= MOST_WATCHERS:
            raise TooManyWatchers
        ready = asyncio.Event()
        hits = self._world.hub.watch(search, ready=ready)

        async def events() -> AsyncIterator[str]:
            # The first line tells the page that nothing which is stored from now on is missed.
            waiting = asyncio.ensure_future(anext(hits))
            beginning = asyncio.ensure_future(ready.wait())
            try:
                await asyncio.wait({waiting, beginning}, return_when=asyncio.FIRST_COMPLETED)
                beginning.cancel()
                yield "event: ready\ndata: 1\n\n"
                while True:
                    done, _ = await asyncio.wait({waiting}, timeout=_HEARTBEAT_SECONDS)
                    if not done:
                        yield ": still here\n\n"
                        continue
                    try:
                        hit = waiting.result()
                    except StopAsyncIteration:
                        return
                    part = self._views.part("hit.html", hit=hit)
                    yield (
                        f"id: {hit.article.article_id}\n"
                        + "".join(f"data: {line}\n" for line in part.split("\n"))
                        + "\n"
                    )
                    waiting = asyncio.ensure_future(anext(hits))
            finally:
                beginning.cancel()
                waiting.cancel()
                await asyncio.wait({waiting})
                await hits.aclose()  # type: ignore[attr-defined]  # it is a generator

        # Faulty queries are told before the stream begins.
        from streams.stores.plan import Plan

        Plan.of(search, is_standing=True)
        return StreamingResponse(
            events(), media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )

    async def random_key(self, request: Request) -> Response:
        """`/search`: an address that people guess."""
        return RedirectResponse(f"/?{request.url.query}", 308)


def _side_by_side(story: StoryDocument, languages: dict[str, list[Any]]) -> list[tuple[str, list[Any]]]:
    """Return the reports by language, the fullest first; of copies only the first stays."""
    found = []
    for language in story.languages:
        reports = [report for report in languages[language] if report.near_duplicate_of is None]
        found.append((language, reports or languages[language][:1]))
    return found


def _tree(lineage: Lineage) -> Iterator[tuple[int, str, str, bool]]:
    """Yield depth, name, kind (`copy`, `credit` or nothing) and whether it was shown before, in reading order."""
    takers: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for edge in lineage.edges:
        takers[edge.giver].setdefault(edge.taker, edge.kind)
    given = {edge.taker for edge in lineage.edges}
    roots = [giver for giver in takers if giver not in given] or list(takers)[:1]
    shown: set[str] = set()

    def branch(node: str, depth: int, kind: str) -> Iterator[tuple[int, str, str, bool]]:
        again = node in shown and bool(takers.get(node))
        yield depth, lineage.names.get(node, node), kind, again
        if node in shown or depth >= _MOST_DEPTH:
            return
        shown.add(node)
        for taker, how in takers.get(node, {}).items():
            yield from branch(taker, depth + 1, how)

    for root in roots:
        yield from branch(root, 0, "")


def _framing(usages: tuple[Usage, ...]) -> dict[str, dict[str, Any]]:
    """Return by group: the wordings, how often each is used, and by whom."""
    groups: dict[str, dict[str, Any]] = {}
    for usage in usages:
        frame = groups.setdefault(usage.group, {}).setdefault(
            usage.frame, {"articles": 0, "share": 0.0, "source": [], "country": [], "ownership": [], "language": []}
        )
        if usage.by == "all":
            frame["articles"], frame["share"] = usage.articles, usage.share
        else:
            frame[usage.by].append((usage.value, usage.articles))
    return groups
