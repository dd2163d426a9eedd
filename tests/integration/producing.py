"""A publisher in a process of its own: `python -m tests.integration.producing BOOTSTRAP TOPIC`, then lines on standard input.

    FIRST LAST REVISION     publish that revision of the articles raw(FIRST) … raw(LAST - 1)

Apart from the test's process because kafka-python, while a broker is away, leaves the sockets of refused connections to
the garbage collector, which pytest reports. It ends with standard input; the exit code is 0 only when the broker has
acknowledged every record.
"""

from __future__ import annotations

import sys
from typing import Any

from kafka import KafkaProducer

from streams import codec
from tests.integration.worker_kit import edited, raw


def main() -> int:
    bootstrap, topic = sys.argv[1:]
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        delivery_timeout_ms=300_000,
        max_block_ms=300_000,
    )
    futures: list[Any] = []
    for line in sys.stdin:
        first, last, revision = map(int, line.split())
        for number in range(first, last):
            record = raw(number) if revision == 1 else edited(number)
            futures.append(producer.send(topic, codec.encode(record), key=record.article_id.encode()))
    producer.flush()
    for future in futures:
        future.get(timeout=300)
    producer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
