"""How long alerts are kept: what lies before `alerts.retain_days` is removed, a little at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from streams.pipeline import utc_now
from streams.stores.base import StoreError

if TYPE_CHECKING:
    from agent.settings import Settings

log = logging.getLogger("rasad.alerts")

EVERY_SECONDS = 3600.0
FIRST_SECONDS = 60.0
"""After the start, which has other work to do."""


def kept_since(settings: Settings, now: datetime | None = None) -> datetime | None:
    """Return the moment before which alerts are removed; None where all are kept."""
    days = settings.alerts.retain_days
    return None if days is None else (now or utc_now()) - timedelta(days=days)


def remove_old(settings: Settings, *, now: datetime | None = None) -> int:
    """Remove the old alerts of the store that `store.kind` names; return how many there were. Blocks.

    Raises:
        ServiceUnavailable, StoreFault: it cannot be reached, or does not permit it.
    """
    before = kept_since(settings, now)
    if before is None:
        return 0
    if settings.store.kind == "elasticsearch":
        return remove_from_index(settings, before)
    from agent.alerts.book import open_book
    from agent.open_store import user_error
    from streams.stores.sqlite.alerts import SqliteAlerts

    try:
        with open_book(settings) as book:
            return book.remove_before(before) if isinstance(book, SqliteAlerts) else 0
    except StoreError as error:
        raise user_error(error) from error


def remove_from_index(settings: Settings, before: datetime) -> int:
    """Remove the alerts of the index that are older than `before`; return how many there were. Blocks.

    Raises:
        ServiceUnavailable, StoreFault: the cluster cannot be reached, or does not permit it.
    """
    from agent.open_store import elasticsearch_options, user_error
    from streams.stores.elasticsearch.administration import remove_alerts

    try:
        return remove_alerts(elasticsearch_options(settings), before)
    except StoreError as error:
        raise user_error(error) from error


async def keep_house(
    remove: Callable[[datetime], int],
    retain_days: int,
    clock: Callable[[], datetime] = utc_now,
    first_seconds: float = FIRST_SECONDS,
) -> None:
    """Remove what is old every hour, in a thread, until cancelled; a store that is away is asked again the next hour.

    `remove`: takes the moment before which alerts go, and returns how many went.
    """
    await asyncio.sleep(first_seconds)
    while True:
        try:
            removed = await asyncio.to_thread(remove, clock() - timedelta(days=retain_days))
        except Exception as error:  # whatever it was, alerts go on
            log.warning("old alerts cannot be removed, tried again in an hour: %s", error)
        else:
            if removed:
                log.info("%d alerts older than alerts.retain_days (%d) were removed", removed, retain_days)
        await asyncio.sleep(EVERY_SECONDS)
