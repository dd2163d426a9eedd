"""Judging candidates one after another until the page is full or the budget is spent; the same for every store."""

from __future__ import annotations

import heapq
from datetime import datetime

from streams.model import Article
from streams.stores.base import Hit, SearchPage
from streams.stores.plan import Plan
from streams.stores.records import article_time

CANDIDATE_BUDGET = 20_000
"""Candidates that one search looks at before it says that there may be more: a few seconds of matching."""


class PageBuilder:
    """Makes the page of one search from candidates that come newest first."""

    def __init__(self, plan: Plan, budget: int) -> None:
        self._plan = plan
        self._budget = budget
        self._by_score = plan.search.order == "score"
        self._hits: list[Hit] = []
        self._best: list[tuple[float, datetime, str, Hit]] = []
        self._seen: set[str] = set()
        self._is_complete = True

    @property
    def is_done(self) -> bool:
        """True when no further candidate can change the page, or none may be looked at."""
        limit = self._plan.search.limit
        return limit <= 0 or not self._is_complete or (not self._by_score and len(self._hits) >= limit)

    def look_at(self, article: Article) -> None:
        """Judge one candidate."""
        if article.article_id in self._seen:
            return
        if len(self._seen) >= self._budget:
            self._is_complete = False
            return
        self._seen.add(article.article_id)
        hit = self._plan.judge(article)
        if hit is None:
            return
        if not self._by_score:
            self._hits.append(hit)
            return
        heapq.heappush(self._best, (hit.score, article_time(article), article.article_id, hit))
        if len(self._best) > self._plan.search.limit:
            heapq.heappop(self._best)

    def page(self) -> SearchPage:
        """Return what was found."""
        hits = [entry[3] for entry in sorted(self._best, reverse=True)] if self._by_score else self._hits
        return SearchPage(hits=tuple(hits), candidates=len(self._seen), is_complete=self._is_complete)
