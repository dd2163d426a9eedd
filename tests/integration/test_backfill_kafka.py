"""`rasad backfill` with a real broker: articles on the backfill channel, killed in the middle, gone on with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

from agent.admin import make_channels
from agent.collect.kafka_state import read_states
from agent.settings import KafkaSettings
from deploy.dev.services import Kafka
from streams import channels, codec
from streams.identity import article_id
from streams.model import RawArticle
from tests.servers.feed_server import feed_server
from tests.unit.backfill.test_run import chain

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]
PARTITIONS, DOCUMENTS, EACH = 3, 8, 40


def published(settings: KafkaSettings, channel: channels.Channel) -> list[RawArticle]:
    consumer = KafkaConsumer(bootstrap_servers=settings.bootstrap_servers, metrics_enabled=False)
    partitions = [TopicPartition(channel.full_name(settings.channel_prefix), number) for number in range(PARTITIONS)]
    try:
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[RawArticle] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                found += [codec.decode(record.value, RawArticle) for record in records]
        return found
    finally:
        consumer.close()


def test_killed_it_goes_on_and_all_is_on_the_backfill_channel(
    kafka: Kafka, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    prefix = unique_name("backfill") + "."
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap, channel_prefix=prefix, partitions=PARTITIONS)
    make_channels(settings, [channels.RAW, channels.BACKFILL, channels.FEED_STATE])
    config = tmp_path / "config"
    (config / "feeds").mkdir(parents=True)
    (config / "rasad.yaml").write_text("collect: {allow_private_hosts: [127.0.0.1], per_host_spacing_seconds: 0.3}\n")
    environment = {
        **os.environ,
        "RASAD_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "RASAD_KAFKA__CHANNEL_PREFIX": prefix,
    }
    with feed_server() as server:
        url = chain(server, DOCUMENTS, EACH)
        command = [
            *(sys.executable, "-m", "agent", "backfill", url, "--to", "kafka", "--since", "2020-01-01"),
            *("--config", str(config)),
        ]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 120
        try:
            while time.monotonic() < give_up and process.poll() is None:
                state = read_states(settings).get(f"backfill:{url}")
                if state is not None and state.backfill is not None and state.backfill.articles >= EACH:
                    break
            assert process.poll() is None, "the backfill ended by itself"
        finally:
            process.kill()
            process.wait()
        last = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=240)
    assert "going on where it stopped" in last.stderr
    articles = published(settings, channels.BACKFILL)
    expected = {article_id(canonical_url=f"https://outlet.example/n/{n}") for n in range(DOCUMENTS * EACH)}
    assert {article.article_id for article in articles} == expected
    assert all(article.is_backfill and article.revision == 1 for article in articles)
    # Only what was acknowledged and not yet in the state can be there again, with the same ids.
    assert len(articles) <= len(expected) + 20
    assert published(settings, channels.RAW) == []
