"""A real HTTP server on loopback whose answers a test decides, and which remembers what it was asked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]


@dataclass
class Answer:
    """What is sent: `headers` in order, and `Content-Length` unless `chunks` are given."""

    body: bytes = b""
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: Iterator[bytes] | None = None
    """Sent one after the other, and then the connection is closed."""
    raw: bytes | None = None
    """Sent instead of everything else, as it is."""


Respond = Callable[[Request], Answer]


class FeedServer:
    """`server.answers["/feed"] = Answer(…)`, or a function of the request; 404 for everything else."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Respond] = {}
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._serve(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass  # a client that hangs up is what some tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def requests_for(self, path: str) -> list[Request]:
        with self._lock:
            return [request for request in self.requests if request.path == path]

    def feed(self, path: str, body: bytes | str, *, content_type: str = "application/rss+xml") -> str:
        """Serve a document with validators, as a good server does; returns its URL."""
        data = body.encode() if isinstance(body, str) else body
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'

        def respond(request: Request) -> Answer:
            if request.headers.get("If-None-Match") == etag:
                return Answer(status=304, headers=[("ETag", etag)])
            return Answer(data, headers=[("Content-Type", content_type), ("ETag", etag)])

        self.answers[path] = respond
        return self.url(path)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        request = Request(handler.path, dict(handler.headers.items()))
        with self._lock:
            self.requests.append(request)
        answer = self.answers.get(handler.path, Answer(b"nothing here", 404))
        if callable(answer):
            answer = answer(request)
        if answer.raw is not None:
            handler.wfile.write(answer.raw)
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.headers:
            handler.send_header(name, value)
        if answer.chunks is not None:
            handler.send_header("Connection", "close")
            handler.end_headers()
            for chunk in answer.chunks:
                handler.wfile.write(chunk)
                handler.wfile.flush()
            handler.close_connection = True
            return
        if answer.status != 304:
            handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    server = FeedServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def rss(*items: str, title: str = "Invented Gazette", head: str = "") -> str:
    """An RSS document of ready-made `<item>`s."""
    body = "\n".join(items)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
        f"<title>{title}</title><link>https://gazette.example/</link>{head}\n{body}\n</channel></rss>"
    )


def item(
    number: int | str,
    *,
    title: str | None = None,
    link: str | None = "",
    guid: str | None = "",
    text: str | None = None,
    date: str | None = "Thu, 05 Jan 2023 10:00:00 GMT",
) -> str:
    """One `<item>`; `link` and `guid` are made from `number` where they are empty, and left out where they are None."""
    parts = [f"<title>{title if title is not None else f'Headline {number}'}</title>"]
    if link is not None:
        parts.append(f"<link>{link or f'https://gazette.example/news/{number}'}</link>")
    if guid is not None:
        parts.append(f'<guid isPermaLink="false">{guid or f"guid-{number}"}</guid>')
    parts.append(f"<description>{text if text is not None else f'What happened in story {number}.'}</description>")
    if date is not None:
        parts.append(f"<pubDate>{date}</pubDate>")
    return f"<item>{''.join(parts)}</item>"
