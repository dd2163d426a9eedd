"""Pages that could not be read: their articles are out at once, and are revised when the page comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.collect.collector import Collector
from agent.collect.records import Decision
from agent.collect.state import FeedState, SeenEntry, pack_seen
from agent.pages import again
from agent.pages.reader import Reading, ReadPages
from agent.pages.records import Page
from agent.pages.rules import PageRules
from streams.metrics import Metrics
from streams.model import RawArticle
from tests.servers.feed_server import Answer, FeedServer, feed_server, item, rss
from tests.unit.collect.test_collector import ListSink
from tests.unit.pages.test_flow import COLLECT, PAGES, TITLE, define, page, story

LATER = timedelta(seconds=2 * sum(again.WAIT_SECONDS))


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2023, 4, 25, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


@asynccontextmanager
async def collecting(sink: ListSink, clock: Clock, url: str) -> AsyncIterator[None]:
    collector = Collector(
        feeds=[define(url)],
        states=sink.states,
        sink=sink,
        settings=COLLECT,
        metrics=Metrics(),
        reading=Reading(PAGES, PageRules()),
        clock=clock,
    )
    clock.now += timedelta(seconds=1)  # new feeds are spread over a moment
    running = asyncio.create_task(collector.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not is_so():  # noqa: ASYNC110  (a thread of the server's, and a sink that tells nobody)
            await asyncio.sleep(0.02)


async def test_an_article_is_revised_when_its_page_can_be_read(server: FeedServer) -> None:
    server.answers["/n/1"] = Answer(b"", 503)
    url = server.feed("/rss", rss(item(1, title=TITLE, link=server.url("/n/1"), text="Short.")))
    sink, clock = ListSink(), Clock()
    async with collecting(sink, clock, url):
        await until(lambda: bool(sink.articles))
        assert [(a.revision, a.text, a.text_origin) for a in sink.articles] == [(1, "Short.", "feed")]
        assert [one.tries for one in sink.states[url].pages_due] == [0]
    server.answers["/n/1"] = page(TITLE, *story(1))
    clock.now += LATER
    # Over a restart: what is to be tried again is part of the state.
    async with collecting(sink, clock, url):
        await until(lambda: len(sink.articles) > 1)
        await until(lambda: not sink.states[url].pages_due)
        first, second = sink.articles
        assert (second.article_id, second.revision, second.text_origin) == (first.article_id, 2, "page")
        assert second.text == "\n".join(story(1))
        # What the feed still says is no edit.
        polls = sink.states[url].polls
        clock.now += LATER
        await until(lambda: sink.states[url].polls > polls)
        assert len(sink.articles) == 2


async def test_a_page_is_not_tried_for_ever(server: FeedServer) -> None:
    server.answers["/n/1"] = Answer(b"", 503)
    url = server.feed("/rss", rss(item(1, title=TITLE, link=server.url("/n/1"), text="Short.")))
    sink, clock = ListSink(), Clock()
    async with collecting(sink, clock, url):
        await until(lambda: bool(sink.articles))
        for tries in range(1, len(again.WAIT_SECONDS)):
            clock.now += LATER
            await until(lambda n=tries: [one.tries for one in sink.states[url].pages_due] == [n])  # type: ignore[misc]
        clock.now += LATER
        await until(lambda: not sink.states[url].pages_due)
    assert len(server.requests_for("/n/1")) == 1 + len(again.WAIT_SECONDS)
    assert [a.revision for a in sink.articles] == [1]


@pytest.mark.parametrize("answer", [Answer(b"", 404), Answer(b"%PDF"), page("x", "Stub.")])
async def test_what_will_not_change_is_not_tried_again(server: FeedServer, answer: Answer) -> None:
    server.answers["/n/1"] = answer
    url = server.feed("/rss", rss(item(1, title=TITLE, link=server.url("/n/1"), text="Short.")))
    sink = ListSink()
    async with collecting(sink, Clock(), url):
        await until(lambda: bool(sink.articles))
    assert not sink.states[url].pages_due


# --- the rules, without servers ---

NOW = datetime(2023, 4, 25, 12, tzinfo=UTC)
ID = "ab" * 16
ARTICLE = RawArticle(article_id=ID, url="https://a.example/1", title="T", text="Short.", collected_at=NOW)


def published(revision: int = 1) -> FeedState:
    seen = pack_seen([SeenEntry(bytes.fromhex(ID), bytes(8), bytes(6), bytes(6), revision)], 1)
    state = FeedState(feed_url="https://a.example/rss", source_id="a", seen=seen, listed=1, published=1)
    return again.with_missing(Decision(state=state, articles=(ARTICLE,), outcome="ok"), {ID}, NOW).state


def test_an_article_that_was_edited_meanwhile_is_left_to_its_edit() -> None:
    state = msgspec.structs.replace(published(), seen=published(revision=2).seen)
    tried = again.due(state, NOW + LATER)
    read = ReadPages({ID: Page(text="much longer " * 50)})
    filled = again.asked_anew(state, tried, read.by_id)
    filled = msgspec.structs.replace(filled, articles=(msgspec.structs.replace(ARTICLE, text="much longer"),))
    decision = again.settled(state, filled, tried, read, NOW)
    assert not decision.articles
    assert not decision.state.pages_due


def test_a_page_that_adds_nothing_is_no_revision() -> None:
    state = published()
    tried = again.due(state, NOW + LATER)
    read = ReadPages({ID: Page()})
    decision = again.settled(state, again.asked_anew(state, tried, read.by_id), tried, read, NOW)
    assert (decision.articles, decision.state.pages_due) == ((), ())


def test_only_the_latest_pages_of_a_feed_are_kept() -> None:
    articles = tuple(msgspec.structs.replace(ARTICLE, article_id=f"{n:032x}") for n in range(again.MAX_PENDING + 5))
    state = FeedState(feed_url="https://a.example/rss", source_id="a")
    decision = Decision(state=state, articles=articles, outcome="ok")
    kept = again.with_missing(decision, {article.article_id for article in articles}, NOW).state.pages_due
    assert [one.article.article_id for one in kept] == [article.article_id for article in articles[5:]]
    long = msgspec.structs.replace(ARTICLE, text="x" * (again.MAX_TEXT_CHARS + 1))
    decision = Decision(state=state, articles=(long,), outcome="ok")
    assert not again.with_missing(decision, {ID}, NOW).state.pages_due
