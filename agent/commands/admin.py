"""`rasad admin`: what is done once to Kafka and Elasticsearch, and what is done to them now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from agent.errors import ServiceUnavailable

if TYPE_CHECKING:
    from agent.admin import ChannelReport, Difference

T = TypeVar("T")
_CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped)."
)


@click.group("admin")
def command() -> None:
    """Make the channels and index templates, and remove old indices."""


@command.command(epilog="Example: rasad admin init --wait 120")
@_CONFIG
@click.option("--mend", is_flag=True, help="Change settings of existing channels to what they should be.")
@click.option("--channels-only", is_flag=True, help="Leave Elasticsearch alone.")
@click.option(
    "--wait", "wait_seconds", type=click.FloatRange(0, 3600), default=0.0, help="Seconds to wait for services."
)
def init(folder: str | None, mend: bool, channels_only: bool, wait_seconds: float) -> int:
    """Create the Kafka channels and the Elasticsearch index template. May be repeated.

    Channels that exist are compared with what they should be, and differences are reported; nothing about them is
    changed without --mend, and never the number of partitions: a key would then move to another one.
    """
    from agent.admin import make_channels
    from agent.admin_index import install_templates
    from agent.definitions import load_settings_only

    settings = load_settings_only(folder)
    reports = _patiently(lambda: make_channels(settings.kafka, mend=mend), wait_seconds)
    for report in reports:
        click.echo(f"channel {report.name}: {report.outcome}")
        for difference in report.differences:
            mended = report.outcome == "mended" or (mend and difference.can_be_mended)
            click.echo(f"  {difference}" + ("" if mended else _advice(report, difference)))
    if not channels_only:
        for line in _patiently(lambda: install_templates(settings), wait_seconds):
            click.echo(line)
    return 0


@command.command(epilog="Example: rasad admin retain")
@_CONFIG
def retain(folder: str | None) -> int:
    """Remove what is older than the configuration keeps.

    In Elasticsearch monthly indices older than elasticsearch.retain_months, with their stories and trends; in both
    stores alerts older than alerts.retain_days, which the running agent removes by itself as well.
    """
    from agent.admin_index import retain as remove_old
    from agent.alerts.keeping import remove_old as remove_old_alerts
    from agent.definitions import load_settings_only

    settings = load_settings_only(folder)
    if settings.alerts.retain_days is None:
        click.echo("alerts.retain_days is not set: every alert is kept")
    else:
        count = remove_old_alerts(settings)
        click.echo(f"removed {count} alerts older than {settings.alerts.retain_days} days")
    if settings.store.kind == "sqlite":
        return 0
    if settings.elasticsearch.retain_months is None:
        click.echo("elasticsearch.retain_months is not set: every month is kept")
        return 0
    removed = remove_old(settings)
    for name in removed:
        click.echo(f"removed {name}")
    if not removed:
        click.echo(f"no index is older than {settings.elasticsearch.retain_months} months")
    return 0


@command.command(epilog="Example: RASAD_KIBANA__API_KEY_FILE=/run/secrets/kibana rasad admin kibana")
@_CONFIG
@click.option(
    "--write", "folder_to_write", metavar="FOLDER", help="Write the files to FOLDER, for Kibana's own import page."
)
@click.option("--wait", "wait_seconds", type=click.FloatRange(0, 3600), default=0.0, help="Seconds to wait for Kibana.")
def kibana(folder: str | None, folder_to_write: str | None, wait_seconds: float) -> int:
    """Import the data view, a saved search for each topic, and the dashboards into Kibana 9. May be repeated.

    Objects of the same id, those of an earlier import, are replaced; what you made yourself is left alone. Exits with
    1 when Kibana took only a part.
    """
    from pathlib import Path

    from agent.config_files import Faults
    from agent.kibana.files import contents, topics_of
    from agent.kibana.importing import import_objects
    from agent.settings import config_folder, load_settings

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    topics = topics_of(path, faults)
    faults.check()
    files = contents(settings.elasticsearch.index_prefix, topics)
    if folder_to_write is not None:
        Path(folder_to_write).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (Path(folder_to_write) / name).write_text(text, encoding="utf-8")
            click.echo(f"written: {Path(folder_to_write) / name}")
        return 0
    failed = 0
    for name, text in files.items():
        done = _patiently(lambda name=name, text=text: import_objects(settings.kibana, name, text), wait_seconds)  # type: ignore[misc]
        click.echo(f"{name}: {done.imported} objects imported")
        for line in done.faults:
            click.echo(f"  {line}", err=True)
        failed += len(done.faults)
    return 1 if failed else 0


def _advice(report: ChannelReport, difference: Difference) -> str:
    if difference.can_be_mended:
        return ": `rasad admin init --mend` changes it"
    if report.holds_state:
        return ": leave it so; what it holds is found again by its partition"
    return ": works as it is; to change it, let the workers finish, remove the channel and run this again"


def _patiently(action: Callable[[], T], wait_seconds: float) -> T:
    # A stack that has just been started: the containers are up before the services in them are.
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return action()
        except ServiceUnavailable as error:
            if time.monotonic() >= deadline:
                raise
            click.echo(f"waiting: {error}", err=True)
            time.sleep(1.0)
