"""A second process that helps with a burst of articles, and goes away when it is over.

The enrich stage is pure and takes bytes, so a part of a long batch can be done on another core. The helper is
started when a batch is
long, and stopped after a quiet while: an idle agent is one process and its memory is that of one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from streams.definitions import Definitions
from streams.pipeline import Pipeline, Rejected, Stage, settle, utc_now

LONG_BATCH = 200
"""Shorter batches are done before a helper would have started."""
CHUNK = 20
QUIET_SECONDS = 30.0

_stage: Stage | None = None


def enriched(stage: Stage, payloads: Sequence[bytes]) -> list[bytes | Rejected]:
    """Return what `stage` makes of each payload."""
    results = (stage.step(payload) for payload in payloads)
    return [result if isinstance(result, Rejected) else result[0] for result in results]


def _start(definitions: Definitions) -> None:
    global _stage
    # Ctrl-C goes to the whole group; when to stop is the agent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _stage = Pipeline(definitions, clock=utc_now).enrich
    settle()


def _end_with(parent: int) -> None:
    # An agent that was killed cannot stop its helper.
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def _work(payloads: Sequence[bytes]) -> list[bytes | Rejected]:
    assert _stage is not None  # noqa: S101  (set by the initializer, before any work)
    return enriched(_stage, payloads)


class BurstHelper:
    """Shares the enrich stage of long batches with a helper process. For one thread at a time."""

    def __init__(self, stage: Stage, definitions: Definitions, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._stage = stage
        self._definitions = definitions
        self._quiet_seconds = quiet_seconds
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def enrich(self, payloads: Sequence[bytes]) -> list[bytes | Rejected]:
        """Return what the stage makes of each payload, in order; whoever did it, the result is the same."""
        if len(payloads) < LONG_BATCH or (os.cpu_count() or 1) < 2:
            return enriched(self._stage, payloads)
        chunks = [payloads[start : start + CHUNK] for start in range(0, len(payloads), CHUNK)]
        with self._lock:
            pool = self._running()
            try:
                futures = [pool.submit(_work, chunk) for chunk in chunks]
            except BrokenProcessPool:
                self._pool = None
                return enriched(self._stage, payloads)
        done: dict[int, list[bytes | Rejected]] = {}
        # The helper works from the front, this thread from the back, until they meet.
        for number in reversed(range(len(chunks))):
            if not futures[number].cancel():
                break
            done[number] = enriched(self._stage, chunks[number])
        for number, future in enumerate(futures):
            if number not in done:
                done[number] = self._result(future, chunks[number])
        self._stop_when_quiet()
        return [result for number in range(len(chunks)) for result in done[number]]

    def use(self, definitions: Definitions) -> None:
        """Label by other definitions: a helper that runs is ended, the next one has them."""
        self._definitions = definitions
        self.close()

    def close(self) -> None:
        """End the helper, if there is one."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def _running(self) -> ProcessPoolExecutor:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pool is None:
            # Not fork: there are threads, and SQLite is open.
            self._pool = ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), initializer=_start, initargs=(self._definitions,)
            )
        return self._pool

    def _result(self, future: Future[list[bytes | Rejected]], chunk: Sequence[bytes]) -> list[bytes | Rejected]:
        try:
            return future.result()
        except (BrokenProcessPool, CancelledError):
            # Killed, out of memory, or stopped as quiet just now: the work is done here, and the next long batch
            # starts a new helper.
            with self._lock:
                self._pool = None
            return enriched(self._stage, chunk)

    def _stop_when_quiet(self) -> None:
        with self._lock:
            self._timer = threading.Timer(self._quiet_seconds, self.close)
            self._timer.daemon = True
            self._timer.start()
