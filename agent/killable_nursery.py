"""The parent's side of a nursery (`agent.killable_child`): starts it, has it fork workers, and has it end them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from agent.killable_child import FORK, KILL, PID_BYTES

_START_SECONDS = 60.0
# By path, not by `-m`: the children must import this very package, wherever the parent runs.
_ROOT = str(Path(__file__).resolve().parents[1])
_KEPT = frozenset("PATH HOME LANG LC_ALL TZ LD_LIBRARY_PATH PYTHONHOME PYTHONPATH VIRTUAL_ENV TMPDIR".split())


@dataclass(frozen=True)
class Forked:
    """A worker, and the connection to it."""

    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Nursery:
    """One process of `child_module`, started when it is needed, and again when it is gone. Within one event loop."""

    def __init__(self, child_module: str, memory_bytes: int) -> None:
        self._code = f"import sys; sys.path.insert(0, {_ROOT!r}); from {child_module} import main; main()"
        self._memory_bytes = memory_bytes
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        # What is asked is answered in order.
        self._lock = asyncio.Lock()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Have it ready, so that the next fork takes only moments.

        Raises:
            RuntimeError: it does not start.
        """
        async with self._lock:
            await self._running()

    async def fork(self) -> Forked:
        """Return a new worker.

        Raises:
            RuntimeError: none can be had.
        """
        task = asyncio.create_task(self._fork(), name="fork a worker")
        try:
            # Whoever stops waiting must not leave an answer for the next one to read.
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._discard)
            raise

    async def _fork(self) -> Forked:
        async with self._lock:
            # Somebody may have ended the nursery; then there is another one.
            for _ in range(2):
                control = await self._running()
                ours, theirs = socket.socketpair()
                ours.setblocking(False)
                pid = 0
                with theirs, contextlib.suppress(OSError):
                    socket.send_fds(control, [FORK + bytes(PID_BYTES)], [theirs.fileno()])
                    pid = int.from_bytes(await self._read(control), "big")
                if pid:
                    reader, writer = await asyncio.open_connection(sock=ours)
                    return Forked(pid, reader, writer)
                ours.close()
                await self._end()
        raise RuntimeError("no worker process can be had: see the errors above")

    def _discard(self, task: asyncio.Task[Forked]) -> None:
        if not task.cancelled() and task.exception() is None:
            forked = task.result()
            self.kill(forked.pid)
            forked.writer.close()

    def kill(self, pid: int) -> None:
        """End a worker. One whose nursery is gone ends by itself, because its connection ends."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.send(KILL + pid.to_bytes(PID_BYTES, "big"))

    async def close(self) -> None:
        """End it with all its workers."""
        async with self._lock:
            await self._end()

    async def _running(self) -> socket.socket:
        if self._control is not None and self.is_running:
            return self._control
        await self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setblocking(False)
        self._control = ours
        try:
            with theirs:
                number = theirs.fileno()
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-c",
                    self._code,
                    str(self._memory_bytes),
                    str(number),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    pass_fds=(number,),
                    # No setting or secret of the agent goes to a process that reads hostile input.
                    env={name: value for name, value in os.environ.items() if name in _KEPT},
                )
            async with asyncio.timeout(_START_SECONDS):
                if not await self._read(ours):
                    raise RuntimeError("a worker process does not start: see its error above")
        except TimeoutError as error:
            await self._end()
            raise RuntimeError(f"a worker process does not start within {_START_SECONDS:g} s") from error
        except BaseException:
            await self._end()
            raise
        return ours

    async def _read(self, control: socket.socket) -> bytes:
        """Return one message; empty when the nursery is gone."""
        message = b""
        with contextlib.suppress(ConnectionError):
            while len(message) < PID_BYTES:
                piece = await asyncio.get_running_loop().sock_recv(control, PID_BYTES - len(message))
                if not piece:
                    return b""
                message += piece
        return message

    async def _end(self) -> None:
        control, self._control = self._control, None
        process, self._process = self._process, None
        if control is not None:
            control.close()
        if process is not None:
            # It ends by itself now, and its workers before it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await process.wait()
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
