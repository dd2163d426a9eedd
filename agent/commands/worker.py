"""`rasad worker`: the stages of the distributed runtime, on Kafka and Elasticsearch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from agent.alerts.load import AlertConfig
    from agent.settings import Settings
    from streams.definitions import Definitions

STAGES = ("enrich", "story", "index", "alert")
_LAST_RESORT_SECONDS = 10.0
"""After everything is done: a client's thread that does not end must not keep the process."""


@click.command(epilog="Example: rasad worker --stages enrich,story   (and: rasad worker --stages index,alert)")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option(
    "--stages", "stage_list", default=",".join(STAGES), show_default=True, metavar="LIST", help="Stages to run here."
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve /metrics on this port; 0 takes a free one.")
def command(folder: str | None, stage_list: str, metrics_port: int | None) -> int:
    """Process articles from Kafka into Elasticsearch, until SIGTERM or Ctrl-C.

    Start as many as there is work for: partitions are shared among them. A worker that starts before Kafka, or before
    `rasad admin init` has made the channels, waits and says so. A killed worker loses nothing. Exit code 75 means that
    it was stuck and should be started again.
    """
    import asyncio
    import logging

    import msgspec

    from agent.definitions import load_all, load_with_alerts
    from agent.observe import set_up_logging
    from agent.settings import config_folder
    from streams.faust_app.quiet import SeldomRepeats

    stages = _chosen(stage_list)
    alerts = None
    if "alert" in stages:
        settings, definitions, alerts = load_with_alerts(folder)
    else:
        settings, definitions = load_all(folder)
    if metrics_port is not None:
        metrics = msgspec.structs.replace(settings.metrics, port=metrics_port)
        settings = msgspec.structs.replace(settings, metrics=metrics)
    set_up_logging(settings.log)
    for handler in logging.getLogger().handlers:
        handler.addFilter(SeldomRepeats())
    asyncio.run(_run(settings, definitions, stages, alerts, config_folder(folder)))
    return 0


def _chosen(stage_list: str) -> list[str]:
    names = [name.strip() for name in stage_list.split(",") if name.strip()]
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        found = f"unknown stage {', '.join(map(repr, unknown))}" if unknown else "no stage given"
        raise click.BadParameter(f"{found}: choose from {', '.join(STAGES)}", param_hint="--stages")
    return [name for name in STAGES if name in names]


async def _run(
    settings: Settings, definitions: Definitions, stages: list[str], alerts: AlertConfig | None, folder: Path
) -> None:
    import asyncio
    import contextlib
    import logging
    import os
    import signal
    import threading
    from functools import partial

    from agent import __version__
    from agent.channel_reading import read_state
    from agent.kafka_clients import Probe, kafka_options, worker_options
    from agent.observe import serve
    from agent.open_store import open_archive, open_elasticsearch, user_error
    from agent.quarantine import QuarantineCounter
    from agent.reload import Reloader, enrich_by
    from streams.alerts.stage import AlertStage
    from streams.faust_app.alert_work import AlertWork
    from streams.faust_app.work import IndexWork, StageWork, StoryWork, Work
    from streams.faust_app.worker import StageThread, Worker
    from streams.lineage import houses_of
    from streams.metrics import Metrics
    from streams.pipeline import Pipeline, settle, utc_now
    from streams.stores.base import StoreError

    log = logging.getLogger("rasad.worker")
    stop = asyncio.Event()
    probe = Probe(settings.kafka)

    def end() -> None:
        stop.set()
        probe.give_up()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    metrics = Metrics(topic_ids=[topic.id for topic in definitions.labels], version=__version__)
    kafka, options = kafka_options(settings.kafka), worker_options(settings.kafka, settings.worker)
    async with contextlib.AsyncExitStack() as open_things:
        open_things.callback(probe.close)
        thread = open_things.enter_context(StageThread())
        works: list[Work] = []
        if {"enrich", "story"} & set(stages):
            archive = None
            if "story" in stages:
                try:
                    archive = open_archive(settings)
                except StoreError as error:
                    raise user_error(error) from error
                open_things.callback(archive.close)
            pipeline = Pipeline(definitions, keeps_state=archive is not None, archive=archive)
            if "enrich" in stages:
                works.append(StageWork(pipeline.enrich, thread))
            if "story" in stages:
                state = partial(read_state, settings.kafka)
                works.append(StoryWork(pipeline.story, pipeline.stories, thread, state, metrics, utc_now))
            settle()
        if "index" in stages:
            try:
                store = open_elasticsearch(settings, metrics=metrics, houses=houses_of(definitions.sources))
            except StoreError as error:
                raise user_error(error) from error
            open_things.push_async_callback(store.close)
            works.append(IndexWork(store))
        if alerts is not None:
            stage = AlertStage(alerts.rules)
            works.append(AlertWork(stage, thread, partial(read_state, settings.kafka), metrics, utc_now))
            metrics.alert_rules.set(len(alerts.rules))

        async def use_alerts(config: AlertConfig) -> None:
            stage.rules = config.rules
            metrics.alert_rules.set(len(config.rules))

        async def use_definitions(changed: Definitions) -> None:
            metrics.know_topics(topic.id for topic in changed.labels)
            if "enrich" in stages:
                await enrich_by(pipeline, changed)

        reloader = Reloader(
            folder,
            definitions,
            metrics,
            watch_seconds=settings.alerts.watch_seconds,
            use_alerts=use_alerts if alerts is not None else None,
            use_definitions=use_definitions,
        )
        await open_things.enter_async_context(reloader)
        # One process in the row is enough to know; those that index are few.
        counter = QuarantineCounter(settings.kafka) if "index" in stages else None
        open_things.callback(counter.close if counter else lambda: None)
        worker = Worker(works, kafka, options, metrics, utc_now, probe, counter.count if counter else None)
        port = await open_things.enter_async_context(serve(metrics, settings.metrics, worker.reason_not_ready))
        if port is not None:
            log.info("metrics: http://%s:%d/metrics", settings.metrics.host, port)
        log.info("worker for %s: Kafka at %s", ", ".join(stages), settings.kafka.bootstrap_servers)
        await worker.run(stop)
    log.info("stopped; everything in hand was finished or will be delivered again")
    # aiokafka leaves tasks behind when it is stopped while the brokers are away; that is nobody's concern any more.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    last_resort = threading.Timer(_LAST_RESORT_SECONDS, os._exit, [0])
    last_resort.daemon = True
    last_resort.start()
