"""Ends a process whose event loop stands still, so that its supervisor starts a new one.

Faust's consumer sends its heartbeats from a thread of its own: with a stuck event loop the member keeps its partitions
for ever and processes nothing. Only a thread beside the loop can notice.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

STUCK_EXIT_CODE = 75
"""EX_TEMPFAIL of sysexits.h: start it again."""

log = logging.getLogger("rasad.worker")


def end_process(reason: str) -> None:
    """Say why, show what every thread is doing, and end this process at once with `STUCK_EXIT_CODE`."""
    log.critical("stuck: %s; exit code %d: start this worker again, nothing is lost", reason, STUCK_EXIT_CODE)
    for handler in logging.getLogger().handlers:
        handler.flush()
    faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr)
    # Not sys.exit: what is stuck would not let the interpreter finish.
    os._exit(STUCK_EXIT_CODE)


class LoopWatchdog:
    """A thread that expects a sign of life from the event loop. Use as a context manager inside the loop."""

    def __init__(self, stuck_seconds: float, on_stuck: Callable[[str], None] = end_process) -> None:
        self._stuck_seconds = stuck_seconds
        self._on_stuck = on_stuck
        self._last_beat = time.monotonic()
        self._ended = threading.Event()
        self._beating: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._watch, name="rasad-watchdog", daemon=True)

    def __enter__(self) -> LoopWatchdog:
        self._last_beat = time.monotonic()
        self._beating = asyncio.get_running_loop().create_task(self._beat(), name="rasad-heartbeat")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._beating is not None:
            self._beating.cancel()

    async def _beat(self) -> None:
        while True:
            self._last_beat = time.monotonic()
            await asyncio.sleep(min(1.0, self._stuck_seconds / 10))

    def _watch(self) -> None:
        suspected = 0.0
        pause = min(5.0, self._stuck_seconds / 5)
        while not self._ended.wait(pause):
            beat = self._last_beat
            if time.monotonic() - beat <= self._stuck_seconds:
                continue
            # A machine that was suspended looks the same for a moment: the loop gets one more pause to show itself.
            if suspected != beat:
                suspected = beat
                continue
            self._on_stuck(f"the event loop has not run for {time.monotonic() - beat:.0f} s")
            return
