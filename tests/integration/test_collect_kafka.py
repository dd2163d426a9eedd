"""Real `rasad collect` processes on a real broker: killed, joined, cut off from it. Sets of ids are compared, not counts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from agent.admin import make_channels
from agent.collect.kafka_state import read_states
from agent.publish import partition_of
from agent.settings import KafkaSettings
from deploy.dev.services import Kafka
from streams import channels, codec
from streams.identity import article_id
from streams.model import RawArticle
from tests.servers.feed_server import Answer, FeedServer, Request, feed_server, item, rss

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

PARTITIONS = 6
PATIENCE_SECONDS = 240.0


class GrowingFeeds:
    """Feeds that show more of their entries at each request until all are out; an entry never leaves."""

    def __init__(self, server: FeedServer, *, sources: int, feeds_per_source: int, entries: int, step: int) -> None:
        self.step, self.entries = step, entries
        self.shown: dict[str, int] = {}
        self.urls: dict[str, str] = {}
        for source in range(sources):
            for number in range(feeds_per_source):
                path = f"/source-{source}/feed-{number}"
                self.urls[path] = server.url(path)
                server.answers[path] = self._respond
        self.sources = sources
        self._lock = threading.Lock()

    def _respond(self, request: Request) -> Answer:
        with self._lock:
            shown = self.shown[request.path] = min(self.shown.get(request.path, 0) + self.step, self.entries)
        etag = f'"{shown}"'
        if request.headers.get("If-None-Match") == etag:
            return Answer(status=304)
        items = [item(f"{request.path}/{n}", link=self.link(request.path, n)) for n in reversed(range(shown))]
        return Answer(rss(*items).encode(), headers=[("ETag", etag), ("Content-Type", "application/rss+xml")])

    @staticmethod
    def link(path: str, number: int) -> str:
        return f"https://gazette.example{path}/{number}"

    @property
    def expected(self) -> set[str]:
        return {article_id(canonical_url=self.link(path, n)) for path in self.urls for n in range(self.entries)}

    def write_config(self, folder: Path) -> None:
        (folder / "feeds").mkdir(parents=True)
        lines = ["sources:"]
        for source in range(self.sources):
            lines += [f"  - id: source-{source}", f"    name: Source {source}", "    interval_seconds: 5", "    feeds:"]
            lines += [f"      - url: {url}" for path, url in self.urls.items() if path.startswith(f"/source-{source}/")]
        (folder / "feeds" / "test.yaml").write_text("\n".join(lines) + "\n")
        (folder / "rasad.yaml").write_text(
            "collect:\n  allow_private_hosts: [127.0.0.1]\n  per_host_spacing_seconds: 0\n"
        )


@dataclass
class Fleet:
    """Collector processes of one test."""

    config: Path
    environment: dict[str, str]
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str, name: str = "Rasad") -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "agent", "collect", "--config", str(self.config), *arguments],
                env={**self.environment, "RASAD_COLLECT__USER_AGENT": name},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        self.running.remove(process)

    def end(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.running:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)


@dataclass
class Raw:
    """What was published so far, read on as one goes."""

    settings: KafkaSettings
    articles: list[RawArticle] = field(default_factory=list)
    consumer: Any = None
    offsets: dict[TopicPartition, int] = field(default_factory=dict)

    def open(self) -> None:
        name = channels.RAW.full_name(self.settings.channel_prefix)
        self.consumer = KafkaConsumer(
            bootstrap_servers=self.settings.bootstrap_servers, auto_offset_reset="earliest", metrics_enabled=False
        )
        self.consumer.assign([TopicPartition(name, number) for number in range(PARTITIONS)])
        for partition, offset in self.offsets.items():
            self.consumer.seek(partition, offset)

    def close(self) -> None:
        """Let go of the broker: kafka-python leaves sockets open that it tries a dead one with."""
        self.consumer.close()

    @property
    def ids(self) -> set[str]:
        return {article.article_id for article in self.articles}

    def read(self, timeout_seconds: float = 0.5) -> None:
        found = self.consumer.poll(timeout_ms=int(timeout_seconds * 1000), max_records=5000)
        for partition, records in found.items():
            self.articles += [codec.decode(record.value, RawArticle) for record in records]
            self.offsets[partition] = records[-1].offset + 1

    def until(self, done: Callable[[], bool], fleet: Fleet, patience_seconds: float = PATIENCE_SECONDS) -> None:
        give_up = time.monotonic() + patience_seconds
        while not done():
            assert time.monotonic() < give_up, fleet.log.read_text()[-3000:]
            self.read()


@pytest.fixture
def settings(kafka: Kafka, unique_name: Callable[[str], str]) -> KafkaSettings:
    prefix = unique_name("collect") + "."
    found = KafkaSettings(bootstrap_servers=kafka.bootstrap, channel_prefix=prefix, partitions=PARTITIONS)
    make_channels(found, [channels.RAW, channels.BACKFILL, channels.FEED_STATE])
    return found


@pytest.fixture
def fleet(settings: KafkaSettings, tmp_path: Path) -> Iterator[Fleet]:
    environment = {
        **os.environ,
        "RASAD_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "RASAD_KAFKA__CHANNEL_PREFIX": settings.channel_prefix,
        "RASAD_KAFKA__PARTITIONS": str(PARTITIONS),
        "RASAD_WORKER__CONSUMER_GROUP": settings.channel_prefix + "group",
    }
    made = Fleet(tmp_path / "config", environment, tmp_path / "collect.log")
    yield made
    made.end()


@pytest.fixture
def raw(settings: KafkaSettings) -> Iterator[Raw]:
    reader = Raw(settings)
    reader.open()
    yield reader
    reader.close()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


def test_killed_collectors_lose_nothing_and_make_nothing_twice(
    server: FeedServer, fleet: Fleet, raw: Raw, settings: KafkaSettings
) -> None:
    feeds = GrowingFeeds(server, sources=12, feeds_per_source=4, entries=110, step=20)
    assert len(feeds.expected) >= 5_000
    feeds.write_config(fleet.config)
    processes = [fleet.start() for _ in range(2)]
    kills = 0
    for share in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85):
        raw.until(lambda share=share: len(raw.ids) >= share * len(feeds.expected), fleet)
        victim = processes.pop(0)
        fleet.kill(victim)
        kills += 1
        processes.append(fleet.start())
    raw.until(lambda: raw.ids >= feeds.expected, fleet)
    assert kills >= 5
    assert raw.ids == feeds.expected
    assert {article.revision for article in raw.articles} == {1}
    raw.until(lambda: _all_known(settings, feeds), fleet)
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(60) for process in processes] == [0, 0]

    # Whoever comes next knows everything: nothing is published again.
    published = len(raw.articles)
    assert fleet.start("--once").wait(120) == 0
    for _ in range(4):
        raw.read()
    assert len(raw.articles) == published


def _all_known(settings: KafkaSettings, feeds: GrowingFeeds) -> bool:
    states = read_states(settings)
    return {url: state.listed for url, state in states.items()} == dict.fromkeys(feeds.urls.values(), feeds.entries)


def test_a_dead_collectors_feeds_are_taken_over(
    server: FeedServer, fleet: Fleet, raw: Raw, settings: KafkaSettings
) -> None:
    feeds = GrowingFeeds(server, sources=12, feeds_per_source=1, entries=10, step=10)
    feeds.write_config(fleet.config)
    victim, survivor = fleet.start(), fleet.start()
    raw.until(lambda: raw.ids == feeds.expected, fleet)
    del survivor
    fleet.kill(victim)
    # Every feed has something new, and only the survivor is there to see it.
    feeds.entries, feeds.step = 20, 20
    start = time.monotonic()
    raw.until(lambda: raw.ids == feeds.expected, fleet)
    # A bound on liveness: ten seconds until the death is noticed, the rest is a slow machine's.
    assert time.monotonic() - start < 90
    assert {article.revision for article in raw.articles} == {1}


def test_a_broker_that_dies_in_mid_stream_costs_nothing(
    kafka: Kafka, server: FeedServer, fleet: Fleet, raw: Raw, settings: KafkaSettings
) -> None:
    feeds = GrowingFeeds(server, sources=12, feeds_per_source=2, entries=100, step=20)
    feeds.write_config(fleet.config)
    fleet.start()
    for share in (0.2, 0.6):
        raw.until(lambda share=share: len(raw.ids) >= share * len(feeds.expected), fleet)
        raw.close()
        kafka.restart(kill=True)
        raw.open()
    raw.until(lambda: raw.ids >= feeds.expected, fleet)
    assert raw.ids == feeds.expected
    assert {article.revision for article in raw.articles} == {1}


def test_feeds_of_one_source_are_polled_by_one_collector(
    server: FeedServer, fleet: Fleet, raw: Raw, settings: KafkaSettings
) -> None:
    def respond(request: Request) -> Answer:
        # The same three pages in both feeds of every source.
        source = request.path.split("/")[1]
        items = [item(f"{source}-{n}", link=f"https://gazette.example/{source}/{n}") for n in range(3)]
        return Answer(rss(*items).encode())

    feeds = GrowingFeeds(server, sources=10, feeds_per_source=2, entries=3, step=3)
    for path in feeds.urls:
        server.answers[path] = respond
    feeds.write_config(fleet.config)
    fleet.start()
    fleet.start()
    wanted = {article_id(canonical_url=f"https://gazette.example/source-{s}/{n}") for s in range(10) for n in range(3)}
    raw.until(lambda: raw.ids == wanted, fleet)
    raw.until(lambda: len(read_states(settings)) == len(feeds.urls), fleet)
    # A page comes from one of its feeds; from that one perhaps twice, should the two have changed hands meanwhile.
    assert len({(article.article_id, article.feed_url) for article in raw.articles}) == len(wanted)
    listed = subprocess.run(
        [sys.executable, "-m", "agent", "feeds", "list", "--on", "kafka", "--json", "--config", str(fleet.config)],
        env=fleet.environment,
        capture_output=True,
        check=True,
        timeout=120,
    )
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert {(row["outcome"], row["entries"]) for row in rows} == {("ok", 3)}
    assert sum(row["published"] for row in rows) == len(wanted)


def pollers(server: FeedServer, feeds: GrowingFeeds, polls: int) -> dict[str, set[str]]:
    """Wait until every feed was polled `polls` times from now on; return by whom, from the second time on."""
    start = {path: len(server.requests_for(path)) for path in feeds.urls}
    give_up = time.monotonic() + PATIENCE_SECONDS
    while any(len(server.requests_for(path)) < start[path] + polls for path in feeds.urls):
        assert time.monotonic() < give_up
        time.sleep(0.1)
    return {
        path: {r.headers["User-Agent"] for r in server.requests_for(path)[start[path] + 1 :]} for path in feeds.urls
    }


def test_a_frozen_collector_gives_way_and_comes_back(
    server: FeedServer, fleet: Fleet, raw: Raw, settings: KafkaSettings
) -> None:
    feeds = GrowingFeeds(server, sources=8, feeds_per_source=1, entries=10, step=10)
    feeds.write_config(fleet.config)
    frozen = fleet.start(name="frozen")
    fleet.start(name="other")
    raw.until(lambda: raw.ids == feeds.expected, fleet)
    give_up = time.monotonic() + PATIENCE_SECONDS
    while set().union(*pollers(server, feeds, 2).values()) != {"frozen", "other"}:  # both have a share
        assert time.monotonic() < give_up
    frozen.send_signal(signal.SIGSTOP)
    feeds.entries, feeds.step = 20, 20
    raw.until(lambda: raw.ids == feeds.expected, fleet)
    frozen.send_signal(signal.SIGCONT)
    # It learns that its feeds are no longer its own, and gets a share again; no feed stays with both.
    while True:
        found = pollers(server, feeds, 3)
        if all(len(who) == 1 for who in found.values()) and set().union(*found.values()) == {"frozen", "other"}:
            break
        assert time.monotonic() < give_up, found
    assert {article.revision for article in raw.articles} == {1}
    assert raw.ids == feeds.expected


def test_once_needs_kafka_and_channels_and_says_so(kafka: Kafka, fleet: Fleet, server: FeedServer) -> None:
    GrowingFeeds(server, sources=1, feeds_per_source=1, entries=1, step=1).write_config(fleet.config)
    fleet.environment["RASAD_KAFKA__CHANNEL_PREFIX"] = "nobody-made-these."
    assert fleet.start("--once").wait(120) == 3
    assert "run `rasad admin init`" in fleet.log.read_text()


def test_partition_of_a_source_is_fixed() -> None:
    # Written down, because a change would have every collector start from nothing.
    assert [partition_of(f"source-{n}", 8) for n in range(6)] == PARTITIONS_OF_SOURCES
    assert {partition_of(f"source-{n}", 8) for n in range(200)} == set(range(8))


PARTITIONS_OF_SOURCES = [5, 0, 0, 6, 7, 4]
