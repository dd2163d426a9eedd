"""The flow as a whole: one core through the stages, the embedded agent end to end, start-up and idle memory.

End to end is measured with two kinds of articles: `pooled` ones, of sentences that stand in many others, which the bar
is for, and a `stream` of whole reports (`bench.articles`). Beside the rate of a short run, its start included, stands
the sustained one: what a run of four times as many articles takes longer. The processor time of each process tells what
a busy machine does to these rates.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.articles import raw_articles
from bench.feed_server import feed_server
from bench.figures import figure

if TYPE_CHECKING:
    from streams.model import Article
    from streams.pipeline import Pipeline

STAGE_ARTICLES = 1500
BATCH = 200
FEEDS = 60
ENTRIES = 50
LONGER = 4
"""How many times as many articles the run has that the sustained rate is taken from."""
JUST_STORED_SECONDS, IDLE_SECONDS = 8.0, 30.0
"""After the first articles; the parser is ended when there was nothing to parse for `PARSER_IDLE_SECONDS`."""


def run() -> dict[str, Any]:
    """Return the figures by name."""
    return {
        "stages_one_core": _stages(),
        "embedded_end_to_end": {**_embedded("pooled"), "stream": _embedded("stream")},
        "help_seconds": figure(_help_seconds(), at_most=0.3),
        **_memory(),
    }


def _stages() -> dict[str, Any]:
    """Articles/s of one core through enrich and story, by way of the codec; beside it, the codec alone as the
    baseline. And what each part of the embedded runtime takes of an article, in this process's own time."""
    from agent.definitions import load_all
    from streams import codec
    from streams.model import Article, RawArticle
    from streams.pipeline import Pipeline, settle

    started = time.process_time()
    _, definitions = load_all("config")
    read_seconds = time.process_time() - started
    pipeline = Pipeline(definitions, keeps_state=True)
    set_up_seconds = time.process_time() - started
    articles = list(raw_articles(STAGE_ARTICLES))
    for article in articles[:200]:
        pipeline.process(article)
    settle()
    pipeline.stories.restore([])
    parts = dict.fromkeys(("enrich", "story", "store"), 0.0)
    done: list[Article] = []
    for article in articles:
        payload = codec.encode(article)
        started = time.process_time()
        enriched = pipeline.enrich.step(payload)
        between = time.process_time()
        result = pipeline.process_enriched(enriched[0]) if isinstance(enriched, tuple) else None
        parts["enrich"] += between - started
        parts["story"] += time.process_time() - between
        assert isinstance(result, Article)
        done.append(result)
    seconds = parts["enrich"] + parts["story"]
    with tempfile.TemporaryDirectory() as name:
        parts["store"] = _store_seconds(Path(name), done, pipeline)
    started = time.process_time()
    for article in articles:
        codec.decode(codec.encode(article), RawArticle)
    codec_seconds = time.process_time() - started
    return {
        "articles_per_second": round(len(articles) / seconds),
        "share_of_codec_alone": round(codec_seconds / seconds, 4),
        **{f"{part}_milliseconds": round(1e3 * taken / len(articles), 2) for part, taken in parts.items()},
        "set_up_seconds": round(set_up_seconds, 2),
        "of_that_reading_definitions": round(read_seconds, 2),
        "topics": len(definitions.topics),
        "entities": len(definitions.entities),
    }


def _store_seconds(folder: Path, articles: list[Article], pipeline: Pipeline) -> float:
    """Write articles as the embedded runtime does, in batches."""
    from streams.stores.sqlite import SqliteStore

    store = SqliteStore(folder / "rasad.sqlite")
    kept, begins = pipeline.stories.take_kept(), pipeline.stories.window.begins
    assert begins is not None
    started = time.process_time()
    for at in range(0, len(articles), BATCH):
        with store.transaction() as transaction:
            transaction.write(articles[at : at + BATCH])
            transaction.put_story_state(kept[at : at + BATCH], begins - timedelta(days=1))
    seconds = time.process_time() - started
    store.close_now()
    return seconds


def _embedded(kind: str) -> dict[str, Any]:
    """Articles/s from feeds on loopback to rows in the index: the real `rasad run`, started to stopped."""
    short, long = _run_once(kind, FEEDS), _run_once(kind, FEEDS * LONGER)
    more = long.articles - short.articles
    return {
        "articles": short.articles,
        "articles_per_second": figure(
            round(short.articles / short.seconds), at_least=500 if kind == "pooled" else None
        ),
        "seconds_with_start": round(short.seconds, 1),
        "processor_seconds": {part: round(seconds, 1) for part, seconds in sorted(short.processor.items())},
        "sustained_articles_per_second": round(more / (long.seconds - short.seconds)),
        "sustained_processor_milliseconds_an_article": {
            part: round(1e3 * (seconds - short.processor.get(part, 0.0)) / more, 2)
            for part, seconds in sorted(long.processor.items())
        },
    }


@dataclass(frozen=True)
class _Run:
    articles: int
    seconds: float
    processor: dict[str, float]
    """Processor seconds by process: `main`, `helper`, `parsers`."""


def _run_once(kind: str, feeds: int) -> _Run:
    with tempfile.TemporaryDirectory() as name, feed_server(feeds=feeds, entries=ENTRIES, kind=kind) as urls:
        work = Path(name)
        command = [sys.executable, "-m", "agent", "run", "--once", "--config", str(_config(work, urls))]
        started = time.perf_counter()
        with (work / "errors").open("w+b") as errors:
            process = subprocess.Popen(command, stderr=errors, env=_environment(work))
            processor = _processor_seconds(process)
            seconds = time.perf_counter() - started
            errors.seek(0)
            said = errors.read().decode()
        assert process.returncode == 0, said[-2000:]
        stored = int(said.strip().rsplit("\n", 1)[-1].split(" ", 1)[0])
    assert stored == feeds * ENTRIES, said[-2000:]
    return _Run(stored, seconds, processor)


def _processor_seconds(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Wait for an agent to end; return what its processes have taken, as last seen."""
    agent = psutil.Process(process.pid)
    taken: dict[tuple[str, int], float] = {}
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):  # ended meanwhile
            mine = agent.cmdline()
            taken["main", agent.pid] = sum(agent.cpu_times()[:2])
            for child in agent.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    command = child.cmdline()
                    is_helper = command == mine or "spawn_main" in " ".join(command)
                    taken["helper" if is_helper else "parsers", child.pid] = sum(child.cpu_times()[:2])
        time.sleep(0.1)
    by_part: dict[str, float] = {}
    for (part, _), seconds in taken.items():
        by_part[part] = by_part.get(part, 0.0) + seconds
    return by_part


def _help_seconds() -> float:
    """Median wall time of `rasad --help` as a user calls it."""
    command = [str(Path(sys.executable).with_name("rasad")), "--help"]
    times = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return round(sorted(times)[3], 3)


def _memory() -> dict[str, Any]:
    """Memory of an agent that has polled its feeds and waits, with all its processes: resident (shared pages count in
    each of them) and proportional (a page that two have counts half in each)."""
    with tempfile.TemporaryDirectory() as name, feed_server(feeds=5, entries=5) as urls:
        work = Path(name)
        with _agent(_config(work, urls, everything=True), work) as process:
            _wait_for_articles(work / "rasad.sqlite", 25)
            time.sleep(JUST_STORED_SECONDS)
            polled = _megabytes(process.pid)
            time.sleep(IDLE_SECONDS - JUST_STORED_SECONDS)
            idle = _megabytes(process.pid)
    return {
        "idle_resident_megabytes": figure(idle["resident"], at_most=150),
        "idle_memory": idle,
        "memory_just_after_a_poll": polled,
    }


def _megabytes(pid: int) -> dict[str, Any]:
    main = psutil.Process(pid)
    members = [member.memory_full_info() for member in (main, *main.children(recursive=True))]
    return {
        "processes": len(members),
        "resident": round(sum(member.rss for member in members) / 1e6, 1),
        "resident_main": round(members[0].rss / 1e6, 1),
        "proportional": round(sum(member.pss for member in members) / 1e6, 1),
    }


def _wait_for_articles(path: Path, count: int) -> None:
    from streams.stores.base import StoreError
    from streams.stores.sqlite import SqliteStore

    give_up = time.monotonic() + 90
    while time.monotonic() < give_up:
        with contextlib.suppress(StoreError):  # not made yet
            store = SqliteStore(path, read_only=True)
            try:
                if asyncio.run(store.count()) >= count:
                    return
            finally:
                store.close_now()
        time.sleep(0.5)
    raise TimeoutError("the agent has stored nothing")


@contextlib.contextmanager
def _agent(config: Path, work: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "run", "--config", str(config)],
        env=_environment(work),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _config(work: Path, urls: list[str], *, everything: bool = False) -> Path:
    """Write a configuration with the shipped topics and entities, or everything that is shipped, and feeds of our
    own."""
    config = work / "config"
    config.mkdir()
    more = ("alerts", "destinations", "frames", "pages", "sources") if everything else ()
    for name in ("topics", "entities", *more):
        (config / name).symlink_to(Path("config", name).resolve())
    (config / "rasad.yaml").write_text(
        "collect: {interval_seconds: 3600, allow_private_hosts: ['127.0.0.1'], "
        "per_host_concurrency: 8, per_host_spacing_seconds: 0}\n"
        "log: {level: warning}\n"
    )
    feeds = config / "feeds"
    feeds.mkdir()
    lines = [f"  - {{id: bench-{n}, name: Bench {n}, url: '{url}'}}" for n, url in enumerate(urls)]
    (feeds / "bench.yaml").write_text("sources:\n" + "\n".join(lines) + "\n")
    return config


def _environment(work: Path) -> dict[str, str]:
    return {**os.environ, "RASAD_STORE__PATH": str(work / "rasad.sqlite")}
