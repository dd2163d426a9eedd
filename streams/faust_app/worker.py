"""One worker process: its stages side by side, each kept running on its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from types import TracebackType

from streams.faust_app.options import KafkaOptions, WorkerOptions
from streams.faust_app.stage_worker import KafkaProbe, StageWorker
from streams.faust_app.watchdog import LoopWatchdog
from streams.faust_app.work import Work
from streams.metrics import Metrics

log = logging.getLogger("rasad.worker")


class Worker:
    """Runs stages until it is told to stop.

    All pure stages of a process share one `StageThread`, as they would share one core.
    """

    def __init__(
        self,
        works: Sequence[Work],
        kafka: KafkaOptions,
        options: WorkerOptions,
        metrics: Metrics,
        clock: Callable[[], datetime],
        probe: KafkaProbe,
        count_quarantine: Callable[[], int] | None = None,
    ) -> None:
        self._options = options
        self._metrics = metrics
        self._count_quarantine = count_quarantine
        self.stages = [StageWorker(work, kafka, options, metrics, clock, probe) for work in works]

    def reason_not_ready(self) -> str | None:
        """Return None when every stage is able to work, else why not."""
        return next((reason for stage in self.stages if (reason := stage.reason_not_ready()) is not None), None)

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop` is set; then finish the batches in hand, commit and leave."""
        with LoopWatchdog(self._options.stuck_seconds):
            watches = [asyncio.create_task(stage.watch()) for stage in self.stages]
            if self._count_quarantine is not None:
                watches.append(asyncio.create_task(self._watch_quarantine(self._count_quarantine)))
            try:
                async with asyncio.TaskGroup() as group:
                    for stage in self.stages:
                        group.create_task(stage.run(stop), name=f"rasad-stage-{stage.work.name}")
            finally:
                for watch in watches:
                    watch.cancel()
                await asyncio.gather(*watches, return_exceptions=True)

    async def _watch_quarantine(self, count: Callable[[], int]) -> None:
        while True:
            await asyncio.sleep(self._options.lag_seconds)
            try:
                self._metrics.quarantine_size.set(await asyncio.to_thread(count))
            except Exception as error:
                log.debug("the size of the quarantine is not known: %s", error)


class StageThread:
    """The thread that pure stages compute in; a context manager."""

    def __enter__(self) -> Executor:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rasad-stages")
        return self._executor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
