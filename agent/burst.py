"""A second process that helps while there is much to enrich, and goes away when it is over.

    batch n    enriched ─▶ story ─▶ alert ─▶ stored      this thread; where it would wait, it enriches from the back
    batch n+1           enriched ─▶ …                    the helper, from the front

The enrich stage is pure and takes bytes, so it can be done on another core, ahead of the stages that have an order. An
agent that starts has much to do, so it forks its first helper at once, which makes the tables of the stage while the
agent reads its feeds. The agent makes its own when the helper goes, or sooner where it waits for the helper long enough
for that. A later helper is started anew where a batch is long. All end after a quiet while: an idle agent is one
process.

Not a ProcessPoolExecutor: one whose process is killed after a future was cancelled leaves the other futures pending.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext

from streams.definitions import Definitions
from streams.pipeline import Pipeline, Rejected, Stage, settle, utc_now

LONG_BATCH = 200
"""A helper is started for no shorter batch: it would be done before."""
CHUNK = 10
QUIET_SECONDS = 30.0
FORKED_QUIET_SECONDS = 3.0
"""The first helper is there before anybody knows whether it is needed."""
_MAX_WAITED_SECONDS = 4.0
"""About what it takes to make the tables where the cores are busy: after that they pay."""
_AHEAD = 2
"""Chunks that the helper has at hand, so that it does not wait for the next one."""
_END_SECONDS = 5.0


def enriched(stage: Stage, payloads: Sequence[bytes]) -> list[bytes | Rejected]:
    """Return what `stage` makes of each payload."""
    results = (stage.step(payload) for payload in payloads)
    return [result if isinstance(result, Rejected) else result[0] for result in results]


class _Chunk:
    __slots__ = ("payloads", "results")

    def __init__(self, payloads: Sequence[bytes]) -> None:
        self.payloads = payloads
        self.results: list[bytes | Rejected] | None = None


class Sharing:
    """A batch that is being enriched."""

    def __init__(self, payloads: Sequence[bytes], helper: _Helper | None = None) -> None:
        """`helper`: who may take of it; None: nobody."""
        self.payloads = payloads
        self.helper = helper
        cuts = range(0, len(payloads), CHUNK) if helper is not None else ()
        self.chunks = [_Chunk(payloads[start : start + CHUNK]) for start in cuts]
        self.waiting = deque(self.chunks)
        """What nobody has taken yet; under the helper's lock."""


class BurstHelper:
    """Shares the enrich stage with a helper process while there is much to do. For one thread at a time."""

    def __init__(
        self,
        stage: Stage,
        definitions: Definitions,
        *,
        build: Callable[[], object] | None = None,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        """`build` makes the tables of `stage`, where they are not made yet. It is called once, from any thread."""
        self._stage = stage
        self._build = build
        self._building = threading.Lock()
        self._waited_seconds = 0.0
        self._definitions = definitions
        self._quiet_seconds = quiet_seconds
        self._helper: _Helper | None = None
        self._lock = threading.Lock()

    def fork(self) -> bool:
        """Fork the first helper, from this process as it is; say whether that could be done.

        Only where this process has one thread, so that no lock is held by another; what it has open the helper leaves
        alone.
        """
        if not _can_help() or not _has_one_thread():
            return False
        context, seconds = multiprocessing.get_context("fork"), min(self._quiet_seconds, FORKED_QUIET_SECONDS)
        self._helper = _Helper(context, _Building(self._definitions), seconds, self._make_ready)
        return True

    def enrich(self, payloads: Sequence[bytes]) -> list[bytes | Rejected]:
        """Return what the stage makes of each payload, in order; whoever did it, the result is the same."""
        return list(self.results(self.begin(payloads)))

    def begin(self, payloads: Sequence[bytes]) -> Sharing:
        """Let the helper begin with a batch, if there is one that is ready; start one where the batch is long."""
        with self._lock:
            helper = self._helper
            if helper is not None and helper.is_over:
                helper = self._helper = None
            if helper is None and len(payloads) >= LONG_BATCH and _can_help():
                # Not forked: by now there are threads, and locks that they may hold.
                context = multiprocessing.get_context("spawn")
                building = _Building(self._definitions)
                helper = self._helper = _Helper(context, building, self._quiet_seconds, self._make_ready)
        # One that is being started is waited for only where this process cannot do the work either.
        if helper is None or (self._is_ready and not (helper.is_ready and len(payloads) > CHUNK)):
            return Sharing(payloads)
        sharing = Sharing(payloads, helper)
        helper.give(sharing)
        return sharing

    def results(self, sharing: Sharing) -> Generator[bytes | Rejected, None, None]:
        """Yield what the stage makes of each payload of a batch that was begun, in order."""
        helper = sharing.helper
        if helper is None:
            self._make_ready()
            for payload in sharing.payloads:
                yield from enriched(self._stage, [payload])
            return
        try:
            for chunk in sharing.chunks:
                while chunk.results is None:
                    if not self._is_ready and not helper.is_over and self._waited_seconds < _MAX_WAITED_SECONDS:
                        self._waited_seconds += helper.wait(chunk)
                    # Rather than wait, do what the helper would come to last.
                    elif (last := helper.take_back(sharing)) is not None:
                        self._make_ready()
                        last.results = enriched(self._stage, last.payloads)
                    else:
                        helper.wait(chunk, sharing)
                yield from chunk.results
        finally:
            helper.drop(sharing)

    @property
    def _is_ready(self) -> bool:
        return self._build is None

    def _make_ready(self) -> None:
        with self._building:
            if self._build is not None:
                self._build()
                self._build = None

    def use(self, definitions: Definitions) -> None:
        """Label by other definitions: a helper that runs is ended, the next one has them. From any thread."""
        with self._lock:
            self._definitions = definitions
        self.close()

    def close(self) -> None:
        """End the helper, if there is one. From any thread."""
        with self._lock:
            helper, self._helper = self._helper, None
        if helper is not None:
            helper.end()


class _Building:
    """Makes the stage in a process that was started anew. Can be sent there."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def __call__(self) -> Stage:
        stage = Pipeline(self._definitions, clock=utc_now).enrich
        settle()
        return stage


class _Helper:
    """A helper process, and the thread that gives it chunks and takes its results."""

    def __init__(
        self,
        context: ForkContext | SpawnContext,
        make_stage: Callable[[], Stage],
        quiet_seconds: float,
        before_going: Callable[[], None],
    ) -> None:
        """`before_going`: called in a thread of the helper's when it has been quiet."""
        self._quiet_seconds = quiet_seconds
        self._before_going = before_going
        self._changed = threading.Condition()
        self._shared: deque[Sharing] = deque()
        self._is_ending = False
        self.is_ready = False
        self.is_over = False
        self._connection, theirs = multiprocessing.Pipe()
        # Of a forked process our end has to be closed there, or it would not see that we are gone.
        ours = self._connection if isinstance(context, ForkContext) else None
        self._process = context.Process(
            target=_serve, args=(theirs, ours, make_stage), name="rasad-helper", daemon=True
        )
        self._process.start()
        theirs.close()
        self._thread = threading.Thread(target=self._run, name="rasad-helper", daemon=True)
        self._thread.start()

    def give(self, sharing: Sharing) -> None:
        """Let the helper do of a batch what nobody else does."""
        with self._changed:
            self._shared.append(sharing)
            self._changed.notify_all()

    def take_back(self, sharing: Sharing) -> _Chunk | None:
        """Return the last chunk of a batch that the helper has not taken; None where it has all."""
        with self._changed:
            return sharing.waiting.pop() if sharing.waiting else None

    def wait(self, chunk: _Chunk, sharing: Sharing | None = None) -> float:
        """Wait until a chunk is done, or, where its batch is given, some of that is to be done by somebody else; or
        for as long as nobody should wait at once. Return the seconds waited."""
        started = time.monotonic()
        with self._changed:
            self._changed.wait_for(
                lambda: chunk.results is not None or self.is_over or (sharing is not None and sharing.waiting),
                None if sharing is not None else _MAX_WAITED_SECONDS,
            )
        return time.monotonic() - started

    def drop(self, sharing: Sharing) -> None:
        """Do no more of a batch."""
        with self._changed:
            sharing.waiting.clear()

    def end(self) -> None:
        """End the process; what it was doing is given back."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        self._process.terminate()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        taken: deque[tuple[Sharing, _Chunk]] = deque()
        try:
            self._connection.recv()
            self.is_ready = True
            while self._take(taken, self._quiet_seconds) or self._take_last(taken):
                results = self._connection.recv()
                with self._changed:
                    taken.popleft()[1].results = results
                    self._changed.notify_all()
        except (EOFError, OSError):
            pass  # it was killed, or was out of memory; what it had is given back, and the next long batch starts one
        finally:
            with self._changed:
                self.is_over = True
                for sharing, chunk in taken:
                    sharing.waiting.append(chunk)
                self._shared.clear()
                self._changed.notify_all()
            self._process.terminate()
            self._process.join(_END_SECONDS)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._connection.close()

    def _take_last(self, taken: deque[tuple[Sharing, _Chunk]]) -> bool:
        if self._is_ending:
            return False
        self._before_going()
        return self._take(taken, 0.0)  # that took a while

    def _take(self, taken: deque[tuple[Sharing, _Chunk]], quiet_seconds: float) -> bool:
        """Send the process what it should have at hand; False where there was nothing to do for so long."""
        with self._changed:
            self._changed.wait_for(lambda: taken or self._has_work() or self._is_ending, quiet_seconds)
            if self._is_ending or not (taken or self._has_work()):
                return False
            new: list[_Chunk] = []
            while len(taken) < _AHEAD and self._has_work():
                new.append(self._shared[0].waiting.popleft())
                taken.append((self._shared[0], new[-1]))
        for chunk in new:
            self._connection.send(chunk.payloads)
        return True

    def _has_work(self) -> bool:
        while self._shared and not self._shared[0].waiting:
            self._shared.popleft()
        return bool(self._shared)


def _serve(connection: Connection, agents: Connection | None, make_stage: Callable[[], Stage]) -> None:
    """Be the helper process: until the agent ends the connection, or is gone itself."""
    # Ctrl-C goes to the whole group; when to stop is the agent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(1)
    if agents is not None:
        agents.close()
    requests: queue.SimpleQueue[Sequence[bytes]] = queue.SimpleQueue()
    # The next request is read while one is done, so that neither side waits for the other to read.
    threading.Thread(target=_read, args=(connection, requests), daemon=True).start()
    stage = make_stage()
    connection.send(True)
    while True:
        connection.send(enriched(stage, requests.get()))


def _read(connection: Connection, requests: queue.SimpleQueue[Sequence[bytes]]) -> None:
    try:
        while True:
            requests.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _can_help() -> bool:
    return (os.cpu_count() or 1) > 1


def _has_one_thread() -> bool:
    # Threads that are not Python's count, too.
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1
