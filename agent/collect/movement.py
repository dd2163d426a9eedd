"""What else a poll says of a feed: that it has moved, that it wants to be left alone, and how it goes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from agent.collect.failures import failure_class
from agent.collect.records import Polled
from agent.collect.schedule import MAX_RETRY_AFTER_SECONDS
from agent.collect.state import FeedState
from agent.collect.tempo import Tempo, begin, observe

MOVED_POLLS = 5
"""Polls in a row that must lead to the same address for good before the feed is fetched from there."""
MOVED_FAILURES = 3
"""Failures in a row at that address after which the old one is asked again."""
DELAY_WEIGHT = 0.2
MAX_UNSEEN = timedelta(days=1)


def after_move(after: FeedState, polled: Polled) -> FeedState:
    """Return the state after a poll that went well: 301 and 308 move a feed once they have held several times."""
    if polled.moved_to is None:
        # Fetched from the new address, the feed is not redirected any more.
        moved_to = after.fetch_url
        return msgspec.structs.replace(after, moved_to=moved_to, moved_polls=after.moved_polls if moved_to else 0)
    polls = after.moved_polls + 1 if polled.moved_to == after.moved_to else 1
    is_downgrade = after.feed_url.lower().startswith("https:") and polled.moved_to.lower().startswith("http:")
    fetch_url = polled.moved_to if polls >= MOVED_POLLS and not is_downgrade else after.fetch_url
    if fetch_url == after.feed_url:
        fetch_url = None
    return msgspec.structs.replace(after, moved_to=polled.moved_to, moved_polls=polls, fetch_url=fetch_url)


def after_failed_move(after: FeedState, polled: Polled) -> FeedState:
    """Return the state after a poll that failed: an address that a feed moved to, and is not at, is given up."""
    if after.fetch_url is None:
        return after
    is_over = polled.outcome == "gone" or (
        after.consecutive_failures >= MOVED_FAILURES and failure_class(polled.outcome, polled.status) != "temporary"
    )
    return msgspec.structs.replace(after, fetch_url=None, moved_to=None, moved_polls=0) if is_over else after


def held_until(polled: Polled, now: datetime) -> datetime | None:
    """Return until when the server wants to be left alone."""
    if polled.retry_after_seconds is None:
        return None
    return now + timedelta(seconds=min(polled.retry_after_seconds, MAX_RETRY_AFTER_SECONDS))


def watched(tempo: Tempo, state: FeedState, now: datetime) -> Tempo:
    """Return the tempo before a poll: that a feed could not be read for weeks does not mean that it was silent."""
    earliest = now - MAX_UNSEEN
    return msgspec.structs.replace(tempo, as_of=max(tempo.as_of, earliest)) if state.consecutive_failures else tempo


def pace(state: FeedState, new: Sequence[datetime | None], now: datetime) -> tuple[Tempo, float | None]:
    """Return a feed's tempo after a document with new entries of these dates, and how late they were seen.

    `new`: None for an entry whose date cannot be relied on; it counts as published just now.
    """
    if state.tempo is None:
        return begin((moment for moment in new if moment is not None), now), None
    delay = state.delay_seconds
    since = state.last_polled_at
    for moment in new:
        # What is dated long before the last look was put in late, or is dated by the day.
        if moment is not None and since is not None and since - timedelta(hours=6) <= moment <= now:
            late = (now - moment).total_seconds()
            delay = late if delay is None else delay + DELAY_WEIGHT * (late - delay)
    tempo = observe(watched(state.tempo, state, now), (moment or now for moment in new), now)
    return tempo, None if delay is None else round(delay, 1)
