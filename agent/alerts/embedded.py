"""Alerts in the one-process runtime: decided and stored in the transaction of the articles, delivered beside it.

articles ─▶ decide ─▶ ONE transaction with the articles: alerts, their deliveries, what the rules remember
                                 └─ committed ─▶ Deliverer ─▶ destinations ─▶ settled
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from agent.alerts.deliverer import Deliverer, MakeSender
from agent.alerts.keeping import keep_house
from agent.alerts.lane import RetryPolicy
from agent.alerts.load import AlertConfig
from agent.alerts.sqlite_journal import SqliteJournal
from streams.alerts.deliveries import Delivery, plan
from streams.alerts.records import Alert
from streams.alerts.stage import AlertStage
from streams.model import Article
from streams.pipeline import utc_now
from streams.stores.sqlite.alerts import AlertWriter, SqliteAlerts

if TYPE_CHECKING:
    from streams.metrics import Metrics
    from streams.stores.sqlite import SqliteStore, SqliteTransaction
    from streams.trends.records import Trend

log = logging.getLogger("rasad.alerts")

_DRAIN_SECONDS = 5.0
_LOOK_SECONDS = 5.0
"""How often the store is asked for what others have put back (`rasad quarantine retry`)."""


class EmbeddedAlerts:
    """The alert stage and the deliveries of the embedded agent. An async context manager.

    `decide`, `write`, `commit` and `roll_back` are for the thread of the stages, in this order; the rest for the loop.
    """

    def __init__(
        self,
        config: AlertConfig,
        store: SqliteStore,
        make_sender: MakeSender,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime] = utc_now,
        policy: RetryPolicy | None = None,
        retain_days: int | None = None,
    ) -> None:
        """`retain_days`: how long alerts are kept; None: for ever."""
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._alerts = SqliteAlerts(store)
        self.stage = AlertStage(config.rules)
        if faulty := self.stage.restore(self._alerts.state()):
            log.warning("%d records of what was alerted on cannot be read; those stories may alert again", faulty)
        self._journal = SqliteJournal(store)
        self.deliverer = Deliverer(config.destinations, make_sender, self._journal, metrics, clock=clock, policy=policy)
        metrics.alert_rules.set(len(config.rules))
        self._decided: tuple[list[Alert], list[Delivery]] = ([], [])
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retain_days = retain_days
        self._beside: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> EmbeddedAlerts:
        self._loop = asyncio.get_running_loop()
        await self.deliverer.__aenter__()
        self.deliverer.accept(await asyncio.to_thread(self._alerts.waiting))
        self._beside = [asyncio.create_task(self._look_for_more(), name="rasad-alerts-look")]
        if self._retain_days is not None:
            keeping = keep_house(self._alerts.remove_before, self._retain_days, self._clock)
            self._beside.append(asyncio.create_task(keeping, name="rasad-alerts-keep"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.sleep(0)  # what the thread handed over last arrives first
        await self.deliverer.drain(_DRAIN_SECONDS)
        await self.deliverer.__aexit__()
        self._journal.close()

    async def use(self, config: AlertConfig) -> None:
        """Change rules and destinations; what the rules remember stays."""
        self._config = config
        self.stage.rules = config.rules
        self._metrics.alert_rules.set(len(config.rules))
        await self.deliverer.use(config.destinations)

    # --- in the thread of the stages ---

    def decide(self, articles: Iterable[Article], trends: Iterable[Trend] = (), *, may_alert: bool = True) -> None:
        """Decide on the alerts that articles and findings make."""
        now = self._clock()
        alerts = [alert for article in articles for alert in self.stage.step(article, now, may_alert=may_alert)]
        alerts += [alert for trend in trends for alert in self.stage.trend(trend, now)]
        destinations = self._config.destinations
        ending = {name for name, one in destinations.items() if one.ends_alerts}
        self._decided = alerts, [delivery for alert in alerts for delivery in plan(alert, ending)]

    def write(self, transaction: SqliteTransaction) -> None:
        """Write what was decided in the transaction of its articles."""
        writer = AlertWriter(transaction)
        alerts = writer.unsaid(self._decided[0])
        said = {alert.alert_id for alert in alerts}
        self._decided = alerts, [one for one in self._decided[1] if one.alert.alert_id in said]
        writer.put(*self._decided)
        if (begins := self.stage.begins_with_pending) is not None:
            writer.put_state(self.stage.take_kept(), begins)

    def commit(self) -> None:
        """The transaction is committed: what was decided counts, and goes out."""
        alerts, deliveries = self._decided
        self._decided = ([], [])
        self.stage.commit()
        for alert in alerts:
            if alert.is_shown:
                self._metrics.alerts.labels(alert.severity).inc()
                log.info("alert of rule %s: %s", alert.rule_id, ", ".join(alert.reasons))
        if deliveries and self._loop is not None:
            self._loop.call_soon_threadsafe(self.deliverer.accept, deliveries)

    def roll_back(self) -> None:
        """The transaction failed: nothing was decided."""
        self._decided = ([], [])
        self.stage.roll_back()

    async def _look_for_more(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                known = await asyncio.to_thread(self._known_waiting)
            except Exception as error:
                log.warning("the store cannot be asked for waiting alerts: %s", error)
                continue
            self.deliverer.accept(known)

    def _known_waiting(self) -> Sequence[Delivery]:
        here = self.deliverer.keys()
        return self._alerts.waiting(here) if self._alerts.waiting_keys() - here else []
