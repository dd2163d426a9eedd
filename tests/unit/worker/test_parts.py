"""The parts around the runner: works, watchdog, consumer, app, and what keeps a stage running."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from streams import codec
from streams.channels import ARTICLES, BACKFILL, ENRICHED, RAW, Channel
from streams.faust_app.options import KafkaOptions, WorkerOptions
from streams.faust_app.stage_worker import StageWorker
from streams.faust_app.watchdog import LoopWatchdog
from streams.faust_app.work import IndexWork, Item, Output, StageWork, Stored
from streams.metrics import Metrics
from streams.model import Article, RawArticle
from streams.pipeline import Rejected, Stage
from streams.stores.base import Verdict
from tests.unit.worker.fakes import NOW, Work, raw

STAGE = Stage("enrich", (RAW, BACKFILL), ENRICHED, RawArticle, lambda record: record)


def article(number: int) -> Article:
    given = raw(number)
    fields = {name: getattr(given, name) for name in RawArticle.__struct_fields__}
    return Article(**fields, enriched_at=NOW, storied_at=NOW)


async def test_a_stage_runs_in_a_thread_of_its_own_and_rejects_without_raising() -> None:
    threads = set()

    def note(record: RawArticle) -> RawArticle:
        threads.add(threading.current_thread().name)
        return record

    stage = Stage("enrich", (RAW,), ENRICHED, RawArticle, note)
    with ThreadPoolExecutor(1, "stages") as executor:
        results = await StageWork(stage, executor)([Item(codec.encode(raw(1)), RAW), Item(b"poison", RAW)])
    assert isinstance(results[0], Output) and results[0].record == raw(1)
    assert isinstance(results[1], Rejected) and results[1].reason == "undecodable"
    assert threads == {"stages_0"}


async def test_what_travels_on_the_backfill_channel_is_backfill() -> None:
    with ThreadPoolExecutor(1) as executor:
        work = StageWork(STAGE, executor)
        [late, live] = await work([Item(codec.encode(raw(1)), BACKFILL), Item(codec.encode(raw(1)), RAW)])
    assert isinstance(late, Output) and isinstance(live, Output)
    assert late.record.is_backfill and codec.decode(late.payload, RawArticle).is_backfill
    assert not live.record.is_backfill


async def test_the_index_keeps_the_order_of_verdicts_among_poison() -> None:
    class Store:
        async def write(self, articles: Sequence[Article]) -> list[Verdict]:
            outcomes = {
                article(1).article_id: "created",
                article(2).article_id: "refused",
                article(3).article_id: "stale",
            }
            return [Verdict(a.article_id, outcomes[a.article_id], "a field is too long") for a in articles]  # type: ignore[arg-type]

    store: Any = Store()
    payloads = [
        codec.encode(article(1)),
        b"poison",
        codec.encode(article(2)),
        codec.encode(raw(4)),
        codec.encode(article(3)),
    ]
    results = await IndexWork(store)([Item(payload, ARTICLES) for payload in payloads])
    assert [type(result).__name__ for result in results] == ["Stored", "Rejected", "Rejected", "Rejected", "Stored"]
    refused = results[2]
    assert isinstance(refused, Rejected)
    assert (refused.stage, refused.reason, refused.detail) == ("index", "refused_by_store", "a field is too long")
    assert isinstance(results[4], Stored) and results[4].record == article(3)


async def test_the_watchdog_notices_a_loop_that_stands_still_and_none_that_runs() -> None:
    stuck: list[str] = []
    noticed = threading.Event()

    def note(reason: str) -> None:
        stuck.append(reason)
        noticed.set()

    dog = LoopWatchdog(0.5, note)
    with dog:
        beats = set()
        while len(beats) < 20:
            beats.add(dog._last_beat)
            await asyncio.sleep(0.05)
        # A machine that stands still for seconds is a loop that stands still; between two beats it was not.
        assert not stuck or max(b - a for a, b in pairwise(sorted(beats))) > 0.5
        await asyncio.sleep(0)
        assert noticed.wait(60), "the loop stood still, and nobody noticed"  # this is what holds it up
    assert "event loop" in stuck[0]


def test_a_stuck_process_ends_with_its_own_exit_code_and_says_so() -> None:
    program = (
        "import asyncio, time, logging\n"
        "logging.basicConfig()\n"
        "from streams.faust_app.watchdog import LoopWatchdog\n"
        "async def main():\n"
        "    with LoopWatchdog(0.2):\n"
        "        await asyncio.sleep(0.1)\n"
        "        time.sleep(120)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 75
    assert "start this worker again" in done.stderr and "time.sleep" not in done.stdout
    assert "most recent call first" in done.stderr, "what every thread is doing belongs into the log"


def test_an_acknowledgement_counts_only_in_the_generation_of_its_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.faust_app.transport import OneGenerationConsumer, driver

    accepted: list[int] = []

    def accept(_self: Any, message: Any) -> bool:
        accepted.append(message.offset)
        return True

    monkeypatch.setattr(driver.Consumer, "ack", accept)
    consumer = OneGenerationConsumer.__new__(OneGenerationConsumer)
    consumer.app = SimpleNamespace(consumer_generation_id=4)
    consumer.flow_active = True
    assert consumer.ack(SimpleNamespace(generation_id=4, offset=1)) is True
    assert consumer.ack(SimpleNamespace(generation_id=3, offset=2)) is False
    consumer.flow_active = False
    assert consumer.ack(SimpleNamespace(generation_id=4, offset=3)) is False
    assert accepted == [1]


class Room:
    """A channel of Faust, as far as its conductor knows one."""

    key_type = value_type = bytes

    def __init__(self, queue: Any) -> None:
        self.queue = queue
        self.put = queue.put

    async def decode(self, message: Any, *, propagate: bool) -> Any:
        return message


async def test_a_full_buffer_holds_the_consumer_up_and_stops_no_partition() -> None:
    from faust.types import TP
    from mode.utils.queues import ThrowableQueue

    from streams.app import make_app
    from tests.unit.worker.fakes import App, runner_for

    work = Work()
    app = make_app(work, runner_for(work, App())[0], KafkaOptions(("127.0.0.1:1",)), WorkerOptions())
    app.flow_control.resume()
    room = Room(ThrowableQueue(app.conf.stream_buffer_maxsize, flow_control=app.flow_control))
    place = TP("rasad.raw", 0)
    deliver = app.topics._build_handler(place, {room})

    def message(number: int) -> Any:
        return SimpleNamespace(offset=number, refcount=0)

    for number in range(app.conf.stream_buffer_maxsize):
        await asyncio.wait_for(deliver(message(number)), 30)
    one_more = asyncio.create_task(deliver(message(app.conf.stream_buffer_maxsize)))
    await asyncio.sleep(0.05)
    assert not one_more.done() and room.queue.qsize() == app.conf.stream_buffer_maxsize, "no more is kept in memory"
    assert app.consumer._buffered_partitions == set(), "fetching goes on as soon as there is room"
    assert (await room.queue.get()).offset == 0
    await asyncio.wait_for(one_more, 30)
    app.consumer._thread.thread_loop.close()  # of the thread that this consumer would have started


def test_faust_neither_reads_our_arguments_nor_our_environment(tmp_path: Any) -> None:
    program = (
        "import sys, os, asyncio\n"
        "sys.argv = ['rasad', 'worker', '--datadir', '/nowhere', '-L', 'uvloop']\n"
        "from streams.app import make_app\n"
        "from streams.faust_app.options import KafkaOptions, WorkerOptions\n"
        "from tests.unit.worker.fakes import Work, App, runner_for\n"
        "async def main():\n"
        "    work = Work()\n"
        "    app = make_app(work, runner_for(work, App())[0], KafkaOptions(('h:1', '[::1]:2')), WorkerOptions())\n"
        "    c = app.conf\n"
        "    print(c.id, [str(b) for b in c.broker], c.web_enabled, c.stream_wait_empty, c.broker_commit_interval,\n"
        "          c.topic_allow_declare, c.datadir, sys.argv[1:3], os.environ['FAUST_LOOP'], list(app.agents))\n"
        "asyncio.run(main())\n"
    )
    environment = {
        **os.environ,
        "FAUST_LOOP": "gevent",
        "FAUST_BLOCKING_TIMEOUT": "no number",
        "STREAM_WAIT_EMPTY": "1",
        "BROKER_COMMIT_INTERVAL": "900",
        "APP_WEB_ENABLED": "1",
        "DJANGO_SETTINGS_MODULE": "nothing.here",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == (
        "rasad.enrich ['kafka://h:1', 'kafka://[::1]:2'] False False 0.5 False rasad.enrich-data ['worker', '--datadir'] "
        "gevent ['rasad.enrich']"
    )


class Probe:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.absent: list[list[str] | Exception] = []
        self.lags: Mapping[Channel, Mapping[int, tuple[int, int | None]]] = {}
        self.looks = 0
        self.before: Callable[[], None] = lambda: None
        """Called before each answer."""

    def missing(self, wanted: Sequence[Channel]) -> list[str]:
        self.before()
        answer = self.absent.pop(0) if self.absent else []
        if isinstance(answer, Exception):
            raise answer
        return answer

    def lag(self, group: str, read: Sequence[Channel]) -> Mapping[Channel, Mapping[int, tuple[int, int | None]]]:
        self.looks += 1
        self.before()
        return self.lags

    async def looked(self, times: int) -> None:
        """Wait until the lag was looked at so often from now on."""
        goal = self.looks + times
        async with asyncio.timeout(60):
            while self.looks < goal:  # noqa: ASYNC110  (counted in another thread)
                await asyncio.sleep(0.005)


def stage_worker(probe: Probe, **options: Any) -> tuple[StageWorker, Metrics]:
    metrics = Metrics()
    given = {"lag_seconds": 0.005, "stuck_seconds": 0.05, "retry_seconds": 0.01, **options}
    return StageWorker(
        Work(), KafkaOptions(("127.0.0.1:1",)), WorkerOptions(**given), metrics, lambda: NOW, probe
    ), metrics


async def test_a_worker_waits_for_kafka_and_for_its_channels_and_says_what_to_do() -> None:
    probe = Probe()
    probe.absent = [OSError("Kafka cannot be reached"), ["rasad.raw", "rasad.enriched"], []]
    worker, _ = stage_worker(probe)
    said: list[str | None] = []
    probe.before = lambda: said.append(worker.reason_not_ready())
    assert await worker._channels_exist(asyncio.Event()) is True
    assert said[1:] == [
        "enrich: Kafka cannot be reached",
        "enrich: channels are missing (rasad.raw, rasad.enriched): run `rasad admin init`",
    ]


async def test_waiting_for_channels_ends_when_the_worker_is_stopped() -> None:
    probe = Probe()
    probe.absent = [OSError("away")] * 1000
    worker, _ = stage_worker(probe)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    async with asyncio.timeout(30):
        await worker.run(stop)


@pytest.mark.parametrize(
    ("lag", "own", "is_stuck"),
    [
        pytest.param({RAW: {0: (5, 10)}}, {("rasad.raw", 0)}, True, id="records wait on a partition of its own"),
        pytest.param({RAW: {0: (0, 10), 1: (5, 3)}}, {("rasad.raw", 0)}, False, id="they wait for another worker"),
        pytest.param({RAW: {0: (5, 10)}}, set(), True, id="nobody makes progress, and it has no partitions"),
        pytest.param({RAW: {0: (0, 10)}}, {("rasad.raw", 0)}, False, id="there is nothing to do"),
    ],
)
async def test_a_consumer_without_progress_is_restarted_only_if_records_wait_for_it(
    lag: dict[Channel, dict[int, tuple[int, int | None]]], own: set[tuple[str, int]], is_stuck: bool
) -> None:
    probe = Probe()
    probe.lags = lag
    worker, metrics = stage_worker(probe)
    places = [SimpleNamespace(topic=topic, partition=partition) for topic, partition in own]
    worker._app = SimpleNamespace(consumer=SimpleNamespace(assignment=lambda: places))
    worker.state.last_progress = time.monotonic() - 1000
    watching = asyncio.create_task(worker.watch())
    if is_stuck:
        async with asyncio.timeout(30):
            await worker._restart.wait()
    else:
        await probe.looked(3)
        await asyncio.sleep(0.1)  # longer than it takes to be stuck
        await probe.looked(2)
        assert not worker._restart.is_set()
    watching.cancel()
    records = {p: n for parts in lag.values() for p, (n, _) in parts.items()}
    for partition, count in records.items():
        labels = {"channel": "raw", "partition": str(partition)}
        assert metrics.registry.get_sample_value("rasad_consumer_lag_records", labels) == count


async def test_progress_of_the_group_or_a_batch_in_hand_is_no_reason_to_restart() -> None:
    probe = Probe()
    worker, _ = stage_worker(probe)
    worker._app = SimpleNamespace(consumer=SimpleNamespace(assignment=lambda: []))

    def progress() -> None:
        probe.lags = {RAW: {0: (5, probe.looks)}}

    probe.before = progress
    watching = asyncio.create_task(worker.watch())
    await probe.looked(30)
    assert not worker._restart.is_set()
    worker.state.busy_since, worker.state.waiting_for = time.monotonic(), "Kafka"
    probe.before = lambda: None
    await probe.looked(3)
    await asyncio.sleep(0.1)
    await probe.looked(2)
    assert not worker._restart.is_set()
    watching.cancel()


async def test_a_stage_that_waits_is_not_ready() -> None:
    worker, _ = stage_worker(Probe())
    worker._not_running = None
    assert worker.reason_not_ready() is None
    worker.state.halted = "401: set elasticsearch.api_key"
    assert worker.reason_not_ready() == "enrich: 401: set elasticsearch.api_key"
    worker.state.progressed(1)
    assert worker.reason_not_ready() is None
    worker.state.busy_since = time.monotonic() - 3600
    assert "takes very long" in (worker.reason_not_ready() or "")
