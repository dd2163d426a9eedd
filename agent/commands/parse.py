"""`rasad parse`: the entries of a feed file as JSON lines."""

from __future__ import annotations

import sys

import click


@click.command(epilog="Example: curl -s https://agency.example/rss | rasad parse - --url https://agency.example/rss")
@click.argument("file", metavar="FEED_FILE")
@click.option("--url", metavar="URL", help="Where the feed comes from; relative links are resolved against it.")
@click.option(
    "--content-type", default="", metavar="TYPE", help="The Content-Type header it came with, for its charset."
)
def command(file: str, url: str | None, content_type: str) -> int:
    """Print the entries of FEED_FILE, or of standard input for -, as JSON lines.

    Reads RSS, RDF, Atom, JSON Feed and sitemaps in any encoding, also gzipped. Each line is one entry as the collector
    would see it; `rasad enrich` reads these lines. Exits with 1, and one line that says why, where the file is no feed.
    """
    import asyncio

    from agent.feed_check.preview import entry_lines, parse_bytes
    from agent.settings import CollectSettings

    settings = CollectSettings()
    data = _read(file, settings.max_feed_bytes)
    parsed = asyncio.run(parse_bytes(data, settings, name=_shown(file), url=url, content_type=content_type))
    if parsed.sitemaps:
        click.echo(f"rasad: {_shown(file)}: is an index: each line is a sitemap, not an article", err=True)
    out = sys.stdout.buffer
    for line in entry_lines(parsed, url, settings):
        out.write(line + b"\n")
    out.flush()
    return 0


def _shown(file: str) -> str:
    return "standard input" if file == "-" else file


def _read(file: str, max_bytes: int) -> bytes:
    from agent.errors import DataError

    try:
        if file == "-":
            data = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with open(file, "rb") as stream:
                data = stream.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"{_shown(file)}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > max_bytes:
        raise DataError(f"{_shown(file)}: larger than {max_bytes} bytes: no feed is that large")
    return data
