"""Alerts in the distributed runtime: a real broker, index and receiver, real processes, killed where it hurts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from agent.alerts.kafka_book import KafkaBook
from agent.channel_reading import whole_channel
from agent.kafka_clients import KafkaAdmin
from deploy.dev.services import Elasticsearch, Kafka, http
from streams.channels import ALERTS, BACKFILL, DELIVERIES
from streams.model import RawArticle
from streams.stores.sqlite.alerts import AlertSearch
from tests.integration.worker_kit import PROJECT, Rig, T, WorkerProcess, raw, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

PLACES = "Mersin Taiz Basra Kirkuk Latakia Aleppo Raqqa Hama Homs Idlib Adana Hatay Mosul Erbil Tabriz Baku".split()


class Receiver:
    """A webhook's other end, for processes; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.keys: list[str] = []
        self.alerts: list[dict[str, Any]] = []
        self.url = ""


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.keys.append(self.headers["Idempotency-Key"])
            if receiver.status == 200:
                receiver.alerts += body["alerts"]
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class AlertRig(Rig):
    """An installation with a rule and a webhook."""

    def configure(self, url: str) -> None:
        config = self.folder / "config"
        for name in ("alerts", "destinations"):
            (config / name).mkdir(exist_ok=True)
        (config / "alerts" / "r.yaml").write_text(
            "- {id: normalization, name: N, query: normalization, channels: [ops], realert: {language: true}}\n",
            "utf-8",
        )
        (config / "destinations" / "d.yaml").write_text(
            f"- {{id: ops, kind: webhook, url: '{url}', credentials: hook}}\n", "utf-8"
        )
        self.environment |= {"RASAD_ALERT_SECRET_HOOK": "s3cret", "RASAD_ALERTS__ALLOW_PRIVATE_HOSTS": "127.0.0.1"}

    def until(self, look: Callable[[], T], what: str) -> T:
        """As `until`, with what the processes have said."""
        try:
            return until(look, what)
        except AssertionError as error:
            found = [(one.destination, one.status, one.detail) for s in self.stored().values() for one in s.deliveries]
            raise AssertionError(
                f"{error}\nstored: {found}, lag {self.lag()} and {self.alert_lag()}\n{self.last_words()}"
            ) from error

    def deliverer(self) -> WorkerProcess:
        log = self.folder / f"deliver-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "agent", "deliver", "--metrics-port", "0"],
                cwd=PROJECT, env={**os.environ, **self.environment}, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.workers.append(WorkerProcess(process, log))
        return self.workers[-1]

    def alert_lag(self) -> int:
        """Alerts that the deliverer has not taken."""
        with KafkaAdmin(self.settings.kafka) as admin:
            lags = admin.lag(f"{self.name}.deliver", [ALERTS])
        return sum(lag.records for parts in lags.values() for lag in parts.values())

    def stored(self) -> dict[str, Any]:
        with KafkaBook(self.settings.kafka) as book:
            return {stored.alert.alert_id: stored for stored in book.find(AlertSearch(limit=10_000))}


@pytest.fixture
def rig(
    kafka: Kafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path
) -> Iterator[AlertRig]:
    made = AlertRig(unique_name("alerts"), tmp_path, kafka.bootstrap, elasticsearch.url)
    made.init()
    yield made
    made.close()


def about(place: str, **fields: Any) -> RawArticle:
    """An article of a story of its own."""
    text = " ".join(f"{place}{word}" for word in "harbour bridge council river market school".split()) * 3
    return raw(
        place, title=f"{place}: talks on normalization of {place}'s {place}water", text=text, source_id=place, **fields
    )


def test_from_raw_to_the_receiver_and_the_index_once_a_story(rig: AlertRig) -> None:
    with receiving() as ops:
        rig.configure(ops.url)
        rig.worker()
        deliverer = rig.deliverer()
        first = about("Mersin")
        rig.send([first])
        rig.until(lambda: ops.alerts, "an alert at the receiver")
        copies = [raw(f"copy {n}", title=first.title, text=first.text, source_id=f"s{n}") for n in range(5)]
        rig.send([*copies, first, about("Taiz")])
        rig.send([about("Basra", is_backfill=True)], BACKFILL)
        rig.wait_for({one.article_id for one in copies} | {about("Basra").article_id})
        rig.until(lambda: len(ops.alerts) >= 2, "the alert of the other story")
        rig.until(lambda: rig.lag() == 0, "all channels to be finished")
        assert sorted(alert["article"]["source_id"] for alert in ops.alerts) == ["Mersin", "Taiz"]
        assert len(set(ops.keys)) == len(ops.keys) == 2

        def indexed() -> list[Any]:
            http("POST", f"{rig.elasticsearch_url}/{rig.name}-alerts/_refresh?ignore_unavailable=true")
            hits = http("GET", f"{rig.elasticsearch_url}/{rig.name}-alerts/_search?ignore_unavailable=true")["hits"][
                "hits"
            ]
            return hits if len(hits) == 2 else []

        assert {hit["_id"] for hit in rig.until(indexed, "both alerts in their index")} == set(rig.stored())
        listed = [json.loads(line) for line in rig.rasad("alerts", "list", "--json").stdout.splitlines()]
        assert [row["deliveries"][0]["status"] for row in listed] == ["sent", "sent"]
        assert deliverer.metric("rasad_alert_deliveries_total", destination="ops", outcome="sent") == 2
        assert "s3cret" not in deliverer.said()


def test_a_worker_and_a_deliverer_that_are_killed_lose_nothing_and_keep_the_keys(rig: AlertRig) -> None:
    with receiving() as ops:
        ops.status = 503
        rig.configure(ops.url)
        worker, deliverer = rig.worker(), rig.deliverer()
        rig.send([about(place) for place in PLACES[:4]])
        rig.until(lambda: ops.keys, "a first attempt")
        # Decided and not delivered, both killed; what comes meanwhile waits on the channels.
        deliverer.kill()
        worker.kill()
        before = set(ops.keys)
        rig.send([about(place) for place in PLACES[4:10]])
        ops.status = 200
        worker = rig.worker()
        deliverer = rig.deliverer()
        rig.until(lambda: len({alert["alert_id"] for alert in ops.alerts}) == 10, "ten alerts")
        worker.kill()
        # A second worker knows what the first has said: the same articles are silent, a new language is not.
        rig.worker()
        rig.send([about(place) for place in PLACES[:10]])
        rig.send([about(PLACES[10])])
        rig.until(lambda: len({alert["alert_id"] for alert in ops.alerts}) == 11, "one more alert")
        rig.until(lambda: rig.lag() == 0, "all channels to be finished")
    keys = {one.key for stored in rig.stored().values() for one in stored.deliveries}
    assert len(rig.stored()) == 11 and before <= set(ops.keys) == keys
    assert {alert["article"]["source_id"] for alert in ops.alerts} == set(PLACES[:11])


def test_one_deliverer_works_and_the_other_takes_over(rig: AlertRig) -> None:
    with receiving() as ops:
        rig.configure(ops.url)
        rig.rasad("alerts", "mute", "normalization", "--story", "0" * 32)
        rig.worker("--stages", "enrich,story,alert")
        both = [rig.deliverer(), rig.deliverer()]
        rig.send([about(place) for place in PLACES[:3]])
        rig.until(lambda: len(ops.alerts) == 3, "three alerts")
        # The group may have settled on one and then on the other while they started.
        [owner] = [
            one for one in both if one.said().rfind("this process delivers") > one.said().rfind("another process")
        ]
        owner.kill()
        rig.send([about(place) for place in PLACES[3:6]])
        rig.until(lambda: len({alert["alert_id"] for alert in ops.alerts}) == 6, "six alerts")
        [other] = [one for one in both if one is not owner]
        assert other.stop() == 0
    # The channel forgets in time, a mute may be for ever: whoever begins to deliver writes it again.
    with whole_channel(rig.settings.kafka, DELIVERIES) as entries:
        assert sum(key.startswith(b"mute:normalization:") for _, key, _ in entries) >= 2
    # What the first had sent and not noted yet when it was killed may come twice, with the same key.
    assert len(set(ops.keys)) == 6


def test_mute_acknowledge_quarantine_and_retry(rig: AlertRig) -> None:
    with receiving() as ops:
        rig.configure(ops.url)
        rig.rasad("alerts", "mute", "normalization")
        rig.worker("--stages", "enrich,story,alert")
        rig.deliverer()
        rig.send([about("Mersin")])
        rig.until(
            lambda: [one for s in rig.stored().values() for one in s.deliveries if one.status == "muted"],
            "it to be muted",
        )
        assert ops.keys == []
        rig.rasad("alerts", "unmute", "normalization")
        ops.status = 410
        # The running deliverer hears of it: what comes now is sent, and refused for good.
        rig.until(lambda: rig.rasad("alerts", "unmute").stdout == "", "nothing to be muted")
        rig.send([about("Taiz")])
        [item] = rig.wait_for_quarantined(1)
        assert (item.record.stage, item.record.reason) == ("deliver", "undeliverable")
        doctor = rig.rasad("doctor", "--distributed", check=False).stdout
        assert "undeliverable: 1 to ops" in doctor
        ops.status = 200
        rig.rasad("quarantine", "retry", "--all")
        [alert] = rig.until(lambda: ops.alerts, "the alert after all")
        assert len(set(ops.keys)) == 1 and rig.quarantined() == []
        rig.rasad("alerts", "ack", alert["alert_id"])
        assert rig.stored()[alert["alert_id"]].acknowledged_at is not None
        # What is no alert does not stop the channel.
        rig.send_bytes([(b"{", b"x")], ALERTS)
        rig.send([about("Basra")])
        rig.until(lambda: len(ops.alerts) == 2, "the next alert")
        [poison] = rig.wait_for_quarantined(1)
        assert (poison.record.channel, poison.record.reason) == ("alerts", "undecodable")


def test_the_rules_of_a_running_worker_change(rig: AlertRig) -> None:
    with receiving() as ops:
        rig.configure(ops.url)
        worker = rig.worker("--stages", "enrich,story,alert")
        rig.deliverer()
        rig.send([about("Mersin")])
        rig.until(lambda: ops.alerts, "an alert")
        rules = rig.folder / "config" / "alerts" / "r.yaml"
        rules.write_text("- {id: normalization, name: N, query: '((', channels: [ops]}\n", "utf-8")
        worker.process.send_signal(signal.SIGHUP)
        rig.until(lambda: "r.yaml:1: rule 'normalization'" in worker.said(), "the fault in the log")
        rig.send([about("Taiz")])
        rig.until(lambda: len(ops.alerts) == 2, "the rules before still hold")
        rules.write_text("- {id: other, name: O, query: talks, channels: [ops]}\n", "utf-8")
        rig.until(lambda: "1 rules and 1 destinations are in force" in worker.said(), "the new rules")
        rig.send([about("Basra")])
        rig.until(lambda: [alert for alert in ops.alerts if alert["rule_id"] == "other"], "an alert of the new rule")


def test_the_topics_of_a_running_worker_change(rig: AlertRig) -> None:
    with receiving() as ops:
        rig.configure(ops.url)
        worker = rig.worker()
        [first, second, third] = [about(place) for place in PLACES[:3]]
        rig.send([first])
        rig.wait_for({first.article_id})
        topics = rig.folder / "config" / "topics"
        topics.mkdir()
        (topics / "t.yaml").write_text("- {id: talks, name: T, query: normalization, min_score: 0}\n", "utf-8")
        rig.until(lambda: "1 topics are in force" in worker.said(), "the topic")
        rig.send([second])
        rig.wait_for({second.article_id})
        (topics / "t.yaml").write_text("- {id: talks, name: T, query: '((', min_score: 0}\n", "utf-8")
        rig.until(lambda: "t.yaml:1: topic 'talks'" in worker.said(), "the fault in the log")
        rig.send([third])
        found = rig.wait_for({first.article_id, second.article_id, third.article_id})
        labels = [
            [label["id"] for label in document["source"].get("topics", ())]
            for one in (first, second, third)
            for document in found[one.article_id]
        ]
        assert labels == [[], ["talks"], ["talks"]]


def test_a_replay_labels_anew_in_silence_and_alerts_where_asked(rig: AlertRig) -> None:
    with receiving() as ops:
        rig.configure(ops.url)
        rules = rig.folder / "config" / "alerts" / "r.yaml"
        rules.write_text("- {id: never, name: N, query: nothing-of-the-kind, channels: [ops]}\n", "utf-8")
        worker = rig.worker()
        rig.deliverer()
        articles = [about(place) for place in PLACES[:5]]
        rig.send(articles)
        before = rig.wait_for({one.article_id for one in articles})
        topics = rig.folder / "config" / "topics"
        topics.mkdir()
        (topics / "t.yaml").write_text("- {id: talks, name: T, query: normalization, min_score: 0}\n", "utf-8")
        rules.write_text("- {id: talks, name: N, query: 'topic:talks', channels: [ops]}\n", "utf-8")
        span = ("--from", "2026-02-01", "--to", "2026-03-10", "--rest", "0")
        said = rig.rasad("replay", *span).stdout
        assert "5 articles run again: 5 are labelled otherwise, 0 failed" in said
        after = rig.documents()
        for one in articles:
            [old], [new] = before[one.article_id], after[one.article_id]
            assert [label["id"] for label in new["source"]["topics"]] == ["talks"]
            assert new["version"] > old["version"]
            for name in ("story_id", "revision", "collected_at", "near_duplicate_of"):
                assert new["source"].get(name) == old["source"].get(name)
        assert ops.alerts == []
        rig.until(lambda: "1 rules and 1 destinations are in force" in worker.said(), "the changed rule")
        rig.rasad("replay", *span, "--stage", "alert", "--alert")
        rig.until(lambda: len({alert["story_id"] for alert in ops.alerts}) == 5, "an alert on each story")
        # With their new labels they may be of other stories, says the stage today; said twice, nothing is left to do.
        assert ", 0 failed" in rig.rasad("replay", *span, "--stage", "story").stdout
        again = lambda: rig.rasad("replay", *span, "--stage", "story").stdout  # noqa: E731
        rig.until(lambda: "5 articles run again: 0 are placed otherwise, 0 failed" in again(), "nothing to move")
        shown: set[tuple[str, str]] = set()
        placed = {(found["source"]["story_id"], name) for name, [found] in rig.documents().items()}
        for story in {story for story, _ in placed}:
            timeline = json.loads(rig.rasad("story", story, "--json").stdout)["timeline"]
            shown |= {(story, one["article_id"]) for one in timeline}
        assert shown == placed and len(placed) == 5
