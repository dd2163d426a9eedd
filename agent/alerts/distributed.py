"""Deliveries of the distributed runtime, put together: channels, journal, lanes, and the index of the alerts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.alerts.deliverer import Deliverer
from agent.alerts.destinations import DestinationDefinition
from agent.alerts.kafka_intake import KafkaIntake
from agent.alerts.kafka_journal import DeliveryLog, KafkaJournal, Producing
from agent.alerts.keeping import keep_house, remove_from_index
from agent.alerts.lane import RetryPolicy
from agent.alerts.load import AlertConfig
from agent.alerts.senders import sender_maker
from agent.alerts.sending import OK, Outgoing, Sender, Sent
from streams.alerts.deliveries import Delivery

if TYPE_CHECKING:
    from agent.settings import Settings
    from streams.metrics import Metrics
    from streams.stores.elasticsearch import ElasticsearchStore

INDEX = "_index"
"""The lane to the index of the alerts. No destination can have this id."""
_INDEX_DEFINITION = DestinationDefinition(id=INDEX, kind="stdout", per_minute=60_000.0)


class IndexSender:
    """Puts alerts into their index; waits as the store does, and so keeps its lane waiting. A `Sender`."""

    concurrency = 4

    def __init__(self, store: ElasticsearchStore) -> None:
        self._store = store

    async def send(self, message: Outgoing) -> Sent:
        """Index the alerts of the message."""
        from streams.stores.base import StoreError

        try:
            refused = await self._store.write_alerts(message.alerts)
        except StoreError as error:
            return Sent("retry", str(error))
        return Sent("refused", "; ".join(refused)[:300]) if refused else OK

    async def close(self) -> None:
        """Nothing: the store is closed by whoever opened it."""


class DistributedDeliveries:
    """Delivers what is on the channel `alerts`. An async context manager."""

    def __init__(
        self,
        settings: Settings,
        config: AlertConfig,
        metrics: Metrics,
        *,
        has_index: bool = True,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._settings = settings
        self._config = config
        self._has_index = has_index
        self._log = DeliveryLog()
        self._producing = Producing(settings.kafka)
        self._journal = KafkaJournal(self._log, self._producing)
        self._store: ElasticsearchStore | None = None
        self._make = sender_maker(settings)
        policy = policy or RetryPolicy(give_up_seconds=settings.alerts.give_up_seconds)
        self._deliverer = Deliverer(self._destinations(), self._make_sender, self._journal, metrics, policy=policy)
        always = (INDEX,) if has_index else ()
        self._intake = KafkaIntake(
            settings, self._log, self._producing, self._accept, self._release, self._ending, always
        )
        self._beside: list[asyncio.Task[None]] = []
        self._releasing: asyncio.Task[None] | None = None
        self._metrics = metrics
        metrics.alert_rules.set(len(config.rules))

    async def __aenter__(self) -> DistributedDeliveries:
        if self._has_index:
            from agent.open_store import open_elasticsearch

            self._store = open_elasticsearch(self._settings)
        await self._deliverer.__aenter__()
        self._beside = [asyncio.create_task(self._intake.run(), name="rasad-alerts-intake")]
        days = self._settings.alerts.retain_days
        if self._has_index and days is not None:
            keeping = keep_house(lambda before: remove_from_index(self._settings, before), days)
            self._beside.append(asyncio.create_task(keeping, name="rasad-alerts-keep"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._releasing is not None:
            await self._releasing
        await self._deliverer.__aexit__()
        self._journal.close()
        await asyncio.to_thread(self._producing.close)
        if self._store is not None:
            await self._store.close()

    async def use(self, config: AlertConfig) -> None:
        """Change the destinations. The rules are the alert stage's."""
        self._config = config
        self._metrics.alert_rules.set(len(config.rules))
        await self._deliverer.use(self._destinations())

    def reason_not_ready(self) -> str | None:
        """Return None when alerts can be read, else why not."""
        return self._intake.reason_not_ready

    def _destinations(self) -> dict[str, DestinationDefinition]:
        return {**self._config.destinations, **({INDEX: _INDEX_DEFINITION} if self._has_index else {})}

    def _make_sender(self, definition: DestinationDefinition) -> Sender:
        if definition.id == INDEX and self._store is not None:
            return IndexSender(self._store)
        return self._make(definition)

    def _ending(self) -> frozenset[str]:
        return frozenset(name for name, one in self._config.destinations.items() if one.ends_alerts)

    def _accept(self, deliveries: Sequence[Delivery]) -> None:
        if self._intake.is_owner:
            self._deliverer.accept(deliveries)

    def _release(self) -> None:
        """Another process delivers now: forget all that waits."""
        self._releasing = asyncio.create_task(self._deliverer.forget())
