"""A proxy in front of a real Elasticsearch that fails on command.

    async with FaultProxy(node.url) as proxy:
        proxy.faults = [Answer(503), DropAnswer(), RejectItems(429, every=3)]
        ... proxy.url ...

Each bulk request meets the next fault of the list; when it is used up, all goes through. Other requests always go through.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """Answer this, and pass nothing on."""

    status: int
    body: bytes = b'{"error":{"type":"es_rejected_execution_exception","reason":"injected"},"status":0}'


@dataclass(frozen=True)
class DropRequest:
    """Close the connection, and pass nothing on."""


@dataclass(frozen=True)
class DropAnswer:
    """Pass the request on, and close the connection in place of the answer."""


@dataclass(frozen=True)
class CutAnswer:
    """Pass the request on, and send half of the answer."""


@dataclass(frozen=True)
class GarbleAnswer:
    """Pass the request on, and answer with what is no JSON."""


@dataclass(frozen=True)
class Hang:
    """Pass the request on, and never answer."""


@dataclass(frozen=True)
class RejectItems:
    """Pass on all but every `every`-th item, which are answered with `status`."""

    status: int
    every: int
    kind: str = "es_rejected_execution_exception"


Fault = Answer | DropRequest | DropAnswer | CutAnswer | GarbleAnswer | Hang | RejectItems
_HEADERS = {
    "X-Elastic-Product": "Elasticsearch",
    "Content-Type": "application/vnd.elasticsearch+json;compatible-with=9",
}
_PASSED = ("content-type", "accept", "authorization")


@dataclass
class FaultProxy:
    """See the module. `requests` holds the ids of each bulk request, in order."""

    target: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)
    refuses: Callable[[bytes], Fault | None] = lambda body: None
    """Called with the body of each bulk request that meets no fault of the list."""
    before: Callable[[int], None] = lambda number: None
    """Called with the number of each bulk request, from 1, before anything is done with it."""
    hold: Callable[[int], Awaitable[None]] | None = None
    """Waited for with the number of each request of any kind, from 1, before it is passed on."""
    authorize: Callable[[str | None], int] = lambda header: 200
    """Called with the Authorization header of each request; anything but 200 is answered as it is."""
    tls: ssl.SSLContext | None = None
    seen: int = 0
    """Requests of any kind."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.tls)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        status = self.authorize(request.headers.get("Authorization"))
        if status != 200:
            return web.Response(status=status, headers=_HEADERS, body=b'{"error":{"type":"security_exception"}}')
        body = await request.read()
        self.seen += 1
        if self.hold is not None:
            await self.hold(self.seen)
        if not request.path.endswith("/_bulk"):
            return web.Response(**await self._forward(request, body))
        items = _items(body)
        self.requests.append([item_id for item_id, _ in items])
        self.before(len(self.requests))
        fault = self.faults.pop(0) if self.faults else self.refuses(body)
        match fault:
            case None:
                return web.Response(**await self._forward(request, body))
            case Answer(status, answer):
                return web.Response(status=status, headers=_HEADERS, body=answer)
            case DropRequest():
                return self._drop(request)
            case DropAnswer():
                await self._forward(request, body)
                return self._drop(request)
            case CutAnswer():
                return await self._cut(request, await self._forward(request, body))
            case GarbleAnswer():
                await self._forward(request, body)
                return web.Response(headers=_HEADERS, body=b'{"items": [{"ind')
            case Hang():
                await self._forward(request, body)
                await asyncio.sleep(3600)
                raise AssertionError
            case RejectItems():
                return await self._reject(request, items, fault)

    async def _forward(self, request: web.Request, body: bytes) -> dict[str, Any]:
        headers = {name: value for name, value in request.headers.items() if name.lower() in _PASSED}
        headers.pop("Authorization", None)
        url = self.target + request.raw_path
        try:
            async with self._session.request(request.method, url, data=_Pieces(body), headers=headers) as answer:
                content = await answer.read()
                kept = {k: v for k, v in answer.headers.items() if k.lower() in ("content-type", "x-elastic-product")}
                return {"status": answer.status, "headers": kept, "body": content}
        except aiohttp.ClientError:
            return {"status": 502, "headers": _HEADERS, "body": b"{}"}

    def _drop(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _cut(self, request: web.Request, answer: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={**answer["headers"], "Content-Length": str(len(answer["body"]))})
        await response.prepare(request)
        await response.write(answer["body"][: len(answer["body"]) // 2])
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _reject(self, request: web.Request, items: list[tuple[str, bytes]], fault: RejectItems) -> web.Response:
        rejected = {place for place in range(len(items)) if place % fault.every == 0}
        passed = b"".join(lines for place, (_, lines) in enumerate(items) if place not in rejected)
        results = iter([])
        if passed:
            answer = await self._forward(request, passed)
            results = iter(json.loads(answer["body"]).get("items", []))
        error = {"type": fault.kind, "reason": "injected"}
        refusal = {"index": {"status": fault.status, "error": error}}
        merged = [refusal if place in rejected else next(results) for place in range(len(items))]
        return web.Response(headers=_HEADERS, body=json.dumps({"errors": True, "items": merged}).encode())


class _Pieces(aiohttp.payload.BytesIOPayload):
    """A body of any size, sent piece by piece."""

    def __init__(self, body: bytes) -> None:
        import io

        super().__init__(io.BytesIO(body))


def _items(body: bytes) -> list[tuple[str, bytes]]:
    """Return id and lines of each item of a bulk body."""
    lines = body.split(b"\n")
    items = []
    place = 0
    while place < len(lines) and lines[place]:
        ((kind, target),) = json.loads(lines[place]).items()
        count = 1 if kind == "delete" else 2
        items.append((target["_id"], b"".join(line + b"\n" for line in lines[place : place + count])))
        place += count
    return items
