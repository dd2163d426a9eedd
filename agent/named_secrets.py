"""Secrets that a definition names: their text is in an environment variable, or in the file that another one names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

MAX_SECRET_CHARS = 16_000


class SecretUnreadable(Exception):
    """The secret is not there or cannot be read; the message says what to set, and nothing of the secret."""


def variable(prefix: str, name: str) -> str:
    """Return the environment variable that holds the secret `name`."""
    return prefix + re.sub(r"[^A-Z0-9]", "_", name.upper())


def read_secret(key: str, whose: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the text of the variable `key`, or of the file that `key`_FILE names; read anew each time, so that it
    can be changed. `whose`: for the message, as in `destination 'desk' has`.

    Raises:
        SecretUnreadable: it is not there, cannot be read, or is longer than `MAX_SECRET_CHARS`.
    """
    environ = os.environ if environ is None else environ
    text = environ.get(key)
    if text is None and (path := environ.get(f"{key}_FILE")):
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise SecretUnreadable(f"the file named by {key}_FILE cannot be read: {reason}") from None
    if not text or not text.strip():
        raise SecretUnreadable(f"{whose} no secret: set {key} or {key}_FILE")
    if len(text) > MAX_SECRET_CHARS:
        raise SecretUnreadable(f"the secret in {key} has more than {MAX_SECRET_CHARS} characters")
    return text.strip()
