"""Reads a channel from its beginning to its present end, without a consumer group."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agent.errors import ServiceUnavailable
from agent.kafka_clients import BOOTSTRAP_TIMEOUT_MS, REQUEST_TIMEOUT_MS, client_options, kafka_faults
from agent.settings import KafkaSettings
from streams.channels import Channel

_POLL_MS = 1_000
_SILENT_POLLS = 30
Place = tuple[int, int]
"""Partition and offset."""


@contextmanager
def whole_channel(settings: KafkaSettings, channel: Channel) -> Iterator[Iterator[tuple[Place, bytes, bytes | None]]]:
    """Give place, key and value of every record that `channel` has now, partition by partition in order.

    Raises:
        ServiceUnavailable: Kafka cannot be reached, stops answering, or the channel does not exist.
    """
    consumer = open_reader(settings, channel)
    try:
        with kafka_faults(settings):
            ends = consumer.end_offsets(list(consumer.assignment()))
        yield _entries(settings, channel, consumer, ends)
    finally:
        with contextlib.suppress(Exception):
            consumer.close()


def read_state(settings: KafkaSettings, channel: Channel) -> Iterator[bytes]:
    """Yield the newest record of each key on a state channel of one partition, in order.

    Raises:
        StoreUnavailable: Kafka cannot be reached: try again later.
    """
    from streams.stores.base import StoreUnavailable

    newest: dict[bytes, bytes] = {}
    try:
        with whole_channel(settings, channel) as entries:
            for _, key, value in entries:
                newest.pop(key, None)  # so that it comes where it was written last
                if value is not None:
                    newest[key] = value
    except ServiceUnavailable as error:
        raise StoreUnavailable(str(error)) from error
    yield from newest.values()


def open_reader(settings: KafkaSettings, channel: Channel) -> Any:
    """Return a kafka-python consumer at the beginning of every partition of `channel`.

    Raises:
        ServiceUnavailable: Kafka cannot be reached, or the channel does not exist.
    """
    from kafka import KafkaConsumer, TopicPartition

    topic = channel.full_name(settings.channel_prefix)
    with kafka_faults(settings):
        consumer = KafkaConsumer(
            **client_options(settings),
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=2 * REQUEST_TIMEOUT_MS,
        )
        partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            consumer.close()
            raise ServiceUnavailable(f"channel {topic} does not exist: run `rasad admin init`")
        places = [TopicPartition(topic, number) for number in sorted(partitions)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
    return consumer


def _entries(
    settings: KafkaSettings, channel: Channel, consumer: Any, ends: dict[Any, int]
) -> Iterator[tuple[Place, bytes, bytes | None]]:
    silent = 0
    while any(consumer.position(place) < end for place, end in ends.items()):
        with kafka_faults(settings):
            polled = consumer.poll(timeout_ms=_POLL_MS)
        silent = 0 if polled else silent + 1
        if silent > _SILENT_POLLS:
            name = channel.full_name(settings.channel_prefix)
            raise ServiceUnavailable(f"Kafka stopped answering while channel {name} was read")
        for place, entries in polled.items():
            for entry in entries:
                if entry.offset < ends[place]:
                    yield (entry.partition, entry.offset), entry.key or b"", entry.value
