"""What is known of the feeds, read from where a collector has put it; for commands that only look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent.collect.state import FeedState, decode_states
from agent.settings import Settings


def known_states(settings: Settings, kind: str | None = None) -> Mapping[str, FeedState]:
    """Return the states of all feeds by URL: from Kafka or the SQLite file (`kind`; by default where they should be).

    Raises:
        RasadError: there is something that cannot be read.
    """
    kind = kind or ("kafka" if settings.store.kind == "elasticsearch" else "sqlite")
    if kind == "kafka":
        from agent.collect.kafka_state import read_states

        return read_states(settings.kafka)
    if kind == "sqlite" and Path(settings.store.path).exists():
        from agent.open_store import user_error
        from streams.stores.base import StoreError
        from streams.stores.sqlite import SqliteStore

        try:
            store = SqliteStore(settings.store.path, read_only=True)
            try:
                return decode_states(store.feed_states())
            finally:
                store.close_now()
        except StoreError as error:
            raise user_error(error) from error
    return {}
