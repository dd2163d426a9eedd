"""Extracts pages in processes that can be killed (`agent.killable`): started when they are needed, ended when idle.

async with PagePool(settings) as pool:
    reply = await pool.extract(body, url=…, content_type=…)
"""

from __future__ import annotations

from types import TracebackType

import msgspec

from agent.killable import KillablePool, WorkerKilled
from agent.pages.records import Hints, PageReply, PageRequest
from agent.settings import PageSettings

IDLE_SECONDS = 120.0
"""A process with the HTML libraries in it takes 90 MB: it is not kept for a page an hour."""


class PagePool:
    """Worker processes that extract pages. Use as an async context manager, within one event loop."""

    def __init__(self, settings: PageSettings) -> None:
        self._cpu_seconds = settings.extract_seconds
        self._pool = KillablePool(
            "agent.pages.worker",
            workers=settings.extract_workers,
            memory_bytes=settings.extract_memory_bytes,
            idle_seconds=IDLE_SECONDS,
        )
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(PageReply)

    async def __aenter__(self) -> PagePool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all workers, also busy ones."""
        await self._pool.close()

    async def extract(
        self,
        data: bytes,
        *,
        url: str | None = None,
        content_type: str = "",
        hints: Hints | None = None,
        explain: bool = False,
    ) -> PageReply:
        """Extract one page; its `outcome` is `killed` when it cost more than it may. Never raises for a page."""
        request = PageRequest(
            data=data,
            url=url,
            content_type=content_type,
            hints=hints or Hints(),
            explain=explain,
            cpu_seconds=self._cpu_seconds,
        )
        try:
            answer = await self._pool.ask(self._encoder.encode(request), cpu_seconds=self._cpu_seconds)
            return self._decoder.decode(answer)
        except (WorkerKilled, msgspec.DecodeError):
            detail = f"reading it took more than {self._cpu_seconds:g} s or too much memory: its extractor was killed"
            return PageReply(outcome="killed", detail=detail)
