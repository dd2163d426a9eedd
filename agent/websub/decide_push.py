"""What a push means: new entries of a feed, without the rest of it. Pure.

A poll says what the whole feed lists; a push does not, so what it does not name is still listed, and validators and
schedule stay those of the last poll.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from agent.collect.decide import decide
from agent.collect.records import Decision, Polled
from agent.collect.state import ENTRY_BYTES, MAX_SEEN, MIN_SEEN, FeedState, merged_seen
from agent.feeds.definitions import FeedDefinition
from agent.settings import CollectSettings

_OF_THE_POLL = (
    "next_poll_at", "stopped", "last_polled_at", "last_outcome", "last_status", "last_detail", "last_seconds",
    "consecutive_failures", "held_until", "moved_to", "moved_polls", "fetch_url", "etag", "last_modified", "body_hash",
    "document_url", "fresh_seconds", "ttl_seconds", "skip_hours", "skip_days", "last_ok_at", "title",
)  # fmt: skip


def decide_push(
    feed: FeedDefinition,
    state: FeedState,
    polled: Polled,
    now: datetime,
    settings: CollectSettings,
    siblings: Sequence[FeedState] = (),
    canonical_urls: Mapping[str, str] | None = None,
) -> Decision:
    """Return the feed's next state and the articles to publish, from one push. Arguments are those of `decide`."""
    decision = decide(feed, state, polled, now, settings, siblings, canonical_urls)
    pushed = decision.state.seen[: decision.state.listed * ENTRY_BYTES]
    before = state.seen[: state.listed * ENTRY_BYTES]
    listed = len(merged_seen(pushed, before)) // ENTRY_BYTES
    seen = merged_seen(pushed, state.seen)
    limit = min(MAX_SEEN, max(MIN_SEEN, 2 * listed + 100))
    kept = {name: getattr(state, name) for name in _OF_THE_POLL}
    after = msgspec.structs.replace(
        decision.state, **kept, seen=seen[: limit * ENTRY_BYTES], listed=min(listed, limit, len(seen) // ENTRY_BYTES)
    )
    return msgspec.structs.replace(decision, state=after)
