"""When a feed is polled next. Pure: the same poll of the same feed gives the same time.

works:  max(what its tempo is worth or its own interval, ttl / sy:update…, max-age / Expires), out of skipHours
fails:  doubled from poll to poll, at least daily, never given up but after 410 Gone
always: Retry-After, and a little later than that, by feed, so that feeds added together do not stay together
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from agent.collect.failures import failure_class
from agent.collect.records import Polled
from agent.collect.state import FeedState
from agent.collect.tempo import Tempo, wait_seconds
from agent.feeds.definitions import FeedDefinition
from agent.settings import CollectSettings

JITTER = 0.1
"""Each wait is longer by up to this share, so that feeds that were added together do not stay together."""
MAX_JITTER_SECONDS = 600.0
MAX_RETRY_AFTER_SECONDS = 7 * 86_400.0
MAX_ASKED_SECONDS = 86_400.0
"""What a feed asks for by ttl, max-age and the like is obeyed so far: `max-age=31536000` is a slip, not a wish."""
FIRST_BACK_OFF_SECONDS = {"temporary": 600.0, "soft": 600.0, "hard": 3 * 3600.0}
MAX_BACK_OFF_SECONDS = {"temporary": 6 * 3600.0, "soft": 86_400.0, "hard": 86_400.0}
UNASKED_WAIT_SECONDS = 900.0
"""After a 429 that does not say how long."""
STARTS_PER_SECOND = 20.0
LATEST = timedelta(days=8)
"""No feed is due later than this; a time beyond was written under a clock that was wrong."""


def next_poll_at(
    feed: FeedDefinition, state: FeedState, polled: Polled, *, now: datetime, settings: CollectSettings
) -> datetime | None:
    """Return when to poll `feed` again, after the poll that left it in `state`; None for never."""
    if state.stopped:
        return None
    usual_seconds = _usual_seconds(feed, state.tempo, now, settings)
    if kind := failure_class(polled.outcome, polled.status):
        # What is polled every minute is asked again in a minute; what is polled daily is not left for days.
        first = min(usual_seconds, 3600.0) if kind != "hard" else max(usual_seconds, FIRST_BACK_OFF_SECONDS[kind])
        growing = first * 2.0 ** min(state.consecutive_failures - 1, 20)
        wait = max(min(usual_seconds, MAX_BACK_OFF_SECONDS[kind]), min(growing, MAX_BACK_OFF_SECONDS[kind]))
        if polled.outcome == "rate_limited" and polled.retry_after_seconds is None:
            wait = max(wait, UNASKED_WAIT_SECONDS)
    else:
        asked = max(state.ttl_seconds or 0.0, state.fresh_seconds or 0.0)
        wait = max(usual_seconds, min(asked, MAX_ASKED_SECONDS))
    if polled.retry_after_seconds is not None:
        wait = max(wait, min(polled.retry_after_seconds, MAX_RETRY_AFTER_SECONDS))
    wait += min(wait * JITTER, MAX_JITTER_SECONDS) * _fraction(feed.url, state.polls)
    return after_skips(now + timedelta(seconds=wait), state.skip_hours, state.skip_days)


def wait_reasons(
    feed: FeedDefinition, state: FeedState, polled: Polled, *, now: datetime, settings: CollectSettings
) -> list[str]:
    """Return in words what `next_poll_at` has weighed, one line each."""
    if state.stopped:
        return ["410 Gone: it is not polled any more"]
    usual = _usual_seconds(feed, state.tempo, now, settings)
    if feed.interval_seconds:
        reasons = [f"{usual:.0f} s: its own interval_seconds"]
    elif state.tempo is None or not settings.adaptive or settings.interval_seconds < settings.min_interval_seconds:
        reasons = [f"{usual:.0f} s: collect.interval_seconds"]
    else:
        per_day = 24 * state.tempo.rate_per_hour
        reasons = [f"{usual:.0f} s: it publishes about {per_day:.3g} entries a day (collect.adaptive)"]
    if kind := failure_class(polled.outcome, polled.status):
        reasons.append(
            f"failed ({kind}): at first after {FIRST_BACK_OFF_SECONDS[kind]:.0f} s, then longer from poll to "
        )
        reasons[-1] += f"poll, at most {MAX_BACK_OFF_SECONDS[kind]:.0f} s"
    else:
        for what, seconds in (
            ("ttl or sy:update…", state.ttl_seconds),
            ("Cache-Control or Expires", state.fresh_seconds),
        ):
            if seconds:
                obeyed = "" if seconds <= MAX_ASKED_SECONDS else f", obeyed up to {MAX_ASKED_SECONDS:.0f} s"
                reasons.append(f"{seconds:.0f} s: asked for by {what}{obeyed}")
    if polled.retry_after_seconds is not None:
        reasons.append(f"{polled.retry_after_seconds:.0f} s: Retry-After")
    if state.skip_hours or state.skip_days:
        names = [("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day] for day in state.skip_days]
        skipped = ", ".join([*(f"{hour}:00" for hour in state.skip_hours), *names])
        reasons.append(f"not in its skipHours and skipDays (UTC): {skipped}")
    return reasons


def _usual_seconds(feed: FeedDefinition, tempo: Tempo | None, now: datetime, settings: CollectSettings) -> float:
    if feed.interval_seconds:
        return feed.interval_seconds
    base = settings.interval_seconds
    low = settings.min_interval_seconds
    # Whoever sets less than the shortest interval that is chosen by tempo wants just that.
    if tempo is None or not settings.adaptive or base < low:
        return base
    return wait_seconds(tempo, now, base, low, max(settings.max_interval_seconds, low))


def after_skips(moment: datetime, hours: Sequence[int], days: Sequence[int]) -> datetime:
    """Return the first moment from `moment` on that is in none of the hours (UTC) and days (Monday is 0) to skip.

    A feed that skips everything means nothing by it.
    """
    if len(set(hours)) >= 24 or len(set(days)) >= 7 or not (hours or days):
        return moment
    at = moment
    for _ in range(8 * 24):
        if at.weekday() in days:
            at = (at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        elif at.hour in hours:
            at = (at + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        else:
            break
    if at == moment:
        return moment
    # Not everybody at the stroke of the hour.
    return at + timedelta(seconds=300 * (moment.timestamp() % 3600) / 3600)


def first_poll_at(feed: FeedDefinition, feeds: int, *, now: datetime, settings: CollectSettings) -> datetime:
    """Return when to poll a new feed first: `feeds` new ones are spread, over one interval at the longest."""
    interval_seconds = feed.interval_seconds or settings.interval_seconds
    spread_seconds = min(interval_seconds, feeds / STARTS_PER_SECOND)
    return now + timedelta(seconds=spread_seconds * _fraction(feed.url, 0))


def _fraction(url: str, number: int) -> float:
    digest = hashlib.blake2b(f"{number} {url}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64
