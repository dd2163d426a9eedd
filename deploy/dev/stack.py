"""A stack: a folder with up to four services in it, started together, found again later, ended without a trace.

with Stack.temporary() as stack:
    kafka = stack.kafka()             # started and ready
    kafka.kill(); kafka.start()       # same port, same data
    stack.elasticsearch().url
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.dev.archives import ensure_archive
from deploy.dev.errors import DevStackError
from deploy.dev.jars import Jars, locked, prepare
from deploy.dev.jdk import find_jdk
from deploy.dev.service import Service
from deploy.dev.services import Alertmanager, Elasticsearch, Kafka, Prometheus

SERVICES = ("kafka", "elasticsearch", "prometheus", "alertmanager")
PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_TARGET = "127.0.0.1:9464"
"""Where the agent's processes serve their metrics unless told otherwise."""
_MARK = "rasad-dev-stack.json"

Progress = Callable[[str, str], None]
"""Takes the name of a service (or "setup") and a short line on how far it is."""


def _silent(_who: str, _text: str) -> None:
    pass


def default_folder() -> Path:
    """The folder of the unnamed stack of this checkout: another checkout, or another user, has another one."""
    key = hashlib.sha256(str(PROJECT).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"rasad-dev-{os.getuid()}-{key}"


def fetch(say: Callable[[str], None]) -> None:
    """Fills the cache: jars, classes, archives. The next start of a stack finds everything there."""
    jars = prepare(find_jdk(), say)
    for name in ("kafka", "elasticsearch"):
        ensure_archive(name, jars, say)


class Stack:
    """The services of one folder.

    Args:
        folder: made where it is missing; must be empty or a stack's.
        temporary: the folder goes with the last service.
        full_jit: JVMs at their full speed (for benchmarks) instead of their fastest start.
        progress: called from several threads.

    Raises:
        DevStackError: the folder holds something else, or belongs to another user.
    """

    def __init__(
        self, folder: Path, *, temporary: bool = False, full_jit: bool = False, progress: Progress = _silent
    ) -> None:
        self.folder = folder.absolute()
        self.progress = progress
        self._full_jit = full_jit
        self._jars: Jars | None = None
        self._jars_lock = threading.Lock()
        self._open: dict[str, Service] = {}
        self._extra_count = 0
        self._guard: subprocess.Popen[bytes] | None = None
        self._guarded = False
        self.is_temporary = self._adopt(temporary)

    @classmethod
    def temporary(cls, *, full_jit: bool = False, progress: Progress = _silent) -> Self:
        """A stack for this process alone, in a new folder. It ends with `close()`, and also when the process is killed:
        a guard process notices and clears away."""
        stack = cls(Path(tempfile.mkdtemp(prefix="rasad-dev-")), temporary=True, full_jit=full_jit, progress=progress)
        stack._guarded = True
        return stack

    # single services, started when they are not running

    def kafka(self) -> Kafka:
        service = self._kafka()
        self._start("kafka", service)
        return service

    def elasticsearch(self) -> Elasticsearch:
        service = self._elasticsearch()
        self._start("elasticsearch", service)
        return service

    def prometheus(self, targets: Iterable[str] = (), **options: Any) -> Prometheus:
        """A new Prometheus at every call (see `Prometheus` for the options), beside those that run."""
        service = Prometheus(self._new_folder("prometheus"), targets=targets, **options)
        self._start(service.folder.name, service)
        return service

    def alertmanager(self, **options: Any) -> Alertmanager:
        """A new Alertmanager at every call (see `Alertmanager` for the options), beside those that run."""
        service = Alertmanager(self._new_folder("alertmanager"), **options)
        self._start(service.folder.name, service)
        return service

    # the whole stack

    def up(self, only: Iterable[str] = SERVICES, *, targets: Iterable[str] | None = None) -> dict[str, Service]:
        """Starts what does not run yet, together, and returns when all are ready.

        Args:
            only: names out of `SERVICES`.
            targets: what Prometheus scrapes, `host:port`; None: what it did before, or the default metrics address.

        Raises:
            DevStackError: one could not be started; those that this call had started are ended again.
        """
        wanted = _checked(only)
        with self._locked():
            services = self._to_start(wanted, targets)
            running_before = {name for name, service in services.items() if service.is_running}
            try:
                self._start_all(services)
            except BaseException:
                for name, service in services.items():
                    if name not in running_before:
                        service.stop()
                raise
            return services

    def down(self, only: Iterable[str] | None = None) -> list[str]:
        """Ends what runs (all of it, or the named services); the names of what was ended, which may be none."""
        chosen = None if only is None else _checked(only)
        if not self.folder.is_dir():
            return []
        with self._locked():
            services = self.services()
            names = list(services) if chosen is None else [name for name in services if name.split("-")[0] in chosen]
            with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
                ended = dict(zip(names, pool.map(lambda name: services[name].stop(), names), strict=True))
            nothing_left = not any(service.is_running for service in services.values())
        if nothing_left and self.is_temporary:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._open.clear()
        return [name for name, was_running in ended.items() if was_running]

    def status(self) -> dict[str, dict[str, object]]:
        """State, address, process and log of every service that this folder knows."""
        return {name: service.describe() for name, service in self.services().items()}

    def services(self) -> dict[str, Service]:
        """Every service of the folder, running or not."""
        kinds: Mapping[str, Callable[[Path], Service]] = {
            "kafka": Kafka,
            "elasticsearch": Elasticsearch,
            "prometheus": Prometheus,
            "alertmanager": Alertmanager,
        }
        found: dict[str, Service] = {}
        for path in sorted(self.folder.glob("*/state.json"), key=_order):
            name = path.parent.name
            kind = kinds.get(name.split("-")[0])
            if kind is not None:
                found[name] = self._open.get(name) or kind(path.parent)
        return found

    def close(self) -> None:
        """Ends everything; a temporary folder is removed."""
        try:
            self.down()
        finally:
            if self.is_temporary:
                shutil.rmtree(self.folder, ignore_errors=True)
            guard, self._guard = self._guard, None
            if guard is not None and guard.stdin is not None:
                guard.stdin.close()
                guard.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # inside

    def _kafka(self) -> Kafka:
        service = self._open.get("kafka")
        if isinstance(service, Kafka):
            return service
        return Kafka(self.folder / "kafka", self._need_jars(), full_jit=self._full_jit)

    def _elasticsearch(self) -> Elasticsearch:
        service = self._open.get("elasticsearch")
        if isinstance(service, Elasticsearch):
            return service
        return Elasticsearch(self.folder / "elasticsearch", self._need_jars(), full_jit=self._full_jit)

    def _to_start(self, wanted: tuple[str, ...], targets: Iterable[str] | None) -> dict[str, Service]:
        makers: Mapping[str, Callable[[], Service]] = {
            "kafka": self._kafka,
            "elasticsearch": self._elasticsearch,
            "prometheus": lambda: self._prometheus_of_stack(targets),
            "alertmanager": lambda: self._open.get("alertmanager") or Alertmanager(self.folder / "alertmanager"),
        }
        return {name: makers[name]() for name in SERVICES if name in wanted}

    def _prometheus_of_stack(self, targets: Iterable[str] | None) -> Prometheus:
        folder = self.folder / "prometheus"
        rules = sorted((PROJECT / "deploy" / "prometheus" / "rules").glob("*.yml"))
        alerting = Alertmanager(self.folder / "alertmanager")
        address = alerting.url.removeprefix("http://") if alerting.is_running else None
        known = folder / "targets.json"
        if targets is None:
            old = json.loads(known.read_text(encoding="utf-8")) if known.exists() else []
            targets = old[0]["targets"] if old else [DEFAULT_TARGET]
        prometheus = Prometheus(folder, targets=targets, rule_files=rules, alertmanager=address)
        if prometheus.is_running:
            prometheus.set_targets(targets)
        return prometheus

    def _start_all(self, services: Mapping[str, Service]) -> None:
        first = {name: service for name, service in services.items() if name != "prometheus"}
        with ThreadPoolExecutor(max_workers=max(1, len(first))) as pool:
            starts = [pool.submit(self._start, name, service) for name, service in first.items()]
            try:
                for done in as_completed(starts):
                    done.result()
            except BaseException:
                # leaving the pool waits for the others: a start whose process is gone ends at once, not in minutes
                for service in first.values():
                    service.kill()
                raise
        if "prometheus" in services:
            prometheus = services["prometheus"]
            if isinstance(prometheus, Prometheus) and "alertmanager" in first and not prometheus.is_running:
                # its configuration names the Alertmanager's address, which is known only now
                prometheus.alertmanager = first["alertmanager"].address.removeprefix("http://")
            self._start("prometheus", prometheus)

    def _start(self, name: str, service: Service) -> None:
        self._watch()
        # in the folder of an earlier stack the old ports are only a wish; while this stack is open they are a promise
        promised = name in self._open
        self._open[name] = service
        if isinstance(service, Kafka | Elasticsearch) and not service.is_running:
            ensure_archive(service.name, self._need_jars(), lambda text: self.progress(name, text))
        service.start(same_ports=promised, note=lambda text: self.progress(name, text))

    def _need_jars(self) -> Jars:
        with self._jars_lock:
            if self._jars is None:
                self._jars = prepare(find_jdk(), lambda text: self.progress("setup", text))
            return self._jars

    def _new_folder(self, name: str) -> Path:
        self._extra_count += 1
        return self.folder / f"{name}-{self._extra_count}"

    def _watch(self) -> None:
        if self._guarded and self._guard is None:
            self._guard = subprocess.Popen(
                [sys.executable, "-m", "deploy.dev.guard", str(self.folder)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _adopt(self, temporary: bool) -> bool:
        """Makes the folder a stack's, or recognises it as one; True when it is temporary."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            about = self.folder.lstat()
            if about.st_uid != os.getuid() or self.folder.is_symlink():
                raise DevStackError(f"{self.folder} belongs to another user: name a folder of your own with --data")
            mark = self.folder / _MARK
            if mark.exists():
                return bool(json.loads(mark.read_text(encoding="utf-8"))["temporary"])
            if any(self.folder.iterdir()):
                raise DevStackError(
                    f"{self.folder} is neither empty nor a development stack's: name another with --data"
                )
            mark.write_text(json.dumps({"temporary": temporary}), encoding="utf-8")
        except (OSError, ValueError, KeyError) as error:
            raise DevStackError(f"cannot use {self.folder} for the development stack: {error}") from error
        return temporary

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with locked(self.folder / "lock", lambda text: self.progress("setup", text)):
                yield
        except FileNotFoundError:
            if self.folder.exists():
                raise
            raise DevStackError(f"{self.folder} was removed in the meantime: run the command again") from None


def _checked(names: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(names)
    unknown = sorted(set(wanted) - set(SERVICES))
    if unknown:
        raise DevStackError(f"unknown service {', '.join(unknown)}; there are {', '.join(SERVICES)}")
    return wanted


def _order(path: Path) -> tuple[int, str]:
    name = path.parent.name
    kind = name.split("-")[0]
    return (SERVICES.index(kind) if kind in SERVICES else len(SERVICES), name)
