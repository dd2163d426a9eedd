"""`rasad search` and `rasad show`: what is stored, by the query language."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agent.settings import Settings
    from streams.model import Article
    from streams.query import QueryError
    from streams.stores.base import Search, SearchPage

CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped one)."
)
JSON = click.option("--json", "as_json", is_flag=True, help="One line of JSON for each article.")
_FILTERS = (
    click.option("--since", metavar="TIME", help="Not before: 2h, 3d, 2w (ago), 2023-04-25, or ISO 8601. In UTC."),
    click.option("--until", metavar="TIME", help="Not after; a day alone is included."),
    click.option("--lang", "language", metavar="CODE", help="Language, as BCP 47: fa, ar, ckb."),
    click.option("--topic", metavar="ID", help="Only articles with this topic."),
    click.option("--source", metavar="ID", help="Only this source: its id, or its name."),
)


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `search` and `tail` share."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.command(
    epilog="Example: rasad search 'تطبيع AND (تركيا OR سوريا)' --since 3d --lang ar   (then: rasad show ARTICLE_ID)"
)
@click.argument("query", default="")
@filters
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most articles shown.")
@click.option("--order", type=click.Choice(["newest", "score"]), default="newest", show_default=True)
@JSON
@CONFIG
def command(query: str, folder: str | None, as_json: bool, limit: int, order: str, **filters: str | None) -> int:
    """Search the stored articles with the query language (docs/query-language.md).

    Without a QUERY, the newest articles are shown. Exits with 0 when anything was found, 1 when nothing was, 2 for
    a faulty query.
    """
    from agent.definitions import load_settings_only
    from streams.query import QueryError

    settings = load_settings_only(folder)
    search = make_search(query, folder, filters, limit=limit, order=order)
    try:
        page = asyncio.run(_search(settings, search))
    except QueryError as error:
        return show_query_error(query, error)
    _print(page, as_json)
    return 0 if page.hits else 1


@click.command(epilog="Example: rasad show 3f2a…   (the id is the last line of each article that `rasad search` shows)")
@click.argument("article_id")
@JSON
@CONFIG
def show(article_id: str, folder: str | None, as_json: bool) -> int:
    """Show one stored article in full, with its earlier revisions where the store keeps them.

    Exits with 1 when there is no such article.
    """
    from agent.definitions import load_settings_only

    article, revisions = asyncio.run(_get(load_settings_only(folder), article_id.strip().lower()))
    if article is None:
        click.echo(f"rasad show: there is no article {article_id}", err=True)
        return 1
    if as_json:
        from agent.render import json_line
        from streams.stores.base import Hit

        click.echo(json_line(Hit(article=article)))
    else:
        renderer().article(article, revisions)
    return 0


def make_search(query: str, folder: str | None, filters: dict[str, Any], **options: Any) -> Search:
    """Return the search that the command line asks for.

    Raises:
        UsageError: a time is none.
        ConfigError: the query uses `@names`, and the topics that define them have faults.
    """
    from datetime import UTC, datetime

    from agent.errors import UsageError
    from agent.moments import parse_moment
    from streams.stores.base import Search

    now = datetime.now(UTC)
    moments: dict[str, Any] = {}
    for name in ("since", "until"):
        text = filters.pop(name)
        try:
            moments[name] = parse_moment(text, now, is_end=name == "until") if text else None
        except ValueError as error:
            raise UsageError(f"--{name}: {error}") from error
    named = _named(folder) if "@" in query else {}
    return Search(query=query, named=named, **moments, **filters, **options)


def show_query_error(query: str, error: QueryError) -> int:
    """Print what is wrong with `query`, with a caret under the place; return the exit code."""
    from agent.render import caret

    click.echo(f"rasad: the query is faulty at {error}", err=True)
    for line in caret(query, error.column):
        click.echo(f"  {line}", err=True)
    return 2


def renderer() -> Any:
    """Return a renderer of standard output."""
    from rich.console import Console

    from agent.render import Renderer

    return Renderer(Console(file=sys.stdout, highlight=False, markup=False, emoji=False))


def _named(folder: str | None) -> dict[str, Any]:
    from agent.definitions import load_all
    from streams.topics import named_queries

    return named_queries(load_all(folder)[1].topics)


async def _search(settings: Settings, search: Search) -> SearchPage:
    from agent.open_store import closing_store

    async with closing_store(settings) as store:
        return await store.search(search)


async def _get(settings: Settings, article_id: str) -> tuple[Article | None, list[tuple[int, str]]]:
    from agent.open_store import closing_store

    async with closing_store(settings) as store:
        article = await store.get(article_id)
        earlier = store.revisions(article_id) if article is not None and hasattr(store, "revisions") else []
        return article, [(revision.revision, revision.title) for revision in earlier]


def _print(page: SearchPage, as_json: bool) -> None:
    if as_json:
        from agent.render import json_line

        for hit in page.hits:
            click.echo(json_line(hit))
    else:
        renderer().hits(page.hits)
    if not page.is_complete:
        click.echo(
            f"rasad: stopped after looking at {page.candidates} articles; there may be more. "
            "Narrow the search with --since, --lang, --topic, or a rarer word.",
            err=True,
        )
    if not as_json and not page.hits:
        click.echo("rasad: nothing found", err=True)
