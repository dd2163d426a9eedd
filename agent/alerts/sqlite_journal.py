"""How deliveries go, kept in the SQLite file of the embedded agent."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.alerts.sending import UNDELIVERABLE, Threads, quarantined
from streams.alerts.deliveries import Delivery
from streams.alerts.mutes import Mute, is_muted
from streams.alerts.records import Alert
from streams.pipeline import utc_now

if TYPE_CHECKING:
    from streams.stores.sqlite import SqliteStore

_MUTES_SECONDS = 1.0


class SqliteJournal:
    """A `Journal` in the store; what is settled at the same time is written in one transaction."""

    def __init__(self, store: SqliteStore) -> None:
        from streams.stores.sqlite.alerts import SqliteAlerts

        self._store = store
        self._alerts = SqliteAlerts(store)
        self._waiting: list[tuple[Sequence[Delivery], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._threads = Threads("journal", 2)
        self._mutes: tuple[float, list[Mute]] = (float("-inf"), [])

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Keep the new state of `deliveries`. Raises StoreError: nothing was kept."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((deliveries, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def are_muted(self, alerts: Sequence[Alert]) -> list[bool]:
        """Say of each alert whether somebody has muted it, a second ago at the latest."""
        now = time.monotonic()
        if now - self._mutes[0] > _MUTES_SECONDS:
            self._mutes = now, await self._threads.run(self._alerts.mutes)
        return [is_muted(alert, self._mutes[1], utc_now()) for alert in alerts]

    def close(self) -> None:
        """End the threads."""
        self._threads.close()

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

    def _write(self, deliveries: Sequence[Delivery]) -> None:
        from streams.stores.sqlite.alerts import AlertWriter

        now = utc_now()
        with self._store.transaction() as transaction:
            AlertWriter(transaction).settle(deliveries)
            transaction.put_quarantine([quarantined(one, now) for one in deliveries if one.status == UNDELIVERABLE])
