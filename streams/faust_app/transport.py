"""Faust, kept to what we use of it: imported without a look at our command line, and with a stricter consumer.

Faust reads `sys.argv` and `FAUST_*` variables when it is imported, and further variables (`STREAM_WAIT_EMPTY` and the
like, without a prefix) when an app is made; none of them shall change how a worker behaves.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streams.faust_app.options import KafkaOptions


@contextmanager
def _unseen_process() -> Iterator[None]:
    names = [name for name in os.environ if name.startswith(("FAUST_", "F_"))]
    hidden = {name: os.environ.pop(name) for name in names}
    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        yield
    finally:
        sys.argv = arguments
        os.environ.update(hidden)


with _unseen_process():
    from faust.app import App
    from faust.auth import SASLCredentials, SSLCredentials
    from faust.sensors import Monitor
    from faust.transport.drivers import aiokafka as driver
    from mode.supervisors import CrashingSupervisor


_log = logging.getLogger("faust")


class OneGenerationConsumer(driver.Consumer):  # type: ignore[misc]
    """A consumer that takes an acknowledgement only in the group generation in which the record was delivered.

    Faust acknowledges, unprocessed, what it skips because a rebalance has begun (`Stream._py_aiter`), and forgets at a
    rebalance from where a partition is read; together these could commit past records that nobody has processed.
    """

    logger = _log

    def ack(self, message: Any) -> bool:
        """Mark `message` as processed; False when it will be delivered again."""
        if not self.flow_active or message.generation_id != self.app.consumer_generation_id:
            return False
        return bool(super().ack(message))

    def on_buffer_full(self, tp: Any) -> None:
        """Let a full buffer hold the consumer up, and no more than that.

        Faust would stop fetching the partition, and with none left to fetch sleep for a second, whatever becomes free
        meanwhile; a stage that reads one partition then stands still most of the time.
        """


class SilentMonitor(Monitor):  # type: ignore[misc]
    """A monitor that does not count each record: our own metrics do."""

    logger = _log

    def on_message_in(self, tp: Any, offset: int, message: Any) -> None: ...

    def on_message_out(self, tp: Any, offset: int, message: Any) -> None: ...

    def on_stream_event_in(self, tp: Any, offset: int, stream: Any, event: Any) -> None: ...

    def on_stream_event_out(self, tp: Any, offset: int, stream: Any, event: Any, state: Any = None) -> None: ...

    def track_tp_end_offset(self, tp: Any, offset: int) -> None: ...


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's Kafka transport with our consumer."""

    Consumer = OneGenerationConsumer


class HermeticApp(App):  # type: ignore[misc]
    """A Faust app that touches neither the file system nor the frameworks that happen to be installed."""

    logger = _log

    def _create_directories(self) -> None:
        # No tables, so nothing would ever be written there.
        pass

    def _init_fixups(self) -> list[Any]:
        return []

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Any:
        return Transport(self.conf.broker_producer, self)


def credentials(kafka: KafkaOptions) -> Any:
    """Return Faust's form of our credentials; None for none."""
    if kafka.sasl_mechanism is not None:
        return SASLCredentials(
            username=kafka.username,
            password=kafka.password,
            ssl_context=kafka.ssl_context,
            mechanism=kafka.sasl_mechanism,
        )
    return SSLCredentials(kafka.ssl_context) if kafka.ssl_context is not None else None


__all__ = [
    "CrashingSupervisor",
    "HermeticApp",
    "OneGenerationConsumer",
    "SilentMonitor",
    "Transport",
    "credentials",
    "driver",
]
