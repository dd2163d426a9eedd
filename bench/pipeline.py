"""The flow as a whole: one core through the stages, the embedded agent end to end, start-up and idle memory."""

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
from pathlib import Path
from typing import Any

import psutil

from bench.articles import raw_articles
from bench.feed_server import feed_server
from bench.figures import figure

STAGE_ARTICLES = 1500
FEEDS = 60
ENTRIES = 50
IDLE_SECONDS = 8.0


def run() -> dict[str, Any]:
    """Return the figures by name."""
    return {
        "stages_one_core": _stages(),
        "embedded_end_to_end": _embedded(),
        "help_seconds": figure(_help_seconds(), at_most=0.3),
        "idle_resident_megabytes": figure(_idle_megabytes(), at_most=150),
    }


def _stages() -> dict[str, Any]:
    """Articles/s of one core through enrich and story, by way of the codec; beside it, the codec alone as the
    baseline."""
    from agent.definitions import load_all
    from streams import codec
    from streams.model import Article, RawArticle
    from streams.pipeline import Pipeline

    started = time.perf_counter()
    _, definitions = load_all("config")
    pipeline = Pipeline(definitions)
    set_up_seconds = time.perf_counter() - started
    articles = list(raw_articles(STAGE_ARTICLES))
    for article in articles[:200]:
        pipeline.process(article)
    started = time.perf_counter()
    good = sum(isinstance(pipeline.process(article), Article) for article in articles)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    for article in articles:
        codec.decode(codec.encode(article), RawArticle)
    codec_seconds = time.perf_counter() - started
    assert good == len(articles)
    return {
        "articles_per_second": round(len(articles) / seconds),
        "share_of_codec_alone": round(codec_seconds / seconds, 4),
        "set_up_seconds": round(set_up_seconds, 2),
        "topics": len(definitions.topics),
        "entities": len(definitions.entities),
    }


def _embedded() -> dict[str, Any]:
    """Articles/s from feeds on loopback to rows in the index: the real `rasad run`, started to stopped."""
    with tempfile.TemporaryDirectory() as name, feed_server(feeds=FEEDS, entries=ENTRIES) as urls:
        work = Path(name)
        config = _config(work, urls)
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "agent", "run", "--once", "--config", str(config)],
            capture_output=True, text=True, env=_environment(work), check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        stored = int(done.stderr.strip().rsplit("\n", 1)[-1].split(" ", 1)[0])
    assert stored == FEEDS * ENTRIES, done.stderr[-2000:]
    return {
        "articles": stored,
        "articles_per_second": figure(round(stored / seconds), at_least=500),
        "seconds_with_start": round(seconds, 1),
    }


def _help_seconds() -> float:
    """Median wall time of `rasad --help` as a user calls it."""
    command = [str(Path(sys.executable).with_name("rasad")), "--help"]
    times = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return round(sorted(times)[3], 3)


def _idle_megabytes() -> float:
    """Resident memory of an agent that has polled its feeds and waits, parser processes included."""
    with tempfile.TemporaryDirectory() as name, feed_server(feeds=5, entries=5) as urls:
        work = Path(name)
        with _agent(_config(work, urls), work) as process:
            _wait_for_articles(work / "rasad.sqlite", 25)
            time.sleep(IDLE_SECONDS)
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            return round(sum(member.memory_info().rss for member in family) / 1e6, 1)


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


def _config(work: Path, urls: list[str]) -> Path:
    """Write a configuration with the shipped topics and entities, and feeds of our own."""
    config = work / "config"
    config.mkdir()
    for name in ("topics", "entities"):
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
