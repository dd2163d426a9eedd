"""From settings to Kafka clients, and what is asked of a broker beside producing and consuming.

Everything that connects takes its options from here, so that SASL and TLS are told once. kafka-python is imported on
first use.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.errors import ConfigError, ConfigFault, ServiceUnavailable
from agent.settings import KafkaSettings, WorkerSettings
from streams.channels import CHANNELS, Channel

if TYPE_CHECKING:
    from streams.faust_app.options import KafkaOptions, WorkerOptions

REQUEST_TIMEOUT_MS = 15_000
BOOTSTRAP_TIMEOUT_MS = 5_000
_LOOK_SECONDS = 3.0


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments that every kafka-python client shares: addresses, TLS, credentials.

    Raises:
        ConfigError: the settings do not fit together, or the CA file cannot be used.
    """
    _check(settings)
    options: dict[str, Any] = {
        "bootstrap_servers": server_list(settings.bootstrap_servers),
        "security_protocol": settings.security_protocol,
        "client_id": "rasad",
    }
    if settings.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password,
        }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _tls(settings)
    return options


def kafka_options(settings: KafkaSettings) -> KafkaOptions:
    """Return the same for the Faust worker.

    Raises:
        ConfigError: as `client_options`.
    """
    from streams.faust_app.options import KafkaOptions

    _check(settings)
    uses_sasl = settings.security_protocol.startswith("SASL")
    return KafkaOptions(
        servers=tuple(server_list(settings.bootstrap_servers)),
        sasl_mechanism=settings.sasl_mechanism if uses_sasl else None,
        username=settings.username,
        password=settings.password,
        ssl_context=_tls(settings) if settings.security_protocol.endswith("SSL") else None,
    )


def worker_options(kafka: KafkaSettings, worker: WorkerSettings) -> WorkerOptions:
    """Return what the Faust worker needs to know besides how to connect."""
    from streams.faust_app.options import WorkerOptions

    return WorkerOptions(
        channel_prefix=kafka.channel_prefix,
        consumer_group=worker.consumer_group,
        batch_articles=worker.batch_articles,
        batch_wait_seconds=worker.batch_wait_seconds,
        outage_seconds=worker.outage_seconds,
        session_seconds=worker.session_seconds,
        stuck_seconds=worker.stuck_seconds,
        largest_record_bytes=max(channel.max_record_bytes(kafka.max_message_bytes) for channel in CHANNELS),
    )


def server_list(text: str) -> list[str]:
    """Return the `host:port` entries of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _check(settings: KafkaSettings) -> None:
    faults = []
    if not server_list(settings.bootstrap_servers):
        faults.append(ConfigFault("kafka.bootstrap_servers", 0, "names no broker: write host:port"))
    for server in server_list(settings.bootstrap_servers):
        host, _, port = server.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65_536:
            faults.append(ConfigFault("kafka.bootstrap_servers", 0, f"{server!r} is not host:port"))
    if settings.security_protocol.startswith("SASL") and not (settings.username and settings.password):
        advice = "set kafka.username and kafka.password (RASAD_KAFKA__PASSWORD_FILE)"
        faults.append(
            ConfigFault("kafka.security_protocol", 0, f"{settings.security_protocol} needs credentials: {advice}")
        )
    if faults:
        raise ConfigError(faults)


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        fault = ConfigFault("kafka.ca_file", 0, f"{settings.ca_file} is no usable CA file: {error}")
        raise ConfigError([fault]) from error


@dataclass(frozen=True)
class PartitionLag:
    """How far a consumer group is on one partition."""

    first: int
    """Offset of the oldest record kept."""
    end: int
    """Offset that the next record will get."""
    committed: int | None
    """Offset of the next record to process; None where the group has not committed yet."""

    @property
    def records(self) -> int:
        """Records not yet processed."""
        return max(0, self.end - max(self.first, self.committed or 0))


class KafkaAdmin:
    """Questions to the brokers, each answered or refused within seconds. Use as a context manager."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._admin: Any = None

    def __enter__(self) -> KafkaAdmin:
        from kafka.admin import KafkaAdminClient

        with kafka_faults(self.settings):
            self._admin = KafkaAdminClient(
                **client_options(self.settings),
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._admin is not None:
            with contextlib.suppress(Exception):
                self._admin.close()
            self._admin = None

    @property
    def client(self) -> Any:
        """The kafka-python client; what it raises should pass through `kafka_faults`."""
        if self._admin is None:
            raise RuntimeError("KafkaAdmin is used outside its `with` block")
        return self._admin

    def full_name(self, channel: Channel) -> str:
        """Return the Kafka topic of `channel`."""
        return channel.full_name(self.settings.channel_prefix)

    def partitions(self, channels: Iterable[Channel]) -> dict[Channel, int]:
        """Return the partition count of each of `channels` that exists."""
        names = {self.full_name(channel): channel for channel in channels}
        with kafka_faults(self.settings):
            # All topics, not these: asking for one that is missing could create it where the broker allows that.
            described = self.client.describe_topics()
        return {names[t["name"]]: len(t["partitions"]) for t in described if t["name"] in names}

    def lag(self, group: str, channels: Iterable[Channel]) -> dict[Channel, dict[int, PartitionLag]]:
        """Return how far `group` is on each partition of each of `channels` that exists."""
        from kafka import TopicPartition
        from kafka.admin import OffsetSpec

        counts = self.partitions(channels)
        where = {TopicPartition(self.full_name(c), p): (c, p) for c, count in counts.items() for p in range(count)}
        with kafka_faults(self.settings):
            first = self.client.list_partition_offsets(dict.fromkeys(where, OffsetSpec.EARLIEST)) if where else {}
            end = self.client.list_partition_offsets(dict.fromkeys(where, OffsetSpec.LATEST)) if where else {}
            committed: Mapping[Any, Any] = self.client.list_group_offsets({group: None}).get(group, {})
        lags: dict[Channel, dict[int, PartitionLag]] = {channel: {} for channel in counts}
        for place, (channel, partition) in where.items():
            offset = committed[place].offset if place in committed else -1
            lags[channel][partition] = PartitionLag(
                max(0, first[place].offset), max(0, end[place].offset), offset if offset >= 0 else None
            )
        return lags


@contextmanager
def kafka_faults(settings: KafkaSettings) -> Iterator[None]:
    """Turn what kafka-python raises into one line that says where and what to do.

    Raises:
        ServiceUnavailable: the broker cannot be reached, refuses us, or does not do what it was asked.
    """
    from kafka.errors import KafkaError, KafkaTimeoutError, SaslAuthenticationFailedError

    where = settings.bootstrap_servers
    try:
        yield
    except SaslAuthenticationFailedError as error:
        advice = "check kafka.username and kafka.password"
        raise ServiceUnavailable(
            f"Kafka at {where} refuses the credentials of {settings.username!r}: {advice}"
        ) from error
    except KafkaTimeoutError as error:
        raise ServiceUnavailable(_why_silent(settings)) from error
    except (KafkaError, OSError) as error:
        detail = str(error) or type(error).__name__
        raise ServiceUnavailable(f"Kafka at {where} did not answer as it should ({detail})") from error


def _why_silent(settings: KafkaSettings) -> str:
    # A client that cannot get in says that it ran out of time, whatever the reason: so the door is looked at.
    server = server_list(settings.bootstrap_servers)[0]
    host, _, port = server.rpartition(":")
    protocol = settings.security_protocol
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _LOOK_SECONDS) as connection:
            if protocol.endswith("SSL"):
                connection.settimeout(_LOOK_SECONDS)
                with _tls(settings).wrap_socket(connection, server_hostname=host.strip("[]")):
                    pass
    except ssl.SSLCertVerificationError as error:
        return (
            f"the certificate of Kafka at {server} is not trusted ({error.verify_message}): set kafka.ca_file to its CA"
        )
    except ssl.SSLError:
        return f"what answers at {server} does not speak TLS: check kafka.security_protocol, which is {protocol}"
    except OSError:
        advice = "start it, or set kafka.bootstrap_servers (RASAD_KAFKA__BOOTSTRAP_SERVERS)"
        return f"Kafka cannot be reached at {settings.bootstrap_servers}: {advice}"
    if protocol.startswith("SASL"):
        advice = "check kafka.username, kafka.password and kafka.sasl_mechanism"
        return f"Kafka at {server} answers, but does not let {settings.username!r} in: {advice}"
    advice = f"check kafka.security_protocol, which is {protocol}, or see its log"
    return f"what answers at {server} does not answer as Kafka does: {advice}"


class Probe:
    """What a worker asks the brokers beside its consumers, over one connection that is made anew after a fault."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._admin: KafkaAdmin | None = None
        self._is_closed = False

    def missing(self, wanted: Sequence[Channel]) -> list[str]:
        """Return the Kafka topics of those channels of `wanted` that do not exist.

        Raises:
            ServiceUnavailable: the brokers do not answer.
        """
        with self._connected() as admin:
            there = admin.partitions(wanted)
            return [admin.full_name(channel) for channel in wanted if channel not in there]

    def lag(self, group: str, read: Sequence[Channel]) -> dict[Channel, dict[int, tuple[int, int | None]]]:
        """Return `(records not yet processed, committed offset)` by channel and partition.

        Raises:
            ServiceUnavailable: the brokers do not answer.
        """
        with self._connected() as admin:
            lags = admin.lag(group, read)
            return {c: {p: (lag.records, lag.committed) for p, lag in parts.items()} for c, parts in lags.items()}

    def give_up(self) -> None:
        """Answer no more questions: a process that is to end must not wait for a broker that is away."""
        self._is_closed = True

    def close(self) -> None:
        """Close the connection."""
        self.give_up()
        with self._lock:
            self._forget()

    @contextmanager
    def _connected(self) -> Iterator[KafkaAdmin]:
        with self._lock:
            if self._is_closed:
                raise ServiceUnavailable("this process is about to end")
            if self._admin is None:
                self._admin = KafkaAdmin(self._settings).__enter__()
            try:
                yield self._admin
            except BaseException:
                self._forget()
                raise

    def _forget(self) -> None:
        if self._admin is not None:
            self._admin.__exit__()
            self._admin = None
