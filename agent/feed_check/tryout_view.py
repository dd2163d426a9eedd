"""What `rasad feeds test` found out, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.feed_check.report import shown_counts, shown_moment, shown_text
from agent.feed_check.tryout import Report, TriedEntry

if TYPE_CHECKING:
    from rich.console import Console

_WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def report_as_json(report: Report) -> bytes:
    """Return a report as JSON."""
    return msgspec.json.encode(report)


def print_report(report: Report) -> None:
    """Print what a feed looks like to the collector."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    _say(console, "url", report.url)
    for address in report.addresses:
        where = ", ".join(address.addresses) or "no address"
        verdict = "may be connected to" if address.is_allowed else f"REFUSED: {address.reason}"
        _say(console, "address", f"{address.host or address.url} ({where}): {verdict}")
    for hop in report.redirects:
        _say(console, "redirect", f"HTTP {hop.status} to {hop.url}")
    _say(console, "outcome", f"{report.outcome}{f': {report.detail}' if report.detail else ''}")
    size = f", {report.body_bytes:,} bytes" if report.body_bytes else ""
    seconds = f"{report.seconds:.2f} s{size}"
    _say(console, "answer", f"HTTP {report.status} in {seconds}" if report.status else seconds)
    _say(console, "moved to", report.moved_to)
    for name, value in report.headers.items():
        _say(console, "header", f"{name}: {value}")
    if report.is_usable:
        _print_document(console, report)
    _say(console, "next poll", f"{shown_moment(report.next_poll_at)} UTC" if report.next_poll_at else "never")
    for reason in report.next_poll_reasons:
        _say(console, "", reason)
    for entry in report.newest:
        _print_entry(console, entry)
    if report.entries > len(report.newest):
        console.print(f"\n  … and {report.entries - len(report.newest)} more")


def _print_document(console: Console, report: Report) -> None:
    no_validators = "none: every poll costs the whole document"
    _say(console, "validators", "yes" if report.has_validators else no_validators)
    _say(console, "format", f"{report.format}{', not well-formed: read with repairs' if report.was_repaired else ''}")
    declared = ", ".join(f"{who} says {name}" for who, name in report.declared_encodings.items())
    _say(console, "encoding", f"{report.encoding} ({declared or 'none declared'})")
    _say(console, "title", report.title)
    _say(console, "site", report.site_url)
    found = shown_counts(report.text_languages)
    _say(console, "language", f"{report.language or 'not declared'}{f'; entries are in: {found}' if found else ''}")
    _say(console, "hub", report.hub_url or "none: nothing is pushed")
    _say(console, "ttl", f"{report.ttl_seconds:.0f} s" if report.ttl_seconds else None)
    _say(console, "skipHours", ", ".join(map(str, report.skip_hours)))
    _say(console, "skipDays", ", ".join(_WEEK[day] for day in report.skip_days))
    _say(
        console,
        "entries",
        f"{report.entries}, {report.articles} articles"
        f"{f', {report.duplicates} duplicates' if report.duplicates else ''}"
        f"{f', {report.rejected} rejected' if report.rejected else ''}",
    )
    _say(console, "dates", f"{report.unreliable_dates} unreliable" if report.unreliable_dates else "all reliable")
    _say(
        console, "texts", f"{report.short_texts} short: their pages would be read" if report.short_texts else "in full"
    )
    for page in report.pages:
        verdict = "pages may be read" if page.may_be_read else "pages are NOT read"
        _say(console, "robots", f"{verdict}, as {page.url}{f' ({page.reason})' if page.reason else ''}")
    _say(console, "faults", shown_counts(report.entry_faults) or "none")


def _print_entry(console: Console, entry: TriedEntry) -> None:
    from rich.text import Text

    moment = shown_moment(entry.published_at) or "no date"
    doubt = "" if entry.date_is_reliable else f" (?: {entry.date_fault})"
    declared = f", declared {entry.language}" if entry.language and entry.language != entry.text_language else ""
    text = "short, page wanted" if entry.page_is_wanted else "as in the feed"
    faults = [fault for fault in entry.faults if fault != entry.date_fault]
    console.print(Text(f"\n  {shown_text(entry.title) or '(no title)'}", style="bold"))
    console.print(Text(f"  {entry.fate}  {moment}{doubt}  {entry.text_language}{declared}"))
    told = f"  faults: {', '.join(faults)}" if faults else ""
    console.print(Text(f"  {entry.text_chars} characters, {text}{told}"))
    console.print(Text(f"  {shown_text(entry.url or '') or 'no link'}"))
    if entry.canonical_url and entry.canonical_url != entry.url:
        console.print(Text(f"  known as {shown_text(entry.canonical_url)}"))


def _say(console: Console, name: str, value: object) -> None:
    from rich.text import Text

    if value not in (None, "", {}):
        console.print(Text.assemble((f"{name:12}", "bold"), shown_text(str(value))))
