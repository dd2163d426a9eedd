"""What `rasad doctor` looks at: each check is one function that gives one finding, and never raises."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from agent.config_files import Faults
from agent.errors import RasadError
from agent.settings import CollectSettings, ElasticsearchSettings, KafkaSettings, Settings, config_folder, load_settings

Level = Literal["ok", "warning", "fault", "skipped"]

_LAG_WARNING_RECORDS = 50_000
_LITTLE_DISK_SHARE = 0.05
_LITTLE_DISK_BYTES = 1_000_000_000
_CLOCK_WARNING_SECONDS = 5.0
_EARLIEST_PLAUSIBLE = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Finding:
    """What one check found; `advice` says what to do next."""

    check: str
    level: Level
    detail: str
    advice: str = ""


def examine(folder_option: str | None, *, distributed: bool | None = None) -> Iterator[Finding]:
    """Yield the findings, one by one as they are made.

    `distributed`: whether Kafka and Elasticsearch are looked at; None decides by what is configured.
    """
    yield _python()
    faults = Faults()
    folder = config_folder(folder_option)
    settings = load_settings(folder, faults)
    yield from _config(folder_option, folder)
    if faults.found:
        return  # defaults stand in for what is faulty: looking further would mislead
    if distributed is None:
        distributed = (
            settings.store.kind == "elasticsearch"
            or settings.kafka.bootstrap_servers != KafkaSettings().bootstrap_servers
            or settings.elasticsearch.url != ElasticsearchSettings().url
        )
    if distributed:
        yield from _kafka(settings)
        yield from _elasticsearch(settings)
    else:
        for check in ("kafka", "elasticsearch"):
            yield Finding(check, "skipped", "not configured: store.kind is sqlite", "--distributed looks anyway")
        yield _sqlite(settings)
        yield _guarded("alerts", lambda: _alerts(settings))
    yield _guarded("feeds", lambda: _feeds(settings, folder, "kafka" if distributed else "sqlite"))
    yield _contact(settings)
    yield _clock()
    yield _disk(settings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", "ok", f"Python {version}")


def _config(folder_option: str | None, folder: Path) -> Iterator[Finding]:
    from agent.definitions import load_with_alerts
    from agent.errors import ConfigError

    try:
        _, definitions, alerts = load_with_alerts(folder_option)
    except ConfigError as error:
        for fault in error.faults:
            yield Finding("config", "fault", str(fault), "mend it; `rasad check` shows all")
        return
    counts = (
        f"{len(definitions.labels)} topics, {len(definitions.entities)} entities, {len(alerts.located)} alert rules"
    )
    yield Finding("config", "ok", f"{folder}: {counts}")


def _kafka(settings: Settings) -> Iterator[Finding]:
    from agent.admin import compare_channels
    from agent.kafka_clients import KafkaAdmin

    where = settings.kafka.bootstrap_servers
    try:
        started = time.monotonic()
        with KafkaAdmin(settings.kafka) as admin:
            brokers = len(admin.client.describe_cluster()["brokers"])
        took = time.monotonic() - started
        yield Finding("kafka", "ok", f"{where}: {brokers} brokers, answered in {took:.2f} s")
        reports = compare_channels(settings.kafka)
    except Exception as error:
        yield _fault("kafka", error, "start Kafka, or set kafka.bootstrap_servers")
        for check in ("channels", "lag", "quarantine"):
            yield Finding(check, "skipped", "Kafka does not answer")
        return
    missing = [report.name for report in reports if report.outcome == "missing"]
    differing = [
        f"{report.name} ({'; '.join(map(str, report.differences))})" for report in reports if report.differences
    ]
    if missing:
        yield Finding("channels", "fault", f"missing: {', '.join(missing)}", "run `rasad admin init`")
    elif differing:
        yield Finding(
            "channels", "warning", f"not as configured: {', '.join(differing)}", "`rasad admin init` explains"
        )
    else:
        yield Finding("channels", "ok", f"all {len(reports)} are there and as configured")
    yield _guarded("lag", lambda: _lag(settings))
    yield _guarded("quarantine", lambda: _quarantine(settings))
    yield _guarded("alerts", lambda: _alerts(settings))


def _lag(settings: Settings) -> Finding:
    from agent.kafka_clients import KafkaAdmin, worker_options
    from streams.channels import ALERTS, ARTICLES, BACKFILL, ENRICHED, RAW

    options = worker_options(settings.kafka, settings.worker)
    parts, stages_behind, never = [], [], []
    with KafkaAdmin(settings.kafka) as admin:
        stages = (
            ("enrich", (RAW, BACKFILL)), ("story", (ENRICHED,)), ("index", (ARTICLES,)), ("alert", (ARTICLES,)),
            ("deliver", (ALERTS,)),
        )  # fmt: skip
        for stage, reads in stages:
            lags = [
                lag for by_partition in admin.lag(options.group(stage), reads).values() for lag in by_partition.values()
            ]
            records = sum(lag.records for lag in lags)
            parts.append(f"{stage} {records}")
            if records > _LAG_WARNING_RECORDS:
                stages_behind.append(stage)
            elif records and all(lag.committed is None for lag in lags):
                never.append(stage)
    detail = "records waiting: " + ", ".join(parts)
    if never:
        return Finding(
            "lag",
            "warning",
            f"{detail}; nothing was ever processed by {', '.join(never)}",
            "start `rasad deliver`" if never == ["deliver"] else "start `rasad worker`",
        )
    if stages_behind:
        return Finding("lag", "warning", detail, f"start more `rasad worker --stages {','.join(stages_behind)}`")
    return Finding("lag", "ok", detail)


def _quarantine(settings: Settings) -> Finding:
    from agent.quarantine import KafkaQuarantine, SqliteQuarantine
    from streams.quarantine import QuarantineBox

    box: QuarantineBox
    if settings.store.kind == "sqlite" and Path(settings.store.path).is_file():
        from streams.stores.sqlite import SqliteStore

        box = SqliteQuarantine(SqliteStore(settings.store.path, read_only=True), _no_pipeline)
    else:
        box = KafkaQuarantine(settings.kafka)
    try:
        reasons: dict[str, int] = {}
        for item in box.pending():
            reasons[item.record.reason] = reasons.get(item.record.reason, 0) + 1
    finally:
        box.close()
    if not reasons:
        return Finding("quarantine", "ok", "empty")
    detail = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return Finding("quarantine", "warning", f"{sum(reasons.values())} records: {detail}", "see `rasad quarantine list`")


def _alerts(settings: Settings) -> Finding:
    """What waits, and what could not be delivered, by destination."""
    from agent.alerts.book import open_book

    if settings.store.kind == "sqlite" and not Path(settings.store.path).is_file():
        return Finding("alerts", "ok", "none yet")
    with open_book(settings, read_only=True) as book:
        counts = book.counts()
    lost = {name: number for (name, status), number in counts.items() if status == "undeliverable"}
    waiting = sum(number for (_, status), number in counts.items() if status == "waiting")
    if lost:
        found = ", ".join(f"{number} to {name}" for name, number in sorted(lost.items()))
        advice = "mend the destination, then `rasad quarantine retry --reason undeliverable`"
        return Finding("alerts", "warning", f"undeliverable: {found}; {waiting} wait", advice)
    return Finding("alerts", "ok", f"{waiting} deliveries wait")


def _no_pipeline() -> Any:
    raise RuntimeError("nothing is retried here")


def _elasticsearch(settings: Settings) -> Iterator[Finding]:
    from agent.open_store import elasticsearch_options
    from streams.stores.elasticsearch.client import connect_blocking, translate
    from streams.stores.elasticsearch.template import side_templates

    options = elasticsearch_options(settings)
    try:
        client = connect_blocking(options).options(request_timeout=10)
    except Exception as error:
        yield _fault("elasticsearch", error, "mend the elasticsearch section of rasad.yaml")
        return
    with client:
        try:
            health = client.cluster.health()
            names = (options.template_name, *side_templates(options))
            missing = [name for name in names if not client.indices.exists_index_template(name=name)]
            nodes = list(client.nodes.stats(metric=["os", "fs"])["nodes"].values())
        except Exception as error:
            yield _fault("elasticsearch", translate(error, options), "start it, or mend the elasticsearch section")
            return
    status, detail = (
        health["status"],
        f"{health['cluster_name']}: {health['number_of_nodes']} nodes, {health['status']}",
    )
    if missing:
        yield Finding(
            "elasticsearch", "fault", f"{detail}; no index template {', '.join(missing)}", "run `rasad admin init`"
        )
    elif status == "red":
        yield Finding("elasticsearch", "fault", detail, "some shards are lost: see the log of Elasticsearch")
    elif status == "yellow" and options.replicas:
        yield Finding(
            "elasticsearch", "warning", detail, "replicas have no node: add one, or lower elasticsearch.replicas"
        )
    else:
        yield Finding("elasticsearch", "ok", detail)
    yield from _nodes(nodes)


def _nodes(nodes: list[dict[str, Any]]) -> Iterator[Finding]:
    off = max((abs(node["timestamp"] / 1000 - time.time()) for node in nodes), default=0.0)
    if off > _CLOCK_WARNING_SECONDS:
        detail = f"this machine and Elasticsearch differ by {off:.0f} s"
        yield Finding("clock", "warning", detail, "turn on time synchronization (chrony, systemd-timesyncd)")
    for node in nodes:
        total = node.get("fs", {}).get("total", {})
        yield _space(
            f"disk of {node.get('name', 'node')}", total.get("available_in_bytes"), total.get("total_in_bytes")
        )


def _sqlite(settings: Settings) -> Finding:
    from streams.stores.sqlite import SqliteStore

    path = Path(settings.store.path)
    if not path.is_file():
        return Finding("store", "ok", f"{path} is made by the first `rasad run` or `rasad demo`")
    try:
        store = SqliteStore(path, read_only=True)
        waiting = store.quarantine_count()
        store.close_now()
    except Exception as error:
        return _fault("store", error, "see the message")
    size = path.stat().st_size
    if waiting:
        return Finding(
            "store", "warning", f"{path}: {size} bytes, {waiting} in quarantine", "see `rasad quarantine list`"
        )
    return Finding("store", "ok", f"{path}: {size} bytes, nothing in quarantine")


def _feeds(settings: Settings, folder: Path, kind: str) -> Finding:
    from agent.collect.health import assess_feeds, count_problems
    from agent.feed_check.known_states import known_states
    from agent.feeds.load import load_feeds
    from agent.parse.dates import utc_now

    feeds = load_feeds(folder / "feeds", Faults())
    states = known_states(settings, kind)
    polled = sum(feed.enabled and feed.url in states for feed in feeds)
    if not polled:
        return Finding("feeds", "ok", f"{len(feeds)} feeds, none polled yet")
    counts = count_problems(assess_feeds(feeds, states, utc_now()).values())
    found = ", ".join(f"{count} {problem}" for problem, count in counts.items() if count)
    if not found:
        return Finding("feeds", "ok", f"{len(feeds)} feeds, {polled} polled, nothing wrong")
    return Finding(
        "feeds", "warning", f"{len(feeds)} feeds, {polled} polled: {found}", "see `rasad feeds list --health`"
    )


def _contact(settings: Settings) -> Finding:
    agent = settings.collect.user_agent
    if agent != CollectSettings().user_agent and ("@" in agent or "http" in agent):
        return Finding("contact", "ok", f"publishers see {agent!r}")
    return Finding(
        "contact",
        "warning",
        "publishers cannot see whom to write to, and may block the agent",
        "put a mail address or a web page into collect.user_agent",
    )


def _clock() -> Finding:
    now = datetime.now(UTC)
    if now < _EARLIEST_PLAUSIBLE:
        return Finding(
            "clock", "fault", f"it is said to be {now:%Y-%m-%d}", "set the clock: articles would be dated wrong"
        )
    return Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _disk(settings: Settings) -> Finding:
    folder = Path(settings.store.path).absolute().parent
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return _space(f"disk at {folder}", usage.free, usage.total)


def _space(check: str, free: int | None, total: int | None) -> Finding:
    if free is None or not total:
        return Finding(check, "skipped", "free space is not known")
    detail = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    if free < _LITTLE_DISK_BYTES:
        return Finding(check, "fault", detail, "make room: a full disk stops indexing")
    if free / total < _LITTLE_DISK_SHARE:
        return Finding(check, "warning", detail, "make room, or lower retention")
    return Finding(check, "ok", detail)


def _guarded(check: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:
        return _fault(check, error, "see the message")


def _fault(check: str, error: Exception, advice: str) -> Finding:
    # Our own errors already say what to do.
    has_advice = isinstance(error, RasadError)
    return Finding(check, "fault", str(error) or type(error).__name__, "" if has_advice else advice)
