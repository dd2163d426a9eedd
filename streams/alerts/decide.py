"""Decides whether a rule alerts on an article that it matches. Pure: what the rule remembers of the story in, the
reasons (none: silence) and what it remembers from now on out.

    copy ─────────────────────────────▶ silence
    matched before ───────────────────▶ silence
    first alert on the story ─────────▶ once enough independent sources have it
    else ─────────────────────────────▶ on a new language, source, country, growth or revision, as the rule asks
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from streams.alerts.memory import RuleMemory, StoryMemory
from streams.alerts.records import AlertReason
from streams.definitions import RuleDefinition
from streams.model import Article

ACTIVITY_EVERY = timedelta(minutes=30)
"""How often it is said that a story goes on, at most."""
_MAX_ORIGINS = 200


class Decision(NamedTuple):
    """What a rule does about an article."""

    reasons: tuple[AlertReason, ...]
    """Empty: it does not alert."""
    memory: RuleMemory


def decide(
    rule: RuleDefinition,
    story: StoryMemory,
    article: Article,
    origins: tuple[str, ...],
    now: datetime,
    *,
    known_revision: int | None = None,
    may_alert: bool = True,
    keeps_up: bool = False,
) -> Decision:
    """Return what `rule`, which matches `article`, does about it.

    Args:
        story: what is remembered of the story, `article` already in it.
        origins: where the article has its news from.
        known_revision: the article was in the story before, and this was its revision.
        may_alert: False for backfill and replay: it is remembered and not spoken of.
        keeps_up: a destination of the rule ends alerts by itself, and has to hear that the story goes on.
    """
    before = story.rules.get(rule.id, RuleMemory())
    place = story.place_of(article.article_id)
    if article.near_duplicate_of is not None:
        return Decision((), before)
    if place is not None and place in before.matched:
        return Decision((), before)
    after = replace(
        before,
        matched=(*before.matched, place) if place is not None else before.matched,
        count=before.count + 1,
        languages=_union(before.languages, (article.language,) if article.language != "und" else ()),
        countries=_union(before.countries, (article.country,) if article.country else ()),
        origins=_union(before.origins, origins)[:_MAX_ORIGINS],
    )
    if not may_alert:
        return Decision((), after)
    reasons = _reasons(rule, before, after, article.revision, known_revision)
    if reasons:
        return Decision(reasons, replace(after, alerts=after.alerts + 1, count_at_alert=after.count, touched_at=now))
    is_due = after.touched_at is not None and now - after.touched_at >= ACTIVITY_EVERY
    if keeps_up and after.alerts and is_due:
        return Decision(("activity",), replace(after, touched_at=now))
    return Decision((), after)


def _reasons(
    rule: RuleDefinition, before: RuleMemory, after: RuleMemory, revision: int, known_revision: int | None
) -> tuple[AlertReason, ...]:
    if not before.alerts:
        return ("story",) if len(after.origins) >= rule.min_sources else ()
    policy = rule.realert
    if known_revision is not None:
        return ("revision",) if policy.revision and revision > known_revision else ()
    found: list[AlertReason] = []
    if policy.language and len(after.languages) > len(before.languages):
        found.append("language")
    if policy.source and len(after.origins) > len(before.origins):
        found.append("source")
    if policy.country and len(after.countries) > len(before.countries):
        found.append("country")
    if policy.growth is not None and after.count >= policy.growth * before.count_at_alert:
        found.append("growth")
    return tuple(found)


def _union(values: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values, *more)))
