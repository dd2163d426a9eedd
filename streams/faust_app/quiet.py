"""Keeps the Kafka clients from filling a disk: in an outage they write the same lines many times a second."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_NOISY = ("aiokafka", "kafka", "faust", "mode")
_MOST_REMEMBERED = 1000


class SeldomRepeats(logging.Filter):
    """Lets each line of the Kafka clients through once in `every_seconds`, with how many were left out since.

    Lines are the same when logger and message template are; our own lines always pass.
    """

    def __init__(self, every_seconds: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_seconds = every_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be written."""
        if record.name.partition(".")[0] not in _NOISY:
            return True
        key = (record.name, str(record.msg)[:60])
        now = self._clock()
        with self._lock:
            last, left_out = self._seen.get(key, (float("-inf"), 0))
            if now - last < self._every_seconds:
                self._seen[key] = (last, left_out + 1)
                return False
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.clear()
            self._seen[key] = (now, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} times before)", ()
        return True
