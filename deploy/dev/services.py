"""The four services: how each is started, and what "ready" means for it."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.dev import settings
from deploy.dev.errors import DevStackError, MissingTool
from deploy.dev.jars import Jars
from deploy.dev.service import NotReady, Service

_PROBE = "rasad-dev-probe"
_PROBE_TIMEOUT_SECONDS = 20.0
# whatever proxy the environment names is not for loopback
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method: str, url: str, body: object = None, timeout_seconds: float = _PROBE_TIMEOUT_SECONDS) -> Any:
    """One request to a local service; the decoded JSON answer, or the text where it is none.

    Raises:
        OSError: no connection, a time-out, or a status of 400 and above.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with _opener.open(request, timeout=timeout_seconds) as answer:
            text = answer.read().decode("utf-8", errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            detail = error.read(500).decode("utf-8", errors="replace")
        raise OSError(f"{method} {url}: HTTP {error.code} {detail}") from error
    try:
        return json.loads(text)
    except ValueError:
        return text


class _JavaService(Service):
    def __init__(self, folder: Path, jars: Jars | None = None, *, full_jit: bool = False) -> None:
        super().__init__(folder)
        self._jars = jars
        self._full_jit = full_jit
        self.train_archive: Path | None = None
        """Set by deploy/dev/archives.py: where this run leaves a class-data archive when it ends."""

    def _java(self, main_class: str, class_path: Iterable[Path]) -> list[str]:
        jars = self._need_jars()
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        archive = jars.archive(self.name)
        usable = archive if self.train_archive is None and archive.exists() else None
        flags = settings.jvm_flags(self.name, full_jit=self._full_jit, archive=usable, temporary=temporary)
        if self.train_archive is not None:
            flags += [f"-XX:ArchiveClassesAtExit={self.train_archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        return [jars.jdk.java, *flags, "-cp", ":".join(map(str, class_path)), f"rasad.dev.launch.{main_class}"]

    def _need_jars(self) -> Jars:
        if self._jars is None:
            raise DevStackError(f"{self.name} was opened to be looked at or ended, not to be started")
        return self._jars


def new_cluster_id() -> str:
    """Return a Kafka cluster id that can stand on a command line: Kafka, too, passes over those that begin with "-"."""
    while True:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id


class Kafka(_JavaService):
    """A broker that is its own controller. Ready: a record sent with `acks=all` was acknowledged, and consumer groups
    find their coordinator."""

    name = "kafka"
    port_roles = ("client", "controller")

    def __init__(self, folder: Path, jars: Jars | None = None, *, full_jit: bool = False) -> None:
        self.cluster_id = ""
        super().__init__(folder, jars, full_jit=full_jit)

    @property
    def bootstrap(self) -> str:
        """`host:port`, as `bootstrap_servers` takes it."""
        return f"127.0.0.1:{self.ports['client']}"

    @property
    def address(self) -> str:
        return self.bootstrap

    def _command(self) -> list[str]:
        if not self.cluster_id:
            self.cluster_id = new_cluster_id()
        properties = self.folder / "server.properties"
        text = settings.kafka_properties(self.folder / "data", self.ports["client"], self.ports["controller"])
        properties.write_text(text, encoding="utf-8")
        return [*self._java("StartKafka", self._need_jars().kafka), str(properties), self.cluster_id]

    def _extra_state(self) -> Mapping[str, object]:
        return {"cluster_id": self.cluster_id}

    def _load_extra(self, state: Mapping[str, object]) -> None:
        self.cluster_id = str(state.get("cluster_id", ""))

    def _probe(self) -> None:
        with self._admin() as admin:
            from kafka import KafkaProducer
            from kafka.admin import NewTopic
            from kafka.errors import TopicAlreadyExistsError

            try:
                admin.create_topics([NewTopic(_PROBE, 1, 1)])
            except TopicAlreadyExistsError:
                pass  # left by a probe that was cut off
            producer = KafkaProducer(
                bootstrap_servers=self.bootstrap,
                acks="all",
                enable_idempotence=True,
                max_block_ms=1000 * _PROBE_TIMEOUT_SECONDS,
            )
            try:
                producer.send(_PROBE, b"ready").get(timeout=_PROBE_TIMEOUT_SECONDS)
            finally:
                producer.close(timeout=5)
            # makes the broker create its own channel of group offsets, which else the first consumer waits for
            admin.list_group_offsets({_PROBE: None})
            admin.delete_topics([_PROBE])

    def _ping(self) -> None:
        with self._admin() as admin:
            admin.list_topics()

    @contextlib.contextmanager
    def _admin(self) -> Iterator[Any]:
        """A kafka-python admin client; what it raises becomes NotReady."""
        try:
            from kafka.admin import KafkaAdminClient
            from kafka.errors import KafkaError
        except ImportError as error:
            raise MissingTool(
                "the Python package kafka-python is missing: run `make setup` and use .venv/bin/python"
            ) from error
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, client_id=_PROBE)
            try:
                yield admin
            finally:
                admin.close()
        except KafkaError as error:
            raise NotReady(f"an acknowledged record ({error})") from error


class Elasticsearch(_JavaService):
    """A single node. Ready: the cluster is green or yellow, and a document went in and was found."""

    name = "elasticsearch"
    port_roles = ("http",)

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def address(self) -> str:
        return self.url

    def _command(self) -> list[str]:
        jars = self._need_jars()
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        (config / "elasticsearch.yml").touch()
        node = settings.elasticsearch_settings(
            "rasad-dev", self.folder / "data", self.folder / "logs", self.ports["http"]
        )
        java = self._java("StartElasticsearch", jars.elasticsearch)
        return [*java, str(jars.elasticsearch_home), str(config), *node]

    def _ping(self) -> None:
        health = http("GET", f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=5s")
        if health["status"] not in ("yellow", "green"):
            raise NotReady(f"cluster health (it is {health['status']})")

    def _probe(self) -> None:
        self._ping()
        index = f"{self.url}/{_PROBE}-{uuid.uuid4().hex}"
        http("PUT", index, {"settings": {"index.hidden": True, "number_of_shards": 1, "number_of_replicas": 0}})
        try:
            http("PUT", f"{index}/_doc/1?refresh=true", {"text": "ready"})
            found = http("POST", f"{index}/_search", {"query": {"match": {"text": "ready"}}})
            if found["hits"]["total"]["value"] != 1:
                raise NotReady("a document that was indexed to be found")
        finally:
            http("DELETE", index)


def _binary(names: tuple[str, ...], package: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise MissingTool(f"{names[0]} is needed: apt-get install {package}")


class Prometheus(Service):
    """Ready: `/-/ready`. Its targets can be changed while it runs."""

    name = "prometheus"
    port_roles = ("http",)

    def __init__(
        self,
        folder: Path,
        *,
        targets: Iterable[str] = (),
        rule_files: Iterable[Path] = (),
        alertmanager: str | None = None,
        scrape_interval_seconds: float = 1.0,
    ) -> None:
        """
        Args:
            targets: `host:port` of what is scraped, under `/metrics`.
            rule_files: alerting and recording rules.
            alertmanager: `host:port` of where alerts go.
        """
        super().__init__(folder)
        self._targets = tuple(targets)
        self._rule_files = tuple(path.resolve() for path in rule_files)
        self.alertmanager = alertmanager
        self._scrape_interval_seconds = scrape_interval_seconds

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def address(self) -> str:
        return self.url

    def set_targets(self, targets: Iterable[str]) -> None:
        """Scrapes these `host:port` from now on (it notices within about a second)."""
        self._targets = tuple(targets)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / "targets.part"
        part.write_text(json.dumps([{"targets": list(self._targets)}]), encoding="utf-8")
        part.replace(self.folder / "targets.json")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query (PromQL): the `result` list of the HTTP API, each `{"metric": {...}, "value": [time, "1"]}`.

        Raises:
            OSError: the expression is wrong, or Prometheus does not answer.
        """
        answer = http("GET", f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expression: str) -> float | None:
        """The one value of an expression; None where it has no result yet.

        Raises:
            ValueError: the expression has several results.
        """
        result = self.query(expression)
        if len(result) > 1:
            raise ValueError(f"{expression} has {len(result)} results")
        return float(result[0]["value"][1]) if result else None

    def wait_for(self, expression: str, timeout_seconds: float = 60.0) -> list[dict[str, Any]]:
        """Asks until the expression has a result (`up == 1`, `rasad_x_total > 5`) and returns it.

        Raises:
            TimeoutError: it never had one; the text shows what is scraped, and why not.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            result = self.query(expression)
            if result:
                return result
            if time.monotonic() > deadline:
                targets = [(t["scrapeUrl"], t["health"], t["lastError"]) for t in self.active_targets()]
                raise TimeoutError(f"no result for {expression} in {timeout_seconds:.0f} s; targets: {targets}")
            time.sleep(0.1)

    def active_targets(self) -> list[dict[str, Any]]:
        """What is scraped, and with what success: `activeTargets` of the HTTP API."""
        targets: list[dict[str, Any]] = http("GET", f"{self.url}/api/v1/targets")["data"]["activeTargets"]
        return targets

    def _command(self) -> list[str]:
        binary = _binary(("prometheus",), "prometheus")
        self.set_targets(self._targets)
        config = self.folder / "prometheus.yml"
        text = settings.prometheus_config(
            targets_file=self.folder / "targets.json",
            scrape_interval_seconds=self._scrape_interval_seconds,
            rule_files=self._rule_files,
            alertmanager=self.alertmanager,
        )
        config.write_text(text, encoding="utf-8")
        return [
            binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.ports['http']}",
            # else new targets are scraped five seconds after they are named
            "--scrape.discovery-reload-interval=200ms",
        ]

    def _probe(self) -> None:
        http("GET", f"{self.url}/-/ready")


class Alertmanager(Service):
    """Ready: `/-/ready`. Alone: no gossip port."""

    name = "alertmanager"
    port_roles = ("http",)

    def __init__(self, folder: Path, *, webhook_url: str | None = None, config: str | None = None) -> None:
        """
        Args:
            webhook_url: every alert is posted there at once. None: alerts are only shown.
            config: a whole `alertmanager.yml` instead.
        """
        super().__init__(folder)
        self._config = settings.alertmanager_config(webhook_url) if config is None else config

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def address(self) -> str:
        return self.url

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts it holds: `GET /api/v2/alerts`."""
        alerts: list[dict[str, Any]] = http("GET", f"{self.url}/api/v2/alerts")
        return alerts

    def _command(self) -> list[str]:
        binary = _binary(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager")
        config = self.folder / "alertmanager.yml"
        config.write_text(self._config, encoding="utf-8")
        return [
            binary,
            f"--config.file={config}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.ports['http']}",
            "--cluster.listen-address=",
        ]

    def _probe(self) -> None:
        http("GET", f"{self.url}/-/ready")
