"""`rasad extract`: what the agent takes from an article page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.feeds.definitions import FeedDefinition
    from agent.pages.reader import Reading
    from agent.pages.records import Page
    from agent.settings import Settings


@click.command(epilog="Example: rasad extract https://agency.example/news/1   (or: rasad extract page.html --json)")
@click.argument("page", metavar="FILE|URL")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--url", metavar="URL", help="Where FILE comes from: for relative links and the rules of its host.")
@click.option(
    "--content-type", default="", metavar="TYPE", help="The Content-Type header that FILE came with, for its charset."
)
@click.option("--source", "source_id", metavar="ID", help="The source it is from (default: by its host).")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
def command(
    page: str, as_json: bool, url: str | None, content_type: str, source_id: str | None, folder: str | None
) -> int:
    """Show what the agent takes from an article page: title, text, dates, authors, canonical URL, language, and what it
    leaves and why.

    FILE is - for standard input. A URL is fetched as the agent would: its robots.txt is obeyed, and no private address
    is asked. Lines that recur over the source's articles are cut as far as this agent's store knows them. Exits with 1,
    and one line that says why, where nothing can be read.
    """
    import asyncio

    from agent.config_files import Faults
    from agent.feeds.load import load_feeds
    from agent.pages.reader import Reading
    from agent.pages.rules import load_page_rules
    from agent.pages.show import as_json as json_line
    from agent.pages.show import as_lines, extracted
    from agent.settings import config_folder, load_settings

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    rules = load_page_rules(path / "pages", faults)
    feeds = load_feeds(path / "feeds", faults)
    faults.check()
    is_url = page.startswith(("http://", "https://"))
    address = page if is_url else url
    source_id = source_id or _source_of(address, feeds)
    reading = Reading(settings.pages, rules)
    if is_url:
        found = asyncio.run(_from_url(page, settings, reading, source_id))
    else:
        found = asyncio.run(_from_file(page, settings, reading, source_id, url, content_type))
    text, recurring = _without_recurring(found.text, settings, source_id)
    shown = extracted(found, recurring, text)
    if as_json:
        sys.stdout.buffer.write(json_line(shown) + b"\n")
        sys.stdout.buffer.flush()
    else:
        for line in as_lines(shown):
            click.echo(line)
    return 0


async def _from_url(url: str, settings: Settings, reading: Reading, source_id: str) -> Page:
    from agent.errors import DataError
    from agent.fetch.fetcher import Fetcher
    from agent.pages.reader import PageReader
    from streams.metrics import Metrics

    async with (
        Fetcher(settings.collect) as fetcher,
        PageReader(fetcher, reading, Metrics(), user_agent=settings.collect.user_agent) as reader,
    ):
        read = await reader.read(url, source_id=source_id, explain=True)
    if read.page is None:
        raise DataError(f"{url}: not read ({read.outcome}): {read.detail}")
    return read.page


async def _from_file(
    file: str, settings: Settings, reading: Reading, source_id: str, url: str | None, content_type: str
) -> Page:
    from agent.errors import DataError
    from agent.fetch.decompress import BodyError, gunzip
    from agent.pages.pool import PagePool

    name = "standard input" if file == "-" else file
    limit = settings.pages.max_page_bytes
    try:
        data = gunzip(_bytes_of(file, limit), limit)
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except BodyError as error:
        raise DataError(f"{name}: is broken gzip ({error})") from error
    if len(data) > limit:
        raise DataError(f"{name}: larger than {limit} bytes (pages.max_page_bytes)")
    hints = reading.rules.hints(source_id=source_id, url=url)
    async with PagePool(settings.pages) as pool:
        reply = await pool.extract(data, url=url, content_type=content_type, hints=hints, explain=True)
    if reply.page is None:
        raise DataError(f"{name}: {reply.detail}")
    return reply.page


def _bytes_of(file: str, limit: int) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(limit + 1)
    with open(file, "rb") as stream:
        return stream.read(limit + 1)


def _source_of(url: str | None, feeds: list[FeedDefinition]) -> str:
    """Return the source whose feeds are on the host of `url`, or on one below or above it; empty for none."""
    from urllib.parse import urlsplit

    host = (urlsplit(url or "").hostname or "").removeprefix("www.")
    for feed in feeds:
        other = feed.host.removeprefix("www.")
        if host and (host == other or host.endswith("." + other) or other.endswith("." + host)):
            return feed.source_id
    return ""


def _without_recurring(text: str, settings: Settings, source_id: str) -> tuple[str, tuple[str, ...]]:
    """Take out the lines that the embedded agent has learned of this source, where there is its store."""
    from pathlib import Path

    from agent.collect.state import decode_states
    from agent.pages.recurring import Recurring, without_recurring
    from streams.stores.base import StoreError

    if not source_id or not Path(settings.store.path).is_file():
        return text, ()
    from streams.stores.sqlite import SqliteStore

    try:
        store = SqliteStore(settings.store.path, read_only=True)
        try:
            states = decode_states(store.feed_states())
        finally:
            store.close_now()
    except StoreError as error:
        click.echo(f"rasad: recurring lines are not known: {error}", err=True)
        return text, ()
    known = [Recurring.of(s.recurring, s.recurring_articles) for s in states.values() if s.source_id == source_id]
    return without_recurring(text, [table for table in known if table.articles], settings.pages.boilerplate_articles)
