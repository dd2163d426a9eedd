"""Makes the channels, and compares those that exist with what they should be.

Nothing that exists is changed unless asked for, and then only what can be changed without moving records: settings, not
partitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.errors import ServiceUnavailable
from agent.kafka_clients import KafkaAdmin, kafka_faults
from agent.settings import KafkaSettings
from streams.channels import CHANNELS, Channel

_HOUR_MS = 3_600_000
_COMPACTED_SEGMENT_MS = 6 * _HOUR_MS


@dataclass(frozen=True)
class Difference:
    """Where a channel is not as `rasad admin init` would make it."""

    what: str
    is_: str
    should_be: str
    can_be_mended: bool

    def __str__(self) -> str:
        return f"{self.what} is {self.is_}, should be {self.should_be}"


@dataclass
class ChannelReport:
    """What became of one channel."""

    name: str
    """Name of the Kafka topic."""
    outcome: str
    """`created`, `exists`, `differs`, `mended` or `missing`."""
    holds_state: bool = False
    """True where the newest record of each key is what counts."""
    differences: list[Difference] = field(default_factory=list)


def channel_config(channel: Channel, settings: KafkaSettings) -> dict[str, str]:
    """Return the Kafka topic configuration of `channel`."""
    policies = [
        *(["compact"] if channel.compacted else []),
        *(["delete"] if channel.retention_hours is not None else []),
    ]
    config = {
        "cleanup.policy": ",".join(policies),
        "max.message.bytes": str(channel.max_record_bytes(settings.max_message_bytes)),
        "retention.ms": str(-1 if channel.retention_hours is None else channel.retention_hours * _HOUR_MS),
    }
    if channel.compacted:
        # Only closed segments are compacted: without this a quiet channel keeps every old state for a week.
        config["segment.ms"] = str(_COMPACTED_SEGMENT_MS)
    if settings.replication_factor >= 3:
        # An acknowledgement then means that two brokers have it, and one may be down.
        config["min.insync.replicas"] = "2"
    return config


def partition_count(channel: Channel, settings: KafkaSettings) -> int:
    """Return how many partitions `channel` gets."""
    return 1 if channel.single_partition else settings.partitions


def make_channels(
    settings: KafkaSettings, channels: Iterable[Channel] = CHANNELS, *, mend: bool = False
) -> list[ChannelReport]:
    """Create the channels that are missing, and report how the others differ; `mend` changes their settings.

    Raises:
        ServiceUnavailable: Kafka cannot be reached, or refuses to make a channel.
    """
    wanted = list(channels)
    with KafkaAdmin(settings) as admin:
        there = admin.partitions(wanted)
        reports = []
        for channel in wanted:
            if channel not in there and _create(admin, channel):
                reports.append(ChannelReport(admin.full_name(channel), "created", channel.compacted))
            else:
                reports.append(_compare(admin, channel, mend))
        return reports


def compare_channels(settings: KafkaSettings, channels: Iterable[Channel] = CHANNELS) -> list[ChannelReport]:
    """Report how the channels are, changing nothing; a missing one is reported as `missing`.

    Raises:
        ServiceUnavailable: Kafka cannot be reached.
    """
    wanted = list(channels)
    with KafkaAdmin(settings) as admin:
        there = admin.partitions(wanted)
        return [
            _compare(admin, channel, False)
            if channel in there
            else ChannelReport(admin.full_name(channel), "missing", channel.compacted)
            for channel in wanted
        ]


def _create(admin: KafkaAdmin, channel: Channel) -> bool:
    # False when somebody else made it in the meantime.
    from kafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError

    settings = admin.settings
    plan: Mapping[str, Any] = {
        "num_partitions": partition_count(channel, settings),
        "replication_factor": settings.replication_factor,
        "configs": channel_config(channel, settings),
    }
    with kafka_faults(settings):
        try:
            admin.client.create_topics({admin.full_name(channel): plan})
            # Known to the controller is not yet known to every broker.
            admin.client.wait_for_topics([admin.full_name(channel)])
        except TopicAlreadyExistsError:
            return False
        except InvalidReplicationFactorError as error:
            copies = settings.replication_factor
            advice = "start more of them, or lower kafka.replication_factor"
            raise ServiceUnavailable(
                f"Kafka has too few brokers for {copies} copies of {admin.full_name(channel)}: {advice}"
            ) from error
    return True


def _compare(admin: KafkaAdmin, channel: Channel, mend: bool) -> ChannelReport:
    settings, name = admin.settings, admin.full_name(channel)
    with kafka_faults(settings):
        [described] = admin.client.describe_topics([name])
        actual = _actual_config(admin, name)
    found = []
    count, copies = len(described["partitions"]), min(len(p["replica_nodes"]) for p in described["partitions"])
    if count != partition_count(channel, settings):
        found.append(Difference("partitions", str(count), str(partition_count(channel, settings)), False))
    if copies != settings.replication_factor:
        found.append(Difference("replication factor", str(copies), str(settings.replication_factor), False))
    to_mend = {}
    for key, value in channel_config(channel, settings).items():
        if _normal(actual.get(key, "")) != _normal(value):
            found.append(Difference(key, actual.get(key, "not set"), value, True))
            to_mend[key] = value
    if not found:
        return ChannelReport(name, "exists", channel.compacted)
    if mend and to_mend:
        _alter(admin, name, to_mend)
        rest = [difference for difference in found if not difference.can_be_mended]
        return ChannelReport(name, "differs" if rest else "mended", channel.compacted, rest or found)
    return ChannelReport(name, "differs", channel.compacted, found)


def _actual_config(admin: KafkaAdmin, name: str) -> dict[str, str]:
    from kafka.admin import ConfigResource, ConfigResourceType

    answer = admin.client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
    return {key: str(entry["value"]) for key, entry in answer["topic"][name].items()}


def _alter(admin: KafkaAdmin, name: str, config: Mapping[str, str]) -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    with kafka_faults(admin.settings):
        admin.client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=dict(config))])


def _normal(value: str) -> str:
    return ",".join(sorted(part.strip() for part in value.split(",")))
