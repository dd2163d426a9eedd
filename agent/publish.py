"""Delivers to Kafka: articles first, and feed states only when every article is acknowledged.

kafka-python's producer is not trusted with a loss: every future is kept and looked at. After an epoch bump the batches
that are in flight fail and are gone unless they are sent again, so what failed is sent again, with a new producer if
need be. The blocking client lives in a thread of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.collect.records import Delivery, SinkUnavailable
from agent.collect.state import ENTRY_BYTES, FeedState
from agent.errors import ServiceUnavailable
from agent.kafka_clients import client_options
from agent.parse.dates import utc_now
from agent.settings import KafkaSettings
from streams import codec
from streams.channels import BACKFILL, FEED_STATE, RAW
from streams.metrics import Metrics
from streams.model import RawArticle

log = logging.getLogger("rasad.collect")

REQUEST_TIMEOUT_MS = 10_000
DELIVERY_TIMEOUT_MS = 20_000
GIVE_UP_SECONDS = 45.0
"""After so long a delivery goes back to the collector, which keeps it and tries again: others may have their turn."""
MAX_RECORDS_IN_FLIGHT = 2_000
MAX_BYTES_IN_FLIGHT = 32_000_000
_RETRY_SECONDS = 0.5
_OVERHEAD_BYTES = 1_024
_TEXT_STEPS = 12


def partition_of(source_id: str, partitions: int) -> int:
    """Return the partition of the feed states of a source: all its feeds are polled by one collector.

    Not Kafka's own hash of the key, which is the feed's URL.
    """
    digest = hashlib.blake2b(source_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % partitions


def check_crc32c() -> None:
    """Raise ServiceUnavailable if kafka-python would compute checksums in Python, which makes it six times slower."""
    from kafka.record import util

    if getattr(util, "crc32c_c", None) is None:
        raise ServiceUnavailable("the package crc32c is missing, publishing would be slow: pip install crc32c")


@dataclass(frozen=True, slots=True)
class _Record:
    topic: str
    key: bytes
    value: bytes
    partition: int | None = None
    shrink: Callable[[int], bytes | None] | None = None
    """Makes a smaller value of so many bytes; None when it cannot."""


class KafkaSink:
    """Publishes articles and feed states. `deliver` may be called many times at once: what waits is sent together."""

    def __init__(self, settings: KafkaSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._options = client_options(settings)
        self._producer: Any = None
        self._partitions: int | None = None
        self._waiting: list[tuple[Sequence[Delivery], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rasad-publish")
        self._is_closing = False

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Publish; returns when the brokers have acknowledged articles and, after them, states.

        Raises:
            SinkUnavailable: not everything was acknowledged; deliver the same again later.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((deliveries, done))
        self._metrics.queue_depth.labels("deliveries").set(len(self._waiting))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def close(self) -> None:
        """Finish the batch in hand and let go of the connection."""
        self._is_closing = True
        if self._writer is not None:
            await asyncio.wait([self._writer])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close_producer)
        self._thread.shutdown(wait=True)

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            # Whoever stopped waiting (a feed that another collector has now) does not want it published any more.
            batch = [(group, done) for group, done in batch if not done.done()]
            self._metrics.queue_depth.labels("deliveries").set(0)
            deliveries = [delivery for group, _ in batch for delivery in group]
            failure: SinkUnavailable | None = None
            try:
                await loop.run_in_executor(self._thread, self._publish, deliveries)
            except SinkUnavailable as error:
                failure = error
            except Exception as error:  # whatever it was, the collector keeps its deliveries and tries again
                log.exception("publishing failed")
                failure = SinkUnavailable(f"{type(error).__name__}: {error}")
            for _, done in batch:
                if not done.done():
                    if failure is None:
                        done.set_result(None)
                    else:
                        done.set_exception(failure)

    # --- in the thread ---

    def _publish(self, deliveries: Sequence[Delivery]) -> None:
        give_up_at = time.monotonic() + GIVE_UP_SECONDS
        articles = [article for delivery in deliveries for article in delivery.articles]
        self._send_all([self._article_record(article) for article in articles], give_up_at)
        now = utc_now()
        for article in articles:
            self._metrics.left_stage("collect", article, now)
        self._metrics.published.inc(len(articles))
        # Of two states of one feed in one batch only the later counts, but both are in order anyway.
        self._send_all([self._state_record(delivery.state) for delivery in deliveries], give_up_at)

    def _article_record(self, article: RawArticle) -> _Record:
        channel = BACKFILL if article.is_backfill else RAW
        return _Record(
            channel.full_name(self._settings.channel_prefix),
            article.article_id.encode(),
            codec.encode(article),
            shrink=lambda limit: self._smaller_article(article, limit),
        )

    def _smaller_article(self, article: RawArticle, limit_bytes: int) -> bytes | None:
        """Return the article with as much of its text as fits: better found by its beginning than not at all."""
        self._metrics.entry_faults.labels("too_large").inc()
        log.warning("article %s is larger than %d bytes: its text is cut", article.article_id, limit_bytes)
        for step in range(1, _TEXT_STEPS):
            kept = len(article.text) >> step
            value = codec.encode(msgspec.structs.replace(article, text=article.text[:kept]))
            if len(value) <= limit_bytes:
                return value
        value = codec.encode(msgspec.structs.replace(article, text="", tags=(), authors=(), image_url=None))
        return value if len(value) <= limit_bytes else None

    def _state_record(self, state: FeedState) -> _Record:
        return _Record(
            FEED_STATE.full_name(self._settings.channel_prefix),
            state.feed_url.encode(),
            codec.encode(state),
            partition=partition_of(state.source_id, self._state_partitions()),
            shrink=lambda limit: self._smaller_state(state, limit),
        )

    @staticmethod
    def _smaller_state(state: FeedState, limit_bytes: int) -> bytes | None:
        log.warning(
            "the state of feed %s is larger than %d bytes: old entries are forgotten", state.feed_url, limit_bytes
        )
        entries = len(state.seen) // ENTRY_BYTES
        for step in range(1, entries.bit_length() + 1):
            seen = state.seen[: (entries >> step) * ENTRY_BYTES]
            value = codec.encode(msgspec.structs.replace(state, seen=seen, listed=min(state.listed, entries >> step)))
            if len(value) <= limit_bytes:
                return value
        return None

    def _state_partitions(self) -> int:
        if self._partitions is None:
            from kafka.errors import KafkaError

            try:
                found = self._connected().partitions_for(FEED_STATE.full_name(self._settings.channel_prefix))
            except KafkaError as error:
                raise SinkUnavailable(_explain(error, self._settings)) from error
            if not found:
                raise SinkUnavailable("the channel feed-state does not exist: run `rasad admin init`")
            self._partitions = len(found)
        return self._partitions

    def _send_all(self, records: list[_Record], give_up_at: float) -> None:
        while records:
            group, size = 0, 0
            while group < min(len(records), MAX_RECORDS_IN_FLIGHT) and (size < MAX_BYTES_IN_FLIGHT or not group):
                size += len(records[group].value)
                group += 1
            self._send_group(records[:group], give_up_at)
            records = records[group:]

    def _send_group(self, records: list[_Record], give_up_at: float) -> None:
        """Send until every record is acknowledged."""
        while records:
            failed: list[_Record] = []
            worst: Exception | None = None
            for record, result in self._attempt(records):
                if isinstance(result, Exception):
                    smaller = self._shrunk(record) if _is_too_large(result) else record
                    if smaller is not None:
                        failed.append(smaller)
                        worst = result
            records = failed
            if worst is None:
                return
            if _needs_new_producer(worst):
                self._close_producer()
            if self._is_closing or time.monotonic() > give_up_at or _is_refusal(worst):
                raise SinkUnavailable(_explain(worst, self._settings)) from worst
            log.info("%d records are sent again: %s", len(records), _explain(worst, self._settings))
            if not _is_too_large(worst):
                time.sleep(_RETRY_SECONDS)

    def _attempt(self, records: list[_Record]) -> list[tuple[_Record, Exception | None]]:
        sent: list[tuple[_Record, Any]] = []
        results: list[tuple[_Record, Exception | None]] = []
        for record in records:
            try:
                producer = self._connected()
                future = producer.send(record.topic, record.value, key=record.key, partition=record.partition)
                sent.append((record, future))
            except Exception as error:  # kafka-python raises some refusals here, and fails its futures with others
                results.append((record, error))
                if not _is_too_large(error):
                    results.extend((other, error) for other in records[len(sent) + len(results) :])
                    break
        for record, future in sent:
            try:
                # The producer fails the future itself when its own time is up; this limit is only for its bugs.
                future.get(timeout=DELIVERY_TIMEOUT_MS / 1000 + 30)
                results.append((record, None))
            except Exception as error:
                results.append((record, error))
        return results

    def _shrunk(self, record: _Record) -> _Record | None:
        # A record that comes back smaller already gets half as much room.
        limit = min(self._settings.max_message_bytes, len(record.value)) // 2
        value = record.shrink(limit) if record.shrink is not None and limit > _OVERHEAD_BYTES else None
        if value is None:
            log.error(
                "a record of %d bytes for %s cannot be published: it is too large", len(record.value), record.topic
            )
            return None
        return _Record(record.topic, record.key, value, record.partition, record.shrink)

    def _connected(self) -> Any:
        if self._producer is None:
            from kafka import KafkaProducer

            try:
                self._producer = KafkaProducer(
                    **self._options,
                    acks="all",
                    enable_idempotence=True,  # explicit: otherwise a conflicting option turns it off in silence
                    linger_ms=5,
                    batch_size=131_072,
                    max_request_size=FEED_STATE.max_record_bytes(self._settings.max_message_bytes) + _OVERHEAD_BYTES,
                    request_timeout_ms=REQUEST_TIMEOUT_MS,
                    delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
                    max_block_ms=REQUEST_TIMEOUT_MS,
                    bootstrap_timeout_ms=REQUEST_TIMEOUT_MS,
                    reconnect_backoff_max_ms=1_000,
                    metadata_max_age_ms=60_000,
                    allow_auto_create_topics=False,
                    metrics_enabled=False,
                )
            except Exception as error:
                raise SinkUnavailable(_explain(error, self._settings)) from error
        return self._producer

    def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.close(timeout=5)
            except Exception as error:  # nothing unacknowledged is lost by it: it is sent again
                log.debug("closing the producer: %s", error)


def _is_too_large(error: Exception) -> bool:
    from kafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

    return isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError)


def _is_refusal(error: Exception) -> bool:
    from kafka.errors import AuthorizationError, SaslAuthenticationFailedError

    return isinstance(error, AuthorizationError | SaslAuthenticationFailedError | SinkUnavailable)


def _needs_new_producer(error: Exception) -> bool:
    """Tell whether the producer is in a state that it does not come out of by itself."""
    from kafka.errors import RetriableError

    return not isinstance(error, RetriableError) and not _is_too_large(error)


def _explain(error: Exception, settings: KafkaSettings) -> str:
    if isinstance(error, SinkUnavailable):
        return str(error)
    detail = str(error) or type(error).__name__
    return f"Kafka at {settings.bootstrap_servers} did not acknowledge ({type(error).__name__}: {detail})"
