"""How feeds do: which fail and how, which are silent, late, no feeds at all, or the same as another.

The same findings are shown by `rasad feeds list --health`, counted by `rasad doctor`, and exported as metrics.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median

from msgspec import Struct

from agent.collect.failures import FailureClass, failure_class
from agent.collect.state import FeedState
from agent.collect.tempo import expected_entries
from agent.feeds.definitions import FeedDefinition, same_feed_key
from streams.metrics import FEED_PROBLEMS, Metrics

STALE_GAPS = 5.0
"""A feed is stale when it has been silent for so many of its usual gaps..."""
STALE_LONGEST = 1.5
"""...and for so much longer than it ever was of late, nights and holidays included..."""
STALE_EXPECTED = 5.0
"""...while it would usually have published so many entries: by chance that happens once in 150 times."""
LATE_SECONDS = 6 * 3600.0
FAILING_POLLS = 3
"""Polls in a row that must fail before a feed counts as failing: one alone is the weather."""
NOT_A_FEED = frozenset({"not_a_feed", "unparsable", "parser_killed", "empty"})
SAME_SHARE = 0.8
SAME_ENTRIES = 5
"""Feeds are duplicates when they have so many entries, and so much of them, in common."""
_MAX_FEEDS_AN_ENTRY = 50
"""An article that more feeds than this list says nothing about two of them."""


class FeedHealth(Struct, frozen=True, kw_only=True):
    """How one feed does."""

    problems: tuple[str, ...] = ()
    """Of FEED_PROBLEMS, the worst first."""
    error_class: FailureClass = ""
    """Of the last poll: `temporary`, `soft`, `hard`, or "" where it went well."""
    last_ok_at: datetime | None = None
    silent_seconds: float | None = None
    """Since its last new entry."""
    usual_gap_seconds: float | None = None
    """Between two moments with new entries."""
    delay_seconds: float | None = None
    """From an entry's own time to being seen, about."""
    entries_per_day: float | None = None
    duplicate_of: str | None = None
    """URL of a feed, earlier in the configuration, that lists the same."""
    advice: str = ""

    @property
    def is_healthy(self) -> bool:
        return not self.problems


def assess_feeds(
    feeds: Sequence[FeedDefinition], states: Mapping[str, FeedState], now: datetime
) -> dict[str, FeedHealth]:
    """Return how each enabled feed does, by URL."""
    enabled = [feed for feed in feeds if feed.enabled]
    same = duplicates(enabled, states)
    return {feed.url: assess(states.get(feed.url), now, same.get(feed.url)) for feed in enabled}


def assess(state: FeedState | None, now: datetime, duplicate_of: str | None = None) -> FeedHealth:
    """Return how a feed does at `now`."""
    if state is None or not state.polls:
        return FeedHealth()
    kind = failure_class(state.last_outcome, state.last_status)
    tempo = state.tempo
    silent_since = tempo.last_entry_at if tempo and tempo.last_entry_at else state.last_new_at
    silent = max(0.0, (now - silent_since).total_seconds()) if silent_since else None
    problems = []
    if state.stopped:
        problems.append("stopped")
    elif kind and state.consecutive_failures >= (1 if kind == "hard" else FAILING_POLLS):
        problems.append(f"failing_{kind}")
    if state.last_outcome in NOT_A_FEED:
        problems.append("not_a_feed")
    if not state.stopped and is_stale(state, now):
        problems.append("stale")
    if state.delay_seconds is not None and state.delay_seconds > LATE_SECONDS:
        problems.append("late")
    if state.fetch_url:
        problems.append("moved")
    if duplicate_of:
        problems.append("duplicate")
    return FeedHealth(
        problems=tuple(problems),
        error_class=kind,
        last_ok_at=state.last_ok_at,
        silent_seconds=silent,
        usual_gap_seconds=tempo.gap_seconds if tempo else None,
        delay_seconds=state.delay_seconds,
        entries_per_day=round(tempo.rate_per_hour * 24, 2) if tempo else None,
        duplicate_of=duplicate_of,
        advice=_advice(problems[0], state, duplicate_of) if problems else "",
    )


def is_stale(state: FeedState, now: datetime) -> bool:
    """Tell whether a feed that can be read has been silent for much longer than is its way."""
    tempo = state.tempo
    if tempo is None or tempo.gap_seconds is None or tempo.last_entry_at is None:
        return False
    silent = (now - tempo.last_entry_at).total_seconds()
    if silent <= max(STALE_GAPS * tempo.gap_seconds, STALE_LONGEST * tempo.longest_gap_seconds):
        return False
    # Judged by the tempo that it had when it fell silent, not by the one that silence has made of it.
    rate_then = 3600 / tempo.gap_seconds
    expected = expected_entries(tempo, tempo.last_entry_at, now) * max(rate_then / tempo.rate_per_hour, 1.0)
    return expected >= STALE_EXPECTED


def duplicates(feeds: Sequence[FeedDefinition], states: Mapping[str, FeedState]) -> dict[str, str]:
    """Return the feeds that list the same as one before them, or have moved to its address; by URL, its URL."""
    found: dict[str, str] = {}
    addresses = {same_feed_key(feed.url): feed.url for feed in reversed(feeds)}
    listed: dict[str, frozenset[bytes]] = {}
    by_entry: defaultdict[bytes, list[str]] = defaultdict(list)
    for feed in feeds:
        state = states.get(feed.url)
        if state is None:
            continue
        moved_to = state.fetch_url and addresses.get(same_feed_key(state.fetch_url))
        if moved_to and moved_to != feed.url:
            found[feed.url] = moved_to
            continue
        entries = state.listed_ids()
        if len(entries) < SAME_ENTRIES:
            continue
        common: Counter[str] = Counter()
        for entry in entries:
            others = by_entry[entry]
            if len(others) < _MAX_FEEDS_AN_ENTRY:
                common.update(others)
                others.append(feed.url)
        listed[feed.url] = entries
        for url, count in common.most_common(1):
            if count >= SAME_ENTRIES and count >= SAME_SHARE * max(len(entries), len(listed[url])):
                found[feed.url] = found.get(url, url)
    return found


def count_problems(healths: Iterable[FeedHealth]) -> dict[str, int]:
    """Return how many feeds have each problem; all of FEED_PROBLEMS are there."""
    counts = dict.fromkeys(FEED_PROBLEMS, 0)
    for health in healths:
        for problem in health.problems:
            counts[problem] += 1
    return counts


def show_health(
    metrics: Metrics, feeds: Sequence[FeedDefinition], states: Mapping[str, FeedState], now: datetime
) -> None:
    """Set the gauges of feed health. Takes a while where there are many feeds: call it in a thread."""
    healths = list(assess_feeds(feeds, states, now).values())
    for problem, count in count_problems(healths).items():
        metrics.feed_problems.labels(problem).set(count)
    metrics.feed_entries_per_day.set(sum(health.entries_per_day or 0.0 for health in healths))
    delays = [health.delay_seconds for health in healths if health.delay_seconds is not None]
    metrics.feed_delay_seconds.set(median(delays) if delays else 0.0)
    read = [health.last_ok_at for health in healths if health.last_ok_at and "stopped" not in health.problems]
    metrics.feed_last_ok_seconds.set(max(0.0, (now - min(read)).total_seconds()) if read else 0.0)


def _advice(problem: str, state: FeedState, duplicate_of: str | None) -> str:
    match problem:
        case "stopped":
            return "its publisher has ended it: remove it, or find its successor with `rasad feeds discover`"
        case "failing_hard":
            return "it is not there, or not for us: look for its new address with `rasad feeds discover`"
        case "failing_soft" | "not_a_feed":
            return "see what the server sends with `rasad feeds test URL`"
        case "failing_temporary":
            return "nothing to do yet: it is tried again and again"
        case "stale":
            return "see whether the outlet has a newer feed: `rasad feeds discover`"
        case "late":
            return "its entries come late or with wrong dates; if it is polled too rarely, give it `interval_seconds`"
        case "moved":
            return f"change its URL to {state.fetch_url}"
        case _:
            return f"lists the same as {duplicate_of}: remove one of them"
