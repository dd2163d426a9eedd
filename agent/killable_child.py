"""The child's side of `agent.killable`: reads requests on standard input, answers on standard output.

A frame is its length as four bytes, big-endian, and that many bytes. Each request may cost so much CPU time, and the
process so much memory; then the kernel ends it, whatever it is busy with. It imports little: a new one is quick.

    def main() -> None:
        serve(handle)            # handle(payload) -> bytes; calls limit_cpu(seconds) first
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

FRAME_LENGTH_BYTES = 4


def limit_cpu(seconds: float) -> None:
    """Have the kernel end this process after so many CPU seconds from now; 0 takes the limit away."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def serve(handle: Callable[[bytes], bytes], prepare: Callable[[], None] = lambda: None) -> None:
    """Serve until standard input ends; `prepare` imports what the first request should not pay for."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    # What a library prints must not end up between the frames.
    sys.stdout = sys.stderr
    # Ctrl-C in a terminal goes to all processes of its group; the parent says when it is time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Its default action ends the process even inside a C function that never returns to Python.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _limit_memory(int(sys.argv[1]))
    prepare()
    _write(replies, b"")  # ready
    while (payload := _read(requests)) is not None:
        reply = handle(payload)
        limit_cpu(0)
        _write(replies, reply)


def _limit_memory(memory_bytes: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on every system, and a lower limit may stand
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(FRAME_LENGTH_BYTES)
    if len(head) < FRAME_LENGTH_BYTES:
        return None
    size = int.from_bytes(head, "big")
    payload = stream.read(size)
    return payload if len(payload) == size else None


def _write(stream: BinaryIO, payload: bytes) -> None:
    stream.write(len(payload).to_bytes(FRAME_LENGTH_BYTES, "big") + payload)
    stream.flush()
