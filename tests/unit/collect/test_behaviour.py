"""The collector before a server that scores readers: full marks, restarts included."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.collect.collector import Collector
from agent.collect.movement import MOVED_POLLS
from agent.feeds.definitions import FeedDefinition
from agent.settings import CollectSettings
from streams.metrics import Metrics
from tests.servers.feed_server import Answer, FeedServer, feed_server
from tests.servers.scoring import Page, ScoringServer, document, http_date, scripted, versioned
from tests.unit.collect.test_collector import ListSink

SETTINGS = CollectSettings(
    allow_private_hosts=("127.0.0.1",), timeout_seconds=30, per_host_spacing_seconds=0, per_host_concurrency=20
)
ROUNDS, RESTART_EVERY = 20, 4
HOUR = 3600.0
DATE = "Thu, 05 Jan 2023 10:00:0{} GMT"
EXPECTED_CHECKS = {
    "user agent", "cookies", "referrer", "credentials", "compression", "gone", "invented validators",
    "needless unconditional request", "validators verbatim", "dates verbatim", "too early", "retry-after", "freshness",
}  # fmt: skip


class Clock:
    """Runs with the real one, and can be set forward."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._start = time.monotonic()

    def __call__(self) -> datetime:
        start = datetime(2026, 3, 2, 8, tzinfo=UTC)
        return start + self._offset + timedelta(seconds=time.monotonic() - self._start)

    def go_to(self, moment: datetime) -> None:
        self._offset += max(timedelta(), moment - self())


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as made:
        yield made


def limited(status: int, wait: str) -> Answer:
    return Answer(b"busy", status, [("Retry-After", wait)])


def pages() -> dict[str, Page]:
    return {
        "/both": Page(versioned(date=DATE)),
        "/etag": Page(versioned()),
        "/weak": Page(versioned(etag='W/"odd, {} \\ /, 1"')),
        "/unquoted": Page(versioned(etag="v{}")),
        "/date": Page(versioned(etag="", date=DATE)),
        "/local-date": Page(versioned(etag="", date="Thu,  5 Jan 2023 13:00:0{} +0300")),
        "/none": Page(versioned(etag="")),
        "/withdrawn": Page(scripted(*(versioned(date=DATE)(n) for n in range(4)), then=versioned(etag="", every=2))),
        "/cookies": Page(versioned(("Set-Cookie", "id=1; Max-Age=999999"), ("Set-Cookie", "b=2"))),
        "/max-age": Page(versioned(("Cache-Control", "max-age=7200")), lambda _: 2 * HOUR),
        "/ttl": Page(versioned(head="<ttl>180</ttl>"), lambda _: 3 * HOUR),
        "/expires": Page(
            lambda n: versioned(("Expires", http_date(HOUR)))(n), lambda _: HOUR - 2
        ),
        "/seconds": Page(
            scripted(*([versioned()(0)] * 2), limited(429, "9000"), then=versioned()),
            lambda n: 9000.0 if n == 2 else 0.0,
        ),
        "/moment": Page(
            lambda n: limited(503, http_date(4 * HOUR)) if n == 2 else versioned()(n),
            lambda n: 4 * HOUR - 2 if n == 2 else 0.0,
        ),
        "/fails": Page(lambda n: Answer(b"oops", 500) if n in {2, 3} else versioned(every=5)(n)),
        "/broken": Page(
            lambda n: Answer(b"<html>maintenance</html>", headers=[]) if n == 0 else versioned()(n)
        ),
        "/gone": Page(lambda n: Answer(b"", 410) if n == 2 else versioned()(n)),
        "/moved": Page(lambda _: Answer(status=301, headers=[("Location", "/new-home")])),
        "/new-home": Page(versioned(date=DATE), after_poll=False),
        "/detour": Page(lambda _: Answer(status=302, headers=[("Location", "/target"), ("ETag", '"detour"')])),
        "/target": Page(versioned(date=DATE), after_poll=False),
    }  # fmt: skip


async def test_full_marks_over_days_and_restarts(server: FeedServer) -> None:
    clock, sink = Clock(), ListSink()
    score = ScoringServer(server, clock)
    urls = {path: score.serve(path, page) for path, page in pages().items()}
    feeds = [
        FeedDefinition(url=url, source_id=f"s{path.strip('/')}", name=path)
        for path, url in urls.items()
        if path not in {"/new-home", "/target"}
    ]
    for _ in range(ROUNDS // RESTART_EVERY):
        collector = Collector(
            feeds=feeds, states=sink.states, sink=sink, settings=SETTINGS, metrics=Metrics(), clock=clock
        )
        running = asyncio.create_task(collector.run())
        for _ in range(RESTART_EVERY):
            await until_all_have_been_polled(collector, clock, sink)
        running.cancel()
        await asyncio.wait([running])
    assert not score.faults, "\n".join(score.faults[:30])
    assert set(score.checks) == EXPECTED_CHECKS
    assert min(score.checks[name] for name in EXPECTED_CHECKS) >= 2, score.checks
    assert score.told["/gone"].requests == 3
    assert score.told["/moved"].requests == MOVED_POLLS
    assert score.told["/new-home"].requests > 2 * MOVED_POLLS
    assert score.told["/none"].requests >= ROUNDS // 2
    # ...and all the while nothing was missed.
    assert [s.feed_url for s in sink.states.values() if s.consecutive_failures] == [urls["/gone"]]


async def until_all_have_been_polled(collector: Collector, clock: Clock, sink: ListSink) -> None:
    """Go from due time to due time until every feed was polled once more."""
    before = {state.feed_url: state.polls for state in collector.states()}
    async with asyncio.timeout(60):
        while True:
            waiting = [s for s in collector.states() if not s.stopped and s.polls == before[s.feed_url]]
            if not waiting:
                return
            clock.go_to(min(s.next_poll_at or clock() for s in waiting))
            collector._changed.set()
            await asyncio.sleep(0.01)


async def test_the_score_finds_a_reader_that_behaves_badly(server: FeedServer) -> None:
    """A score that nothing can fail would be worth nothing."""
    import aiohttp

    clock = Clock()
    score = ScoringServer(server, clock)
    url = score.serve("/", Page(versioned(("Cache-Control", "max-age=7200")), lambda _: 7200.0))
    gone = score.serve("/gone", Page(lambda _: Answer(b"", 410)))
    bad = [
        {},
        {"Cookie": "id=1", "Referer": url, "Authorization": "Basic eDp5"},
        {"If-None-Match": '"invented"', "User-Agent": "Mozilla/5.0", "Accept-Encoding": "identity"},
    ]
    async with aiohttp.ClientSession() as session:
        for headers in bad:
            async with session.get(url, headers=headers) as response:
                await response.read()
        for headers in ({}, {"If-Modified-Since": http_date()}):
            async with session.get(gone, headers=headers) as response:
                await response.read()
    found = {fault.partition(":")[0] for fault in score.faults}
    assert found == EXPECTED_CHECKS - {"retry-after", "dates verbatim"}
    assert document(0) != document(1)
