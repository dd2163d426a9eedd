"""Lists of feeds that are subscribed to: a source with `opml: URL` stands for the feeds of that OPML document.

    sources:
      - id: regional-list
        name: Regional list
        opml: https://lists.example/region.opml
        tags: [region]

The document is kept beside the file that names it (`regional-list.opml`), with its validators, so that an agent starts
without a network, and what the list says today can be read. It is fetched again when an agent starts, at most once a
day, and by `rasad feeds refresh`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.feeds.definitions import Subscription
from agent.feeds.load import load_subscriptions
from agent.feeds.opml import OpmlError, OpmlFeed, read_opml
from agent.fetch.fetcher import Fetcher
from agent.settings import CollectSettings

REFRESH_SECONDS = 86_400.0
ACCEPT = "text/x-opml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
MAX_LIST_BYTES = 20_000_000


class Refreshed(Struct, frozen=True, kw_only=True):
    """What fetching one list came to."""

    id: str
    url: str
    outcome: str
    detail: str = ""
    is_ok: bool = False
    feeds: int = 0
    added: int = 0
    removed: int = 0


class _Validators(Struct, frozen=True, kw_only=True):
    url: str
    checked_at: float
    etag: str | None = None
    last_modified: str | None = None


def is_due(subscription: Subscription, now: float | None = None) -> bool:
    """Tell whether a list was not looked at for a day."""
    known = _validators(subscription)
    return known is None or not 0 <= (time.time() if now is None else now) - known.checked_at < REFRESH_SECONDS


def refresh_due(folder: Path, settings: CollectSettings) -> list[Refreshed]:
    """Fetch the lists of `folder` that were not looked at for a day, before an agent loads its feeds."""
    due = [subscription for subscription in load_subscriptions(folder) if is_due(subscription)]
    return asyncio.run(refresh_lists(due, settings)) if due else []


async def refresh_lists(subscriptions: Sequence[Subscription], settings: CollectSettings) -> list[Refreshed]:
    """Fetch lists and keep what they say; what cannot be had or read leaves what was there before."""
    async with Fetcher(settings) as fetcher:
        return list(await asyncio.gather(*(_refresh(subscription, fetcher) for subscription in subscriptions)))


async def _refresh(subscription: Subscription, fetcher: Fetcher) -> Refreshed:
    known = _validators(subscription) if subscription.path.exists() else None
    fetched = await fetcher.fetch(
        subscription.url,
        etag=known.etag if known else None,
        last_modified=known.last_modified if known else None,
        accept=ACCEPT,
        max_bytes=MAX_LIST_BYTES,
    )
    result = Refreshed(id=subscription.id, url=subscription.url, outcome=fetched.outcome, detail=fetched.detail)
    before = _feeds(subscription.path)
    if fetched.outcome not in {"ok", "not_modified"}:
        return result
    after = before
    if fetched.outcome == "ok":
        try:
            found = read_opml(fetched.body)
        except OpmlError as error:
            return msgspec.structs.replace(result, outcome="unparsable", detail=str(error))
        if not found.feeds:
            # An empty list is a fault of its server far more often than somebody's wish.
            return msgspec.structs.replace(result, outcome="empty", detail="lists no feeds: the list before is kept")
        after = {feed.url: feed for feed in found.feeds}
    validators = _Validators(
        url=subscription.url,
        checked_at=time.time(),
        etag=fetched.etag or (known.etag if known and fetched.outcome == "not_modified" else None),
        last_modified=fetched.last_modified
        or (known.last_modified if known and fetched.outcome == "not_modified" else None),
    )
    try:
        if fetched.outcome == "ok":
            _write(subscription.path, fetched.body)
        _write(_validators_path(subscription), msgspec.json.encode(validators))
    except OSError as error:
        detail = f"{subscription.path}: cannot be written ({error.strerror}): make its folder writable"
        return msgspec.structs.replace(result, outcome="unwritable", detail=detail)
    return msgspec.structs.replace(
        result,
        is_ok=True,
        feeds=len(after),
        added=len(after.keys() - before.keys()),
        removed=len(before.keys() - after.keys()),
    )


def _feeds(path: Path) -> dict[str, OpmlFeed]:
    try:
        return {feed.url: feed for feed in read_opml(path.read_bytes()).feeds}
    except (OSError, OpmlError):
        return {}


def _validators_path(subscription: Subscription) -> Path:
    return subscription.path.with_suffix(".opml.json")


def _validators(subscription: Subscription) -> _Validators | None:
    try:
        known = msgspec.json.decode(_validators_path(subscription).read_bytes(), type=_Validators)
    except (OSError, msgspec.DecodeError):
        return None
    return known if known.url == subscription.url else None


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    os.replace(temporary, path)
