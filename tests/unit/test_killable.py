"""What the pool of killable workers promises whatever they do; bombs and limits are in collect/test_parse_pool.py."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from agent.killable import KillablePool, WorkerKilled
from agent.parse.worker import ParseRequest
from tests.servers.feed_server import item, rss

FEED = msgspec.msgpack.encode(ParseRequest(data=rss(item(1)).encode(), max_entries=10, cpu_seconds=10.0))
MODULE = "agent.parse.worker"


async def test_no_worker_before_it_is_needed_and_none_when_it_is_idle() -> None:
    async with KillablePool(MODULE, workers=1, memory_bytes=1_000_000_000, idle_seconds=0.1) as pool:
        assert pool.running == 0
        await pool.ask(FEED, cpu_seconds=10.0)
        async with asyncio.timeout(60):
            while pool.running:  # noqa: ASYNC110  (the pool tells nobody)
                await asyncio.sleep(0.02)
        assert await pool.ask(FEED, cpu_seconds=10.0)


async def test_a_request_that_is_none_kills_its_worker_and_no_other_request() -> None:
    async with KillablePool(MODULE, workers=1, memory_bytes=1_000_000_000) as pool:
        with pytest.raises(WorkerKilled):
            await pool.ask(b"\xc1 is no MessagePack", cpu_seconds=1.0)
        assert pool.killed == 1
        assert await pool.ask(FEED, cpu_seconds=10.0)
