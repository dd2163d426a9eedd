"""`rasad tail`: articles as they are indexed."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from agent.commands.search import CONFIG, JSON, filters, make_search, renderer, show_query_error

if TYPE_CHECKING:
    from agent.settings import Settings
    from streams.stores.base import Search


@click.command(epilog="Example: rasad tail 'topic:syria-turkey-normalization' --lang fa   (Ctrl-C ends it)")
@click.argument("query", default="")
@filters
@click.option("--limit", type=click.IntRange(min=1), help="End after this many articles (default: never).")
@JSON
@CONFIG
def command(query: str, folder: str | None, as_json: bool, limit: int | None, **filters: str | None) -> int:
    """Show articles that match QUERY (or all) as they are indexed: each once, also those published long ago.

    Exits with 0 after --limit articles, 2 for a faulty query, 130 at Ctrl-C.
    """
    from agent.definitions import load_settings_only
    from streams.query import QueryError

    settings = load_settings_only(folder)
    search = make_search(query, folder, filters)
    try:
        asyncio.run(_tail(settings, search, as_json, limit))
    except QueryError as error:
        return show_query_error(query, error)
    return 0


async def _tail(settings: Settings, search: Search, as_json: bool, limit: int | None) -> None:
    from agent.open_store import closing_store
    from agent.render import json_line

    show = renderer()
    shown = 0
    async with closing_store(settings) as store:
        hits = store.tail(search, ready=lambda: click.echo("rasad: waiting for articles; Ctrl-C ends it", err=True))
        async with aclosing(hits):
            async for hit in hits:
                if as_json:
                    click.echo(json_line(hit))
                else:
                    show.hit(hit)
                sys.stdout.flush()
                shown += 1
                if limit is not None and shown >= limit:
                    return
