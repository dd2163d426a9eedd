"""Where alerts go: what a user writes into `config/destinations/*.yaml`.

    destinations:
      - {id: desk, kind: mail, host: smtp.example.org, tls: starttls, sender: rasad@example.org, to: [desk@example.org],
         credentials: smtp, language: ar}
      - {id: ops, kind: webhook, url: "https://hooks.example.org/rasad", credentials: ops-hook}

A secret is never in the file: `credentials: NAME` is read from `RASAD_ALERT_SECRET_<NAME>`, or from the file that
`RASAD_ALERT_SECRET_<NAME>_FILE` names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from agent.named_secrets import SecretUnreadable, read_secret, variable
from streams.definitions import Slug

PREFIX = "RASAD_ALERT_SECRET_"
Kind = Literal["webhook", "mail", "alertmanager", "apprise", "syslog", "stdout", "feed"]
ENDING_KINDS = frozenset({"alertmanager"})
"""Kinds that end an alert by themselves when they hear no more of it."""
_NEEDS: dict[str, tuple[str, ...]] = {
    "webhook": ("url", "credentials"),
    "mail": ("host", "sender", "to"),
    "alertmanager": ("url",),
    "apprise": ("credentials",),
}
_TAKES: dict[str, frozenset[str]] = {
    "webhook": frozenset({"url", "credentials"}),
    "mail": frozenset({"host", "port", "tls", "sender", "to", "credentials", "ca_file"}),
    "alertmanager": frozenset({"url", "credentials", "quiet_seconds"}),
    "apprise": frozenset({"credentials"}),
    "syslog": frozenset({"address"}),
    "stdout": frozenset(),
    "feed": frozenset({"credentials", "max_entries"}),
}
_COMMON = frozenset({"id", "kind", "language", "time_zone", "per_minute", "timeout_seconds"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\]{1,64}@[^\s@<>,;:\"\\]{1,255}")


class DestinationDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One place that alerts are delivered to."""

    id: Slug
    kind: Kind
    language: Literal["en", "ar", "fa", "tr"] = "en"
    """Of what Rasad says; headlines stay as they are."""
    time_zone: str = "UTC"
    per_minute: Annotated[float, Meta(gt=0, le=60_000)] = 600.0
    """Most messages in a minute, after a burst of as many as come in ten seconds."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=120)] = 15.0
    url: str | None = None
    credentials: Slug | None = None
    """Webhook: what is signed with. Mail: `user:password`. Alertmanager: `user:password` or one header. Apprise: its
    URLs, one a line. Feed: the part of its file's name that nobody can guess."""
    host: str | None = None
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    tls: Literal["none", "starttls", "tls"] = "starttls"
    ca_file: str | None = None
    sender: str | None = None
    to: tuple[str, ...] = ()
    quiet_seconds: Annotated[float, Meta(ge=3600, le=7 * 86_400)] = 6 * 3600.0
    """Alertmanager: an alert ends when nothing more was heard of its story for so long."""
    address: str | None = None
    """Syslog: `host:port` (UDP), or a socket's path; default `/dev/log`."""
    max_entries: Annotated[int, Meta(ge=1, le=1000)] = 100

    def __post_init__(self) -> None:
        for name in _NEEDS.get(self.kind, ()):
            if not getattr(self, name):
                raise ValueError(f"a destination of kind {self.kind} needs `{name}`")
        defaults = dict(zip(reversed(self.__struct_fields__), reversed(self.__struct_defaults__), strict=False))
        for name in set(self.__struct_fields__) - _COMMON - _TAKES[self.kind]:
            if getattr(self, name) != defaults.get(name):
                raise ValueError(f"a destination of kind {self.kind} has no `{name}`")
        if self.url is not None:
            _check_url(self.url)
        if self.kind == "mail" and self.credentials and self.tls == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password is not sent in the open: set `tls` to starttls or tls")
        for address in (*self.to, *([self.sender] if self.sender else [])):
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is no mail address")

    @property
    def ends_alerts(self) -> bool:
        """Whether it ends an alert by itself when it hears no more of it."""
        return self.kind in ENDING_KINDS


class SecretMissing(Exception):
    """A destination's secret is not there; the message says what to set, and nothing of the secret."""


def secret_of(definition: DestinationDefinition, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the secret of a destination, None where it names none; read anew each time, so that it can be changed.

    Raises:
        SecretMissing: it is not there.
    """
    if definition.credentials is None:
        return None
    try:
        return read_secret(variable(PREFIX, definition.credentials), f"destination {definition.id!r} has", environ)
    except SecretUnreadable as error:
        raise SecretMissing(str(error)) from None


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("`url` is no address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("`url` must begin with http:// or https:// and name a host")
    if parts.username is not None or "@" in parts.netloc:
        raise ValueError("`url` must not hold a user name or password: use `credentials`")
