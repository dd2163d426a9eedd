"""`rasad trends`: what is written about more, or less, than it used to be, and which words are new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from agent.commands.search import CONFIG

if TYPE_CHECKING:
    from agent.settings import Settings
    from streams.model import Article
    from streams.stores.base import ArticleStore
    from streams.trends import Trend
    from streams.trends.records import TrendKind

_PIECE_HOURS = 6
_MAX_PIECE = 10_000


@click.command(epilog="Example: rasad trends --since 2d --kind spike")
@click.option(
    "--since", metavar="TIME", default="24h", show_default=True, help="Not before: 6h, 2d (ago), or a time. In UTC."
)
@click.option("--kind", type=click.Choice(["spike", "flatline", "new_term"]), help="Only these.")
@click.option("--recount", is_flag=True, help="Count the stored articles anew, not what was found as they came.")
@click.option(
    "--weeks",
    type=click.IntRange(1, 8),
    default=8,
    show_default=True,
    help="How many weeks to compare with, for --recount.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each.")
@CONFIG
def command(since: str, kind: TrendKind | None, recount: bool, weeks: int, as_json: bool, folder: str | None) -> int:
    """Show what stands out against the weeks before: by topic, entity and language, by hour of publication.

    Backfill, edits and articles without a reliable date are never counted. Exits with 0 when anything stands out, 1
    when nothing does.
    """
    from datetime import UTC

    from agent.definitions import load_settings_only
    from agent.errors import UsageError
    from agent.moments import parse_moment

    now = datetime.now(UTC)
    try:
        start = parse_moment(since, now, is_end=False)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from error
    settings = load_settings_only(folder)
    found = asyncio.run(_recounted(settings, start, now, weeks) if recount else _stored(settings, start, kind))
    shown = [trend for trend in found if kind in (None, trend.kind)]
    for trend in shown:
        click.echo(_json(trend) if as_json else line_of(trend))
    if not shown and not as_json:
        click.echo("rasad: nothing stands out", err=True)
    return 0 if shown else 1


def find_trends(articles: Iterable[Article], start: datetime, now: datetime) -> list[Trend]:
    """Return what stands out between `start` and `now`, the newest finding of each, by time.

    `articles`: those of the weeks before as well. They are gone through in the order of collection, hour by hour.
    """
    from streams.trends import TrendWatch

    watch = TrendWatch()
    found: dict[str, Trend] = {}
    closes_at = start
    for article in sorted(articles, key=lambda article: (article.collected_at, article.article_id)):
        while closes_at <= article.collected_at:
            found |= {trend.trend_id: trend for trend in watch.close(closes_at)}
            closes_at += timedelta(hours=1)
        watch.add(article)
    found |= {trend.trend_id: trend for trend in watch.close(now)}
    return sorted(
        (trend for trend in found.values() if trend.hour >= start - timedelta(hours=1)),
        key=lambda t: (t.hour, t.trend_id),
    )


def line_of(trend: Trend) -> str:
    """Return a trend as one line of text."""
    from agent.render import printable

    what = f"{trend.series.kind} {trend.series.value}"
    if trend.kind == "new_term":
        text = f"{printable(trend.term or '')} ({what}): {trend.seen} articles of {trend.sources} sources"
    elif trend.kind == "spike":
        text = f"{what}: {trend.seen} articles, {trend.expected:g} expected (±{trend.tolerance:.0f})"
    else:
        text = f"{what}: nothing for three hours, {trend.expected:g} articles expected"
    return f"{trend.hour:%Y-%m-%d %H:00}  {trend.kind:9} {text}"


def _json(trend: Trend) -> str:
    import msgspec

    return msgspec.json.encode(trend).decode()


async def _stored(settings: Settings, start: datetime, kind: TrendKind | None) -> list[Trend]:
    from agent.open_store import closing_store
    from streams.stores.base import TrendSearch

    async with closing_store(settings) as store:
        return await store.trends(TrendSearch(since=start, kind=kind, limit=_MAX_PIECE))


async def _recounted(settings: Settings, start: datetime, now: datetime, weeks: int) -> list[Trend]:
    from agent.open_store import closing_store

    async with closing_store(settings) as store:
        articles = [article async for article in _articles(store, start - timedelta(weeks=weeks), now)]
    return find_trends(articles, start, now)


async def _articles(store: ArticleStore, since: datetime, until: datetime) -> AsyncIterator[Article]:
    from streams.stores.base import Search

    while since < until:
        end = min(since + timedelta(hours=_PIECE_HOURS), until)
        page = await store.search(Search(since=since, until=end, limit=_MAX_PIECE))
        for hit in page.hits:
            yield hit.article
        since = end
