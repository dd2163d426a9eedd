"""What is asked of a cluster that has life-cycle management, which the development node has not: a stand-in records it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from streams.stores.base import StoreHalted, StoreUnavailable
from streams.stores.elasticsearch import ElasticsearchOptions
from streams.stores.elasticsearch.administration import install


class Cluster(ThreadingHTTPServer):
    """Answers every request with `statuses[path]`, or 200, and remembers bodies by path."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.statuses: dict[str, int] = {}
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Cluster

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.server.asked[path] = json.loads(body) if body else None
        status = self.server.statuses.get(path, 200)
        answer = json.dumps({} if status == 200 else {"error": {"type": "fault", "reason": "as told"}}).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def options(cluster: Cluster, retain_months: int | None) -> ElasticsearchOptions:
    return ElasticsearchOptions(
        url=f"http://127.0.0.1:{cluster.server_port}", index_prefix="news", retain_months=retain_months
    )


def test_a_cluster_with_life_cycles_gets_a_policy_and_indices_under_it(cluster: Cluster) -> None:
    done = install(options(cluster, 12))
    policy = cluster.asked["/_ilm/policy/news-articles"]["policy"]
    assert policy["phases"]["delete"] == {"min_age": f"{13 * 31}d", "actions": {"delete": {}}}
    index = cluster.asked["/_index_template/news-articles"]["template"]["settings"]["index"]
    assert index["lifecycle"] == {"name": "news-articles"}
    assert any("after 12" in line for line in done)


def test_without_retention_no_policy_is_made(cluster: Cluster) -> None:
    install(options(cluster, None))
    assert not [path for path in cluster.asked if "ilm" in path]
    assert "lifecycle" not in cluster.asked["/_index_template/news-articles"]["template"]["settings"]["index"]


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_cluster_that_hides_life_cycles_is_like_one_without(cluster: Cluster, status: int) -> None:
    cluster.statuses["/_ilm/policy/news-articles"] = status
    assert any("rasad admin retain" in line for line in install(options(cluster, 12)))
    assert "lifecycle" not in cluster.asked["/_index_template/news-articles"]["template"]["settings"]["index"]


@pytest.mark.parametrize(("status", "error"), [(401, StoreHalted), (403, StoreHalted), (500, StoreUnavailable)])
@pytest.mark.parametrize("path", ["/_ilm/policy/news-articles", "/_index_template/news-articles"])
def test_a_refusal_is_told(cluster: Cluster, path: str, status: int, error: type[Exception]) -> None:
    cluster.statuses[path] = status
    with pytest.raises(error):
        install(options(cluster, 12))
