"""What is to be delivered where, when, and how it goes: one record for each alert and destination."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from streams.alerts.records import Alert, alert_id
from streams.alerts.schedule import due
from streams.model import SCHEMA

DeliveryStatus = Literal["waiting", "sent", "undeliverable", "muted", "dropped"]
"""`dropped`: its destination is not in the configuration any more."""


class Delivery(Struct, frozen=True, kw_only=True):
    """An alert on its way to one destination."""

    schema: int = SCHEMA
    key: str
    """The idempotency key that the receiver sees, where it goes out alone; the same at every attempt."""
    destination: str
    alert: Alert
    due_at: datetime
    batch: str | None = None
    """Goes out in one message with all that has the same batch and destination."""
    status: DeliveryStatus = "waiting"
    attempts: int = 0
    first_tried_at: datetime | None = None
    finished_at: datetime | None = None
    woken: int = 0
    """How often it was taken out of quarantine."""
    detail: str = ""
    """What the last attempt came to, for a person; no secrets."""


def plan(alert: Alert, ending: Collection[str] = (), always: Collection[str] = ()) -> Iterator[Delivery]:
    """Yield the deliveries of `alert`: always the same for the same alert.

    Args:
        ending: ids of destinations that end alerts by themselves; only they are told that a story goes on.
        always: ids of destinations that every alert goes to, whatever its rule says.
    """
    for destination in dict.fromkeys((*alert.channels, *always)):
        if not alert.is_shown and destination not in ending:
            continue
        # What can be silenced where it arrives is not held back here, and has no digest.
        is_now = destination in ending or destination in always
        at, batch = (alert.created_at, None) if is_now else due(alert.schedule, alert.created_at)
        yield Delivery(
            key=alert_id("delivery", alert.alert_id, destination),
            destination=destination,
            alert=alert,
            due_at=at,
            batch=batch,
        )


def awake(delivery: Delivery) -> Delivery:
    """Return a delivery that was given up as it waits again: as if it had never been tried."""
    return replace(
        delivery,
        status="waiting",
        attempts=0,
        first_tried_at=None,
        finished_at=None,
        woken=delivery.woken + 1,
    )


def batch_key(destination: str, keys: Iterable[str]) -> str:
    """Return the idempotency key of a message that carries all the deliveries `keys`."""
    return alert_id("batch", destination, *sorted(keys))
