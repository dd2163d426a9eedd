"""The port that every way of delivering stands behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from streams import codec
from streams.alerts.deliveries import Delivery, awake
from streams.alerts.records import Alert
from streams.channels import DELIVERIES
from streams.model import QuarantineRecord

R = TypeVar("R")

UNDELIVERABLE = "undeliverable"
DELIVERY_KEY = "delivery:"
"""What the keys of deliveries begin with on their channel."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """One message: an alert alone, or all of a digest."""

    key: str
    """The idempotency key: the same at every attempt, also after a restart."""
    alerts: tuple[Alert, ...]
    is_digest: bool = False


class Sent(Struct, frozen=True):
    """What one attempt came to. `refused`: the receiver will never take it, trying again does not help."""

    outcome: Literal["ok", "retry", "refused"]
    detail: str = ""
    retry_after_seconds: float | None = None


OK = Sent("ok")


class Sender(Protocol):
    """A way to deliver. One for each destination."""

    @property
    def concurrency(self) -> int:
        """How many messages may be on their way at the same time."""
        ...

    async def send(self, message: Outgoing) -> Sent:
        """Deliver, and return what came of it within the destination's time-out. Never raises for what a receiver
        does."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Threads:
    """Threads of one sender or journal alone: those of the loop are few, and whoever waits in one of them (for a mail
    server that does not answer, say) would keep all others waiting."""

    def __init__(self, name: str, count: int = 1) -> None:
        self._executor = ThreadPoolExecutor(max_workers=count, thread_name_prefix=f"rasad-{name}")

    async def run(self, call: Callable[[], R]) -> R:
        """Return what `call` returns, called in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def close(self) -> None:
        """Take no more calls; one under way ends by its own time-out."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class Journal(Protocol):
    """Where it is kept how deliveries go. What is kept there outlives the process."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Keep the new state of `deliveries`; those that are undeliverable go to quarantine. Returns when that is
        safe."""
        ...

    async def are_muted(self, alerts: Sequence[Alert]) -> list[bool]:
        """Say of each alert whether somebody has muted it."""
        ...


def quarantined(delivery: Delivery, now: datetime) -> QuarantineRecord:
    """Return the record that keeps a delivery that was given up; sent back to its channel it waits again."""
    return QuarantineRecord(
        stage="deliver",
        channel=DELIVERIES.name,
        reason=UNDELIVERABLE,
        detail=f"to {delivery.destination}, after {delivery.attempts} attempts: {delivery.detail}",
        payload=codec.encode(awake(delivery)),
        key=f"{DELIVERY_KEY}{delivery.key}".encode(),
        quarantined_at=now,
        attempts=delivery.attempts,
    )
