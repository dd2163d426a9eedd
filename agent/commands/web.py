"""`rasad web`: the page in a process of its own, for the distributed store, or beside another process' file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from agent.feeds.definitions import FeedDefinition
    from agent.settings import Settings
    from agent.web.access import Access
    from streams.definitions import Definitions


@click.command(epilog="Example: rasad web --port 8080   (then open http://127.0.0.1:8080/)")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port, instead of web.port; 0 takes a free one.")
@click.option(
    "--hash-password",
    is_flag=True,
    help="Ask for a password (or read it from a pipe) and print its hash, for web.users_file.",
)
def command(folder: str | None, port: int | None, hash_password: bool) -> int:
    """Serve the web page and the JSON API on what the store holds, until Ctrl-C.

    `rasad run` serves the same page itself. Beyond loopback it is served only with web.users_file.
    """
    import asyncio

    import msgspec

    if hash_password:
        return _hash_password()

    from agent.config_files import Faults
    from agent.definitions import load_definitions
    from agent.feeds.load import load_feeds
    from agent.settings import config_folder, load_settings
    from agent.web.access import load_access

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    if port is not None or settings.web.port is None:
        settings = msgspec.structs.replace(settings, web=msgspec.structs.replace(settings.web, port=port or 0))
    definitions = load_definitions(path, faults)
    feeds = load_feeds(path / "feeds", faults)
    access = load_access(settings.web, faults)
    faults.check()
    return asyncio.run(_serve(settings, definitions, feeds, path, access))


def _hash_password() -> int:
    import sys

    from agent.web.access import hash_password

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        click.echo("rasad: the password is empty", err=True)
        return 2
    click.echo(hash_password(password))
    return 0


async def _serve(
    settings: Settings, definitions: Definitions, feeds: list[FeedDefinition], folder: Path, access: Access
) -> int:
    import asyncio
    import signal

    from agent.feed_check.known_states import known_states
    from agent.observe import set_up_logging
    from agent.open_store import closing_store
    from agent.reload import Reloader
    from agent.web.live import Hub
    from agent.web.serve import serve
    from agent.web.world import CANDIDATE_BUDGET, World
    from streams.metrics import Metrics

    async def use_definitions(changed: Definitions) -> None:
        world.use(changed)

    set_up_logging(settings.log)
    async with closing_store(settings, candidate_budget=CANDIDATE_BUDGET) as store:
        hub = Hub()
        world = World(
            store=store,
            settings=settings,
            definitions=definitions,
            folder=folder,
            feeds=feeds,
            hub=hub,
            access=access,
            states=lambda: known_states(settings),
        )
        seconds = settings.alerts.watch_seconds
        # Its own metrics are served to nobody; what the page says of faults is in the log.
        reloader = Reloader(folder, definitions, Metrics(), watch_seconds=seconds, use_definitions=use_definitions)
        async with reloader, serve(world) as port:
            hub.follow(store)
            host = f"[{settings.web.host}]" if ":" in settings.web.host else settings.web.host
            click.echo(f"web page: http://{host}:{port}/", err=True)
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await stop.wait()
    return 0
