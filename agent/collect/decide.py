"""What a poll means: the feed's next state, and the articles to publish. Pure; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from agent.collect.failures import OK_OUTCOMES
from agent.collect.known_or_new import KnownOrNew
from agent.collect.movement import after_failed_move, after_move, held_until, watched
from agent.collect.records import Decision, Polled
from agent.collect.schedule import next_poll_at
from agent.collect.state import FeedState
from agent.collect.tempo import observe
from agent.feeds.definitions import FeedDefinition
from agent.settings import CollectSettings

MAX_DETAIL_CHARS = 300


def decide(
    feed: FeedDefinition,
    state: FeedState,
    polled: Polled,
    now: datetime,
    settings: CollectSettings,
    siblings: Sequence[FeedState] = (),
    canonical_urls: Mapping[str, str] | None = None,
) -> Decision:
    """Return the feed's next state and the articles to publish, from one poll.

    Args:
        state: the feed's state before the poll.
        siblings: states of the other feeds of the same source; an article that they know is not published again.
        canonical_urls: what pages call their own address, by article id, where they were read.
    """
    is_ok = polled.outcome in OK_OUTCOMES
    gone_for_good = polled.outcome == "gone" and state.fetch_url is None
    after = msgspec.structs.replace(
        state,
        polls=state.polls + 1,
        stopped=gone_for_good,
        last_polled_at=now,
        last_outcome=polled.outcome,
        last_status=polled.status,
        last_detail=polled.detail[:MAX_DETAIL_CHARS],
        last_seconds=round(polled.seconds, 3),
        consecutive_failures=0 if is_ok else state.consecutive_failures + 1,
        held_until=held_until(polled, now),
    )
    if is_ok:
        decision = _decide_ok(feed, state, after, polled, now, settings, siblings, canonical_urls or {})
    else:
        counts = {**state.failures, polled.outcome: state.failures.get(polled.outcome, 0) + 1}
        failed = msgspec.structs.replace(after_failed_move(after, polled), failures=counts)
        decision = Decision(state=failed, outcome=polled.outcome)
    next_at = next_poll_at(feed, decision.state, polled, now=now, settings=settings)
    return msgspec.structs.replace(decision, state=msgspec.structs.replace(decision.state, next_poll_at=next_at))


def _decide_ok(
    feed: FeedDefinition,
    state: FeedState,
    after: FeedState,
    polled: Polled,
    now: datetime,
    settings: CollectSettings,
    siblings: Sequence[FeedState],
    canonical_urls: Mapping[str, str],
) -> Decision:
    after = msgspec.structs.replace(after_move(after, polled), last_ok_at=now)
    if polled.feed is None and not polled.is_same_body:
        # 304 need not repeat the headers of its document (RFC 9110 section 15.4.5); the old ones hold.
        after = msgspec.structs.replace(
            after,
            etag=state.etag or polled.etag,
            last_modified=state.last_modified or polled.last_modified,
            fresh_seconds=state.fresh_seconds if polled.min_interval_seconds is None else polled.min_interval_seconds,
        )
    else:
        after = msgspec.structs.replace(
            after,
            etag=polled.etag,
            last_modified=polled.last_modified,
            body_hash=polled.body_hash or state.body_hash,
            document_url="" if polled.url == feed.url else polled.url,
            fresh_seconds=polled.min_interval_seconds,
        )
    if polled.feed is None:
        tempo = observe(watched(state.tempo, state, now), (), now) if state.tempo is not None else None
        after = msgspec.structs.replace(after, tempo=tempo)
        return Decision(
            state=after, outcome=polled.outcome, entries={"unchanged": state.listed} if state.listed else {}
        )
    after = msgspec.structs.replace(
        after, ttl_seconds=polled.feed.ttl_seconds, skip_hours=polled.skip_hours, skip_days=polled.skip_days
    )
    document = KnownOrNew(feed, state, polled.feed, now, settings, siblings, canonical_urls)
    return document.decide(after, polled.outcome)
