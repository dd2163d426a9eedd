"""Alerts: from decided to delivered, while articles come at a fixed rate; alone, and beside a replay.

Wall clock, from when an alert was decided to when its receiver has it; on a machine that is busy otherwise it says
little.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec

from agent.alerts.load import AlertConfig
from agent.config_files import Faults
from bench.articles import placed
from bench.figures import figure
from streams.alerts.rules import RuleSet
from streams.definitions import Definitions, RuleDefinition
from streams.identity import article_id
from streams.model import Article, RawArticle
from streams.pipeline import Pipeline, utc_now

SECONDS, PER_SECOND = int(os.environ.get("SECONDS_OF_ALERTS", "20")), 200
ALERT_EVERY = 5
"""One article in so many begins a story that a rule matches: forty alerts a second."""


def latencies() -> dict[str, Any]:
    """Return the figures of both runtimes."""
    alone = asyncio.run(embedded())
    beside = asyncio.run(embedded(beside_a_replay=True))
    return alone | beside | _slowed_by(alone, beside) | _distributed()


class _Receiver:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.url = ""


@contextmanager
def _receiving() -> Iterator[_Receiver]:
    receiver = _Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            now = datetime.now(UTC)
            for alert in body["alerts"]:
                receiver.seconds.append((now - datetime.fromisoformat(alert["created_at"])).total_seconds())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def _stream(count: int = SECONDS * PER_SECOND, word: str = "alertword") -> list[RawArticle]:
    """Articles that are no copies of one another; one in `ALERT_EVERY` has `word`, for which the rule looks."""
    made = []
    for number in range(count):
        found = f" {word} w{number}" if number % ALERT_EVERY == 0 else ""
        url = f"https://bench.example/{word}/{number}"
        text = " ".join(f"n{number}x{place}" for place in range(20))
        made.append(
            RawArticle(
                article_id=article_id(canonical_url=url), url=url, title=f"Report {number}{found}", text=text,
                source_id=f"s{number % 40}", collected_at=utc_now(),
            )
        )  # fmt: skip
    return made


def _percentiles(name: str, seconds: Sequence[float]) -> dict[str, Any]:
    if len(seconds) < 2:
        return {f"matched to delivered, {name}": "nothing was delivered"}
    cuts = statistics.quantiles(seconds, n=100)
    return {
        f"matched to delivered, {name}, p50 s": figure(cuts[49]),
        f"matched to delivered, {name}, p99 s": figure(cuts[98], at_most=1),
        f"alerts delivered, {name}": len(seconds),
    }


_P99 = "p99 s"
_REPLAYED = 20_000


def _slowed_by(alone: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    both = [next((one["value"] for name, one in each.items() if name.endswith(_P99)), None) for each in (alone, beside)]
    if None in both:
        return {}
    return {"matched to delivered, embedded, p99 beside a replay over p99 without": figure(both[1] / both[0])}


@contextmanager
def _replaying(folder: Path) -> Iterator[None]:
    """Run `rasad replay` on the store of `folder`, again and again, while the block runs."""
    environment = {**os.environ, "RASAD_CONFIG": str(folder), "RASAD_STORE__PATH": str(folder / "r.sqlite")}
    (folder / "topics").mkdir()
    (folder / "topics" / "a.yaml").write_text(
        "- {id: replayed, name: N, query: report, min_score: 0}\n", encoding="utf-8"
    )
    command = f"while {sys.executable} -m agent replay --from 2026-01-01 --to 2026-03-01 --restart; do :; done"
    with (folder / "replay.log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command], env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            time.sleep(5)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _old_articles() -> list[Article]:
    articles = []
    for number, raw in enumerate(_stream(_REPLAYED, word="old")):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=2 * number)
        articles.append(placed(msgspec.structs.replace(raw, published_at=moment, collected_at=moment)))
    return articles


async def embedded(*, beside_a_replay: bool = False) -> dict[str, Any]:
    from agent.alerts.destinations import DestinationDefinition
    from agent.alerts.embedded import EmbeddedAlerts
    from agent.alerts.senders import sender_maker
    from agent.collect.records import Delivery
    from agent.collect.state import FeedState
    from agent.embedded import EmbeddedSink
    from agent.settings import AlertSettings, Settings
    from streams.metrics import Metrics
    from streams.stores.base import Search
    from streams.stores.sqlite import SqliteStore

    os.environ["RASAD_ALERT_SECRET_BENCH"] = "bench"  # noqa: S105  (no secret)
    settings = Settings(alerts=AlertSettings(allow_private_hosts=("127.0.0.1",)))
    rules = RuleSet([RuleDefinition(id="bench", name="Bench", query="alertword", channels=("ops",))])
    with _receiving() as ops, tempfile.TemporaryDirectory() as folder:
        ops_hook = DestinationDefinition(
            id="ops", kind="webhook", url=ops.url, credentials="bench", per_minute=60_000.0
        )
        store, metrics = SqliteStore(Path(folder) / "r.sqlite"), Metrics()
        replaying: AbstractContextManager[None] = nullcontext()
        if beside_a_replay:
            old = _old_articles()
            for start in range(0, len(old), 1000):
                await store.write(old[start : start + 1000])
            replaying = _replaying(Path(folder))
        config = AlertConfig(rules, {"ops": ops_hook}, ())
        with replaying:
            async with EmbeddedAlerts(config, store, sender_maker(settings), metrics) as alerts:
                sink = EmbeddedSink(Pipeline(Definitions(), keeps_state=True), store, metrics, alerts=alerts)
                articles, began = _stream(), time.perf_counter()
                tasks = []
                for start in range(0, len(articles), 20):
                    batch = articles[start : start + 20]
                    state = FeedState(feed_url=f"https://x.example/{start}", source_id="x")
                    tasks.append(asyncio.create_task(sink.deliver([Delivery(state=state, articles=tuple(batch))])))
                    await asyncio.sleep(max(0.0, began + (start + 20) / PER_SECOND - time.perf_counter()))
                await asyncio.gather(*tasks)
                await alerts.deliverer.drain(30)
                await sink.close()
        relabelled = (await store.summarize(Search(topic="replayed"))).articles
        await store.close()
    if not beside_a_replay:
        return _percentiles(f"embedded, {PER_SECOND} articles/s", ops.seconds)
    return {
        **_percentiles(f"embedded, {PER_SECOND} articles/s, beside a replay", ops.seconds),
        "articles that were replayed meanwhile": relabelled,
    }


def _distributed() -> dict[str, Any]:
    from deploy.dev.stack import Stack

    with Stack.temporary(full_jit=True) as stack, _receiving() as ops, tempfile.TemporaryDirectory() as folder:
        kafka = stack.kafka()
        for name, text in (
            ("alerts", "- {id: bench, name: Bench, query: alertword, channels: [ops]}\n"),
            (
                "destinations",
                f"- {{id: ops, kind: webhook, url: '{ops.url}', credentials: bench, per_minute: 60000}}\n",
            ),
        ):
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "a.yaml").write_text(text, encoding="utf-8")
        environment = {
            **os.environ, "RASAD_CONFIG": folder, "RASAD_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
            "RASAD_ALERT_SECRET_BENCH": "bench", "RASAD_ALERTS__ALLOW_PRIVATE_HOSTS": "127.0.0.1",
            "RASAD_KAFKA__PARTITIONS": "4",
        }  # fmt: skip
        settings = _settings(Path(folder), environment)
        from agent.admin import make_channels

        make_channels(settings.kafka)
        commands = (["worker", "--stages", "alert"], ["deliver", "--no-index"])
        processes = [
            subprocess.Popen([sys.executable, "-m", "agent", *one], env=environment, stderr=subprocess.DEVNULL)
            for one in commands
        ]
        try:
            _publish(settings, ops)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(60)
    return _percentiles(f"distributed, {PER_SECOND} articles/s", ops.seconds)


def _settings(folder: Path, environment: dict[str, str]) -> Any:
    from agent.settings import load_settings

    faults = Faults()
    settings = load_settings(folder, faults, environment)
    faults.check()
    return settings


def _publish(settings: Any, ops: _Receiver) -> None:
    from kafka import KafkaProducer

    from agent.kafka_clients import client_options
    from streams import codec
    from streams.channels import ARTICLES

    topic = ARTICLES.full_name(settings.kafka.channel_prefix)
    articles = [placed(raw) for raw in _stream()]
    producer = KafkaProducer(**client_options(settings.kafka), acks="all")
    # The first alert tells that both processes are there.
    warm = placed(_stream()[0])
    deadline = time.monotonic() + 120
    number = 0
    while not ops.seconds and time.monotonic() < deadline:
        number += 1
        identity = article_id(canonical_url=f"https://warm.example/{number}")
        one = codec.encode(_replaced(warm, identity))
        producer.send(topic, one, key=identity.encode()).get(timeout=30)
        time.sleep(1)
    time.sleep(5)
    ops.seconds.clear()
    began = time.perf_counter()
    for place, article in enumerate(articles):
        producer.send(topic, codec.encode(article), key=article.article_id.encode())
        if place % 20 == 19:
            time.sleep(max(0.0, began + (place + 1) / PER_SECOND - time.perf_counter()))
    producer.flush()
    wanted = len(articles) // ALERT_EVERY
    deadline = time.monotonic() + 60
    while len(ops.seconds) < wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    producer.close(timeout=5)


def _replaced(article: Article, identity: str) -> Article:
    import msgspec

    return msgspec.structs.replace(article, article_id=identity)
