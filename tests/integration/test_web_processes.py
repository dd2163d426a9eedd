"""The web page as real processes serve it: inside `rasad run`, beside it on the same file, and on a real Elasticsearch."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.admin_index import install_templates
from agent.open_store import elasticsearch_options
from agent.settings import ElasticsearchSettings, Settings
from bench.feed_server import feed_server
from streams.stores.elasticsearch import ElasticsearchStore
from streams.stores.sqlite import SqliteStore
from tests.contract.articles import make_article
from tests.integration.test_prometheus import configure
from tests.integration.worker_kit import until

pytestmark = pytest.mark.services
PAGE_LINE = re.compile(r"web page: (http://\S+?)/\n")


@contextmanager
def process(arguments: list[str], log: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A real `rasad` process, and the address that it says its page is at."""
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "agent", *arguments], stderr=output, env={**os.environ, **environment}
        )
    try:

        def address() -> str | None:
            said = log.read_text(encoding="utf-8", errors="replace")
            assert started.poll() is None, f"it ended:\n{said}"
            found = PAGE_LINE.search(said)
            return found[1] if found else None

        yield started, until(address, "an address of the page") or ""
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(120)


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=120) as answer:
        return json.load(answer)


def first_event(stream: Any, kind: bytes) -> bytes:
    """Read server-sent events up to the first line that begins with `kind`."""
    while not (line := stream.readline()).startswith(kind):
        assert line, "the stream has ended"
    return bytes(line)


def test_run_serves_the_page_and_ends_though_somebody_watches(tmp_path: Path) -> None:
    with feed_server(feeds=2, entries=10, tokens=40) as urls:
        configure(tmp_path / "config", urls)
        arguments = [
            "run",
            "--config",
            str(tmp_path / "config"),
            "--store",
            str(tmp_path / "r.sqlite"),
            "--web-port",
            "0",
        ]
        with process(arguments, tmp_path / "log") as (running, url):
            until(lambda: len(ask(f"{url}/api/v1/search?limit=100")["hits"]) == 20, "all articles")
            assert ask(f"{url}/api/v1/summary")["articles"] == 20
            assert {row["outcome"] for row in ask(f"{url}/api/v1/feeds")["feeds"]} <= {"ok", "not_modified"}
            with urllib.request.urlopen(f"{url}/live/events", timeout=120) as stream:
                first_event(stream, b"event: ready")
                running.send_signal(signal.SIGTERM)
                assert running.wait(120) == 0


def test_a_port_that_is_taken_stops_nobody_from_collecting(tmp_path: Path) -> None:
    with feed_server(feeds=1, entries=3, tokens=40) as urls, socket.create_server(("127.0.0.1", 0)) as taken:
        configure(tmp_path / "config", urls)
        store, log = tmp_path / "r.sqlite", tmp_path / "log"
        port = str(taken.getsockname()[1])
        arguments = ["run", "--config", str(tmp_path / "config"), "--store", str(store), "--web-port", port]
        with log.open("wb") as output:
            running = subprocess.Popen([sys.executable, "-m", "agent", *arguments], stderr=output)
        try:
            until(lambda: "no web page" in log.read_text(encoding="utf-8"), "a warning")
            until(lambda: store.exists() and count(store) == 3, "the articles")
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(120)


def count(path: Path) -> int:
    store = SqliteStore(path, read_only=True)
    try:
        return asyncio.run(store.count())
    finally:
        store.close_now()


def test_web_beside_another_process_on_one_file(tmp_path: Path) -> None:
    configure(tmp_path / "config", ["http://127.0.0.1:9/"])
    store = SqliteStore(tmp_path / "r.sqlite")
    asyncio.run(store.write([make_article(1)]))
    arguments = ["web", "--config", str(tmp_path / "config"), "--port", "0"]
    with process(arguments, tmp_path / "log", RASAD_STORE__PATH=str(store.path)) as (_, url):
        assert len(ask(f"{url}/api/v1/search")["hits"]) == 1
        with urllib.request.urlopen(f"{url}/live/events?q=wheat", timeout=120) as stream:
            first_event(stream, b"event: ready")
            asyncio.run(store.write([make_article(2, text="Barley."), make_article(3, title="On wheat")]))
            assert make_article(3).article_id.encode() in first_event(stream, b"id:")
    store.close_now()


def test_web_on_elasticsearch(elasticsearch: Any, unique_name: Callable[[str], str], tmp_path: Path) -> None:
    configure(tmp_path / "config", ["http://127.0.0.1:9/"])
    settings = Settings(
        elasticsearch=ElasticsearchSettings(url=elasticsearch.url, index_prefix=unique_name("web").lower())
    )
    install_templates(settings)

    async def write(*numbers: int) -> None:
        store = ElasticsearchStore(elasticsearch_options(settings))
        await store.write([make_article(number, language="ar", story_id="a" * 32) for number in numbers])
        await store.refresh()
        await store.close()

    asyncio.run(write(1, 2))
    environment = {
        "RASAD_STORE__KIND": "elasticsearch",
        "RASAD_ELASTICSEARCH__URL": elasticsearch.url,
        "RASAD_ELASTICSEARCH__INDEX_PREFIX": settings.elasticsearch.index_prefix,
    }
    with process(["web", "--config", str(tmp_path / "config"), "--port", "0"], tmp_path / "log", **environment) as (
        _,
        url,
    ):
        assert len(ask(f"{url}/api/v1/search?lang=ar")["hits"]) == 2
        assert ask(f"{url}/api/v1/summary")["facets"]["language"] == [{"value": "ar", "articles": 2}]
        assert ask(f"{url}/api/v1/stories/{'a' * 32}")["articles"] == 2
        with urllib.request.urlopen(f"{url}/live/events", timeout=120) as stream:
            first_event(stream, b"event: ready")
            asyncio.run(write(3))
            assert make_article(3).article_id.encode() in first_event(stream, b"id:")
        with urllib.request.urlopen(f"{url}/", timeout=120) as page:
            assert b"Rasad" in page.read()


@pytest.mark.parametrize("arguments", [["web"], ["run"]])
def test_beyond_loopback_without_users_nothing_starts(tmp_path: Path, arguments: list[str]) -> None:
    configure(tmp_path / "config", ["http://127.0.0.1:9/"])
    done = subprocess.run(
        [sys.executable, "-m", "agent", *arguments, "--config", str(tmp_path / "config")],
        env={**os.environ, "RASAD_WEB__HOST": "0.0.0.0", "RASAD_STORE__PATH": str(tmp_path / "r.sqlite")},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 2 and "web.users_file" in done.stderr
