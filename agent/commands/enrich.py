"""`rasad enrich`: the whole pipeline on JSON lines."""

from __future__ import annotations

import sys
from typing import IO

import click


@click.command(epilog="Example: rasad enrich < articles.jsonl > enriched.jsonl")
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped one)."
)
@click.option("--strict", is_flag=True, help="Exit with 1 when any line could not be processed.")
def command(file: IO[bytes], folder: str | None, strict: bool) -> int:
    """Run the whole pipeline on JSON lines, from FILE or standard input.

    Each line is one article: `id` or `url`, `title`, `text` (or `body`), and optionally `source`, `published` (or
    `published_at`: a date in any shape, or a Unix time) and `lang`. Other fields are kept under `extra`, as is `id`. A
    line that cannot be processed is reported with its number on standard error, and the rest goes on.
    """
    from agent.definitions import load_all
    from agent.pipe import BadLine, read_articles
    from streams import codec
    from streams.pipeline import Pipeline, settle, utc_now

    _, definitions = load_all(folder)
    pipeline = Pipeline(definitions)
    settle()
    out = sys.stdout.buffer
    done = failed = 0
    for number, item in read_articles(file, utc_now):
        if isinstance(item, BadLine):
            failed += 1
            click.echo(f"rasad enrich: {item}", err=True)
            continue
        result = pipeline.process(item)
        if isinstance(result, tuple):
            failed += 1
            click.echo(f"rasad enrich: line {number}: {result[0].stage}: {result[0].detail}", err=True)
            continue
        out.write(codec.encode(result) + b"\n")
        out.flush()
        done += 1
    if failed:
        click.echo(f"rasad enrich: {done} articles done, {failed} lines failed", err=True)
    return 1 if failed and strict else 0
