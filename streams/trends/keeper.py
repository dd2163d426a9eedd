"""Feeds the watch from the story stage, and keeps what it has counted over restarts.

    new article ─▶ TrendWatch ─▶ found(now): trends      unsaved(): one record a series and day that has changed

The story stage knows which articles are new, is the one logical stream, and has its state acknowledged before its
input is: so each article is counted once, in both runtimes. Words that were met are saved once an hour: what a crash
costs is that the words of the last hour are met anew.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from streams.model import EnrichedArticle, Kept
from streams.trends.records import Series, Trend, hour_of, time_of
from streams.trends.terms import TermsDump
from streams.trends.volumes import Usual
from streams.trends.watch import TrendWatch, series_of

STATE_VERSION = 1
HOURS_A_DAY = 24
_ALL = "all"
_HASHES_A_RECORD = 25_000
_CANDIDATES_A_RECORD = 2_000
_encoder = msgspec.msgpack.Encoder()


class _Day(Struct, frozen=True, array_like=True, tag="day"):
    """The articles of one series by hour of one day; `all` for those of whatever series."""

    version: int
    kind: str
    value: str
    day: int
    counts: tuple[int, ...]


class _Since(Struct, frozen=True, array_like=True, tag="since"):
    version: int
    hour: int


class _Words(Struct, frozen=True, array_like=True, tag="words"):
    """A part of the words that were met; the parts of one `hour` belong together."""

    version: int
    hour: int
    part: int
    parts: int
    young: bytes
    old: bytes
    candidates: tuple[tuple[str, str, int, int, tuple[str, ...]], ...]
    first_hour: int | None


_decoder = msgspec.msgpack.Decoder(_Day | _Since | _Words)


class TrendKeeper:
    """The one watch of a process's story stage."""

    def __init__(self, watch: TrendWatch | None = None) -> None:
        self._watch = watch if watch is not None else TrendWatch()
        self._changed: set[tuple[Series | None, int]] = set()
        self._found: list[Trend] = []
        self._hour: int | None = None
        """In which silences were looked for."""
        self._saved_since: int | None = None
        self._words_due: int | None = None

    def add(self, article: EnrichedArticle, terms: Sequence[str]) -> bool:
        """Count an article that was never met before, whose headline has these folded terms; False where it says
        nothing about its time."""
        if not self._watch.add(article, terms) or article.published_at is None:
            return False
        day = hour_of(article.published_at) // HOURS_A_DAY
        self._changed.add((None, day))
        self._changed.update((series, day) for series in series_of(article))
        return True

    def found(self, now: datetime) -> tuple[Trend, ...]:
        """Return what stands out and was not told before the last `saved()`: after every batch of articles."""
        hour = hour_of(now)
        is_next_hour = self._hour is not None and hour != self._hour
        if is_next_hour:
            self._words_due = hour
        self._hour = hour
        self._found += self._watch.close(now, with_silences=is_next_hour)
        newest = {trend.trend_id: trend for trend in self._found}
        self._found = list(newest.values())
        return tuple(self._found)

    def now(self, topics: Iterable[str], now: datetime) -> list[tuple[str, int, Usual | None]]:
        """Return for each topic the articles of the present hour so far, and what is usual for the hour."""
        volumes, hour = self._watch.volumes, hour_of(now)
        return [
            (topic, volumes.count(series, hour), volumes.usual(series, hour))
            for topic in topics
            for series in [Series("topic", topic)]
        ]

    def unsaved(self) -> list[Kept]:
        """Return what must be stored before the articles counted so far count as done."""
        volumes = self._watch.volumes
        kept = []
        for series, day in sorted(self._changed, key=lambda one: (one[1], one[0] is not None, one[0] or _NONE)):
            hours = range(day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY)
            if series is None:
                record = _Day(STATE_VERSION, _ALL, "", day, tuple(map(volumes.total, hours)))
            else:
                counts = tuple(volumes.count(series, hour) for hour in hours)
                record = _Day(STATE_VERSION, series.kind, series.value, day, counts)
            kept.append(_kept(f"{record.kind}:{record.value}:{day}", hours[-1], record))
        if volumes.since is not None and volumes.since != self._saved_since:
            # Filed under the present: it is needed for as long as anything is counted.
            kept.append(_kept("since", volumes.last_hour or volumes.since, _Since(STATE_VERSION, volumes.since)))
        if self._words_due is not None:
            kept += _words(self._watch.terms.dump(), self._words_due)
            if volumes.since is not None:
                kept.append(_kept("since", self._words_due, _Since(STATE_VERSION, volumes.since)))
        return kept

    def saved(self) -> None:
        """Note that all that `unsaved` and `found` gave is stored."""
        self._changed.clear()
        self._found = []
        self._saved_since = self._watch.volumes.since
        self._words_due = None

    def restore(self, records: Iterable[bytes]) -> int:
        """Begin anew with what was stored, in any order; return how many records were none."""
        watch = TrendWatch()
        faulty = 0
        words: dict[int, dict[int, _Words]] = {}
        for payload in records:
            try:
                record = _decoder.decode(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                faulty += 1
                continue
            if record.version > STATE_VERSION:
                faulty += 1
            elif isinstance(record, _Day):
                faulty += not _count_day(watch, record)
            elif isinstance(record, _Since):
                watch.volumes.watched_at(record.hour)
            else:
                words.setdefault(record.hour, {})[record.part] = record
        for hour in sorted(words, reverse=True):
            parts = words[hour]
            if len(parts) == next(iter(parts.values())).parts:
                watch.terms.load(_dumped(parts.values()))
                break
        self._watch = watch
        self.saved()
        self._hour = None
        return faulty


_NONE = Series("language", "")


def _kept(key: str, hour: int, record: Struct) -> Kept:
    return Kept(key=key, time=time_of(hour), record=_encoder.encode(record))


def _count_day(watch: TrendWatch, record: _Day) -> bool:
    if len(record.counts) != HOURS_A_DAY or record.kind not in (_ALL, "topic", "entity", "language"):
        return False
    for hour, count in enumerate(record.counts, start=record.day * HOURS_A_DAY):
        if count > 0 and record.kind == _ALL:
            watch.volumes.add_total(hour, count)
        elif count > 0:
            watch.volumes.add(Series(record.kind, record.value), hour, count)  # type: ignore[arg-type]
    return True


def _words(dump: TermsDump, hour: int) -> list[Kept]:
    pieces: list[tuple[list[int], list[int], Sequence[tuple[str, str, int, int, tuple[str, ...]]]]] = []
    for place in range(0, len(dump.young), _HASHES_A_RECORD):
        pieces.append((dump.young[place : place + _HASHES_A_RECORD], [], ()))
    for place in range(0, len(dump.old), _HASHES_A_RECORD):
        pieces.append(([], dump.old[place : place + _HASHES_A_RECORD], ()))
    for place in range(0, len(dump.candidates), _CANDIDATES_A_RECORD):
        pieces.append(([], [], dump.candidates[place : place + _CANDIDATES_A_RECORD]))
    return [
        _kept(
            f"words:{part}",
            hour,
            _Words(
                STATE_VERSION,
                hour,
                part,
                len(pieces),
                array("Q", young).tobytes(),
                array("Q", old).tobytes(),
                tuple(candidates),
                dump.first_hour,
            ),
        )
        for part, (young, old, candidates) in enumerate(pieces)
    ]


def _dumped(parts: Iterable[_Words]) -> TermsDump:
    young, old = array("Q"), array("Q")
    candidates: list[tuple[str, str, int, int, tuple[str, ...]]] = []
    first_hour = None
    for part in parts:
        young.frombytes(part.young)
        old.frombytes(part.old)
        candidates += part.candidates
        first_hour = part.first_hour
    return TermsDump(list(young), list(old), candidates, first_hour)
