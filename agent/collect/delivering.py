"""Delivering until it is done: a sink that is away is waited for."""

from __future__ import annotations

import asyncio
import logging
import random

from agent.collect.records import Delivery, Sink, SinkUnavailable

log = logging.getLogger("rasad.collect")

FIRST_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 30.0


async def deliver_until_done(sink: Sink, delivery: Delivery, name: str) -> None:
    """Deliver, again and again if need be; whoever fetches waits with it. `name` is for the log."""
    wait_seconds = FIRST_RETRY_SECONDS
    while True:
        try:
            await sink.deliver([delivery])
            return
        except SinkUnavailable as error:
            log.warning("%s: not delivered, tried again in %.0f s: %s", name, wait_seconds, error)
        except Exception:
            log.exception("%s: not delivered, tried again in %.0f s", name, wait_seconds)
        await asyncio.sleep(wait_seconds * (0.5 + random.random()))
        wait_seconds = min(2 * wait_seconds, MAX_RETRY_SECONDS)
