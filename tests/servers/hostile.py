"""Servers that do everything wrong, on real sockets: each a script of what is sent to whoever connects.

    with hostile_server(script) as port: …

A script gets the connection after the request's head was read (but for TLS, where that is the point) and may send,
wait and hang up as it likes; it ends when the client is gone, or when the server is closed.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

TLS = Path(__file__).parents[1] / "data" / "tls"
OK = b"HTTP/1.1 200 OK\r\n"
FEED = b"<rss/>"


class Client:
    """The connection of one client, as a script sees it."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection = connection
        self._closing = closing

    def send(self, *parts: bytes) -> None:
        self._connection.sendall(b"".join(parts))

    def wait(self, seconds: float = 60.0) -> None:
        """Do nothing; ends early when the server is closed."""
        if self._closing.wait(seconds):
            raise ConnectionAbortedError

    def for_ever(self, piece: bytes, pause_seconds: float = 0.0) -> None:
        """Send `piece` again and again until the client has had enough."""
        while True:
            if self._closing.is_set():
                raise ConnectionAbortedError
            self.send(piece)
            if pause_seconds:
                self.wait(pause_seconds)

    def reset(self) -> None:
        """Hang up with RST instead of FIN."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def read_request(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self._connection.recv(65_536)
            if not piece:
                raise ConnectionAbortedError
            head += piece
        return head


Script = Callable[[Client], None]


@contextlib.contextmanager
def hostile_server(script: Script, *, reads: bool = True, certificate: str | None = None) -> Iterator[int]:
    """Run `script` for every connection; gives the port. `certificate` names a file of tests/data/tls."""
    closing = threading.Event()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / f"{certificate}.pem")
    with socket.create_server(("127.0.0.1", 0), backlog=32) as listener:
        listener.settimeout(0.02)
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            # Whatever the client does to the connection is its right.
            with contextlib.suppress(OSError), connection:
                connection.settimeout(5)
                wrapped = context.wrap_socket(connection, server_side=True) if context else connection
                with wrapped:
                    client = Client(wrapped, closing)
                    if reads:
                        client.read_request()
                    script(client)

        def accept() -> None:
            while not closing.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listener.accept()
                    thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                    thread.start()
                    threads.append(thread)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            closing.set()
            accepting.join(10)
            for thread in threads:
                thread.join(10)


def sends(*parts: bytes) -> Script:
    """A script that sends this and hangs up."""
    return lambda client: client.send(*parts)


def body(data: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return OK + lines + b"Content-Length: %d\r\n\r\n" % len(data) + data


def coded(coding: bytes, data: bytes) -> Script:
    return sends(body(data, b"Content-Encoding: " + coding))


def then_for_ever(start: bytes, piece: bytes, pause_seconds: float = 0.0) -> Script:
    def script(client: Client) -> None:
        client.send(start)
        client.for_ever(piece, pause_seconds)

    return script


def then_waits(*parts: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(*parts)
        client.wait()

    return script


def then_resets(*parts: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(*parts)
        client.reset()

    return script


def redirect(target: str, status: int = 302) -> Script:
    return sends(b"HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, target.encode()))


def zeros(pieces: int = 40) -> Iterator[bytes]:
    for _ in range(pieces):
        yield bytes(1_000_000)


def gzip_bomb() -> bytes:
    return gzip.compress(bytes(40_000_000))


def gzip_bomb_of_many_members() -> bytes:
    return gzip.compress(b"") * 4_000


def deflate_bomb(window_bits: int) -> bytes:
    packer = zlib.compressobj(wbits=window_bits)
    return b"".join(map(packer.compress, zeros())) + packer.flush()


def brotli_bomb() -> bytes:
    import brotli

    packer = brotli.Compressor(quality=1)
    return b"".join(map(packer.process, zeros())) + bytes(packer.finish())


def zstd_bomb() -> bytes:
    return zstd_module().compress(bytes(40_000_000))  # type: ignore[no-any-return]


def zstd_with_a_huge_window() -> bytes:
    zstd = zstd_module()
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=options)
    return bytes(packer.compress(b"<rss/>" * 10)) + bytes(packer.flush())


def zstd_module():  # type: ignore[no-untyped-def]
    try:
        from compression import zstd
    except ImportError:
        from backports import zstd
    return zstd
