"""A real Prometheus scrapes real processes: the embedded agent, and a worker between a real Kafka and a real Elasticsearch."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.feed_server import feed_server
from streams import channels, codec
from streams.identity import article_id
from streams.model import RawArticle
from tests.integration.worker_kit import until

pytestmark = pytest.mark.services

METRICS_LINE = re.compile(r"metrics: (http://127\.0\.0\.1:(\d+)/metrics)")


@contextmanager
def running(arguments: list[str], environment: dict[str, str], log: Path) -> Iterator[str]:
    """A real `rasad` process; gives the address that it says its metrics are on."""
    # To a file: a pipe that nobody reads would hold the process up once it is full.
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", *arguments], stderr=output, env={**os.environ, **environment}
        )
    try:

        def address() -> str | None:
            said = log.read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, f"it ended without serving metrics:\n{said}"
            found = METRICS_LINE.search(said)
            return f"127.0.0.1:{found[2]}" if found else None

        yield until(address, "an address for metrics") or ""
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def configure(folder: Path, urls: list[str]) -> None:
    (folder / "feeds").mkdir(parents=True)
    (folder / "topics").symlink_to(Path("config/topics").resolve())
    (folder / "rasad.yaml").write_text(
        "collect: {interval_seconds: 5, allow_private_hosts: ['127.0.0.1']}\n", encoding="utf-8"
    )
    lines = [f"  - {{id: s{n}, name: S{n}, url: '{url}'}}" for n, url in enumerate(urls)]
    (folder / "feeds" / "f.yaml").write_text("sources:\n" + "\n".join(lines) + "\n", encoding="utf-8")


def test_the_embedded_agent(prometheus: Callable[..., Any], tmp_path: Path) -> None:
    with feed_server(feeds=3, entries=10, tokens=60) as urls:
        configure(tmp_path / "config", [*urls, urls[0].rsplit("/", 1)[0] + "/nothing"])
        arguments = [
            "run",
            "--config",
            str(tmp_path / "config"),
            "--store",
            str(tmp_path / "r.sqlite"),
            "--metrics-port",
            "0",
        ]
        with running(arguments, {}, tmp_path / "log") as address:
            server = prometheus([address])
            server.wait_for('sum(rasad_articles_total{stage="index"}) == 30')
            server.wait_for('rasad_fetches_total{outcome="http_error"} >= 1')
            server.wait_for('rasad_fetches_total{outcome="not_modified"} >= 1')
            assert server.value("sum(rasad_articles_published_total)") == 30
            assert server.value('sum(rasad_entries_total{outcome="new"})') == 30
            assert server.value('rasad_latency_seconds_count{since="published", stage="index"}') == 30
            assert server.value('count(rasad_articles_total{stage="enrich"})') >= 5
            assert server.value("rasad_build_info") == 1
            assert server.value("process_resident_memory_bytes") > 0
            assert server.value('rasad_feeds{state="failing"}') == 1


def test_a_worker(
    kafka: Any, elasticsearch: Any, prometheus: Callable[..., Any], unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    from kafka import KafkaProducer

    prefix = unique_name("prom") + "."
    environment = {
        "RASAD_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "RASAD_KAFKA__CHANNEL_PREFIX": prefix,
        "RASAD_KAFKA__PARTITIONS": "2",
        "RASAD_ELASTICSEARCH__URL": elasticsearch.url,
        "RASAD_ELASTICSEARCH__INDEX_PREFIX": unique_name("prom").lower(),
        "RASAD_WORKER__CONSUMER_GROUP": prefix,
    }
    subprocess.run(
        [sys.executable, "-m", "agent", "admin", "init"],
        check=True,
        env={**os.environ, **environment},
        capture_output=True,
    )
    now = datetime.now(UTC)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    for number in range(40):
        url = f"https://prom.example/{number}"
        article = RawArticle(
            article_id=article_id(canonical_url=url), canonical_url=url, title="Türkiye ve Suriye normalleşme görüşmesi",
            text="Türkiye ile Suriye arasında normalleşme görüşmesi Moskova'da yapıldı.", collected_at=now, published_at=now,
        )  # fmt: skip
        producer.send(prefix + channels.RAW.name, key=article.article_id.encode(), value=codec.encode(article))
    producer.send(prefix + channels.RAW.name, key=b"poison", value=b"\xff not a record")
    producer.flush()
    producer.close()
    with running(["worker", "--metrics-port", "0"], environment, tmp_path / "log") as address:
        server = prometheus([address])
        server.wait_for('sum(rasad_bulk_items_total{outcome=~"created|updated"}) == 40', timeout_seconds=120)
        for stage in ("enrich", "story", "index"):
            server.wait_for(f'sum(rasad_articles_total{{stage="{stage}", language="tr"}}) == 40')
            server.wait_for(f'rasad_stage_duration_seconds_count{{stage="{stage}"}} >= 40')
        server.wait_for('rasad_quarantined_total{stage="enrich", reason="undecodable"} == 1')
        server.wait_for('rasad_topic_articles_total{topic="syria-turkey-normalization"} == 40')
        server.wait_for('rasad_latency_seconds_count{since="enriched", stage="index"} == 40')
        server.wait_for("sum(rasad_consumer_lag_records) == 0")
