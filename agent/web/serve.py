"""Serving: uvicorn in the agent's own event loop, on a socket that is bound before anything is promised."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from agent.errors import ServiceUnavailable
from agent.web.application import application

if TYPE_CHECKING:
    from agent.web.world import World

_CONNECTIONS = 200
_GOODBYE_SECONDS = 3


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when requests are answered."""
        await super().startup(sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the agent."""
        yield


@asynccontextmanager
async def serve(world: World) -> AsyncIterator[int]:
    """Serve the pages of `world` while the block runs; gives the port.

    Raises:
        ServiceUnavailable: the port is taken.
    """
    settings = world.settings.web
    bound = _bind(settings.host, settings.port or 0)
    config = uvicorn.Config(
        application(world), log_config=None, access_log=False, lifespan="off", http="h11", ws="none",
        server_header=False, limit_concurrency=_CONNECTIONS, timeout_keep_alive=30, proxy_headers=False,
        timeout_graceful_shutdown=_GOODBYE_SECONDS, h11_max_incomplete_event_size=64 * 1024,
    )  # fmt: skip
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        listening = asyncio.create_task(server.listens.wait())
        await asyncio.wait({listening, running}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if running.done():
            running.result()
            raise ServiceUnavailable("the web page could not be started")
        yield int(bound.getsockname()[1])
    finally:
        await world.hub.close()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await running
        bound.close()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ServiceUnavailable(
            f"cannot listen on {host}:{port} ({error.strerror}): set web.port to a free one, or web.host to an address "
            "of this machine"
        ) from error
    return bound
