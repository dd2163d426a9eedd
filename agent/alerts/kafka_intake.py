"""Takes alerts from their channel: each is on the channel `deliveries`, with where it goes, before it counts as read.

    alerts ─▶ plan ─▶ deliveries ─ acknowledged ─▶ commit          deliveries ─▶ what waits, from its beginning on
                                        └──────────────▶ Deliverer ◀──┘

One process of the group has the one partition, and delivers; others stand by. Blocking clients, in a thread of their
own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from agent.alerts.kafka_journal import DeliveryLog, Producing, delivery_messages, mute_key
from agent.channel_reading import open_reader
from agent.errors import ServiceUnavailable
from agent.kafka_clients import BOOTSTRAP_TIMEOUT_MS, REQUEST_TIMEOUT_MS, client_options
from agent.settings import Settings
from streams import codec
from streams.alerts.deliveries import Delivery, plan
from streams.alerts.records import Alert
from streams.channels import ALERTS, DELIVERIES, QUARANTINE
from streams.model import QuarantineRecord
from streams.pipeline import utc_now
from streams.quarantine import quarantine_id

log = logging.getLogger("rasad.alerts")

_POLL_MS = 50
_JOIN_MS = 1_000
_LEAST_SESSION_MS = 6_000
_METADATA_MS = 10_000
_RETRY_SECONDS = 1.0
_MAX_RETRY_SECONDS = 30.0
_FORGET_SECONDS = 600.0
_RENEW_SECONDS = 86_400.0
_KEPT = timedelta(hours=ALERTS.retention_hours or 0) + timedelta(days=1)
"""Longer than the alerts' own channel keeps one that might be read again."""

Accept = Callable[[Sequence[Delivery]], None]


class KafkaIntake:
    """Reads both channels while `run` runs, in a thread. `accept` and `release` are called in the loop's thread."""

    def __init__(
        self,
        settings: Settings,
        log_: DeliveryLog,
        producing: Producing,
        accept: Accept,
        release: Callable[[], None],
        ending: Callable[[], frozenset[str]],
        always: tuple[str, ...],
    ) -> None:
        """`release`: the partition is another's now, nothing more is to be delivered here."""
        self._settings = settings
        self._log = log_
        self._producing = producing
        self._accept = accept
        self._release = release
        self._ending = ending
        self._always = always
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forgotten_at = self._renewed_at = time.monotonic()
        self._is_assigned = False
        self.is_owner = False
        self.reason_not_ready: str | None = "not connected to Kafka yet"

    async def run(self) -> None:
        """Read until cancelled."""
        self._loop = asyncio.get_running_loop()
        done = asyncio.Event()
        loop = self._loop

        def body() -> None:
            try:
                self._run()
            finally:
                loop.call_soon_threadsafe(done.set)

        thread = threading.Thread(target=body, name="rasad-alerts-intake", daemon=True)
        thread.start()
        try:
            await done.wait()
        finally:
            self._stop.set()
            await done.wait()

    # --- in the thread ---

    def _run(self) -> None:
        wait_seconds = _RETRY_SECONDS
        while not self._stop.is_set():
            consumer = follower = None
            try:
                follower = open_reader(self._settings.kafka, DELIVERIES)
                consumer = self._connected()
                self.reason_not_ready = None
                self._follow(consumer, follower, wait_seconds)
            except Exception as error:  # whatever it was: what is not committed is read again
                self.reason_not_ready = f"Kafka: {error}"
                log.warning("alerts cannot be read from Kafka, tried again in %.0f s: %s", wait_seconds, error)
                self._is_assigned = False
                self._lost()
                self._stop.wait(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _MAX_RETRY_SECONDS)
            finally:
                for one in (consumer, follower):
                    if one is not None:
                        with contextlib.suppress(Exception):
                            one.close()
        self._lost()

    def _connected(self) -> Any:
        from kafka import KafkaConsumer
        from kafka.consumer.subscription_state import ConsumerRebalanceListener

        intake = self

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the library is untyped
            def on_partitions_revoked(self, revoked: Any) -> None:
                intake._is_assigned = False
                intake._lost()

            def on_partitions_assigned(self, assigned: Any) -> None:
                intake._is_assigned = bool(assigned)

        # Brokers take no less, and a machine that is busy would be thrown out again before it has joined.
        session_ms = max(int(self._settings.worker.session_seconds * 1000), _LEAST_SESSION_MS)
        consumer = KafkaConsumer(
            **client_options(self._settings.kafka),
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            group_id=f"{self._settings.worker.consumer_group}.deliver",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=max(session_ms // 5, 200),
            request_timeout_ms=max(2 * REQUEST_TIMEOUT_MS, 2 * session_ms),
            max_poll_records=500,
            # Whoever joins before it knows the channel gets none of it, and asks again only then.
            metadata_max_age_ms=_METADATA_MS,
        )
        topic = ALERTS.full_name(self._settings.kafka.channel_prefix)
        if not consumer.partitions_for_topic(topic):
            consumer.close()
            raise ServiceUnavailable(f"channel {topic} does not exist: run `rasad admin init`")
        consumer.subscribe([topic], listener=Listener())
        return consumer

    def _follow(self, consumer: Any, follower: Any, _: float) -> None:
        while not self._stop.is_set():
            # Joining the group takes several answers of the broker; a short poll would give up between them.
            polled = consumer.poll(timeout_ms=_POLL_MS if self.is_owner else _JOIN_MS)
            woken = self._read(follower)
            # Not by `assignment()`, which still has during a rebalance what was there before.
            if self._is_assigned and not self.is_owner:
                self._own(follower)
            elif self.is_owner and woken:
                self._hand_over(woken)
            for records in polled.values():
                self._take(records)
            if polled:
                consumer.commit()
            if time.monotonic() - self._forgotten_at > _FORGET_SECONDS:
                self._forgotten_at = time.monotonic()
                self._log.forget(utc_now() - _KEPT)
            if self.is_owner and time.monotonic() - self._renewed_at > _RENEW_SECONDS:
                self._renew_mutes()

    def _read(self, follower: Any) -> list[Delivery]:
        found = []
        for records in follower.poll(timeout_ms=0).values():
            for record in records:
                if (waiting := self._log.read(record.key or b"", record.value)) is not None:
                    found.append(waiting)
        return found

    def _own(self, follower: Any) -> None:
        """Begin to deliver: with all that waits, whoever had it before."""
        ends = follower.end_offsets(list(follower.assignment()))
        while any(follower.position(place) < end for place, end in ends.items()) and not self._stop.is_set():
            for records in follower.poll(timeout_ms=_POLL_MS).values():
                for record in records:
                    self._log.read(record.key or b"", record.value)
        self.is_owner = True
        self._renew_mutes()
        waiting = self._log.waiting()
        log.info("this process delivers alerts now; %d deliveries wait", len(waiting))
        self._hand_over(waiting)

    def _renew_mutes(self) -> None:
        """Write the mutes in force again: the channel forgets in time, a mute may be for ever."""
        self._renewed_at = time.monotonic()
        topic, now = self._producing.topic(DELIVERIES.name), utc_now()
        mutes = [one for one in self._log.all_mutes() if one.until > now]
        self._producing.send([(topic, mute_key(one).encode(), codec.encode(one)) for one in mutes])

    def _take(self, records: Sequence[Any]) -> None:
        planned: list[Delivery] = []
        faulty: list[tuple[str, bytes, bytes | None]] = []
        for record in records:
            try:
                alert = codec.decode(record.value or b"", Alert)
            except codec.CodecError as error:
                faulty.append(self._quarantined(record, error))
                continue
            planned += plan(alert, self._ending(), self._always)
        new = [one for one in planned if one.key not in self._log.deliveries]
        self._producing.send([*faulty, *delivery_messages(new, self._producing)])
        self._log.settle(new)
        self._hand_over(new)

    def _quarantined(self, record: Any, error: codec.CodecError) -> tuple[str, bytes, bytes | None]:
        payload = record.value or b""
        kept = QuarantineRecord(
            stage="deliver",
            channel=ALERTS.name,
            reason=error.reason,
            detail=error.detail,
            payload=payload,
            key=record.key,
            position=f"partition {record.partition} offset {record.offset}",
            quarantined_at=utc_now(),
        )
        identity = quarantine_id(ALERTS.name, record.partition, record.offset, payload)
        return self._producing.topic(QUARANTINE.name), identity.encode(), codec.encode(kept)

    def _hand_over(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries and self._loop is not None:
            self._loop.call_soon_threadsafe(self._accept, deliveries)

    def _lost(self) -> None:
        if self.is_owner and self._loop is not None:
            log.info("another process delivers alerts now")
            self.is_owner = False
            self._loop.call_soon_threadsafe(self._release)
