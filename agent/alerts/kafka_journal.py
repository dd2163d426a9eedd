"""How deliveries go, kept on the channel `deliveries` of the distributed runtime.

    delivery:KEY    the newest state of a delivery
    ack:ALERT       when somebody has seen an alert
    mute:RULE:STORY until when a rule is silent

A reader has the newest of each key: the channel is compacted, and read from its beginning.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from agent.alerts.sending import DELIVERY_KEY, UNDELIVERABLE, Threads, quarantined
from agent.alerts.together import SettledTogether
from agent.kafka_clients import REQUEST_TIMEOUT_MS, client_options
from agent.settings import KafkaSettings
from streams import codec
from streams.alerts.deliveries import Delivery
from streams.alerts.mutes import Mute, is_muted
from streams.alerts.records import Alert
from streams.channels import DELIVERIES, QUARANTINE
from streams.pipeline import utc_now

MUTE_KEY = "mute:"
ACK_KEY = "ack:"
Message = tuple[str, bytes, bytes | None]
"""Full name of the channel, key, value."""


class DeliveryLog:
    """What the channel `deliveries` says, as far as it was read. For one writer and many readers in one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.deliveries: dict[str, Delivery] = {}
        self.mutes: dict[str, Mute] = {}
        self.acknowledged: dict[str, datetime] = {}

    def read(self, key: bytes, value: bytes | None) -> Delivery | None:
        """Take one record in; return the delivery that it is about, if it waits."""
        name = key.decode("utf-8", "replace")
        with self._lock, contextlib.suppress(codec.CodecError, msgspec.MsgspecError):
            if name.startswith(MUTE_KEY):
                if value is None:
                    self.mutes.pop(name, None)
                else:
                    self.mutes[name] = codec.decode(value, Mute)
            elif name.startswith(ACK_KEY) and value is not None:
                self.acknowledged[name.removeprefix(ACK_KEY)] = msgspec.json.decode(value, type=datetime)
            elif name.startswith(DELIVERY_KEY) and value is not None:
                return self._take(codec.decode(value, Delivery))
        return None

    def _take(self, delivery: Delivery) -> Delivery | None:
        known = self.deliveries.get(delivery.key)
        # What this process has settled may be read back later than it was settled.
        if known is not None and (known.woken, known.attempts) > (delivery.woken, delivery.attempts):
            return None
        if known is not None and known.status != "waiting" and known.woken == delivery.woken:
            return None
        self.deliveries[delivery.key] = delivery
        return delivery if delivery.status == "waiting" else None

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Take in what was just written."""
        with self._lock:
            self.deliveries.update((one.key, one) for one in deliveries)

    def waiting(self) -> list[Delivery]:
        """Return what waits, in order of when it is due."""
        with self._lock:
            found = [one for one in self.deliveries.values() if one.status == "waiting"]
        return sorted(found, key=lambda one: (one.due_at, one.key))

    def all_mutes(self) -> list[Mute]:
        """Return what is muted."""
        with self._lock:
            return list(self.mutes.values())

    def forget(self, before: datetime) -> None:
        """Forget what was finished before a moment: the channel forgets it, too."""
        with self._lock:
            old = [
                key for key, one in self.deliveries.items() if one.finished_at is not None and one.finished_at < before
            ]
            for key in old:
                del self.deliveries[key]


def mute_key(mute: Mute) -> str:
    """Return the key of a mute."""
    return f"{MUTE_KEY}{mute.rule_id}:{mute.story_id or ''}"


class Producing:
    """Writes to channels and waits for every acknowledgement. Its methods block; for several threads."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Any = None
        self._lock = threading.Lock()

    def topic(self, name: str) -> str:
        """Return the full name of a channel."""
        return self._settings.channel_prefix + name

    def send(self, messages: Sequence[Message]) -> None:
        """Write `messages`; returns when all are acknowledged.

        Raises:
            Exception: some may not be there; write them all again.
        """
        if not messages:
            return
        with self._lock:
            try:
                if self._producer is None:
                    self._producer = self._connected()
                futures = [self._producer.send(topic, value, key=key) for topic, key, value in messages]
                self._producer.flush(timeout=4 * REQUEST_TIMEOUT_MS / 1000)
                for future in futures:
                    future.get(timeout=4 * REQUEST_TIMEOUT_MS / 1000)
            except BaseException:
                self._forget()  # a producer that has lost a batch is not trusted with the next one
                raise

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._forget()

    def _connected(self) -> Any:
        from kafka import KafkaProducer

        return KafkaProducer(
            **client_options(self._settings),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_request_size=2 * QUARANTINE.max_record_bytes(self._settings.max_message_bytes),
            max_block_ms=2 * REQUEST_TIMEOUT_MS,
            delivery_timeout_ms=2 * REQUEST_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    def _forget(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                producer.close(timeout=5)


class KafkaJournal:
    """A `Journal` on the channel; what is settled at the same time is written together."""

    def __init__(self, log: DeliveryLog, producing: Producing, clock: Callable[[], datetime] = utc_now) -> None:
        self._log = log
        self._producing = producing
        self._clock = clock
        self._threads = Threads("journal")
        self._together = SettledTogether(self._write, self._threads)

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Keep the new state of `deliveries`. Raises Exception: it is not certain that it was kept."""
        await self._together.settle(deliveries)

    async def are_muted(self, alerts: Sequence[Alert]) -> list[bool]:
        """Say of each alert whether somebody has muted it."""
        mutes, now = self._log.all_mutes(), self._clock()
        return [is_muted(alert, mutes, now) for alert in alerts]

    def close(self) -> None:
        """End the thread."""
        self._threads.close()

    def _write(self, deliveries: Sequence[Delivery]) -> None:
        now = self._clock()
        given_up = [quarantined(one, now) for one in deliveries if one.status == UNDELIVERABLE]
        # First: what is in quarantine twice is one entry, what is in none is lost.
        topic = self._producing.topic(QUARANTINE.name)
        self._producing.send([(topic, one.key or b"", codec.encode(one)) for one in given_up])
        self._producing.send(delivery_messages(deliveries, self._producing))
        self._log.settle(deliveries)


def delivery_messages(deliveries: Iterable[Delivery], producing: Producing) -> list[Message]:
    """Return the records of deliveries."""
    topic = producing.topic(DELIVERIES.name)
    return [(topic, f"{DELIVERY_KEY}{one.key}".encode(), codec.encode(one)) for one in deliveries]
