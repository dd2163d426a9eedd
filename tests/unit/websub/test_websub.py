"""WebSub against a real hub, in a process of its own, over HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import pytest

from agent.collect.collector import Collector
from agent.collect.state import FeedState
from agent.config_files import Faults
from agent.errors import ConfigError
from agent.feeds.definitions import FeedDefinition
from agent.settings import CollectSettings, WebSubSettings, load_settings
from agent.websub.records import Subscription
from agent.websub.signature import hub_secret, is_signed, path_token
from streams.metrics import Metrics
from tests.servers.feed_server import Answer, FeedServer, feed_server, item, rss
from tests.unit.collect.test_collector import ListSink

SECRET = "a secret that only the tests know"
COLLECT = CollectSettings(
    allow_private_hosts=("127.0.0.1",), per_host_spacing_seconds=0.0, per_host_concurrency=8, timeout_seconds=20
)
WEBSUB = WebSubSettings(callback_url="http://127.0.0.1:1", secret=SECRET, port=0, pushes_per_minute=6000)


class Hub:
    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("hub.py"))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    async def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self._call("state", None))
        return found

    async def publish(self, topic: str, body: str) -> list[int]:
        answers: list[int] = json.loads(await self._call(f"publish?topic={quote(topic, safe='')}", body.encode()))
        return answers

    async def behave(self, **how: str) -> None:
        await self._call("behave?" + "&".join(f"{name}={value}" for name, value in how.items()), b"")

    async def _call(self, path: str, body: bytes | None) -> bytes:
        def call() -> bytes:
            with urllib.request.urlopen(self.url + path, data=body, timeout=60) as response:
                data: bytes = response.read()
                return data

        return await asyncio.to_thread(call)


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  (what is waited for tells nobody)
            await asyncio.sleep(0.01)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A collector that listens, with what it has delivered."""

    def __init__(
        self, sink: ListSink, url: str, settings: WebSubSettings, metrics: Metrics, collector: Collector
    ) -> None:
        self.sink, self.url, self.settings, self.metrics, self.collector = sink, url, settings, metrics, collector

    @property
    def state(self) -> FeedState:
        return self.sink.states[self.url]

    @property
    def callback(self) -> str:
        return f"{self.settings.callback_url}/websub/{path_token(SECRET, self.url)}"

    def pushes(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("rasad_pushes_total", {"outcome": outcome}) or 0.0

    async def post(self, body: bytes, headers: dict[str, str], callback: str = "") -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(callback or self.callback, data=body, headers=headers) as answer,
        ):
            return answer.status


@contextlib.asynccontextmanager
async def collecting(url: str, sink: ListSink | None = None, **changes: object) -> AsyncIterator[Running]:
    sink = sink or ListSink()
    port = free_port()
    settings = msgspec.structs.replace(WEBSUB, port=port, callback_url=f"http://127.0.0.1:{port}", **changes)
    metrics = Metrics()
    collector = Collector(
        feeds=[FeedDefinition(url=url, source_id="gazette", name="Gazette", interval_seconds=5)],
        states=sink.states,
        sink=sink,
        settings=COLLECT,
        metrics=metrics,
        websub=settings,
    )
    task = asyncio.create_task(collector.run())
    try:
        yield Running(sink, url, settings, metrics, collector)
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def with_hub(hub: Hub, server: FeedServer, *items: str) -> str:
    head = f'<link xmlns="http://www.w3.org/2005/Atom" rel="hub" href="{hub.url}"/>'
    head += f'<link xmlns="http://www.w3.org/2005/Atom" rel="self" href="{server.url("/rss")}"/>'
    return server.feed("/rss", rss(*items, head=head))


def is_subscribed(running: Running) -> bool:
    state = running.sink.states.get(running.url)
    return state is not None and state.push is not None and state.push.lease_until is not None


async def until_subscribed(running: Running, hub: Hub) -> None:
    """Wait until both sides know: the hub does only when its verification is answered."""
    await until(lambda: is_subscribed(running))
    async with asyncio.timeout(60):
        while not (await hub.state())["subscribers"]:  # noqa: ASYNC110  (a process of its own)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
async def test_a_feed_is_subscribed_to_and_pushed(hub: Hub, server: FeedServer, algorithm: str) -> None:
    await hub.behave(algorithm=algorithm)
    url = with_hub(hub, server, item(1))
    async with collecting(url) as running:
        await until_subscribed(running, hub)
        assert await hub.publish(url, rss(item(2))) == [202]
        await until(lambda: running.pushes("new"))
        assert running.sink.titles == {"Headline 1": 1, "Headline 2": 1}
        assert await hub.publish(url, rss(item(2))) == [202]
        await until(lambda: running.pushes("nothing_new"))
        assert running.sink.titles == {"Headline 1": 1, "Headline 2": 1}
        state = await hub.state()
        (asked,) = state["asked"]
        assert asked["hub.mode"] == "subscribe"
        assert asked["hub.topic"] == url
        assert asked["hub.callback"] == running.callback
        assert len(asked["hub.secret"]) >= 32
        assert state["verifications"] == [[200, True]]


async def test_hub_and_topic_in_headers_count_before_those_in_the_document(hub: Hub, server: FeedServer) -> None:
    link = f'<{hub.url}>; rel="hub", <{server.url("/canonical")}>; rel="self"'
    body = rss(
        item(1), head='<link xmlns="http://www.w3.org/2005/Atom" rel="hub" href="http://hub.invalid/"/>'
    ).encode()
    server.answers["/rss"] = Answer(body, headers=[("Link", link), ("Content-Type", "application/rss+xml")])
    async with collecting(server.url("/rss")) as running:
        await until_subscribed(running, hub)
        assert list((await hub.state())["subscribers"]) == [server.url("/canonical")]


async def test_a_pushed_feed_is_polled_seldom_and_a_poll_changes_nothing(hub: Hub, server: FeedServer) -> None:
    url = with_hub(hub, server, item(1))
    sink = ListSink()
    async with collecting(url, sink, poll_seconds=3600) as running:
        await until_subscribed(running, hub)
        await hub.publish(url, rss(item(2)))
        await until(lambda: running.pushes("new"))
        pushed = running.state
    assert pushed.listed == 2
    assert (pushed.etag, pushed.polls) == (sink.states[url].etag, sink.states[url].polls)
    # After a restart the feed lists everything, and nothing is new; the lease still holds, so the next poll is far.
    with_hub(hub, server, item(2), item(1))
    again = ListSink()
    again.payloads = dict(sink.payloads)
    collector = Collector(
        feeds=[FeedDefinition(url=url, source_id="gazette", name="Gazette", interval_seconds=5)],
        states=sink.states,
        sink=again,
        settings=COLLECT,
        metrics=Metrics(),
        websub=running.settings,
    )
    await collector.run_once()
    assert again.articles == []
    next_poll_at = again.states[url].next_poll_at
    assert next_poll_at is not None
    assert next_poll_at > datetime.now(UTC) + timedelta(minutes=50)


async def test_what_is_not_signed_is_ignored(hub: Hub, server: FeedServer) -> None:
    url = with_hub(hub, server, item(1))
    body = rss(item(666, title="Forged")).encode()
    secret = hub_secret(SECRET, url, url)
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    wrong = [
        {},
        {"X-Hub-Signature": ""},
        {"X-Hub-Signature": f"sha256={'0' * 64}"},
        {"X-Hub-Signature": f"md5={right}"},
        {"X-Hub-Signature": f"sha1={right}"},
        {"X-Hub-Signature": f"sha256={hmac.new(b'guess', body, hashlib.sha256).hexdigest()}"},
        {"X-Hub-Signature": f"sha256={hmac.new(secret.encode(), body + b' ', hashlib.sha256).hexdigest()}"},
        {"X-Hub-Signature": "sha256=ÿ"},
    ]
    async with collecting(url) as running:
        await until_subscribed(running, hub)
        for headers in wrong:
            assert await running.post(body, headers) == 202
        assert running.pushes("bad_signature") == len(wrong)
        assert await running.post(body, {"X-Hub-Signature": f"SHA256={right.upper()}"}) == 202
        await until(lambda: running.pushes("new"))
        assert running.sink.titles["Forged"] == 1


async def test_only_known_paths_sizes_and_rates_are_taken(hub: Hub, server: FeedServer) -> None:
    url = with_hub(hub, server, item(1))
    async with collecting(url, max_push_bytes=10_000, pushes_per_minute=0.001) as running:
        await until_subscribed(running, hub)
        base = running.settings.callback_url
        assert await running.post(b"x", {}, f"{base}/websub/guess") == 404
        assert await running.post(b"x", {}, f"{base}/") == 404
        assert await running.post(b"x" * 20_000, {}) == 413
        assert await running.post(b"x", {"Content-Encoding": "gzip"}) == 415
        statuses = [await running.post(b"x", {}) for _ in range(20)]
        assert statuses == [202] * 18 + [429] * 2
        for outcome, number in (("unknown", 1), ("too_large", 1), ("rate_limited", 2)):
            assert running.pushes(outcome) == number


async def test_intent_is_confirmed_only_for_what_was_asked(hub: Hub, server: FeedServer) -> None:
    url = with_hub(hub, server, item(1))
    topic = quote(url, safe="")
    async with collecting(url) as running, aiohttp.ClientSession() as session:
        await until_subscribed(running, hub)

        async def get(query: str, path: str = "") -> tuple[int, str]:
            async with session.get(f"{path or running.callback}?{query}") as answer:
                return answer.status, await answer.text()

        assert await get(f"hub.mode=subscribe&hub.topic={topic}&hub.challenge=abc&hub.lease_seconds=60") == (200, "abc")
        other = "http%3A%2F%2Fevil.example%2F"
        assert (await get(f"hub.mode=subscribe&hub.topic={other}&hub.challenge=abc&hub.lease_seconds=60"))[0] == 404
        assert (await get(f"hub.mode=unsubscribe&hub.topic={topic}&hub.challenge=abc"))[0] == 404
        assert (await get(f"hub.mode=subscribe&hub.topic={topic}"))[0] == 400
        assert (await get(f"hub.mode=publish&hub.topic={topic}&hub.challenge=abc"))[0] == 400
        guess = f"{running.settings.callback_url}/websub/guess"
        assert (await get(f"hub.mode=subscribe&hub.topic={topic}&hub.challenge=abc", guess))[0] == 404


@pytest.mark.parametrize("how", ["deny", "mute", "refuse"])
async def test_a_hub_that_does_not_play_costs_nothing_but_polling(hub: Hub, server: FeedServer, how: str) -> None:
    await hub.behave(how=how)
    url = with_hub(hub, server, item(1))
    async with collecting(url) as running:
        async with asyncio.timeout(60):
            while not (await hub.state())["asked"]:  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.01)
        assert await running.post(b"<rss/>", {}) == 410
        await until(lambda: url in running.sink.states and running.state.push is not None)
        assert not is_subscribed(running)
        assert running.state.next_poll_at is not None
        assert running.state.next_poll_at < datetime.now(UTC) + timedelta(minutes=5)
        assert len((await hub.state())["asked"]) == 1


async def test_a_lease_is_renewed_before_it_ends_and_survives_restarts(hub: Hub, server: FeedServer) -> None:
    url = with_hub(hub, server, item(1))
    sink = ListSink()
    async with collecting(url, sink) as running:
        await until_subscribed(running, hub)
        callback = running.settings.callback_url
    push = sink.states[url].push
    assert push is not None
    assert callback is not None
    now = datetime.now(UTC)
    assert push.renew_at(callback, now) > now + timedelta(days=8)
    # Nearly run out: it is asked for again at once, though the feed itself is not due.
    late = msgspec.structs.replace(push, verified_at=now - timedelta(days=10), lease_until=now + timedelta(minutes=4))
    state = msgspec.structs.replace(sink.states[url], push=late, next_poll_at=now + timedelta(hours=1))
    from streams import codec

    sink.payloads[url] = codec.encode(state)
    asked = len((await hub.state())["asked"])
    port = int(callback.rpartition(":")[2])
    async with collecting(url, sink) as running:
        # Another port is another callback, and asked for as well; the same one is what a restart has.
        assert port != 0
        await until(lambda: (p := sink.states[url].push) is not None and p.lease_until != late.lease_until)
        renewed = sink.states[url].push
        assert renewed is not None
        assert renewed.lease_until is not None
        assert renewed.lease_until > now + timedelta(days=9)
    assert len((await hub.state())["asked"]) == asked + 1


def test_when_a_lease_is_renewed_and_relied_on() -> None:
    now = datetime(2023, 5, 1, tzinfo=UTC)
    push = Subscription(
        hub_url="h", topic_url="t", callback="me", verified_at=now, lease_until=now + timedelta(days=10)
    )
    assert push.renew_at("me", now) == now + timedelta(days=9)
    assert push.renew_at("another", now) == now
    assert push.renew_at("me", now + timedelta(days=11)) == now + timedelta(days=11)
    short = msgspec.structs.replace(push, lease_until=now + timedelta(minutes=6))
    assert short.renew_at("me", now) == now + timedelta(minutes=3)
    assert push.is_relied_on("me", now)
    assert not msgspec.structs.replace(push, missed=3).is_relied_on("me", now)


async def test_a_hub_that_forgets_us_is_not_relied_on(hub: Hub, server: FeedServer) -> None:
    url = with_hub(hub, server, item(1))
    sink = ListSink()
    async with collecting(url, sink) as running:
        await until_subscribed(running, hub)
    for n in range(2, 6):  # polls find what no push has brought
        with_hub(hub, server, *(item(k) for k in range(n, 0, -1)))
        collector = Collector(
            feeds=[FeedDefinition(url=url, source_id="gazette", name="Gazette", interval_seconds=5)],
            states=sink.states,
            sink=sink,
            settings=COLLECT,
            metrics=Metrics(),
            websub=running.settings,
        )
        await collector.run_once()
    next_poll_at = sink.states[url].next_poll_at
    assert next_poll_at is not None
    assert next_poll_at < datetime.now(UTC) + timedelta(minutes=30)


async def test_a_push_that_is_no_feed_is_counted(hub: Hub, server: FeedServer) -> None:
    url = with_hub(hub, server, item(1))
    async with collecting(url) as running:
        await until_subscribed(running, hub)
        await hub.publish(url, "<html>no feed</html>")
        await until(lambda: running.pushes("not_a_feed"))
        assert running.sink.titles == {"Headline 1": 1}


def test_a_callback_address_needs_a_secret() -> None:
    for secret in (None, "short"):
        with pytest.raises(ConfigError, match=r"websub\.secret"):
            Collector(
                sink=ListSink(),
                settings=COLLECT,
                metrics=Metrics(),
                websub=WebSubSettings(callback_url="https://a.example", secret=secret),
            )


def test_settings_from_the_environment_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_text("websub: {callback_url: 'https://a.example/hooks'}\npages: {read: never}\n")
    faults = Faults()
    settings = load_settings(tmp_path, faults, {"RASAD_WEBSUB__SECRET": SECRET, "RASAD_WEBSUB__PORT": "0"})
    faults.check()
    assert settings.websub.callback_url == "https://a.example/hooks"
    assert (settings.websub.secret, settings.websub.port, settings.pages.read) == (SECRET, 0, "never")
    assert load_settings(tmp_path, faults, {"RASAD_WEBSUB__CALLBACK_URL": ""}).websub.callback_url is None
    load_settings(tmp_path, faults, {"RASAD_WEBSUB__CALLBACK_URL": "ftp://a.example/?x"})
    assert len(faults.found) == 1


def test_signatures_are_over_the_raw_body() -> None:
    digest = hmac.new(b"s", b"body", hashlib.sha256).hexdigest()
    assert is_signed(f"sha256={digest}", b"body", "s")
    assert not is_signed(f"sha256={digest}", b"body ", "s")
    assert path_token(SECRET, "a") != path_token(SECRET, "b")
    assert len(path_token(SECRET, "a")) == 43
    assert hub_secret(SECRET, "a", "t") not in (path_token(SECRET, "a"), hub_secret(SECRET, "a", "u"))
