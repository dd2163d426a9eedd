"""One service of the stack: the life that all of them share."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from deploy.dev.errors import DevStackError, PortTaken, ServiceFailed
from deploy.dev.processes import ProcessId, free_port, listens, port_is_free, spawn

START_TIMEOUT_SECONDS = 180.0
STOP_GRACE_SECONDS = 30.0
_PORT_TRIES = 6
_FREED_PORT_SECONDS = 15.0
_BIND_CONFLICT = ("address already in use", "failed to bind", "bindexception")
# a JVM or a Go program started for a test must not take over what the developer's shell set for other ones
_FOREIGN_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")

Note = Callable[[str], None]
"""Takes one short line on how far a start is."""


def _silent(_text: str) -> None:
    pass


class NotReady(Exception):
    """Raised by a probe while the service still starts; the text says what is awaited."""


class Service(ABC):
    """A process on 127.0.0.1 with a folder of its own, remembered in `state.json` there.

    Its ports are chosen at the first start, and kept: `kill()`, `start()` and `restart()` bring the service back at the
    same address with the same data.
    """

    name: ClassVar[str]
    port_roles: ClassVar[tuple[str, ...]]
    """What each port is for; the first is the one that clients use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: ProcessId | None = None
        self.ports: dict[str, int] = {}
        self._load()

    # what differs from service to service

    @abstractmethod
    def _command(self) -> list[str]:
        """Writes the configuration for `self.ports` and returns the command line."""

    @abstractmethod
    def _probe(self) -> None:
        """Returns when the service really serves; else raises NotReady or OSError, and is called again."""

    def _ping(self) -> None:
        """As `_probe`, but for a look in between: changes nothing in the service."""
        self._probe()

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client is given."""

    # what is the same

    @property
    def log(self) -> Path:
        return self.folder / "output.log"

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.is_alive() else None

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    def start(
        self, *, same_ports: bool = True, timeout_seconds: float = START_TIMEOUT_SECONDS, note: Note = _silent
    ) -> None:
        """Starts the service and returns when it is ready; one that runs already is only waited for.

        Args:
            same_ports: a second start has to come back at the old address. False: another will do where it is taken.

        Raises:
            PortTaken: somebody else listens on a port that has to stay the same.
            ServiceFailed: it ended or was not ready in time. Nothing of it is left running.
        """
        deadline = time.monotonic() + timeout_seconds
        if self.is_running:
            self.resume()
            self._await_ready(deadline, 0, note)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        pinned = same_ports and bool(self.ports)
        for tries_left in reversed(range(_PORT_TRIES)):
            self._choose_ports(pinned)
            log_start = self.log.stat().st_size if self.log.exists() else 0
            try:
                self._launch()
                self._await_ready(deadline, log_start, note)
                return
            except PortTaken:
                self._forget()
                if pinned or not tries_left:
                    raise
                note("another process was faster at its port: trying others")
                self.ports = {}
            except BaseException:
                self.kill()  # also on Ctrl-C: a start either succeeds or leaves nothing
                raise

    def stop(self, grace_seconds: float = STOP_GRACE_SECONDS) -> bool:
        """Ends the service in good order (SIGTERM, then SIGKILL). True when there was something to end."""
        return self._end(lambda process: process.stop(grace_seconds))

    def kill(self) -> bool:
        """Ends it as a crash would: SIGKILL. Data and ports are kept for the next `start()`."""
        return self._end(lambda process: process.kill())

    def restart(self, *, kill: bool = False, timeout_seconds: float = START_TIMEOUT_SECONDS) -> None:
        """Ends the service, by force if so asked, and brings it back at the same address with the same data."""
        if kill:
            self.kill()
        else:
            self.stop()
        self.start(timeout_seconds=timeout_seconds)

    def pause(self) -> None:
        """Freezes the process (SIGSTOP): connections stay open and nothing answers."""
        if self.process is not None:
            self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Ends a `pause()`."""
        if self.process is not None:
            self.process.signal(signal.SIGCONT)

    def check(self) -> str | None:
        """None when the service is ready now, else the reason."""
        if not self.is_running:
            return "not running"
        try:
            self._check_owner()
            self._ping()
        except (NotReady, OSError) as error:
            return str(error) or type(error).__name__
        return None

    def describe(self) -> dict[str, object]:
        """For `status`: JSON-ready."""
        fault = self.check()
        return {
            "state": "ready" if fault is None else ("starting" if self.is_running else "stopped"),
            "detail": fault,
            "pid": self.pid,
            "address": self.address if self.ports else None,
            "ports": dict(self.ports),
            "log": str(self.log),
        }

    def log_tail(self, lines: int = 15, since_byte: int = 0) -> str:
        try:
            with self.log.open("rb") as handle:
                handle.seek(since_byte)
                text = handle.read().decode("utf-8", errors="replace")
        except OSError:
            return "  (no output)"
        return "\n".join(f"  {line}" for line in text.strip().splitlines()[-lines:]) or "  (no output)"

    def _environment(self) -> dict[str, str]:
        return {key: value for key, value in os.environ.items() if key not in _FOREIGN_VARIABLES}

    def _choose_ports(self, pinned: bool) -> None:
        if not pinned:
            if not self.ports or not all(map(port_is_free, self.ports.values())):
                self.ports = {role: free_port() for role in self.port_roles}
            return
        deadline = time.monotonic() + _FREED_PORT_SECONDS
        for role, port in self.ports.items():
            while not port_is_free(port):
                if time.monotonic() > deadline:
                    raise PortTaken(
                        f"{self.name} has to come back at port {port} ({role}), and another process listens there: "
                        f"end that one (`ss -ltnp sport = :{port}` names it), or take the stack down and up again"
                    )
                time.sleep(0.1)

    def _launch(self) -> None:
        command = self._command()
        self.process = spawn(command, log=self.log, folder=self.folder, environment=self._environment())
        self._save()

    def _await_ready(self, deadline: float, log_start: int, note: Note) -> None:
        awaited = "its port"
        note("starting")
        while True:
            alive = self.is_running
            try:
                if alive:
                    self._check_owner()
                    self._probe()
                    note("ready")
                    return
            except (NotReady, OSError) as error:
                awaited = str(error) or type(error).__name__
            if not alive:
                output = self.log_tail(since_byte=log_start)
                full_output = self.log_tail(lines=2000, since_byte=log_start).lower()
                if any(words in full_output for words in _BIND_CONFLICT):
                    ports = ", ".join(f"{port} ({role})" for role, port in self.ports.items())
                    raise PortTaken(f"{self.name} could not listen on one of its ports {ports}:\n{output}")
                raise ServiceFailed(f"{self.name} ended while it started. The end of its log, {self.log}:\n{output}")
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    f"{self.name} was not ready in time; still awaited: {awaited}. The end of its log, {self.log}:\n"
                    f"{self.log_tail(since_byte=log_start)}"
                )
            time.sleep(0.05)

    def _check_owner(self) -> None:
        pid = self.pid
        port = self.ports[self.port_roles[0]]
        if pid is None or not listens(pid, port):
            raise NotReady(f"port {port}")

    def _end(self, how: Callable[[ProcessId], None]) -> bool:
        process, was_running = self.process, self.is_running
        if process is not None:
            if was_running:
                process.signal(signal.SIGCONT)  # one that is paused would not see SIGTERM
            how(process)
            process.wait(0.0)  # reaps one that died by itself
            if process.is_alive():
                raise ServiceFailed(f"{self.name}: process {process.pid} does not end, not even by SIGKILL")
        self._forget()
        return was_running

    def _forget(self) -> None:
        self.process = None
        if self.folder.is_dir():
            self._save()

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"

    def _extra_state(self) -> Mapping[str, object]:
        """More to remember than process and ports."""
        return {}

    def _load_extra(self, state: Mapping[str, object]) -> None:  # noqa: B027 (most services have nothing more)
        """The other way of `_extra_state()`."""

    def _load(self) -> None:
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            process = state["process"]
            self.ports = {str(role): int(port) for role, port in state["ports"].items()}
            self.process = None if process is None else ProcessId(int(process["pid"]), str(process["started"]))
            self._load_extra(state)
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DevStackError(
                f"{self._state_file} is damaged ({error}): end what runs from {self.folder} by hand and "
                "remove that folder"
            ) from error
        if set(self.ports) != set(self.port_roles):
            self.ports = {}

    def _save(self) -> None:
        process = None if self.process is None else {"pid": self.process.pid, "started": self.process.started}
        state = {"process": process, "ports": self.ports, **self._extra_state()}
        part = self._state_file.with_suffix(".part")
        with contextlib.suppress(FileNotFoundError):  # the folder was removed under a stack that is being ended
            part.write_text(json.dumps(state), encoding="utf-8")
            part.replace(self._state_file)
