"""`rasad worker` as a process, on the real services: how it starts, what it does, how it ends, and what it does in outages."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.kafka_clients import KafkaAdmin
from deploy.dev.services import Elasticsearch, Kafka, Prometheus
from streams.channels import BACKFILL, CHANNELS, ENRICHED, RAW
from tests.integration.refusing_proxy import RefusingProxy
from tests.integration.worker_kit import Rig, edited, raw, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def make_rig(
    kafka: Kafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path
) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**given: Any) -> Rig:
        given = {"elasticsearch_url": elasticsearch.url, **given}
        made.append(Rig(unique_name("worker"), tmp_path / str(len(made)), kafka.bootstrap, **given))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    rig = make_rig()
    rig.init()
    return rig


def ends(rig: Rig) -> dict[str, int]:
    """Records ever written, by channel."""
    with KafkaAdmin(rig.settings.kafka) as admin:
        lags = admin.lag("nobody", [RAW, ENRICHED])
    return {channel.name: sum(lag.end for lag in parts.values()) for channel, parts in lags.items()}


def test_a_worker_that_is_first_waits_for_the_channels_and_says_what_to_do(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    worker = rig.worker()
    until(lambda: "run `rasad admin init`" in worker.said(), "advice")
    assert worker.get("/healthz")[0] == 200
    assert worker.get("/readyz")[0] == 503
    assert "created" in rig.rasad("admin", "init").stdout
    until(worker.is_ready, "the worker to go on")
    rig.send([raw(1)])
    rig.wait_for([raw(1).article_id])
    assert worker.stop() == 0


def test_an_article_passes_through_all_stages_and_is_measured_on_its_way(
    rig: Rig, prometheus: Callable[[list[str]], Prometheus]
) -> None:
    worker = rig.worker()
    until(worker.is_ready, "a worker")
    scraper = prometheus([worker.metrics_url().removeprefix("http://")])
    rig.send([raw(number) for number in range(30)])
    rig.send([edited(3)])
    rig.send([raw(100, title="From the archive")], BACKFILL)
    documents = rig.wait_for([raw(number).article_id for number in [*range(30), 100]])
    until(lambda: rig.lag() == 0, "all channels to be finished")

    [late] = documents[raw(100).article_id]
    assert late["source"]["is_backfill"] is True, "what comes by the backfill channel is backfill, whatever it says"
    [hit] = rig.documents()[edited(3).article_id]
    assert hit["source"]["revision"] == 2
    assert hit["source"]["indexed_at"] >= hit["source"]["storied_at"] >= hit["source"]["enriched_at"]

    scraper.wait_for('sum(rasad_articles_total{stage="index"}) >= 32')
    scraper.wait_for('rasad_queue_depth{queue="index"} == 0')
    scraper.wait_for('sum(rasad_consumer_lag_records{channel="raw"}) == 0')
    scraper.wait_for('rasad_stage_duration_seconds_count{stage="enrich"} >= 32')
    scraper.wait_for('rasad_latency_seconds_count{since="collected",stage="index"} >= 31')
    scraper.wait_for("rasad_quarantine_records == 0")
    scraper.wait_for('sum(rasad_bulk_items_total{outcome="created"}) >= 31')


def test_stages_may_run_in_different_processes(rig: Rig) -> None:
    workers = [rig.worker("--stages", stage) for stage in ("enrich", "story", "index")]
    rig.send([raw(number) for number in range(200)])
    rig.wait_for([raw(number).article_id for number in range(200)])
    assert [worker.stop() for worker in workers] == [0, 0, 0]


def test_sigterm_finishes_and_commits_so_that_nothing_is_done_twice(rig: Rig) -> None:
    # Here a worker that is only slow must not lose its partitions.
    patient = {"RASAD_WORKER__SESSION_SECONDS": "15"}
    worker = rig.worker(**patient)
    rig.send([raw(number) for number in range(1000)])
    until(lambda: worker.metric("rasad_articles_total", stage="enrich") > 0, "work to have begun")
    assert worker.stop() == 0
    again = rig.worker(**patient)
    rig.wait_for([raw(number).article_id for number in range(1000)])
    until(lambda: rig.lag() == 0, "all channels to be finished")
    assert ends(rig) == {"raw": 1000, "enriched": 1000}
    assert again.stop() == 0


def test_a_frozen_worker_loses_its_partitions_and_comes_back_without_harm(rig: Rig) -> None:
    frozen = rig.worker()
    until(frozen.is_ready, "a worker")
    rig.send([raw(number) for number in range(600)])
    until(lambda: frozen.metric("rasad_articles_total", stage="enrich") > 0, "work to have begun")
    frozen.process.send_signal(signal.SIGSTOP)
    other = rig.worker()
    rig.wait_for([raw(number).article_id for number in range(600)])
    frozen.process.send_signal(signal.SIGCONT)
    rig.send([raw(number) for number in range(600, 900)])
    documents = rig.wait_for([raw(number).article_id for number in range(900)])
    assert all(len(hits) == 1 for hits in documents.values())
    until(lambda: rig.lag() == 0, "all channels to be finished")
    assert [frozen.stop(), other.stop()] == [0, 0]


def test_a_worker_waits_for_kafka_at_the_start_and_in_mid_stream(rig: Rig, kafka: Kafka) -> None:
    kafka.stop()
    worker = rig.worker()
    until(lambda: "cannot be reached" in worker.said(), "word of the missing broker")
    assert worker.get("/readyz")[0] == 503
    kafka.start()
    until(worker.is_ready, "the worker to go on")
    rig.send([raw(1)])
    rig.wait_for([raw(1).article_id])
    kafka.kill()
    time.sleep(3)  # long enough that its requests fail; whether they do does not matter below
    kafka.start()
    rig.send([raw(2)])
    rig.wait_for([raw(2).article_id])
    assert worker.process.poll() is None, "the same process"


def test_sigterm_is_obeyed_while_kafka_is_away(rig: Rig, kafka: Kafka) -> None:
    worker = rig.worker()
    until(worker.is_ready, "a worker")
    kafka.kill()
    time.sleep(1)
    assert worker.stop() == 0


def test_a_worker_waits_for_elasticsearch(rig: Rig, elasticsearch: Elasticsearch) -> None:
    worker = rig.worker()
    until(worker.is_ready, "a worker")
    elasticsearch.kill()
    # More than a worker keeps in memory: the rest stays with Kafka, and a worker that joins now gets its share of it.
    count = 2_500
    now = datetime.now(UTC)  # of old articles the story stage would ask the store, and wait as well
    rig.send([raw(number, published_at=now, collected_at=now) for number in range(count)])
    until(lambda: worker.metric("rasad_articles_total", stage="story") >= count, "the other stages to go on meanwhile")
    other = rig.worker()
    until(other.is_ready, "the other one to get a share")
    elasticsearch.start()
    documents = rig.wait_for([raw(number).article_id for number in range(count)])
    assert all(len(hits) == 1 for hits in documents.values())
    assert rig.quarantined() == []
    assert [worker.stop(), other.stop()] == [0, 0]


def test_a_store_that_refuses_us_raises_the_alarm_and_loses_nothing(
    make_rig: Callable[..., Rig], elasticsearch: Elasticsearch
) -> None:
    with RefusingProxy(elasticsearch.url) as proxy:
        rig = make_rig(elasticsearch_url=proxy.url)
        rig.init()
        worker = rig.worker()
        until(worker.is_ready, "a worker")
        proxy.is_locked = True
        now = datetime.now(UTC)  # of old articles the story stage would ask the store as well
        rig.send([raw(number, published_at=now, collected_at=now) for number in range(50)])
        until(lambda: worker.metric("rasad_stage_halted", stage="index") == 1, "the alarm")
        until(lambda: worker.get("/readyz")[0] == 503, "not to be ready")
        assert "ERROR" in worker.said() and "refuses our credentials" in worker.said()
        until(lambda: rig.lag() >= 50, "the articles to wait on their channel")
        proxy.is_locked = False
        rig.wait_for([raw(number).article_id for number in range(50)])
        until(worker.is_ready, "to be ready again")
        assert worker.metric("rasad_stage_halted", stage="index") == 0
        assert rig.quarantined() == []


def test_faulty_configuration_starts_nothing(rig: Rig) -> None:
    folder = Path(rig.environment["RASAD_CONFIG"])
    (folder / "topics").mkdir()
    (folder / "topics" / "bad.yaml").write_text(
        "topics:\n  - id: Bad Id\n    name: x\n    query: '(a'\n", encoding="utf-8"
    )
    (folder / "rasad.yaml").write_text("worker: {batch_articles: 0}\n", encoding="utf-8")
    done = rig.rasad("worker", check=False)
    assert done.returncode == 2
    assert "bad.yaml:2" in done.stderr and "rasad.yaml:1" in done.stderr
    assert rig.rasad("worker", "--stages", "enrich,sing", check=False).returncode == 2


def test_admin_init_may_be_repeated_and_reports_what_differs(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    assert rig.rasad("admin", "init").stdout.count(": created") == len(CHANNELS)
    assert rig.rasad("admin", "init").stdout.count(": exists") == len(CHANNELS)
    rig.environment["RASAD_KAFKA__PARTITIONS"] = "5"
    rig.environment["RASAD_KAFKA__MAX_MESSAGE_BYTES"] = "3000000"
    changed = rig.rasad("admin", "init").stdout
    assert "partitions is 4, should be 5" in changed
    assert "max.message.bytes is 2000000, should be 3000000" in changed
    rig.rasad("admin", "init", "--mend")
    mended = rig.rasad("admin", "init").stdout
    assert "max.message.bytes" not in mended and "partitions is 4, should be 5" in mended


def test_commands_say_which_service_is_away(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.environment["RASAD_KAFKA__BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
    for command in (["admin", "init"], ["quarantine", "list"]):
        done = rig.rasad(*command, check=False)
        assert (done.returncode, done.stdout) == (3, "")
        assert "Kafka cannot be reached at 127.0.0.1:1" in done.stderr and "Traceback" not in done.stderr


def test_doctor_finds_what_is_missing_and_then_nothing(make_rig: Callable[..., Rig]) -> None:
    import json

    rig = make_rig()
    before = rig.rasad("doctor", "--json", check=False)
    assert before.returncode == 1
    found = {finding["check"]: finding for finding in json.loads(before.stdout)}
    assert found["channels"]["level"] == "fault" and "rasad admin init" in found["channels"]["advice"]
    assert found["elasticsearch"]["level"] == "fault" and "template" in found["elasticsearch"]["detail"]
    rig.init()
    rig.send([raw(1)])
    after = rig.rasad("doctor", "--json")
    found = {finding["check"]: finding for finding in json.loads(after.stdout)}
    assert {found[check]["level"] for check in ("config", "kafka", "channels", "elasticsearch", "quarantine")} == {"ok"}
    assert found["lag"]["level"] == "warning" and "rasad worker" in found["lag"]["advice"]
