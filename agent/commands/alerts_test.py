"""`rasad alerts test`: what a rule would have done with the stored articles."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from agent.errors import UsageError

if TYPE_CHECKING:
    from agent.alerts.dry_run import DryRun
    from agent.alerts.load import AlertConfig
    from agent.settings import Settings
    from streams.definitions import Definitions, RuleDefinition


@click.command("test", epilog="Example: rasad alerts test normalization-new-story --since 30d")
@click.argument("rule_id", metavar="RULE")
@click.option("--since", metavar="TIME", default="30d", show_default=True, help="Not before: 6h, 30d (ago), or a time.")
@click.option("--until", metavar="TIME", help="Not after. Both are times of publication, in UTC.")
@click.option("--as-news", is_flag=True, help="Take backfilled articles for news, at their time of publication.")
@click.option("--list", "shows_alerts", is_flag=True, help="Show every alert that there would have been.")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    rule_id: str, since: str, until: str | None, as_news: bool, shows_alerts: bool, folder: str | None, as_json: bool
) -> int:
    """Show what a rule would have alerted on: by day, and how much under each policy of alerting again.

    The stored articles go through the rule as they came, one after another; nothing is sent or kept. Earlier revisions
    are not looked at. Exits with 0 when it would have alerted, 1 when not.
    """
    import msgspec

    from agent.definitions import load_with_alerts
    from agent.moments import parse_moment

    now = datetime.now(UTC)
    try:
        start = parse_moment(since, now)
        end = parse_moment(until, now, is_end=True) if until else now
    except ValueError as error:
        raise UsageError(f"--since, --until: {error}") from error
    if start >= end:
        raise UsageError("--since must lie before --until")
    settings, definitions, alerts = load_with_alerts(folder)
    rule = next((rule for rule, _ in alerts.located if rule.id == rule_id), None)
    if rule is None:
        known = ", ".join(sorted(rule.id for rule, _ in alerts.located)[:20])
        raise UsageError(f"there is no rule {rule_id!r}: {known or 'none is defined in config/alerts'}")
    found = asyncio.run(_run(settings, definitions, alerts, rule, start, end, as_news=as_news))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _print(found, shows_alerts)
    return 0 if found.alerts else 1


async def _run(
    settings: Settings,
    definitions: Definitions,
    alerts: AlertConfig,
    rule: RuleDefinition,
    since: datetime,
    until: datetime,
    *,
    as_news: bool,
) -> DryRun:
    from msgspec.structs import replace
    from rich.console import Console
    from rich.progress import Progress

    from agent.alerts.dry_run import matching_articles, run_rule, run_trend_rule, trend_search
    from agent.alerts.versions import earlier_versions
    from agent.open_store import closing_store
    from streams.alerts.rules import RuleSet
    from streams.topics import named_queries

    async with closing_store(settings) as store:
        if rule.trend is not None:
            trends = await store.trends(trend_search(since))
            return run_trend_rule(rule, [one for one in trends if one.hour < until], since=since, until=until)
        named = named_queries(definitions.topics)
        articles, is_complete = [], True
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("reading", total=(until - since).total_seconds())
            async for piece, is_whole in matching_articles(
                store,
                rule,
                named,
                since,
                until,
                lambda moment: bar.update(task, completed=(moment - since).total_seconds()),
            ):
                articles += piece
                is_complete = is_complete and is_whole
            houses = dict(alerts.rules.houses)
            rules = RuleSet([replace(rule, enabled=True)], named, houses=houses)
            earlier = await asyncio.to_thread(earlier_versions, store, rules, definitions, since, until)
    return run_rule(
        rule,
        articles,
        named,
        houses,
        since=since,
        until=until,
        earlier=earlier,
        is_complete=is_complete,
        as_news=as_news,
    )


def _print(found: DryRun, shows_alerts: bool) -> None:
    from agent.alerts.messages import title_of
    from agent.render import isolated, printable

    if shows_alerts:
        for alert in found.alerts:
            reasons = "+".join(alert.reasons)
            click.echo(printable(f"{alert.created_at:%Y-%m-%d %H:%M}  {reasons}  {isolated(title_of(alert))}"))
        click.echo()
    most = max(found.by_day.values(), default=1)
    for day, count in found.by_day.items():
        click.echo(f"{day}  {'█' * max(1, round(30 * count / most))} {count}")
    days = max((found.until - found.since).total_seconds() / 86_400, 1e-9)
    click.echo(f"\n{'policy':16}{'alerts':>8}{'a day':>8}{'most':>6}{'stories':>9}")
    for one in found.policies:
        click.echo(f"{one.policy:16}{one.alerts:>8}{one.alerts / days:>8.1f}{one.most_in_a_day:>6}{one.stories:>9}")
    click.echo(f"\n{found.articles} articles of {found.stories} stories match", err=True)
    if found.backfilled:
        click.echo(f"{found.backfilled} of them were backfilled and do not alert (--as-news: as if they had)", err=True)
    if found.edited_unseen:
        click.echo(
            f"{found.edited_unseen} of them were edited: this store keeps no earlier text, so they count as if they had"
            " said from the beginning what they say now",
            err=True,
        )
    if not found.is_complete:
        click.echo("more candidates than the store gives at once: there may be more", err=True)
