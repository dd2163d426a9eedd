"""Article pages and pushes: pages extracted a second and what one process takes; from a hub's push to the index."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.figures import figure

PAGES = Path(__file__).parent.parent / "tests" / "data" / "pages"
ROUNDS, PUSHES = 5, 40
SECRET = "a secret of the benchmark"  # noqa: S105
FEED = "https://bench.example/rss"

_EXTRACT = """
import sys, time
from pathlib import Path
import psutil
from agent.pages.extract import extract_page
pages = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.html"))]
for page in pages:
    extract_page(page, url="https://bench.example/n/1")
start = time.perf_counter()
for _ in range(int(sys.argv[2])):
    for page in pages:
        extract_page(page, url="https://bench.example/n/1")
seconds = time.perf_counter() - start
print(len(pages) * int(sys.argv[2]) / seconds, psutil.Process().memory_info().rss / 1e6)
"""


def run() -> dict[str, Any]:
    """Return the figures of the area `pages`."""
    done = subprocess.run(
        [sys.executable, "-c", _EXTRACT, str(PAGES), str(ROUNDS)], check=True, capture_output=True, text=True
    )
    pages_per_second, megabytes = map(float, done.stdout.split())
    seconds = asyncio.run(_pushes())
    return {
        "pages_per_second": round(pages_per_second, 1),
        "extractor_mb": round(megabytes, 1),
        "push_to_indexed_first_seconds": figure(round(seconds[0], 3), at_most=1.0),
        "push_to_indexed_median_seconds": figure(round(statistics.median(seconds), 3), at_most=1.0),
        "push_to_indexed_worst_seconds": figure(round(max(seconds), 3), at_most=1.0),
    }


async def _pushes() -> list[float]:
    import msgspec

    from agent.collect.state import FeedState
    from agent.feeds.definitions import FeedDefinition
    from agent.runtime import embedded_agent
    from agent.settings import Settings, StoreSettings, WebSubSettings
    from agent.websub.records import Subscription
    from streams import codec
    from streams.definitions import Definitions
    from streams.stores.sqlite import SqliteStore

    now = datetime.now(UTC)
    websub = WebSubSettings(callback_url="http://127.0.0.1:1", secret=SECRET, port=0, pushes_per_minute=6000)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "bench.sqlite")
        push = Subscription(
            hub_url="https://hub.example/",
            topic_url=FEED,
            callback="http://127.0.0.1:1",
            verified_at=now,
            lease_until=now + timedelta(days=1),
        )
        state = FeedState(feed_url=FEED, source_id="bench", next_poll_at=now + timedelta(hours=1), push=push)
        store = SqliteStore(path)
        with store.transaction() as transaction:
            transaction.put_feed_states({FEED: codec.encode(state)})
        await store.close()
        settings = msgspec.structs.replace(Settings(), store=StoreSettings(path=path), websub=websub)
        feed = FeedDefinition(url=FEED, source_id="bench", name="Bench")
        async with embedded_agent(settings, Definitions(), [feed]) as agent:
            running = asyncio.create_task(agent.collector.run())
            try:
                return [await _push(agent, number) for number in range(PUSHES)]
            finally:
                running.cancel()
                await asyncio.wait([running])


async def _push(agent: Any, number: int) -> float:
    import aiohttp

    from agent.websub.signature import hub_secret, path_token
    from streams.identity import article_id

    link = f"https://bench.example/n/{number}"
    text = f"The envoys met for the {number}th time and said what they had said before. " * 20
    body = (
        f'<rss version="2.0"><channel><title>Bench</title><item><title>Meeting {number}</title><link>{link}</link>'
        f"<guid>{link}</guid><description>{text}</description></item></channel></rss>"
    ).encode()
    digest = hmac.new(hub_secret(SECRET, FEED, FEED).encode(), body, hashlib.sha256).hexdigest()
    one = article_id(canonical_url=link)
    while not agent.collector.push_port:  # noqa: ASYNC110  (nobody tells)
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{agent.collector.push_port}/websub/{path_token(SECRET, FEED)}"
    await asyncio.sleep(0.3)
    async with aiohttp.ClientSession() as session:
        start = time.perf_counter()
        async with session.post(url, data=body, headers={"X-Hub-Signature": f"sha256={digest}"}) as answer:
            answer.raise_for_status()
        while await agent.store.get(one) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        return time.perf_counter() - start
