"""What a rule would have done: the stored articles, in the order in which they came, through the stage itself.

store ─ candidates ─▶ stage, with the rule as it is     ─▶ alerts by day
                 └──▶ stage, with each other policy     ─▶ how many it would have been
                 └──▶ every match, copies and all       ─▶ what story semantics save
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from streams.alerts.records import Alert
from streams.alerts.rules import RuleSet
from streams.alerts.stage import AlertStage
from streams.definitions import RealertPolicy, RuleDefinition
from streams.model import Article
from streams.stores.base import Search, TrendSearch
from streams.stores.through import articles_by_time
from streams.trends.records import Trend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.query import Query
    from streams.stores.base import ArticleStore

_MAX_TRENDS = 100_000
POLICIES: dict[str, RealertPolicy] = {
    "once": RealertPolicy(revision=False),
    "revision": RealertPolicy(),
    "language": RealertPolicy(language=True),
    "source": RealertPolicy(source=True),
    "country": RealertPolicy(country=True),
    "growth 2": RealertPolicy(growth=2),
    "all": RealertPolicy(language=True, source=True, country=True, growth=2),
}


class Tally(Struct, frozen=True, kw_only=True):
    """How many alerts a policy makes."""

    policy: str
    alerts: int
    most_in_a_day: int
    stories: int


class DryRun(Struct, frozen=True, kw_only=True):
    """What a rule would have done."""

    rule_id: str
    since: datetime
    until: datetime
    articles: int
    """How many matched, copies and all."""
    stories: int
    backfilled: int
    """Those of them that a backfill has brought: they do not alert."""
    is_complete: bool
    edited_unseen: int = 0
    """Those of them that were edited, and the store does not know from what."""
    alerts: tuple[Alert, ...]
    by_day: dict[str, int]
    """By the day (UTC) on which it would have alerted; days without left out."""
    policies: tuple[Tally, ...]


async def matching_articles(
    store: ArticleStore,
    rule: RuleDefinition,
    named: Mapping[str, Query],
    since: datetime,
    until: datetime,
    progress: Callable[[datetime], None] = lambda _: None,
) -> AsyncIterator[tuple[list[Article], bool]]:
    """Yield the stored articles that match the rule's query, by pieces of time, and whether each piece is whole."""
    async for piece in articles_by_time(store, Search(query=rule.query, named=named, since=since, until=until)):
        yield piece.articles, piece.is_whole
        progress(piece.until)


def run_rule(
    rule: RuleDefinition,
    articles: Iterable[Article],
    named: Mapping[str, Query],
    houses: Mapping[str, str],
    *,
    since: datetime,
    until: datetime,
    earlier: Sequence[Article] | None = (),
    is_complete: bool = True,
    as_news: bool = False,
) -> DryRun:
    """Return what `rule` would have made of `articles`, which match its query.

    Args:
        earlier: earlier versions of articles of which any version matches (`agent.alerts.versions`); None: the store
            keeps none.
        as_news: backfilled articles count as if they had come when they were published.
    """
    given = [*articles, *(earlier or ())]
    given = [_as_news(article) for article in given] if as_news else given
    ordered = sorted(given, key=lambda one: (one.collected_at, one.storied_at, one.article_id, one.revision))
    rule = replace(rule, enabled=True)
    alerts = _alerts(rule, ordered, named, houses)
    rules = RuleSet([rule], named, houses=houses)
    matched = [article for article in ordered if rules.match(article)]
    tallies = [_tally("as configured", alerts)]
    for name, policy in POLICIES.items():
        tallies.append(_tally(name, _alerts(replace(rule, realert=policy), ordered, named, houses)))
    days = Counter(_day(article.collected_at) for article in matched if not article.is_backfill)
    stories = len({article.story_id or article.article_id for article in matched})
    every = Tally(
        policy="every match", alerts=sum(days.values()), most_in_a_day=max(days.values(), default=0), stories=stories
    )
    return DryRun(
        rule_id=rule.id,
        since=since,
        until=until,
        articles=len({article.article_id for article in matched}),
        stories=stories,
        backfilled=len({article.article_id for article in matched if article.is_backfill}),
        is_complete=is_complete,
        edited_unseen=sum(article.revision > 1 for article in matched) if earlier is None else 0,
        alerts=tuple(alerts),
        by_day=dict(sorted(Counter(_day(alert.created_at) for alert in alerts).items())),
        policies=(*tallies, every),
    )


def run_trend_rule(rule: RuleDefinition, trends: Sequence[Trend], *, since: datetime, until: datetime) -> DryRun:
    """Return what a trend rule would have made of the stored findings."""
    stage = AlertStage(RuleSet([replace(rule, enabled=True)]))
    ordered = sorted(trends, key=lambda trend: (trend.hour, trend.trend_id))
    alerts = [alert for trend in ordered for alert in stage.trend(trend, trend.hour)]
    return DryRun(
        rule_id=rule.id,
        since=since,
        until=until,
        articles=0,
        stories=0,
        backfilled=0,
        is_complete=len(trends) < _MAX_TRENDS,
        alerts=tuple(alerts),
        by_day=dict(sorted(Counter(_day(alert.created_at) for alert in alerts).items())),
        policies=(_tally("as configured", alerts),),
    )


def trend_search(since: datetime) -> TrendSearch:
    """Return what is to be asked of the store for a trend rule."""
    return TrendSearch(since=since, limit=_MAX_TRENDS)


def _alerts(
    rule: RuleDefinition, ordered: Sequence[Article], named: Mapping[str, Query], houses: Mapping[str, str]
) -> list[Alert]:
    stage = AlertStage(RuleSet([rule], named, houses=houses), window=timedelta(days=36_500))
    found: list[Alert] = []
    for article in ordered:
        found += stage.step(article, article.collected_at)
        stage.commit()
    return found


def _tally(policy: str, alerts: Sequence[Alert]) -> Tally:
    days = Counter(_day(alert.created_at) for alert in alerts)
    stories = len({alert.story_id for alert in alerts if alert.story_id is not None})
    return Tally(policy=policy, alerts=len(alerts), most_in_a_day=max(days.values(), default=0), stories=stories)


def _as_news(article: Article) -> Article:
    if not article.is_backfill:
        return article
    moment = article.published_at if article.published_at is not None and article.date_is_reliable else None
    return replace(article, is_backfill=False, collected_at=moment or article.collected_at)


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
