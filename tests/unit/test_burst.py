"""The helper process of long batches: same results, whatever happens to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

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


def started(helper: BurstHelper) -> BurstHelper:
    """Return `helper` when its process is ready: who has articles does not wait for that."""
    helper.begin(PAYLOADS)
    give_up = time.monotonic() + 60
    while (process := helper._helper) is None or not process.is_ready:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    return helper


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
    assert seen(helper.enrich(PAYLOADS)) == seen(alone)  # it is being started
    started(helper)
    for _ in range(3):
        assert helper.begin(PAYLOADS).chunks
        assert seen(helper.enrich(PAYLOADS)) == seen(alone)
    assert children()


def test_one_batch_is_begun_while_another_is_taken(helper: BurstHelper) -> None:
    alone = enriched(Pipeline(DEFINITIONS).enrich, PAYLOADS)
    started(helper)
    first, second, third = (helper.begin(PAYLOADS[at::3]) for at in range(3))
    assert seen(list(helper.results(first))) == seen(alone[0::3])
    taken = helper.results(second)
    assert [next(taken) for _ in range(15)]
    taken.close()  # as where the batch fails half way
    assert seen(list(helper.results(third))) == seen(alone[2::3])


def test_what_the_helper_does_not_come_to_this_process_does(helper: BurstHelper) -> None:
    alone = enriched(Pipeline(DEFINITIONS).enrich, PAYLOADS)
    here = 0
    stage = helper._stage

    def counted(raw: RawArticle) -> RawArticle:
        nonlocal here
        here += 1
        return stage.run(raw)

    started(helper)._stage = replace(stage, run=counted)
    (process,) = children()
    process.suspend()
    results: list[bytes | Rejected] = []
    taking = threading.Thread(target=lambda: results.extend(helper.results(helper.begin(PAYLOADS))))
    taking.start()
    deadline = time.monotonic() + 30
    while here < len(PAYLOADS) - 60 and time.monotonic() < deadline:  # the helper has a few at hand
        time.sleep(0.01)
    assert taking.is_alive() and len(PAYLOADS) - 60 <= here < len(PAYLOADS)
    process.resume()
    taking.join(timeout=30)
    assert seen(results) == seen(alone)


def test_a_short_batch_needs_no_helper(helper: BurstHelper) -> None:
    before = len(children())
    assert len(helper.enrich(PAYLOADS[: LONG_BATCH - 1])) == LONG_BATCH - 1
    assert len(children()) <= before


def test_a_helper_that_is_killed_costs_nothing(helper: BurstHelper) -> None:
    alone = enriched(Pipeline(DEFINITIONS).enrich, PAYLOADS)
    for _ in range(3):
        started(helper)
        sharing = helper.begin(PAYLOADS)
        helpers = children()
        for process in helpers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        assert ended(helpers)
        assert seen(list(helper.results(sharing))) == seen(alone)


def test_the_helper_goes_when_it_is_quiet_and_comes_back() -> None:
    helper = BurstHelper(Pipeline(DEFINITIONS).enrich, DEFINITIONS, quiet_seconds=3600)
    list(started(helper).results(helper.begin(PAYLOADS)))
    first = children()
    assert first
    assert helper._helper is not None
    helper._helper._quiet_seconds = 0.1
    assert len(helper.enrich(PAYLOADS)) == len(PAYLOADS)
    assert ended(first)
    started(helper)
    assert {process.pid for process in children()} - {process.pid for process in first}
    helper.close()


def test_a_helper_that_idles_is_ended_at_once(helper: BurstHelper) -> None:
    started(helper)
    assert len(helper.enrich(PAYLOADS)) == len(PAYLOADS)
    (process,) = children()
    before = time.monotonic()
    helper.close()
    assert time.monotonic() - before < 4.0
    assert not process.is_running()


def test_a_helper_that_never_had_work_goes_too() -> None:
    helper = BurstHelper(Pipeline(DEFINITIONS).enrich, DEFINITIONS, quiet_seconds=0.1)
    assert len(helper.enrich(PAYLOADS)) == len(PAYLOADS)
    assert ended(children())


def run(code: str, **more: Any) -> Any:
    return json.loads(
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": "."},
            **more,
        ).stdout
    )


def forking(rest: str) -> Any:
    """Return what `rest` prints about a helper that is forked before its agent has tables."""
    return run(
        """
import json, time
import psutil
from agent import burst
from tests.unit.test_burst import DEFINITIONS, PAYLOADS, BurstHelper, Pipeline, enriched, seen
from streams.codec import decode
alone = seen(enriched(Pipeline(DEFINITIONS).enrich, PAYLOADS))
pipeline, built = Pipeline(DEFINITIONS, is_built=False), []
helper = BurstHelper(pipeline.enrich, DEFINITIONS, build=lambda: built.append(pipeline.build()), quiet_seconds=2.0)
is_forked = helper.fork()
children = psutil.Process().children()
"""
        + rest
    )


def test_the_first_helper_is_forked_and_goes_when_the_agent_has_its_tables() -> None:
    assert forking("""
sharing, other = helper.begin(PAYLOADS), helper.begin(PAYLOADS[:5])
same = seen(list(helper.results(sharing))) == alone and seen(list(helper.results(other))) == alone[:5]
were_built = len(built)
gone = not psutil.wait_procs(children, timeout=30)[1]
same_after = seen(helper.enrich(PAYLOADS[:50])) == alone[:50]
print(json.dumps([is_forked, len(children), same, were_built, gone, len(built), same_after]))
helper.close()
""") == [True, 1, True, 0, True, 1, True]


def test_without_its_first_helper_the_agent_makes_its_tables_itself() -> None:
    assert forking("""
sharing = helper.begin(PAYLOADS)
results = helper.results(sharing)
first = next(results)
children[0].kill()
print(json.dumps([seen([first, *results]) == alone, len(built)]))
""") == [True, 1]


def test_the_agent_does_not_wait_for_ever_for_its_first_helper() -> None:
    assert forking("""
burst._MAX_WAITED_SECONDS = 0.3
children[0].suspend()
sharing = helper.begin(PAYLOADS)
results = helper.results(sharing)
import threading
threading.Timer(2.0, children[0].resume).start()
print(json.dumps([seen(list(results)) == alone, len(built)]))
helper.close()
""") == [True, 1]


def test_nothing_is_forked_where_there_are_threads() -> None:
    assert run("""
import json, threading
from tests.unit.test_burst import DEFINITIONS, BurstHelper, Pipeline, children
over = threading.Event()
threading.Thread(target=over.wait).start()
helper = BurstHelper(Pipeline(DEFINITIONS).enrich, DEFINITIONS)
print(json.dumps([helper.fork(), helper._helper is None]))
over.set()
""") == [False, True]


def test_the_helper_does_not_outlive_a_killed_agent() -> None:
    code = """
import sys, time
from tests.unit.test_burst import DEFINITIONS, PAYLOADS, BurstHelper, Pipeline, children, started
if __name__ == "__main__":
    helper = BurstHelper(Pipeline(DEFINITIONS).enrich, DEFINITIONS)
    started(helper)
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
