"""`rasad feeds`: the list of feeds and how they do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from agent.commands.feed_lists import check, discover, refresh

if TYPE_CHECKING:
    from agent.feeds.definitions import FeedDefinition
    from agent.feeds.files import NewFeed
    from agent.feeds.opml import OpmlFeed
    from agent.settings import Settings

_CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped)."
)
_TO = click.option(
    "--to",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for new sources (default: added.yaml in the feeds folder).",
)


@click.group("feeds", epilog="Example: rasad feeds test https://agency.example/rss   (then: rasad feeds add …)")
def command() -> None:
    """Find, list, add, test, check, import and export feeds."""


@command.command("list", epilog="Example: rasad feeds list --health")
@_CONFIG
@click.option(
    "--on",
    "kind",
    type=click.Choice(["kafka", "sqlite", "config"]),
    help="Where to read how they do (default: kafka where store.kind is elasticsearch, else sqlite; config: nowhere).",
)
@click.option("--failing", is_flag=True, help="Only feeds whose last poll failed, or whose entries have faults.")
@click.option("--health", is_flag=True, help="How feeds do: failing, stale, late, no feed, duplicates; with advice.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(folder: str | None, kind: str | None, failing: bool, health: bool, as_json: bool) -> int:
    """Show every feed: its last outcome, faults of its entries by cause, and when it is polled next."""
    from agent.feed_check.known_states import known_states
    from agent.feed_check.report import feed_rows, print_health, print_rows, rows_as_json

    settings, feeds = _load(folder)
    rows = feed_rows(feeds, known_states(settings, kind))
    if failing:
        rows = [row for row in rows if row.is_failing or row.entry_faults or (health and row.health.problems)]
    if as_json:
        for line in rows_as_json(rows):
            sys.stdout.buffer.write(line + b"\n")
    elif health:
        print_health(rows)
    else:
        print_rows(rows)
    return 0


@command.command("test", epilog="Example: rasad feeds test https://agency.example/rss.xml")
@click.argument("url", metavar="URL")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
def test(url: str, folder: str | None, as_json: bool) -> int:
    """Fetch and parse the feed at URL as the collector would, and report all that it sees and would do.

    Addresses and redirects, headers that matter, encoding, format, entries with their dates, languages and fates,
    robots.txt for the article pages, and when it would be polled next, and why. Stores nothing. URL may also be the id
    of a configured feed. Exits with 1 where the feed cannot be used.
    """
    import asyncio

    from agent.config_files import Faults
    from agent.errors import UsageError
    from agent.feed_check.tryout import try_feed
    from agent.feed_check.tryout_view import print_report, report_as_json
    from agent.feeds.definitions import FeedDefinition, url_fault
    from agent.pages.reader import Reading
    from agent.pages.rules import load_page_rules
    from agent.settings import config_folder

    settings, feeds = _load(folder)
    faults = Faults()
    rules = load_page_rules(config_folder(folder) / "pages", faults)
    faults.check()
    feed = next((feed for feed in feeds if url in {feed.url, feed.id}), None)
    if feed is None:
        if wrong := url_fault(url):
            raise UsageError(wrong)
        feed = FeedDefinition(url=url, source_id="test", name=url)
    reading = Reading(settings.pages, rules) if settings.pages.read != "never" else None
    report = asyncio.run(try_feed(feed, settings.collect, reading))
    if as_json:
        sys.stdout.buffer.write(report_as_json(report) + b"\n")
    else:
        print_report(report)
    return 0 if report.is_usable else 1


@command.command("add", epilog="Example: rasad feeds add https://agency.example/rss.xml")
@click.argument("url", metavar="URL")
@_CONFIG
@_TO
@click.option("--source", "source_id", metavar="ID", help="Source it belongs to (default: made from the host).")
@click.option("--name", help="Name of the source (default: the feed's own title).")
@click.option("--country", metavar="CC", help="Country of the source, two capital letters.")
@click.option("--language", metavar="CODE", help="Language of the feed (default: what it declares).")
@click.option("--ownership", metavar="KIND", default="unknown", help="state, opposition, independent, wire, party …")
@click.option("--tag", "tags", multiple=True, help="A label; may be given several times.")
@click.option("--interval-seconds", type=click.FloatRange(5, 86_400), help="Time between two polls.")
@click.option("--no-check", is_flag=True, help="Do not fetch the feed first.")
def add(url: str, folder: str | None, file: Path | None, no_check: bool, **given: object) -> int:
    """Add the feed at URL to the configuration, after a look at it. Comments in your files are kept."""
    import asyncio

    import msgspec

    from agent.errors import DataError, UsageError
    from agent.feed_check.tryout import try_feed
    from agent.feeds.definitions import FeedDefinition, SourceEntry, source_id_of, url_fault
    from agent.feeds.files import NewFeed, add_feeds
    from agent.settings import config_folder

    if wrong := url_fault(url):
        raise UsageError(wrong)
    settings, feeds = _load(folder)
    source_id = str(given["source_id"] or _known_source(url, feeds) or source_id_of(url))
    title, language = "", given["language"]
    if not no_check:
        report = asyncio.run(try_feed(FeedDefinition(url=url, source_id=source_id, name=url), settings.collect))
        if not report.is_usable:
            raise DataError(f"{url}: {report.outcome}: {report.detail} (add it all the same with --no-check)")
        title, language = report.title, language or report.language
    values = {
        "id": source_id,
        "name": given["name"] or title or source_id,
        "ownership": given["ownership"],
        "country": given["country"],
        "language": language,
        "interval_seconds": given["interval_seconds"],
        "tags": list(given["tags"] if isinstance(given["tags"], tuple) else ()),
    }
    try:
        source = msgspec.convert({key: value for key, value in values.items() if value is not None}, SourceEntry)
    except msgspec.ValidationError as error:
        raise UsageError(f"cannot be added: {error}") from error
    new = NewFeed(
        url=url,
        source_id=source.id,
        name=source.name,
        country=source.country,
        language=source.language,
        ownership=source.ownership,
        tags=source.tags,
        interval_seconds=source.interval_seconds,
    )
    done = add_feeds(config_folder(folder) / "feeds", [new], file=file)
    if done.known:
        click.echo(f"{url} is there already; nothing was changed")
    else:
        click.echo(f"added {url} to source {source_id} in {done.files[0]}")
    return 0


@command.command("import", epilog="Example: rasad feeds import subscriptions.opml")
@click.argument("opml", metavar="OPML_FILE", type=click.File("rb"))
@_CONFIG
@_TO
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
def import_(opml: IO[bytes], folder: str | None, file: Path | None, dry_run: bool) -> int:
    """Add the feeds of an OPML file (- for standard input) to the configuration; its folders become tags."""
    from agent.errors import DataError
    from agent.feeds.files import add_feeds
    from agent.feeds.opml import OpmlError, read_opml
    from agent.settings import config_folder

    _, feeds = _load(folder)
    try:
        found = read_opml(opml.read(50_000_001))
    except OpmlError as error:
        raise DataError(f"{opml.name}: {error}") from error
    for fault in found.faults:
        click.echo(f"rasad: left out: {fault}", err=True)
    new = _new_feeds(found.feeds, feeds)
    if dry_run:
        known = {feed.url for feed in feeds}
        for feed in new:
            click.echo(f"{'known ' if feed.url in known else 'new   '} {feed.source_id}  {feed.url}")
        return 0
    done = add_feeds(config_folder(folder) / "feeds", new, file=file)
    where = f" to {', '.join(map(str, done.files))}" if done.files else ""
    click.echo(f"{len(done.added)} feeds added{where}, {len(done.known)} were there already")
    return 0


@command.command("export", epilog="Example: rasad feeds export > subscriptions.opml")
@click.argument("file", metavar="[FILE]", type=click.Path(dir_okay=False, path_type=Path), required=False)
@_CONFIG
@click.option("--tag", help="Only feeds with this tag.")
def export(file: Path | None, folder: str | None, tag: str | None) -> int:
    """Write the feeds as OPML 2.0 to FILE, or to standard output; tags become folders."""
    from agent.errors import DataError
    from agent.feeds.opml import write_opml

    _, feeds = _load(folder)
    data = write_opml(feed for feed in feeds if tag is None or tag in feed.tags)
    if file is None or str(file) == "-":
        sys.stdout.buffer.write(data)
        return 0
    try:
        file.write_bytes(data)
    except OSError as error:
        raise DataError(f"{file}: cannot be written: {error.strerror}") from error
    return 0


for _more in (discover, check, refresh):
    command.add_command(_more)


def _load(folder: str | None) -> tuple[Settings, list[FeedDefinition]]:
    from agent.config_files import Faults
    from agent.feeds.load import load_feeds
    from agent.settings import config_folder, load_settings

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    feeds = load_feeds(path / "feeds", faults)
    faults.check()
    return settings, feeds


def _known_source(url: str, feeds: Sequence[FeedDefinition]) -> str | None:
    from agent.feeds.definitions import source_id_of

    host_id = source_id_of(url)
    return next((feed.source_id for feed in feeds if source_id_of(feed.url) == host_id), None)


def _new_feeds(found: Sequence[OpmlFeed], feeds: Sequence[FeedDefinition]) -> list[NewFeed]:
    from agent.feeds.definitions import source_id_of
    from agent.feeds.files import NewFeed

    names = {feed.source_id: feed.name for feed in feeds}
    new = []
    for feed in found:
        source_id = feed.source_id or _known_source(feed.url, feeds) or source_id_of(feed.url)
        name = names.setdefault(source_id, feed.source_name or feed.title or source_id)
        new.append(
            NewFeed(
                url=feed.url,
                source_id=source_id,
                name=name,
                country=feed.country,
                language=feed.language,
                ownership=feed.ownership,
                tags=feed.tags,
                interval_seconds=feed.interval_seconds,
            )
        )
    return new
