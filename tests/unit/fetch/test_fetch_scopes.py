"""What is sent where: validators to their URL, secrets to their origin, everything through the proxy if there is one."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agent.errors import UsageError
from agent.fetch.client import Proxy
from agent.fetch.credentials import CredentialsError, secret_headers, variable
from agent.fetch.fetcher import ACCEPT_PAGE, Fetcher
from agent.fetch.pacing import Pacer
from agent.settings import CollectSettings
from tests.servers.feed_server import Answer, FeedServer, feed_server
from tests.servers.hostile import TLS, body, hostile_server, sends, zstd_module

SETTINGS = CollectSettings(
    allow_private_hosts=("127.0.0.1", "localhost"), timeout_seconds=20, per_host_spacing_seconds=0
)
SECRETS = {"Authorization": "Bearer s3cret-token", "X-Api-Key": "k3y-of-the-house"}


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


def elsewhere(server: FeedServer, path: str) -> str:
    """The same server by another name: to everybody else another origin."""
    return f"http://localhost:{server.port}{path}"


async def test_a_validator_goes_to_the_url_that_gave_it_and_nowhere_else(server: FeedServer) -> None:
    server.answers["/old"] = Answer(status=302, headers=[("Location", "/new")])
    server.answers["/new"] = Answer(b"<rss/>", headers=[("ETag", '"n"')])
    async with Fetcher(SETTINGS) as fetcher:
        first = await fetcher.fetch(server.url("/old"))
        assert first.url == server.url("/new")
        await fetcher.fetch(server.url("/old"), etag=first.etag, validators_url=first.url)
        await fetcher.fetch(server.url("/old"), etag='"of the old one"')
    sent = [(request.path, request.headers.get("If-None-Match")) for request in server.requests[2:]]
    assert sent == [("/old", None), ("/new", '"n"'), ("/old", '"of the old one"'), ("/new", None)]


async def test_a_304_to_a_redirect_that_was_asked_nothing_is_no_answer(server: FeedServer) -> None:
    server.answers["/old"] = Answer(status=302, headers=[("Location", "/new")])
    server.answers["/new"] = Answer(status=304)
    async with Fetcher(SETTINGS) as fetcher:
        assert (await fetcher.fetch(server.url("/old"), etag='"o"')).outcome == "http_error"


async def test_secrets_go_to_their_own_origin_only(server: FeedServer) -> None:
    server.answers["/a"] = Answer(status=301, headers=[("Location", "/b")])
    server.answers["/b"] = Answer(status=302, headers=[("Location", elsewhere(server, "/c"))])
    server.answers["/c"] = Answer(status=307, headers=[("Location", server.url("/d"))])
    server.answers["/d"] = Answer(b"<rss/>")
    async with Fetcher(SETTINGS) as fetcher:
        fetched = await fetcher.fetch(server.url("/a"), secrets=SECRETS, headers={"Accept-Language": "fa"})
        moved = await fetcher.fetch(elsewhere(server, "/c"), secrets=SECRETS, secrets_url=server.url("/a"))
    assert fetched.outcome == moved.outcome == "ok"
    has_secret = [(r.path, "X-Api-Key" in r.headers, "Authorization" in r.headers) for r in server.requests]
    assert has_secret[:4] == [("/a", True, True), ("/b", True, True), ("/c", False, False), ("/d", True, True)]
    assert has_secret[4:] == [("/c", False, False), ("/d", True, True)]
    assert all(request.headers["Accept-Language"] == "fa" for request in server.requests[:4])


async def test_a_server_that_echoes_a_secret_does_not_get_it_into_a_log(server: FeedServer) -> None:
    server.answers["/"] = Answer(raw=b"HTTP/1.1 403 no s3cret-token here\r\nContent-Length: 0\r\n\r\n")
    async with Fetcher(SETTINGS) as fetcher:
        fetched = await fetcher.fetch(server.url("/"), secrets=SECRETS)
    assert fetched.detail == "HTTP 403 no … here"


def test_secrets_from_the_environment_and_from_files(tmp_path: Path) -> None:
    key = variable("our-agency")
    assert key == "RASAD_FEED_SECRET_OUR_AGENCY"
    basic = base64.b64encode("me:pä:ss".encode()).decode()
    assert secret_headers("our-agency", {key: "me:pä:ss"}) == {"Authorization": f"Basic {basic}"}
    (tmp_path / "secret").write_text("X-Api-Key: 1\n\nX-Reader: rasad \n")
    assert secret_headers("our-agency", {f"{key}_FILE": str(tmp_path / "secret")}) == {
        "X-Api-Key": "1",
        "X-Reader": "rasad",
    }


@pytest.mark.parametrize(
    "text", ["", "  ", "word", "Host: evil.example", "Cookie: id=1", "X: a\nnonsense", "X: é\u0001", "X" * 20_000]
)
def test_secrets_that_cannot_be_used_are_told_without_telling_them(text: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        secret_headers("agency", {variable("agency"): text})
    assert variable("agency") in str(caught.value)
    assert "nonsense" not in str(caught.value)


async def test_post_takes_any_2xx_and_is_not_turned_into_something_else(server: FeedServer) -> None:
    requests: list[bytes] = []

    def hub(client: object) -> None:
        client.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]

    with hostile_server(hub) as port:
        async with Fetcher(SETTINGS) as fetcher:
            done = await fetcher.post(f"http://127.0.0.1:{port}/", b"hub.mode=subscribe")
            server.answers["/see-other"] = Answer(status=303, headers=[("Location", "/feed")])
            fetched = await fetcher.fetch(server.url("/see-other"), accept=ACCEPT_PAGE, max_bytes=10)
            assert fetched.outcome == "http_error"
    assert (done.outcome, done.status) == ("ok", 202)
    assert not requests
    with hostile_server(sends(b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")) as port:
        async with Fetcher(SETTINGS) as fetcher:
            assert (await fetcher.post(f"http://127.0.0.1:{port}/", b"x")).outcome == "http_error"


@pytest.mark.parametrize("coding", ["br", "zstd"])
async def test_codings_of_today(coding: str) -> None:
    import brotli

    data = b"<rss>" + bytes(range(256)) * 500
    packed = brotli.compress(data) if coding == "br" else zstd_module().compress(data)
    with hostile_server(sends(body(packed, b"Content-Encoding: " + coding.encode()))) as port:
        async with Fetcher(SETTINGS) as fetcher:
            fetched = await fetcher.fetch(f"http://127.0.0.1:{port}/")
    assert (fetched.outcome, fetched.body) == ("ok", data)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Cache-Control", "public, max-age=600")], 600),
        ([("Cache-Control", "max-age=600"), ("Age", "100")], 500),
        ([("Cache-Control", 'Max-Age="600"')], 600),
        ([("Cache-Control", "no-cache, max-age=600")], None),
        ([("Cache-Control", "s-maxage=600")], None),
        ([("Cache-Control", "max-age=600"), ("Expires", "Thu, 05 Jan 2023 20:00:00 GMT")], 600),
        ([("Date", "Thu, 05 Jan 2023 10:00:00 GMT"), ("Expires", "Thu, 05 Jan 2023 10:30:00 GMT")], 1800),
        ([("Date", "Thu, 05 Jan 2023 10:00:00 GMT"), ("Expires", "0")], None),
        ([("Cache-Control", "max-age=" + "9" * 40)], 1e9),
    ],
)
async def test_how_long_an_answer_is_fresh(headers: list[tuple[str, str]], seconds: float | None) -> None:
    lines = [f"{name}: {value}".encode() for name, value in headers]
    with hostile_server(sends(body(b"<rss/>", *lines))) as port:
        async with Fetcher(SETTINGS) as fetcher:
            fetched = await fetcher.fetch(f"http://127.0.0.1:{port}/")
    assert fetched.max_age_seconds == seconds


# --- pacing ---


async def test_a_fetch_waits_for_the_turn_of_its_host_and_gives_it_back(server: FeedServer) -> None:
    server.answers["/"] = Answer(b"<rss/>")
    server.answers["/away"] = Answer(status=302, headers=[("Location", elsewhere(server, "/"))])
    pacer = Pacer(concurrency=1, spacing_seconds=0)
    async with Fetcher(SETTINGS, pacer=pacer) as fetcher:
        # Two that lead to each other's host must not wait for each other.
        server.answers["/back"] = Answer(status=302, headers=[("Location", server.url("/"))])
        import asyncio

        done = await asyncio.gather(
            fetcher.fetch(server.url("/away")),
            fetcher.fetch(elsewhere(server, "/back")),
            fetcher.fetch(server.url("/")),
        )
        assert [fetched.outcome for fetched in done] == ["ok", "ok", "ok"]
        assert (await fetcher.fetch("http://10.0.0.1/")).outcome == "refused_address"
    assert all(host.active == 0 for host in pacer._hosts.values())


# --- a proxy ---


@contextmanager
def forward_proxy() -> Iterator[tuple[int, list[str]]]:
    """A real forward proxy: absolute-form requests, and CONNECT; gives its port and what it was asked."""
    asked: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().decode()
            headers = []
            while (header := self.rfile.readline()) not in {b"\r\n", b""}:
                headers.append(header)
            asked.append(line.strip())
            asked.extend(h.decode().strip() for h in headers if h.lower().startswith(b"proxy-auth"))
            method, target, _ = line.split(" ")
            host, _, path = target.removeprefix("http://").partition("/")
            port = host.partition(":")[2]
            with socket.create_connection(("127.0.0.1", int(port or 80)), timeout=10) as upstream:
                if method == "CONNECT":
                    self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    kept = [h for h in headers if not h.lower().startswith(b"proxy-")]
                    upstream.sendall(f"{method} /{path} HTTP/1.1\r\n".encode() + b"".join(kept) + b"\r\n")
                self._pump(upstream)

        def _pump(self, upstream: socket.socket) -> None:
            ends = {self.connection: upstream, upstream: self.connection}
            while True:
                for end in select.select(list(ends), [], [], 10)[0]:
                    data = end.recv(65_536)
                    if not data:
                        return
                    ends[end].sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield int(running.server_address[1]), asked
        finally:
            running.shutdown()
            thread.join(10)


async def test_through_a_proxy(server: FeedServer) -> None:
    server.answers["/feed"] = Answer(b"<rss/>")
    with forward_proxy() as (port, asked), hostile_server(sends(body(b"<rss/>")), certificate="good") as tls_port:
        through = msgspec.structs.replace(
            SETTINGS, proxy=f"http://me:pass@127.0.0.1:{port}", ca_file=str(TLS / "authority.pem")
        )
        async with Fetcher(through) as fetcher:
            assert (await fetcher.fetch(server.url("/feed"))).outcome == "ok"
            assert (await fetcher.fetch(f"https://localhost:{tls_port}/")).outcome == "ok"
    basic = base64.b64encode(b"me:pass").decode()
    assert asked[0] == f"GET {server.url('/feed')} HTTP/1.1"
    assert asked[1] == f"Proxy-Authorization: Basic {basic}"
    assert f"CONNECT localhost:{tls_port} HTTP/1.1" in asked


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/", "http://localhost/", "http://intranet/", "http://wiki.internal/", "http://nas.local/",
        "http://[::ffff:10.0.0.1]/", "http://0x0a000001/", "http://does-not-exist.invalid:22/",
    ],
)  # fmt: skip
async def test_a_proxy_is_not_asked_for_what_is_private(url: str) -> None:
    with forward_proxy() as (port, asked):
        closed = CollectSettings(proxy=f"http://127.0.0.1:{port}", timeout_seconds=10)
        async with Fetcher(closed) as fetcher:
            assert (await fetcher.fetch(url)).outcome == "refused_address"
    assert not asked


def test_a_proxy_address_that_is_none_is_told_without_its_password() -> None:
    for text in ("socks5://127.0.0.1", "127.0.0.1:3128", "http://", "http://u:secret@h:99999"):
        with pytest.raises(UsageError) as caught:
            Proxy.of(text)
        assert "secret" not in str(caught.value)
    made = Proxy.of("http://u:secret@[::1]:3128")
    assert made is not None
    assert "secret" not in made.url


async def test_a_proxy_that_refuses_us(server: FeedServer) -> None:
    with hostile_server(sends(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")) as port:
        through = msgspec.structs.replace(SETTINGS, proxy=f"http://127.0.0.1:{port}")
        async with Fetcher(through) as fetcher:
            fetched = await fetcher.fetch("https://localhost/")
    assert (fetched.outcome, fetched.detail) == ("unreachable", "the proxy answered 407 (collect.proxy)")
