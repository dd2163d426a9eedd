"""`python -m bench.plain_worker READS WRITES`: a worker whose only stage passes records on, decoded and encoded again.

What it does an article beyond that is the hop itself: Faust, the runner, acknowledgements.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from agent.config_files import Faults
from agent.kafka_clients import Probe, kafka_options, worker_options
from agent.settings import load_settings
from streams import codec
from streams.channels import BY_NAME, Channel
from streams.faust_app.work import StageWork
from streams.faust_app.worker import StageThread, Worker
from streams.metrics import Metrics
from streams.model import EnrichedArticle
from streams.pipeline import utc_now


class Pass:
    """A stage that changes nothing."""

    name = "plain"

    def __init__(self, reads: Channel, writes: Channel) -> None:
        self.reads = (reads,)
        self.writes = writes

    def step(self, payload: bytes) -> tuple[bytes, EnrichedArticle]:
        """Return the record that was read."""
        record = codec.decode(payload, EnrichedArticle)
        return codec.encode(record), record


async def _run(reads: str, writes: str) -> None:
    faults = Faults()
    settings = load_settings(Path(os.environ["RASAD_CONFIG"]), faults)
    faults.check()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    probe = Probe(settings.kafka)
    try:
        with StageThread() as thread:
            work = StageWork(Pass(BY_NAME[reads], BY_NAME[writes]), thread)
            options = worker_options(settings.kafka, settings.worker)
            worker = Worker([work], kafka_options(settings.kafka), options, Metrics(), utc_now, probe)
            await worker.run(stop)
    finally:
        probe.close()


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:3]))
