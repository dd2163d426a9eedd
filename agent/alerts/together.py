"""Writing together what is settled at the same time: a transaction or a round trip costs more than a delivery."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from agent.alerts.sending import Threads

T = TypeVar("T")


class SettledTogether(Generic[T]):
    """Gathers deliveries while a batch is being written, and writes them with the next one."""

    def __init__(self, write: Callable[[Sequence[T]], None], threads: Threads) -> None:
        """`write`: keeps a batch, blocking, in one of `threads`."""
        self._write = write
        self._threads = threads
        self._waiting: list[tuple[Sequence[T], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def settle(self, deliveries: Sequence[T]) -> None:
        """Return once `deliveries` are written; raise what `write` raised for their batch."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((deliveries, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            failure: Exception | None = None
            try:
                settled = [one for group, _ in batch for one in group]
                await self._threads.run(functools.partial(self._write, settled))
            except Exception as error:  # whoever waits for it tries again
                failure = error
            for _, done in batch:
                if done.done():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)
