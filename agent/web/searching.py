"""Asking the store for pages: articles, summaries, stories; each within its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.model import Article
from streams.stores.base import Search, SearchPage, StorySearch, Summary
from streams.stories.documents import StoryDocument, story_document

if TYPE_CHECKING:
    from agent.web.forms import SearchForm
    from agent.web.world import World

_STORY_ARTICLES = 1000
_ARTICLES_OF_STORIES = 1500
"""Articles that a list of stories is made of: the newest that match."""


async def articles(world: World, form: SearchForm) -> SearchPage:
    """Return the articles that a form asks for. Raises `QueryError`, `FormFault`, `StoreError`, `TooBusy`."""
    search = form.search(world)
    async with world.turn():
        return await world.store.search(search)


async def summary(world: World, form: SearchForm) -> Summary:
    """Return the facets and the volume of what a form asks for. Raises as `articles`."""
    search = form.search(world)
    async with world.turn():
        return await world.store.summarize(search)


async def story(world: World, story_id: str) -> StoryDocument | None:
    """Return a story, or None where there is none of this id. Raises as `articles`."""
    if not story_id.isalnum():
        return None
    async with world.turn():
        if (kept := await world.store.story(story_id.lower())) is not None:
            return kept
        # Stored by a Rasad that kept no documents of stories.
        page = await world.store.search(Search(query=f'story:"{story_id.lower()}"', limit=_STORY_ARTICLES))
        found: Sequence[Article] = [hit.article for hit in page.hits]
        return await asyncio.to_thread(story_document, story_id.lower(), found)


async def stories(world: World, form: SearchForm, most: int) -> tuple[list[StoryDocument], bool]:
    """Return the stories of the newest articles that match, the largest first, and whether these were all of them."""
    import msgspec

    if not form.q and not form.source and not form.country and not form.ownership:
        since, until = form.period()
        wanted = StorySearch(
            since=since, until=until, topic=form.topic or None, language=form.lang or None, min_articles=2, limit=most
        )
        async with world.turn():
            if kept := await world.store.stories(wanted):
                return kept, True
    search = msgspec.structs.replace(form.search(world), limit=_ARTICLES_OF_STORIES, order="newest")
    async with world.turn():
        page = await world.store.search(search)
        found = await asyncio.to_thread(_stories, page)
    return found[:most], page.is_complete and len(page.hits) < _ARTICLES_OF_STORIES


def _stories(page: SearchPage) -> list[StoryDocument]:
    by_story: dict[str, list[Article]] = {}
    for hit in page.hits:
        by_story.setdefault(hit.article.story_id or hit.article.article_id, []).append(hit.article)
    found = (story_document(story_id, members) for story_id, members in by_story.items() if len(members) > 1)
    documents = [document for document in found if document is not None]
    return sorted(documents, key=lambda one: (-one.articles, -one.last_time.timestamp(), one.story_id))
