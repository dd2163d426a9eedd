"""`rasad lang`: the language of each line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO

import click

_LONGEST_LINE_BYTES = 1 << 20
"""What goes beyond it says nothing more about the language, and would have to be held in memory."""


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of `file` as they come, too long ones cut."""
    # readline, not iteration: that would wait for a full buffer of a live pipe
    for line in iter(lambda: file.readline(_LONGEST_LINE_BYTES), b""):
        rest = line
        while len(rest) == _LONGEST_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST_LINE_BYTES)
        yield line


@click.command(epilog="Example: printf 'Guten Morgen, Welt\\n' | rasad lang   (prints: de 0.85)")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--json", "as_json", is_flag=True, help='Print {"language": "fa", "score": 0.98} for each line.')
@click.option(
    "--declared", metavar="CODE", help="What the source claims; tips the scales for short or ambiguous lines."
)
def command(file: IO[bytes], as_json: bool, declared: str | None) -> int:
    """Say the language of each line of FILE (or standard input): one answer for one line, as the lines come.

    The answer is a BCP 47 code and how sure it is, from 0 to 1; `und` where it cannot be known. A line that is not
    UTF-8 is read as far as it is.
    """
    from streams.text.language import default_identifier

    identify = default_identifier().identify
    out = sys.stdout
    is_live = not file.seekable()
    for line in _lines(file):
        code, score = identify(line.rstrip(b"\r\n").decode("utf-8", "replace").lstrip("\ufeff"), declared=declared)
        out.write(f'{{"language": "{code}", "score": {score}}}\n' if as_json else f"{code} {score:.2f}\n")
        if is_live:
            out.flush()
    return 0
