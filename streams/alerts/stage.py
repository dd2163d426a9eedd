"""The alert stage: rules over the article that has its place in a story, each story once.

    article ─▶ match (all rules at once) ─▶ decide (rule, what it remembers of the story) ─▶ Alert, memory

The memory is the stage's state. It changes for good only with `commit()`, when whoever runs the stage has stored alerts
and memory; `roll_back()` forgets what was decided since, and the same articles come to the same alerts again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from streams import codec
from streams.alerts.decide import decide
from streams.alerts.excerpts import excerpts
from streams.alerts.memory import RuleMemory, StoryMemory
from streams.alerts.records import Alert, AlertArticle, AlertReason, StoryFacts, TrendFacts, alert_id
from streams.alerts.rules import Fired, RuleSet
from streams.definitions import RuleDefinition
from streams.model import Article
from streams.trends.records import Trend

WINDOW = timedelta(days=15)
"""A day longer than the window of the stories."""
MAX_STORIES = 200_000
_MAX_LABELS = 12
_MAX_TITLE = 500
_MAX_LINEAGE = 5


class KeptStory(Struct, frozen=True, kw_only=True):
    """What must be stored of a story for the stage to go on from where it was."""

    story_id: str
    time: datetime
    record: bytes


class AlertStage:
    """Decides on alerts, with what it remembers of the stories of the last days. For one logical stream."""

    def __init__(self, rules: RuleSet, *, window: timedelta = WINDOW, max_stories: int = MAX_STORIES) -> None:
        self.rules = rules
        self._window = window
        self._max_stories = max_stories
        self._stories: OrderedDict[str, StoryMemory] = OrderedDict()
        self._pending: dict[str, StoryMemory] = {}
        self._latest: datetime | None = None

    def __len__(self) -> int:
        return len(self._stories)

    @property
    def begins(self) -> datetime | None:
        """What has no article since then is forgotten; None while nothing was seen."""
        return self._latest - self._window if self._latest is not None else None

    @property
    def begins_with_pending(self) -> datetime | None:
        """`begins`, as it will be after the next commit."""
        times = [story.time for story in self._pending.values() if story.time is not None]
        latest = max([*times, *([self._latest] if self._latest is not None else [])], default=None)
        return latest - self._window if latest is not None else None

    def step(self, article: Article, now: datetime, *, may_alert: bool = True) -> tuple[Alert, ...]:
        """Return the alerts that `article` makes; backfilled articles make none, and are remembered."""
        rules = self.rules
        story_id = article.story_id or article.article_id
        if not rules.rules:
            return ()  # nothing will ever be asked for what is remembered
        before = self._memory(story_id)
        for change in article.story_changes:
            # What is left behind stays for an article of its that comes late; it is forgotten with time.
            gone = self._memory(change.story_id) if change.kind == "merge" and change.into == story_id else None
            if gone is not None and gone.articles and change.story_id not in before.merged:
                before = replace(before.with_merged(gone), merged=(*before.merged, change.story_id))
        place = before.place_of(article.article_id)
        known_revision = before.known[place].revision if place is not None else None
        story = before.with_article(article, rules.houses)
        fired = rules.match(article)
        origins = story.origins_of(article, rules.houses) if fired else ()
        alerts = []
        for one in fired:
            decision = decide(
                one.rule,
                story,
                article,
                origins,
                now,
                known_revision=known_revision,
                may_alert=may_alert and not article.is_backfill,
                keeps_up=one.rule.id in rules.kept_up,
            )
            if decision.memory != RuleMemory():
                story = story.with_rule(one.rule.id, decision.memory)
            if decision.reasons:
                alerts.append(_alert(one, story, article, decision.reasons, now))
        self._pending[story_id] = story
        return tuple(alerts)

    def _memory(self, story_id: str) -> StoryMemory:
        return self._pending.get(story_id) or self._stories.get(story_id) or StoryMemory(story_id)

    def trend(self, trend: Trend, now: datetime) -> tuple[Alert, ...]:
        """Return the alerts that a finding makes, each rule's once, however often the finding is made anew."""
        alerts = []
        for rule in self.rules.match_trend(trend):
            key = f"trend:{trend.trend_id}"
            memory = self._memory(key)
            if rule.id not in memory.rules:
                memory = replace(memory, version=memory.version + 1, time=max(trend.hour, memory.time or trend.hour))
                self._pending[key] = memory.with_rule(rule.id, RuleMemory(alerts=1, touched_at=now))
                alerts.append(_trend_alert(rule, trend, now))
        return tuple(alerts)

    def take_kept(self) -> list[KeptStory]:
        """Return what must be stored of the stories that changed since the last commit."""
        return [kept_of(story) for story in self._pending.values()]

    def commit(self) -> None:
        """Take over what was decided: it is stored."""
        for story in self._pending.values():
            self._take(story)
        self._pending.clear()
        self._forget()

    def roll_back(self) -> None:
        """Forget what was decided since the last commit."""
        self._pending.clear()

    def restore(self, records: Iterable[bytes]) -> int:
        """Begin from what was stored; return how many records were none.

        A record that is none costs the memory of its story: a rule may alert on it once more.
        """
        self._stories.clear()
        self._pending.clear()
        self._latest = None
        faulty = 0
        for payload in records:
            try:
                story = codec.decode(payload, StoryMemory)
            except codec.CodecError:
                faulty += 1
                continue
            known = self._stories.get(story.story_id)
            if known is None or known.version < story.version:
                self._take(story)
        self._forget()
        return faulty

    def _take(self, story: StoryMemory) -> None:
        self._stories[story.story_id] = story
        self._stories.move_to_end(story.story_id)
        if story.time is not None and (self._latest is None or story.time > self._latest):
            self._latest = story.time

    def _forget(self) -> None:
        # In order of their last change: a story whose articles come late is kept a little longer than it need be.
        while self._stories:
            oldest = next(iter(self._stories.values()))
            is_over = oldest.time is None or (self.begins is not None and oldest.time < self.begins)
            if not is_over and len(self._stories) <= self._max_stories:
                break
            self._stories.popitem(last=False)


def kept_of(story: StoryMemory) -> KeptStory:
    """Return what is stored of `story`. Raises ValueError for one without articles."""
    if story.time is None:
        raise ValueError("a story without articles is not kept")
    return KeptStory(story_id=story.story_id, time=story.time, record=codec.encode(story))


def _alert(
    fired: Fired, story: StoryMemory, article: Article, reasons: tuple[AlertReason, ...], now: datetime
) -> Alert:
    rule = fired.rule
    return Alert(
        alert_id=alert_id(
            rule.id, story.story_id, article.article_id, str(article.revision), str("activity" in reasons)
        ),
        reasons=reasons,
        story_id=story.story_id,
        story=StoryFacts(
            articles=story.articles,
            copies=story.copies,
            sources=len(story.houses),
            independent_sources=story.independent_sources,
            languages=story.languages,
            countries=story.countries,
        ),
        article=AlertArticle(
            article_id=article.article_id,
            revision=article.revision,
            title=article.title[:_MAX_TITLE],
            url=article.canonical_url or article.url,
            language=article.language,
            source_id=article.source_id,
            source_name=article.source_name,
            country=article.country,
            ownership=article.ownership,
            published_at=article.published_at if article.date_is_reliable else None,
            topics=tuple(label.id for label in article.topics[:_MAX_LABELS]),
            entities=tuple(label.id for label in article.entities[:_MAX_LABELS]),
        ),
        score=fired.match.score,
        excerpts=excerpts(article, fired.match.spans),
        lineage=_chains(article),
        **_of_rule(rule, now),
    )


def _of_rule(rule: RuleDefinition, now: datetime) -> dict[str, Any]:
    return {
        "rule_id": rule.id,
        "rule_name": rule.name,
        "severity": rule.severity,
        "created_at": now,
        "query": rule.query,
        "channels": rule.channels,
        "schedule": rule.schedule,
    }


def _chains(article: Article) -> tuple[str, ...]:
    chains: dict[int, list[str]] = {}
    for step in article.attribution:
        chains.setdefault(step.chain, []).append(step.name)
    outlet = article.source_name or article.source_id or "?"
    return tuple(" ← ".join([outlet, *names]) for names in list(chains.values())[:_MAX_LINEAGE])


def _trend_alert(rule: RuleDefinition, trend: Trend, now: datetime) -> Alert:
    return Alert(
        alert_id=alert_id(rule.id, trend.trend_id),
        reasons=("trend",),
        trend=TrendFacts(
            kind=trend.kind,
            series_kind=trend.series.kind,
            series_value=trend.series.value,
            term=trend.term,
            hour=trend.hour,
            seen=trend.seen,
            expected=trend.expected,
            tolerance=trend.tolerance,
            sources=trend.sources,
        ),
        **_of_rule(rule, now),
    )
