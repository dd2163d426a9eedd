"""The collector with real sockets, real parser processes and a sink that the test holds in its hand."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.collect import delivering
from agent.collect.collector import Collector
from agent.collect.records import Delivery, SinkUnavailable
from agent.collect.state import FeedState, decode_states
from agent.feed_check.report import feed_rows
from agent.feeds.definitions import FeedDefinition
from agent.settings import CollectSettings
from streams import codec
from streams.metrics import Metrics
from streams.model import RawArticle
from tests.servers.feed_server import Answer, FeedServer, Request, feed_server, item, rss

SETTINGS = CollectSettings(
    allow_private_hosts=("127.0.0.1",), timeout_seconds=10, parse_seconds=1.0, per_host_spacing_seconds=0
)


class ListSink:
    """Keeps what is delivered; `fail` makes it refuse."""

    def __init__(self) -> None:
        self.articles: list[RawArticle] = []
        self.payloads: dict[str, bytes] = {}
        self.fail: Callable[[Sequence[Delivery]], Exception | None] = lambda _: None
        self.attempts = 0

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        self.attempts += 1
        if (error := self.fail(deliveries)) is not None:
            raise error
        for delivery in deliveries:
            self.articles += delivery.articles
            self.payloads[delivery.state.feed_url] = codec.encode(delivery.state)

    @property
    def states(self) -> dict[str, FeedState]:
        return decode_states(self.payloads)

    @property
    def titles(self) -> Counter[str]:
        return Counter(article.title for article in self.articles)


def define(url: str, **changes: object) -> FeedDefinition:
    values: dict[str, object] = {
        "url": url,
        "source_id": "gazette",
        "name": "Invented Gazette",
        "interval_seconds": 0.05,
    }
    return FeedDefinition(**(values | changes))  # type: ignore[arg-type]


def make(
    sink: ListSink, *feeds: FeedDefinition, metrics: Metrics | None = None, settings: CollectSettings = SETTINGS
) -> Collector:
    return Collector(
        feeds=feeds, states=sink.states, sink=sink, settings=settings, metrics=metrics if metrics else Metrics()
    )


@contextlib.asynccontextmanager
async def running(collector: Collector) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(collector.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            raise error


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110  (what is waited for happens in other threads too)
            await asyncio.sleep(0.01)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as made:
        yield made


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


async def test_polls_again_and_publishes_what_is_new_or_edited(server: FeedServer, sink: ListSink) -> None:
    url = server.feed("/feed", rss(item(1)))
    async with running(make(sink, define(url))):
        await until(lambda: len(sink.articles) == 1)
        server.feed("/feed", rss(item(2), item(1)))
        await until(lambda: len(sink.articles) == 2)
        server.feed("/feed", rss(item(2), item(1, title="Edited")))
        await until(lambda: len(sink.articles) == 3)
        polls = len(server.requests)
        await until(lambda: len(server.requests) > polls + 3)
    assert [(a.title, a.revision) for a in sink.articles] == [("Headline 1", 1), ("Headline 2", 1), ("Edited", 2)]
    answered = [request.headers.get("If-None-Match") for request in server.requests]
    assert answered[0] is None
    assert all(answered[1:])


async def test_validators_and_seen_entries_outlast_a_restart(server: FeedServer, sink: ListSink) -> None:
    url = server.feed("/feed", rss(item(1), item(2)))
    await make(sink, define(url)).run_once()
    await make(sink, define(url)).run_once()
    assert len(sink.articles) == 2
    assert server.requests[-1].headers.get("If-None-Match") == sink.states[url].etag
    assert sink.states[url].last_outcome == "not_modified"


async def test_a_document_that_could_not_be_read_gives_no_validators(server: FeedServer, sink: ListSink) -> None:
    url = server.feed("/feed", "<html><body>maintenance</body></html>", content_type="text/html")
    await make(sink, define(url)).run_once()
    assert sink.states[url].last_outcome == "not_a_feed"
    await make(sink, define(url)).run_once()
    assert all("If-None-Match" not in request.headers for request in server.requests)


async def test_the_same_bytes_are_not_parsed_again(server: FeedServer, sink: ListSink) -> None:
    server.answers["/feed"] = Answer(rss(item(1)).encode())
    url, metrics = server.url("/feed"), Metrics()
    for _ in range(3):
        await make(sink, define(url), metrics=metrics).run_once()
    assert len(sink.articles) == 1
    assert metrics.registry.get_sample_value("rasad_entries_total", {"outcome": "unchanged"}) == 2


# --- a sink that fails ---


@pytest.mark.parametrize("error", [SinkUnavailable("broker away"), RuntimeError("a bug")])
async def test_a_failing_sink_keeps_the_old_state_and_gets_everything_later(
    server: FeedServer, sink: ListSink, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "FIRST_RETRY_SECONDS", 0.01)
    url = server.feed("/feed", rss(item(1), item(2)))
    sink.fail = lambda _: error
    collector = make(sink, define(url))
    async with running(collector):
        await until(lambda: sink.attempts >= 3)
        assert collector.states()[0].seen == b""
        assert collector.states()[0].etag is None
        assert not sink.payloads
        assert len(server.requests) == 1  # it is not fetched again meanwhile
        sink.fail = lambda _: None
        await until(lambda: len(sink.articles) == 2)
    assert sink.titles == {"Headline 1": 1, "Headline 2": 1}


async def test_a_collector_that_ends_before_delivery_finds_it_again(server: FeedServer, sink: ListSink) -> None:
    url = server.feed("/feed", rss(item(1)))
    sink.fail = lambda _: SinkUnavailable("broker away")
    async with running(make(sink, define(url))):
        await until(lambda: sink.attempts >= 1)
    sink.fail = lambda _: None
    await make(sink, define(url)).run_once()
    assert sink.titles == {"Headline 1": 1}


# --- several feeds ---


async def test_one_page_in_two_feeds_polled_at_once_is_published_once(server: FeedServer, sink: ListSink) -> None:
    pages = [item(n) for n in range(20)]
    urls = [server.feed(f"/feed-{n}", rss(*pages)) for n in range(4)]
    metrics = Metrics()
    await make(sink, *(define(url) for url in urls), metrics=metrics).run_once()
    assert sink.titles == {f"Headline {n}": 1 for n in range(20)}
    assert metrics.registry.get_sample_value("rasad_entries_total", {"outcome": "known_elsewhere"}) == 60


async def test_limits_per_host_and_altogether(server: FeedServer, sink: ListSink) -> None:
    lock, busy, most = threading.Lock(), Counter[str](), Counter[str]()
    barrier = threading.Event()

    def respond(request: Request) -> Answer:
        with lock:
            busy["now"] += 1
            most["now"] = max(most["now"], busy["now"])
        barrier.wait(0.05)
        with lock:
            busy["now"] -= 1
        return Answer(rss(item(request.path)).encode())

    for n in range(20):
        server.answers[f"/{n}"] = respond
    limited = msgspec.structs.replace(SETTINGS, per_host_concurrency=3, concurrency=10)
    feeds = [define(server.url(f"/{n}"), source_id=f"s-{n}") for n in range(20)]
    await make(sink, *feeds, settings=limited).run_once()
    assert len(sink.articles) == 20
    assert most["now"] <= 3


async def test_a_slow_host_does_not_hold_up_another(server: FeedServer, sink: ListSink) -> None:
    release = threading.Event()

    def slow(_: Request) -> Answer:
        release.wait(30)
        return Answer(rss(item("slow")).encode())

    for n in range(10):
        server.answers[f"/slow-{n}"] = slow
    # The same server by another name is another host to be polite to.
    slow_feeds = [define(server.url(f"/slow-{n}"), source_id=f"s-{n}") for n in range(10)]
    quick = define(server.feed("/quick", rss(item("quick"))).replace("127.0.0.1", "localhost"), source_id="quick")
    both = msgspec.structs.replace(SETTINGS, allow_private_hosts=("127.0.0.1", "localhost"), timeout_seconds=60)
    async with running(make(sink, *slow_feeds, quick, settings=both)):
        await until(lambda: "Headline quick" in sink.titles)
        assert "Headline slow" not in sink.titles
        release.set()
        await until(lambda: "Headline slow" in sink.titles)


async def test_feeds_come_and_go_while_it_runs(server: FeedServer, sink: ListSink) -> None:
    first, second = (define(server.feed(f"/{n}", rss(item(n))), source_id=f"s-{n}") for n in range(2))
    collector = make(sink, first)
    async with running(collector):
        await until(lambda: "Headline 0" in sink.titles)
        collector.add([second], {})
        await until(lambda: "Headline 1" in sink.titles)
        await collector.remove([first.url])
        # A request that was under way may reach the server's books after it was let go of: a poll later it has.
        server.feed("/1", rss(item("later")))
        await until(lambda: "Headline later" in sink.titles)
        polls = len(server.requests_for("/0"))
        server.feed("/1", rss(item("last")))
        await until(lambda: "Headline last" in sink.titles)
        assert len(server.requests_for("/0")) == polls
        assert [state.feed_url for state in collector.states()] == [second.url]


async def test_a_feed_that_is_taken_away_while_it_is_fetched_delivers_nothing(
    server: FeedServer, sink: ListSink
) -> None:
    asked, release = threading.Event(), threading.Event()

    def slow(_: Request) -> Answer:
        asked.set()
        release.wait(30)
        return Answer(rss(item(1)).encode())

    server.answers["/"] = slow
    collector = make(sink, define(server.url("/")))
    async with running(collector):
        await until(asked.is_set)
        await collector.remove([server.url("/")])
        release.set()
    assert not sink.payloads


# --- when ---


async def test_a_feed_is_not_polled_before_its_time(server: FeedServer, sink: ListSink) -> None:
    early = define(server.feed("/early", rss(item(1))), source_id="early")
    now = datetime.now(UTC)
    state = FeedState(feed_url=early.url, source_id="early", polls=1, next_poll_at=now + timedelta(hours=1))
    sink.payloads[early.url] = codec.encode(state)
    due = define(server.feed("/due", rss(item(2))), source_id="due")
    async with running(make(sink, early, due)):
        await until(lambda: len(server.requests_for("/due")) > 2)
    assert not server.requests_for("/early")


async def test_once_polls_also_early_but_obeys_retry_after_and_gone(server: FeedServer, sink: ListSink) -> None:
    server.answers["/wait"] = Answer(b"", 429, [("Retry-After", "3600")])
    server.answers["/gone"] = Answer(b"", 410)
    feeds = [define(server.feed("/ok", rss(item(1)))), define(server.url("/wait")), define(server.url("/gone"))]
    for _ in range(2):
        await make(sink, *feeds).run_once()
    assert [len(server.requests_for(path)) for path in ("/ok", "/wait", "/gone")] == [2, 1, 1]


async def test_many_new_feeds_do_not_start_all_at_once(server: FeedServer, sink: ListSink) -> None:
    feeds = [define(server.url(f"/{n}"), source_id=f"s-{n}", interval_seconds=600.0) for n in range(2_000)]
    counts = make(sink, *feeds).counts()
    assert counts.total == 2_000
    assert counts.due < 200


async def test_disabled_feeds_are_left_alone(server: FeedServer, sink: ListSink) -> None:
    await make(sink, define(server.feed("/", rss(item(1))), enabled=False)).run_once()
    assert not server.requests


# --- bad input: each handled, counted by cause, and shown ---

OLD, FUTURE = "Thu, 05 Jan 1995 10:00:00 GMT", "Thu, 05 Jan 2199 10:00:00 GMT"
FETCH_FAULTS: dict[str, tuple[Answer, str]] = {
    "html": (Answer(b"<!doctype html><html><body>Hello</body></html>"), "not_a_feed"),
    "empty": (Answer(b""), "empty"),
    "broken": (Answer(b"<rss version='2.0'><channel><title>A & B\n</link><description <b>cut"), "unparsable"),
    "binary": (Answer(bytes(range(256)) * 10), "not_a_feed"),
    "missing": (Answer(b"", 404), "http_error"),
    "cut": (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<rss>"), "unreachable"),
    "bomb": (Answer(b"<rss " + b" ".join(b'a%d="x"' % n for n in range(40_000)) + b"/>"), "parser_killed"),
    "private": (Answer(status=302, headers=[("Location", "http://10.0.0.1/")]), "refused_address"),
}


@pytest.mark.parametrize("fault", FETCH_FAULTS)
async def test_what_is_no_feed_is_counted_and_shown(server: FeedServer, sink: ListSink, fault: str) -> None:
    server.answers["/bad"], outcome = FETCH_FAULTS[fault]
    bad, good = define(server.url("/bad")), define(server.feed("/good", rss(item(1))))
    metrics = Metrics()
    await make(sink, bad, good, metrics=metrics).run_once()
    assert sink.titles == {"Headline 1": 1}
    assert metrics.registry.get_sample_value("rasad_fetches_total", {"outcome": outcome}) == 1
    row = feed_rows([bad, good], sink.states)[0]
    assert (row.outcome, row.failures, row.consecutive_failures, row.is_failing) == (outcome, {outcome: 1}, 1, True)
    assert row.detail
    assert row.next_poll_at is not None
    # It is not given up: when it is mended, it works.
    server.feed("/bad", rss(item(2)))
    await make(sink, bad, good).run_once()
    assert sink.titles == {"Headline 1": 1, "Headline 2": 1}
    assert not feed_rows([bad, good], sink.states)[0].is_failing


async def test_an_unreachable_feed_is_counted_and_shown(sink: ListSink) -> None:
    with feed_server() as gone:
        bad = define(gone.url("/"))
    metrics = Metrics()
    await make(sink, bad, metrics=metrics).run_once()
    assert metrics.registry.get_sample_value("rasad_fetches_total", {"outcome": "unreachable"}) == 1
    assert feed_rows([bad], sink.states)[0].outcome == "unreachable"


ENTRY_FAULTS: dict[str, tuple[str, str]] = {
    "no_guid": (rss(item(1, guid=None)), "Headline 1"),
    "no_link": (rss(item(1, link=None)), "Headline 1"),
    "duplicate_guid": (rss(item(1, guid="x"), item(2, guid="x")), "Headline 2"),
    "no_title": (rss(item(1, title="")), ""),
    "missing_date": (rss(item(1, date=None)), "Headline 1"),
    "bad_date": (rss(item(1, date="some day")), "Headline 1"),
    "old_date": (rss(item(1, date=OLD)), "Headline 1"),
    "future_date": (rss(item(1, date=FUTURE)), "Headline 1"),
}


@pytest.mark.parametrize("cause", ENTRY_FAULTS)
async def test_faults_of_entries_are_counted_and_shown(server: FeedServer, sink: ListSink, cause: str) -> None:
    document, title = ENTRY_FAULTS[cause]
    feed, metrics = define(server.feed("/", document)), Metrics()
    await make(sink, feed, metrics=metrics).run_once()
    assert title in sink.titles
    assert all(article.date_is_reliable != ("date" in cause) for article in sink.articles)
    assert metrics.registry.get_sample_value("rasad_entry_faults_total", {"cause": cause}) == 1
    row = feed_rows([feed], sink.states)[0]
    assert row.outcome == "ok"
    assert row.entry_faults == {cause: 1}
    await make(sink, feed).run_once()
    assert max(sink.titles.values()) == 1


async def test_a_wrong_encoding_is_read_all_the_same(server: FeedServer, sink: ListSink) -> None:
    document = rss(item(1, title="اجتماع في موسكو أمس لبحث التطبيع")).encode("cp1256")  # and says it is UTF-8
    server.answers["/"] = Answer(document, headers=[("Content-Type", "text/xml; charset=utf-8")])
    await make(sink, define(server.url("/"))).run_once()
    assert "اجتماع في موسكو أمس لبحث التطبيع" in sink.titles


def test_a_collector_does_not_carry_the_stages_along() -> None:
    code = "import sys, agent.collect.collector, agent.collect.kafka_state, agent.publish; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"streams.pipeline", "streams.enrich", "streams.topics", "eldc", "luqum", "kafka", "aiokafka"}
