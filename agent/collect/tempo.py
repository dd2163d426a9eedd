"""How often a feed publishes, and when it is worth looking again. Pure.

A feed is taken for a Poisson process whose rate follows the hour of the day:

    rate(t) = events / hours * profile[hour of t]

`events` and `hours` are the entries seen and the time watched, both forgotten by and by, with a prior that counts as
a third of an entry. `hours` are counted by the profile, so that a quiet night is no sign of a feed slowing down. The
profile is learned from the times of the entries, and flat where little is known.

Looking at a feed of rate r every w hours costs 1/w requests an hour and makes its entries wait r*w/2 hours in all. For
a given number of requests the waiting is least where w is proportional to 1/sqrt(r) (Lagrange, for each moment of each
feed): a feed that publishes 100 times as much is looked at 10 times as often. So the next look is where the integral
of sqrt(rate) since the last one reaches a constant; `bench/schedule.py` holds it against fixed intervals.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

PRIOR_RATE = 1.5
"""Entries an hour of a feed of which nothing is known; it is polled at the base interval."""
PRIOR_WEIGHT = 0.3
MEMORY_EVENTS = 12.0
"""Entries that are remembered, about: a rate is known to some 30 % and still follows a change."""
MIN_MEMORY_HOURS, MAX_MEMORY_HOURS = 36.0, 60 * 24.0
WARM_EVENTS = 12.0
WARM_HOURS = 60 * 24.0
"""A first document says how often a feed published before anybody looked; what is older is left out."""
PROFILE_MEMORY = 300.0
"""Entries that make the profile of a day, about."""
PROFILE_PRIOR = 2.0
"""Entries in every hour that are made up, to keep the profile flat until more is known."""
MIN_PROFILE, MAX_PROFILE = 0.1, 4.0
LONGEST_GAP_MEMORY_SECONDS = 30 * 86_400.0
_SCALE = 64.0


class Tempo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a feed's tempo; part of its state."""

    as_of: datetime
    events: float = 0.0
    hours: float = 0.0
    profile: bytes = b""
    """24 counts of entries by hour of the day (UTC), 16 bits each, in 64ths."""
    last_entry_at: datetime | None = None
    gap_seconds: float | None = None
    """Usual time between two moments with new entries, as it was at the last of them."""
    longest_gap_seconds: float = 0.0
    """Longest such time of late; it fades in a month or so."""

    @property
    def rate_per_hour(self) -> float:
        """Entries an hour, over the whole day."""
        return (self.events + PRIOR_WEIGHT) / (self.hours + PRIOR_WEIGHT / PRIOR_RATE)

    def shape(self) -> Sequence[float]:
        """Return for each hour of the day how much more than usual is published in it."""
        if not self.profile:
            return _FLAT
        counts = [count / _SCALE for count in _unpack(self.profile)]
        # What is published at 10:05 may be published at 9:55 tomorrow.
        smooth = [
            (counts[hour - 1] + 2 * counts[hour] + counts[(hour + 1) % 24]) / 4 + PROFILE_PRIOR for hour in range(24)
        ]
        mean = sum(smooth) / 24
        return [min(max(value / mean, MIN_PROFILE), MAX_PROFILE) for value in smooth]


_FLAT: Sequence[float] = (1.0,) * 24


def begin(entry_times: Iterable[datetime], now: datetime) -> Tempo:
    """Return the tempo that a first document shows, from the times of its entries."""
    dated = sorted(time for time in entry_times if time <= now)
    tempo = Tempo(as_of=now)
    if len(dated) < 2:
        return tempo
    start = max(dated[0], now - timedelta(hours=WARM_HOURS))
    times = [time for time in dated if time > start]
    hours = max((now - start).total_seconds() / 3600, 0.1)
    share = min(1.0, WARM_EVENTS / max(len(times), 1))
    tempo = _with_gaps(tempo, [start, *times])
    profile = _counted(b"", times) if hours >= 72 else b""
    return _replaced(tempo, now, events=len(times) * share, hours=hours * share, profile=profile)


def observe(tempo: Tempo, entry_times: Iterable[datetime], now: datetime) -> Tempo:
    """Return the tempo after a poll at `now` that found entries of these times (none, where nothing was new).

    A time that cannot be (before the last poll by more than a day, after now) counts as `now`.
    """
    earliest = tempo.as_of - timedelta(days=1)
    times = sorted(time if earliest <= time <= now else now for time in entry_times)
    hours = max(0.0, integral(tempo.shape(), tempo.as_of, now))
    memory_hours = min(max(MEMORY_EVENTS / tempo.rate_per_hour, MIN_MEMORY_HOURS), MAX_MEMORY_HOURS)
    kept = math.exp(-hours / memory_hours)
    after = _replaced(
        tempo,
        now,
        events=tempo.events * kept + len(times),
        hours=tempo.hours * kept + hours,
        profile=_counted(tempo.profile, times) if times else tempo.profile,
    )
    return _with_gaps(after, times) if times else after


def wait_seconds(tempo: Tempo, now: datetime, base_seconds: float, low_seconds: float, high_seconds: float) -> float:
    """Return how long to wait for the next look; `base_seconds` is for a feed of the prior rate."""
    wanted = base_seconds / 3600 * math.sqrt(PRIOR_RATE)
    root = math.sqrt(tempo.rate_per_hour)
    shape = tempo.shape()
    at, reached, end = now, 0.0, now + timedelta(seconds=high_seconds)
    while at < end:
        pace = root * math.sqrt(shape[at.hour])
        step = min(_next_hour(at), end) - at
        more = pace * step.total_seconds() / 3600
        if reached + more >= wanted:
            at += timedelta(hours=(wanted - reached) / pace)
            break
        reached += more
        at += step
    return min(max((at - now).total_seconds(), low_seconds), high_seconds)


def expected_entries(tempo: Tempo, start: datetime, end: datetime) -> float:
    """Return how many entries this feed would usually have published between two moments."""
    return tempo.rate_per_hour * integral(tempo.shape(), start, end)


def integral(shape: Sequence[float], start: datetime, end: datetime) -> float:
    """Return the hours from `start` to `end`, each weighted by the profile."""
    if end <= start:
        return 0.0
    days, rest = divmod((end - start).total_seconds(), 86_400)
    total = days * sum(shape)
    at, last = start, start + timedelta(seconds=rest)
    while at < last:
        until = min(_next_hour(at), last)
        total += shape[at.hour] * (until - at).total_seconds() / 3600
        at = until
    return total


def _next_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _replaced(tempo: Tempo, now: datetime, *, events: float, hours: float, profile: bytes) -> Tempo:
    return Tempo(
        as_of=now,
        events=round(events, 4),
        hours=round(hours, 4),
        profile=profile,
        last_entry_at=tempo.last_entry_at,
        gap_seconds=tempo.gap_seconds,
        longest_gap_seconds=tempo.longest_gap_seconds,
    )


def _with_gaps(tempo: Tempo, times: Sequence[datetime]) -> Tempo:
    last, gap, longest = tempo.last_entry_at, tempo.gap_seconds, tempo.longest_gap_seconds
    for time in times:
        if last is None:
            last = time
            continue
        seconds = (time - last).total_seconds()
        if seconds < 60:  # what was published in one go
            continue
        gap = seconds if gap is None else gap + (seconds - gap) / MEMORY_EVENTS
        longest = max(seconds, longest * math.exp(-seconds / LONGEST_GAP_MEMORY_SECONDS))
        last = time
    return Tempo(
        as_of=tempo.as_of,
        events=tempo.events,
        hours=tempo.hours,
        profile=tempo.profile,
        last_entry_at=last,
        gap_seconds=None if gap is None else round(gap, 1),
        longest_gap_seconds=round(longest, 1),
    )


def _counted(profile: bytes, times: Sequence[datetime]) -> bytes:
    counts = [count / _SCALE for count in _unpack(profile)] if profile else [0.0] * 24
    for time in times:
        counts[time.hour] += 1.0
    if (total := sum(counts)) > PROFILE_MEMORY:
        counts = [count * PROFILE_MEMORY / total for count in counts]
    return array("H", (min(round(count * _SCALE), 0xFFFF) for count in counts)).tobytes()


def _unpack(profile: bytes) -> Sequence[int]:
    if len(profile) != 48:
        return (0,) * 24
    return array("H", profile)
