"""Servers that keep the collector waiting keep nobody else waiting; and 500 feeds of one host do not meet there."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest

from agent.collect.collector import Collector
from agent.collect.state import FeedState
from streams.metrics import Metrics
from tests.servers.feed_server import Answer, FeedServer, Request, feed_server, item, rss
from tests.servers.hostile import hostile_server
from tests.unit.collect.test_collector import SETTINGS, ListSink, define, running, until

PLACES = 8


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as made:
        yield made


async def test_feeds_that_never_answer_hold_a_part_of_the_places_only(server: FeedServer) -> None:
    sink = ListSink()
    settings = msgspec.structs.replace(
        SETTINGS, concurrency=PLACES, per_host_concurrency=PLACES, timeout_seconds=300, interval_seconds=5
    )
    quick = [define(server.feed(f"/{n}", rss(item(n))), source_id=f"quick-{n}") for n in range(30)]
    with hostile_server(lambda client: client.wait(200)) as port:
        slow = [define(f"http://127.0.0.1:{port}/{n}", source_id=f"slow-{n}") for n in range(3 * PLACES)]
        states = {
            feed.url: FeedState(feed_url=feed.url, source_id=feed.source_id, polls=1, last_outcome="timeout")
            for feed in slow
        }
        collector = Collector(feeds=[*slow, *quick], states=states, sink=sink, settings=settings, metrics=Metrics())
        async with running(collector):
            # Every quick feed is polled again and again while all places that the slow may have are taken.
            await until(lambda: len(sink.states) == 30 and min(s.polls for s in sink.states.values()) >= 3)
            assert not set(sink.states) & {feed.url for feed in slow}

            def waiting() -> int:
                return sum(feed.task is not None and feed.is_slow for feed in collector._feeds)

            assert waiting() <= PLACES // 4
            await until(lambda: waiting() >= 1)  # the quick ones go first, also to the same machine


async def test_many_feeds_of_one_host_are_asked_for_two_at_a_time(server: FeedServer) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def respond(_: Request) -> Answer:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        threading.Event().wait(0.002)
        with lock:
            busy -= 1
        return Answer(rss(item(1)).encode())

    feeds = []
    for number in range(150):
        server.answers[f"/{number}"] = respond
        feeds.append(define(server.url(f"/{number}"), source_id=f"s-{number}"))
    sink = ListSink()
    await Collector(feeds=feeds, sink=sink, settings=SETTINGS, metrics=Metrics()).run_once()
    assert len(sink.states) == 150
    assert 1 <= most <= SETTINGS.per_host_concurrency
