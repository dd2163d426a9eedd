"""`rasad collect`: polls feeds and publishes their articles to Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.collect.collector import Collector
    from agent.collect.kafka_state import FeedShare
    from agent.feeds.definitions import FeedDefinition
    from agent.pages.rules import PageRules
    from agent.settings import Settings

ONCE_WAIT_SECONDS = 40.0
"""How long `--once` waits for the group to give it a share; longer than another collector takes to be given up."""
_START_RETRY_SECONDS = 2.0


@click.command(epilog="Example: rasad collect --metrics-port 0   (start as many as you like; they share the feeds)")
@click.option("--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped).")
@click.option("--once", is_flag=True, help="Poll every feed that falls to this collector once, then stop.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve /metrics on this port; 0 takes a free one.")
def command(folder: str | None, once: bool, metrics_port: int | None) -> int:
    """Poll feeds and publish their articles to Kafka, until SIGTERM or Ctrl-C.

    Collectors share the feeds among themselves: start as many as you like, with the same configuration. One that dies
    hands its feeds over within seconds; nothing is lost, because a feed's state is stored after its articles are
    acknowledged. One that starts before Kafka, or before `rasad admin init`, waits and says so.
    """
    import asyncio

    import msgspec

    from agent.config_files import Faults
    from agent.errors import UsageError
    from agent.feeds.lists import refresh_due
    from agent.feeds.load import load_feeds
    from agent.kafka_clients import client_options
    from agent.observe import set_up_logging
    from agent.pages.rules import load_page_rules
    from agent.publish import check_crc32c
    from agent.settings import config_folder, load_settings

    faults = Faults()
    path = config_folder(folder)
    settings = load_settings(path, faults)
    for refreshed in refresh_due(path / "feeds", settings.collect):
        if not refreshed.is_ok:
            click.echo(f"rasad: list {refreshed.url}: {refreshed.outcome} {refreshed.detail}", err=True)
    feeds = load_feeds(path / "feeds", faults)
    page_rules = load_page_rules(path / "pages", faults)
    faults.check()
    if metrics_port is not None:
        metrics = msgspec.structs.replace(settings.metrics, port=metrics_port)
        settings = msgspec.structs.replace(settings, metrics=metrics)
    client_options(settings.kafka)  # its faults are told before anything starts
    check_crc32c()
    if not feeds:
        raise UsageError(f"no feeds in {path / 'feeds'}: add one with `rasad feeds add URL`")
    set_up_logging(settings.log)
    asyncio.run(_collect(settings, feeds, page_rules, once=once))
    return 0


async def _collect(settings: Settings, feeds: Sequence[FeedDefinition], page_rules: PageRules, *, once: bool) -> None:
    import asyncio
    import contextlib
    import logging
    import signal

    from agent import __version__
    from agent.collect.collector import Collector
    from agent.collect.kafka_state import FeedShare
    from agent.observe import serve
    from agent.pages.reader import Reading
    from agent.publish import KafkaSink
    from streams.metrics import Metrics

    log = logging.getLogger("rasad.collect")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics(version=__version__)
    sink = KafkaSink(settings.kafka, metrics)
    reading = Reading(settings.pages, page_rules)
    collector = Collector(
        sink=sink, settings=settings.collect, metrics=metrics, reading=reading, websub=settings.websub
    )
    share = FeedShare(collector, feeds, settings.kafka, settings.worker.consumer_group)

    def reason_not_ready() -> str | None:
        return None if share.is_ready else "waiting for a share of the feeds"

    async with serve(metrics, settings.metrics, reason_not_ready) as port:
        if port is not None:
            log.info("metrics: http://%s:%d/metrics", settings.metrics.host, port)
        stopping = asyncio.create_task(stop.wait())
        work = asyncio.create_task(_work(share, collector, once=once))
        try:
            await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not work.done():
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await share.stop()
            await collector.close()
            await sink.close()
    log.info("stopped; what was not published yet is found again")


async def _work(share: FeedShare, collector: Collector, *, once: bool) -> None:
    await _join(share, patient=not once)
    if once:
        await _share_given(share)
        await collector.run_once()
    else:
        await collector.run()


async def _join(share: FeedShare, *, patient: bool) -> None:
    import asyncio
    import logging

    from agent.errors import ServiceUnavailable

    while True:
        try:
            await share.start()
            return
        except ServiceUnavailable as error:
            if not patient:
                raise
            logging.getLogger("rasad.collect").warning("waiting: %s", error)
            await asyncio.sleep(_START_RETRY_SECONDS)


async def _share_given(share: FeedShare) -> None:
    import asyncio
    import contextlib

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ONCE_WAIT_SECONDS):
            while not (share.is_ready and share.loaded):
                share.changed.clear()
                await share.changed.wait()
