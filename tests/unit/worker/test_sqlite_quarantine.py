"""The quarantine of the embedded agent, on a real SQLite file and the real stages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.quarantine import SqliteQuarantine
from streams import codec
from streams.definitions import Definitions
from streams.model import QuarantineRecord
from streams.pipeline import Pipeline
from streams.quarantine import NotRetryable
from streams.stores.sqlite import SqliteStore
from tests.unit.worker.fakes import NOW, raw

PIPELINE = Pipeline(Definitions(), lambda: NOW)


def record(payload: bytes, channel: str = "raw", **fields: object) -> QuarantineRecord:
    given: dict[str, object] = {"stage": "enrich", "reason": "stage_failed", "attempts": 1, **fields}
    when = datetime(2026, 3, 1, tzinfo=UTC)
    return QuarantineRecord(channel=channel, payload=payload, quarantined_at=when, **given)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "rasad.sqlite")


async def test_what_is_mended_is_stored_and_gone_from_quarantine(store: SqliteStore) -> None:
    enriched = PIPELINE.enrich.step(codec.encode(raw(2)))
    assert isinstance(enriched, tuple)
    storied = PIPELINE.story.step(enriched[0])
    assert isinstance(storied, tuple)
    with store.transaction() as transaction:
        transaction.put_quarantine([record(codec.encode(raw(1))), record(enriched[0], "enriched")])
        transaction.put_quarantine([record(codec.encode(raw(3)), "backfill")])
    box = SqliteQuarantine(store, lambda: PIPELINE)
    for item in list(box.pending()):
        box.retry(item)
    assert list(box.pending()) == []
    for number in (1, 2, 3):
        stored = await store.get(raw(number).article_id)
        assert stored is not None and stored.title == f"Day {number}"
    box.close()


def test_what_fails_again_comes_back_with_one_attempt_more(store: SqliteStore) -> None:
    with store.transaction() as transaction:
        transaction.put_quarantine([record(b"no article", attempts=4), record(b"neither", "articles", stage="index")])
    box = SqliteQuarantine(store, lambda: PIPELINE)
    for item in list(box.pending()):
        box.retry(item)
    after = {item.record.payload: item.record for item in box.pending()}
    assert (after[b"no article"].attempts, after[b"no article"].reason) == (5, "undecodable")
    assert (after[b"neither"].attempts, after[b"neither"].reason, after[b"neither"].stage) == (
        2,
        "undecodable",
        "index",
    )
    box.close()


def test_a_record_of_no_known_channel_stays_where_it_is(store: SqliteStore) -> None:
    with store.transaction() as transaction:
        transaction.put_quarantine([record(b"x", "gossip")])
    box = SqliteQuarantine(store, lambda: PIPELINE)
    [item] = box.pending()
    with pytest.raises(NotRetryable, match="gossip"):
        box.retry(item)
    assert [kept.id for kept in box.pending()] == [item.id]
    box.drop(item)
    assert list(box.pending()) == []
    box.close()


def test_the_commands_work_on_a_store_of_the_embedded_agent(store: SqliteStore, tmp_path: Path) -> None:
    with store.transaction() as transaction:
        transaction.put_quarantine([record(codec.encode(raw(1))), record(b"\xff\x1b[31m", reason="undecodable")])
    store.close_now()
    config = tmp_path / "config"
    config.mkdir()
    (config / "rasad.yaml").write_text("log: {level: info}\n", encoding="utf-8")

    def rasad(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "RASAD_CONFIG": str(config), "RASAD_STORE__PATH": str(tmp_path / "rasad.sqlite")}
        command = [sys.executable, "-m", "agent", "quarantine", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)

    rows = [json.loads(line) for line in rasad("list", "--json").stdout.splitlines()]
    assert [row["id"] for row in rows] == ["1", "2"]
    assert "\x1b" not in rasad("show", "2").stdout
    retried = rasad("retry", "1")
    assert (retried.returncode, retried.stdout) == (0, "1 sent again\n"), retried.stderr
    assert rasad("drop", "--all").stdout == "1 dropped\n"
    assert rasad("list").stderr == "nothing is in quarantine\n"
