"""The Faust app: one thin agent for a stage, no logic.

    channel ─▶ agent ─▶ Runner (streams/faust_app/runner.py) ─▶ Work: a stage, or the index ─▶ next channel
                                     └─▶ quarantine

`Worker` (streams/faust_app/worker.py) runs one app for each stage in one process; `rasad worker` calls it.
Why Faust is used this way, and what of it is avoided: docs/decisions/0003.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.faust_app.options import KafkaOptions, WorkerOptions

if TYPE_CHECKING:
    from streams.faust_app.runner import Runner
    from streams.faust_app.work import Work

_REQUEST_SECONDS = 40.0
_STREAM_BUFFER_RECORDS = 500


def make_app(work: Work, runner: Runner, kafka: KafkaOptions, options: WorkerOptions) -> Any:
    """Return a `faust.App`, not started, whose one agent feeds `runner` from the channels that `work` reads.

    It must be called in a running event loop.
    """
    # Not at the top: `rasad` imports this module's neighbours, and Faust takes most of a second.
    from streams.faust_app.transport import CrashingSupervisor, HermeticApp, SilentMonitor, credentials

    app = HermeticApp(
        options.group(work.name),
        env={},
        broker=[f"kafka://{server}" for server in kafka.servers],
        broker_credentials=credentials(kafka),
        broker_client_id="rasad",
        autodiscover=False,
        web_enabled=False,
        key_serializer="raw",
        value_serializer="raw",
        # Channels are made by `rasad admin init`, with the retention and the partitions that they need.
        topic_allow_declare=False,
        topic_disable_leader=True,
        # Without tables a plain round-robin assignor does; the one for tables wants a channel of its own.
        table_standby_replicas=0,
        # Waiting for the batch in hand would hold up a rebalance for as long as a store is away.
        stream_wait_empty=False,
        stream_buffer_maxsize=_STREAM_BUFFER_RECORDS,
        broker_commit_interval=options.commit_seconds,
        broker_session_timeout=options.session_seconds,
        broker_heartbeat_interval=options.session_seconds / 5,
        broker_request_timeout=max(_REQUEST_SECONDS, 2 * options.session_seconds),
        broker_rebalance_timeout=max(30.0, options.session_seconds),
        broker_max_poll_interval=2 * options.outage_seconds,
        broker_max_poll_records=_STREAM_BUFFER_RECORDS,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_request_timeout=_REQUEST_SECONDS,
        producer_max_request_size=options.largest_record_bytes,
        producer_max_batch_size=128 * 1024,
        agent_supervisor=CrashingSupervisor,
        Monitor=SilentMonitor,
        # Faust would otherwise complain each minute about a stage that waits for its store; our own watchdog knows
        # better.
        stream_processing_timeout=2 * options.outage_seconds,
        broker_commit_livelock_soft_timeout=2 * options.outage_seconds,
    )
    runner.bind(app)
    source = app.topic(
        *(channel.full_name(options.channel_prefix) for channel in work.reads),
        key_serializer="raw",
        value_serializer="raw",
    )

    async def agent(stream: Any) -> None:
        await runner.run(stream)

    app.agent(source, name=f"rasad.{work.name}", concurrency=1)(agent)
    return app
