"""`kill -9` of the embedded agent, again and again: every article is there, once, and feed state agrees with the articles."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.collect.state import FeedState
from bench.feed_server import feed_server
from streams import codec
from streams.identity import article_id
from streams.stores.base import StoreError
from streams.stores.sqlite import SqliteStore

FEEDS, ENTRIES, KILLS = 30, 40, 8


def configure(folder: Path, urls: list[str]) -> None:
    (folder / "feeds").mkdir(parents=True)
    (folder / "rasad.yaml").write_text(
        "collect: {interval_seconds: 5, allow_private_hosts: ['127.0.0.1']}\n", encoding="utf-8"
    )
    lines = [f"  - {{id: s{n}, name: S{n}, url: '{url}'}}" for n, url in enumerate(urls)]
    (folder / "feeds" / "f.yaml").write_text("sources:\n" + "\n".join(lines) + "\n", encoding="utf-8")


def stored(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        store = SqliteStore(path, read_only=True)
    except StoreError:  # killed, or caught, before it had made its tables
        return 0
    try:
        return sum(codec.decode(state, FeedState).published for state in store.feed_states().values())
    finally:
        store.close_now()


async def look(store: SqliteStore, expected: set[str]) -> tuple[int, set[str]]:
    found = {one for one in expected if (article := await store.get(one)) and article.revision == 1}
    count = await store.count()
    await store.close()
    return count, found


@pytest.mark.slow
def test_nothing_lost_and_nothing_twice(tmp_path: Path) -> None:
    database = tmp_path / "rasad.sqlite"
    expected = {
        article_id(canonical_url=f"https://bench-{f}.example/{e}") for f in range(FEEDS) for e in range(ENTRIES)
    }
    with feed_server(feeds=FEEDS, entries=ENTRIES, tokens=40) as urls:
        configure(tmp_path / "config", urls)
        command = [sys.executable, "-m", "agent", "run", "--config", str(tmp_path / "config"), "--store", str(database)]
        for kill in range(KILLS):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=Path.cwd(), env={**os.environ})
            # Kill while it works: as soon as it has gone on a little from where the last one was.
            goal, give_up = min(len(expected) * (kill + 1) // (KILLS + 2), len(expected)), time.monotonic() + 120
            try:
                while stored(database) < goal and time.monotonic() < give_up and process.poll() is None:
                    time.sleep(0.02)
                assert process.poll() is None, "the agent ended by itself"
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
        subprocess.run([*command, "--once"], check=True, capture_output=True, timeout=240)
    store = SqliteStore(database, read_only=True)
    states = [codec.decode(payload, FeedState) for payload in store.feed_states().values()]
    count, found = asyncio.run(look(store, expected))
    assert count == len(expected)
    assert found == expected
    assert sum(state.published for state in states) == len(expected)
