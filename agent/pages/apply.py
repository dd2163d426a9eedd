"""Puts what was read of pages into the articles of a decision, and takes recurring lines out. Pure.

Decision, pages ─▶ fill: text, authors, dates … ─▶ learn ─▶ cut ─▶ Decision
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from agent.collect.records import Decision
from agent.collect.state import FeedState
from agent.pages.records import Page
from agent.pages.recurring import Recurring, without_recurring
from agent.parse.dates import assess
from streams.model import RawArticle

MAX_TOLD_LINES = 10


def with_pages(
    decision: Decision,
    pages: Mapping[str, Page],
    siblings: Sequence[FeedState],
    *,
    min_articles: int,
    max_age_days: int,
    now: datetime,
) -> tuple[Decision, int]:
    """Return `decision` with its articles filled from `pages` and freed of recurring lines, and how many were cut.

    Args:
        pages: by article id.
        siblings: states of the other feeds of the source.
        min_articles: see `settings.pages.boilerplate_articles`.
    """
    if not decision.articles:
        return decision, 0
    state = decision.state
    articles = [
        _filled(article, page, max_age_days, now) if (page := pages.get(article.article_id)) is not None else article
        for article in decision.articles
    ]
    table = Recurring.of(state.recurring, state.recurring_articles)
    for article in articles:
        if article.revision == 1:  # an edit says the same lines again, and is no other article
            table.learn(article.text)
    known = [table, *(Recurring.of(s.recurring, s.recurring_articles) for s in siblings if s.recurring)]
    total = 0
    for number, article in enumerate(articles):
        text, cut = without_recurring(article.text, known, min_articles)
        if cut:
            total += len(cut)
            told = {**article.extra, "cut_lines": [line[:200] for line in cut[:MAX_TOLD_LINES]]}
            articles[number] = msgspec.structs.replace(article, text=text, extra=told)
    state = msgspec.structs.replace(state, recurring=table.pack(), recurring_articles=table.articles)
    return msgspec.structs.replace(decision, state=state, articles=tuple(articles)), total


def _filled(article: RawArticle, page: Page, max_age_days: int, now: datetime) -> RawArticle:
    """Return `article` with the page's text if there is more of it, and with what else the feed did not say."""
    changes: dict[str, object] = {}
    if len(page.text) > len(article.text):
        changes.update(text=page.text, text_origin="page")
    if page.canonical_url:
        changes["canonical_url"] = page.canonical_url
    for name in ("title", "authors", "image_url", "modified_at"):
        if not getattr(article, name) and getattr(page, name):
            changes[name] = getattr(page, name)
    if page.published_at is not None and (article.published_at is None or not article.date_is_reliable):
        is_reliable = assess(page.published_at, now, max_age_days)[0]
        if is_reliable or article.published_at is None:
            changes.update(published_at=page.published_at, date_is_reliable=is_reliable)
    labels = dict.fromkeys(
        (*article.tags, *((page.section,) if page.section else ()), *(() if article.tags else page.tags))
    )
    if len(labels) > len(article.tags):
        changes["tags"] = tuple(labels)
    if article.declared_language is None and page.language:
        changes["declared_language"] = page.language
    return msgspec.structs.replace(article, **changes) if changes else article
