"""`rasad feeds discover`, `check` and `refresh`: what looks beyond single feeds. Added to the group in `feeds`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.feed_check.discover import Discovery
    from agent.feed_check.verify import Checked
    from agent.feeds.definitions import FeedDefinition
    from agent.settings import Settings

_CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped)."
)


@click.command("discover", epilog="Example: rasad feeds discover https://agency.example")
@click.argument("url", metavar="URL")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="What was found as one JSON object.")
def discover(url: str, folder: str | None, as_json: bool) -> int:
    """Find the feeds of the site at URL: declared, linked, in robots.txt and sitemaps, at the usual addresses.

    Exits with 1 where none is found. Add one with `rasad feeds add`.
    """
    import asyncio

    import msgspec

    from agent.errors import UsageError
    from agent.feed_check.discover import discover as search
    from agent.feeds.definitions import url_fault

    if "://" not in url:
        url = f"https://{url}"
    if wrong := url_fault(url):
        raise UsageError(wrong)
    settings, _, _ = _load(folder)
    found = asyncio.run(search(url, settings.collect, on_tried=_Progress("addresses tried")))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        _print_discovery(found)
    return 0 if found.feeds else 1


@click.command("check", epilog="Example: rasad feeds check --write")
@click.argument("ids", metavar="[FEED …]", nargs=-1)
@_CONFIG
@click.option("--write", is_flag=True, help="Write `verified` beside each feed in your files.")
@click.option("--patch", "as_patch", is_flag=True, help="Print what --write would change, for `patch -p0`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as they are checked.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=16, show_default=True, help="Feeds at a time.")
def check(
    ids: tuple[str, ...], folder: str | None, write: bool, as_patch: bool, as_json: bool, concurrency: int
) -> int:
    """Poll every feed of the list once, and tell which addresses serve what they should.

    FEED is the id or URL of a feed, or the id of a source; without one all are checked. Nothing is stored. Exits with 0
    where all are well, else with 1.
    """
    import asyncio

    import msgspec

    from agent.errors import UsageError
    from agent.feed_check.verify import as_patch as patch_of
    from agent.feed_check.verify import check_feeds
    from agent.feeds.files import verified_texts, write_texts

    settings, feeds, path = _load(folder)
    chosen = [feed for feed in feeds if not ids or {feed.id, feed.url, feed.source_id} & set(ids)]
    if not chosen:
        raise UsageError(f"no feed is called {' or '.join(ids)}: `rasad feeds list` names them" if ids else "no feeds")
    tell, done = _Progress("feeds checked"), 0

    def on_checked(checked: Checked) -> None:
        nonlocal done
        done += 1
        tell(done, len(chosen))
        if as_json:
            sys.stdout.buffer.write(msgspec.json.encode(checked) + b"\n")
            sys.stdout.buffer.flush()

    results = asyncio.run(check_feeds(chosen, settings.collect, concurrency=concurrency, on_checked=on_checked))
    if not as_json and not as_patch:
        _print_checked(results)
    if write or as_patch:
        texts = verified_texts(path / "feeds", {checked.url: checked.is_verified for checked in results})
        if as_patch:
            click.echo(patch_of(texts), nl=False)
        if write:
            write_texts(texts)
            names = ", ".join(map(str, texts)) or "nothing: all was written down already"
            click.echo(f"rasad: wrote {names}", err=True)
    return 0 if all(checked.is_verified for checked in results) else 1


@click.command("refresh", epilog="Example: rasad feeds refresh")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def refresh(folder: str | None, as_json: bool) -> int:
    """Fetch the OPML lists that sources subscribe to (`opml: URL`), and take over what changed in them.

    `rasad run` and `rasad collect` do so when they start, at most once a day. Exits with 1 where a list could not be
    had; what it held before stays.
    """
    import asyncio

    import msgspec

    from agent.feeds.lists import refresh_lists
    from agent.feeds.load import load_subscriptions

    settings, _, path = _load(folder)
    results = asyncio.run(refresh_lists(load_subscriptions(path / "feeds"), settings.collect))
    for result in results:
        if as_json:
            sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
        else:
            what = f"{result.feeds} feeds, {result.added} new, {result.removed} gone" if result.is_ok else result.detail
            click.echo(f"{result.id}  {result.outcome}  {what}")
    if not results and not as_json:
        click.echo(f"no source in {path / 'feeds'} subscribes to a list: give one `opml: URL`")
    return 0 if all(result.is_ok for result in results) else 1


def _load(folder: str | None) -> tuple[Settings, list[FeedDefinition], Path]:
    from agent.config_files import Faults
    from agent.feeds.load import load_feeds
    from agent.settings import config_folder, load_settings

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    feeds = load_feeds(path / "feeds", faults)
    faults.check()
    return settings, feeds, path


class _Progress:
    """Shows on a terminal, and only there, how many of how many are done."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_shown = sys.stderr.isatty()

    def __call__(self, done: int, of: int) -> None:
        if self._is_shown:
            end = "\r" if done < of else "\r\033[K"
            click.echo(f"{done:,} of {of:,} {self._what}\033[K{end}", err=True, nl=False)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _print_discovery(found: Discovery) -> None:
    for feed in found.feeds:
        newest = f", newest {feed.newest_at:%Y-%m-%d %H:%M}" if feed.newest_at else ""
        text = "with text" if feed.has_text else "headlines only"
        click.echo(feed.url)
        click.echo(f"  {_plain(feed.title) or '(no title)'}")
        click.echo(
            f"  {feed.how}; {feed.format}, {feed.entries} entries, {text}{newest}, {feed.language or 'no language'}"
        )
    if found.detail:
        click.echo(f"rasad: {found.url}: {_plain(found.detail)}", err=True)
    others = ", ".join(f"{name} {number}" for name, number in sorted(found.failures.items()))
    click.echo(f"rasad: {len(found.feeds)} feeds among {found.tried} addresses ({others or 'no failures'})", err=True)


def _print_checked(results: list[Checked]) -> None:
    for checked in results:
        mark = "ok  " if checked.is_verified else "FAIL"
        what = f"{checked.entries} entries" if checked.format else f"{checked.outcome}: {checked.detail}"
        notes = "".join(f"; {note}" for note in checked.notes)
        click.echo(_plain(f"{mark}  {checked.source_id}  {checked.url}  {what}{notes}"))
    good = sum(checked.is_verified for checked in results)
    click.echo(f"\n{good} of {len(results)} feeds are well")
