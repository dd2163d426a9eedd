"""How deliveries go, kept in the SQLite file of the embedded agent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.alerts.sending import UNDELIVERABLE, Threads, quarantined
from agent.alerts.together import SettledTogether
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
        self._threads = Threads("journal", 2)
        self._together = SettledTogether(self._write, self._threads)
        self._mutes: tuple[float, list[Mute]] = (float("-inf"), [])

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Keep the new state of `deliveries`. Raises StoreError: nothing was kept."""
        await self._together.settle(deliveries)

    async def are_muted(self, alerts: Sequence[Alert]) -> list[bool]:
        """Say of each alert whether somebody has muted it, a second ago at the latest."""
        now = time.monotonic()
        if now - self._mutes[0] > _MUTES_SECONDS:
            self._mutes = now, await self._threads.run(self._alerts.mutes)
        return [is_muted(alert, self._mutes[1], utc_now()) for alert in alerts]

    def close(self) -> None:
        """End the threads."""
        self._threads.close()

    def _write(self, deliveries: Sequence[Delivery]) -> None:
        from streams.stores.sqlite.alerts import AlertWriter

        now = utc_now()
        with self._store.transaction() as transaction:
            AlertWriter(transaction).settle(deliveries)
            transaction.put_quarantine([quarantined(one, now) for one in deliveries if one.status == UNDELIVERABLE])
