"""Places stored articles among the stories again: for articles that were placed before the story stage was changed, or
before their names and topics were.

    the 14 days before ─ as they are ─▶ window
    article ─ place ─▶ story of the window ─ name ─▶ stored story ─ another than before? ─▶ the article moves

A story keeps its name: that of the first of its articles. An article that moves says so as a split of one, and stories
that are found to be one as a merge, so that their documents follow and what comes late finds its way. What was split
before stays apart: an article never goes back to a story that it has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from streams.model import Article, StoryChange
from streams.pipeline import utc_now
from streams.stores.base import ArticleStore, Search
from streams.stores.through import articles_by_time
from streams.stories.fingerprint import Fingerprint
from streams.stories.profile import Rarity
from streams.stories.signals import signals_of
from streams.stories.state import Placed
from streams.stories.window import WINDOW, Placement, StoryWindow
from streams.text.document import Document


def live_begins(now: datetime) -> datetime:
    """Return since when stories are those of the running agent's window, which a replay must leave alone."""
    return now - WINDOW - timedelta(days=1)


class StoryReplay:
    """The window of a replay, and by which name each of its stories is stored."""

    def __init__(self, store: ArticleStore) -> None:
        self._store = store
        self._window = StoryWindow()
        self._rarity = Rarity()
        self._names: dict[str, str] = {}
        """Stored story by the story of the window."""
        self._claimed: set[str] = set()
        self._homes: dict[str, str] = {}
        """Stored story by article, of what is or was in the window."""

    async def warm(self, until: datetime) -> None:
        """Take what was published in the days before `until` into the window, with the places that it has."""
        search = Search(since=until - WINDOW, until=until)
        async for piece in articles_by_time(self._store, search):
            await asyncio.to_thread(self._restore, _in_order(piece.articles))

    async def again(self, articles: Sequence[Article]) -> list[Article | None]:
        """Return `articles`, which follow on those before, with the place that they have now; None for one that cannot
        be placed."""
        placements = await asyncio.to_thread(lambda: [self._place(article) for article in articles])
        return [
            await self._moved(article, placement) if placement is not None else None
            for article, placement in zip(articles, placements, strict=True)
        ]

    def _restore(self, articles: Sequence[Article]) -> None:
        for article in articles:
            story_id = article.story_id or article.article_id
            document = Document.of(article.title, article.text, article.language)
            signals = signals_of(article, document, self._rarity.terms)
            self._rarity.add(signals)
            self._window.restore(
                Placed(
                    story_id,
                    signals,
                    Fingerprint.of(document),
                    article.near_duplicate_of,
                    article.similarity,
                    article.wire_copy,
                    article.story_links,
                )
            )
            self._names[story_id] = story_id
            self._claimed.add(story_id)
            self._homes[article.article_id] = story_id

    def _place(self, article: Article) -> Placement | None:
        try:
            document = Document.of(article.title, article.text, article.language)
            return self._window.place(article, document, article.storied_at)
        except Exception:  # it stays as it was, and is counted
            return None

    async def _moved(self, article: Article, placement: Placement) -> Article:
        placed = placement.placed
        home = article.story_id or article.article_id
        changes: list[StoryChange] = []
        name = self._names.get(placed.story_id)
        if name is None:
            name = home if home not in self._claimed else placed.story_id
            self._names[placed.story_id] = name
            self._claimed.add(name)
        if name != home and (target := await self._target(name, article.article_id, home)) != home:
            changes.append(
                StoryChange(
                    kind="split",
                    story_id=home,
                    into=target,
                    articles=(article.article_id,),
                    evidence=placement.links,
                    decided_at=utc_now(),
                )
            )
            home = target
        self._homes[article.article_id] = home
        for change in placement.changes:
            changes += await self._renamed(change)
        return replace(
            article,
            near_duplicate_of=placed.near_duplicate_of,
            similarity=placed.similarity,
            wire_copy=placed.is_wire_copy,
            story_id=home,
            story_links=placement.links,
            story_changes=(*article.story_changes, *changes),
            storied_at=utc_now(),
        )

    async def _target(self, name: str, article_id: str, home: str) -> str:
        """Return the story that stands for `name` now; `home` where the article has left it before."""
        document = await self._store.story(name)
        if document is None:
            return name
        if article_id in document.moved:
            return home
        return document.story_id

    async def _renamed(self, change: StoryChange) -> list[StoryChange]:
        """Return what the window found about its stories as a change of the stored ones; nothing where it is so."""
        left = self._names.get(change.story_id, change.story_id)
        if change.kind == "merge":
            into = self._names.get(change.into, change.into)
            left, into = await self._target(left, "", left), await self._target(into, "", into)
            return [replace(change, story_id=left, into=into, decided_at=utc_now())] if left != into else []
        self._names.setdefault(change.into, change.into)
        self._claimed.add(change.into)
        going = tuple(one for one in change.articles if self._homes.get(one) == left)
        self._homes.update((one, change.into) for one in going)
        return [replace(change, story_id=left, articles=going, decided_at=utc_now())] if going else []


def _in_order(articles: Sequence[Article]) -> list[Article]:
    return sorted(articles, key=lambda article: (article.collected_at, article.article_id))
