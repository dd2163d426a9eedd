"""Kafka: a Faust hop, and one distributed worker from raw to index, beside a bare consume-produce loop in the same run.

bare loop       aiokafka getmany → send → acknowledged → commit, no record is looked at
hop             a worker whose stage changes nothing (`plain_worker.py`): consume → decode → encode → produce, acked
story           `rasad worker --stages story`: the same with the stage that computes, and keeps its window in a channel
end to end      `rasad worker`: raw → enrich → story → index, one process, the shipped configuration

Broker, Elasticsearch and worker share the machine, and are not told apart in these figures. A rate counts from the
first output that was seen to the last, so that starting up is no part of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.articles import raw_articles
from bench.figures import figure

HOP_ARTICLES = 20_000
STORY_ARTICLES = 5_000
END_TO_END_ARTICLES = 3_000
PROJECT = Path(__file__).resolve().parents[1]
CONFIG = Path(os.environ.get("RASAD_CONFIG") or PROJECT / "config")
_PATIENCE_SECONDS = 600.0


def run() -> dict[str, Any]:
    """Start the services, measure, and return the figures: articles/s, and ratios to the bare loop."""
    from deploy.dev.stack import Stack

    with Stack.temporary(full_jit=True) as stack:
        bench = _Bench(stack.kafka().bootstrap, stack.elasticsearch().url)
        enriched = bench.enriched(HOP_ARTICLES)
        bare = asyncio.run(bench.bare_loop(enriched))
        hop = bench.hop(enriched)
        story = bench.story(enriched[:STORY_ARTICLES])
        end_to_end = bench.end_to_end()
    record_bytes = sum(map(len, (value for _, value in enriched))) / len(enriched)
    return {
        "bytes of a record": round(record_bytes),
        "bare aiokafka loop, records/s": figure(bare),
        "Faust hop, articles/s": figure(hop, at_least=2000),
        "Faust hop / bare loop": figure(hop / bare),
        "story stage, articles/s": figure(story, at_least=500),
        "one worker raw to index, articles/s": figure(end_to_end),
        "one worker raw to index / bare loop": figure(end_to_end / bare),
    }


class _Bench:
    def __init__(self, bootstrap: str, elasticsearch_url: str) -> None:
        from agent.admin import make_channels
        from agent.admin_index import install_templates
        from agent.config_files import Faults
        from agent.settings import load_settings

        name = f"bench-{uuid.uuid4().hex[:8]}"
        self.environment = {
            "RASAD_CONFIG": str(CONFIG),
            "RASAD_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "RASAD_KAFKA__CHANNEL_PREFIX": f"{name}.",
            "RASAD_KAFKA__PARTITIONS": "4",
            "RASAD_ELASTICSEARCH__URL": elasticsearch_url,
            "RASAD_ELASTICSEARCH__INDEX_PREFIX": name,
            "RASAD_WORKER__CONSUMER_GROUP": name,
            "RASAD_LOG__LEVEL": "warning",
        }
        faults = Faults()
        self.settings = load_settings(CONFIG, faults, self.environment)
        faults.check()
        self.bootstrap = bootstrap
        self.prefix = f"{name}."
        make_channels(self.settings.kafka)
        install_templates(self.settings)

    def enriched(self, count: int) -> list[tuple[bytes, bytes]]:
        """`(key, record)` of enriched articles; a few hundred are really enriched, the others differ in their id."""
        import msgspec

        from agent.definitions import load_all
        from streams import codec
        from streams.identity import article_id
        from streams.model import EnrichedArticle
        from streams.pipeline import Pipeline

        pipeline = Pipeline(load_all(str(CONFIG))[1])
        models = []
        for raw in raw_articles(300):
            result = pipeline.enrich.step(codec.encode(raw))
            assert isinstance(result, tuple) and isinstance(result[1], EnrichedArticle)
            models.append(result[1])
        found = []
        for number in range(count):
            identity = article_id(canonical_url=f"https://bench.example/hop/{number}")
            record = msgspec.structs.replace(models[number % len(models)], article_id=identity)
            found.append((identity.encode(), codec.encode(record)))
        return found

    async def bare_loop(self, records: Sequence[tuple[bytes, bytes]]) -> float:
        """Records/s of consume, produce, wait for the acknowledgements, commit; 200 at a time, as the worker does."""
        from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

        source, target = f"{self.prefix}raw", f"{self.prefix}backfill"
        await asyncio.to_thread(self.produce, source, records)
        consumer = AIOKafkaConsumer(
            source,
            bootstrap_servers=self.bootstrap,
            group_id=f"{self.prefix}bare",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=200,
        )
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", max_batch_size=128 * 1024)
        await producer.start()
        await consumer.start()
        try:
            done, started = 0, 0.0
            while done < len(records):
                polled = await consumer.getmany(timeout_ms=1000)
                started = started or time.perf_counter()
                sent = [
                    await producer.send(target, entry.value, key=entry.key)
                    for entries in polled.values()
                    for entry in entries
                ]
                await asyncio.gather(*sent)
                await consumer.commit()
                done += len(sent)
            return done / (time.perf_counter() - started)
        finally:
            await consumer.stop()
            await producer.stop()

    def hop(self, records: Sequence[tuple[bytes, bytes]]) -> float:
        """Articles/s through a stage that does nothing."""
        from streams.channels import ARTICLES

        self.make_new_channels()
        self.produce(f"{self.prefix}enriched", records)
        with self.worker("bench.plain_worker", "enriched", "articles") as check:
            return self.rate(lambda: self.written(ARTICLES), len(records), check)

    def story(self, records: Sequence[tuple[bytes, bytes]]) -> float:
        """Articles/s through the story stage."""
        from streams.channels import ARTICLES

        self.make_new_channels()
        self.produce(f"{self.prefix}enriched", records)
        with self.worker("agent", "worker", "--stages", "story") as check:
            return self.rate(lambda: self.written(ARTICLES), len(records), check)

    def end_to_end(self) -> float:
        """Articles/s from raw to index in one process."""
        from streams import codec

        self.make_new_channels()
        records = [(a.article_id.encode(), codec.encode(a)) for a in raw_articles(END_TO_END_ARTICLES)]
        self.produce(f"{self.prefix}raw", records)
        with self.worker("agent", "worker") as check:
            return self.rate(self.indexed, len(records), check)

    def rate(self, count: Callable[[], int], total: int, check: Callable[[], None]) -> float:
        """Articles/s between the first count above zero and `total`."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        first_count, started = 0, 0.0
        while True:
            check()
            now, moment = count(), time.perf_counter()
            if now and not started:
                first_count, started = now, moment
            if now >= total:
                return (now - first_count) / (moment - started) if moment > started else float("nan")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{now} of {total} articles after {_PATIENCE_SECONDS:.0f} s")
            time.sleep(0.25)

    @contextmanager
    def worker(self, *arguments: str) -> Iterator[Callable[[], None]]:
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=PROJECT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

            def check() -> None:
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(f"the worker ended: {log.read()[-1000:].decode(errors='replace')}")

            try:
                yield check
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

    def produce(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> None:
        from kafka import KafkaProducer

        from agent.kafka_clients import client_options

        producer = KafkaProducer(
            **client_options(self.settings.kafka), acks="all", enable_idempotence=True, linger_ms=20, batch_size=200_000
        )
        futures = [producer.send(topic, value, key=key) for key, value in records]
        producer.flush()
        for future in futures:
            future.get(60)
        producer.close()

    def written(self, channel: Any) -> int:
        """Records ever written to a channel."""
        from agent.kafka_clients import KafkaAdmin

        with KafkaAdmin(self.settings.kafka) as admin:
            return sum(lag.end for lag in admin.lag("nobody", [channel])[channel].values())

    def indexed(self) -> int:
        """Articles that the index stage has committed, so that a refresh of the index is no part of the figure."""
        from agent.kafka_clients import KafkaAdmin
        from streams.channels import ARTICLES

        group = f"{self.settings.worker.consumer_group}.index"
        with KafkaAdmin(self.settings.kafka) as admin:
            return sum(lag.committed or 0 for lag in admin.lag(group, [ARTICLES])[ARTICLES].values())

    def make_new_channels(self) -> None:
        """Begin again with empty channels."""
        from agent.admin import make_channels
        from agent.config_files import Faults
        from agent.settings import load_settings

        self.prefix = f"bench-{uuid.uuid4().hex[:8]}."
        self.environment |= {
            "RASAD_KAFKA__CHANNEL_PREFIX": self.prefix,
            "RASAD_WORKER__CONSUMER_GROUP": self.prefix[:-1],
        }
        self.settings = load_settings(CONFIG, Faults(), self.environment)
        make_channels(self.settings.kafka)


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
