"""Changes rules and destinations while the agent runs: on SIGHUP, and when a file changes.

A faulty file changes nothing: what was in force stays, and the log says why, by file and line.
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

log = logging.getLogger("rasad.alerts")

Use = Callable[[AlertConfig], Awaitable[None]]


class AlertReloader:
    """Watches `alerts/` and `destinations/` of a configuration folder. An async context manager."""

    def __init__(
        self, folder: Path, definitions: Definitions, use: Use, metrics: Metrics, *, watch_seconds: float
    ) -> None:
        self._folder = folder
        self._definitions = definitions
        self._use = use
        self._metrics = metrics
        self._watch_seconds = watch_seconds
        self._seen = fingerprint(folder)
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.reloads = 0
        """How often files were read again, with or without success."""

    async def __aenter__(self) -> AlertReloader:
        self._task = asyncio.create_task(self._run(), name="rasad-alerts-reload")
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
                log.exception("rules and destinations could not be read again; those before hold")

    async def _look(self, *, is_asked: bool) -> None:
        self._asked.clear()
        now = await asyncio.to_thread(fingerprint, self._folder)
        if now == self._seen and not is_asked:
            return
        self._seen = now
        faults = Faults()
        config = await asyncio.to_thread(load_alerts, self._folder, self._definitions, faults)
        if faults.found:
            self._metrics.alert_config_faulty.set(1)
            lines = "\n".join(f"  {fault}" for fault in sorted(faults.found))
            log.error("the changed rules or destinations are faulty; those before hold:\n%s", lines)
        else:
            await self._use(config)
            self._metrics.alert_config_faulty.set(0)
            log.info("%d rules and %d destinations are in force", len(config.rules), len(config.destinations))
        self.reloads += 1


def fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a file of rules or destinations does."""
    found = []
    for name in ("alerts", "destinations"):
        for path in yaml_files(folder / name):
            with suppress(OSError):  # gone meanwhile
                status = path.stat()
                found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)
