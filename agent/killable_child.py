"""The children's side of `agent.killable`: a nursery that has everything imported, and the workers that it forks.

    parent ─ "F" and a socket ─▶ nursery ─ fork ─▶ worker ◀─ frames over the socket ─▶ parent
           ─ "K" and a pid ────▶         ─ kill ─▶

A fork takes milliseconds where a new interpreter takes a fifth of a second, and shares the memory of what is imported.
The nursery has one thread and reads no hostile byte itself. It ends its workers by the ids of children that it has not
reaped yet, so no other process can be meant, and it ends when the parent is gone.

A frame is its length as four bytes, big-endian, and that many bytes. Each request may cost so much CPU time, and the
process so much memory; then the kernel ends it, whatever it is busy with.

    def main() -> None:
        serve(Work(ParseRequest, ParseReply, parse, prepare=…))
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedRWPair
from typing import Any

FRAME_LENGTH_BYTES = 4
FORK, KILL = b"F", b"K"
PID_BYTES = 8
MESSAGE_BYTES = 1 + PID_BYTES
READY = bytes(PID_BYTES)


@dataclass(frozen=True)
class Work:
    """What a worker does: a request with `cpu_seconds`, a reply with `outcome` and `detail`, both msgspec Structs."""

    request: type[Any]
    reply: type[Any]
    run: Callable[[Any], Any]
    prepare: Callable[[], None]
    """Imports what the first request should not pay for."""
    killed: str
    """Outcome where the limits of the process were reached; where the work itself broke it is..."""
    broken: str
    max_reply_bytes: int
    too_large: str = "too_large"


def serve(work: Work) -> None:
    """Be a nursery until the parent goes; `sys.argv` holds `memory_bytes` and the number of the control socket."""
    # What a library prints must not end up in somebody else's output.
    sys.stdout = sys.stderr
    # Ctrl-C in a terminal goes to all processes of its group; the parent says when it is time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Its default action ends the process even inside a C function that never returns to Python.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    memory_bytes, control = int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    work.prepare()
    gc.collect()
    gc.freeze()  # the collector of a worker would copy every page that it shares with the others
    control.sendall(READY)
    workers: set[int] = set()
    try:
        while True:
            message, descriptors = _next_message(control)
            if len(message) < MESSAGE_BYTES:
                return
            if message[:1] == KILL:
                _end(int.from_bytes(message[1:], "big"), workers)
                continue
            pid = os.fork()
            if pid == 0:
                control.close()
                _be_worker(work, socket.socket(fileno=descriptors[0]), memory_bytes)
            os.close(descriptors[0])
            workers.add(pid)
            control.sendall(pid.to_bytes(PID_BYTES, "big"))
    except ConnectionError:
        return
    finally:
        for pid in list(workers):
            _end(pid, workers)


def _next_message(control: socket.socket) -> tuple[bytes, list[int]]:
    """Return one message with the descriptors sent along; a short one when the parent is gone."""
    message, descriptors = b"", []
    while len(message) < MESSAGE_BYTES:
        piece, found, _, _ = socket.recv_fds(control, MESSAGE_BYTES - len(message), 1)
        if not piece:
            break
        message += piece
        descriptors += found
    return message, descriptors


def _end(pid: int, workers: set[int]) -> None:
    if pid in workers:
        workers.discard(pid)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _be_worker(work: Work, connection: socket.socket, memory_bytes: int) -> None:
    status = 1
    try:
        _limit_memory(memory_bytes)
        with connection, connection.makefile("rwb") as stream:
            _answer_all(work, stream)
        status = 0
    except ConnectionError:
        status = 0
    finally:
        # Not through the nursery's own clean-up.
        os._exit(status)


def _answer_all(work: Work, stream: BufferedRWPair) -> None:
    import msgspec

    decoder, encoder = msgspec.msgpack.Decoder(work.request), msgspec.msgpack.Encoder()
    while (payload := _read(stream)) is not None:
        request = decoder.decode(payload)
        _limit_cpu(request.cpu_seconds)
        reply = encoder.encode(_reply(work, request))
        if len(reply) > work.max_reply_bytes:
            detail = f"what was found in it takes {len(reply)} bytes, more than {work.max_reply_bytes}: not taken"
            reply = encoder.encode(work.reply(outcome=work.too_large, detail=detail))
        _limit_cpu(0)
        _write(stream, reply)


def _reply(work: Work, request: Any) -> Any:
    try:
        return work.run(request)
    except MemoryError:
        return work.reply(outcome=work.killed, detail="it needs more memory than may be used for it")
    except RecursionError:
        return work.reply(outcome=work.killed, detail="it is nested too deeply")
    except Exception as error:  # one broken document must not take the next one's worker with it
        return work.reply(outcome=work.broken, detail=f"cannot be read ({type(error).__name__}: {error})"[:300])


def _limit_cpu(seconds: float) -> None:
    """Have the kernel end this process after so many CPU seconds from now; 0 takes the limit away."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory(memory_bytes: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on every system, and a lower limit may stand
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(stream: BufferedRWPair) -> bytes | None:
    head = stream.read(FRAME_LENGTH_BYTES)
    if len(head) < FRAME_LENGTH_BYTES:
        return None
    size = int.from_bytes(head, "big")
    payload = stream.read(size)
    return payload if len(payload) == size else None


def _write(stream: BufferedRWPair, payload: bytes) -> None:
    stream.write(len(payload).to_bytes(FRAME_LENGTH_BYTES, "big") + payload)
    stream.flush()
