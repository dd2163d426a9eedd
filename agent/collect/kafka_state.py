"""Shares the feeds among collectors, and keeps their states in Kafka.

Every collector knows all feeds. The partitions of the compacted channel `feed-state` are shared out by a consumer
group, and with a partition come the feeds of its sources: it is read from its beginning to its end, and what was read
are their states.

    group gives partition ─▶ read to the end ─▶ Collector.add(feeds, states)
    group takes partition ─▶ Collector.remove(feeds) ─▶ given up

A collector that dies is noticed within `SESSION_TIMEOUT_MS`. The group's client is aiokafka, which lives in the event
loop; why not kafka-python's stands in docs/decisions/0032.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from agent.collect.collector import Collector
from agent.collect.state import FeedState, decode_states
from agent.errors import ServiceUnavailable
from agent.feeds.definitions import FeedDefinition
from agent.kafka_clients import KafkaAdmin, client_options, kafka_faults
from agent.publish import partition_of
from agent.settings import KafkaSettings
from streams.channels import BACKFILL, FEED_STATE, RAW

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

log = logging.getLogger("rasad.collect")

SESSION_TIMEOUT_MS = 8_000
HEARTBEAT_MS = 2_000
REBALANCE_TIMEOUT_MS = 30_000
"""How long the group waits for a collector to let go of its feeds; `HAND_OVER_SECONDS` is what it takes at most."""
_POLL_MS = 200
_RETRY_SECONDS = 1.0
_LEAVE_SECONDS = 10.0


class FeedShare:
    """Keeps `collector` supplied with the feeds that fall to it: `start()`, then `stop()`."""

    def __init__(
        self, collector: Collector, feeds: Iterable[FeedDefinition], settings: KafkaSettings, consumer_group: str
    ) -> None:
        self._collector = collector
        self._feeds = [feed for feed in feeds if feed.enabled]
        self._settings = settings
        self._group = f"{consumer_group}.collect"
        self._by_partition: dict[int, list[FeedDefinition]] = {}
        self._task: asyncio.Task[None] | None = None
        self._new: list[TopicPartition] = []
        self._reading: dict[TopicPartition, _Reading] = {}
        self._is_assigned = False
        self.loaded: set[int] = set()
        """Partitions whose feeds are being polled here."""
        self.changed = asyncio.Event()
        """Set at every change of `loaded` and of `is_ready`."""

    @property
    def is_ready(self) -> bool:
        """Whether the group has given this collector its share, be it empty, and all of it is read."""
        return self._is_assigned and not self._new and not self._reading

    async def start(self) -> None:
        """Join the group.

        Raises:
            ServiceUnavailable: Kafka cannot be reached, or a channel does not exist.
        """
        partitions = await asyncio.to_thread(self._partitions)
        for feed in self._feeds:
            self._by_partition.setdefault(partition_of(feed.source_id, partitions), []).append(feed)
        self._task = asyncio.create_task(self._run(), name="feed share")

    async def stop(self) -> None:
        """Leave the group, so that the others need not wait to notice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _partitions(self) -> int:
        needed = (FEED_STATE, RAW, BACKFILL)
        with KafkaAdmin(self._settings) as admin:
            found = admin.partitions(needed)
        missing = [channel.full_name(self._settings.channel_prefix) for channel in needed if channel not in found]
        if missing:
            raise ServiceUnavailable(f"missing channels: {', '.join(missing)}: run `rasad admin init`")
        return found[FEED_STATE]

    async def _run(self) -> None:
        while True:
            try:
                async with self._member() as consumer:
                    await self._serve(consumer)
            except Exception as error:  # whatever it was, the group has our feeds polled by another meanwhile
                log.warning("sharing feeds failed, tried again: %s", error, exc_info=log.isEnabledFor(logging.DEBUG))
            await self._lose_all()
            await asyncio.sleep(_RETRY_SECONDS)

    @asynccontextmanager
    async def _member(self) -> AsyncIterator[AIOKafkaConsumer]:
        from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
        from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

        share = self

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the library is untyped
            async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
                # Not given up before the feeds have stopped: their next owner reads their states right after.
                await share._lose_all()

            async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
                share._new = sorted(assigned)
                share._is_assigned = True
                share.changed.set()

        largest = FEED_STATE.max_record_bytes(self._settings.max_message_bytes)
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            partition_assignment_strategy=(StickyPartitionAssignor,),
            max_partition_fetch_bytes=max(4_000_000, 2 * largest),
            request_timeout_ms=20_000,
            metadata_max_age_ms=60_000,
        )
        consumer.subscribe([FEED_STATE.full_name(self._settings.channel_prefix)], listener=Listener())
        try:
            await consumer.start()
            yield consumer
        finally:
            # Also when we are told to stop: first the feeds, then the group.
            await asyncio.shield(asyncio.create_task(self._leave(consumer)))

    async def _leave(self, consumer: AIOKafkaConsumer) -> None:
        await self._lose_all()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await consumer.stop()

    async def _serve(self, consumer: AIOKafkaConsumer) -> None:
        from aiokafka.errors import IllegalStateError

        while True:
            records = await consumer.getmany(timeout_ms=_POLL_MS)
            try:
                for tp, batch in records.items():
                    if tp in self._reading:
                        self._reading[tp].take(batch)
                await self._begin(consumer)
                await self._finish(consumer)
            except IllegalStateError as error:
                # A partition went away between two lines; what the group says now is looked at next time.
                log.debug("partitions changed meanwhile: %s", error)

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        new = self._new
        if not new:
            return
        ends = await consumer.end_offsets(new)
        await consumer.seek_to_beginning(*new)
        if new is self._new:  # and no other assignment has come while these lines waited
            self._reading = {tp: _Reading(ends[tp]) for tp in new}
            self._new = []

    async def _finish(self, consumer: AIOKafkaConsumer) -> None:
        for tp, reading in list(self._reading.items()):
            position = await consumer.position(tp)
            if position >= reading.end_offset and self._reading.get(tp) is reading:
                # From here on the partition holds nothing that we have not written ourselves.
                consumer.pause(tp)
                del self._reading[tp]
                self._gain(tp.partition, reading.states())

    def _gain(self, partition: int, states: dict[str, FeedState]) -> None:
        feeds = self._by_partition.get(partition, [])
        self._collector.add(feeds, states)
        self.loaded.add(partition)
        self.changed.set()
        log.info("partition %d is ours: %d feeds, %d of them known", partition, len(feeds), len(states))

    async def _lose_all(self) -> None:
        self._new, self._reading, self._is_assigned = [], {}, False
        lost, self.loaded = self.loaded, set()
        urls = [feed.url for partition in lost for feed in self._by_partition.get(partition, [])]
        await self._collector.remove(urls)
        self.changed.set()
        if lost:
            log.info("%d partitions are given up: %d feeds", len(lost), len(urls))


class _Reading:
    """One partition on its way from beginning to end."""

    def __init__(self, end_offset: int) -> None:
        self.end_offset = end_offset
        self._payloads: dict[str, bytes] = {}
        self._is_newer: dict[str, int] = {}

    def take(self, records: Iterable[Any]) -> None:
        for record in records:
            if record.key is None:
                continue
            url = bytes(record.key).decode("utf-8", "replace")
            if record.value is None:
                self._payloads.pop(url, None)
            else:
                self._keep(url, bytes(record.value))

    def _keep(self, url: str, payload: bytes) -> None:
        # A collector that was frozen and came back may have written after its successor: more polls is newer.
        polls = _polls(payload)
        if polls >= self._is_newer.get(url, 0) or url not in self._payloads:
            self._payloads[url] = payload
            self._is_newer[url] = polls

    def states(self) -> dict[str, FeedState]:
        return decode_states(self._payloads)


class _Polls(msgspec.Struct):
    polls: int = 0


def _polls(payload: bytes) -> int:
    try:
        return msgspec.json.decode(payload, type=_Polls).polls
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0


def read_states(settings: KafkaSettings, *, timeout_seconds: float = 30.0) -> dict[str, FeedState]:
    """Return all feed states in Kafka, without joining the group.

    Raises:
        ServiceUnavailable: Kafka cannot be reached, or does not answer in time.
    """
    from kafka import KafkaConsumer, TopicPartition

    name = FEED_STATE.full_name(settings.channel_prefix)
    with kafka_faults(settings):
        consumer = KafkaConsumer(
            **client_options(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=max(4_000_000, 2 * FEED_STATE.max_record_bytes(settings.max_message_bytes)),
            bootstrap_timeout_ms=10_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        try:
            partitions = [TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()]
            if not partitions:
                return {}
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            reading = {tp: _Reading(end) for tp, end in consumer.end_offsets(partitions).items()}
            give_up_at = time.monotonic() + timeout_seconds
            while any(consumer.position(tp) < read.end_offset for tp, read in reading.items()):
                if time.monotonic() > give_up_at:
                    raise ServiceUnavailable(f"Kafka did not give the feed states within {timeout_seconds:g} s")
                for tp, batch in consumer.poll(timeout_ms=500).items():
                    reading[tp].take(batch)
            return {url: state for read in reading.values() for url, state in read.states().items()}
        finally:
            _close(consumer)


def _close(consumer: Any) -> None:
    try:
        consumer.close(autocommit=False, timeout_ms=10_000)
    except Exception as error:
        log.debug("closing the consumer: %s", error)
