"""Alerts in the one-process runtime: in one transaction with the articles, delivered beside it, nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.alerts.embedded import EmbeddedAlerts
from agent.alerts.lane import RetryPolicy
from agent.alerts.load import AlertConfig
from agent.alerts.senders import sender_maker
from agent.cli import main_group
from agent.collect.records import Delivery, SinkUnavailable
from agent.collect.state import FeedState
from agent.embedded import EmbeddedSink
from agent.settings import AlertSettings, Settings
from streams.alerts.mutes import Mute
from streams.alerts.rules import RuleSet
from streams.definitions import Definitions, RuleDefinition
from streams.metrics import Metrics
from streams.model import RawArticle
from streams.pipeline import Pipeline
from streams.stores.sqlite import SqliteStore
from streams.stores.sqlite.alerts import AlertSearch, SqliteAlerts
from tests.unit.alerts.kit import NOON, Receiver, id_of, receiver, rule, status, until
from tests.unit.alerts.test_delivery import QUICK, hook

SETTINGS = Settings(alerts=AlertSettings(allow_private_hosts=("127.0.0.1",)))


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASAD_ALERT_SECRET_HOOK", "s3cret")


def raw(name: str, title: str = "Talks on normalization", **fields: object) -> RawArticle:
    given = {
        "article_id": id_of(name),
        "title": title,
        "collected_at": NOON,
        "url": f"https://outlet.example/{name}",
        **fields,
    }
    return RawArticle(**given)  # type: ignore[arg-type]


def poll(*articles: RawArticle) -> Delivery:
    return Delivery(state=FeedState(feed_url="https://x.example/f", source_id="x"), articles=articles)


def config(*rules: RuleDefinition, url: str = "") -> AlertConfig:
    return AlertConfig(RuleSet(rules), {"ops": hook("ops", url)} if url else {}, ())


@asynccontextmanager
async def agent(
    path: Path, alerts: AlertConfig, policy: RetryPolicy = QUICK
) -> AsyncIterator[tuple[EmbeddedSink, EmbeddedAlerts, SqliteAlerts]]:
    store, metrics = SqliteStore(path), Metrics()
    try:
        async with EmbeddedAlerts(alerts, store, sender_maker(SETTINGS), metrics, policy=policy) as running:
            sink = EmbeddedSink(Pipeline(Definitions()), store, metrics, alerts=running)
            yield sink, running, SqliteAlerts(store)
            await sink.close()
    finally:
        await store.close()


async def delivered(alerts: SqliteAlerts, count: int) -> list[str]:
    def look() -> list[str]:
        sent = [one.key for stored in alerts.find(AlertSearch()) for one in stored.deliveries if one.status == "sent"]
        return sent if len(sent) >= count else []

    found: list[str] = await until(look)
    return found


async def test_from_an_article_to_the_receiver(tmp_path: Path) -> None:
    async with (
        receiver() as ops,
        agent(tmp_path / "r.sqlite", config(rule(channels=("ops",)), url=ops.url)) as (sink, _, alerts),
    ):
        await sink.deliver([poll(raw("a"), raw("b", "Football"))])
        [key] = await delivered(alerts, 1)
    [(headers, body, _)] = ops.requests
    assert headers["Idempotency-Key"] == key
    assert json.loads(body)["alerts"][0]["article"]["article_id"] == id_of("a")


async def test_a_transaction_that_fails_decides_nothing_and_the_next_decides_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.stores.sqlite.connections.BUSY_SECONDS", 0.1)
    async with (
        receiver() as ops,
        agent(tmp_path / "r.sqlite", config(rule(channels=("ops",)), url=ops.url)) as (sink, _, alerts),
    ):
        other = sqlite3.connect(tmp_path / "r.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SinkUnavailable):
            await sink.deliver([poll(raw("a"))])
        other.execute("ROLLBACK")
        other.close()
        assert list(alerts.find(AlertSearch())) == [] and ops.requests == []
        await sink.deliver([poll(raw("a"))])
        await delivered(alerts, 1)
        await sink.deliver([poll(raw("a"))])
    assert len(ops.requests) == 1


async def test_what_was_said_is_remembered_over_a_restart_and_what_waits_is_delivered(tmp_path: Path) -> None:
    async with receiver() as ops:
        ops.answers = [status(503)]
        alerts_of = config(rule(channels=("ops",)), url=ops.url)
        async with agent(tmp_path / "r.sqlite", alerts_of) as (sink, _, _):
            await sink.deliver([poll(raw("a"))])
            await ops.wait_for(1)
        ops.answers = [status(200)]
        async with agent(tmp_path / "r.sqlite", alerts_of) as (sink, _, alerts):
            await delivered(alerts, 1)
            await sink.deliver([poll(raw("a", "Talks on normalization", revision=2))])
            assert len(list(alerts.find(AlertSearch()))) == 1
    assert len({headers["Idempotency-Key"] for headers, _, _ in ops.requests}) == 1


async def test_undeliverable_goes_to_quarantine_and_a_retry_delivers_it(tmp_path: Path) -> None:
    from agent.quarantine import SqliteQuarantine

    async with (
        receiver() as ops,
        agent(tmp_path / "r.sqlite", config(rule(channels=("ops",)), url=ops.url)) as (sink, running, alerts),
    ):
        ops.answers = [status(410)]
        await sink.deliver([poll(raw("a"))])
        other = SqliteStore(tmp_path / "r.sqlite")
        [item] = await until(lambda: list(SqliteQuarantine(other, lambda: Pipeline(Definitions())).pending()))
        assert (item.record.stage, item.record.reason) == ("deliver", "undeliverable")
        assert alerts.counts() == {("ops", "undeliverable"): 1}
        ops.answers = [status(200)]
        SqliteQuarantine(other, lambda: Pipeline(Definitions())).retry(item)
        assert other.quarantine_count() == 0
        other.close_now()
        running.deliverer.accept(alerts.waiting())  # as the look every few seconds does
        await delivered(alerts, 1)
    assert len({headers["Idempotency-Key"] for headers, _, _ in ops.requests}) == 1


async def test_a_mute_by_another_process_holds(tmp_path: Path) -> None:
    async with (
        receiver() as ops,
        agent(tmp_path / "r.sqlite", config(rule(channels=("ops",)), url=ops.url)) as (sink, _, alerts),
    ):
        other = SqliteStore(tmp_path / "r.sqlite")
        SqliteAlerts(other).mute(Mute(rule_id="normalization"))
        await sink.deliver([poll(raw("a"))])
        [stored] = await until(
            lambda: [one for one in alerts.find(AlertSearch()) if one.deliveries[0].status != "waiting"]
        )
        assert stored.deliveries[0].status == "muted" and ops.requests == []
        assert SqliteAlerts(other).unmute("normalization") == 1
        other.close_now()


async def test_backfilled_articles_do_not_alert(tmp_path: Path) -> None:
    async with agent(tmp_path / "r.sqlite", config(rule())) as (sink, _, alerts):
        await sink.deliver([poll(raw("a", is_backfill=True))])
        assert list(alerts.find(AlertSearch())) == []


async def test_rules_change_while_it_runs(tmp_path: Path) -> None:
    async with agent(tmp_path / "r.sqlite", config(rule(query="football"))) as (sink, running, alerts):
        await sink.deliver([poll(raw("a"))])
        await running.use(config(rule()))
        await sink.deliver(
            [poll(raw("b", "Governor of Basra on normalization of water", text="Rain is expected from noon on."))]
        )
        assert len(list(alerts.find(AlertSearch()))) == 1


def test_old_state_is_removed(tmp_path: Path) -> None:
    async def go() -> int:
        async with agent(tmp_path / "r.sqlite", config(rule())) as (sink, _, alerts):
            await sink.deliver([poll(raw("a"))])
            await sink.deliver([poll(raw("b", "Other", collected_at=NOON + timedelta(days=40)))])
            return len(alerts.state())

    assert asyncio.run(go()) == 1


# --- killed between decision and delivery ----------------------------------------------------------------------------

_CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.unit.alerts import test_embedded as t

async def main(path, url, first, count, kill):
    async with t.agent(Path(path), t.config(t.rule(channels=("ops",)), url=url)) as (sink, running, alerts):
        if kill == "decided":
            # Committed, and killed before anything is handed to the destination.
            running.deliverer.accept = lambda deliveries: None
        for n in range(first, first + count):
            await sink.deliver([t.poll(t.raw(str(n), f"Talks {n} on normalization of city{n} harbour{n} bridge{n}", text=f"unlike{n} " * 30))])
            if kill == "sending" and n == first + count // 2:
                break
        if kill == "decided":
            os.kill(os.getpid(), signal.SIGKILL)
        if kill == "sending":
            print("sending", flush=True)
            await asyncio.sleep(3600)
        await t.delivered(alerts, first + count)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
"""


async def _child(path: Path, ops: Receiver, first: int, count: int, kill: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, str(path), ops.url, str(first), str(count), kill,
        cwd=Path.cwd(), env={**os.environ, "RASAD_ALERT_SECRET_HOOK": "s3cret"}, stdout=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
async def test_killed_between_decision_and_delivery_nothing_is_lost_and_keys_are_equal(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    async with receiver() as ops:
        killed = await _child(path, ops, 0, 10, "decided")
        assert await killed.wait() == -signal.SIGKILL
        assert ops.requests == []
        store = SqliteStore(path, read_only=True)
        decided = {one.key for one in SqliteAlerts(store).waiting()}
        store.close_now()
        assert len(decided) == 10
        # Killed while the receiver has the message and we have no answer.
        ops.answers = [_never]
        killed = await _child(path, ops, 10, 6, "sending")
        assert killed.stdout is not None
        await killed.stdout.readline()
        await ops.wait_for(1)
        killed.kill()
        await killed.communicate()
        ops.answers = [status(200)]
        before = len(ops.requests)
        last = await _child(path, ops, 14, 6, "no")
        await last.communicate()
        assert last.returncode == 0
    keys = [headers["Idempotency-Key"] for headers, _, _ in ops.requests]
    store = SqliteStore(path, read_only=True)
    sent = {one.key for stored in SqliteAlerts(store).find(AlertSearch()) for one in stored.deliveries}
    store.close_now()
    assert len(sent) == 20 and decided <= sent
    assert set(keys[before:]) == sent and len(keys[before:]) == 20
    assert set(keys[:before]) <= sent


async def _never(_: object) -> object:  # type: ignore[misc]
    await asyncio.sleep(3600)


# --- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "alerts").mkdir(parents=True)
    (folder / "rasad.yaml").write_text(f"store: {{path: '{tmp_path / 'r.sqlite'}'}}\n", encoding="utf-8")
    (folder / "alerts" / "r.yaml").write_text(
        "- {id: normalization, name: N, query: normalization}\n", encoding="utf-8"
    )

    async def fill() -> None:
        async with agent(tmp_path / "r.sqlite", config(rule(severity="warning"))) as (sink, _, _):
            await sink.deliver([poll(raw("a", "Talks on normalization in Moscow", text="Ministers speak."))])
            await sink.deliver(
                [poll(raw("b", "A normalization of football", text="Quite another matter, of Lisbon and of Porto."))]
            )

    asyncio.run(fill())
    return folder


def rasad(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main_group, ["alerts", *arguments], standalone_mode=False)
    if result.exception is not None:
        return getattr(result.exception, "exit_code", 99), str(result.exception)
    return result.return_value or 0, result.output


def test_list_show_and_acknowledge(filled: Path) -> None:
    where = ("--config", str(filled))
    code, listed = rasad("list", *where, "--json")
    rows = [json.loads(line) for line in listed.splitlines()]
    assert code == 0 and len(rows) == 2
    code, found = rasad("list", "title:Moscow", *where, "--json")
    [row] = [json.loads(line) for line in found.splitlines()]
    assert "Moscow" in row["article"]["title"]
    assert rasad("ack", row["alert_id"][:10], *where) == (0, "1 acknowledged\n")
    assert "Moscow" not in rasad("list", "--open", *where)[1]
    shown = rasad("show", row["alert_id"], *where)[1]
    assert "【normalization】" in shown and "seen" in shown
    assert rasad("list", "--severity", "critical", *where)[1].strip() == "no alerts"
    assert rasad("show", "zzz", *where)[0] == 1
    assert rasad("list", "((", *where)[0] == 1
    assert rasad("list", "--since", "yesterdayish", *where)[0] == 2


def test_mute_and_unmute(filled: Path) -> None:
    where = ("--config", str(filled))
    assert rasad("mute", "nobody", *where)[0] == 2
    assert rasad("mute", "normalization", "--for", "soon", *where)[0] == 2
    assert rasad("mute", "normalization", "--for", "8h", *where)[0] == 0
    assert "normalization until" in rasad("unmute", *where)[1]
    assert rasad("unmute", "normalization", *where) == (0, "normalization speaks again\n")
    assert rasad("unmute", "normalization", *where)[0] == 1


def test_without_a_store_the_commands_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_text(f"store: {{path: '{tmp_path / 'none.sqlite'}'}}\n", encoding="utf-8")
    code, said = rasad("list", "--config", str(tmp_path))
    assert code == 3 and "rasad run" in said
