"""`rasad deliver`: brings alerts of the distributed runtime where they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from agent.alerts.load import AlertConfig
    from agent.settings import Settings
    from streams.definitions import Definitions


@click.command(epilog="Example: rasad deliver --metrics-port 9466")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve /metrics on this port; 0 takes a free one.")
@click.option("--no-index", is_flag=True, help="Do not put alerts into the index <prefix>-alerts of Elasticsearch.")
def command(folder: str | None, metrics_port: int | None, no_index: bool) -> int:
    """Deliver alerts from Kafka to their destinations, until SIGTERM or Ctrl-C.

    One process delivers at a time; further ones stand by. A killed one loses nothing: the next goes on, with the same
    idempotency keys. Rules and destinations are read again when their files change, and on SIGHUP.
    """
    import asyncio

    import msgspec

    from agent.definitions import load_with_alerts
    from agent.observe import set_up_logging
    from agent.settings import config_folder

    settings, definitions, alerts = load_with_alerts(folder)
    if metrics_port is not None:
        metrics = msgspec.structs.replace(settings.metrics, port=metrics_port)
        settings = msgspec.structs.replace(settings, metrics=metrics)
    set_up_logging(settings.log)
    asyncio.run(_run(settings, definitions, alerts, config_folder(folder), has_index=not no_index))
    return 0


async def _run(
    settings: Settings, definitions: Definitions, alerts: AlertConfig, folder: Path, *, has_index: bool
) -> None:
    import asyncio
    import contextlib
    import logging
    import signal

    from agent import __version__
    from agent.alerts.distributed import DistributedDeliveries
    from agent.observe import serve
    from agent.reload import Reloader
    from streams.metrics import Metrics

    log = logging.getLogger("rasad.alerts")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics(version=__version__)
    async with contextlib.AsyncExitStack() as running:
        deliveries = await running.enter_async_context(
            DistributedDeliveries(settings, alerts, metrics, has_index=has_index)
        )
        seconds = settings.alerts.watch_seconds
        await running.enter_async_context(
            Reloader(folder, definitions, metrics, watch_seconds=seconds, use_alerts=deliveries.use)
        )
        port = await running.enter_async_context(serve(metrics, settings.metrics, deliveries.reason_not_ready))
        if port is not None:
            log.info("metrics: http://%s:%d/metrics", settings.metrics.host, port)
        log.info("delivering alerts: Kafka at %s", settings.kafka.bootstrap_servers)
        await stop.wait()
    log.info("stopped; what waits is delivered after the next start")
