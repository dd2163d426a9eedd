"""Feeds and what is known of them, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from agent.collect.failures import OK_OUTCOMES
from agent.collect.health import FeedHealth, assess_feeds, count_problems
from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from agent.parse.dates import utc_now

_WIDE = 1_000


class FeedRow(Struct, frozen=True, kw_only=True):
    """One feed with what is known of it; also the JSON of `rasad feeds list --json`."""

    id: str
    url: str
    source_id: str
    name: str
    country: str | None
    language: str | None
    ownership: str
    tags: tuple[str, ...]
    enabled: bool
    verified: bool
    outcome: str
    """Of the last poll; `never` before the first."""
    detail: str
    status: int | None
    last_polled_at: datetime | None
    last_ok_at: datetime | None
    last_new_at: datetime | None
    next_poll_at: datetime | None
    stopped: bool
    polls: int
    consecutive_failures: int
    failures: dict[str, int]
    """Failed polls by outcome."""
    entries: int
    """Entries in the last document."""
    entry_faults: dict[str, int]
    """Faults of the entries in the last document, by cause."""
    published: int
    moved_to: str | None
    guids_are_unstable: bool
    health: FeedHealth

    @property
    def is_failing(self) -> bool:
        return self.outcome not in OK_OUTCOMES and self.outcome != "never"


def feed_rows(
    feeds: Sequence[FeedDefinition], states: Mapping[str, FeedState], now: datetime | None = None
) -> list[FeedRow]:
    """Return a row for every feed, in the order of the configuration."""
    rows = []
    healths = assess_feeds(feeds, states, now or utc_now())
    for feed in feeds:
        state = states.get(feed.url) or FeedState(feed_url=feed.url, source_id=feed.source_id)
        rows.append(
            FeedRow(
                id=feed.id,
                url=feed.url,
                source_id=feed.source_id,
                name=feed.name,
                country=feed.country,
                language=feed.language,
                ownership=feed.ownership,
                tags=feed.tags,
                enabled=feed.enabled,
                verified=feed.verified,
                outcome=state.last_outcome or "never",
                detail=state.last_detail,
                status=state.last_status,
                last_polled_at=state.last_polled_at,
                last_ok_at=state.last_ok_at,
                last_new_at=state.last_new_at,
                next_poll_at=state.next_poll_at,
                stopped=state.stopped,
                polls=state.polls,
                consecutive_failures=state.consecutive_failures,
                failures=state.failures,
                entries=state.listed,
                entry_faults=state.entry_faults,
                published=state.published,
                moved_to=state.moved_to,
                guids_are_unstable=state.guids_are_unstable,
                health=healths.get(feed.url, FeedHealth()),
            )
        )
    return rows


def rows_as_json(rows: Sequence[FeedRow]) -> Iterator[bytes]:
    """Yield each row as a line of JSON, without its line end."""
    encoder = msgspec.json.Encoder()
    yield from map(encoder.encode, rows)


def print_rows(rows: Sequence[FeedRow]) -> None:
    """Print feeds as a table on standard output."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Piped to a file or another program, no line is cut to a terminal's width.
    console = Console() if Console().is_terminal else Console(width=_WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("source", "outcome", "entries", "published", "faults", "last ok", "next poll", "feed"):
        table.add_column(title, overflow="fold", justify="right" if title in {"entries", "published"} else "left")
    for row in rows:
        style = "red" if row.is_failing else "" if row.outcome != "never" else "dim"
        table.add_row(
            Text(row.source_id),
            Text(_outcome(row), style=style),
            str(row.entries) if row.polls else "",
            str(row.published) if row.polls else "",
            Text(shown_counts(row.entry_faults)),
            shown_moment(row.last_ok_at),
            _next(row),
            Text(row.url + (f"\n{shown_text(row.detail)}" if row.detail else "")),
        )
    console.print(table)
    failing = sum(row.is_failing for row in rows)
    never = sum(row.outcome == "never" for row in rows)
    unverified = sum(not row.verified for row in rows)
    console.print(
        f"\n{len(rows)} feeds, {failing} failing, {never} never polled, {unverified} unverified", style="bold"
    )


def print_health(rows: Sequence[FeedRow]) -> None:
    """Print how feeds do, those with problems first, and what to do about them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if Console().is_terminal else Console(width=_WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    right = {"delay", "entries/day", "silent", "usual gap"}
    for title in ("source", "problems", "error", "last ok", "delay", "entries/day", "silent", "usual gap", "feed"):
        table.add_column(title, overflow="fold", justify="right" if title in right else "left")
    for row in sorted(rows, key=lambda row: (not row.health.problems, row.outcome == "never")):
        health = row.health
        error = f"{health.error_class}: {_outcome(row)}" if health.error_class else ""
        style = "red" if health.problems else "dim" if row.outcome == "never" else "green"
        table.add_row(
            Text(row.source_id),
            Text(", ".join(health.problems) or ("never polled" if row.outcome == "never" else "ok"), style=style),
            Text(error),
            shown_moment(health.last_ok_at),
            _span(health.delay_seconds),
            f"{health.entries_per_day:.3g}" if health.entries_per_day is not None else "",
            _span(health.silent_seconds),
            _span(health.usual_gap_seconds),
            Text(row.url + (f"\n{shown_text(health.advice)}" if health.advice else "")),
        )
    console.print(table)
    counts = count_problems(row.health for row in rows)
    found = ", ".join(f"{count} {problem}" for problem, count in counts.items() if count)
    console.print(f"\n{len(rows)} feeds: {found or 'nothing wrong'}", style="bold")


def _span(seconds: float | None) -> str:
    """Return a length of time in its largest sensible unit."""
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _outcome(row: FeedRow) -> str:
    if not row.enabled:
        return "disabled"
    if row.consecutive_failures > 1:
        return f"{row.outcome} ({row.consecutive_failures}x)"
    return row.outcome


def _next(row: FeedRow) -> str:
    return "stopped" if row.stopped else "" if not row.enabled else shown_moment(row.next_poll_at) or "soon"


def shown_counts(counts: Mapping[str, int]) -> str:
    """Return counts by name in one line."""
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))


def shown_moment(moment: datetime | None) -> str:
    """Return a moment to the minute, empty for none."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment is not None else ""


def shown_text(text: str) -> str:
    """Return text that cannot steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
