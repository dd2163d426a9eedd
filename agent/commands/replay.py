"""`rasad replay`: run stored articles through changed topics or rules."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from agent.alerts.load import AlertConfig
    from agent.replay import Progress
    from agent.settings import Settings
    from streams.definitions import Definitions


@click.command(epilog="Example: rasad replay --from 30d --to now")
@click.option("--from", "since", metavar="TIME", required=True, help="Not before: 6h, 30d (ago), or a time (UTC).")
@click.option("--to", "until", metavar="TIME", help="Not after; default: now.")
@click.option(
    "--stage",
    type=click.Choice(["enrich", "story", "alert"]),
    default="enrich",
    show_default=True,
    help="Which stage runs again. enrich: labels are made anew. story: places among the stories are, of what is older "
    "than the live stories. alert: only the rules look again (with --alert).",
)
@click.option("--alert", "alerts", is_flag=True, help="Let the rules alert on what they match now; else all is silent.")
@click.option("--restart", is_flag=True, help="Begin anew, instead of where a replay of this range was left.")
@click.option(
    "--rest", type=click.FloatRange(0, 100), default=1.0, show_default=True,
    help="Pause after each batch, as a multiple of what it took: the live stream has the rest.",
)  # fmt: skip
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
def command(
    since: str, until: str | None, stage: str, alerts: bool, restart: bool, rest: float, folder: str | None
) -> int:
    """Run stored articles of a range of time (of publication) through the stages again.

    The documents keep their ids and revisions, and but for --stage story their stories; their labels are those of
    today's configuration. May be run
    beside the agent, at the lowest priority. Stopped or killed, the same command goes on where it was.
    """
    from agent.definitions import load_with_alerts
    from agent.moments import parse_moment
    from agent.replay import Progress, load, state_path, whole_seconds
    from agent.replay_stories import live_begins

    if stage == "alert" and not alerts:
        raise UsageError("--stage alert without --alert would change nothing: add --alert, or see `rasad alerts test`")
    now = datetime.now(UTC)
    try:
        start = whole_seconds(parse_moment(since, now))
        end = whole_seconds(parse_moment(until, now, is_end=True) if until and until != "now" else now)
    except ValueError as error:
        raise UsageError(f"--from, --to: {error}") from error
    if start >= end:
        raise UsageError("--from must lie before --to")
    if stage == "story" and end > (latest := whole_seconds(live_begins(now))):
        if until is not None:
            raise UsageError(
                f"the stories since {latest:%Y-%m-%d %H:%M} are still those of the running agent: end before that, "
                "or leave out --to"
            )
        if start >= latest:
            raise UsageError(f"--stage story is for what was published before {latest:%Y-%m-%d %H:%M}")
        end = latest
    settings, definitions, config = load_with_alerts(folder)
    # By what was typed: `30d` is another moment each time, and the replay that was left is the same.
    path = state_path(_state_folder(settings), settings.store.kind, since, until or "now", stage, str(alerts))
    left = None if restart else load(path)
    progress = left or Progress(since=start, until=end, stage=stage, alerts=alerts, done_until=start)
    if left is not None:
        click.echo(f"going on at {left.done_until:%Y-%m-%d %H:%M} UTC, {left.articles} articles done", err=True)
    made, alerted = asyncio.run(_run(settings, definitions, config, progress, path, rest))
    how = "placed" if stage == "story" else "labelled"
    click.echo(f"{made.articles} articles run again: {made.changed} are {how} otherwise, {made.failed} failed")
    if alerted is not None:
        click.echo(f"{alerted} alerts")
    return 1 if made.failed else 0


async def _run(
    settings: Settings, definitions: Definitions, config: AlertConfig, progress: Progress, path: Path, rest: float
) -> tuple[Progress, int | None]:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from agent.alerts.kafka_journal import Producing
    from agent.alerts.replaying import ChannelTarget, EmbeddedTarget
    from agent.kafka_clients import Probe
    from agent.open_store import open_store, user_error
    from agent.replay import LiveLag, Replay, StoreTarget, Target, lower_priority
    from agent.replay_stories import StoryReplay
    from streams.pipeline import Pipeline
    from streams.stores.base import StoreError
    from streams.stores.sqlite import SqliteStore

    lower_priority()
    store = open_store(settings)
    producing, probe = Producing(settings.kafka), Probe(settings.kafka)
    group = settings.worker.consumer_group
    live_waits = LiveLag(lambda stage, channels: probe.lag(f"{group}.{stage}", channels))
    target: Target = StoreTarget(store)
    if progress.alerts:
        target = EmbeddedTarget(store, config) if isinstance(store, SqliteStore) else ChannelTarget(producing)
    try:
        pipeline = Pipeline(definitions) if progress.stage == "enrich" else None
        with Bar(console=Console(stderr=True), transient=True) as bar:
            total = (progress.until - progress.since).total_seconds()
            task = bar.add_task("replay", total=total)

            def show(now: Progress) -> None:
                done = (now.done_until - now.since).total_seconds()
                bar.update(task, completed=done, description=f"replay {now.articles}")

            options: dict[str, Any] = {} if isinstance(store, SqliteStore) else {"live_waits": live_waits}
            if progress.stage == "story":
                options["stories"] = StoryReplay(store)
            done = await Replay(store, pipeline, target, progress, path, rest=rest, show=show, **options).run()
    except StoreError as error:
        raise user_error(error) from error
    finally:
        await store.close()
        producing.close()
        probe.close()
    return done, target.alerts if isinstance(target, EmbeddedTarget) else None


def _state_folder(settings: Settings) -> Path:
    from pathlib import Path

    return Path(settings.store.path).absolute().parent
