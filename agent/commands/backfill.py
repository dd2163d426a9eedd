"""`rasad backfill`: articles from before a source was watched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.backfill.progress import BackfillProgress
    from agent.backfill.run import IsStored
    from agent.backfill.targets import Target
    from agent.collect.records import Sink
    from agent.collect.state import FeedState
    from agent.pages.reader import Reading
    from agent.settings import Settings
    from streams.definitions import Definitions
    from streams.metrics import Metrics


@dataclass(frozen=True)
class _Place:
    """Where articles go, and what is known there."""

    sink: Sink
    metrics: Metrics
    states: dict[str, FeedState]
    is_stored: IsStored


@click.command(epilog="Example: rasad backfill sana --since 30d   (killed, it goes on where it was when started again)")
@click.argument("target", metavar="SOURCE|FEED|URL")
@click.option(
    "--since", "since_text", default="30d", show_default=True, metavar="TIME", help="How far back: 30d, 2023-04-01."
)
@click.option(
    "--max-pages",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="Most feed pages and sitemaps looked into in this run.",
)
@click.option("--restart", is_flag=True, help="Begin again, where an earlier run was not finished.")
@click.option(
    "--to",
    "kind",
    type=click.Choice(["sqlite", "kafka"]),
    help="Where to (default: kafka where store.kind is elasticsearch).",
)
@click.option("--store", "store_path", metavar="FILE", help="SQLite file, instead of the configured one.")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
def command(
    target: str,
    since_text: str,
    max_pages: int,
    restart: bool,
    kind: str | None,
    store_path: str | None,
    folder: str | None,
) -> int:
    """Fetch what SOURCE (or one FEED, or the feed or sitemap at URL) published earlier.

    Follows archives and older pages of feeds (RFC 5005, JSON Feed, WordPress), sitemaps and news sitemaps, as far back
    as --since; reads pages as politely as ever. Articles travel on the backfill channel: they are stored and found, and
    raise no alert. What is known already is left alone. Start it while the agent runs, or instead.
    """
    import asyncio

    import msgspec

    from agent.backfill.targets import resolve
    from agent.config_files import Faults
    from agent.definitions import load_definitions
    from agent.errors import UsageError
    from agent.feeds.load import load_feeds
    from agent.moments import parse_moment
    from agent.pages.reader import Reading
    from agent.pages.rules import load_page_rules
    from agent.settings import config_folder, load_settings
    from streams.pipeline import utc_now

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    feeds = load_feeds(path / "feeds", faults)
    rules = load_page_rules(path / "pages", faults)
    definitions = load_definitions(path, faults)
    faults.check()
    if store_path is not None:
        settings = msgspec.structs.replace(settings, store=msgspec.structs.replace(settings.store, path=store_path))
    try:
        since = parse_moment(since_text, utc_now())
    except ValueError as error:
        raise UsageError(f"--since {error}") from error
    found = resolve(target, feeds)
    kind = kind or ("kafka" if settings.store.kind == "elasticsearch" else "sqlite")
    reading = Reading(settings.pages, rules)
    return asyncio.run(_backfill(found, settings, definitions, reading, since, max_pages, kind=kind, restart=restart))


async def _backfill(
    target: Target,
    settings: Settings,
    definitions: Definitions,
    reading: Reading,
    since: datetime,
    max_pages: int,
    *,
    kind: str,
    restart: bool,
) -> int:
    import asyncio
    import contextlib
    import signal

    import msgspec
    from rich.console import Console

    from agent.backfill.run import Backfiller
    from agent.fetch.fetcher import Fetcher
    from agent.observe import set_up_logging
    from agent.pages.reader import PageReader
    from agent.parse.pool import ParsePool

    console = Console(stderr=True)
    set_up_logging(settings.log, console if console.is_terminal else None)
    open_place = _kafka(settings) if kind == "kafka" else _embedded(settings, definitions)
    async with (
        open_place as place,
        Fetcher(settings.collect) as fetcher,
        ParsePool(settings.collect) as pool,
        PageReader(fetcher, reading, place.metrics, user_agent=settings.collect.user_agent) as reader,
        _bar(console) as show,
    ):
        state = place.states.get(target.key)
        if restart and state is not None:
            state = msgspec.structs.replace(state, backfill=None)
        backfiller = Backfiller(
            target,
            fetcher=fetcher,
            pool=pool,
            reader=reader,
            reading=reading,
            sink=place.sink,
            settings=settings.collect,
            metrics=place.metrics,
            state=state,
            siblings=[place.states[url] for url in target.siblings if url in place.states],
            since=since,
            max_documents=max_pages,
            is_stored=place.is_stored,
            on_progress=show,
        )
        if backfiller.is_resumed:
            click.echo(f"going on where it stopped: {_told(backfiller.progress)}", err=True)
        work = asyncio.create_task(backfiller.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work
    progress = backfiller.progress
    click.echo(_told(progress), err=True)
    if not progress.is_finished:
        click.echo("not finished: the same command goes on", err=True)
    return 1 if progress.failed and not progress.articles and progress.is_finished else 0


def _told(progress: BackfillProgress) -> str:
    left = f", {len(progress.pending)} to go" if progress.pending else ""
    failed = f", {progress.failed} could not be read" if progress.failed else ""
    out = f"; {progress.left_out} entries left out" if progress.left_out else ""
    return f"{progress.articles} articles from {progress.documents} documents{failed}{left}{out}"


@asynccontextmanager
async def _embedded(settings: Settings, definitions: Definitions) -> AsyncIterator[_Place]:
    import msgspec

    from agent.runtime import embedded_agent

    quiet = msgspec.structs.replace(settings, metrics=msgspec.structs.replace(settings.metrics, port=None))
    async with embedded_agent(quiet, definitions, []) as agent:

        async def is_stored(article_id: str) -> bool:
            return await agent.store.get(article_id) is not None

        yield _Place(agent.sink, agent.metrics, agent.states, is_stored)


@asynccontextmanager
async def _kafka(settings: Settings) -> AsyncIterator[_Place]:
    import asyncio

    from agent import __version__
    from agent.collect.kafka_state import read_states
    from agent.kafka_clients import client_options
    from agent.publish import KafkaSink, check_crc32c
    from streams.metrics import Metrics

    client_options(settings.kafka)
    check_crc32c()
    metrics = Metrics(version=__version__)

    async def is_stored(_: str) -> bool:
        return False  # what is written again there has the same id and is no second article

    sink = KafkaSink(settings.kafka, metrics)
    try:
        states = await asyncio.to_thread(read_states, settings.kafka)
        yield _Place(sink, metrics, states, is_stored)
    finally:
        await sink.close()


@asynccontextmanager
async def _bar(console: object) -> AsyncIterator[Callable[[BackfillProgress, str], None]]:
    """Give a function that shows progress: a bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from agent.render import printable

    if not isinstance(console, Console) or not console.is_terminal:
        yield lambda *_: None
        return
    columns: Sequence[object] = (
        TextColumn("{task.fields[articles]} articles"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:  # type: ignore[arg-type]
        task = bar.add_task("", total=None, articles=0)

        def show(progress: BackfillProgress, url: str) -> None:
            total = progress.documents + len(progress.pending)
            bar.update(
                task,
                total=total,
                completed=progress.documents,
                articles=progress.articles,
                description=printable(url)[:80],
            )

        yield show
