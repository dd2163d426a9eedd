"""The `rasad` command: a table of commands, each a module in `agent/commands/` that is imported only when it is called.

`rasad --help` must answer in under 0.3 s, so this module imports click and nothing else of weight, and the one-line
help stands
in the table rather than in the modules.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from typing import Any

import click

from agent import __version__
from agent.errors import RasadError

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module in agent.commands, one-line help)
    "run": ("run", "Run the whole agent in this process, on one SQLite file."),
    "demo": ("demo", "See it work: a local world of invented outlets, no internet needed."),
    "search": ("search", "Search the stored articles with the query language."),
    "tail": ("tail", "Show articles as they are indexed."),
    "show": ("show", "Show one stored article in full."),
    "web": ("web", "Serve the web page on what the store holds."),
    "stories": ("stories", "List stories: articles of one event, in any language."),
    "story": ("stories", "Show one story: timeline, headlines, who has it from whom, framing."),
    "feeds": ("feeds", "List, add, test, import and export feeds."),
    "topics": ("topics", "List, test and explain topics."),
    "entities": ("entities", "List entities and explain which spellings match."),
    "trends": ("trends", "Show what is written about more, or less, than usual, and new words."),
    "alerts": ("alerts", "List, show, acknowledge and mute alerts; try a rule on what is stored."),
    "check": ("check", "Check the configuration and run every example in it."),
    "parse": ("parse", "Print the entries of a feed file as JSON lines."),
    "extract": ("extract", "Show what the agent takes from an article page."),
    "enrich": ("enrich", "Run the pipeline on JSON lines from standard input."),
    "lang": ("lang", "Say the language of each line."),
    "match": ("match", "Print the articles that match a query, like grep."),
    "collect": ("collect", "Poll feeds and publish their articles to Kafka."),
    "backfill": ("backfill", "Look back: fetch what a source published before it was watched."),
    "replay": ("replay", "Run stored articles through changed topics or rules."),
    "worker": ("worker", "Process articles from Kafka into Elasticsearch."),
    "deliver": ("deliver", "Deliver alerts from Kafka to their destinations."),
    "admin": ("admin", "Create channels and index templates, remove old indices."),
    "quarantine": ("quarantine", "List, show, retry and drop what could not be processed."),
    "doctor": ("doctor", "Check this installation and say what to do next."),
}
# Commands that are also reachable as a command of the same module under another attribute.
ATTRIBUTES = {"show": "show", "story": "story"}
MODULES = {"show": "search"}


class LazyGroup(click.Group):
    """A click group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"agent.commands.{MODULES.get(cmd_name, COMMANDS[cmd_name][0])}")
        command: click.Command = getattr(module, ATTRIBUTES.get(cmd_name, "command"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if near:
                error.message += f" Did you mean '{near[0]}'?"
            raise


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Example: rasad demo   (then: rasad search 'تطبيع AND تركيا' --since 2d)",
)
@click.version_option(__version__, prog_name="rasad")
def main_group() -> None:
    """Rasad (رصد): watch news feeds in any script; know what is new, what it is about, and why."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; turns every error of ours into one clear message and an exit code."""
    _open_streams()
    _utf8_streams()
    # Definitions are large and stay, and a stream makes records that die at once without cycles: at Python's 700 the
    # collector takes more than half of the time in which definitions are read.
    gc.set_threshold(50_000, 20, 20)
    try:
        result: Any = main_group.main(args=arguments, prog_name="rasad", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except RasadError as error:
        click.echo(f"rasad: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # `rasad … | head` is no fault; stop without Python's complaint when it flushes stdout at exit.
        sys.stdout = None
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        # What a command expects to go wrong it says itself; this is the disk that is full, the terminal that is gone.
        _complain(f"rasad: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        sys.stdout = None
        sys.exit(1)
    try:
        sys.stdout.flush()
    except OSError as error:
        _complain(f"rasad: standard output: {error.strerror or error}")
        sys.stdout = None
        sys.exit(141 if isinstance(error, BrokenPipeError) else 1)
    sys.exit(result if isinstance(result, int) else 0)


def _complain(message: str) -> None:
    with contextlib.suppress(OSError):
        click.echo(message, err=True)


def _open_streams() -> None:
    """Open what the caller has closed (`<&-`, `>&-`), so that no file or socket gets its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            # Files get the lowest free number, which is this one; and a command may end without closing it.
            stream = open(os.devnull, mode, encoding="utf-8")
            if stream.fileno() == number:
                os.set_inheritable(number, True)
            setattr(sys, name, stream)


def _utf8_streams() -> None:
    # A service or a cron job often runs with LANG=C; Arabic must come out right there too.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower().replace("-", "") != "utf8":
            reconfigure(encoding="utf-8", errors="backslashreplace")
