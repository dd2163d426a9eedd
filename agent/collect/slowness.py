"""Which feeds are slow: those that timed out, or took much longer than others do. Pure.

Slow feeds share a part of the places (`queues.Lanes`), so what slows all feeds down, a loaded machine or a thin line,
must not make all of them slow: then those that never answer would hold up the rest.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from agent.collect.failures import OK_OUTCOMES
from agent.collect.state import FeedState

SLOW_PART = 0.25
"""Of the deadline: a poll that took less is not slow, whatever others take."""
TIMES_USUAL = 4.0
MOST_PART = 0.9
"""Of the deadline: a poll that took more is slow, whatever others take."""
_WEIGHT = 0.02


class Slowness:
    """Knows how long polls usually take, of late."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._usual_seconds = 0.0

    def learn(self, states: Iterable[FeedState]) -> None:
        """Begin with what was known before a restart."""
        known = [state.last_seconds for state in states if state.last_outcome in OK_OUTCOMES]
        if known:
            self._usual_seconds = max(self._usual_seconds, statistics.median(known))

    def note(self, outcome: str, seconds: float) -> None:
        """Take one poll into account."""
        if outcome in OK_OUTCOMES:
            self._usual_seconds += _WEIGHT * (seconds - self._usual_seconds)

    def is_slow(self, state: FeedState) -> bool:
        """Tell whether the last poll of a feed was."""
        if state.last_outcome == "timeout":
            return True
        limit = max(SLOW_PART * self._timeout_seconds, TIMES_USUAL * self._usual_seconds)
        return state.last_seconds > min(limit, MOST_PART * self._timeout_seconds)
