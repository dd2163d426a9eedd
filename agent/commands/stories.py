"""`rasad stories` and `rasad story`: what belongs together, as the runtimes keep it, or from the stored articles."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from agent.commands.search import CONFIG, filters, make_search, show_query_error

if TYPE_CHECKING:
    from agent.settings import Settings
    from streams.model import Article
    from streams.stores.base import Search, SearchPage
    from streams.stories.documents import StoryDocument

_MAX_ARTICLES = 10_000


@click.command(epilog="Example: rasad stories --since 3d --topic syria-turkey-normalization   (then: rasad story ID)")
@click.argument("query", default="")
@filters
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Most stories shown.")
@click.option("--min-articles", type=click.IntRange(1), default=1, show_default=True, help="Smallest story shown.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each story.")
@CONFIG
def command(query: str, folder: str | None, as_json: bool, limit: int, min_articles: int, **filters: str | None) -> int:
    """List the stories that match, the largest first.

    Without a QUERY and --source, whole stories are listed, as they are kept; with one of them, a story is counted by
    the articles that match. Exits with 0 when there is any, 1 when there is none, 2 for a faulty query.
    """
    from agent.definitions import load_settings_only
    from streams.query import QueryError

    settings = load_settings_only(folder)
    search = make_search(query, folder, filters, limit=_MAX_ARTICLES)
    try:
        kept, page = asyncio.run(_stories(settings, search, min_articles, limit))
    except QueryError as error:
        return show_query_error(query, error)
    stories = kept or [story for story in _documents(page) if story.articles >= min_articles]
    stories.sort(key=lambda story: (-story.articles, -story.last_time.timestamp(), story.story_id))
    if as_json:
        _print_json(stories[:limit])
    else:
        from agent.story_view import StoryView

        view = StoryView()
        for story in stories[:limit]:
            view.head(story)
        if not stories:
            click.echo("rasad: no stories found", err=True)
    if not page.is_complete or len(page.hits) == _MAX_ARTICLES:
        click.echo(
            "rasad: more articles match than were looked at; narrow the search with --since or --topic", err=True
        )
    return 0 if stories else 1


@click.command(epilog="Example: rasad story 3f2a…   (the id is the last line of each story that `rasad stories` shows)")
@click.argument("story_id")
@click.option("--json", "as_json", is_flag=True, help="The story as one line of JSON.")
@CONFIG
def story(story_id: str, folder: str | None, as_json: bool) -> int:
    """Show one story: timeline, headlines side by side, who has it from whom, and who words it how.

    Exits with 1 when there is no such story.
    """
    from agent.definitions import load_settings_only
    from agent.errors import UsageError
    from streams.query import QueryError
    from streams.stores.base import Search
    from streams.stories.documents import story_document

    story_id = story_id.strip().lower()
    search = Search(query=f'story:"{story_id}"', limit=_MAX_ARTICLES)
    try:
        document, page = asyncio.run(_story(load_settings_only(folder), story_id, search))
    except QueryError as error:
        raise UsageError(f"{story_id!r} is no id of a story: {error}") from error
    document = document or story_document(story_id, [hit.article for hit in page.hits])
    if document is None:
        click.echo(f"rasad story: there is no story {story_id}", err=True)
        return 1
    if document.story_id != story_id:
        click.echo(f"rasad story: {story_id} was found to be {document.story_id}", err=True)
    if as_json:
        _print_json([document])
    else:
        from agent.story_view import StoryView

        StoryView().whole(document)
    return 0


def _documents(page: SearchPage) -> list[StoryDocument]:
    from streams.stories.documents import story_document

    by_story: dict[str, list[Article]] = {}
    for hit in page.hits:
        by_story.setdefault(hit.article.story_id or hit.article.article_id, []).append(hit.article)
    found = (story_document(story_id, articles) for story_id, articles in by_story.items())
    return [document for document in found if document is not None]


def _print_json(stories: Sequence[StoryDocument]) -> None:
    from streams import codec

    for document in stories:
        click.echo(codec.encode(document).decode())


async def _stories(
    settings: Settings, search: Search, min_articles: int, limit: int
) -> tuple[list[StoryDocument], SearchPage]:
    """Return the stories as they are kept; where they cannot be asked so, or were not kept yet, the articles."""
    from agent.open_store import closing_store
    from streams.stores.base import SearchPage, StorySearch

    async with closing_store(settings) as store:
        if not search.query.strip() and search.source is None:
            wanted = StorySearch(
                since=search.since,
                until=search.until,
                topic=search.topic,
                language=search.language,
                min_articles=min_articles,
                limit=limit,
            )
            if kept := await store.stories(wanted):
                return kept, SearchPage(hits=())
        return [], await store.search(search)


async def _story(settings: Settings, story_id: str, search: Search) -> tuple[StoryDocument | None, SearchPage]:
    from agent.open_store import closing_store
    from streams.stores.base import SearchPage

    async with closing_store(settings) as store:
        kept = await store.story(story_id)
        return kept, SearchPage(hits=()) if kept is not None else await store.search(search)
