"""Processes and ports: start, recognise again, stop; nothing here knows what a service is."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.dev.errors import MissingTool

_POLL_SECONDS = 0.02
_given_ports: set[int] = set()


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process by number AND start, so that a number the system gave away again is never signalled."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of a process that is there now; None where there is none (or only its remains, a zombie)."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    def is_alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    def signal(self, number: signal.Signals) -> None:
        """Signals the process if it is still the one that was started."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def wait(self, timeout_seconds: float) -> bool:
        """True when the process has ended within the time."""
        deadline = time.monotonic() + timeout_seconds
        while self.is_alive():
            _reap(self.pid)
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        _reap(self.pid)
        return True

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM, then SIGKILL when the grace is over. Returns when the process is gone."""
        self.signal(signal.SIGTERM)
        if not self.wait(grace_seconds):
            self.kill()

    def kill(self) -> None:
        """SIGKILL, and waits for the end of it."""
        self.signal(signal.SIGKILL)
        self.wait(30.0)


def _started(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_without_proc(pid)
    except (ProcessLookupError, PermissionError):
        return None
    # the second field, the program's name, may hold spaces and brackets: count from its end
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[0] in "ZX" and not _has_threads(pid):
        return None
    return f"{_boot_id()}:{fields[19]}"


def _has_threads(pid: int) -> bool:
    # the first thread of a killed process may be gone while others still end, and hold its ports until they have
    try:
        return len(os.listdir(f"/proc/{pid}/task")) > 1
    except OSError:
        return False


def _boot_id() -> str:
    # ticks since boot name a process exactly, but only within one boot; wall-clock times would move with the clock
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "-"


def _started_without_proc(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # started by another launcher: its new parent reaps it


class _Detached(subprocess.Popen[bytes]):
    """A child that may outlive this interpreter, by design: no warning when it does, no wait at exit."""

    def __del__(self, *unused: object) -> None:
        pass


def spawn(command: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]) -> ProcessId:
    """Starts `command` in a session of its own (a Ctrl-C at the launcher's terminal is not the service's), its output
    appended to `log`.

    Raises:
        MissingTool: the program cannot be executed.
    """
    with log.open("ab") as output:
        try:
            child = _Detached(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise MissingTool(f"cannot run {command[0]}: {error.strerror}") from error
    identity = ProcessId.of(child.pid)
    # a child that has ended already is a zombie until reaped, so its number cannot have been given away
    return identity if identity is not None else ProcessId(child.pid, "ended")


def listens(pid: int, port: int) -> bool:
    """True when the process itself listens on the TCP port: an answer from the port alone may come from a stranger."""
    try:
        import psutil
    except ImportError as error:
        raise MissingTool("the Python package psutil is missing: run `make setup` and use .venv/bin/python") from error
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def port_is_free(port: int) -> bool:
    """True when 127.0.0.1:`port` can be listened on right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # servers set this too (Java by default), so that old connections in TIME_WAIT do not count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody holds now. Another process may still be faster: whoever uses it retries.

    Below the range from which the system takes the ports of outgoing connections: while a broker is down, a client that
    reconnects every few milliseconds can be given the broker's port as its own, connect to itself, and keep the broker
    from coming back.
    """
    low, high = 10_000, _first_outgoing_port()
    for _ in range(2_000 if high - low > 2_000 else 0):
        port = random.randrange(low, high)
        if port not in _given_ports and port_is_free(port):
            _given_ports.add(port)
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _first_outgoing_port() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        return int(text.split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
