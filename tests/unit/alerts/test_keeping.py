"""How long alerts are kept in the SQLite file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.alerts import keeping
from agent.alerts.embedded import EmbeddedAlerts
from agent.alerts.load import AlertConfig
from agent.alerts.senders import sender_maker
from agent.cli import main_group
from agent.settings import Settings
from streams.alerts.deliveries import Delivery, plan
from streams.alerts.mutes import Mute
from streams.alerts.records import Alert
from streams.alerts.rules import RuleSet
from streams.metrics import Metrics
from streams.pipeline import utc_now
from streams.stores.sqlite import SqliteStore
from streams.stores.sqlite.alerts import AlertSearch, AlertWriter, SqliteAlerts
from tests.unit.alerts.kit import NOON, article, rule, run, stage, until

DAY = timedelta(days=1)


def alerts(count: int, step: timedelta) -> list[Alert]:
    one = stage(rule(channels=("ops", "desk")))
    return run(one, *(article(str(n), story_id=f"{n:032x}") for n in range(count)), step=step)


def put(store: SqliteStore, found: Sequence[Alert], status: str = "sent") -> list[Delivery]:
    deliveries = [delivery for alert in found for delivery in plan(alert)]
    with store.transaction() as transaction:
        AlertWriter(transaction).put(found, deliveries)
        transaction.connection.execute("UPDATE alert_deliveries SET status = ?", (status,))
    return deliveries


def rows(store: SqliteStore) -> dict[str, int]:
    with store.reading() as reader:
        return {
            table: reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("alerts", "alert_deliveries", "alert_mutes")
        }


def test_what_is_old_goes_with_its_deliveries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.stores.sqlite.alerts._REMOVED_AT_ONCE", 3)
    store = SqliteStore(tmp_path / "r.sqlite")
    put(store, alerts(10, DAY))
    kept = SqliteAlerts(store)
    kept.mute(Mute(rule_id="a", until=NOON + DAY))
    kept.mute(Mute(rule_id="b", until=NOON + 20 * DAY))
    kept.mute(Mute(rule_id="c"))
    assert kept.remove_before(NOON + 7 * DAY) == 7
    assert rows(store) == {"alerts": 3, "alert_deliveries": 6, "alert_mutes": 2}
    assert min(one.alert.created_at for one in kept.find(AlertSearch())) == NOON + 7 * DAY
    assert kept.remove_before(NOON + 7 * DAY) == 0
    store.close_now()


def test_what_still_waits_stays_with_its_alert(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.sqlite")
    waiting = put(store, alerts(2, DAY), status="waiting")
    with store.transaction() as transaction:
        transaction.connection.execute(
            "UPDATE alert_deliveries SET status = 'undeliverable' WHERE key != ?", (waiting[0].key,)
        )
    kept = SqliteAlerts(store)
    assert kept.remove_before(NOON + 30 * DAY) == 1
    assert [one.key for one in kept.waiting()] == [waiting[0].key]
    assert rows(store)["alert_deliveries"] == 2
    store.close_now()


async def test_the_running_agent_keeps_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(keeping.keep_house, "__defaults__", (utc_now, 0.0))
    store = SqliteStore(tmp_path / "r.sqlite")
    put(store, alerts(6, DAY))
    config, settings = AlertConfig(RuleSet([rule()]), {}, ()), Settings()
    clock = lambda: NOON + 3.5 * DAY + timedelta(days=31)  # noqa: E731
    async with EmbeddedAlerts(config, store, sender_maker(settings), Metrics(), clock=clock, retain_days=31):
        await until(lambda: rows(store)["alerts"] == 2)
    async with EmbeddedAlerts(config, store, sender_maker(settings), Metrics(), clock=lambda: NOON + 900 * DAY):
        await asyncio.sleep(0.1)
    assert rows(store)["alerts"] == 2, "all are kept where nothing is set"
    await store.close()


async def test_a_store_that_is_away_ends_no_housekeeping(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[object] = []

    def remove(before: object) -> int:
        calls.append(before)
        raise OSError("the disk is away")

    task = asyncio.create_task(keeping.keep_house(remove, 31, lambda: NOON, 0.0))
    await until(lambda: calls)
    await asyncio.sleep(0.01)
    assert not task.done() and calls == [NOON - timedelta(days=31)]
    task.cancel()
    assert "tried again in an hour: the disk is away" in caplog.text


def test_the_command_removes_and_says_how_many(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    store = SqliteStore(path)
    put(store, alerts(4, timedelta(minutes=1)))  # of March 2026
    store.close_now()

    def retain(days: str) -> tuple[int, str]:
        (tmp_path / "rasad.yaml").write_text(
            f"store: {{path: '{path}'}}\nalerts: {{retain_days: {days}}}\n", encoding="utf-8"
        )
        result = CliRunner().invoke(main_group, ["admin", "retain", "--config", str(tmp_path)], standalone_mode=False)
        return result.return_value or 0, result.output

    assert retain("null") == (0, "alerts.retain_days is not set: every alert is kept\n")
    assert retain("36500") == (0, "removed 0 alerts older than 36500 days\n")
    assert retain("31") == (0, "removed 4 alerts older than 31 days\n")
    store = SqliteStore(path)
    assert rows(store) == {"alerts": 0, "alert_deliveries": 0, "alert_mutes": 0}
    store.close_now()
