"""The article store that the settings name."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agent.errors import RasadError, ServiceUnavailable
from streams.stores.base import StoreError, StoreHalted

if TYPE_CHECKING:
    from agent.settings import Settings
    from streams.metrics import Metrics
    from streams.stores.elasticsearch import ElasticsearchOptions, ElasticsearchStore
    from streams.stores.elasticsearch.archive import ElasticsearchArchive
    from streams.stores.sqlite import SqliteStore


class StoreFault(RasadError):
    """The store cannot be used until a person has mended something; the message says what."""

    exit_code = 3


def open_store(
    settings: Settings, *, read_only: bool = False, metrics: Metrics | None = None, candidate_budget: int | None = None
) -> SqliteStore | ElasticsearchStore:
    """Return the store that `store.kind` names. `read_only` is for commands that only look.

    `candidate_budget`: candidates that one search looks at, where not the store's own.

    Raises:
        ServiceUnavailable, StoreFault: it cannot be opened. Elasticsearch is not asked yet.
    """
    try:
        if settings.store.kind == "elasticsearch":
            return open_elasticsearch(settings, metrics=metrics, candidate_budget=candidate_budget)
        from streams.stores.pages import CANDIDATE_BUDGET
        from streams.stores.sqlite import SqliteStore

        budget = candidate_budget or CANDIDATE_BUDGET
        return SqliteStore(settings.store.path, read_only=read_only, candidate_budget=budget)
    except StoreError as error:
        raise user_error(error) from error


@asynccontextmanager
async def closing_store(
    settings: Settings, *, candidate_budget: int | None = None
) -> AsyncIterator[SqliteStore | ElasticsearchStore]:
    """Give the store for reading, and close it; its errors come out as the command line shows them.

    Raises:
        ServiceUnavailable, StoreFault: it cannot be opened, or not be asked.
    """
    # What it says about nodes and retries is in our own messages.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    store = open_store(settings, read_only=True, candidate_budget=candidate_budget)
    try:
        yield store
    except StoreError as error:
        raise user_error(error) from error
    finally:
        await store.close()


def open_elasticsearch(
    settings: Settings,
    *,
    metrics: Metrics | None = None,
    houses: Mapping[str, str] | None = None,
    candidate_budget: int | None = None,
) -> ElasticsearchStore:
    """Return the Elasticsearch store, whatever `store.kind` says: it is where a worker writes. `houses` are those of
    `streams.lineage.lineage`.

    Raises:
        StoreHalted: the settings cannot be used.
    """
    from streams.stores.elasticsearch import ElasticsearchStore
    from streams.stores.pages import CANDIDATE_BUDGET

    budget = candidate_budget or CANDIDATE_BUDGET
    return ElasticsearchStore(elasticsearch_options(settings), metrics=metrics, houses=houses, candidate_budget=budget)


def open_archive(settings: Settings) -> ElasticsearchArchive:
    """Return the cluster as a worker's story stage looks up old stories in it.

    Raises:
        StoreHalted: the settings cannot be used.
    """
    from streams.stores.elasticsearch.archive import ElasticsearchArchive

    return ElasticsearchArchive(elasticsearch_options(settings))


def elasticsearch_options(settings: Settings) -> ElasticsearchOptions:
    """Return the store's options of the settings."""
    from streams.stores.elasticsearch import ElasticsearchOptions

    section = settings.elasticsearch
    return ElasticsearchOptions(**{name: getattr(section, name) for name in ElasticsearchOptions.__struct_fields__})


def user_error(error: StoreError) -> RasadError:
    """Return `error` as the command line shows it: one line, and an exit code."""
    return StoreFault(str(error)) if isinstance(error, StoreHalted) else ServiceUnavailable(str(error))
