"""`kill -9` of a backfill in the middle, again and again: started again it goes on, and every article is there once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.collect.state import decode_states
from streams.identity import article_id
from streams.stores.base import StoreError
from streams.stores.sqlite import SqliteStore
from tests.servers.feed_server import feed_server, item
from tests.unit.backfill.test_run import LONG, chain

DOCUMENTS, EACH, KILLS = 12, 40, 3


def done(path: Path, key: str) -> int:
    if not path.exists():
        return 0
    try:
        store = SqliteStore(path, read_only=True)
    except StoreError:
        return 0
    try:
        state = decode_states(store.feed_states()).get(key)
        return state.backfill.articles if state is not None and state.backfill is not None else 0
    finally:
        store.close_now()


async def look(path: Path) -> tuple[int, set[str]]:
    store = SqliteStore(path, read_only=True)
    expected = {article_id(canonical_url=f"https://outlet.example/n/{n}") for n in range(DOCUMENTS * EACH)}
    found = set()
    for one in expected:
        article = await store.get(one)
        if article is not None and article.is_backfill and article.revision == 1:
            found.add(one)
    count = await store.count()
    await store.close()
    return count, found


@pytest.mark.slow
def test_nothing_lost_and_nothing_twice(tmp_path: Path) -> None:
    database, config = tmp_path / "rasad.sqlite", tmp_path / "config"
    (config / "feeds").mkdir(parents=True)
    (config / "rasad.yaml").write_text(
        "collect: {allow_private_hosts: ['127.0.0.1'], per_host_spacing_seconds: 0.1}\n", encoding="utf-8"
    )
    assert LONG in item(1, text=LONG)
    with feed_server() as server:
        url = chain(server, DOCUMENTS, EACH)
        command = [
            *(sys.executable, "-m", "agent", "backfill", url, "--since", "2020-01-01"),
            *("--config", str(config), "--store", str(database)),
        ]
        for kill in range(KILLS):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ})
            goal, give_up = DOCUMENTS * EACH * (kill + 1) // (KILLS + 2), time.monotonic() + 120
            try:
                while (
                    done(database, f"backfill:{url}") < goal and time.monotonic() < give_up and process.poll() is None
                ):
                    time.sleep(0.01)
                assert process.poll() is None, "the backfill ended by itself"
            finally:
                process.kill()
                process.wait()
        last = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
    assert "going on where it stopped" in last.stderr
    assert f"{DOCUMENTS * EACH} articles from {DOCUMENTS} documents" in last.stderr
    assert "\x1b" not in last.stderr  # no bar where there is no terminal
    count, found = asyncio.run(look(database))
    assert count == len(found) == DOCUMENTS * EACH
