"""The helper process of long batches: same results, whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psutil
import pytest

from agent.burst import LONG_BATCH, BurstHelper, enriched
from streams import codec
from streams.definitions import Definitions, TopicDefinition
from streams.model import EnrichedArticle, RawArticle
from streams.pipeline import Pipeline, Rejected

NOW = datetime(2023, 4, 25, 12, tzinfo=UTC)
DEFINITIONS = Definitions(topics=(TopicDefinition(id="t", name="T", query="تطبيع"),))
PAYLOADS = [
    codec.encode(RawArticle(article_id=f"{n:032x}", title=f"والتطبيع {n}" if n % 2 else "weather", collected_at=NOW)) if n % 50 else b"poison"
    for n in range(3 * LONG_BATCH)
]  # fmt: skip


def seen(results: list[bytes | Rejected]) -> list[object]:
    """What must be the same: everything but the stamp of time."""
    articles = [one if isinstance(one, Rejected) else codec.decode(one, EnrichedArticle) for one in results]
    return [a if isinstance(a, Rejected) else (a.article_id, a.topics, a.language) for a in articles]


@pytest.fixture
def helper() -> Iterator[BurstHelper]:
    helper = BurstHelper(Pipeline(DEFINITIONS).enrich, DEFINITIONS)
    yield helper
    helper.close()


def children() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if is_helper(process)]


def is_helper(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # ended meanwhile, or a zombie that another test has left
        return False


def ended(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=30)[1]


def test_shared_work_gives_the_same_results_in_order(helper: BurstHelper) -> None:
    alone = enriched(Pipeline(DEFINITIONS).enrich, PAYLOADS)
    assert sum(isinstance(result, Rejected) for result in alone) == len(PAYLOADS) // 50
    for _ in range(3):
        assert seen(helper.enrich(PAYLOADS)) == seen(alone)
    assert children()


def test_a_short_batch_needs_no_helper(helper: BurstHelper) -> None:
    before = len(children())
    assert len(helper.enrich(PAYLOADS[: LONG_BATCH - 1])) == LONG_BATCH - 1
    assert len(children()) <= before


def test_a_helper_that_is_killed_costs_nothing(helper: BurstHelper) -> None:
    alone = enriched(Pipeline(DEFINITIONS).enrich, PAYLOADS)
    for _ in range(3):
        assert seen(helper.enrich(PAYLOADS)) == seen(alone)
        helpers = children()
        for process in helpers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        assert ended(helpers)


def test_the_helper_goes_when_it_is_quiet_and_comes_back() -> None:
    helper = BurstHelper(Pipeline(DEFINITIONS).enrich, DEFINITIONS, quiet_seconds=3600)
    helper.enrich(PAYLOADS)
    started = children()
    assert started
    helper._quiet_seconds = 0.1
    assert len(helper.enrich(PAYLOADS)) == len(PAYLOADS)
    assert ended(started)
    helper._quiet_seconds = 3600
    assert len(helper.enrich(PAYLOADS)) == len(PAYLOADS)
    assert {process.pid for process in children()} - {process.pid for process in started}
    helper.close()


def test_the_helper_does_not_outlive_a_killed_agent() -> None:
    code = """
import sys, time
from tests.unit.test_burst import DEFINITIONS, PAYLOADS, BurstHelper, Pipeline, children
if __name__ == "__main__":
    helper = BurstHelper(Pipeline(DEFINITIONS).enrich, DEFINITIONS)
    helper.enrich(PAYLOADS)
    print(children()[0].pid, flush=True)
    time.sleep(60)
"""
    agent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert agent.stdout is not None
    pid = int(agent.stdout.readline())
    child = psutil.Process(pid)
    agent.kill()
    agent.wait()
    agent.stdout.close()
    deadline = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
