"""Parsing in real processes: bombs are killed, the rest goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import msgspec
import psutil
import pytest

from agent.parse.pool import ParsePool
from agent.settings import CollectSettings
from tests.servers.feed_server import item, rss

SETTINGS = CollectSettings(parse_seconds=1.0)
GOOD = rss(item(1)).encode()
ATTRIBUTES = b'<rss version="2.0" ' + b" ".join(b'a%d="x"' % n for n in range(40_000)) + b"><channel/></rss>"
NESTED = b'<rss version="2.0"><channel>' + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</channel></rss>"
# No element has more than is refused at sight, and the document is not closed: feedparser takes a minute.
SLOW = b'<rss version="2.0"><channel>' + b"<item><title>x</title></item>" * 340_000


@pytest.fixture
async def pool() -> AsyncIterator[ParsePool]:
    async with ParsePool(SETTINGS) as made:
        yield made


def processes() -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Return the nurseries and the workers that they have forked."""
    nurseries, found = [], []
    for child in psutil.Process().children(recursive=True):
        try:
            if any("agent.parse.worker" in part for part in child.cmdline()):
                (nurseries if child.ppid() == os.getpid() else found).append(child)
        except psutil.Error:
            continue
    return nurseries, found


def workers() -> list[psutil.Process]:
    return processes()[1]


async def test_a_feed_is_parsed_in_another_process(pool: ParsePool) -> None:
    reply = await pool.parse(GOOD, url="https://a.example/")
    assert reply.outcome == "ok"
    assert reply.feed is not None
    assert [entry.title for entry in reply.feed.entries] == ["Headline 1"]
    assert len(workers()) == 1


@pytest.mark.parametrize("bomb", [ATTRIBUTES, NESTED, SLOW], ids=["attributes", "nested", "slow"])
async def test_a_bomb_costs_its_own_feed_and_no_other(pool: ParsePool, bomb: bytes) -> None:
    await pool.parse(GOOD)
    exploding = asyncio.create_task(pool.parse(bomb))
    await asyncio.sleep(0)
    others = await asyncio.gather(*(pool.parse(GOOD) for _ in range(10)))
    assert {reply.outcome for reply in others} == {"ok"}
    assert (await exploding).outcome == "parser_killed"
    assert (await pool.parse(GOOD)).outcome == "ok"


async def test_ordinary_feeds_do_not_wait_for_a_bomb_to_end() -> None:
    # The bomb may take half a minute of CPU here; the others are done long before, by a spare worker.
    async with ParsePool(msgspec.structs.replace(SETTINGS, parse_seconds=30.0)) as pool:
        exploding = asyncio.create_task(pool.parse(SLOW))
        await asyncio.sleep(0)
        others = await asyncio.gather(*(pool.parse(GOOD) for _ in range(5)))
        assert {reply.outcome for reply in others} == {"ok"}
        assert not exploding.done()
        exploding.cancel()
        await asyncio.wait([exploding])


async def test_memory_is_limited() -> None:
    # 40 MB of short elements take far more than 150 MB as Python objects.
    document = b"<rss version='2.0'><channel>" + b"<item><title>x</title></item>" * 400_000 + b"</channel></rss>"
    settings = msgspec.structs.replace(SETTINGS, parse_seconds=60.0, parse_memory_bytes=150_000_000)
    async with ParsePool(settings) as pool:
        assert (await pool.parse(document)).outcome == "parser_killed"
        assert (await pool.parse(GOOD)).outcome == "ok"


async def test_a_worker_that_dies_is_replaced(pool: ParsePool) -> None:
    await pool.parse(GOOD)
    for worker in workers():
        os.kill(worker.pid, signal.SIGKILL)
    replies = [await pool.parse(GOOD) for _ in range(3)]
    # The first question may have reached the dying one; none is lost without an answer.
    assert [reply.outcome for reply in replies[1:]] == ["ok", "ok"]


async def test_a_nursery_that_dies_is_replaced(pool: ParsePool) -> None:
    await pool.parse(GOOD)
    nurseries, forked = processes()
    for process in (*nurseries, *forked):
        os.kill(process.pid, signal.SIGKILL)
    replies = [await pool.parse(GOOD) for _ in range(3)]
    assert [reply.outcome for reply in replies[1:]] == ["ok", "ok"]


async def test_a_bomb_does_not_need_a_new_nursery(pool: ParsePool) -> None:
    await pool.start()
    ((nursery,), none_yet) = processes()
    assert not none_yet
    for _ in range(3):
        assert (await pool.parse(SLOW)).outcome == "parser_killed"
    assert processes()[0] == [nursery]
    assert pool.killed == 3


async def test_a_question_that_is_cancelled_leaves_no_wrong_answer(pool: ParsePool) -> None:
    await pool.parse(GOOD)
    task = asyncio.create_task(pool.parse(SLOW))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    reply = await pool.parse(rss(item(2)).encode())
    assert reply.feed is not None
    assert reply.feed.entries[0].title == "Headline 2"


async def test_no_more_workers_than_configured_for_ordinary_feeds() -> None:
    async with ParsePool(msgspec.structs.replace(SETTINGS, parse_workers=2)) as pool:
        replies = await asyncio.gather(*(pool.parse(GOOD) for _ in range(40)))
        assert {reply.outcome for reply in replies} == {"ok"}
        assert len(workers()) <= 2


async def test_nothing_is_left_when_the_pool_is_closed() -> None:
    async with ParsePool(SETTINGS) as pool:
        await pool.parse(GOOD)
        exploding = asyncio.create_task(pool.parse(SLOW))
        await asyncio.sleep(0.05)
        assert workers()
        exploding.cancel()
        await asyncio.wait([exploding])
    assert processes() == ([], [])


async def test_a_worker_gets_no_secrets(pool: ParsePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASAD_KAFKA__PASSWORD", "secret")
    await pool.parse(GOOD)
    (worker,) = workers()
    assert not any(name.startswith("RASAD") for name in worker.environ())


def test_a_worker_imports_little() -> None:
    code = "import sys, agent.parse.worker, agent.parse.feed, feedparser; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {
        "aiohttp",
        "asyncio",
        "yaml",
        "sqlite3",
        "kafka",
        "click",
        "rich",
        "prometheus_client",
        "elasticsearch",
    }
