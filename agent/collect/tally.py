"""How feeds stand and what polls came to, as metrics and log lines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.collect.failures import OK_OUTCOMES
from agent.collect.health import show_health
from agent.collect.records import Decision
from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from streams.metrics import Metrics

log = logging.getLogger("rasad.collect")

HEALTH_SECONDS = 120.0
"""Between two looks at the health of all feeds."""


@dataclass(frozen=True)
class Counts:
    """How the feeds stand at one moment."""

    total: int
    due: int
    fetching: int
    failing: int
    stopped: int


def tally(metrics: Metrics, feed: FeedDefinition, decision: Decision, was_failing: int) -> None:
    """Count what one poll came to, and log what a person should know of it."""
    for outcome, number in decision.entries.items():
        metrics.entries.labels(outcome).inc(number)
    for cause, number in decision.faults.items():
        metrics.entry_faults.labels(cause).inc(number)
    if decision.outcome not in OK_OUTCOMES:
        # Once at full voice; a feed that stays broken is in `rasad feeds list` and in the metrics.
        level = logging.WARNING if not was_failing else logging.DEBUG
        detail = decision.state.last_detail
        log.log(level, "feed %s of %s: %s: %s", feed.id, feed.source_id, decision.outcome, detail)
    elif was_failing:
        log.info("feed %s: works again after %d failed polls", feed.id, was_failing)
    if decision.articles:
        log.info("feed %s: %d articles", feed.id, len(decision.articles))


def show_counts(metrics: Metrics, counts: Counts) -> None:
    """Show how the feeds stand."""
    for name, number in (
        ("failing", counts.failing),
        ("stopped", counts.stopped),
        ("ok", counts.total - counts.failing - counts.stopped),
    ):
        metrics.feeds.labels(name).set(number)
    metrics.queue_depth.labels("feeds_due").set(counts.due)
    metrics.queue_depth.labels("feeds_fetching").set(counts.fetching)


class HealthGauges:
    """Keeps the gauges of feed health up to date, in a thread: over 10,000 feeds it takes a moment."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shown_at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def show(self, now: datetime, feeds: Callable[[], tuple[list[FeedDefinition], dict[str, FeedState]]]) -> None:
        """Look at the feeds anew if the last look is long enough ago."""
        is_due = self._shown_at is None or abs(now - self._shown_at) >= timedelta(seconds=HEALTH_SECONDS)
        if is_due and (self._task is None or self._task.done()):
            self._shown_at = now
            self._task = asyncio.create_task(asyncio.to_thread(show_health, self._metrics, *feeds(), now))

    async def close(self) -> None:
        """Wait for a look under way."""
        if self._task is not None:
            await asyncio.wait([self._task])
