"""A distributed installation of its own for a test: channels, an index, and real `rasad` processes, on the shared services."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from kafka import KafkaProducer

from agent.admin import make_channels
from agent.admin_index import install_templates
from agent.config_files import Faults
from agent.kafka_clients import KafkaAdmin
from agent.quarantine import KafkaQuarantine
from agent.settings import Settings, load_settings
from deploy.dev.services import http
from streams import codec
from streams.channels import BY_NAME, RAW, Channel
from streams.identity import article_id
from streams.model import RawArticle
from streams.quarantine import Quarantined

PROJECT = Path(__file__).resolve().parents[2]
# Liveness only: on a loaded machine everything takes its time, and no test is about how long.
PATIENCE_SECONDS = 120.0
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

T = TypeVar("T")


def until(look: Callable[[], T], what: str, timeout_seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first true value of `look()`."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"still waiting after {timeout_seconds:.0f} s: {what}"
        time.sleep(0.1)
    return value


def raw(number: int | str, *, text: str = "The ministers met in Moscow on Tuesday.", **fields: Any) -> RawArticle:
    """An invented article; the same `number` is the same article."""
    url = f"https://outlet.example/{number}"
    given: dict[str, Any] = {
        "article_id": article_id(canonical_url=url),
        "url": url,
        "canonical_url": url,
        "source_id": "outlet",
        "title": f"Talks, day {number}",
        "text": text,
        "published_at": NOW,
        "collected_at": NOW,
        **fields,
    }
    return RawArticle(**given)


def edited(number: int) -> RawArticle:
    """The second revision of `raw(number)`."""
    return raw(number, revision=2, text="They met again on Wednesday.")


@dataclass
class WorkerProcess:
    """A `rasad worker` of this test."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def metrics_url(self) -> str:
        """Base address of `/metrics`, `/healthz` and `/readyz`."""
        found = until(lambda: re.search(r"metrics: (http://\S+)/metrics", self.said()), f"an address in {self.said()}")
        return found[1]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.metrics_url() + path, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all series of `name` that have these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == name and all(f'{key}="{value_}"' in head for key, value_ in labels.items()):
                total += float(value)
        return total

    def is_ready(self) -> bool:
        with suppress(OSError):
            return self.get("/readyz")[0] == 200
        return False

    def kill(self) -> None:
        """As a crash: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_seconds: float = PATIENCE_SECONDS) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_seconds)


@dataclass
class Rig:
    """Everything of one test under one name."""

    name: str
    folder: Path
    bootstrap: str
    elasticsearch_url: str
    environment: dict[str, str] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)
    _publisher: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        config = self.folder / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "rasad.yaml").write_text("log: {level: info}\n", encoding="utf-8")
        self.environment = {
            "RASAD_CONFIG": str(config),
            "RASAD_STORE__KIND": "elasticsearch",
            "RASAD_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap,
            "RASAD_KAFKA__CHANNEL_PREFIX": f"{self.name}.",
            "RASAD_KAFKA__PARTITIONS": "4",
            "RASAD_ELASTICSEARCH__URL": self.elasticsearch_url,
            "RASAD_ELASTICSEARCH__INDEX_PREFIX": self.name,
            "RASAD_WORKER__CONSUMER_GROUP": self.name,
            # A killed worker is noticed at once: the tests kill many.
            "RASAD_WORKER__SESSION_SECONDS": "2",
            **self.environment,
        }

    @property
    def settings(self) -> Settings:
        faults = Faults()
        settings = load_settings(Path(self.environment["RASAD_CONFIG"]), faults, self.environment)
        faults.check()
        return settings

    def init(self) -> None:
        """What `rasad admin init` does."""
        make_channels(self.settings.kafka)
        install_templates(self.settings)

    def rasad(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "agent", *arguments],
            cwd=PROJECT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if check:
            assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done

    def worker(self, *arguments: str, **environment: str) -> WorkerProcess:
        """Start a worker."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "agent", "worker", "--metrics-port", "0", *arguments],
                cwd=PROJECT,
                env={**os.environ, **self.environment, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(WorkerProcess(process, log))
        return self.workers[-1]

    def publish(self, first: int, last: int, revision: int = 1) -> None:
        """Have the publishing process send `raw(first)` … `raw(last - 1)`; does not wait for it."""
        if self._publisher is None:
            topic = RAW.full_name(self.environment["RASAD_KAFKA__CHANNEL_PREFIX"])
            with (self.folder / "publisher.log").open("wb") as log:
                self._publisher = subprocess.Popen(
                    [sys.executable, "-m", "tests.integration.producing", self.bootstrap, topic],
                    cwd=PROJECT,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    text=True,
                    bufsize=1,
                )
        assert self._publisher.stdin is not None
        self._publisher.stdin.write(f"{first} {last} {revision}\n")

    def finish_publishing(self) -> None:
        """Wait until the broker has all that was published."""
        assert self._publisher is not None and self._publisher.stdin is not None
        self._publisher.stdin.close()
        code = self._publisher.wait(PATIENCE_SECONDS)
        assert code == 0, (self.folder / "publisher.log").read_text(encoding="utf-8")

    def send(self, articles: Iterable[RawArticle], channel: Channel = RAW) -> None:
        """Produce articles, and wait until the broker has them."""
        self.send_bytes([(codec.encode(article), article.article_id.encode()) for article in articles], channel)

    def send_bytes(self, records: Sequence[tuple[bytes | None, bytes | None]], channel: Channel = RAW) -> None:
        """Produce `(value, key)` records, and wait until the broker has them."""
        # A new one each time: while a broker is away, a producer that lives on leaves refused sockets to the garbage
        # collector, which pytest reports.
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap,
            acks="all",
            enable_idempotence=True,
            max_request_size=100_000_000,
            delivery_timeout_ms=120_000,
            max_block_ms=120_000,
            # One large record must not go down with the small ones beside it.
            batch_size=1,
        )
        try:
            topic = channel.full_name(self.environment["RASAD_KAFKA__CHANNEL_PREFIX"])
            futures = [producer.send(topic, value, key=key) for value, key in records]
            producer.flush(timeout=PATIENCE_SECONDS)
            for future in futures:
                future.get(timeout=PATIENCE_SECONDS)
        finally:
            producer.close(timeout=5)

    def refresh(self) -> None:
        """Make visible to searches what was indexed."""
        with suppress(OSError):  # no index yet
            http("POST", f"{self.elasticsearch_url}/{self.name}-*/_refresh?ignore_unavailable=true")

    def documents(self) -> dict[str, list[dict[str, Any]]]:
        """Every document in every index of this test, by article id: `{"index", "version", "source"}`."""
        pattern = f"{self.elasticsearch_url}/{self.name}-articles-*"
        self.refresh()
        found: dict[str, list[dict[str, Any]]] = {}
        after: list[Any] = []
        while True:
            body: dict[str, Any] = {"size": 5000, "sort": [{"article_id": "asc"}, {"_doc": "asc"}], "version": True}
            if after:
                body["search_after"] = after
            hits = http("POST", f"{pattern}/_search?ignore_unavailable=true&allow_no_indices=true", body)["hits"][
                "hits"
            ]
            for hit in hits:
                entry = {"index": hit["_index"], "version": hit["_version"], "source": hit["_source"]}
                found.setdefault(hit["_id"], []).append(entry)
            if len(hits) < 5000:
                return found
            after = hits[-1]["sort"]

    def wait_for(
        self, ids: Iterable[str], timeout_seconds: float = PATIENCE_SECONDS
    ) -> dict[str, list[dict[str, Any]]]:
        """Wait until all these articles are stored; returns all documents."""
        wanted = set(ids)

        def there() -> dict[str, list[dict[str, Any]]] | None:
            try:
                documents = self.documents()
            except OSError:  # a shard that is about to start answers 503
                return None
            return documents if wanted <= documents.keys() else None

        try:
            return until(there, "articles to be stored", timeout_seconds)
        except AssertionError as error:
            missing = wanted - self.documents().keys()
            raise AssertionError(
                f"{len(missing)} of {len(wanted)} are missing; workers say:\n{self.last_words()}"
            ) from error

    def quarantined(self) -> list[Quarantined]:
        """What is in quarantine now."""
        box = KafkaQuarantine(self.settings.kafka)
        try:
            return list(box.pending())
        finally:
            box.close()

    def wait_for_quarantined(self, count: int) -> list[Quarantined]:
        """Wait until at least `count` records are in quarantine."""
        return until(
            lambda: items if len(items := self.quarantined()) >= count else None,
            f"{count} in quarantine:\n{self.last_words()}",
        )

    def lag(self) -> int:
        """Records on any channel that its stage has not finished."""
        total = 0
        with KafkaAdmin(self.settings.kafka) as admin:
            for stage, names in (
                ("enrich", ("raw", "backfill")),
                ("story", ("enriched",)),
                ("index", ("articles", "trends")),
                ("alert", ("articles", "trends")),
            ):
                if stage == "alert" and not any((self.folder / "config" / "alerts").glob("*")):
                    continue
                lags = admin.lag(f"{self.name}.{stage}", [BY_NAME[name] for name in names])
                total += sum(lag.records for parts in lags.values() for lag in parts.values())
        return total

    def last_words(self) -> str:
        """The end of every worker's log."""
        return "\n".join(f"--- {w.log.name}\n" + "\n".join(w.said().splitlines()[-12:]) for w in self.workers[-3:])

    def close(self) -> None:
        """End every process of this test, and take its channels and indices away."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        if self._publisher is not None and self._publisher.poll() is None:
            self._publisher.kill()
            self._publisher.communicate()
        self.environment["RASAD_KAFKA__BOOTSTRAP_SERVERS"] = self.bootstrap
        host, _, port = self.bootstrap.partition(":")
        with suppress(OSError):  # a test may leave the broker dead
            socket.create_connection((host, int(port)), 5).close()
            self._remove_channels()
        with suppress(OSError):
            for index in http("GET", f"{self.elasticsearch_url}/_cat/indices/{self.name}-*?format=json"):
                http("DELETE", f"{self.elasticsearch_url}/{index['index']}")
            for kind in ("articles", "stories", "trends"):
                with suppress(OSError):
                    http("DELETE", f"{self.elasticsearch_url}/_index_template/{self.name}-{kind}")

    def _remove_channels(self) -> None:
        with suppress(Exception), KafkaAdmin(self.settings.kafka) as admin:
            admin.client.delete_topics([admin.full_name(channel) for channel in BY_NAME.values()])


def as_json(text: str) -> list[Any]:
    """The objects of JSON lines."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]
