"""The alerts of the distributed runtime, for commands: what the channel `deliveries` says of them.

An alert is there with its first delivery: the one to the index, which every alert has, or to a destination.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType

import msgspec

from agent.alerts.kafka_journal import ACK_KEY, DeliveryLog, Producing, mute_key
from agent.channel_reading import whole_channel
from agent.settings import KafkaSettings
from streams import codec
from streams.alerts.deliveries import Delivery
from streams.alerts.mutes import Mute
from streams.channels import DELIVERIES
from streams.stores.sqlite.alerts import AlertSearch, StoredAlert

_OURS = "_index"


class KafkaBook:
    """An `AlertBook` on Kafka, as it was when it was opened. A context manager.

    Raises:
        ServiceUnavailable: Kafka cannot be reached, or the channel does not exist.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._log = DeliveryLog()
        self._producing = Producing(settings)

    def __enter__(self) -> KafkaBook:
        with whole_channel(self._settings, DELIVERIES) as entries:
            for _, key, value in entries:
                self._log.read(key, value)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producing.close()

    def find(self, search: AlertSearch) -> Iterator[StoredAlert]:
        """Yield the alerts asked for, newest first."""
        by_alert: defaultdict[str, list[Delivery]] = defaultdict(list)
        for delivery in self._log.deliveries.values():
            by_alert[delivery.alert.alert_id].append(delivery)
        found = [
            StoredAlert(
                alert=deliveries[0].alert,
                acknowledged_at=self._log.acknowledged.get(alert_id),
                deliveries=tuple(
                    sorted((d for d in deliveries if d.destination != _OURS), key=lambda d: d.destination)
                ),
            )
            for alert_id, deliveries in by_alert.items()
        ]
        found = [stored for stored in found if _is_wanted(stored, search)]
        found.sort(key=lambda stored: (stored.alert.created_at, stored.alert.alert_id), reverse=True)
        yield from found[: search.limit]

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many deliveries there are by destination and status, those that were sent left out."""
        counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        for delivery in self._log.deliveries.values():
            if delivery.status != "sent":
                counts[delivery.destination, delivery.status] += 1
        return dict(counts)

    def mutes(self) -> list[Mute]:
        """Return what is muted."""
        return sorted(self._log.all_mutes(), key=mute_key)

    def mute(self, mute: Mute) -> None:
        """Keep a rule silent."""
        self._send(mute_key(mute), codec.encode(mute))

    def unmute(self, rule_id: str, story_id: str | None = None) -> int:
        """Let a rule speak again; return how many mutes there were."""
        muted = [one for one in self.mutes() if one.rule_id == rule_id and story_id in (None, one.story_id)]
        for one in muted:
            self._send(mute_key(one), None)
        return len(muted)

    def acknowledge(self, alert_ids: Sequence[str], at: datetime) -> None:
        """Note that somebody has seen alerts."""
        for alert_id in alert_ids:
            if alert_id not in self._log.acknowledged:
                self._send(f"{ACK_KEY}{alert_id}", msgspec.json.encode(at))

    def _send(self, key: str, value: bytes | None) -> None:
        from agent.kafka_clients import kafka_faults

        with kafka_faults(self._settings):
            self._producing.send([(self._producing.topic(DELIVERIES.name), key.encode(), value)])


def _is_wanted(stored: StoredAlert, search: AlertSearch) -> bool:
    alert = stored.alert
    return (
        (search.since is None or alert.created_at >= search.since)
        and (search.until is None or alert.created_at < search.until)
        and search.rule in (None, alert.rule_id)
        and search.severity in (None, alert.severity)
        and search.story in (None, alert.story_id)
        and alert.alert_id.startswith(search.alert or "")
    )
