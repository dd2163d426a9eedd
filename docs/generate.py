"""Write `docs/reference/` from the code, so that what is documented is what there is.

python -m docs.generate            write the pages
python -m docs.generate --check    exit with 1 when a page is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from agent import cli
from agent.settings import Settings
from streams.channels import CHANNELS
from streams.metrics import Metrics

FOLDER = Path(__file__).parent / "reference"
HEADER = "<!-- Written by `make docs` from the code: change the code, not this page. -->\n\n"


def settings_page() -> str:
    """Every option with its default and meaning."""
    lines = [
        "# Settings", "", "In `config/rasad.yaml` as `section: {option: value}`, or by the environment as `RASAD_<SECTION>__<OPTION>`.",
        "A secret can stand in a file that `RASAD_<SECTION>__<OPTION>_FILE` names.", "",
    ]  # fmt: skip
    defaults = Settings()
    for section in msgspec.structs.fields(Settings):
        lines += [f"## {section.name}", "", "| option | default | meaning |", "|---|---|---|"]
        values = getattr(defaults, section.name)
        for field in msgspec.structs.fields(type(values)):
            meaning, secret = _meaning(field.type)
            default = "" if secret else f"`{_shown(getattr(values, field.name))}`"
            lines.append(f"| `{field.name}` | {default} | {meaning}{' (secret)' if secret else ''} |")
        lines.append("")
    return "\n".join(lines)


def _meaning(kind: Any) -> tuple[str, bool]:
    meaning, secret = [], False
    for meta in _metas(kind):
        if meta.description:
            meaning.append(meta.description)
        secret = secret or bool((meta.extra or {}).get("secret"))
    for name in ("Literal",):
        if name in str(kind):
            choices = [str(choice) for choice in _literal_choices(kind)]
            meaning.append("one of " + ", ".join(f"`{choice}`" for choice in choices))
    return "; ".join(meaning).replace("|", "\\|"), secret


def _metas(kind: Any) -> Iterator[msgspec.Meta]:
    yield from (meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, msgspec.Meta))
    if hasattr(kind, "__metadata__"):
        yield from _metas(kind.__origin__)


def _literal_choices(kind: Any) -> tuple[Any, ...]:
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    return tuple(getattr(kind, "__args__", ()))


def _shown(value: object) -> str:
    if value is None or value == ():
        return "(none)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def metrics_page() -> str:
    """Every metric with its labels and help."""
    lines = ["# Metrics", "", "Label values are bounded; what is not in a closed list is counted as `other`.", "",
             "| metric | type | labels | help |", "|---|---|---|---|"]  # fmt: skip
    metrics = Metrics()
    for collector in vars(metrics).values():
        if not hasattr(collector, "_labelnames"):
            continue
        family = next(iter(collector.describe()))
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in collector._labelnames)
        lines.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join([*lines, ""])


def channels_page() -> str:
    """Every Kafka channel."""
    lines = ["# Channels", "", "Kafka topics, made by `rasad admin init`; each name is preceded by `kafka.channel_prefix`.", "",
             "| channel | carries | cleanup | partitions |", "|---|---|---|---|"]  # fmt: skip
    for channel in CHANNELS:
        keeps = f"{channel.retention_hours} h" if channel.retention_hours else "for ever"
        cleanup = "compacted" if channel.compacted else f"deleted after {keeps}"
        partitions = "1" if channel.single_partition else "`kafka.partitions`"
        lines.append(f"| `{channel.name}` | {channel.help} | {cleanup} | {partitions} |")
    return "\n".join([*lines, ""])


def commands_page() -> str:
    """The help of every command."""
    lines = ["# Commands", ""]
    for path, command in _commands():
        context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
        lines += [f"## {path}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def _commands() -> Iterator[tuple[str, click.Command]]:
    group = cli.main_group
    context = click.Context(group, info_name="rasad")
    yield "rasad", group
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        yield f"rasad {name}", command
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                found = command.get_command(context, child)
                if found is not None:
                    yield f"rasad {name} {child}", found


PAGES = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "channels.md": channels_page,
    "commands.md": commands_page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or only compare them."""
    check = "--check" in arguments
    stale = []
    for name, page in PAGES.items():
        text = HEADER + page().rstrip() + "\n"
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                FOLDER.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if stale and check:
        print(f"docs/reference is stale ({', '.join(stale)}): run `make docs` and commit the result")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
