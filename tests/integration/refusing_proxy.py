"""A door in front of a real Elasticsearch that can be locked: every request is then refused with 401, as with a wrong password."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_REFUSAL = b'{"error":{"type":"security_exception","reason":"unable to authenticate user"},"status":401}'


class RefusingProxy:
    """`url` forwards to `target`; while `is_locked`, everything is refused."""

    def __init__(self, target: str) -> None:
        self.is_locked = False
        self.refusals = 0
        parts = urlsplit(target)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if proxy.is_locked:
                    proxy.refusals += 1
                    self._answer(401, [("Content-Type", "application/json")], _REFUSAL)
                    return
                connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
                try:
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
                    connection.request(self.command, self.path, body or None, headers)
                    answer = connection.getresponse()
                    self._answer(answer.status, answer.getheaders(), answer.read())
                finally:
                    connection.close()

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

            def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                if status == 401:
                    self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                pass  # a client that went away

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> RefusingProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
