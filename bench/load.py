"""Collecting under load: 10,000 feeds, of which 2 in 100 are slow, broken or hostile.

    python -m bench.load [--feeds N] [--profile]     in a process of its own, JSON to standard output

The collector is the real one, with its parser processes, and a sink that encodes what a Kafka sink sends and writes the
states to a real SQLite file; what happens to an article afterwards is measured in `bench.pipeline`. Three rounds:
the first poll of every feed; as many polls as it can; and 300 polls/s, where the delay of new entries is looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.alerts.sending import Threads
from agent.alerts.together import SettledTogether
from bench.figures import figure
from bench.load_server import load_server

FEEDS = 10_000
FIRST_ROUND_SECONDS = 90.0
PACED_SECONDS = 33.0
"""10,000 feeds in so many seconds are 300 polls/s."""
SATURATED_SECONDS = 15.0
SETTLING_SECONDS, MEASURED_SECONDS = 35.0, 35.0


def run() -> dict[str, Any]:
    """Return the figures, from a process of its own."""
    done = subprocess.run([sys.executable, "-m", "bench.load"], capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    bars = {
        "polls_per_s": {"at_least": 300},
        "resident_mb": {"at_most": 400},
    }
    return {name: figure(value, **bars[name]) if name in bars else value for name, value in found.items()}


class _Sink:
    """Encodes articles and writes states, in one transaction for what has gathered meanwhile."""

    def __init__(self, path: Path) -> None:
        from streams.stores.sqlite import SqliteStore

        self._store = SqliteStore(path)
        self._threads = Threads("bench-store")
        self._together = SettledTogether[Any](self._write, self._threads)

    async def deliver(self, deliveries: Sequence[Any]) -> None:
        await self._together.settle(deliveries)

    def _write(self, deliveries: Sequence[Any]) -> None:
        from streams import codec

        for delivery in deliveries:
            for article in delivery.articles:
                codec.encode(article)
        with self._store.transaction() as transaction:
            transaction.put_feed_states({d.state.feed_url: codec.encode(d.state) for d in deliveries})

    async def close(self) -> None:
        self._threads.close()
        await self._store.close()


class _Watch:
    """Notes every poll: how late it was, and how long its new entries waited."""

    def __init__(self, slow: frozenset[str], states: Mapping[str, Any]) -> None:
        self._slow = slow
        self._due = {url: state.next_poll_at for url, state in states.items()}
        self.begin()

    def begin(self) -> None:
        self.polls = 0
        self.outcomes: dict[str, int] = {}
        self.late: list[float] = []
        self.delays: list[float] = []
        self.started, self._cpu = time.perf_counter(), _cpu_seconds()

    def __call__(self, feed: Any, decision: Any) -> None:
        state = decision.state
        self.polls += 1
        kind = "new" if decision.articles else "same body" if decision.outcome == "ok" else decision.outcome
        self.outcomes[kind] = self.outcomes.get(kind, 0) + 1
        due = self._due.get(feed.url)
        if due is not None and feed.url not in self._slow:
            self.late.append((state.last_polled_at - due).total_seconds())
        self._due[feed.url] = state.next_poll_at
        for article in decision.articles:
            if article.published_at is not None and article.published_at.timestamp() > self.began_at:
                self.delays.append((article.collected_at - article.published_at).total_seconds())

    began_at = 0.0

    def figures(self) -> dict[str, float]:
        seconds = time.perf_counter() - self.started
        return {
            "polls_per_s": round(self.polls / seconds, 1),
            "cpu_ms_per_poll": round(1000 * (_cpu_seconds() - self._cpu) / max(self.polls, 1), 3),
        }


def _cpu_seconds() -> float:
    """Return the processor time of this process and its parsers, of which those alive are asked in /proc."""
    import psutil

    me = psutil.Process()
    total = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    for child in me.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = child.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _share(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 3) if ordered else 0.0


async def _for(collector: Any, seconds: float) -> None:
    task = asyncio.create_task(collector.run())
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        task.result()
    task.cancel()
    await asyncio.wait({task})


async def measure(feeds: int) -> dict[str, Any]:
    """Run the three rounds."""
    import msgspec
    import psutil

    from agent.collect.collector import Collector
    from agent.feeds.definitions import FeedDefinition
    from agent.settings import CollectSettings
    from streams.metrics import Metrics

    settings = CollectSettings(
        allow_private_hosts=("127.0.0.0/8",),
        timeout_seconds=10,
        interval_seconds=5,
        adaptive=False,
        per_host_spacing_seconds=0.05,
    )
    paced = PACED_SECONDS * feeds / FEEDS
    figures: dict[str, Any] = {"feeds": feeds}
    with load_server(feeds, paced) as urls, tempfile.TemporaryDirectory() as folder:
        sink = _Sink(Path(folder) / "bench.sqlite")
        slow = frozenset(urls[feeds - max(1, feeds // 100) :])
        definitions = [FeedDefinition(url=url, source_id=f"s-{n}", name="Bench") for n, url in enumerate(urls)]

        def collector(states: Mapping[str, Any], watch: _Watch, interval: float) -> Collector:
            changed = msgspec.structs.replace(settings, interval_seconds=interval)
            return Collector(
                feeds=definitions, states=states, sink=sink, settings=changed, metrics=Metrics(), on_polled=watch
            )

        watch = _Watch(slow, {})
        made = collector({}, watch, 5.0)
        # On a machine that is busy with other things the rest is measured all the same.
        first = asyncio.create_task(made.run_once())
        await asyncio.wait({first}, timeout=FIRST_ROUND_SECONDS)
        if not first.done():
            first.cancel()
            await asyncio.wait({first})
        figures["first_round"] = {**watch.figures(), "seconds": round(time.perf_counter() - watch.started, 1)}
        states = {state.feed_url: state for state in made.states()}
        del made

        watch = _Watch(slow, states)
        made = collector(states, watch, 5.0)
        running = asyncio.create_task(_for(made, SATURATED_SECONDS + 5))
        await asyncio.sleep(5)
        watch.begin()
        await asyncio.sleep(SATURATED_SECONDS - 1)
        figures |= watch.figures()
        figures["saturated_polls"] = dict(sorted(watch.outcomes.items()))
        await running
        states = {state.feed_url: state for state in made.states()}
        del made

        watch = _Watch(slow, {})
        made = collector(states, watch, paced)
        running = asyncio.create_task(_for(made, SETTLING_SECONDS + MEASURED_SECONDS))
        await asyncio.sleep(SETTLING_SECONDS)
        watch.began_at = time.time() - SETTLING_SECONDS
        watch.begin()
        await asyncio.sleep(MEASURED_SECONDS - 1)
        process = psutil.Process()
        figures["paced"] = {
            **watch.figures(),
            "interval_seconds": paced,
            "late_seconds_median": _share(watch.late, 0.5),
            "late_seconds_99": _share(watch.late, 0.99),
            "late_seconds_max": round(max(watch.late, default=0.0), 3),
            "new_entry_delay_seconds_mean": round(sum(watch.delays) / max(len(watch.delays), 1), 2),
            "new_entry_delay_seconds_99": _share(watch.delays, 0.99),
            "polls": dict(sorted(watch.outcomes.items())),
        }
        figures["resident_mb"] = round(process.memory_info().rss / 1e6, 1)
        # What workers share with their nursery is counted once.
        parsers = [child.memory_full_info().pss for child in process.children(recursive=True)]
        figures["parsers_resident_mb"] = round(sum(parsers) / 1e6, 1)
        await running
        await sink.close()
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("--feeds", type=int, default=FEEDS)
    parser.add_argument("--profile", metavar="FILE", help="write a cProfile of everything to FILE")
    options = parser.parse_args()
    if options.profile:
        import cProfile

        with cProfile.Profile() as profile:
            found = asyncio.run(measure(options.feeds))
        profile.dump_stats(options.profile)
    else:
        found = asyncio.run(measure(options.feeds))
    json.dump(found, sys.stdout, indent=2)
