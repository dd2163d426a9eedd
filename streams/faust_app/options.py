"""What the worker is told: how to connect, and how to work."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True)
class KafkaOptions:
    """How to reach the brokers."""

    servers: tuple[str, ...]
    """Each `host:port`."""
    sasl_mechanism: str | None = None
    """None: no SASL."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    """None: no TLS."""


@dataclass(frozen=True)
class WorkerOptions:
    """How the worker works. Only tests and benchmarks have reason to change those below `largest_record_bytes`."""

    channel_prefix: str = "rasad."
    consumer_group: str = "rasad"
    """Each stage has a group of its own, `<consumer_group>.<stage>`, so that none waits for another's store."""
    batch_articles: int = 200
    batch_wait_seconds: float = 0.05
    outage_seconds: float = 3600.0
    """Longest outage of a store or broker that is sat out without leaving the group."""
    session_seconds: float = 15.0
    """Silence after which the broker takes a worker for dead."""
    stuck_seconds: float = 300.0
    """Time without progress, though records wait, before a stage is restarted, and the process ended if that fails."""
    largest_record_bytes: int = 32_000_000

    batch_bytes: int = 16_000_000
    """A batch is closed when it has this much, so that a run of large records does not fill the memory."""
    commit_seconds: float = 0.5
    lag_seconds: float = 5.0
    """Time between two looks at the consumer lag."""
    drain_seconds: float = 5.0
    """Time that the batch in hand gets to be finished when the worker is asked to stop: Docker waits for ten."""
    stop_seconds: float = 4.0
    """Time that Faust gets to commit and leave its group; with a broker that answers it takes milliseconds."""
    restart_seconds: float = 120.0
    """The same where a stage is to be started again: brokers that are away come back."""
    retry_seconds: float = 30.0
    """Longest pause between two attempts to reach a broker or a store."""

    def group(self, stage: str) -> str:
        """Return the consumer group of a stage."""
        return f"{self.consumer_group}.{stage}"
