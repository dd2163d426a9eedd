"""A corpus of hostile servers. Each must be survived, within the limits, with the right class of error."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable

import aiohttp
import msgspec
import pytest
from aiohttp.http_exceptions import BadHttpMessage, ContentLengthError, LineTooLong, TransferEncodingError

from agent.fetch.fetcher import Fetched, Fetcher
from agent.fetch.headers import failure
from agent.settings import CollectSettings
from tests.servers import hostile
from tests.servers.hostile import (
    FEED,
    OK,
    TLS,
    Client,
    Script,
    body,
    coded,
    hostile_server,
    redirect,
    sends,
    then_for_ever,
    then_resets,
    then_waits,
)

SETTINGS = CollectSettings(
    allow_private_hosts=("127.0.0.1",),
    timeout_seconds=30,
    max_feed_bytes=200_000,
    per_host_spacing_seconds=0,
    ca_file=str(TLS / "authority.pem"),
)
PATIENT_SECONDS = 0.4
"""For servers that keep a client waiting: all of them are to run into it."""
TIMEOUT, UNREACHABLE, TOO_LARGE, HTTP = "timeout", "unreachable", "too_large", "http_error"
REFUSED, EMPTY, TLS_ERROR, LIMITED = "refused_address", "empty", "tls_error", "rate_limited"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LAZY = gzip.compress(FEED * 1000)

WAITING: dict[str, Script] = {
    "accepts and says nothing": lambda client: client.wait(),
    "sends a head byte by byte": then_for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.02),
    "sends head lines for ever, slowly": then_for_ever(OK, b"X: y\r\n", 0.02),
    "stops in the middle of the head": then_waits(OK, b"Content-Type: text/xml\r\n"),
    "sends a body byte by byte": then_for_ever(OK + b"Content-Length: 100000\r\n\r\n", b" ", 0.02),
    "stops in the middle of the body": then_waits(OK, b"Content-Length: 100\r\n\r\n", FEED),
    "sends a body that ends when it likes": then_for_ever(OK + b"\r\n", b" ", 0.02),
    "never sends the last chunk": then_waits(CHUNKED, b"6\r\n", FEED, b"\r\n"),
    "says that it goes on processing": then_for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.02),
    "promises more gzip than it sends": then_waits(
        OK, b"Content-Encoding: gzip\r\nContent-Length: 90000\r\n\r\n", LAZY[:50]
    ),
}  # fmt: skip

ANSWERING: dict[str, tuple[Script, str]] = {
    # bombs, in every coding
    "gzip bomb": (coded(b"gzip", hostile.gzip_bomb()), TOO_LARGE),
    "gzip bomb that nobody declared": (sends(body(hostile.gzip_bomb())), TOO_LARGE),
    "gzip of thousands of empty members": (coded(b"gzip", hostile.gzip_bomb_of_many_members()), HTTP),
    "zlib bomb": (coded(b"deflate", hostile.deflate_bomb(15)), TOO_LARGE),
    "raw deflate bomb": (coded(b"deflate", hostile.deflate_bomb(-15)), TOO_LARGE),
    "brotli bomb": (coded(b"br", hostile.brotli_bomb()), TOO_LARGE),
    "zstd bomb": (coded(b"zstd", hostile.zstd_bomb()), TOO_LARGE),
    "zstd that wants 128 MiB of window": (coded(b"zstd", hostile.zstd_with_a_huge_window()), HTTP),
    "gzip in gzip": (coded(b"gzip, gzip", gzip.compress(hostile.gzip_bomb())), HTTP),
    "gzip in gzip, in two headers": (
        sends(body(gzip.compress(gzip.compress(FEED)), b"Content-Encoding: gzip", b"Content-Encoding: gzip")),
        HTTP,
    ),
    "ten codings": (coded(b"br, " * 9 + b"gzip", FEED), HTTP),
    "a coding that is none": (coded(b"lzma", FEED), HTTP),
    "gzip cut short": (coded(b"gzip", LAZY[:-9]), HTTP),
    "gzip with a wrong sum": (coded(b"gzip", LAZY[:-8] + bytes(8)), HTTP),
    "brotli cut short": (coded(b"br", b"\x1b\x0f\x00\x00\x24"), HTTP),
    "brotli that is none": (coded(b"br", b"\xff" * 100), HTTP),
    "zstd cut short": (coded(b"zstd", bytes(hostile.zstd_module().compress(FEED * 1000))[:-5]), HTTP),
    "zstd that is none": (coded(b"zstd", b"\x99" * 100), HTTP),
    # endless, and lying about it
    "an endless body": (then_for_ever(OK + b"\r\n", b"x" * 65_536), TOO_LARGE),
    "an endless body in chunks": (then_for_ever(CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n"), TOO_LARGE),
    "an endless body in chunks of one byte": (then_for_ever(CHUNKED, b"1\r\nx\r\n" * 10_000), TOO_LARGE),
    "an endless chunk extension": (then_for_ever(CHUNKED + b"1;", b"x" * 65_536), TOO_LARGE),
    "chunks with long extensions": (then_for_ever(CHUNKED, b"1;" + b"e" * 4_000 + b"\r\nx\r\n"), TOO_LARGE),
    "endless trailers": (then_for_ever(CHUNKED + b"6\r\n<rss/>\r\n0\r\n", b"X-T: y\r\n" * 1000), HTTP),
    "a length of a terabyte": (sends(OK, b"Content-Length: 1000000000000\r\n\r\n", FEED), TOO_LARGE),
    "a chunk of an exabyte": (sends(CHUNKED, b"fffffffffffffff\r\n", FEED), UNREACHABLE),
    "longer than it says": (sends(OK, b"Content-Length: 6\r\n\r\n", FEED * 9), HTTP),
    "shorter than it says": (sends(OK, b"Content-Length: 100\r\n\r\n", FEED), UNREACHABLE),
    "two lengths": (sends(OK, b"Content-Length: 6\r\nContent-Length: 60\r\n\r\n", FEED), HTTP),
    "a length below nothing": (sends(OK, b"Content-Length: -6\r\n\r\n", FEED), HTTP),
    "a length that is no number": (sends(OK, b"Content-Length: six\r\n\r\n", FEED), HTTP),
    "length and chunks": (
        sends(OK, b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n", b"6\r\n<rss/>\r\n0\r\n\r\n"),
        HTTP,
    ),
    "chunks of no size": (sends(CHUNKED, b"zz\r\n", FEED), HTTP),
    "chunks cut short": (sends(CHUNKED, b"6\r\n", FEED), UNREACHABLE),
    # heads
    "a flood of headers": (then_for_ever(OK, b"X-Header: value\r\n" * 1000), HTTP),
    "a header line without end": (then_for_ever(OK + b"X: ", b"y" * 65_536), HTTP),
    "a status line without end": (then_for_ever(b"HTTP/1.1 200 ", b"O" * 65_536), HTTP),
    "a flood of interim answers": (then_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), TOO_LARGE),
    "a switch to another protocol": (
        sends(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        HTTP,
    ),
    "HTTP/0.9": (sends(b"<html><body>an answer without a head</body></html>"), HTTP),
    "another protocol": (sends(b"220 mail.example ESMTP ready\r\n"), HTTP),
    "TLS on a plain port": (sends(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)), HTTP),
    "a version that is none": (sends(b"HTTP/9.9 200 OK\r\nContent-Length: 6\r\n\r\n", FEED), HTTP),
    "a status that is none": (sends(b"HTTP/1.1 999999 What\r\n\r\n"), HTTP),
    "a zero byte in a header": (sends(OK, b"X: a\0b\r\nContent-Length: 6\r\n\r\n", FEED), HTTP),
    "random bytes": (sends(bytes(range(128, 256)) * 40), HTTP),
    # connections
    "hangs up at once": (sends(), UNREACHABLE),
    "hangs up in the head": (sends(OK, b"Content-Le"), UNREACHABLE),
    "resets at once": (then_resets(), UNREACHABLE),
    "resets in the body": (then_resets(OK, b"Content-Length: 100\r\n\r\n", FEED), UNREACHABLE),
    # redirects
    "a redirect to itself": (redirect("/"), HTTP),
    "a redirect to a private address": (redirect("http://10.0.0.1/"), REFUSED),
    "a redirect to a metadata service": (redirect("http://169.254.169.254/latest/meta-data/"), REFUSED),
    "a redirect to a private address in octal": (redirect("http://012.0.0.1/"), REFUSED),
    "a redirect to a private address in one number": (redirect("http://167772161/"), REFUSED),
    "a redirect to a private address in full width": (redirect("http://１０.０.０.１/"), REFUSED),
    "a redirect to a mapped address": (redirect("http://[::ffff:10.0.0.1]/"), REFUSED),
    "a redirect to a file": (redirect("file:///etc/passwd"), REFUSED),
    "a redirect to a port that is no web server's": (redirect("http://93.184.216.34:25/"), REFUSED),
    "a redirect with a user name": (redirect("http://admin:admin@127.0.0.1/"), REFUSED),
    "a redirect to nowhere": (redirect("http://[/"), HTTP),
    "a redirect of a megabyte": (redirect("/" + "a" * 1_000_000), HTTP),
    # answers
    "nothing in it": (sends(body(b"")), EMPTY),
    "only blanks in it": (sends(body(b" \r\n\0" * 100)), EMPTY),
    "304 to a request without a condition": (sends(b"HTTP/1.1 304 Not Modified\r\n\r\n"), HTTP),
    "206 to a request without a range": (sends(b"HTTP/1.1 206 Partial\r\nContent-Length: 6\r\n\r\n", FEED), HTTP),
    "a wait of a thousand years": (
        sends(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n"),
        LIMITED,
    ),
    "a picture that says it is a feed": (sends(body(b"\x89PNG\r\n" + bytes(100), b"Content-Type: text/xml")), "ok"),
}

TLS_FAULTS: dict[str, str] = {
    "expired": "expired",
    "not-yet": "not yet valid",
    "wrong-host": "mismatch",
    "self-signed": "self",
}


def test_there_are_enough_of_them() -> None:
    assert len(ANSWERING) + len(WAITING) + len(TLS_FAULTS) >= 80


async def visit(script: Script, settings: CollectSettings = SETTINGS, **server: object) -> Fetched:
    with hostile_server(script, **server) as port:  # type: ignore[arg-type]
        async with Fetcher(settings) as fetcher:
            scheme = "https" if server.get("certificate") else "http"
            fetched = await fetcher.fetch(f"{scheme}://127.0.0.1:{port}/")
    assert len(fetched.body) <= settings.max_feed_bytes
    assert fetched.outcome == "ok" or fetched.detail
    assert fetched.detail.isprintable()
    msgspec.json.encode(fetched)
    return fetched


@pytest.mark.parametrize("name", ANSWERING)
async def test_survived(name: str) -> None:
    script, outcome = ANSWERING[name]
    fetched = await visit(script)
    assert fetched.outcome == outcome, fetched.detail


@pytest.mark.parametrize("name", WAITING)
async def test_servers_that_keep_a_client_waiting(name: str) -> None:
    fetched = await visit(WAITING[name], msgspec.structs.replace(SETTINGS, timeout_seconds=PATIENT_SECONDS))
    assert fetched.outcome == TIMEOUT


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (BadHttpMessage("Too many headers received"), HTTP),
        (LineTooLong(b"x" * 9_000, 8_190), HTTP),
        (TransferEncodingError("Chunk size mismatch: expected CRLF after chunk data"), HTTP),
        (TransferEncodingError("Not enough data to satisfy transfer length header."), UNREACHABLE),
        (
            ContentLengthError("Not enough data to satisfy content length header (received 6 of 100 bytes)."),
            UNREACHABLE,
        ),
        (ConnectionResetError(104, "Connection reset by peer"), UNREACHABLE),
    ],
)
def test_what_ended_a_body_says_whose_fault_it_was(cause: Exception, outcome: str) -> None:
    try:
        raise aiohttp.ClientPayloadError(f"Response payload is not completed: {cause!r}") from cause
    except aiohttp.ClientPayloadError as error:
        assert failure(error)[0] == outcome


async def test_tls_as_it_should_be() -> None:
    assert (await visit(sends(body(FEED)), certificate="good")).outcome == "ok"
    unknown = msgspec.structs.replace(SETTINGS, ca_file=None)
    assert (await visit(sends(body(FEED)), unknown, certificate="good")).outcome == TLS_ERROR


@pytest.mark.parametrize("certificate", TLS_FAULTS)
async def test_bad_certificates(certificate: str) -> None:
    fetched = await visit(sends(body(FEED)), certificate=certificate)
    assert fetched.outcome == TLS_ERROR
    assert TLS_FAULTS[certificate] in fetched.detail


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<rss/>"), TLS_ERROR),
        (sends(b"\x15\x03\x03\x00\x02\x02\x28"), TLS_ERROR),
        (sends(), UNREACHABLE),
        (then_resets(), UNREACHABLE),
    ],
    ids=["plain HTTP", "an alert", "hangs up", "resets"],
)
async def test_ports_on_which_tls_fails(script: Script, outcome: str) -> None:
    def after_hello(client: Client) -> None:
        client._connection.recv(65_536)
        script(client)

    with hostile_server(after_hello, reads=False) as port:
        async with Fetcher(SETTINGS) as fetcher:
            assert (await fetcher.fetch(f"https://127.0.0.1:{port}/")).outcome == outcome


async def test_tls_that_never_shakes_hands() -> None:
    quick = msgspec.structs.replace(SETTINGS, timeout_seconds=PATIENT_SECONDS)
    with hostile_server(lambda client: client.wait(), reads=False) as port:
        async with Fetcher(quick) as fetcher:
            assert (await fetcher.fetch(f"https://127.0.0.1:{port}/")).outcome == TIMEOUT


# --- names ---


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["fe80::1%lo"]],
)
async def test_a_name_whose_owner_points_it_home_is_refused(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: what counts is the address that is connected to, so it does not matter what was said before."""
    connected: list[str] = []
    with hostile_server(sends(body(FEED)), reads=True) as port:

        def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
            found: list[tuple[object, ...]] = []
            for address in answers:
                is_v6 = ":" in address
                family = socket.AF_INET6 if is_v6 else socket.AF_INET
                found.append((family, socket.SOCK_STREAM, 6, "", (address, port, 0, 0) if is_v6 else (address, port)))
            return found

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        closed = msgspec.structs.replace(SETTINGS, allow_private_hosts=(), ports=(port,), timeout_seconds=1.5)
        async with Fetcher(closed) as fetcher:
            factory = fetcher.guard.socket_factory

            def watched(info: tuple[object, ...]) -> socket.socket:
                made = factory(info)
                connected.append(str(info[4][0]))  # type: ignore[index]
                return made

            monkeypatch.setattr(fetcher.guard, "socket_factory", watched)
            fetcher._session._connector._socket_factory = watched  # type: ignore[union-attr]
            fetched = await fetcher.fetch(f"http://rebind.example:{port}/")
    assert fetched.outcome in {REFUSED, TIMEOUT, UNREACHABLE}
    assert fetched.outcome == REFUSED or len(answers) > 1
    assert set(connected) <= {"93.184.216.34"}


# --- the loop goes on ---


@pytest.mark.parametrize("name", ["a flood of interim answers", "brotli bomb", "gzip of thousands of empty members"])
async def test_one_hostile_server_holds_up_nobody_else(name: str) -> None:
    script, outcome = ANSWERING[name]
    with hostile_server(script) as bad, hostile_server(sends(body(FEED))) as good:
        async with Fetcher(SETTINGS) as fetcher:
            import asyncio

            worst = asyncio.create_task(fetcher.fetch(f"http://127.0.0.1:{bad}/"))
            while not worst.done():
                assert (await fetcher.fetch(f"http://127.0.0.1:{good}/")).outcome == "ok"
            assert (await worst).outcome == outcome


def test_bombs_are_undone_no_further_than_asked() -> None:
    from agent.fetch.decompress import Decompressor

    bombs: list[tuple[str, Callable[[], bytes]]] = [
        ("gzip", hostile.gzip_bomb),
        ("br", hostile.brotli_bomb),
        ("zstd", hostile.zstd_bomb),
    ]
    for coding, make in bombs:
        start = time.process_time()
        assert len(Decompressor(coding).feed(make(), 1_000)) == 1_000
        assert time.process_time() - start < 30
