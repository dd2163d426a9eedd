"""Fetching over real sockets: validators, redirects, bounds, and servers that do everything wrong."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from agent.fetch.decompress import BodyError, Decompressor, gunzip
from agent.fetch.fetcher import Fetched, Fetcher
from agent.fetch.guard import AddressGuard, AddressRefused, is_public
from agent.settings import CollectSettings
from streams.metrics import FETCH_OUTCOMES
from tests.servers.feed_server import Answer, FeedServer, Request, feed_server

SETTINGS = CollectSettings(
    allow_private_hosts=("127.0.0.1",), timeout_seconds=20, max_feed_bytes=100_000, per_host_spacing_seconds=0
)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(SETTINGS) as made:
        yield made


async def test_what_is_asked_and_what_is_not(server: FeedServer, fetcher: Fetcher) -> None:
    server.answers["/feed"] = Answer(b"<rss/>", headers=[("Set-Cookie", "id=1"), ("ETag", 'W/"a b"')])
    for _ in range(2):
        fetched = await fetcher.fetch(server.url("/feed"))
    assert (fetched.outcome, fetched.body, fetched.status) == ("ok", b"<rss/>", 200)
    assert fetched.etag == 'W/"a b"'
    headers = {name.lower(): value for name, value in server.requests[-1].headers.items()}
    assert not {"cookie", "referer", "authorization", "if-none-match", "if-modified-since"} & set(headers)
    assert headers["user-agent"] == SETTINGS.user_agent
    assert headers["accept-encoding"] == "gzip, deflate, br, zstd"


@pytest.mark.parametrize(
    "etag", ['"simple"', 'W/"weak"', "unquoted", '"with space, and comma"', '""', '"ünïcode"', '"it\'s"']
)
async def test_validators_are_sent_back_as_they_came(server: FeedServer, fetcher: Fetcher, etag: str) -> None:
    date = "Thu,  5 Jan 2023 10:00:00 +0000"

    def respond(request: Request) -> Answer:
        raw = f"HTTP/1.1 200 OK\r\nETag: {etag}\r\nLast-Modified: {date}\r\nContent-Length: 1\r\n\r\nx"
        return Answer(raw=raw.encode())

    server.answers["/feed"] = respond
    first = await fetcher.fetch(server.url("/feed"))
    await fetcher.fetch(server.url("/feed"), etag=first.etag, last_modified=first.last_modified)
    sent = server.requests[-1].headers
    # http.server shows the bytes of a header as Latin-1.
    assert sent["If-None-Match"].encode("latin-1").decode() == etag
    assert sent["If-Modified-Since"] == date


async def test_304_is_cheap_and_only_an_answer_to_a_condition(server: FeedServer, fetcher: Fetcher) -> None:
    server.answers["/feed"] = Answer(status=304, headers=[("ETag", '"new"')])
    fetched = await fetcher.fetch(server.url("/feed"), etag='"old"')
    assert (fetched.outcome, fetched.etag, fetched.body) == ("not_modified", '"new"', b"")
    assert (await fetcher.fetch(server.url("/feed"))).outcome == "http_error"


# --- redirects ---


def redirect(target: str, status: int = 301) -> Answer:
    return Answer(status=status, headers=[("Location", target)])


@pytest.mark.parametrize(
    ("statuses", "is_moved"), [((301,), True), ((301, 308), True), ((301, 302), False), ((307,), False)]
)
async def test_only_permanent_redirects_move_a_feed(
    server: FeedServer, fetcher: Fetcher, statuses: tuple[int, ...], is_moved: bool
) -> None:
    for number, status in enumerate(statuses):
        server.answers[f"/{number}"] = redirect(f"/{number + 1}", status)
    server.answers[f"/{len(statuses)}"] = Answer(b"<rss/>")
    fetched = await fetcher.fetch(server.url("/0"))
    target = server.url(f"/{len(statuses)}")
    assert (fetched.outcome, fetched.url) == ("ok", target)
    assert fetched.moved_to == (target if is_moved else None)


async def test_headers_that_are_no_text(server: FeedServer, fetcher: Fetcher) -> None:
    server.answers["/"] = Answer(raw=b"HTTP/1.1 301 Moved\r\nLocation: /caf\xe9?a=\xff\r\nContent-Length: 0\r\n\r\n")
    raw = b'HTTP/1.1 200 \xff\xfe\r\nContent-Type: text/\xff\r\nETag: "\xff"\r\nContent-Length: 1\r\n\r\nx'
    server.answers["/caf%E9?a=%FF"] = Answer(raw=raw)
    fetched = await fetcher.fetch(server.url("/"))
    assert (fetched.outcome, fetched.body, fetched.etag) == ("ok", b"x", None)
    assert fetched.moved_to == server.url("/caf%E9?a=%FF")
    msgspec.json.encode(fetched)  # what is kept of it can be written down


@pytest.mark.parametrize("path", ["/a%2Fb%7e?x=%41+b&y=a%20b", "/%D8%ae?q='(1)'", "/a//b/../c?%zz"])
async def test_a_well_formed_address_is_asked_for_as_it_is(server: FeedServer, fetcher: Fetcher, path: str) -> None:
    server.answers[path] = Answer(b"<rss/>")
    assert (await fetcher.fetch(server.url(path))).outcome == "ok"


async def test_an_address_in_letters_of_the_world_is_escaped(server: FeedServer, fetcher: Fetcher) -> None:
    server.answers["/%D8%AE%D8%A8%D8%B1"] = Answer(b"<rss/>")
    assert (await fetcher.fetch(server.url("/خبر"))).outcome == "ok"


@pytest.mark.parametrize("target", ["/loop", "http://[", "//:99999/", "relative"])
async def test_redirects_that_lead_nowhere(server: FeedServer, fetcher: Fetcher, target: str) -> None:
    server.answers["/loop"] = redirect(target)
    server.answers["/relative"] = redirect("loop")
    fetched = await fetcher.fetch(server.url("/loop"))
    assert fetched.outcome == "http_error"
    assert len(server.requests) <= 6


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0x0a000001/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
    ],
)
async def test_a_redirect_passes_the_guard_too(server: FeedServer, fetcher: Fetcher, target: str) -> None:
    server.answers["/feed"] = redirect(target)
    fetched = await fetcher.fetch(server.url("/feed"))
    assert fetched.outcome == "refused_address"


# --- the guard ---


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "100.100.100.200", "192.0.0.8", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "168.63.129.16", "192.88.99.1", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
        "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "2001:db8::1", "2001::1",
        "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_open_internet(address: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().check_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_public_addresses_pass(address: str) -> None:
    AddressGuard().check_address(address)


def test_the_allow_list_opens_what_it_names_and_nothing_else() -> None:
    guard = AddressGuard(["10.1.0.0/16", "news.intern.example", ".lab.example", "::1"])
    guard.check_address("10.1.2.3")
    guard.check_address("::1")
    for host, opens in (
        ("news.intern.example", True),
        ("NEWS.intern.example.", True),
        ("a.lab.example", True),
        ("lab.example", False),
        ("evil-lab.example", False),
        ("other.intern.example", False),
    ):
        with guard.visiting(host):
            if opens:
                guard.check_address("192.168.1.1")
            else:
                with pytest.raises(AddressRefused):
                    guard.check_address("192.168.1.1")
    with pytest.raises(AddressRefused):
        guard.check_address("10.2.0.1")


async def test_the_address_is_checked_where_the_connection_is_made(server: FeedServer) -> None:
    server.answers["/"] = Answer(b"<rss/>")
    closed = msgspec.structs.replace(SETTINGS, allow_private_hosts=())
    async with Fetcher(closed) as fetcher:
        for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"):
            fetched = await fetcher.fetch(f"http://{host}:{server.port}/")
            # The client library itself refuses some spellings as no host at all.
            assert fetched.outcome in {"refused_address", "http_error"}, host
    assert not server.requests
    by_name = msgspec.structs.replace(SETTINGS, allow_private_hosts=("localhost",))
    async with Fetcher(by_name) as fetcher:
        assert (await fetcher.fetch(f"http://localhost:{server.port}/")).outcome == "ok"
        assert (await fetcher.fetch(f"http://127.0.0.1:{server.port}/")).outcome == "refused_address"


async def test_a_name_that_changes_its_address_between_two_looks_cannot_pass(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["93.184.216.34"])

    def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers, "127.0.0.1"), server.port))]

    # Whoever looks the name up first and connects later would be led home by the second answer.
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    quick = msgspec.structs.replace(SETTINGS, allow_private_hosts=(), timeout_seconds=2)
    async with Fetcher(quick) as fetcher:
        await fetcher.fetch(f"http://rebind.example:{server.port}/")
        await fetcher.fetch(f"http://rebind.example:{server.port}/")
    async with Fetcher(quick) as fetcher:
        assert (await fetcher.fetch(f"http://rebind.example:{server.port}/")).outcome == "refused_address"
    assert not server.requests


def test_what_carries_another_address_is_not_public() -> None:
    import ipaddress

    assert not is_public(ipaddress.ip_address("64:ff9b::808:808"))


# --- classes of failure ---


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (404, [], "http_error"),
        (403, [], "http_error"),
        (500, [], "http_error"),
        (503, [], "http_error"),
        (503, [("Retry-After", "120")], "rate_limited"),
        (429, [], "rate_limited"),
        (410, [], "gone"),
        (204, [], "empty"),
        (301, [], "http_error"),
        (206, [], "http_error"),
    ],
)
async def test_statuses(
    server: FeedServer, fetcher: Fetcher, status: int, headers: list[tuple[str, str]], outcome: str
) -> None:
    server.answers["/"] = Answer(b"", status, headers)
    fetched = await fetcher.fetch(server.url("/"))
    assert (fetched.outcome, fetched.status) == (outcome, status)
    assert str(status) in fetched.detail
    assert fetched.retry_after_seconds == (120 if headers else None)


@pytest.mark.parametrize("body", [b"", b"  \r\n\t"])
async def test_an_empty_body(server: FeedServer, fetcher: Fetcher, body: bytes) -> None:
    server.answers["/"] = Answer(body)
    assert (await fetcher.fetch(server.url("/"))).outcome == "empty"


async def test_nobody_there(fetcher: Fetcher) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (await fetcher.fetch(f"http://127.0.0.1:{port}/")).outcome == "unreachable"
    fetched = await fetcher.fetch("http://does-not-exist.invalid/")
    assert (fetched.outcome, fetched.detail) == ("unreachable", "the host name cannot be resolved")


async def test_tls_where_there_is_none(server: FeedServer, fetcher: Fetcher) -> None:
    fetched = await fetcher.fetch(server.url("/").replace("http:", "https:"))
    assert fetched.outcome == "tls_error"


def drip(pause_seconds: float = 0.05) -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(pause_seconds)


async def test_a_server_that_never_ends_is_left(server: FeedServer) -> None:
    server.answers["/"] = lambda _: Answer(chunks=drip())
    async with Fetcher(msgspec.structs.replace(SETTINGS, timeout_seconds=0.5)) as fetcher:
        fetched = await fetcher.fetch(server.url("/"))
    assert fetched.outcome == "timeout"


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<rss", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<rss", "http_error"),
        (b"nonsense\r\n\r\n", "http_error"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, "http_error"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", "http_error"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "http_error"),
        (b"HTTP/1.1 301 Moved\r\nLocation: \xff\xfe\r\n\r\n", "http_error"),
    ],
    ids=[
        "hang-up",
        "cut",
        "cut-chunks",
        "bad-chunk",
        "nonsense",
        "many-headers",
        "long-header",
        "bad-status",
        "bad-target",
    ],
)
async def test_servers_that_do_not_speak_http(server: FeedServer, fetcher: Fetcher, raw: bytes, outcome: str) -> None:
    server.answers["/"] = Answer(raw=raw)
    fetched = await fetcher.fetch(server.url("/"))
    assert fetched.outcome in FETCH_OUTCOMES
    assert fetched.outcome in {outcome, "unreachable", "http_error"}
    assert fetched.detail
    assert fetched.detail.isprintable()


# --- sizes and encodings ---


async def test_a_body_that_is_too_large(server: FeedServer, fetcher: Fetcher) -> None:
    server.answers["/told"] = Answer(b"x" * 200_000)
    server.answers["/untold"] = lambda _: Answer(chunks=iter([b"x" * 50_000] * 100))
    for path in ("/told", "/untold"):
        assert (await fetcher.fetch(server.url(path))).outcome == "too_large"
    server.answers["/exactly"] = Answer(b"x" * 100_000)
    assert (await fetcher.fetch(server.url("/exactly"))).outcome == "ok"


async def test_a_bomb_stops_where_the_limit_is(server: FeedServer, fetcher: Fetcher) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    server.answers["/"] = Answer(bomb, headers=[("Content-Encoding", "gzip")])
    assert (await fetcher.fetch(server.url("/"))).outcome == "too_large"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"<rss/>")),
        ("x-gzip", gzip.compress(b"<rss/>")),
        ("gzip", gzip.compress(b"<rs") + gzip.compress(b"s/>")),
        ("gzip", gzip.compress(b"<rss/>") + b"\0\0\0"),
        ("gzip", b"<rss/>"),
        ("deflate", zlib.compress(b"<rss/>")),
        ("deflate", raw_deflate(b"<rss/>")),
        ("identity", b"<rss/>"),
        ("", gzip.compress(b"<rss/>")),
    ],
)
async def test_compressed_bodies(server: FeedServer, fetcher: Fetcher, coding: str, body: bytes) -> None:
    server.answers["/"] = Answer(body, headers=[("Content-Encoding", coding)] if coding else [])
    fetched = await fetcher.fetch(server.url("/"))
    assert (fetched.outcome, fetched.body) == ("ok", b"<rss/>")


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", b"x"),
        ("gzip, gzip", b"x"),
        ("gzip", gzip.compress(b"<rss/>" * 100)[:-12]),
        ("gzip", b"\x1f\x8b rubbish and more"),
    ],
)
async def test_compressed_bodies_that_are_broken(
    server: FeedServer, fetcher: Fetcher, coding: str, body: bytes
) -> None:
    server.answers["/"] = Answer(body, headers=[("Content-Encoding", coding)])
    assert (await fetcher.fetch(server.url("/"))).outcome == "http_error"


def test_a_body_in_single_bytes_and_in_one_piece_is_the_same() -> None:
    data = b"<rss>" + bytes(range(256)) * 20
    for coding, body in (("gzip", gzip.compress(data)), ("deflate", raw_deflate(data)), ("", data)):
        decompressor = Decompressor(coding)
        out = b"".join(decompressor.feed(body[n : n + 1], 10_000) for n in range(len(body)))
        assert out + decompressor.finish() == data
    assert gunzip(gzip.compress(data), 100_000) == data
    with pytest.raises(BodyError):
        gunzip(gzip.compress(data)[:-5], 100_000)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("0", 0.0), ("Thu, 05 Jan 2023 10:00:00 GMT", 0.0), ("-5", None), ("soon", None), ("", None)],
)
async def test_retry_after(server: FeedServer, fetcher: Fetcher, value: str, seconds: float | None) -> None:
    server.answers["/"] = Answer(b"", 429, [("Retry-After", value)])
    fetched: Fetched = await fetcher.fetch(server.url("/"))
    assert fetched.retry_after_seconds == seconds
