"""Undoes `Content-Encoding` piece by piece, never making more bytes than asked for: a bomb stops where the limit is."""

from __future__ import annotations

import sys
import zlib
from typing import Any

ACCEPTED = "gzip, deflate, br, zstd"
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_MEMBERS = 200
"""Compressed members in one body: real ones have one or two, and each costs a copy of what follows."""
ZSTD_WINDOW_LOG = 23
"""8 MiB, the most that a server may ask of a client (RFC 9659); without it a frame of 1 kB takes 128 MiB."""


class BodyError(Exception):
    """The body is not in the encoding that it is said to be in, or was cut short."""


# One compressed member each. `expand(data, max_bytes)` takes `data` over and gives at most about so many bytes; with
# b"" it gives more of what it holds. `rest` is what follows the member, once it is over.


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self.error: type[Exception] = zlib.error

    @property
    def is_over(self) -> bool:
        return self._inner.eof

    @property
    def rest(self) -> bytes:
        return self._inner.unused_data

    def expand(self, data: bytes, max_bytes: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_bytes)


class _Brotli:
    rest = b""  # the library takes anything after the end for a fault

    def __init__(self) -> None:
        import brotli

        self._inner: Any = brotli.Decompressor()
        self._held: list[bytes] = []
        self.error: type[Exception] = brotli.error

    @property
    def is_over(self) -> bool:
        return bool(self._inner.is_finished())

    def expand(self, data: bytes, max_bytes: int) -> bytes:
        if data:
            self._held.append(data)
        # While it has output to give, the library takes no input.
        out = b"" if self._inner.can_accept_more_data() else self._inner.process(b"", output_buffer_limit=max_bytes)
        if not out and self._held and self._inner.can_accept_more_data():
            data, self._held = b"".join(self._held), []
            out = self._inner.process(data, output_buffer_limit=max_bytes)
        return bytes(out)


class _Zstd:
    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        self._inner = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})
        self.error: type[Exception] = zstd.ZstdError

    @property
    def is_over(self) -> bool:
        return bool(self._inner.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._inner.unused_data)

    def expand(self, data: bytes, max_bytes: int) -> bytes:
        return bytes(self._inner.decompress(data, max_bytes))


class Decompressor:
    """Decompresses one body; also one that is gzip and does not say so (a `.xml.gz` file)."""

    def __init__(self, content_encoding: str) -> None:
        """Raises BodyError for an encoding that was not asked for, and for several one on the other."""
        codings = [c.strip().lower() for c in content_encoding.split(",")]
        codings = [c.removeprefix("x-") for c in codings if c not in {"", "identity"}]
        if len(codings) > 1 or (codings and codings[0] not in {"gzip", "deflate", "br", "zstd"}):
            raise BodyError(f"sent in encoding {content_encoding[:60]!r}, which was not asked for")
        self._coding = codings[0] if codings else ""
        self._held = b""
        self._inner: _Zlib | _Brotli | _Zstd | None = None
        self._members = 0
        self._is_decided = False

    def feed(self, chunk: bytes, max_bytes: int) -> bytes:
        """Return what `chunk` adds to the body, at most `max_bytes` of it: after so many there is nothing to be had.

        Raises:
            BodyError: the bytes are not what the header says.
        """
        if not self._is_decided:
            # The first bytes tell zlib's deflate from the raw one that some send, and gzip that nobody declared.
            chunk = self._held + chunk
            if len(chunk) < (4 if self._coding == "zstd" else 2):
                self._held = chunk
                return b""
            self._held, self._is_decided = b"", True
            self._inner = self._choose(chunk)
        if self._inner is None:
            return chunk[: max(max_bytes, 0)]
        try:
            return self._expand(chunk, max_bytes)
        except self._inner.error as error:
            raise BodyError(f"the body is broken: {error}") from error

    def _expand(self, chunk: bytes, max_bytes: int) -> bytes:
        out = bytearray()
        while self._inner is not None and len(out) < max_bytes:
            if self._inner.is_over:
                # Another member (RFC 1952 section 2.2, RFC 8878 section 3), or rubbish after the end, which is ignored.
                chunk = self._inner.rest + chunk
                magic = {"br": None, "zstd": ZSTD_MAGIC}.get(self._coding, GZIP_MAGIC)
                if magic is None or not chunk.startswith(magic):
                    break
                self._members += 1
                if self._members > MAX_MEMBERS:
                    raise BodyError(f"more than {MAX_MEMBERS} compressed pieces in one body")
                self._inner = self._made()
            piece = self._inner.expand(chunk, max_bytes - len(out))
            chunk = b""
            out += piece
            if not piece and not self._inner.is_over:
                break
        return bytes(out[: max(max_bytes, 0)])

    def finish(self) -> bytes:
        """Return what is left of the body. Raises BodyError if it ended too early."""
        if (self._inner is not None and not self._inner.is_over) or (self._held and self._coding not in {"", "gzip"}):
            raise BodyError("the compressed body was cut short")
        return self._held

    def _choose(self, start: bytes) -> _Zlib | _Brotli | _Zstd | None:
        # Servers name a coding and send plain text: a proxy decompressed it and left the header.
        if self._coding == "gzip" or (not self._coding and start.startswith(GZIP_MAGIC)):
            return _Zlib(31) if start.startswith(GZIP_MAGIC) else None
        if self._coding == "zstd":
            return None if start[:1] in b"<{\xef \t\r\n" else _Zstd()
        if self._coding == "deflate":
            is_zlib = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
            return _Zlib(15 if is_zlib else -15)
        return _Brotli() if self._coding == "br" else None

    def _made(self) -> _Zlib | _Zstd:
        return _Zstd() if self._coding == "zstd" else _Zlib(31)


def gunzip(data: bytes, max_bytes: int) -> bytes:
    """Return `data` decompressed if it is gzip, else as it is, at most `max_bytes` + 1 of it.

    Raises:
        BodyError: it begins like gzip and is not, or was cut short.
    """
    decompressor = Decompressor("")
    body = decompressor.feed(data, max_bytes + 1)
    return body + decompressor.finish() if len(body) <= max_bytes else body
