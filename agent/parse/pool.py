"""Parses feeds in processes that can be killed (`agent.killable`), so that a hostile document costs its own feed a poll
and no other anything.

    async with ParsePool(settings) as pool:
        reply = await pool.parse(body, url=…, content_type=…)
"""

from __future__ import annotations

from types import TracebackType

import msgspec

from agent.killable import KillablePool, WorkerKilled
from agent.parse.feed import MAX_ENTRIES
from agent.parse.worker import ParseReply, ParseRequest
from agent.settings import CollectSettings


class ParsePool:
    """Worker processes that parse feeds. Use as an async context manager, within one event loop."""

    def __init__(self, settings: CollectSettings, *, idle_seconds: float | None = None) -> None:
        """Args:
        idle_seconds: the parser is ended when there was nothing to parse for so long; None keeps it ready.
        """
        self._cpu_seconds = settings.parse_seconds
        self._pool = KillablePool(
            "agent.parse.worker",
            workers=settings.parse_workers,
            memory_bytes=settings.parse_memory_bytes,
            idle_seconds=idle_seconds,
        )
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(ParseReply)

    async def __aenter__(self) -> ParsePool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def killed(self) -> int:
        """Workers that a document brought down."""
        return self._pool.killed

    async def start(self) -> None:
        """Have the parser ready, so that the first document takes no longer than any other."""
        await self._pool.start()

    async def close(self) -> None:
        """End all workers, also busy ones."""
        await self._pool.close()

    async def parse(
        self,
        data: bytes,
        *,
        url: str | None = None,
        content_type: str = "",
        content_language: str = "",
        max_entries: int = MAX_ENTRIES,
        any_sitemap: bool = False,
    ) -> ParseReply:
        """Parse one document; its `outcome` is `parser_killed` when it cost more than it may. Never raises for a
        document. The arguments are those of `parse_document`."""
        payload = self._encoder.encode(
            ParseRequest(
                data=data,
                url=url,
                content_type=content_type,
                content_language=content_language,
                max_entries=max_entries,
                any_sitemap=any_sitemap,
                cpu_seconds=self._cpu_seconds,
            )
        )
        try:
            return self._decoder.decode(await self._pool.ask(payload, cpu_seconds=self._cpu_seconds))
        except (WorkerKilled, msgspec.DecodeError):
            detail = f"parsing it took more than {self._cpu_seconds:g} s or too much memory: its parser was killed"
            return ParseReply(outcome="parser_killed", detail=detail)
