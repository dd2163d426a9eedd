"""Callback paths and secrets that nobody can guess, and signatures over what is pushed.

Both are derived from one secret of the user, so nothing has to be stored, and every process knows them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
"""Those of the recommendation. SHA-1 is weak as a hash and not, so far, in an HMAC; many hubs know no other."""


def path_token(secret: str, feed_url: str) -> str:
    """Return the last part of a feed's callback path: 256 bits."""
    return base64.urlsafe_b64encode(_derived(secret, "path", feed_url)).decode().rstrip("=")


def hub_secret(secret: str, feed_url: str, topic_url: str) -> str:
    """Return what the hub signs with, below the 200 bytes that it may have."""
    return _derived(secret, "secret", f"{feed_url}\0{topic_url}").hex()


def is_signed(header: str, body: bytes, secret: str) -> bool:
    """Tell whether `header` (`X-Hub-Signature: sha256=…`) is the signature of the raw `body`."""
    name, _, digest = header.strip().partition("=")
    algorithm = ALGORITHMS.get(name.strip().lower())
    if algorithm is None:
        return False
    expected = hmac.new(secret.encode(), body, algorithm).hexdigest()
    return hmac.compare_digest(expected.encode(), digest.strip().lower().encode("utf-8", "replace"))


def _derived(secret: str, purpose: str, text: str) -> bytes:
    return hmac.new(secret.encode(), f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
