"""`rasad run`: the whole agent in one process."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from agent.alerts.load import AlertConfig
    from agent.feeds.definitions import FeedDefinition
    from agent.pages.rules import PageRules
    from agent.settings import Settings
    from agent.web.access import Access
    from streams.definitions import Definitions


@click.command(epilog="Example: rasad run --config config --metrics-port 9464")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option("--store", "store_path", metavar="FILE", help="SQLite file, instead of the configured one.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve /metrics on this port; 0 takes a free one.")
@click.option("--web-port", type=click.IntRange(0, 65535), help="Serve the web page on this port; 0 takes a free one.")
@click.option("--once", is_flag=True, help="Poll every feed once, then stop.")
def command(
    folder: str | None, store_path: str | None, metrics_port: int | None, web_port: int | None, once: bool
) -> int:
    """Run the whole agent in this process, on one SQLite file, until Ctrl-C.

    Polls the feeds of the configuration, finds language, topics and entities, stores and indexes, and serves a web
    page on loopback (web.port). On a terminal it shows what it is doing; elsewhere it logs. Stop it any way you like:
    a killed agent goes on where it was.
    """
    import asyncio

    import msgspec

    from agent.alerts.load import load_alerts
    from agent.config_files import Faults
    from agent.definitions import load_definitions
    from agent.feeds.lists import refresh_due
    from agent.feeds.load import load_feeds
    from agent.pages.rules import load_page_rules
    from agent.settings import config_folder, load_settings
    from agent.web.access import load_access

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    definitions = load_definitions(path, faults)
    for refreshed in refresh_due(path / "feeds", settings.collect):
        if not refreshed.is_ok:
            click.echo(f"rasad: list {refreshed.url}: {refreshed.outcome} {refreshed.detail}", err=True)
    feeds = load_feeds(path / "feeds", faults)
    page_rules = load_page_rules(path / "pages", faults)
    alerts = load_alerts(path, definitions, faults)
    if web_port is not None:
        settings = msgspec.structs.replace(settings, web=msgspec.structs.replace(settings.web, port=web_port))
    access = load_access(settings.web, faults) if settings.web.port is not None and not once else None
    faults.check()
    # What follows takes some seconds; nobody shall take silence for a fault.
    click.echo(
        f"Rasad رصد: {_count(feeds, 'feed')}, {_count(definitions.labels, 'topic')}, "
        f"{_count(definitions.entities, 'entity', 'entities')}, {_count(alerts.rules, 'alert rule')} from {path}; "
        "preparing …",
        err=True,
    )
    replace = msgspec.structs.replace
    if store_path is not None:
        settings = replace(settings, store=replace(settings.store, path=store_path))
    if metrics_port is not None:
        settings = replace(settings, metrics=replace(settings.metrics, port=metrics_port))
    return asyncio.run(_run(settings, definitions, feeds, page_rules, alerts, path, access, once=once))


def _count(things: Sized, one: str, many: str = "") -> str:
    return f"{len(things):,} {one if len(things) == 1 else many or one + 's'}"


async def _run(
    settings: Settings,
    definitions: Definitions,
    feeds: list[FeedDefinition],
    page_rules: PageRules,
    alerts: AlertConfig,
    folder: Path,
    access: Access | None,
    *,
    once: bool,
) -> int:
    from rich.console import Console

    from agent.observe import set_up_logging
    from agent.runtime import embedded_agent, run_until_stopped

    if not any(feed.enabled for feed in feeds):
        click.echo("rasad: no feeds are configured: add one with `rasad feeds add URL`", err=True)
        return 2
    console = Console(stderr=True)
    footer = f"store {settings.store.path}  ·  search it: rasad search 'QUERY'  ·  stop with Ctrl-C"
    set_up_logging(settings.log, console if console.is_terminal else None)
    async with embedded_agent(
        settings,
        definitions,
        feeds,
        page_rules=page_rules,
        footer=footer,
        alerts=alerts,
        folder=folder,
        access=access,
    ) as agent:
        if agent.web_port is not None:
            host = f"[{settings.web.host}]" if ":" in settings.web.host else settings.web.host
            click.echo(f"web page: http://{host}:{agent.web_port}/", err=True)
        if agent.metrics_port is not None:
            click.echo(f"metrics: http://{settings.metrics.host}:{agent.metrics_port}/metrics", err=True)
        async with agent.display.live(console):
            await run_until_stopped(agent, once=once)
        stored = await agent.store.count()
    click.echo(f"{agent.display.stored} articles stored in this run, {stored} in {settings.store.path}", err=True)
    return 0
