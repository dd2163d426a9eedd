"""What a backfill has done, and what it has still to do. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

MAX_PENDING = 2_000
MAX_DEPTH = 3
"""Sitemap indexes within sitemap indexes: the protocol forbids them, and some outlets have one level."""
_HASH_BYTES = 8

Kind = Literal["feed", "sitemap"]


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document to look into: a feed or one of its older pages, or a sitemap."""

    url: str
    kind: Kind = "feed"
    feed_url: str = ""
    """The feed that it belongs to; empty for a sitemap."""
    depth: int = 0


class BackfillProgress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One backfill of one target; kept in its `FeedState`."""

    since: datetime
    pending: tuple[Document, ...] = ()
    done: bytes = b""
    """Hashes of the addresses that were looked into, or are `pending`."""
    documents: int = 0
    articles: int = 0
    left_out: int = 0
    """Pages named by sitemaps that could not be read, or are no articles."""
    failed: int = 0
    """Documents that could not be read."""
    is_finished: bool = False

    def with_documents(self, documents: Iterable[Document]) -> BackfillProgress:
        """Return this with those of `documents` that are new, behind what is pending."""
        pending, done = list(self.pending), self.done
        for document in documents:
            key = _hash(document.url)
            if len(pending) < MAX_PENDING and document.depth <= MAX_DEPTH and not _has(done, key):
                pending.append(document)
                done += key
        return msgspec.structs.replace(self, pending=tuple(pending), done=done)

    def without_first(self, *, failed: bool = False) -> BackfillProgress:
        """Return this when the first document is done."""
        pending = self.pending[1:]
        return msgspec.structs.replace(
            self, pending=pending, documents=self.documents + 1, failed=self.failed + failed, is_finished=not pending
        )


def _has(hashes: bytes, key: bytes) -> bool:
    start = hashes.find(key)
    while start >= 0 and start % _HASH_BYTES:
        start = hashes.find(key, start + 1)
    return start >= 0


def _hash(url: str) -> bytes:
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()
