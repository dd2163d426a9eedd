"""`rasad admin kibana` against a server of the test's own at Kibana's port: it asks as the import API is documented, and
understands each answer. Kibana itself cannot run here, so that the real one takes the objects is not shown by this."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.errors import ServiceUnavailable
from agent.kibana.importing import Imported, KibanaRefuses, import_objects
from agent.settings import KibanaSettings

OBJECTS = '{"type":"index-pattern","id":"a"}\n{"exportedCount":1}\n'


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, Any]] = []
        self.status = 200
        self.answer: Any = None
        self.not_ready = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + body).get_payload()
        payload = part.get_payload(decode=True)
        self.server.seen.append({"path": self.path, "headers": dict(self.headers), "file": payload, "part": part})
        status, answer = self.server.status, self.server.answer
        if self.server.not_ready:
            self.server.not_ready -= 1
            status, answer = 503, "Kibana server is not ready yet"
        if answer is None:
            answer = {"success": True, "successCount": payload.count(b"\n") - 1, "warnings": []}
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.send_header("Location", "/login")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_request_is_the_documented_one(server: Server) -> None:
    done = import_objects(KibanaSettings(url=server.url + "/"), "x.ndjson", OBJECTS)
    assert done == Imported(1)
    (seen,) = server.seen
    assert seen["path"] == "/api/saved_objects/_import?overwrite=true"
    assert seen["headers"]["kbn-xsrf"]
    assert seen["file"].decode() == OBJECTS
    assert seen["part"].get_param("name", header="content-disposition") == "file"
    assert seen["part"].get_filename() == "x.ndjson", "Kibana goes by the ending"
    assert "Authorization" not in seen["headers"]


@pytest.mark.parametrize(
    ("settings", "path", "authorization"),
    [
        ({"space": "news"}, "/s/news/api/saved_objects/_import?overwrite=true", None),
        ({"api_key": "abc"}, "/api/saved_objects/_import?overwrite=true", "ApiKey abc"),
        ({"username": "u", "password": "p"}, "/api/saved_objects/_import?overwrite=true", "Basic dTpw"),
    ],
)
def test_space_and_credentials(server: Server, settings: dict[str, str], path: str, authorization: str | None) -> None:
    import_objects(KibanaSettings(url=server.url, **settings), "x.ndjson", OBJECTS)
    assert server.seen[0]["path"] == path
    assert server.seen[0]["headers"].get("Authorization") == authorization


def test_a_base_path_is_kept(server: Server) -> None:
    import_objects(KibanaSettings(url=server.url + "/kibana"), "x.ndjson", OBJECTS)
    assert server.seen[0]["path"].startswith("/kibana/api/")


def test_what_was_not_taken_is_told(server: Server) -> None:
    missing = {"type": "missing_references", "references": [{"type": "index-pattern", "id": "z"}]}
    server.answer = {
        "success": False,
        "successCount": 1,
        "errors": [
            {"id": "b", "type": "lens", "error": missing},
            {"id": "c", "type": "map", "error": {"type": "unsupported_type"}},
            {"id": "d", "type": "lens", "error": {"type": "unknown", "message": "newer version"}},
        ],
    }
    done = import_objects(KibanaSettings(url=server.url), "x.ndjson", OBJECTS)
    assert done.imported == 1
    assert done.faults == (
        "lens b was not taken (missing_references: needs index-pattern z)",
        "map c was not taken (unsupported_type)",
        "lens d was not taken (unknown: newer version)",
    )


@pytest.mark.parametrize(
    ("status", "answer", "kind", "said"),
    [
        (401, {"message": "no"}, KibanaRefuses, "kibana.api_key"),
        (403, {"message": "no"}, KibanaRefuses, "Saved Objects Management"),
        (404, {"message": "Not Found"}, KibanaRefuses, "kibana.space"),
        (302, "", KibanaRefuses, "no Kibana"),
        (200, "<html>", KibanaRefuses, "no Kibana"),
        (200, [], KibanaRefuses, "no Kibana"),
        (503, "Kibana server is not ready yet", ServiceUnavailable, "--wait"),
        (500, {"message": "boom"}, ServiceUnavailable, "boom"),
    ],
)
def test_each_refusal_says_what_to_do(
    server: Server, status: int, answer: Any, kind: type[Exception], said: str
) -> None:
    server.status, server.answer = status, answer
    with pytest.raises(kind, match=said):
        import_objects(KibanaSettings(url=server.url), "x.ndjson", OBJECTS)


def test_nobody_there() -> None:
    with pytest.raises(ServiceUnavailable, match="is it running"):
        import_objects(KibanaSettings(url="http://127.0.0.1:1"), "x.ndjson", OBJECTS)


def test_a_ca_file_that_is_not_there() -> None:
    with pytest.raises(KibanaRefuses, match="ca_file"):
        import_objects(KibanaSettings(url="https://127.0.0.1:1", ca_file="/nowhere"), "x.ndjson", OBJECTS)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "t.yaml").write_text(
        "topics: [{id: floods, name: Floods, query: flood}]\n", encoding="utf-8"
    )
    (tmp_path / "rasad.yaml").write_text("elasticsearch: {index_prefix: mine}\n", encoding="utf-8")
    return tmp_path


def rasad(monkeypatch: pytest.MonkeyPatch, url: str, *arguments: str) -> int | str | None:
    monkeypatch.setenv("RASAD_KIBANA__URL", url)
    with pytest.raises(SystemExit) as ended:
        cli.main(["admin", "kibana", *arguments])
    return ended.value.code


Captured = pytest.CaptureFixture[str]


def test_the_command_imports_everything(
    server: Server, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    assert rasad(monkeypatch, server.url, "--config", str(config)) == 0
    said = capsys.readouterr().out
    assert "objects imported" in said and "topics.ndjson: 2 objects" in said
    assert b"mine-topic-floods" in server.seen[1]["file"]


def test_the_command_waits_for_a_kibana_that_starts(
    server: Server, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.not_ready = 1
    assert rasad(monkeypatch, server.url, "--config", str(config), "--wait", "300") == 0
    assert len(server.seen) == 3


def test_the_command_says_by_its_exit_code_that_a_part_is_missing(
    server: Server, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    server.answer = {"successCount": 0, "errors": [{"id": "b", "type": "lens", "error": {"type": "conflict"}}]}
    assert rasad(monkeypatch, server.url, "--config", str(config)) == 1
    assert "lens b was not taken (conflict)" in capsys.readouterr().err


def test_the_command_writes_the_files(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rasad(monkeypatch, "http://127.0.0.1:1", "--config", str(config), "--write", str(tmp_path / "out")) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dashboards.ndjson", "topics.ndjson"]
