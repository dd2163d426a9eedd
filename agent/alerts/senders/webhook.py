"""Signed webhooks.

    POST url
    Content-Type: application/json
    Idempotency-Key: 32 hex digits, the same at every attempt
    Rasad-Timestamp: seconds since 1970, when this attempt was made
    Rasad-Signature: sha256=HEX, HMAC-SHA256 of `timestamp.body` with the destination's secret

A receiver computes the HMAC over the bytes of the header, a full stop and the raw body, compares it in constant time,
refuses timestamps that are more than some minutes old, and answers 2xx for a key that it has seen before.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from agent.alerts.destinations import DestinationDefinition, SecretMissing, secret_of
from agent.alerts.links import Links
from agent.alerts.senders.posting import CONCURRENCY, Poster
from agent.alerts.senders.texts import text_of
from agent.alerts.sending import Outgoing, Sent
from streams import codec

if TYPE_CHECKING:
    from agent.settings import Settings


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `Rasad-Signature`."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def payload(message: Outgoing, definition: DestinationDefinition, links: Links) -> bytes:
    """Return the body: the alerts as they are, with their links, and the text for people."""
    text = text_of(message, definition, links)
    body: dict[str, Any] = {
        "schema": 1,
        "type": "digest" if message.is_digest else "alert",
        "idempotency_key": message.key,
        "subject": text.subject,
        "text": text.plain,
        "alerts": [{**codec.to_builtins(alert), "links": links.all(alert)} for alert in message.alerts],
    }
    return msgspec.json.encode(body)


class WebhookSender:
    """Posts to one webhook. A `Sender`."""

    concurrency = CONCURRENCY

    def __init__(
        self,
        definition: DestinationDefinition,
        settings: Settings,
        links: Links,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._definition = definition
        self._links = links
        self._clock = clock
        allowed = (*settings.collect.allow_private_hosts, *settings.alerts.allow_private_hosts)
        self._poster = Poster(
            definition.url or "", settings, allowed=allowed, timeout_seconds=definition.timeout_seconds
        )

    async def send(self, message: Outgoing) -> Sent:
        """Post the message, signed."""
        try:
            secret = secret_of(self._definition) or ""
        except SecretMissing as error:
            return Sent("retry", str(error))
        body = payload(message, self._definition, self._links)
        timestamp = str(int(self._clock()))
        return await self._poster.post(
            body,
            {"Idempotency-Key": message.key},
            {"Rasad-Timestamp": timestamp, "Rasad-Signature": signature(secret, timestamp, body)},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()
