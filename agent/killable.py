"""Processes that do what hostile input makes dangerous, and that can be killed for it.

    async with KillablePool("agent.collect.parse_worker", workers=1, memory_bytes=…) as pool:
        reply = await pool.ask(payload, cpu_seconds=5)      # bytes; WorkerKilled when it cost too much

The module named is the child: `agent.killable_child.serve` is its main loop. A worker that is killed is replaced. While
all workers are held up by documents that take long, a spare one is started, so that ordinary ones do not queue behind
bombs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path
from types import TracebackType

FRAME_LENGTH_BYTES = 4
MAX_REPLY_BYTES = 64 * 1024 * 1024
HELD_UP_SECONDS = 0.5
"""A document that is being worked on for so long holds its worker up: another is started if one is needed."""
_START_SECONDS = 60.0
_DOCUMENTS_PER_WORKER = 5_000
"""A worker is replaced after so many documents, so that what a library leaks stays bounded."""

# By path, not by `-m`: the worker must import this very package, wherever the parent runs.
_ROOT = str(Path(__file__).resolve().parents[1])


class WorkerKilled(Exception):
    """The worker ended before it answered: the document cost more CPU time or memory than it may."""


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.busy_since: float | None = None
        self.documents = 0
        self.idle_since = 0.0

    @property
    def is_held_up(self) -> bool:
        return self.busy_since is not None and time.monotonic() - self.busy_since > HELD_UP_SECONDS

    async def ask(self, payload: bytes, timeout_seconds: float) -> bytes:
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise WorkerKilled
        try:
            async with asyncio.timeout(timeout_seconds):
                stdin.write(len(payload).to_bytes(FRAME_LENGTH_BYTES, "big") + payload)
                await stdin.drain()
                return await self.read(stdout)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            raise WorkerKilled from error

    @staticmethod
    async def read(stdout: asyncio.StreamReader) -> bytes:
        size = int.from_bytes(await stdout.readexactly(FRAME_LENGTH_BYTES), "big")
        if size > MAX_REPLY_BYTES + 1024:
            raise WorkerKilled
        return await stdout.readexactly(size)

    async def end(self) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        await self.process.wait()
        # Reading to the end lets asyncio close the pipe now, not when the garbage collector comes by.
        if self.process.stdout is not None:
            with contextlib.suppress(ConnectionError):
                while await self.process.stdout.read(65_536):
                    pass


class KillablePool:
    """Worker processes of one kind, started when they are needed. Use as an async context manager, within one event
    loop."""

    def __init__(
        self, child_module: str, *, workers: int, memory_bytes: int, idle_seconds: float | None = None
    ) -> None:
        """Args:
        child_module: its `main()` serves requests; `sys.argv[1]` is `memory_bytes`.
        idle_seconds: a worker that nobody has asked for so long is ended; None keeps it.
        """
        self._code = f"import sys; sys.path.insert(0, {_ROOT!r}); from {child_module} import main; main()"
        self._workers_wanted = workers
        self._memory_bytes = memory_bytes
        self._idle_seconds = idle_seconds
        self._workers: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._starting = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._reaper: asyncio.Task[None] | None = None
        self._is_closed = False
        self.killed = 0
        """Workers that a document brought down."""

    async def __aenter__(self) -> KillablePool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def running(self) -> int:
        """Workers that are there now, busy or idle."""
        return len(self._workers)

    async def close(self) -> None:
        """End all workers, also busy ones."""
        self._is_closed = True
        self._wake_all()
        if self._reaper is not None:
            self._reaper.cancel()
            await asyncio.wait([self._reaper])
        workers, self._workers, self._idle = list(self._workers), set(), []
        await asyncio.gather(*(worker.end() for worker in workers))

    async def ask(self, payload: bytes, *, cpu_seconds: float) -> bytes:
        """Have a worker answer `payload`. The CPU limit itself is the child's to set, from what the payload says.

        Raises:
            WorkerKilled: it ended before it answered.
        """
        worker = await self._take()
        # The limit is CPU time, which other processes cannot use up; the clock only catches a worker that sleeps.
        timeout_seconds = 30.0 + 20.0 * cpu_seconds
        worker.busy_since = time.monotonic()
        watch = asyncio.get_running_loop().call_later(HELD_UP_SECONDS, self._wake_all)
        try:
            reply = await worker.ask(payload, timeout_seconds)
        except WorkerKilled:
            self.killed += 1
            await self._drop(worker)
            raise
        except BaseException:  # cancelled in mid-document: the worker would answer the wrong question next
            await self._drop(worker)
            raise
        finally:
            watch.cancel()
            worker.busy_since = None
        await self._give_back(worker)
        return reply

    @property
    def _allowed(self) -> int:
        # At most one spare more than workers: what is slow for everybody is not helped by more processes.
        held_up = sum(worker.is_held_up for worker in self._workers)
        return self._workers_wanted + min(held_up, self._workers_wanted + 1)

    async def _take(self) -> _Worker:
        while True:
            if self._is_closed:
                raise RuntimeError("the worker pool is closed")
            while self._idle:
                worker = self._idle.pop()
                if worker.process.returncode is None:
                    return worker
                await self._drop(worker)
            if len(self._workers) + self._starting < self._allowed:
                return await self._start()
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    async def _start(self) -> _Worker:
        self._starting += 1
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-c",
                self._code,
                str(self._memory_bytes),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=_environment(),
            )
            worker = _Worker(process)
            try:
                async with asyncio.timeout(_START_SECONDS):
                    if process.stdout is not None:
                        await worker.read(process.stdout)
            except (TimeoutError, asyncio.IncompleteReadError) as error:
                await worker.end()
                raise RuntimeError("a worker process does not start: see its error above") from error
            except BaseException:
                await worker.end()
                raise
            self._workers.add(worker)
            return worker
        finally:
            self._starting -= 1

    async def _give_back(self, worker: _Worker) -> None:
        worker.documents += 1
        if (
            self._is_closed
            or len(self._workers) > self._allowed
            or worker.documents >= _DOCUMENTS_PER_WORKER
            or worker not in self._workers
        ):
            await self._drop(worker)
            return
        worker.idle_since = time.monotonic()
        self._idle.append(worker)
        self._wake_one()
        if self._idle_seconds is not None and (self._reaper is None or self._reaper.done()):
            self._reaper = asyncio.create_task(self._end_idle(self._idle_seconds), name="end idle workers")

    async def _end_idle(self, idle_seconds: float) -> None:
        while self._workers:
            await asyncio.sleep(idle_seconds / 2)
            now = time.monotonic()
            for worker in [worker for worker in self._idle if now - worker.idle_since >= idle_seconds]:
                # Not one that was taken while the one before it was being ended.
                if worker in self._idle:
                    self._idle.remove(worker)
                    await self._drop(worker)

    async def _drop(self, worker: _Worker) -> None:
        self._workers.discard(worker)
        await worker.end()
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return

    def _wake_all(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def _environment() -> dict[str, str]:
    # No setting or secret of the agent goes to a process that reads hostile input.
    kept = {
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "LD_LIBRARY_PATH",
        "PYTHONHOME",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "TMPDIR",
    }
    return {name: value for name, value in os.environ.items() if name in kept}
