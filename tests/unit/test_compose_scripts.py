"""What docker-compose.yml runs, run: its scripts, its health check, and the tools that check its files."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCRIPTS = PROJECT / "deploy" / "compose"


def tool(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is needed for this test: apt-get install {package}")
    return path


class answering:
    """A small HTTP server that notes what it is asked and answers with a status."""

    def __init__(self, status: int) -> None:
        self._status = status

    def __enter__(self) -> tuple[str, list[dict[str, Any]]]:
        asked: list[dict[str, Any]] = []
        status = self._status

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked.append(
                    {
                        "method": self.command,
                        "path": self.path,
                        "authorization": self.headers.get("Authorization"),
                        "body": json.loads(body) if body else None,
                    }
                )
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}", asked

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_the_health_check_tells_ready_from_not_ready() -> None:
    command = SERVICES["worker"]["healthcheck"]["test"][1:]
    for status, healthy in ((200, True), (503, False)):
        with answering(status) as (url, asked):
            run = [sys.executable, *(part.replace("http://127.0.0.1:9464", url) for part in command[1:])]
            answer = subprocess.run(run, env={"NO_PROXY": "*"}, check=False, capture_output=True)
        assert (answer.returncode == 0) is healthy
        assert [request["path"] for request in asked] == ["/readyz"]


def run_script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.environ["PATH"]
    return subprocess.run(
        [str(SCRIPTS / name), *arguments],
        env={"PATH": path, "NO_PROXY": "*", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def made_env(tmp_path: Path) -> Path:
    target = tmp_path / ".env"
    answer = run_script("make-env", str(target))
    assert answer.returncode == 0, answer.stderr
    return target


def test_make_env_writes_secrets_that_only_the_user_reads(made_env: Path) -> None:
    lines = made_env.read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    assert set(values) == set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE))
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in values.values())
    assert len(set(values.values())) == len(values)
    assert stat.S_IMODE(made_env.stat().st_mode) == 0o600
    before = made_env.read_text(encoding="utf-8")
    again = run_script("make-env", str(made_env))
    assert again.returncode == 1 and "is there already" in again.stderr
    assert made_env.read_text(encoding="utf-8") == before


PASSWORDS = {
    "ELASTIC_PASSWORD": "elastic-0123456789",
    "KIBANA_SYSTEM_PASSWORD": "kibana-0123456789",
    "RASAD_INDEX_PASSWORD": "rasad-0123456789",
}


def test_make_users_gives_the_agent_its_own_indices_and_nothing_else(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("", encoding="ascii")
    with answering(200) as (url, asked):
        answer = run_script("make-users.sh", ELASTICSEARCH_URL=url, CA_FILE=str(authority), **PASSWORDS)
    assert answer.returncode == 0, answer.stderr
    assert [(request["method"], request["path"]) for request in asked] == [
        ("POST", "/_security/user/kibana_system/_password"),
        ("PUT", "/_security/role/rasad"),
        ("PUT", "/_security/user/rasad"),
    ]
    header = "Basic " + base64.b64encode(b"elastic:elastic-0123456789").decode()
    assert {request["authorization"] for request in asked} == {header}
    assert asked[0]["body"] == {"password": PASSWORDS["KIBANA_SYSTEM_PASSWORD"]}
    assert [name for one in asked[1]["body"]["indices"] for name in one["names"]] == ["rasad", "rasad-*"]
    assert "all" not in asked[1]["body"]["cluster"]
    assert (asked[2]["body"]["password"], asked[2]["body"]["roles"]) == (PASSWORDS["RASAD_INDEX_PASSWORD"], ["rasad"])
    assert not any(password in answer.stdout + answer.stderr for password in PASSWORDS.values())


def test_make_users_fails_when_elasticsearch_refuses(tmp_path: Path) -> None:
    with answering(403) as (url, asked):
        answer = run_script("make-users.sh", ELASTICSEARCH_URL=url, CA_FILE=str(tmp_path / "none"), **PASSWORDS)
    assert answer.returncode == 1
    assert "kibana_system/_password failed" in answer.stderr
    assert len(asked) == 1


@pytest.mark.parametrize("password", ["", "short", 'a"b-0123456789', "with space 0123", "new\nline-0123456789"])
def test_make_users_refuses_what_would_break_its_requests(password: str) -> None:
    answer = run_script("make-users.sh", **{**PASSWORDS, "RASAD_INDEX_PASSWORD": password})
    assert answer.returncode == 1
    assert answer.stderr.startswith("RASAD_INDEX_PASSWORD in .env needs at least 12 characters")


@pytest.fixture
def certificate_tools(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Stand-ins for the image's certutil and unzip: archives laid out as the real one lays them out."""
    home, tools, target = tmp_path / "home", tmp_path / "tools", tmp_path / "certificates"
    (home / "bin").mkdir(parents=True)
    tools.mkdir()
    target.mkdir()
    certutil = f"""#!{sys.executable}
import pathlib, sys, zipfile
arguments = sys.argv[1:]
out = pathlib.Path(arguments[arguments.index("--out") + 1])
name = "ca" if arguments[0] == "ca" else arguments[arguments.index("--name") + 1]
if name != "ca":
    assert pathlib.Path(arguments[arguments.index("--ca-key") + 1]).read_text().startswith("ca.key")
with open({str(tmp_path / "calls")!r}, "a") as calls:
    calls.write(" ".join(arguments) + "\\n")
with zipfile.ZipFile(out, "w") as archive:
    for kind in ("crt", "key"):
        archive.writestr(f"{{name}}/{{name}}.{{kind}}", f"{{name}}.{{kind}} of " + str(out))
"""
    unzip = f'#!/bin/sh\n[ "$1" = -q ] && [ "$3" = -d ] || exit 2\nexec {sys.executable} -m zipfile -e "$2" "$4"\n'
    for path, text in ((home / "bin" / "elasticsearch-certutil", certutil), (tools / "unzip", unzip)):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    yield {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "ELASTICSEARCH_HOME": str(home),
        "CERTIFICATES": str(target),
    }


def test_make_certificates_makes_them_once_and_keeps_keys_from_others(
    tmp_path: Path, certificate_tools: dict[str, str]
) -> None:
    target = tmp_path / "certificates"
    (target / ".work").mkdir()  # of a run that was cut off
    for _ in range(2):
        answer = subprocess.run(
            [str(SCRIPTS / "make-certificates.sh")], env=certificate_tools, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stderr
    assert len((tmp_path / "calls").read_text(encoding="utf-8").splitlines()) == 2, "the second run makes nothing"
    modes = {
        str(path.relative_to(target)): stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*") if path.is_file()
    }
    assert modes == {
        "ca/ca.crt": 0o644,
        "ca/ca.key": 0o600,
        "elasticsearch/elasticsearch.crt": 0o644,
        "elasticsearch/elasticsearch.key": 0o640,
    }
    used = [
        value.split("certificates/", 1)[1]
        for service in SERVICES.values()
        for value in service.get("environment", {}).values()
        if "certificates/" in value
    ]
    assert set(used) <= set(modes)


def test_prometheus_is_handed_its_token_in_a_file_of_its_own(tmp_path: Path) -> None:
    service = SERVICES["prometheus"]
    program = tmp_path / "prometheus"
    program.write_text('#!/bin/sh\nfor word; do echo "$word"; done\n', encoding="utf-8")
    program.chmod(0o755)
    script = service["command"][0].replace("$$", "$").replace("/bin/prometheus", str(program))
    script = script.replace("/run/rasad", str(tmp_path))
    answer = subprocess.run(
        [*service["entrypoint"], script],
        env={"METRICS_TOKEN": "t0ken", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    token = tmp_path / "metrics-token"
    assert token.read_text(encoding="utf-8") == "t0ken"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    config = yaml.safe_load((PROJECT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    assert config["scrape_configs"][0]["authorization"] == {"credentials_file": "/run/rasad/metrics-token"}
    assert answer.stdout.splitlines() == [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        "--storage.tsdb.retention.time=30d",
        "--storage.tsdb.retention.size=4GB",
    ]
    mounts = {target: source for source, target, *_ in (entry.split(":") for entry in service["volumes"])}
    assert (PROJECT / mounts["/etc/prometheus"] / "prometheus.yml").is_file()
    assert "/prometheus" in mounts


def test_the_page_is_served_to_its_user_alone(tmp_path: Path) -> None:
    """The service's own script, with the service's environment, on an Elasticsearch that is not there yet."""
    service = SERVICES["web"]
    port = free_port()
    environment = {
        **{key: value for key, value in service["environment"].items() if "CA_FILE" not in key},
        "RASAD_CONFIG": str(PROJECT / "config"),
        "RASAD_ELASTICSEARCH__URL": "http://127.0.0.1:9",
        "RASAD_ELASTICSEARCH__PASSWORD": "x",
        "RASAD_WEB__HOST": "0.0.0.0",
        "RASAD_WEB__PORT": str(port),
        "RASAD_WEB__USERS_FILE": str(tmp_path / "users.yaml"),
        "WEB_PASSWORD": "pass-0123456789",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        [*service["entrypoint"], service["command"][0].replace("$$", "$")], env=environment, cwd=tmp_path,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert any("web page: http" in line for line in process.stderr)
        users = tmp_path / "users.yaml"
        assert stat.S_IMODE(users.stat().st_mode) == 0o600
        assert "pass-0123456789" not in users.read_text(encoding="utf-8")
        assert b"WEB_PASSWORD" not in Path(f"/proc/{process.pid}/environ").read_bytes()
        run = [sys.executable, *(part.replace("8765", str(port)) for part in service["healthcheck"]["test"][2:])]
        assert subprocess.run(run, env={"NO_PROXY": "*"}, check=False).returncode == 0
        statuses = []
        for password in (None, "wrong-0123456789", "pass-0123456789"):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/api/openapi.json")
            if password is not None:
                token = base64.b64encode(f"rasad:{password}".encode()).decode()
                request.add_header("Authorization", f"Basic {token}")
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)
                error.close()
        assert statuses == [401, 401, 200]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.services
def test_compose_itself_accepts_the_file_and_refuses_it_without_secrets(made_env: Path) -> None:
    compose = tool("docker-compose", "docker-compose")
    environment = {"PATH": os.environ["PATH"], "HOME": str(made_env.parent)}

    def config(env_file: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [compose, "--env-file", str(env_file), "config"],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    good = config(made_env)
    assert good.returncode == 0, good.stderr
    assert good.stderr == ""
    assert set(yaml.safe_load(good.stdout)["services"]) == set(SERVICES)
    bad = config(PROJECT / ".env.example")
    assert bad.returncode != 0
    assert "run deploy/compose/make-env" in bad.stderr


@pytest.mark.services
def test_prometheus_and_alertmanager_accept_their_configuration(tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(PROJECT / "deploy" / "prometheus", folder)
    config = folder / "prometheus.yml"
    (tmp_path / "token").write_text("t", encoding="ascii")
    text = config.read_text(encoding="utf-8").replace("/run/rasad/metrics-token", str(tmp_path / "token"))
    config.write_text(text, encoding="utf-8")
    for command in (
        [tool("promtool", "prometheus"), "check", "config", str(config)],
        [
            tool("amtool", "prometheus-alertmanager"),
            "check-config",
            str(PROJECT / "deploy/alertmanager/alertmanager.yml"),
        ],
    ):
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr
