"""What makes an article the same article: its canonical URL, or else feed and GUID.

`article_id` is a 128-bit BLAKE2b of a tagged string, written as 32 hex digits.
"""

from __future__ import annotations

import hashlib


def article_id(
    *, canonical_url: str | None, feed_url: str | None = None, guid: str | None = None, title: str = ""
) -> str:
    """Return the id of an article.

    With a canonical URL the feed does not matter: the same page met in two feeds is one article. Without one, the
    feed's own GUID decides; without that too, the title within the feed is all there is.
    """
    if canonical_url:
        return _digest("url", canonical_url)
    if guid:
        return _digest("guid", feed_url or "", guid)
    return _digest("title", feed_url or "", title)


def content_hash(*parts: str) -> str:
    """Return 64 bits, as 16 hex digits, that change when any of `parts` does."""
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _digest(kind: str, *parts: str) -> str:
    text = "\x1f".join((kind, *parts))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def document_version(revision: int, stage_time_ms: int) -> int:
    """Return the external version of an article's document: revision first, then stage time.

    `revision` < 2**20 and milliseconds since 1970 < 2**43 fit the 63 bits that Elasticsearch and SQLite give.
    """
    return (min(revision, (1 << 20) - 1) << 43) | min(max(stage_time_ms, 0), (1 << 43) - 1)
