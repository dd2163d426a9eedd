"""What a person means by the target of a backfill: a source, a feed, or an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.backfill.progress import Document
from agent.errors import UsageError
from agent.feeds.definitions import FeedDefinition, url_fault


@dataclass(frozen=True)
class Target:
    """What is to be looked into, and whose it is."""

    key: str
    """Key of its state: `backfill:` and the target's name."""
    feed: FeedDefinition
    """Stands for the source: articles get its names and tags."""
    documents: tuple[Document, ...]
    siblings: tuple[str, ...]
    """Feeds of the source, whose articles are known already."""


def resolve(text: str, feeds: Sequence[FeedDefinition]) -> Target:
    """Return the target that `text` names: a source's id, a feed's id or address, or any address of http(s).

    Raises:
        UsageError: there is no such source or feed, and it is no address.
    """
    of_source = [feed for feed in feeds if feed.source_id == text]
    chosen = of_source or [feed for feed in feeds if text in (feed.id, feed.url)]
    if not chosen and "://" not in text:
        raise UsageError(
            f"{text!r} is neither a source nor a feed of the configuration (`rasad feeds list`), nor an address"
        )
    if chosen:
        siblings = tuple(feed.url for feed in feeds if feed.source_id == chosen[0].source_id)
        documents = tuple(Document(url=feed.url, feed_url=feed.url) for feed in chosen)
        return Target(f"backfill:{text}", chosen[0], documents, siblings)
    if fault := url_fault(text):
        raise UsageError(fault)
    host = (urlsplit(text).hostname or "").removeprefix("www.")
    same_host = next((feed for feed in feeds if feed.host.removeprefix("www.") == host), None)
    feed = same_host or FeedDefinition(url=text, source_id=host, name=host)
    siblings = tuple(other.url for other in feeds if same_host and other.source_id == feed.source_id)
    return Target(f"backfill:{text}", feed, (Document(url=text, feed_url=text),), siblings)
