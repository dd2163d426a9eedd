"""`rasad alerts`: what was alerted on, what became of it, and who is not to be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from agent.errors import DataError, UsageError

if TYPE_CHECKING:
    from agent.alerts.book import AlertBook, StoredAlert

CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped)."
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


class _Commands(click.Group):
    """Imports the dry run only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), "test"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "test":
            from agent.commands.alerts_test import command as test

            return test
        return super().get_command(ctx, cmd_name)


@click.group("alerts", cls=_Commands, epilog="Example: rasad alerts list --since 1d")
def command() -> None:
    """List, show, acknowledge and mute alerts; try a rule on what is stored."""


@command.command(
    "list", epilog="Example: rasad alerts list 'title:withdrawal' --rule normalization-new-story --since 7d"
)
@click.argument("query", default="", metavar="[QUERY]")
@click.option("--since", metavar="TIME", help="Not before: 6h, 2d (ago), or a time. In UTC.")
@click.option("--rule", metavar="ID", help="Only of this rule.")
@click.option("--severity", type=click.Choice(["info", "warning", "critical"]), help="Only these.")
@click.option("--story", metavar="ID", help="Only on this story.")
@click.option("--open", "only_open", is_flag=True, help="Only what nobody has acknowledged.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most alerts shown.")
@CONFIG
@JSON
def list_(
    query: str,
    since: str | None,
    rule: str | None,
    severity: str | None,
    story: str | None,
    only_open: bool,
    limit: int,
    folder: str | None,
    as_json: bool,
) -> int:
    """Show alerts, the newest first, and what became of their deliveries.

    QUERY, in the query language, is matched against the title and the passages that an alert shows.
    """
    from agent.alerts.book import AlertSearch, matching
    from agent.moments import parse_moment

    try:
        start = parse_moment(since, datetime.now(UTC)) if since else None
    except ValueError as error:
        raise UsageError(f"--since: {error}") from error
    search = AlertSearch(since=start, rule=rule, severity=severity, story=story, limit=1_000_000)
    shown = 0
    with opened(folder) as book:
        for stored in matching(book.find(search), query):
            if (only_open and stored.acknowledged_at is not None) or not stored.alert.is_shown:
                continue
            click.echo(_json(stored) if as_json else _line(stored))
            shown += 1
            if shown == limit:
                break
    if not as_json:
        click.echo("no alerts" if not shown else f"{shown} alerts", err=True)
    return 0


@command.command(epilog="Example: rasad alerts show 3f2a")
@click.argument("alert_id", metavar="ID")
@CONFIG
@JSON
def show(alert_id: str, folder: str | None, as_json: bool) -> int:
    """Show one alert as it is sent, and how its deliveries went. ID may be cut short."""
    from agent.alerts.links import Links
    from agent.alerts.messages import render
    from agent.definitions import load_settings_only

    settings = load_settings_only(folder)
    with opened(folder) as book:
        [stored] = _by_id(book, [alert_id])
    if as_json:
        click.echo(_json(stored))
        return 0
    links = Links(web_url=settings.alerts.web_url, kibana_url=settings.alerts.kibana_url)
    click.echo(render((stored.alert,), language="en", time_zone="UTC", links=links).plain)
    click.echo(f"alert       {stored.alert.alert_id}")
    click.echo(f"rule        {stored.alert.rule_id}   {stored.alert.query}")
    click.echo(f"story       {stored.alert.story_id or '-'}")
    click.echo(f"decided     {stored.alert.created_at:%Y-%m-%d %H:%M:%S} UTC")
    if stored.acknowledged_at is not None:
        click.echo(f"seen        {stored.acknowledged_at:%Y-%m-%d %H:%M:%S} UTC")
    for one in stored.deliveries:
        when = f"{one.finished_at or one.due_at:%Y-%m-%d %H:%M:%S} UTC"
        click.echo(f"to {one.destination}: {one.status} {when}, {one.attempts} attempts {one.detail}".rstrip())
    return 0


@command.command(epilog="Example: rasad alerts ack 3f2a 77b0")
@click.argument("alert_ids", metavar="ID...", nargs=-1, required=True)
@CONFIG
def ack(alert_ids: tuple[str, ...], folder: str | None) -> int:
    """Note that alerts were seen. IDs may be cut short."""
    with opened(folder) as book:
        found = _by_id(book, alert_ids)
        book.acknowledge([stored.alert.alert_id for stored in found], datetime.now(UTC))
    click.echo(f"{len(found)} acknowledged")
    return 0


@command.command(epilog="Example: rasad alerts mute normalization-new-story --for 8h")
@click.argument("rule", metavar="RULE")
@click.option("--for", "duration", metavar="TIME", help="For so long: 30m, 8h, 2d. Default: until `unmute`.")
@click.option("--story", metavar="ID", help="Only on this story.")
@CONFIG
def mute(rule: str, duration: str | None, story: str | None, folder: str | None) -> int:
    """Send nothing of a rule for a while. Its alerts are still kept and listed."""
    from agent.alerts.book import FOR_EVER, Mute
    from agent.config_files import Faults, load_list, yaml_files
    from agent.moments import parse_moment
    from agent.settings import config_folder
    from streams.definitions import RuleDefinition

    path = config_folder(folder) / "alerts"
    known = [one.id for file in yaml_files(path) for one, _ in load_list(file, RuleDefinition, Faults(), key="rules")]
    if rule not in known:
        raise UsageError(f"there is no rule {rule!r}: {', '.join(sorted(known)[:20]) or 'none is defined'}")
    now = datetime.now(UTC)
    try:
        until = now + (now - parse_moment(duration, now)) if duration else FOR_EVER
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--for: {error}") from error
    if until <= now:
        raise UsageError("--for: write how long: 30m, 8h, 2d")
    with opened(folder) as book:
        book.mute(Mute(rule_id=rule, story_id=story, until=until))
    click.echo(
        f"{rule} is muted" + (f" until {until:%Y-%m-%d %H:%M} UTC" if duration else " until `rasad alerts unmute`")
    )
    return 0


@command.command(epilog="Example: rasad alerts unmute normalization-new-story")
@click.argument("rule", metavar="[RULE]", required=False)
@click.option("--story", metavar="ID", help="Only on this story.")
@CONFIG
def unmute(rule: str | None, story: str | None, folder: str | None) -> int:
    """Let a rule speak again; without RULE, list what is muted."""
    with opened(folder) as book:
        if rule is None:
            now = datetime.now(UTC)
            muted = [one for one in book.mutes() if one.until > now]
            for one in muted:
                where = f" on story {one.story_id}" if one.story_id else ""
                end = f" until {one.until:%Y-%m-%d %H:%M} UTC" if one.until.year < 9999 else ""
                click.echo(f"{one.rule_id}{where}{end}")
            if not muted:
                click.echo("nothing is muted", err=True)
            return 0
        count = book.unmute(rule, story)
    if not count:
        raise DataError(f"rule {rule!r} was not muted: `rasad alerts unmute` lists what is")
    click.echo(f"{rule} speaks again")
    return 0


@contextmanager
def opened(folder: str | None) -> Iterator[AlertBook]:
    """Give the alerts of the runtime that `store.kind` names."""
    from agent.alerts.book import open_book
    from agent.definitions import load_settings_only
    from agent.open_store import user_error
    from streams.stores.base import StoreError

    try:
        with open_book(load_settings_only(folder)) as book:
            yield book
    except StoreError as error:
        raise user_error(error) from error


def _by_id(book: AlertBook, alert_ids: Any) -> list[StoredAlert]:
    from agent.alerts.book import AlertSearch

    found = []
    for one in dict.fromkeys(alert_ids):
        stored = list(book.find(AlertSearch(alert=one.lower(), limit=2)))
        if not stored:
            raise DataError(f"no alert has the id {one}: see `rasad alerts list`")
        if len(stored) > 1:
            raise UsageError(f"several alerts begin with {one}: write more of the id")
        found += stored
    return found


def _line(stored: StoredAlert) -> str:
    from agent.alerts.messages import title_of
    from agent.render import isolated

    alert = stored.alert
    states: dict[str, int] = {}
    for one in stored.deliveries:
        states[one.status] = states.get(one.status, 0) + 1
    delivered = ", ".join(f"{count} {status}" for status, count in states.items()) or "kept"
    seen = "  seen" if stored.acknowledged_at is not None else ""
    source = ""
    if alert.article is not None:
        source = f"  {isolated(alert.article.source_name or alert.article.source_id or '?')} {alert.article.language}"
    return (
        f"{alert.alert_id[:8]}  {alert.created_at:%Y-%m-%d %H:%M}  {alert.severity:8}  {alert.rule_id}"
        f"  {'+'.join(alert.reasons)}  {isolated(title_of(alert))}{source}  {delivered}{seen}"
    )


def _json(stored: StoredAlert) -> str:
    import msgspec

    row = {
        **msgspec.to_builtins(stored.alert),
        "acknowledged_at": stored.acknowledged_at,
        "deliveries": [
            {
                name: getattr(one, name)
                for name in ("key", "destination", "status", "due_at", "attempts", "finished_at", "detail")
            }
            for one in stored.deliveries
        ],
    }
    return msgspec.json.encode(row).decode()
