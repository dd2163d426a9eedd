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
import re
from collections.abc import Mapping

from agent import named_secrets

PREFIX = "RASAD_FEED_SECRET_"
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]+(\S.*)")
_FORBIDDEN = frozenset(
    "host content-length transfer-encoding connection te trailer upgrade cookie referer if-none-match "
    "if-modified-since accept-encoding range expect".split()
)


class CredentialsError(Exception):
    """The secret is missing or cannot be used; the message says what to do, and nothing of the secret."""


def variable(name: str) -> str:
    """Return the environment variable that holds the secret `name`."""
    return named_secrets.variable(PREFIX, name)


def secret_headers(name: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers that the secret `name` stands for; read anew each time, so that it can be changed.

    Raises:
        CredentialsError: it is not there, or not in a form that can be sent.
    """
    key = variable(name)
    try:
        text = named_secrets.read_secret(key, f"credentials {name!r} have", environ)
    except named_secrets.SecretUnreadable as error:
        raise CredentialsError(str(error)) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
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
