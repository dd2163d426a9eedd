"""Processes that do what hostile input makes dangerous, and that can be killed for it.

    async with KillablePool("agent.parse.worker", workers=1, memory_bytes=…) as pool:
        reply = await pool.ask(payload, cpu_seconds=5)      # bytes; WorkerKilled when it cost too much

The module named is the child: `agent.killable_child.serve` is its main loop. Workers are forked from a nursery that has
imported everything, so one that is killed is replaced within milliseconds. While all workers are held up by documents
that take long, a spare one is forked, so that ordinary ones do not queue behind bombs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from types import TracebackType

from agent.killable_child import FRAME_LENGTH_BYTES
from agent.killable_nursery import Forked, Nursery

MAX_REPLY_BYTES = 64 * 1024 * 1024
HELD_UP_SECONDS = 0.5
"""A document that is being worked on for so long holds its worker up: another is started if one is needed."""
_DOCUMENTS_PER_WORKER = 5_000
"""A worker is replaced after so many documents, so that what a library leaks stays bounded."""


class WorkerKilled(Exception):
    """The worker ended before it answered: the document cost more CPU time or memory than it may."""


class _Worker:
    def __init__(self, forked: Forked) -> None:
        self.pid = forked.pid
        self._reader, self._writer = forked.reader, forked.writer
        self.busy_since: float | None = None
        self.documents = 0
        self.idle_since = 0.0

    @property
    def is_held_up(self) -> bool:
        return self.busy_since is not None and time.monotonic() - self.busy_since > HELD_UP_SECONDS

    @property
    def is_gone(self) -> bool:
        return self._reader.at_eof()

    async def ask(self, payload: bytes, timeout_seconds: float) -> bytes:
        try:
            async with asyncio.timeout(timeout_seconds):
                self._writer.write(len(payload).to_bytes(FRAME_LENGTH_BYTES, "big") + payload)
                await self._writer.drain()
                size = int.from_bytes(await self._reader.readexactly(FRAME_LENGTH_BYTES), "big")
                if size > MAX_REPLY_BYTES + 1024:
                    raise WorkerKilled
                return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            raise WorkerKilled from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class KillablePool:
    """Worker processes of one kind, started when they are needed. Use as an async context manager, within one event
    loop."""

    def __init__(
        self, child_module: str, *, workers: int, memory_bytes: int, idle_seconds: float | None = None
    ) -> None:
        """Args:
        child_module: its `main()` serves requests; `sys.argv[1]` is `memory_bytes`.
        idle_seconds: workers that nobody has asked for so long are ended, and then the nursery; None keeps them.
        """
        self._nursery = Nursery(child_module, memory_bytes)
        self._workers_wanted = workers
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

    async def start(self) -> None:
        """Have everything imported, so that the first request takes no longer than any other.

        Raises:
            RuntimeError: it does not start.
        """
        await self._nursery.start()

    async def close(self) -> None:
        """End all workers, also busy ones."""
        self._is_closed = True
        self._wake_all()
        if self._reaper is not None:
            self._reaper.cancel()
            await asyncio.wait([self._reaper])
        workers, self._workers, self._idle = list(self._workers), set(), []
        await self._nursery.close()
        await asyncio.gather(*(worker.close() for worker in workers))

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
                if not worker.is_gone:
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
            worker = _Worker(await self._nursery.fork())
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
            await asyncio.sleep(idle_seconds / 4)
            now = time.monotonic()
            for worker in [worker for worker in self._idle if now - worker.idle_since >= idle_seconds]:
                # Not one that was taken while the one before it was being ended.
                if worker in self._idle:
                    self._idle.remove(worker)
                    await self._drop(worker)
            if not self._workers and not self._starting:
                await self._nursery.close()

    async def _drop(self, worker: _Worker) -> None:
        self._workers.discard(worker)
        self._nursery.kill(worker.pid)
        await worker.close()
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
