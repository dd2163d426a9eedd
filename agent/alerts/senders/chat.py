"""Chat and everything else that Apprise knows: Slack, Telegram, Matrix, Teams, Discord, ntfy …

One Apprise URL for each destination: of two, one may have taken the message and the other not, and trying again would
say it twice.
"""

from __future__ import annotations

import logging
from typing import Any

from agent.alerts.destinations import DestinationDefinition, SecretMissing, secret_of
from agent.alerts.links import Links
from agent.alerts.messages import render
from agent.alerts.sending import OK, Outgoing, Sent, Threads

log = logging.getLogger("rasad.alerts")


class ChatSender:
    """Sends by Apprise. A `Sender`."""

    concurrency = 1

    def __init__(self, definition: DestinationDefinition, links: Links) -> None:
        self._definition = definition
        self._links = links
        self._threads = Threads("chat")

    async def send(self, message: Outgoing) -> Sent:
        """Send the message as plain text."""
        try:
            url = secret_of(self._definition) or ""
        except SecretMissing as error:
            return Sent("retry", str(error))
        text = render(
            message.alerts,
            language=self._definition.language,
            time_zone=self._definition.time_zone,
            links=self._links,
            is_digest=message.is_digest,
            for_chat=True,
        )
        return await self._threads.run(lambda: self._send(url, text.subject, text.plain))

    async def close(self) -> None:
        """End the thread; Apprise keeps no connection."""
        self._threads.close()

    def _send(self, url: str, title: str, body: str) -> Sent:
        import apprise  # not before it is needed: it takes a while

        # Whatever one service does, the next attempt makes a new object, and no file or attachment is ever read.
        asset = apprise.AppriseAsset(app_id="Rasad", app_desc="Rasad", async_mode=False, secure_logging=True)
        service: Any = apprise.Apprise.instantiate(url.split()[0] if url.split() else "", asset=asset)
        if service is None or len(url.split()) != 1:
            return Sent("retry", f"the secret of destination {self._definition.id!r} is not one Apprise URL")
        service.socket_connect_timeout = service.socket_read_timeout = self._definition.timeout_seconds
        try:
            is_sent = service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # its messages may hold the URL
            return Sent("retry", f"{service.service_name}: {type(error).__name__}")
        return OK if is_sent else Sent("retry", f"{service.service_name}: not delivered; Apprise's log says why")
