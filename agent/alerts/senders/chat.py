"""Chat and everything else that Apprise knows: Slack, Telegram, Matrix, Teams, Discord, ntfy …

One Apprise URL for each destination: of two, one may have taken the message and the other not, and trying again would
say it twice.
"""

from __future__ import annotations

import logging
from typing import Any

from msgspec.structs import replace

from agent.alerts.destinations import DestinationDefinition, SecretMissing, secret_of
from agent.alerts.links import Links
from agent.alerts.messages import MAX_IN_DIGEST, Message
from agent.alerts.senders.texts import text_of
from agent.alerts.sending import OK, Outgoing, Sent, Threads

log = logging.getLogger("rasad.alerts")
_HEAD_LINES = 2
"""Of a single alert's text: the rule and the title, which are kept however little there is room for."""


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
        return await self._threads.run(lambda: self._send(url, message))

    async def close(self) -> None:
        """End the thread; Apprise keeps no connection."""
        self._threads.close()

    def _send(self, url: str, message: Outgoing) -> Sent:
        import apprise  # not before it is needed: it takes a while

        # Whatever one service does, the next attempt makes a new object, and no file or attachment is ever read. No
        # picture either: Apprise's own are on another host.
        asset = apprise.AppriseAsset(
            app_id="Rasad",
            app_desc="Rasad",
            async_mode=False,
            secure_logging=True,
            image_url_mask="",
            image_url_logo="",
        )
        service: Any = apprise.Apprise.instantiate(url.split()[0] if url.split() else "", asset=asset)
        if service is None or len(url.split()) != 1:
            return Sent("retry", f"the secret of destination {self._definition.id!r} is not one Apprise URL")
        service.socket_connect_timeout = service.socket_read_timeout = self._definition.timeout_seconds
        # A service that reads nothing but Markdown gets the text as it is: it has none of its marks, and Apprise would
        # put backslashes into the links.
        text_format = apprise.NotifyFormat.TEXT
        is_markdown = service.resolve_format(text_format) == apprise.NotifyFormat.MARKDOWN
        text = self._fitting(message, service.body_maxlen)
        try:
            is_sent = service.notify(
                body=text.plain,
                # Where there is no title, Apprise writes it above the text, which begins with the same.
                title=text.subject if service.title_maxlen > 0 else "",
                body_format=apprise.NotifyFormat.MARKDOWN if is_markdown else text_format,
                overflow=apprise.OverflowMode.TRUNCATE,
            )
        except Exception as error:  # its messages may hold the URL
            return Sent("retry", f"{service.service_name}: {type(error).__name__}")
        return OK if is_sent else Sent("retry", f"{service.service_name}: not delivered; Apprise's log says why")

    def _fitting(self, message: Outgoing, most_chars: int) -> Message:
        """Return the message within `most_chars`: of a digest as many alerts as there is room for, of a single alert
        without what it says between its title and its links."""
        text = self._render(message, MAX_IN_DIGEST)
        if len(text.plain) <= most_chars:
            return text
        if message.is_digest:
            low, high = 1, min(len(message.alerts), MAX_IN_DIGEST)
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (
                    (middle, high) if len(self._render(message, middle).plain) <= most_chars else (low, middle - 1)
                )
            return self._render(message, low)
        lines = text.plain.splitlines()
        end = len(lines) - 2 * len(self._links.all(message.alerts[0]))
        while sum(map(len, lines)) + len(lines) > most_chars and end > _HEAD_LINES:
            end -= 1
            del lines[end]
        return replace(text, plain="\n".join(lines) + "\n")

    def _render(self, message: Outgoing, most: int) -> Message:
        return text_of(message, self._definition, self._links, for_chat=True, most=most)
