"""Feeds that are due, each behind the others of its host, given out as the pacer allows.

A host that has 500 feeds, or that does not answer, keeps nobody waiting but its own.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from agent.fetch.pacing import Pacer

T = TypeVar("T")


class HostQueues(Generic[T]):
    """Queues by host. Whoever takes an item takes the host's turn with it."""

    def __init__(self, pacer: Pacer, clock: Callable[[], float] = time.monotonic) -> None:
        self._pacer = pacer
        self._clock = clock
        self._waiting: dict[str, deque[T]] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._busy: set[str] = set()
        self._sequence = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, item: T, host: str) -> None:
        """Let `item` stand in line for `host`."""
        queue = self._waiting.get(host)
        if queue is not None:
            queue.append(item)
            return
        self._waiting[host] = deque([item])
        self._push(0.0, host)

    def take(self, max_hold_seconds: float = math.inf) -> T | None:
        """Return an item whose host may be asked now, or None. Its turn must be taken before the next call.

        Hosts that want to be left alone for longer than `max_hold_seconds` lose their items.
        """
        now = self._clock()
        while self._ready and self._ready[0][0] <= now:
            host = heapq.heappop(self._ready)[2]
            queue = self._waiting.get(host)
            if not queue:
                continue
            at = self._pacer.ready_at(host)
            if self._pacer.held_seconds(host) > max_hold_seconds:
                del self._waiting[host]
            elif math.isinf(at):
                self._busy.add(host)
            elif at > now:
                self._push(at, host)
            else:
                item = queue.popleft()
                if queue:
                    self._push(now, host)
                else:
                    del self._waiting[host]
                return item
        return None

    def released(self, host: str) -> None:
        """Note that a turn at `host` is over."""
        if host in self._busy:
            self._busy.discard(host)
            self._push(0.0, host)

    def next_at(self) -> float | None:
        """Return from when `take` may give something; None for not before a turn is released."""
        return self._ready[0][0] if self._ready else None

    def clear(self) -> None:
        """Forget everything that waits."""
        self._waiting.clear()
        self._ready.clear()
        self._busy.clear()

    def _push(self, at: float, host: str) -> None:
        self._sequence += 1
        heapq.heappush(self._ready, (at, self._sequence, host))


class Lanes(Generic[T]):
    """Two queues by host and a number of places, of which those that were slow the last time share a part only."""

    def __init__(self, pacer: Pacer, places: int, slow_share: float) -> None:
        self._places = places
        self._slow_places = max(1, int(places * slow_share))
        self._quick: HostQueues[T] = HostQueues(pacer)
        self._slow: HostQueues[T] = HostQueues(pacer)
        self._taken = {False: 0, True: 0}

    def __bool__(self) -> bool:
        return bool(self._quick) or bool(self._slow)

    def put(self, item: T, host: str, *, is_slow: bool) -> None:
        """Let `item` stand in line for `host`."""
        (self._slow if is_slow else self._quick).put(item, host)

    def take(self, max_hold_seconds: float = math.inf) -> tuple[T, bool] | None:
        """Return an item that may be begun now, and whether its place is one of the slow ones; None for none."""
        for is_slow, queue in self._open():
            if (item := queue.take(max_hold_seconds)) is not None:
                self._taken[is_slow] += 1
                return item, is_slow
        return None

    def give_back(self, *, is_slow: bool) -> None:
        """Give a place back."""
        self._taken[is_slow] -= 1

    def released(self, host: str) -> None:
        """Note that a turn at `host` is over."""
        self._quick.released(host)
        self._slow.released(host)

    def next_at(self) -> float | None:
        """Return from when `take` may give something; None for not before a place or a turn is given back."""
        times = [at for _, queue in self._open() if (at := queue.next_at()) is not None]
        return min(times, default=None)

    def clear(self) -> None:
        """Forget everything that waits."""
        self._quick.clear()
        self._slow.clear()

    def _open(self) -> list[tuple[bool, HostQueues[T]]]:
        if sum(self._taken.values()) >= self._places:
            return []
        quick = [(False, self._quick)]
        return [*quick, (True, self._slow)] if self._taken[True] < self._slow_places else quick
