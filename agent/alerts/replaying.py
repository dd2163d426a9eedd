"""Where a replay with alerts goes: through the rules as well."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.alerts.kafka_journal import Message, Producing
from agent.alerts.load import AlertConfig
from streams import codec
from streams.alerts.deliveries import plan
from streams.alerts.stage import AlertStage
from streams.channels import ARTICLES
from streams.model import Article
from streams.pipeline import utc_now
from streams.stores.sqlite.alerts import AlertWriter, SqliteAlerts

if TYPE_CHECKING:
    from streams.stores.sqlite import SqliteStore


class EmbeddedTarget:
    """Writes to the SQLite file, with the articles their alerts and deliveries: the running agent delivers them."""

    def __init__(self, store: SqliteStore, config: AlertConfig) -> None:
        self._store = store
        self._ending = {name for name, one in config.destinations.items() if one.ends_alerts}
        self._stage = AlertStage(config.rules)
        self._stage.restore(SqliteAlerts(store).state())
        self.alerts = 0

    async def put(self, articles: Sequence[Article]) -> None:
        """Store `articles`, and what the rules make of them."""
        await asyncio.to_thread(self._put, articles)

    def _put(self, articles: Sequence[Article]) -> None:
        now = utc_now()
        with self._store.transaction() as transaction:
            transaction.write(articles)
            writer = AlertWriter(transaction)
            try:
                found = writer.unsaid([alert for article in articles for alert in self._stage.step(article, now)])
                writer.put(found, [delivery for alert in found for delivery in plan(alert, self._ending)])
                if (begins := self._stage.begins_with_pending) is not None:
                    writer.put_state(self._stage.take_kept(), begins)
            except BaseException:
                self._stage.roll_back()
                raise
        self._stage.commit()
        self.alerts += sum(alert.is_shown for alert in found)


class ChannelTarget:
    """Writes to the channel of the articles, to the index and the alert stage of the distributed runtime."""

    def __init__(self, producing: Producing) -> None:
        self._producing = producing

    async def put(self, articles: Sequence[Article]) -> None:
        """Publish `articles`; returns when they are acknowledged."""
        topic = self._producing.topic(ARTICLES.name)
        messages: list[Message] = [
            (topic, (article.story_id or article.article_id).encode(), codec.encode(article)) for article in articles
        ]
        await asyncio.to_thread(self._producing.send, messages)
