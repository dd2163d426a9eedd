"""Quarantine: where records wait that a stage could not process, and the port that every keeper of them has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from streams.model import QuarantineRecord

ATTEMPTS_HEADER = "rasad-attempts"
"""Header of a record that was taken out of quarantine and sent again: how often it has been tried."""


class QuarantineError(Exception):
    """The quarantine cannot do what it was asked; the message says why."""


class NotInQuarantine(QuarantineError):
    """No pending record has this id."""


class NotRetryable(QuarantineError):
    """The record cannot be run again as it is."""


class Quarantined(Struct, frozen=True):
    """A record in quarantine and the id that names it."""

    id: str
    record: QuarantineRecord


def quarantine_id(channel: str, partition: int, offset: int, payload: bytes) -> str:
    """Return the id of the record at one place of a channel: 16 hex digits.

    The same record read twice (delivery is at least once) has one id, so it stands in quarantine once. The bytes are
    part of it because a channel that is made anew counts from 0 again.
    """
    digest = hashlib.blake2b(f"{channel}\x1f{partition}\x1f{offset}\x1f".encode(), digest_size=8)
    digest.update(payload)
    return digest.hexdigest()


class QuarantineBox(Protocol):
    """Keeps what could not be processed until somebody retries or drops it."""

    def pending(self) -> Iterator[Quarantined]:
        """Yield what is in quarantine now, oldest first. What was retried or dropped is not."""
        ...

    def retry(self, item: Quarantined) -> None:
        """Send the record back to where it came from, with `attempts` one higher, and take it out of quarantine.

        Raises:
            NotRetryable: its bytes are not there any more, or nothing reads that channel.
        """
        ...

    def drop(self, item: Quarantined) -> None:
        """Take the record out of quarantine for good."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
