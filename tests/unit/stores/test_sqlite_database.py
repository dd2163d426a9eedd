"""What SQLite's store does beyond the contract: transactions, migrations, faults, and two processes on one file."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from streams.model import Article, QuarantineRecord
from streams.stores.base import Search, StoreError, StoreHalted, StoreUnavailable
from streams.stores.sqlite import NewerDatabase, SqliteStore, schema
from tests.contract.articles import BASE, full_article, make_article, news

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder with spaces & %" / "rasad.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close_now()


def quarantined(stage: str = "enrich", reason: str = "invalid") -> QuarantineRecord:
    return QuarantineRecord(stage=stage, channel="raw", reason=reason, payload=b"\x00\xff", quarantined_at=BASE)


# --- transactions


async def test_a_transaction_keeps_all(store: SqliteStore) -> None:
    with store.transaction() as transaction:
        verdicts = transaction.write([make_article(0), make_article(1)])
        transaction.put_feed_states({"https://a.example/feed": b"\x00state", "https://b.example/feed": b""})
        transaction.put_quarantine([quarantined()])
    assert [verdict.outcome for verdict in verdicts] == ["created", "created"]
    assert await store.count() == 2
    assert store.feed_states() == {"https://a.example/feed": b"\x00state", "https://b.example/feed": b""}
    assert store.quarantine_count() == 1


async def test_a_transaction_that_fails_keeps_nothing(store: SqliteStore) -> None:
    with store.transaction() as transaction:
        transaction.write([make_article(0)])
        transaction.put_feed_states({"https://a.example/feed": b"1"})
    with pytest.raises(RuntimeError, match="power"), store.transaction() as transaction:
        transaction.write([msgspec.structs.replace(make_article(0), revision=2, title="Edited"), make_article(1)])
        transaction.put_feed_states({"https://a.example/feed": b"2"})
        transaction.put_quarantine([quarantined()])
        raise RuntimeError("power cut")
    assert await store.count() == 1
    assert store.feed_states() == {"https://a.example/feed": b"1"}
    assert store.quarantine_count() == 0
    stored = await store.get(make_article(0).article_id)
    assert stored is not None and stored.revision == 1
    assert (await store.search(Search(query="edited"))).hits == ()
    assert (await store.write([make_article(1)]))[0].outcome == "created", "the store works on"


async def test_threads_take_turns(store: SqliteStore) -> None:
    def write(worker: int) -> None:
        for number in range(20):
            with store.transaction() as transaction:
                transaction.write([make_article(worker * 1000 + number)])

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert await store.count() == 80


def test_feed_states_are_replaced_and_removed(store: SqliteStore) -> None:
    with store.transaction() as transaction:
        transaction.put_feed_states({"a": b"1", "b": b"1"})
    with store.transaction() as transaction:
        transaction.put_feed_states({"a": b"2"})
        transaction.remove_feed_states(["b", "never there"])
    assert store.feed_states() == {"a": b"2"}


def test_quarantine_is_listed_and_removed(store: SqliteStore) -> None:
    records = [quarantined(), quarantined("story", "stage_failed"), quarantined("enrich", "too_large")]
    with store.transaction() as transaction:
        transaction.put_quarantine(records)
    listed = store.quarantine()
    assert [entry.record for entry in listed] == records
    assert [entry.record.reason for entry in store.quarantine(stage="enrich")] == ["invalid", "too_large"]
    assert [entry.record.stage for entry in store.quarantine(reason="stage_failed")] == ["story"]
    assert len(store.quarantine(limit=1)) == 1
    assert store.remove_quarantine([listed[0].id, listed[2].id, 999]) == 2
    assert [entry.id for entry in store.quarantine()] == [listed[1].id]


async def test_earlier_revisions_are_kept_whatever_order_they_come_in(store: SqliteStore) -> None:
    article = make_article(title="First", text="one")

    def revision(number: int, title: str) -> Article:
        at = article.storied_at + timedelta(minutes=number)
        return msgspec.structs.replace(article, revision=number, title=title, storied_at=at)

    for version in (revision(2, "Second"), article, revision(4, "Fourth"), revision(3, "Third"), article):
        await store.write([version])
    kept = store.revisions(article.article_id)
    assert [(entry.revision, entry.title) for entry in kept] == [(1, "First"), (2, "Second"), (3, "Third")]
    assert len({entry.content_hash for entry in kept}) == 3
    assert store.revisions("f" * 32) == []


async def test_what_an_edit_removed_is_not_found_any_more(store: SqliteStore) -> None:
    article = make_article(title="Barley", text="")
    await store.write([article])
    for number in range(2, 30):
        await store.write([msgspec.structs.replace(article, revision=number, title=f"Olives {number}")])
    assert (await store.search(Search(query="barley"))).candidates == 0
    assert len((await store.search(Search(query="olives"))).hits) == 1


# --- the file


def test_a_new_file_has_all_migrations(store: SqliteStore, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_opening_again_keeps_everything(path: Path) -> None:
    for expected in ("created", "stale"):
        store = SqliteStore(path)
        assert (await store.write([make_article()]))[0].outcome == expected
        store.close_now()


def test_many_may_make_the_file_at_once(tmp_path: Path) -> None:
    faults: list[BaseException] = []

    def make(path: Path, barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            SqliteStore(path).close_now()
        except BaseException as error:
            faults.append(error)

    for round_number in range(25):
        barrier = threading.Barrier(4)
        threads = [threading.Thread(target=make, args=(tmp_path / f"{round_number}.sqlite", barrier)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []


def test_a_newer_database_is_refused(path: Path) -> None:
    SqliteStore(path).close_now()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 3}")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(NewerDatabase, match="upgrade Rasad"):
            SqliteStore(path, read_only=read_only)


async def test_an_older_database_is_brought_up_to_date_or_left_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(path)
    await store.write([make_article()])
    store.close_now()
    good, bad = ("CREATE TABLE later (x)",), ("CREATE TABLE broken (x)", "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, good, bad))
    with pytest.raises(StoreHalted, match="older Rasad"):
        SqliteStore(path, read_only=True)
    with pytest.raises(StoreError, match="nowhere"):
        SqliteStore(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('later', 'broken')").fetchone() == (0,)
    connection.close()
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
    store = SqliteStore(path)
    assert await store.count() == 1
    store.close_now()


async def test_what_an_older_rasad_stored_is_counted_too(path: Path) -> None:
    store = SqliteStore(path)
    await store.write([*news(40), full_article(), make_article(999, title="a\x00\ud800", source_name='"\u2028')])
    expected = await store.summarize(Search())
    store.close_now()
    connection = sqlite3.connect(path)
    step = next(number for number, steps in enumerate(schema.MIGRATIONS) if "CREATE TABLE facets" in steps[0])
    later = " ".join(statement for steps in schema.MIGRATIONS[step:] for statement in steps)
    for table in re.findall(r"CREATE TABLE (\w+)", later):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(f"PRAGMA user_version = {step}")
    connection.commit()
    connection.close()
    store = SqliteStore(path)
    assert await store.summarize(Search()) == expected
    assert expected.facets["topic"] and expected.facets["country"]
    store.close_now()


def test_somebody_elses_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE articles (mine)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreHalted, match="another program"):
            SqliteStore(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to have a header " * 100)
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreHalted, match="move it away"):
            SqliteStore(path, read_only=read_only)
    assert path.read_bytes() == before


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for start in range(8192, len(content), 4096):
        content[start : start + 512] = os.urandom(512)
    path.write_bytes(content)


async def test_a_damaged_database_says_so(path: Path) -> None:
    store = SqliteStore(path)
    await store.write([make_article(number, text="word " * 500) for number in range(200)])
    store.close_now()
    damage(path)
    with pytest.raises(StoreHalted, match="damaged"):
        damaged = SqliteStore(path)
        try:
            await damaged.search(Search(limit=1000))
        finally:
            damaged.close_now()


async def test_a_full_disk_loses_nothing_that_was_stored(store: SqliteStore) -> None:
    await store.write([make_article(0)])
    writer = store._writer
    assert writer is not None
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages + 20}")
    many = [make_article(number, text=f"word{number} " * 3000) for number in range(1, 200)]
    with pytest.raises(StoreUnavailable, match="no space left"):
        await store.write(many)
    assert await store.count() == 1
    writer.execute("PRAGMA max_page_count = 1000000")
    assert {verdict.outcome for verdict in await store.write(many)} == {"created"}


def test_what_cannot_be_opened_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreHalted, match="rasad run"):
        SqliteStore(tmp_path / "nothing", read_only=True)
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(StoreHalted, match="cannot be opened"):
        SqliteStore(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreHalted, match="cannot be made"):
        SqliteStore(tmp_path / "file" / "rasad.sqlite")


_AS_NOBODY = """
import asyncio, os, sys
from streams.stores.base import Search, StoreHalted
from streams.stores.sqlite import SqliteStore
path, other = sys.argv[1:]
async def search(path):
    reader = SqliteStore(path, read_only=True)
    return len((await reader.search(Search(query="wheat"))).hits)
async def main():
    # Imports all that a search needs, while Python's own folder can be read.
    assert await search(other) == 1
    if os.getuid() == 0:
        os.setgid(65534); os.setuid(65534)
    print(await search(path))
    try:
        SqliteStore(path)
    except StoreHalted as error:
        print(error)
asyncio.run(main())
"""


async def test_a_folder_that_may_not_be_written_can_still_be_searched(tmp_path: Path) -> None:
    # Not below pytest's folder, which is closed to everybody else.
    with tempfile.TemporaryDirectory(prefix="rasad-test-") as folder:
        path = Path(folder) / "rasad.sqlite"
        store = SqliteStore(path)
        await store.write([make_article()])
        store.close_now()
        shutil.copy(path, tmp_path / "other.sqlite")
        path.chmod(0o444)
        path.parent.chmod(0o555)
        try:
            done = run_python(_AS_NOBODY, str(path), str(tmp_path / "other.sqlite"))
        finally:
            path.parent.chmod(0o755)
    found, refusal = done.stdout.splitlines() or [done.stderr, ""]
    assert found == "1"
    assert "cannot be written" in refusal or "cannot be opened" in refusal


# --- two processes

_WRITER = """
import itertools, sys
from streams.stores.sqlite import SqliteStore
from tests.contract.articles import make_article
store = SqliteStore(sys.argv[1])
print("ready", flush=True)
for number in itertools.count(int(sys.argv[2])):
    with store.transaction() as transaction:
        transaction.write([make_article(number)])
        transaction.put_feed_states({f"feed {number}": b"state"})
    print(number, flush=True)
"""


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
    )


def start_writer(path: Path, first: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(first)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


async def test_searching_while_another_process_writes_never_meets_a_lock(path: Path) -> None:
    process = start_writer(path, 0)
    try:
        counts: list[int] = []
        while len(counts) < 80 or counts[-1] < counts[0] + 20:
            reader = SqliteStore(path, read_only=True)
            page = await reader.search(Search(query="wheat", limit=20))
            counts.append(await reader.count())
            assert len(page.hits) <= counts[-1] <= len(reader.feed_states())
            await reader.close()
        assert counts == sorted(counts)
    finally:
        process.kill()
        process.communicate()


async def test_a_killed_writer_leaves_whole_transactions(path: Path) -> None:
    acknowledged = -1
    for _ in range(6):
        process = start_writer(path, acknowledged + 1)
        assert process.stdout is not None
        for _ in range(25):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max([acknowledged, *(int(line) for line in rest.split() if line.isdigit())])
        store = SqliteStore(path)
        count = await store.count()
        assert count == len(store.feed_states()) == len((await store.search(Search(query="wheat", limit=10_000))).hits)
        assert count in (acknowledged + 1, acknowledged + 2), "one may be committed whose word did not come through"
        acknowledged = count - 1
        store.close_now()
