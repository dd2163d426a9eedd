"""A model of when feeds publish, and a simulation of polling them.

The model: rates from one a month to 20 an hour; each outlet has its day and its week, publishes some entries in one go,
has outbreaks (an event makes others), and changes its habits now and then. `tests/data/publication_times.json` has the
recorded times of real feeds (times alone) beside some of the model's.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.collect.tempo import begin, observe, wait_seconds

START = datetime(2026, 1, 5, tzinfo=UTC)
LISTED = 30
LOW_SECONDS, HIGH_SECONDS = 300.0, 86_400.0


def modelled(seed: int, days: int) -> list[int]:
    """Return the times of one made-up feed, in minutes since START."""
    dice = random.Random(seed)
    per_day = math.exp(dice.uniform(math.log(0.05), math.log(250)))
    opens, width = dice.uniform(0, 24), dice.uniform(4, 16)
    night = dice.choice([0.02, 0.1, 0.3, 0.8])
    weekend, free = dice.choice([0.2, 0.5, 1.0]), dice.choice([(4, 5), (5, 6)])
    batch = dice.choice([1.0, 1.0, 1.5, 3.0])
    outbreak = dice.choice([0.0, 0.1, 0.3])
    weights = []
    factor = 1.0
    for hour in range(days * 24):
        if dice.random() < 1 / (24 * 20):
            factor = math.exp(dice.gauss(0, 0.7))
        is_day = (hour % 24 - opens) % 24 < width
        weights.append(factor * (1.0 if is_day else night) * (weekend if hour // 24 % 7 in free else 1.0))
    mean = sum(weights) / len(weights)
    times: list[float] = []
    for hour, weight in enumerate(weights):
        rate = per_day / 24 * weight / mean / batch * (1 - outbreak)
        at = dice.expovariate(rate) if rate else math.inf
        while at < 1:
            moment = hour + at
            while True:
                times += [moment + dice.uniform(0, 0.03) for _ in range(1 + _geometric(dice, batch))]
                if dice.random() >= outbreak:
                    break
                moment += dice.expovariate(1.0)
            at += dice.expovariate(rate)
    return sorted(int(time * 60) for time in times if time < days * 24)


def _geometric(dice: random.Random, mean: float) -> int:
    count = 0
    while dice.random() < 1 - 1 / mean and count < 50:
        count += 1
    return count


@dataclass(frozen=True)
class Outcome:
    """What polling one feed came to."""

    polls: int
    entries: int
    delay_minutes: float
    """Of all entries together."""


def simulate(times: Sequence[int], begin_at: int, end_at: int, base_seconds: float) -> Outcome:
    """Poll one feed as the scheduler would, from minute `begin_at` on."""
    at = float(begin_at)
    position = bisect_right(times, at)
    tempo = begin((_moment(minute) for minute in times[max(0, position - LISTED) : position]), _moment(at))
    polls, entries, delay = 1, 0, 0.0
    while True:
        at += wait_seconds(tempo, _moment(at), base_seconds, min(LOW_SECONDS, base_seconds), HIGH_SECONDS) / 60
        if at >= end_at:
            break
        polls += 1
        found = times[position : bisect_right(times, at)]
        position += len(found)
        entries += len(found)
        delay += sum(at - minute for minute in found)
        tempo = observe(tempo, (_moment(minute) for minute in found), _moment(at))
    rest = [minute for minute in times[position:] if minute < end_at]
    return Outcome(polls, entries + len(rest), delay + sum(end_at - minute for minute in rest))


def fixed(times: Sequence[int], begin_at: int, end_at: int, interval_minutes: float) -> Outcome:
    """Poll one feed at a fixed interval."""
    wanted = [minute for minute in times if begin_at < minute < end_at]
    delay = 0.0
    for minute in wanted:
        next_at = begin_at + math.ceil((minute - begin_at) / interval_minutes) * interval_minutes
        delay += min(next_at, end_at) - minute
    return Outcome(1 + int((end_at - begin_at) / interval_minutes), len(wanted), delay)


def _moment(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def compare(feeds: Sequence[tuple[Sequence[int], int, int]], base_seconds: float = 600.0) -> dict[str, float]:
    """Return mean delays, in minutes, of the scheduler and of fixed intervals that cost as many requests in all."""
    ours = [simulate(times, start, end, base_seconds) for times, start, end in feeds]
    polls, entries = sum(o.polls for o in ours), max(1, sum(o.entries for o in ours))

    def delay_of(outcomes: Sequence[Outcome]) -> float:
        return sum(o.delay_minutes for o in outcomes) / entries

    interval = _interval_costing(polls, feeds, lambda minutes: sum(fixed(t, a, b, minutes).polls for t, a, b in feeds))
    same = [fixed(times, start, end, interval) for times, start, end in feeds]
    own = [
        fixed(times, start, end, max((end - start) / max(o.polls - 1, 0.5), 0.1))
        for (times, start, end), o in zip(feeds, ours, strict=True)
    ]
    adaptive = delay_of(ours)
    return {
        "feeds": len(feeds),
        "entries": entries,
        "polls": polls,
        "adaptive_minutes": adaptive,
        "fixed_minutes": delay_of(same),
        "saved": 1 - adaptive / delay_of(same),
        "fixed_by_feed_minutes": delay_of(own),
        "saved_against_fixed_by_feed": 1 - adaptive / delay_of(own),
    }


def _interval_costing(polls: int, feeds: Sequence[object], cost: Callable[[float], int]) -> float:
    low, high = 0.5, 50_000.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if cost(middle) > polls else (low, middle)
    return high
