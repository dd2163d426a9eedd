"""Scheduling: how long entries wait, against fixed intervals that cost as many requests, on times of publication."""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

from bench.figures import figure
from bench.publication import compare

TIMES = Path(__file__).parent.parent / "tests" / "data" / "publication_times.json"
Window = tuple[list[int], int, int]


def windows(kind: str) -> list[Window]:
    """Return the feeds of a kind (`recorded`, `modelled`) with the minutes between which they are polled."""
    found = []
    for gaps in json.loads(TIMES.read_text(encoding="utf-8"))[kind]:
        times = list(accumulate(gaps))
        start = times[0] if kind == "recorded" else 3 * 1440
        found.append((times, start, times[-1] + 1))
    return [window for window in found if sum(window[1] < minute < window[2] for minute in window[0]) >= 5]


def run() -> dict[str, Any]:
    """Return the figures of the area `schedule`."""
    figures: dict[str, Any] = {}
    for kind in ("recorded", "modelled"):
        found = compare(windows(kind))
        figures[kind] = {**found, "saved": figure(found["saved"], at_least=0.2)}
    return figures
