"""Looks host names up in threads of its own.

asyncio's default executor has a handful of threads on a small machine: a few names whose servers do not answer would
hold up every other feed for as long as the system's resolver waits.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

MAX_THREADS = 64
_FLAGS = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """The system's resolver, many look-ups at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="rasad-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`. Raises OSError where there is none."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port, family)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=protocol, flags=_FLAGS)
            for kind, protocol, address in found
        ]

    async def close(self) -> None:
        """Forget look-ups that have not begun; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: int) -> list[tuple[int, int, str]]:
    infos = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    addresses = []
    for kind, _, protocol, _, address in infos:
        text = str(address[0])
        if kind == socket.AF_INET6 and len(address) == 4 and address[3] and "%" not in text:
            text = f"{text}%{address[3]}"  # a link-local address is nothing without its interface
        addresses.append((int(kind), protocol, text))
    return addresses
