"""The two quarantines: the Kafka channel of the distributed runtime, and the table of the embedded one.

On the channel, which can only be added to, a record is pending as long as the newest entry of its id is not empty:
retrying or dropping it adds an empty one, and compaction removes both in time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from agent.channel_reading import Place, open_reader, whole_channel
from agent.errors import ServiceUnavailable
from agent.kafka_clients import BOOTSTRAP_TIMEOUT_MS, REQUEST_TIMEOUT_MS, client_options, kafka_faults
from agent.settings import KafkaSettings, Settings
from streams import codec
from streams.channels import ARTICLES, BY_NAME, QUARANTINE
from streams.model import Article, QuarantineRecord
from streams.pipeline import Rejected, utc_now
from streams.quarantine import ATTEMPTS_HEADER, NotRetryable, QuarantineBox, Quarantined, QuarantineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.pipeline import Pipeline
    from streams.stores.sqlite import SqliteStore

_POLL_MS = 1_000


def open_quarantine(settings: Settings, pipeline: Callable[[], Pipeline]) -> QuarantineBox:
    """Return the quarantine of the runtime that `store.kind` names; `pipeline` is only called for a retry.

    Raises:
        ServiceUnavailable: Kafka cannot be reached, or the SQLite file cannot be used.
    """
    if settings.store.kind == "elasticsearch":
        return KafkaQuarantine(settings.kafka)
    from agent.open_store import user_error
    from streams.stores.base import StoreError
    from streams.stores.sqlite import SqliteStore

    if not Path(settings.store.path).is_file():
        advice = "start `rasad run` first, or look on Kafka: --on kafka, or set store.kind to elasticsearch"
        raise ServiceUnavailable(f"there is no store at {settings.store.path}: {advice}")
    try:
        return SqliteQuarantine(SqliteStore(settings.store.path), pipeline)
    except StoreError as error:
        raise user_error(error) from error


class KafkaQuarantine:
    """The quarantine channel. A `QuarantineBox`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._topic = QUARANTINE.full_name(settings.channel_prefix)
        self._producer: Any = None

    def pending(self) -> Iterator[Quarantined]:
        """Yield what is in quarantine now, by partition and offset.

        The channel is read twice, so that not more than the ids have to be kept in memory.

        Raises:
            ServiceUnavailable: Kafka cannot be reached, or the channel does not exist.
        """
        newest: dict[bytes, Place] = {}
        with whole_channel(self._settings, QUARANTINE) as entries:
            for place, key, value in entries:
                if value is None:
                    newest.pop(key, None)
                else:
                    newest[key] = place
        if not newest:
            return
        places = set(newest.values())
        with whole_channel(self._settings, QUARANTINE) as entries:
            for place, key, value in entries:
                if place in places and value is not None:
                    yield Quarantined(key.decode(errors="backslashreplace"), _decoded(value))

    def retry(self, item: Quarantined) -> None:
        """Send the record back to its channel, then end it here."""
        record = item.record
        if record.channel not in BY_NAME:
            raise NotRetryable(f"no channel is called {record.channel!r}")
        if record.reason == "too_large" and not record.payload:
            raise NotRetryable(f"its bytes are not in quarantine, they were too many: {record.position}")
        headers = [(ATTEMPTS_HEADER, str(record.attempts + 1).encode())]
        topic = BY_NAME[record.channel].full_name(self._settings.channel_prefix)
        self._send(topic, record.key, record.payload, headers)
        self.drop(item)

    def drop(self, item: Quarantined) -> None:
        """End the record: an empty entry under its id."""
        self._send(self._topic, item.id.encode(), None, [])

    def close(self) -> None:
        """Close the connections."""
        if self._producer is not None:
            with contextlib.suppress(Exception):
                self._producer.close(timeout=5)
            self._producer = None

    def _send(self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        from kafka import KafkaProducer
        from kafka.errors import MessageSizeTooLargeError

        with kafka_faults(self._settings):
            if self._producer is None:
                self._producer = KafkaProducer(
                    **client_options(self._settings),
                    bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                    acks="all",
                    enable_idempotence=True,
                    max_request_size=2 * QUARANTINE.max_record_bytes(self._settings.max_message_bytes),
                    max_block_ms=2 * REQUEST_TIMEOUT_MS,
                    delivery_timeout_ms=4 * REQUEST_TIMEOUT_MS,
                    request_timeout_ms=REQUEST_TIMEOUT_MS,
                )
            try:
                self._producer.send(topic, key=key, value=value, headers=headers).get(
                    timeout=5 * REQUEST_TIMEOUT_MS / 1000
                )
            except MessageSizeTooLargeError as error:
                size = len(value or b"")
                raise NotRetryable(
                    f"channel {topic} does not take {size} bytes: raise kafka.max_message_bytes"
                ) from error


class QuarantineCounter:
    """Counts what is pending by following the quarantine channel: each entry is read once. For one thread at a time."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._ids: set[bytes] = set()

    def count(self) -> int:
        """Return how many records are pending, as far as the channel was read within a second.

        Raises:
            ServiceUnavailable: Kafka cannot be reached; the next call starts anew.
        """
        try:
            if self._consumer is None:
                self._ids.clear()
                self._consumer = open_reader(self._settings, QUARANTINE)
            deadline = time.monotonic() + _POLL_MS / 1000
            with kafka_faults(self._settings):
                while time.monotonic() < deadline and (polled := self._consumer.poll(timeout_ms=100)):
                    for entries in polled.values():
                        for entry in entries:
                            (self._ids.discard if entry.value is None else self._ids.add)(entry.key or b"")
        except BaseException:
            self.close()
            raise
        return len(self._ids)

    def close(self) -> None:
        """Close the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(Exception):
                consumer.close()


def _decoded(value: bytes) -> QuarantineRecord:
    try:
        return codec.decode(value, QuarantineRecord)
    except codec.CodecError as error:
        # Somebody else's bytes on our channel: shown, and droppable, but nothing to run again.
        return QuarantineRecord(
            stage="unknown",
            channel="unknown",
            reason=error.reason,
            detail=f"this entry of the quarantine channel is no quarantine record: {error.detail}",
            payload=value,
            quarantined_at=utc_now(),
        )


class SqliteQuarantine:
    """The quarantine table of the embedded agent. A `QuarantineBox`."""

    def __init__(self, store: SqliteStore, pipeline: Callable[[], Pipeline]) -> None:
        self._store = store
        self._make_pipeline = pipeline
        self._pipeline: Pipeline | None = None

    def pending(self) -> Iterator[Quarantined]:
        """Yield what is in quarantine now, oldest first."""
        for stored in self._store.quarantine(limit=-1):
            yield Quarantined(str(stored.id), stored.record)

    def retry(self, item: Quarantined) -> None:
        """Run the record through the stages from where it was, and store what comes of it, in one transaction.

        What fails again is in quarantine again, with `attempts` one higher. A delivery of an alert waits again instead.
        """
        if item.record.reason == "undeliverable":
            self._deliver_again(item)
            return
        result = self._run(item.record)
        with self._store.transaction() as transaction:
            transaction.remove_quarantine([int(item.id)])
            if isinstance(result, Article):
                [verdict] = transaction.write([result])
                if verdict.outcome == "refused":
                    result = msgspec.structs.replace(
                        item.record, stage="index", reason="refused_by_store", detail=verdict.detail
                    )
            if isinstance(result, QuarantineRecord):
                again = msgspec.structs.replace(result, attempts=item.record.attempts + 1, quarantined_at=utc_now())
                transaction.put_quarantine([again])

    def _deliver_again(self, item: Quarantined) -> None:
        from streams.stores.sqlite.alerts import AlertWriter

        with self._store.transaction() as transaction:
            transaction.remove_quarantine([int(item.id)])
            AlertWriter(transaction).wake((item.record.key or b"").decode().removeprefix("delivery:"))

    def drop(self, item: Quarantined) -> None:
        """Remove the record."""
        self._store.remove_quarantine([int(item.id)])

    def close(self) -> None:
        """Close the file."""
        self._store.close_now()

    def _run(self, record: QuarantineRecord) -> Article | QuarantineRecord:
        if self._pipeline is None:
            self._pipeline = self._make_pipeline()
        payload, channel = record.payload, record.channel
        while channel != ARTICLES.name:
            stage = next((s for s in self._pipeline.stages if channel in {c.name for c in s.reads}), None)
            if stage is None:
                raise NotRetryable(f"no stage reads a channel called {channel!r}")
            result = stage.step(payload)
            if isinstance(result, Rejected):
                return result.quarantine(payload, channel=channel, key=record.key, now=utc_now())
            payload, channel = result[0], stage.writes.name
        try:
            return codec.decode(payload, Article)
        except codec.CodecError as error:
            return msgspec.structs.replace(record, stage="index", reason=error.reason, detail=error.detail)


__all__ = ["KafkaQuarantine", "QuarantineError", "SqliteQuarantine", "open_quarantine"]
