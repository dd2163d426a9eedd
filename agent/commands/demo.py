"""`rasad demo`: the embedded agent on a local world of invented outlets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from agent.demo.server import DemoServer
    from agent.feeds.definitions import FeedDefinition
    from agent.runtime import EmbeddedAgent
    from agent.settings import Settings
    from streams.stores.base import SearchPage

POLL_SECONDS = 5.0
DEADLINE_SECONDS = 6.0
"""One feed of the demo never ends; this is how long it is waited for."""
QUERY = "topic:syria-turkey-normalization AND (lang:ar OR lang:fa)"


@click.command(epilog="Example: rasad demo --keep")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option("--keep", is_flag=True, help="Keep the SQLite file, and say where it is.")
@click.option(
    "--fast", is_flag=True, help="Have every article out at once, instead of some that arrive while you watch."
)
def command(folder: str | None, keep: bool, fast: bool) -> int:
    """See Rasad work on a local world of invented outlets; needs no internet.

    Starts a feed server on loopback with outlets of many languages (some of them misbehave), collects from it for a
    while, and ends with a search that shows Arabic and Persian articles on the Syria–Turkey normalization talks.
    """
    import asyncio
    import shutil
    import tempfile
    from pathlib import Path

    work = Path(tempfile.mkdtemp(prefix="rasad-demo-"))
    try:
        code = asyncio.run(_demo(folder, work, fast=fast))
    finally:
        if keep:
            click.echo(f"\nThe store is kept: RASAD_STORE__PATH={work / 'demo.sqlite'} rasad search 'QUERY'")
        else:
            shutil.rmtree(work, ignore_errors=True)
    return code


async def _demo(folder: str | None, work: Path, *, fast: bool) -> int:
    import asyncio

    from rich.console import Console

    from agent.definitions import load_all
    from agent.demo.server import DemoServer
    from agent.runtime import embedded_agent
    from streams.stores.base import Search

    console = Console()
    console.print("Rasad رصد: preparing a demo, some seconds …")
    settings, definitions = load_all(folder)
    settings = _demo_settings(settings, work / "demo.sqlite")
    async with DemoServer(release="all" if fast else "gradual", slow_seconds=DEADLINE_SECONDS * 4) as server:
        feeds = _feeds(server)
        languages = {feed.language for feed in feeds}
        console.print(
            f"A feed server with {len(feeds)} invented outlets in {len(languages)} languages listens on "
            f"{server.base_url}; some of its feeds are broken on purpose."
        )
        footer = "a demo on invented news; it ends by itself"
        async with embedded_agent(settings, definitions, feeds, footer=footer) as agent:
            async with agent.display.live(console):
                running = asyncio.create_task(agent.collector.run())
                try:
                    await _until_all_is_in(agent, server, 0.0 if fast else server.world.last_change_seconds)
                finally:
                    running.cancel()
                    await asyncio.wait({running})
            if running.done() and not running.cancelled() and (error := running.exception()):
                raise error
            console.print(agent.display.render())
            _show_failing(console, agent)
            set_aside = agent.store.quarantine_count()
            page = await agent.store.search(Search(query=QUERY, limit=12))
    _show_search(console, page)
    if set_aside:
        console.print(f"[red]{set_aside} articles could not be processed:[/] see them with `rasad demo --keep`")
        return 1
    found = {hit.article.language for hit in page.hits}
    return 0 if {"ar", "fa"} <= found else 1


def _demo_settings(settings: Settings, store: Path) -> Settings:
    import msgspec

    replace = msgspec.structs.replace
    collect = replace(
        settings.collect,
        allow_private_hosts=("127.0.0.1",),
        timeout_seconds=DEADLINE_SECONDS,
        per_host_spacing_seconds=0.0,  # all outlets of this world live on one host
    )
    return replace(settings, collect=collect, store=replace(settings.store, kind="sqlite", path=str(store)))


def _feeds(server: DemoServer) -> list[FeedDefinition]:
    from agent.feeds.definitions import FeedDefinition

    return [
        FeedDefinition(
            url=feed.url,
            source_id=feed.outlet_id,
            name=feed.name,
            country=feed.country,
            language=feed.language,
            ownership=feed.ownership,
            interval_seconds=POLL_SECONDS,
        )
        for feed in server.feeds
    ]


async def _until_all_is_in(agent: EmbeddedAgent, server: DemoServer, last_change_seconds: float) -> None:
    """Wait until everything is out and stored, and every feed was polled since then; a stuck demo ends too."""
    import asyncio
    import time

    give_up = time.monotonic() + last_change_seconds + 180
    polls_before: dict[str, int] = {}
    while time.monotonic() < give_up:
        await asyncio.sleep(0.25)
        states = agent.collector.states()
        if server.elapsed_seconds < last_change_seconds:
            polls_before = {state.feed_url: state.polls for state in states}
            continue
        # A state is there when its articles are. A feed that fails is polled less and less; once shows it. The others
        # are polled twice more, because the first may have been under way when the last article came out. On a busy
        # machine a good feed may fail at first, so what is stored is counted too.
        if all(s.polls > (0 if s.consecutive_failures else polls_before.get(s.feed_url, 0) + 1) for s in states):
            if await agent.store.count() >= len(server.world.articles):
                return


def _show_failing(console: Console, agent: EmbeddedAgent) -> None:
    from rich.markup import escape

    for state in agent.collector.states():
        if state.consecutive_failures:
            console.print(f"[yellow]{state.last_outcome:14}[/] {escape(state.feed_url)}  {escape(state.last_detail)}")


def _show_search(console: Console, page: SearchPage) -> None:
    from agent.render import Renderer

    console.print(f"\n[bold]rasad search '{QUERY}'[/]\n")
    Renderer(console).hits(page.hits)
