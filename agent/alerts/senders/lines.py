"""Alerts as lines: to standard output, and to syslog (RFC 5424)."""

from __future__ import annotations

import os
import socket
import sys
from datetime import UTC

import msgspec

from agent.alerts.destinations import DestinationDefinition
from agent.alerts.links import Links
from agent.alerts.messages import title_of
from agent.alerts.safe import inert
from agent.alerts.senders.texts import text_of
from agent.alerts.sending import OK, Outgoing, Sent, Threads
from streams import codec
from streams.alerts.records import Alert

_FACILITY_USER = 1
_SEVERITIES = {"info": 6, "warning": 4, "critical": 2}
_MAX_DATAGRAM_BYTES = 2_000


class StdoutSender:
    """Writes to standard output: text for people on a terminal, else one line of JSON for each alert. A `Sender`."""

    concurrency = 1

    def __init__(self, definition: DestinationDefinition, links: Links) -> None:
        self._definition = definition
        self._links = links
        self._threads = Threads("stdout")

    async def send(self, message: Outgoing) -> Sent:
        """Write the alerts."""
        try:
            await self._threads.run(lambda: self._write(message))
        except OSError as error:
            return Sent("retry", f"standard output: {error.strerror or error}")
        return OK

    async def close(self) -> None:
        """End the thread; standard output is not ours to close."""
        self._threads.close()

    def _write(self, message: Outgoing) -> None:
        if sys.stdout.isatty():
            text = text_of(message, self._definition, self._links).plain
        else:
            lines = [
                msgspec.json.encode(
                    {"idempotency_key": message.key, **codec.to_builtins(alert), "links": self._links.all(alert)}
                ).decode()
                for alert in message.alerts
            ]
            text = "\n".join(lines)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def syslog_line(alert: Alert, key: str, links: Links) -> bytes:
    """Return one message of RFC 5424, in UTF-8 with its mark."""
    priority = _FACILITY_USER * 8 + _SEVERITIES[alert.severity]
    time = alert.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    host = socket.gethostname()[:255] or "-"
    data = f'[rasad@32473 rule="{alert.rule_id}" story="{alert.story_id or ""}" key="{key}"]'
    link = links.article(alert) or ""
    text = f"{inert(alert.rule_name)}: {inert(title_of(alert))} {link}".strip()
    head = f"<{priority}>1 {time} {host} rasad {os.getpid()} alert {data} ".encode()
    body = b"\xef\xbb\xbf" + text.encode("utf-8", "replace")
    return head + body[: _MAX_DATAGRAM_BYTES - len(head)].decode("utf-8", "ignore").encode()


class SyslogSender:
    """Sends datagrams to a syslog daemon. A `Sender`."""

    concurrency = 1

    def __init__(self, definition: DestinationDefinition, links: Links) -> None:
        self._address = definition.address or "/dev/log"
        self._links = links
        self._threads = Threads("syslog")

    async def send(self, message: Outgoing) -> Sent:
        """Send one datagram for each alert. That it was received, nobody says."""
        lines = [syslog_line(alert, message.key, self._links) for alert in message.alerts]
        try:
            await self._threads.run(lambda: self._send(lines))
        except (OSError, ValueError) as error:
            return Sent("retry", f"syslog at {self._address}: {getattr(error, 'strerror', None) or error}")
        return OK

    async def close(self) -> None:
        """End the thread; each message has a socket of its own."""
        self._threads.close()

    def _send(self, lines: list[bytes]) -> None:
        if self._address.startswith("/"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.connect(self._address)
                for line in lines:
                    out.send(line)
            return
        host, _, port = self._address.rpartition(":")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host.strip("[]") or "127.0.0.1", int(port), type=socket.SOCK_DGRAM
        )[:1]:
            with socket.socket(family, kind, protocol) as out:
                out.connect(address)
                for line in lines:
                    out.send(line)
