"""The settings that the services are started with, as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_SMALL_JVM = ("-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "-Dfile.encoding=UTF-8")
_QUICK_JIT = ("-XX:TieredStopAtLevel=1",)
"""The first compiler only: up in two thirds of the time, and slower at its peak, so benchmarks leave it out."""


def jvm_flags(service: str, *, full_jit: bool, archive: Path | None, temporary: Path) -> list[str]:
    """Flags for one of the two JVMs. `archive` is a class-data archive that exists, or None."""
    memory = {"kafka": ("-Xms128m", "-Xmx512m"), "elasticsearch": ("-Xms256m", "-Xmx1g")}[service]
    flags = [*memory, *_SMALL_JVM, *(() if full_jit else _QUICK_JIT), f"-Djava.io.tmpdir={temporary}"]
    if archive is not None:
        # an archive that does not fit (another JDK, other jars) is only not used; the log says so
        flags += [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto"]
    if service == "kafka":
        log = "-Dorg.slf4j.simpleLogger."
        flags += [f"{log}showDateTime=true", f"{log}dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ"]
        # at every start it would write its two hundred settings, several times over
        flags += [f"{log}log.kafka.server.KafkaConfig=warn", f"{log}log.org.apache.kafka.common.config=warn"]
        flags += [f"{log}log.org.apache.kafka.clients=warn"]
    else:
        flags += ["--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"]
    return flags


def kafka_properties(data: Path, client_port: int, controller_port: int) -> str:
    """`server.properties` of a broker that is its own controller (KRaft)."""
    settings: Mapping[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{client_port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{client_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        # channels are made by `rasad admin init`: one that nobody made is a fault to be seen, here as in production
        "auto.create.topics.enable": "false",
        "num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        # after a crash the broker may not register again before its old session is over: 9 s by default
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 250,
        "group.initial.rebalance.delay.ms": 0,
        # tests with short session timeouts notice a dead consumer in seconds
        "group.min.session.timeout.ms": 1000,
        # a test run makes hundreds of partitions: the defaults would map 20 MB for each, and 128 MB for the cleaner
        "log.index.size.max.bytes": 1024 * 1024,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.cleaner.threads": 1,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.segment.delete.delay.ms": 1000,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def elasticsearch_settings(cluster: str, data: Path, logs: Path, http_port: int) -> list[str]:
    """`key=value` arguments of a single node."""
    settings: Mapping[str, object] = {
        "cluster.name": cluster,
        "node.name": cluster,
        "path.data": data,
        "path.logs": logs,
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": http_port,
        # nobody but the node itself knows this one: the system may choose
        "transport.port": 0,
        # a developer's disk that is 95 % full would make every index read-only
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    return [f"{key}={value}" for key, value in settings.items()]


def prometheus_config(
    *,
    targets_file: Path,
    scrape_interval_seconds: float,
    rule_files: tuple[Path, ...],
    alertmanager: str | None,
) -> str:
    """`prometheus.yml`: targets come from a file, so that they can change while it runs."""
    interval = f"{round(scrape_interval_seconds * 1000)}ms"
    lines = [
        "global:",
        f"  scrape_interval: {interval}",
        f"  scrape_timeout: {interval}",
        f"  evaluation_interval: {interval}",
        "scrape_configs:",
        "  - job_name: rasad",
        "    file_sd_configs:",
        f"      - files: [{_quoted(targets_file)}]",
        "        refresh_interval: 1s",
    ]
    if rule_files:
        lines += ["rule_files:", *(f"  - {_quoted(path)}" for path in rule_files)]
    if alertmanager is not None:
        lines += [
            "alerting:",
            "  alertmanagers:",
            "    - static_configs:",
            f"        - targets: [{_quoted(alertmanager)}]",
        ]
    return "\n".join(lines) + "\n"


def alertmanager_config(webhook_url: str | None) -> str:
    """`alertmanager.yml`: everything to one webhook at once, or to nobody."""
    lines = ["route:", "  receiver: dev", "  group_wait: 0s", "  group_interval: 1s", "receivers:", "  - name: dev"]
    if webhook_url is not None:
        lines += ["    webhook_configs:", f"      - url: {_quoted(webhook_url)}"]
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
