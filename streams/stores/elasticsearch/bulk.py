"""The bulk loop: every document gets its verdict, however long the cluster takes.

    documents ─ chunks ─▶ POST /_bulk ─▶ for each item  2xx                   created, updated
                  ▲                                     409, newer is there   stale
                  │                                     400 …                 refused: the caller quarantines it
                  ├── jittered back-off ◀────────────── 429, 5xx, no answer   sent again, alone
                  │                                     401, 403, 404         StoreHalted
                  └── halves ◀── 413, or 400 for the request as a whole

elasticsearch-py's helpers do not do this: with the default settings an item's 429 is never retried, and a lost
connection ends the generator with no word on what was written.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from elastic_transport import SerializationError, TransportError
from elasticsearch import ApiError, AsyncElasticsearch, UnsupportedProductError

from streams.stores.base import Outcome, StoreHalted
from streams.stores.elasticsearch.client import HALTING, cause, is_untrusted, translate
from streams.stores.elasticsearch.options import ElasticsearchOptions

logger = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 30.0
_LANES = 2
"""Requests under way for one call: while the cluster works on one, the next is made ready and sent."""
_PARTS = 2
_SMALLEST_PART = 100
"""A batch is sent in parts, so that making one overlaps with indexing another; many small requests cost the cluster
more."""
_HALTING_TYPES = frozenset({"index_not_found_exception", "security_exception", "validation_exception"})
"""Faults of the cluster's set-up, not of the document: no index may be made, no shard may be added."""
_CONFLICT = re.compile(r"current version \[(\d+)\]")
_FILTER = "errors,items.*.status,items.*.result,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"

Encode = Callable[[], bytes]
Count = Callable[[str, int], None]
"""Counts documents by one of `metrics.BULK_OUTCOMES`."""


@dataclass(slots=True, eq=False)
class Item:
    """One document on its way, and what became of it."""

    index: str
    id: str
    version: int
    encode: Encode | None
    """Makes the document; None deletes it, if the version that is there is not above `version`."""
    body: bytes = b""
    may_be_written: bool = False
    """True after a request without an answer: our own write may be what we then conflict with."""
    outcome: Outcome | None = None
    detail: str = ""

    def lines(self) -> bytes:
        """Return the item's lines of the bulk request."""
        if not self.body:
            kind, source = ("delete", None) if self.encode is None else ("index", self.encode())
            # >= for deletions: the very version that was found is to go, but not a later one.
            rule = "external_gte" if source is None else "external"
            target = {"_index": self.index, "_id": self.id, "version": self.version, "version_type": rule}
            action = msgspec.json.encode({kind: target})
            self.body = action if source is None else action + b"\n" + source
        return self.body


class BulkLoop:
    """Sends items until each has an outcome."""

    def __init__(
        self,
        client: AsyncElasticsearch,
        options: ElasticsearchOptions,
        count: Count,
        *,
        first_wait_seconds: float = FIRST_WAIT_SECONDS,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self._client = client
        self._options = options
        self._count = count
        self._first_wait = first_wait_seconds
        self._longest_wait = longest_wait_seconds

    async def send(self, items: Sequence[Item]) -> None:
        """Give every item its outcome.

        Raises:
            StoreHalted: the cluster refuses us; items without an outcome may or may not have been written.
        """
        waiting = deque(items)
        if not waiting:
            return
        most = min(self._options.bulk_articles, max(_SMALLEST_PART, -(-len(waiting) // _PARTS)))
        lanes = min(_LANES, -(-len(waiting) // most))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(lanes):
                    group.create_task(self._lane(waiting, most))
        except ExceptionGroup as group:
            halted = group.subgroup(StoreHalted)
            if halted is None:
                raise
            self._count("halted", sum(item.outcome is None for item in items))
            raise halted.exceptions[0]  # noqa: B904  (it carries its cause; the group adds nothing)

    async def _lane(self, waiting: deque[Item], most: int) -> None:
        failures = 0
        limit = most
        while waiting:
            chunk = self._take(waiting, limit)
            again, may_split = await self._request(chunk)
            if not again:
                failures, limit = 0, min(most, limit * 2)
                continue
            # What must be sent again goes first: order does not matter, but the oldest has waited longest.
            waiting.extendleft(reversed(again))
            if may_split and len(chunk) > 1:
                limit = most = max(1, len(chunk) // 2)
                continue
            failures += 1
            if len(again) == len(chunk) and len(chunk) > 1 and failures >= 3:
                # A proxy that drops large requests looks like a server that is away; smaller ones get through.
                limit = max(1, len(chunk) // 2)
            await self._back_off(failures, len(again))

    async def _back_off(self, failures: int, documents: int) -> None:
        ceiling = min(self._longest_wait, self._first_wait * 2.0 ** min(failures - 1, 20))
        wait = random.uniform(ceiling / 2, ceiling)
        if failures in (1, 3, 10) or failures % 30 == 0:
            logger.warning(
                "index: %d documents not taken by Elasticsearch, attempt %d; next in %.1f s", documents, failures, wait
            )
        await asyncio.sleep(wait)

    def _take(self, waiting: deque[Item], limit: int) -> list[Item]:
        chunk: list[Item] = []
        size = 0
        while waiting and len(chunk) < limit:
            size += len(waiting[0].lines()) + 1
            if chunk and size > self._options.bulk_bytes:
                break
            chunk.append(waiting.popleft())
        return chunk

    async def _request(self, chunk: list[Item]) -> tuple[list[Item], bool]:
        """Send one request; return what must be sent again, and whether in smaller requests."""
        try:
            # Not `client.bulk`: that is a PUT, which aiohttp sends a second time by itself when a kept connection
            # breaks, so that we would meet our own writes as conflicts without knowing it.
            answer = await self._client.perform_request(
                "POST",
                "/_bulk",
                params={"filter_path": _FILTER},
                headers={"accept": "application/json", "content-type": "application/x-ndjson"},
                body=[item.lines() for item in chunk],
            )
            results = answer.body.get("items", [])
        except UnsupportedProductError as error:
            raise translate(error, self._options) from error
        except ApiError as error:
            return self._refused_as_a_whole(chunk, error)
        except (TransportError, SerializationError, TimeoutError) as error:
            if is_untrusted(error):
                raise translate(error, self._options) from error
            logger.info("index: %s", translate(error, self._options))
            return self._unanswered(chunk), False
        if len(results) != len(chunk):
            return self._unanswered(chunk), False
        again = [
            item for item, result in zip(chunk, results, strict=True) if not self._settle(item, *_only_value(result))
        ]
        self._count("retried", len(again))
        return again, False

    def _unanswered(self, chunk: list[Item]) -> list[Item]:
        for item in chunk:
            item.may_be_written = True
        self._count("retried", len(chunk))
        return chunk

    def _refused_as_a_whole(self, chunk: list[Item], error: ApiError) -> tuple[list[Item], bool]:
        status = error.status_code
        if status in HALTING or status == 404 or 300 <= status < 400:
            raise translate(error, self._options) from error
        if status == 429 or status >= 500 or status == 408:
            # A gateway's 502 or 504 may stand for a request that arrived.
            logger.info("index: %s", translate(error, self._options))
            return self._unanswered(chunk), False
        if len(chunk) == 1:
            self._finish(chunk[0], "refused", f"{status}: {cause(error)}")
            return [], False
        # One document that the server cannot even parse, or too much at once: half by half the culprit stands alone.
        self._count("retried", len(chunk))
        return chunk, True

    def _settle(self, item: Item, status: int, result: dict[str, Any]) -> bool:
        """Note the item's outcome; return False if it must be sent again."""
        if status in (200, 201):
            self._finish(item, "created" if result.get("result") == "created" else "updated")
            return True
        fault = result.get("error") or {}
        kind, reason = str(fault.get("type", "")), str(fault.get("reason", ""))
        if status == 409:
            self._conflict(item, reason)
            return True
        if item.encode is None and status == 404:
            self._finish(item, "updated")  # gone already, which is what was wanted
            return True
        if status == 429 or status >= 500 or status == 408:
            return False
        if status in HALTING or kind in _HALTING_TYPES:
            raise StoreHalted(
                f"Elasticsearch refuses to write to {item.index} ({status} {kind}: {reason[:300]}): "
                "a person must mend that"
            )
        inner = str((fault.get("caused_by") or {}).get("reason", ""))
        self._finish(item, "refused", f"{status} {kind}: {reason[:600]} {inner[:300]}".strip())
        return True

    def _conflict(self, item: Item, reason: str) -> None:
        found = _CONFLICT.search(reason)
        if item.may_be_written and found and int(found.group(1)) == item.version:
            # Our own write, whose answer was lost: it is stored, and whether it was the first is not known any more.
            self._finish(item, "updated", "stored before, its answer was lost")
        else:
            self._finish(item, "stale")

    def _finish(self, item: Item, outcome: Outcome, detail: str = "") -> None:
        item.outcome, item.detail, item.body = outcome, detail, b""
        if item.encode is not None:
            self._count(outcome, 1)


def _only_value(result: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    value = next(iter(result.values()))
    return int(value.get("status", 500)), value
