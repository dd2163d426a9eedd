"""What a feed needs to be let in: a name in its definition, the secret itself in the environment or in a file.

    feeds:
      - url: https://agency.example/subscribers.xml
        credentials: agency

    RASAD_FEED_SECRET_AGENCY='user:password'                      sent as HTTP Basic
    RASAD_FEED_SECRET_AGENCY='Authorization: Bearer 0123'         one header a line, sent as it is
    RASAD_FEED_SECRET_AGENCY_FILE=/run/secrets/agency             the same, in a file

A secret goes to the scheme, host and port of the feed's own URL and nowhere else, and is in no log and no list.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path

PREFIX = "RASAD_FEED_SECRET_"
MAX_SECRET_CHARS = 16_000
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]+(\S.*)")
_FORBIDDEN = frozenset(
    "host content-length transfer-encoding connection te trailer upgrade cookie referer if-none-match "
    "if-modified-since accept-encoding range expect".split()
)


class CredentialsError(Exception):
    """The secret is missing or cannot be used; the message says what to do, and nothing of the secret."""


def variable(name: str) -> str:
    """Return the environment variable that holds the secret `name`."""
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def secret_headers(name: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers that the secret `name` stands for; read anew each time, so that it can be changed.

    Raises:
        CredentialsError: it is not there, or not in a form that can be sent.
    """
    environ = os.environ if environ is None else environ
    key = variable(name)
    text = environ.get(key)
    if text is None and (path := environ.get(f"{key}_FILE")):
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise CredentialsError(f"the file named by {key}_FILE cannot be read: {reason}") from None
    if not text or not text.strip():
        raise CredentialsError(f"credentials {name!r} have no secret: set {key} or {key}_FILE")
    if len(text) > MAX_SECRET_CHARS:
        raise CredentialsError(f"the secret in {key} has more than {MAX_SECRET_CHARS} characters")
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            if len(lines) == 1 and ":" in line:
                token = base64.b64encode(line.encode()).decode()
                return {"Authorization": f"Basic {token}"}
            raise CredentialsError(f"{key} is neither `user:password` nor lines of `Header: value`")
        header, value = found.groups()
        if header.lower() in _FORBIDDEN:
            raise CredentialsError(f"{key} sets the header {header}, which is the fetcher's own")
        if not (value.isascii() and value.isprintable()):
            raise CredentialsError(f"the value of {header} in {key} has characters that no header may have")
        headers[header] = value
    return headers


def without_secrets(text: str, headers: Mapping[str, str]) -> str:
    """Return `text` with every secret value in it blotted out: a server may echo what it was sent."""
    for value in headers.values():
        for part in {value, *value.split()}:
            if len(part) >= 4:
                text = text.replace(part, "…")
    return text
