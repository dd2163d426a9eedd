"""Changes topics, entities, wordings, rules and destinations while a process runs: on SIGHUP, and when a file changes.

a file changes ─▶ all is read anew ─ faults? ─▶ nothing changes, the log says why, by file and line
                                        └ none ─▶ new definitions ─▶ new rules and destinations (their @names)
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agent.alerts.load import AlertConfig, load_alerts
from agent.config_files import Faults, yaml_files

if TYPE_CHECKING:
    from streams.definitions import Definitions
    from streams.metrics import Metrics
    from streams.pipeline import Pipeline

log = logging.getLogger("rasad.config")

UseAlerts = Callable[[AlertConfig], Awaitable[None]]
UseDefinitions = Callable[["Definitions"], Awaitable[None]]
DEFINITIONS = ("topics", "entities", "frames", "sources")
ALERTS = ("alerts", "destinations")


class Reloader:
    """Watches the configuration folder. An async context manager."""

    def __init__(
        self,
        folder: Path,
        definitions: Definitions,
        metrics: Metrics,
        *,
        watch_seconds: float,
        use_alerts: UseAlerts | None = None,
        use_definitions: UseDefinitions | None = None,
    ) -> None:
        """Args:
        definitions: those that are in force.
        use_alerts: takes rules and destinations; None: this process has none.
        use_definitions: takes definitions that differ from those before; None: only the rules need them.
        """
        self._folder = folder
        self._definitions = definitions
        self._metrics = metrics
        self._watch_seconds = watch_seconds
        self._use_alerts = use_alerts
        self._use_definitions = use_definitions
        self._seen = self._fingerprints()
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.reloads = 0
        """How often files were read again, with or without success."""

    async def __aenter__(self) -> Reloader:
        self._task = asyncio.create_task(self._run(), name="rasad-reload")
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not on this system, or not in its main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._watch_seconds):
                    await self._asked.wait()
            try:
                await self._look(is_asked=self._asked.is_set())
            except Exception:
                log.exception("the configuration could not be read again; what was in force stays")

    async def _look(self, *, is_asked: bool) -> None:
        self._asked.clear()
        now = await asyncio.to_thread(self._fingerprints)
        if now == self._seen and not is_asked:
            return
        may_define_otherwise = is_asked or now[0] != self._seen[0]
        self._seen = now
        faults = Faults()
        definitions, config = await asyncio.to_thread(self._read, faults, may_define_otherwise)
        if faults.found:
            self._metrics.alert_config_faulty.set(1)
            lines = "\n".join(f"  {fault}" for fault in sorted(faults.found))
            log.error("the changed configuration is faulty; what was in force stays:\n%s", lines)
        else:
            if definitions != self._definitions:
                if self._use_definitions is not None:
                    await self._use_definitions(definitions)
                    log.info("%d topics are in force; `rasad replay` labels what is stored", len(definitions.labels))
                self._definitions = definitions
            if config is not None and self._use_alerts is not None:
                await self._use_alerts(config)
                log.info("%d rules and %d destinations are in force", len(config.rules), len(config.destinations))
            self._metrics.alert_config_faulty.set(0)
        self.reloads += 1

    def _read(self, faults: Faults, may_define_otherwise: bool) -> tuple[Definitions, AlertConfig | None]:
        from agent.definitions import load_definitions

        definitions = load_definitions(self._folder, faults) if may_define_otherwise else self._definitions
        if self._use_alerts is None:
            return definitions, None
        return definitions, load_alerts(self._folder, definitions, faults)

    def _fingerprints(self) -> tuple[Fingerprint, Fingerprint]:
        return fingerprint(self._folder, DEFINITIONS), fingerprint(self._folder, ALERTS)


Fingerprint = tuple[tuple[str, int, int], ...]


def fingerprint(folder: Path, names: tuple[str, ...]) -> Fingerprint:
    """Return what changes when a file in one of the folders `names` below `folder` does."""
    found = []
    for name in names:
        for path in yaml_files(folder / name):
            with suppress(OSError):  # gone meanwhile
                status = path.stat()
                found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


async def enrich_by(pipeline: Pipeline, definitions: Definitions) -> None:
    """Have `pipeline` label by other definitions: its tables are built beside those in use, in a thread."""
    from streams.enrich import Enricher
    from streams.pipeline import settle

    await asyncio.to_thread(lambda: pipeline.use(Enricher(definitions)))
    # The tables before are free now, but for what refers to itself in a circle.
    await asyncio.to_thread(settle, thaw=True)
