"""Prometheus' rules, Alertmanager's configuration and Grafana's dashboard, held against the tools and services that will read them."""

from __future__ import annotations

import json
import math
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.feed_server import feed_server
from deploy.grafana import dashboard
from streams import channels, codec
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import RawArticle
from tests.integration.test_prometheus import configure, running

pytestmark = pytest.mark.services

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))


def tool(*arguments: object) -> str:
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def test_promtool_accepts_the_rules() -> None:
    assert "FAILED" not in tool("promtool", "check", "rules", *RULES)


def test_each_alert_fires_and_keeps_quiet_as_its_test_says() -> None:
    tool("promtool", "test", "rules", DEPLOY / "prometheus" / "tests" / "flow.yml")


def test_every_alert_has_a_test() -> None:
    tests = yaml.safe_load((DEPLOY / "prometheus" / "tests" / "flow.yml").read_text(encoding="utf-8"))["tests"]
    fired = {a["alertname"] for t in tests for a in t.get("alert_rule_test", []) if a["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules() if "alert" in rule}


def test_promtool_accepts_the_configuration_of_prometheus(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    token = tmp_path / "token"
    token.write_text("made-up", encoding="utf-8")
    (tmp_path / "rules").symlink_to(DEPLOY / "prometheus" / "rules")
    (tmp_path / "prometheus.yml").write_text(text.replace("/run/rasad/metrics-token", str(token)), encoding="utf-8")
    tool("promtool", "check", "config", tmp_path / "prometheus.yml")


def test_amtool_accepts_the_configuration_of_alertmanager() -> None:
    path = DEPLOY / "alertmanager" / "alertmanager.yml"
    tool("amtool", "check-config", path)
    named = set(re.findall(r"Rasad[A-Za-z]+", path.read_text(encoding="utf-8")))
    assert named - {"RasadLatencyBudgetBurns"} <= {rule["alert"] for rule in rules() if "alert" in rule}


def test_every_alert_says_what_to_do_and_names_commands_that_there_are() -> None:
    from docs.generate import _commands

    commands = {path for path, _ in _commands()}
    for rule in rules():
        if "alert" not in rule:
            continue
        action = rule["annotations"]["action"]
        assert rule["annotations"]["summary"] and rule["labels"]["severity"] in {"info", "warning", "critical"}
        for command in re.findall(r"rasad [a-z]+(?: [a-z]+)?", action):
            assert command in commands or command.rsplit(" ", 1)[0] in commands, action


def test_every_metric_that_a_rule_or_a_panel_asks_for_is_one_of_ours() -> None:
    known = set(names_of_metrics())
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = [rule["expr"] for rule in rules()] + [query for _, query in dashboard.queries()]
    for expression in asked:
        assert set(re.findall(r"rasad:[a-z0-9_:]+", expression)) <= recorded, expression
        assert set(re.findall(r"\brasad_[a-z_]+", expression)) <= known, expression


def names_of_metrics() -> list[str]:
    names = []
    for family in Metrics(topic_ids=["a"]).registry.collect():
        names += [family.name, family.name + "_total", *(family.name + end for end in ("_bucket", "_count", "_sum"))]
    return names


def test_the_dashboard_is_what_grafana_provisions() -> None:
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/rasad.yml").read_text(encoding="utf-8"))
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    path = provider["providers"][0]["options"]["path"]
    assert f"./deploy/grafana/dashboards:{path}:ro" in compose["services"]["grafana"]["volumes"]
    found = json.loads(dashboard.PATH.read_text(encoding="utf-8"))
    assert found == dashboard.dashboard()
    assert {t["datasource"]["uid"] for p in found["panels"] for t in p.get("targets", [])} == {
        source["datasources"][0]["uid"]
    }
    ids = [panel["id"] for panel in found["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells


def test_every_query_of_every_panel_has_an_answer_while_the_agent_and_a_worker_run(
    kafka: Any, elasticsearch: Any, prometheus: Callable[..., Any], unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    import os
    import sys
    from datetime import UTC, datetime

    from kafka import KafkaProducer

    prefix = unique_name("panels") + "."
    environment = {
        "RASAD_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "RASAD_KAFKA__CHANNEL_PREFIX": prefix,
        "RASAD_KAFKA__PARTITIONS": "1",
        "RASAD_ELASTICSEARCH__URL": elasticsearch.url,
        "RASAD_ELASTICSEARCH__INDEX_PREFIX": unique_name("panels"),
        "RASAD_WORKER__CONSUMER_GROUP": prefix,
    }
    subprocess.run(
        [sys.executable, "-m", "agent", "admin", "init"],
        check=True,
        env={**os.environ, **environment},
        capture_output=True,
    )
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    sent = 0

    def send(number: int) -> None:
        nonlocal sent
        for _ in range(number):
            sent += 1
            url, now = f"https://panels.example/{prefix}{sent}", datetime.now(UTC)
            article = RawArticle(
                article_id=article_id(canonical_url=url), canonical_url=url, title="Türkiye ve Suriye normalleşme görüşmesi",
                text="Türkiye ile Suriye arasında normalleşme görüşmesi yapıldı.", collected_at=now, published_at=now,
            )  # fmt: skip
            producer.send(prefix + channels.RAW.name, key=article.article_id.encode(), value=codec.encode(article))
        producer.send(prefix + channels.RAW.name, key=b"poison", value=b"\xff not a record")
        producer.flush()

    with feed_server(feeds=2, entries=5, tokens=40) as urls:
        configure(tmp_path / "config", urls)
        run = ["run", "--config", str(tmp_path / "config"), "--store", str(tmp_path / "r.sqlite")]
        with (
            running([*run, "--metrics-port", "0"], {}, tmp_path / "run.log") as embedded,
            running(["worker", "--metrics-port", "0"], environment, tmp_path / "worker.log") as worker,
        ):
            server = prometheus([embedded, worker], rule_files=RULES)
            server.wait_for("count(rasad_build_info) == 2", timeout_seconds=120)
            waiting = dict.fromkeys(dashboard.queries())
            deadline = time.monotonic() + 200
            while waiting and time.monotonic() < deadline:
                send(5)  # a rate needs articles between two scrapes
                waiting = {pair: None for pair in waiting if not has_value(server, pair[1])}
                server.wait_for(f'sum(rasad_articles_total{{stage="index"}}) >= {10 + sent}', timeout_seconds=120)
            assert not waiting, f"no answer: {list(waiting)}"
            names = server.query("label_replace(rasad_build_info, 'x', '$1', 'instance', '(.+)')")
            assert len(names) == 2
    producer.close()


def has_value(server: Any, query: str) -> bool:
    asked = query.replace("$__rate_interval", "1m").replace("$instance", ".+")
    return any(math.isfinite(float(sample["value"][1])) for sample in server.query(asked))
