"""`rasad quarantine`: what could not be processed, why, and what to do with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from agent.errors import DataError, UsageError

if TYPE_CHECKING:
    from streams.model import QuarantineRecord
    from streams.quarantine import QuarantineBox, Quarantined

_SHOWN_BYTES = 4000
_CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped)."
)
_STAGE = click.option("--stage", help="Only what this stage rejected.")
_REASON = click.option("--reason", help="Only what was rejected for this reason.")
_KIND = click.option(
    "--on",
    "kind",
    type=click.Choice(["kafka", "sqlite"]),
    help="Where to look (default: kafka where store.kind is elasticsearch, else sqlite).",
)


@click.group(
    "quarantine", epilog="Example: rasad quarantine list --stage enrich   (then: rasad quarantine retry --all)"
)
def command() -> None:
    """List, show, retry and drop what could not be processed."""


@command.command("list", epilog="Example: rasad quarantine list")
@_CONFIG
@_KIND
@_STAGE
@_REASON
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(folder: str | None, kind: str | None, stage: str | None, reason: str | None, as_json: bool) -> int:
    """Show what is waiting in quarantine, oldest first."""
    with _opened(folder, kind) as box:
        # Without the payloads, which may be megabytes each.
        rows = sorted(
            (_row(item) for item in _selected(box, stage, reason)), key=lambda row: str(row["quarantined_at"])
        )
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return 0
    for row in rows:
        click.echo(
            f"{row['id']}  {str(row['quarantined_at'])[:19]}  {row['stage']}/{row['channel']}  {row['reason']}"
            f"  {row['bytes']} bytes  attempt {row['attempts']}  {_plain(str(row['detail']), 160)}"
        )
    click.echo("nothing is in quarantine" if not rows else f"{len(rows)} in quarantine", err=True)
    return 0


@command.command(epilog="Example: rasad quarantine show ID")
@click.argument("record_id", metavar="ID")
@_CONFIG
@_KIND
@click.option("--raw", is_flag=True, help="Write the original bytes, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="The whole record as JSON, its bytes in base64.")
def show(record_id: str, folder: str | None, kind: str | None, raw: bool, as_json: bool) -> int:
    """Show one record in full. ID may be cut short."""
    from streams import codec

    with _opened(folder, kind) as box:
        [item] = _by_id(box, [record_id])
    if raw:
        sys.stdout.buffer.write(item.record.payload)
        sys.stdout.buffer.flush()
        return 0
    if as_json:
        click.echo(json.dumps({"id": item.id, **codec.to_builtins(item.record)}, ensure_ascii=False))
        return 0
    for name, value in _row(item).items():
        click.echo(f"{name + ':':16}{_plain(str(value), 2000)}")
    click.echo(f"{'key:':16}{_bytes(item.record.key or b'')}")
    click.echo()
    click.echo(_bytes(item.record.payload))
    return 0


def _takes_records(function: Callable[..., int]) -> Callable[..., int]:
    """Let a command take ids of records, or say which ones instead."""
    options = (_CONFIG, _KIND, _STAGE, _REASON, click.option("--all", "everything", is_flag=True, help="All of them."))
    for option in reversed(options):
        function = option(function)
    return click.argument("record_ids", metavar="[ID]...", nargs=-1)(function)


@command.command(epilog="Example: rasad quarantine retry ID")
@_takes_records
def retry(**chosen: Any) -> int:
    """Run records again, after what was wrong has been mended. What fails again comes back."""
    return _each("sent again", lambda box, item: box.retry(item), **chosen)


@command.command(epilog="Example: rasad quarantine drop ID")
@_takes_records
def drop(**chosen: Any) -> int:
    """Remove records for good."""
    return _each("dropped", lambda box, item: box.drop(item), **chosen)


def _each(
    done: str,
    action: Callable[[QuarantineBox, Quarantined], None],
    *,
    record_ids: tuple[str, ...],
    everything: bool,
    folder: str | None,
    kind: str | None,
    stage: str | None,
    reason: str | None,
) -> int:
    from streams.quarantine import NotRetryable

    everything = everything or stage is not None or reason is not None
    if everything == bool(record_ids):
        raise UsageError("give the ids of records, or else --all, --stage or --reason (see `rasad quarantine list`)")
    count = failed = 0
    with _opened(folder, kind) as box:
        items: Iterable[Quarantined] = _selected(box, stage, reason) if everything else _by_id(box, record_ids)
        for item in items:
            try:
                action(box, item)
            except NotRetryable as error:
                failed += 1
                click.echo(f"rasad quarantine: {item.id}: {error}", err=True)
            else:
                count += 1
    click.echo(f"{count} {done}" + (f", {failed} left where they were" if failed else ""))
    return 1 if failed else 0


@contextmanager
def _opened(folder: str | None, kind: str | None) -> Iterator[QuarantineBox]:
    import msgspec

    from agent.definitions import load_all, load_settings_only
    from agent.open_store import user_error
    from agent.quarantine import open_quarantine
    from streams.quarantine import QuarantineError
    from streams.stores.base import StoreError

    settings = load_settings_only(folder)
    if kind is not None:
        named: Any = "elasticsearch" if kind == "kafka" else "sqlite"
        settings = msgspec.structs.replace(settings, store=msgspec.structs.replace(settings.store, kind=named))

    def pipeline() -> Any:
        from streams.pipeline import Pipeline

        return Pipeline(load_all(folder)[1])

    box = open_quarantine(settings, pipeline)
    try:
        yield box
    except QuarantineError as error:
        raise DataError(str(error)) from error
    except StoreError as error:
        raise user_error(error) from error
    finally:
        box.close()


def _selected(box: QuarantineBox, stage: str | None, reason: str | None) -> Iterator[Quarantined]:
    for item in box.pending():
        if stage in (None, item.record.stage) and reason in (None, item.record.reason):
            yield item


def _by_id(box: QuarantineBox, wanted: Iterable[str]) -> list[Quarantined]:
    wanted = list(dict.fromkeys(wanted))
    found: dict[str, list[Quarantined]] = {name: [] for name in wanted}
    for item in box.pending():
        for name in wanted:
            if item.id == name:
                found[name] = [item]
            elif item.id.startswith(name) and not any(other.id == name for other in found[name]):
                found[name].append(item)
    for name, items in found.items():
        if not items:
            raise DataError(f"nothing in quarantine has the id {name}: see `rasad quarantine list`")
        if len(items) > 1:
            raise UsageError(f"{len(items)} records in quarantine begin with {name}: write more of the id")
    return [items[0] for items in found.values()]


def _row(item: Quarantined) -> dict[str, object]:
    record: QuarantineRecord = item.record
    return {
        "id": item.id,
        "quarantined_at": record.quarantined_at.isoformat(),
        "stage": record.stage,
        "channel": record.channel,
        "position": record.position,
        "reason": record.reason,
        "attempts": record.attempts,
        "bytes": len(record.payload),
        "detail": record.detail,
    }


def _plain(text: str, length: int) -> str:
    # What is in quarantine is hostile until shown otherwise: nothing of it may steer a terminal.
    cut = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def _bytes(payload: bytes) -> str:
    shown = payload[:_SHOWN_BYTES]
    try:
        text = "\n".join(_plain(line, _SHOWN_BYTES) for line in shown.decode("utf-8").splitlines())
    except UnicodeDecodeError as error:
        # Cut within a letter is still text.
        text = shown[: error.start].decode("utf-8") if error.start >= len(shown) - 3 and shown else repr(shown)
    rest = len(payload) - len(shown)
    return text + (f"\n… and {rest} bytes more: --raw writes them all" if rest else "")
