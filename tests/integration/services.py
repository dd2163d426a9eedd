"""Fixtures with the real services, for any test that asks for one by name.

    kafka            a broker: `.bootstrap`, `.kill()`, `.start()`, `.restart()`, `.stop()`, `.pause()`, `.resume()`
    elasticsearch    a node: `.url`, and the same verbs
    prometheus       a function: `prometheus(["127.0.0.1:9464"])` gives one that scrapes these: `.url`, `.query()`,
                     `.wait_for()`
    alertmanager     `.url`, `.alerts()`
    unique_name      a function: `unique_name("raw")` gives a name no other test uses, for a channel, group or index

A service starts when the first test of the session asks for it and ends with the session, however that ends. All tests
share it: keep apart by `unique_name`. A test may kill a service; the next test that asks for it finds it up again,
at the same address and with its data.

Mark such tests `@pytest.mark.services`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.dev.service import Service
from deploy.dev.services import Alertmanager, Elasticsearch, Kafka, Prometheus
from deploy.dev.stack import Stack

_started = pytest.StashKey[dict[str, Service]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_started] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Brings back a service that an earlier test left dead or paused."""
    for name, service in item.config.stash[_started].items():
        if name in getattr(item, "fixturenames", ()):
            service.resume()
            if not service.is_running:
                service.start()


@pytest.fixture(scope="session")
def dev_stack() -> Iterator[Stack]:
    """The stack of this session, empty at first; ends with it."""
    with Stack.temporary() as stack:
        yield stack


@pytest.fixture(scope="session")
def kafka(dev_stack: Stack, request: pytest.FixtureRequest) -> Kafka:
    service = dev_stack.kafka()
    request.config.stash[_started]["kafka"] = service
    return service


@pytest.fixture(scope="session")
def elasticsearch(dev_stack: Stack, request: pytest.FixtureRequest) -> Elasticsearch:
    service = dev_stack.elasticsearch()
    request.config.stash[_started]["elasticsearch"] = service
    return service


@pytest.fixture(scope="session")
def prometheus(dev_stack: Stack) -> Iterator[Callable[..., Prometheus]]:
    """`prometheus(targets, rule_files=…, alertmanager="host:port", scrape_interval_seconds=1.0)`: a new one at each
    call; `.stop()` ends it early, `.set_targets()` changes what it scrapes."""
    made: list[Prometheus] = []

    def make(targets: list[str], **options: Any) -> Prometheus:
        made.append(dev_stack.prometheus(targets, **options))
        return made[-1]

    yield make
    for service in made:
        service.stop()


@pytest.fixture(scope="session")
def alertmanager(dev_stack: Stack, request: pytest.FixtureRequest) -> Alertmanager:
    service = dev_stack.alertmanager()
    request.config.stash[_started]["alertmanager"] = service
    return service


@pytest.fixture
def unique_name(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Names in lower-case ASCII, at most 100 characters, that begin with what is asked for and tell the test."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:50]

    def make(prefix: str = "rasad") -> str:
        return f"{prefix[:36]}-{test}-{uuid.uuid4().hex[:12]}"

    return make
