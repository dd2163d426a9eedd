"""The development stack with real processes: that it serves, and what happens when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.dev.services import Alertmanager, Elasticsearch, Kafka, Prometheus, http

pytestmark = pytest.mark.services


def test_a_killed_broker_comes_back_with_its_address_and_its_records(
    kafka: Kafka, unique_name: Callable[[str], str]
) -> None:
    channel, address, first_pid = unique_name("raw"), kafka.bootstrap, kafka.pid
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(channel, 3, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True)
    futures = [producer.send(channel, str(number).encode()) for number in range(300)]
    for future in futures:
        future.get(timeout=120)
    producer.close()

    kafka.restart(kill=True)

    assert kafka.bootstrap == address
    assert kafka.is_running
    assert kafka.pid != first_pid
    consumer = KafkaConsumer(
        channel,
        bootstrap_servers=kafka.bootstrap,
        group_id=unique_name("group"),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    seen: set[int] = set()
    while len(seen) < 300:
        polled = consumer.poll(timeout_ms=120_000)
        assert polled, f"only {len(seen)} of 300 records came back"
        seen |= {int(record.value) for records in polled.values() for record in records}
    consumer.close()
    assert seen == set(range(300))


def test_elasticsearch_keeps_documents_over_a_kill(
    elasticsearch: Elasticsearch, unique_name: Callable[[str], str]
) -> None:
    index = f"{elasticsearch.url}/{unique_name('articles')}"
    http("PUT", f"{index}/_doc/1", {"title": "one"})
    elasticsearch.restart(kill=True)
    assert http("GET", f"{index}/_doc/1")["_source"] == {"title": "one"}


def test_prometheus_scrapes_what_it_is_given(prometheus: Callable[..., Prometheus], alertmanager: Alertmanager) -> None:
    address = alertmanager.url.removeprefix("http://")
    one = prometheus([address])
    assert one.wait_for(f'alertmanager_build_info{{instance="{address}"}} == 1')
    assert one.value(f'up{{instance="{address}"}}') == 1.0
    one.set_targets([])
    one.wait_for(f'absent(up{{instance="{address}"}})')
    one.stop()
