"""Delivery to real receivers that fail, stall, redirect and refuse: at least once, with the same key, and nothing held up."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.alerts.deliverer import Deliverer
from agent.alerts.destinations import DestinationDefinition
from agent.alerts.lane import RetryPolicy
from agent.alerts.links import Links
from agent.alerts.senders import make_sender, sender_maker
from agent.alerts.sending import OK, Outgoing, Sent
from agent.settings import AlertSettings, Settings
from streams.alerts.deliveries import Delivery, plan
from streams.alerts.mutes import Mute, is_muted
from streams.alerts.records import Alert
from streams.definitions import Schedule
from streams.metrics import Metrics
from streams.pipeline import utc_now
from tests.unit.alerts.kit import PATIENCE_SECONDS, article, receiver, rule, run, stage, status

QUICK = RetryPolicy(
    first_seconds=0.01, longest_seconds=0.02, open_after=3, probe_seconds=0.02, longest_probe_seconds=0.05
)
LOOPBACK = Settings(alerts=AlertSettings(allow_private_hosts=("127.0.0.1",)))


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASAD_ALERT_SECRET_HOOK", "s3cret")


class Notes:
    """A `Journal` in memory; `test_embedded.py` has the real one."""

    def __init__(self) -> None:
        self.settled: list[Delivery] = []
        self.mutes: list[Mute] = []
        self.changed = asyncio.Condition()

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        async with self.changed:
            self.settled += deliveries
            self.changed.notify_all()

    async def are_muted(self, alerts: Sequence[Alert]) -> list[bool]:
        return [is_muted(alert, self.mutes, utc_now()) for alert in alerts]

    def of(self, status: str) -> list[Delivery]:
        return [one for one in self.settled if one.status == status]

    async def wait_for(self, status: str, count: int = 1) -> list[Delivery]:
        async with asyncio.timeout(PATIENCE_SECONDS), self.changed:
            await self.changed.wait_for(lambda: len(self.of(status)) >= count)
        return self.of(status)


def hook(name: str, url: str, **fields: Any) -> DestinationDefinition:
    return DestinationDefinition(id=name, kind="webhook", url=url, credentials="hook", **fields)


def deliveries(count: int = 1, *, channels: tuple[str, ...] = ("ops",), **fields: Any) -> list[Delivery]:
    one = stage(rule(channels=channels, **fields))
    alerts = run(one, *(article(str(n), story_id=f"{n:032x}") for n in range(count)))
    return [delivery for alert in alerts for delivery in plan(alert)]


@asynccontextmanager
async def delivering(
    *definitions: DestinationDefinition,
    policy: RetryPolicy = QUICK,
    settings: Settings = LOOPBACK,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[tuple[Deliverer, Notes, Metrics]]:
    notes, metrics = Notes(), Metrics()
    by_id = {one.id: one for one in definitions}
    async with Deliverer(by_id, sender_maker(settings), notes, metrics, policy=policy, clock=clock) as deliverer:
        yield deliverer, notes, metrics


async def test_a_webhook_is_signed_over_timestamp_and_raw_body() -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, metrics):
        [delivery] = deliveries()
        deliverer.accept([delivery, delivery])
        await notes.wait_for("sent")
        deliverer.accept([])
    [(headers, body, _)] = ops.requests
    expected = hmac.new(b"s3cret", headers["Rasad-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["Rasad-Signature"] == f"sha256={expected}"
    assert abs(int(headers["Rasad-Timestamp"]) - datetime.now(UTC).timestamp()) < 600
    assert headers["Idempotency-Key"] == delivery.key
    sent = json.loads(body)
    assert sent["idempotency_key"] == delivery.key
    assert sent["alerts"][0]["alert_id"] == delivery.alert.alert_id
    assert sent["alerts"][0]["links"]["article"] == "https://outlet.example/0"
    assert metrics.registry.get_sample_value("rasad_alert_delivery_seconds_count") == 1


async def test_a_failure_is_tried_again_with_the_same_key_and_a_new_timestamp() -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [status(500), status(503), status(401), status(404), status(200)]
        deliverer.accept(deliveries())
        [sent] = await notes.wait_for("sent")
    assert sent.attempts == 5 and sent.finished_at is not None
    assert len({headers["Idempotency-Key"] for headers, _, _ in ops.requests}) == 1
    assert {body for _, body, _ in ops.requests} == {ops.requests[0][1]}
    assert [one.attempts for one in notes.of("waiting")] == [1, 2, 3, 4]
    assert "500" in notes.settled[0].detail


async def test_429_is_waited_for_as_long_as_it_asks() -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [status(429, **{"Retry-After": "1"}), status(200)]
        deliverer.accept(deliveries())
        [waiting] = await notes.wait_for("waiting")
        assert waiting.attempts == 1
        started = asyncio.get_running_loop().time()
        await notes.wait_for("sent")
        assert asyncio.get_running_loop().time() - started >= 0.9


@pytest.mark.parametrize("code", [400, 410, 413, 422])
async def test_what_is_refused_for_good_is_undeliverable_at_once(code: int) -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [status(code)]
        deliverer.accept(deliveries())
        [given_up] = await notes.wait_for("undeliverable")
    assert given_up.attempts == 1 and str(code) in given_up.detail
    assert len(ops.requests) == 1


@pytest.mark.parametrize(
    "where", ["http://127.0.0.2:{port}/private", "http://169.254.169.254/latest/meta-data", "http://[::1]:{port}/"]
)
@pytest.mark.parametrize("code", [307, 308])
async def test_a_redirect_to_a_private_address_is_not_followed(code: int, where: str) -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [status(code, Location=where.format(port=ops.url.split(":")[2].split("/")[0]))]
        deliverer.accept(deliveries())
        [given_up] = await notes.wait_for("undeliverable")
    assert "not a public address" in given_up.detail
    assert [path for _, _, path in ops.requests] == ["/hook"]


async def test_a_redirect_to_another_host_gets_no_signature() -> None:
    settings = Settings(alerts=AlertSettings(allow_private_hosts=("127.0.0.0/8",)))
    async with (
        receiver() as ops,
        receiver() as other,
        delivering(hook("ops", ops.url), settings=settings) as (deliverer, notes, _),
    ):
        ops.answers = [status(307, Location=other.url)]
        deliverer.accept(deliveries())
        await notes.wait_for("sent")
    [(headers, _, _)] = other.requests
    assert "Rasad-Signature" not in headers and "Idempotency-Key" in headers


@pytest.mark.parametrize("code", [301, 302, 303])
async def test_a_post_is_never_sent_on_as_a_get(code: int) -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [status(code, Location="/elsewhere"), status(200)]
        deliverer.accept(deliveries())
        await notes.wait_for("sent")
    assert [path for _, _, path in ops.requests] == ["/hook", "/hook"]


async def test_a_private_webhook_needs_to_be_allowed() -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url), settings=Settings()) as (deliverer, notes, _):
        deliverer.accept(deliveries())
        await notes.wait_for("undeliverable")
    assert ops.requests == []


async def test_a_destination_that_stalls_holds_nothing_else_up() -> None:
    release = asyncio.Event()

    async def stall(_: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(text="late")

    async with receiver() as slow, receiver() as ops:
        slow.answers = [stall]
        async with delivering(hook("slow", slow.url, timeout_seconds=60), hook("ops", ops.url)) as (
            deliverer,
            notes,
            _,
        ):
            deliverer.accept(deliveries(40, channels=("slow", "ops")))
            await ops.wait_for(40)
            await notes.wait_for("sent", 40)
            assert {one.destination for one in notes.of("sent")} == {"ops"}
            release.set()
            await notes.wait_for("sent", 80)


async def test_an_answer_that_never_comes_is_a_failure_in_time() -> None:
    async def stall(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    async with receiver() as ops, delivering(hook("ops", ops.url, timeout_seconds=0.2)) as (deliverer, notes, _):
        ops.answers = [stall, status(200)]
        deliverer.accept(deliveries())
        await notes.wait_for("sent")
    assert "no complete answer" in notes.of("waiting")[0].detail


async def test_an_endless_answer_is_an_answer() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b"x" * 10_000)
        return response

    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [endless]
        deliverer.accept(deliveries())
        await notes.wait_for("sent")


async def test_the_circuit_opens_and_one_message_at_a_time_is_tried() -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, metrics):
        ops.answers = [status(503)]
        deliverer.accept(deliveries(20))
        await ops.wait_for(12)
        assert metrics.registry.get_sample_value("rasad_alert_circuit_open", {"destination": "ops"}) == 1
        # The first of them went out together, at most as many as may at the same time.
        assert len({headers["Idempotency-Key"] for headers, _, _ in ops.requests}) < 20
        ops.answers = [status(200)]
        await notes.wait_for("sent", 20)
        assert metrics.registry.get_sample_value("rasad_alert_circuit_open", {"destination": "ops"}) == 0
    assert deliverer.waiting == 0


async def test_after_a_day_it_is_undeliverable_also_what_waited_behind_the_circuit() -> None:
    now = [utc_now()]
    async with receiver() as ops, delivering(hook("ops", ops.url), clock=lambda: now[0]) as (deliverer, notes, _):
        ops.answers = [status(503)]
        waiting = deliveries(12)
        deliverer.accept(waiting)
        await notes.wait_for("waiting")

        async def pass_time() -> None:
            while True:
                now[0] += timedelta(hours=1)
                await asyncio.sleep(0.002)

        passing = asyncio.create_task(pass_time())
        given_up = await notes.wait_for("undeliverable", 12)
        passing.cancel()
    assert {one.key for one in given_up} == {one.key for one in waiting}
    assert all(one.finished_at is not None for one in given_up)
    assert not notes.of("sent")


async def test_a_missing_secret_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RASAD_ALERT_SECRET_HOOK")
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        deliverer.accept(deliveries())
        [waiting, *_] = await notes.wait_for("waiting")
        assert "RASAD_ALERT_SECRET_HOOK" in waiting.detail and ops.requests == []
        monkeypatch.setenv("RASAD_ALERT_SECRET_HOOK", "s3cret")
        await notes.wait_for("sent")


async def test_no_secret_is_in_any_detail_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [status(500), status(400)]
        deliverer.accept(deliveries())
        await notes.wait_for("undeliverable")
    assert "s3cret" not in caplog.text + "".join(one.detail for one in notes.settled)


async def test_a_rate_is_kept() -> None:
    class Counting:
        concurrency = 8

        def __init__(self) -> None:
            self.times: list[float] = []

        async def send(self, message: Outgoing) -> Sent:
            self.times.append(asyncio.get_running_loop().time())
            return OK

        async def close(self) -> None: ...

    counting, notes = Counting(), Notes()
    definition = hook("ops", "https://a.example/", per_minute=600)  # ten a second, a hundred at once
    async with Deliverer({"ops": definition}, lambda _: counting, notes, Metrics(), policy=QUICK) as deliverer:
        deliverer.accept(deliveries(110))
        await notes.wait_for("sent", 110)
    # A burst of a hundred, and then no more than ten a second.
    assert counting.times[109] - counting.times[100] >= 0.8


async def test_a_digest_is_one_message_and_its_key_stays() -> None:
    now = [datetime(2026, 3, 1, 12, 0, tzinfo=UTC)]
    async with receiver() as ops, delivering(hook("ops", ops.url), clock=lambda: now[0]) as (deliverer, notes, _):
        ops.answers = [status(500), status(200)]
        waiting = deliveries(5, schedule=Schedule(every="day", at="18:00"))
        deliverer.accept(waiting)
        await asyncio.sleep(0)
        assert ops.requests == [] and deliverer.waiting == 5
        now[0] = waiting[0].due_at
        deliverer.accept(deliveries(1, schedule=Schedule(every="day", at="19:00"), channels=("ops",)))  # wakes the lane
        await notes.wait_for("waiting", 5)
        now[0] += timedelta(minutes=1)
        await notes.wait_for("sent", 5)
    first, second = [json.loads(body) for _, body, _ in ops.requests[:2]]
    assert first["type"] == "digest" and len(first["alerts"]) == 5
    assert first["idempotency_key"] == second["idempotency_key"]


async def test_a_muted_rule_is_silent_and_what_comes_later_is_not() -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        notes.mutes = [
            Mute(rule_id="normalization", story_id=f"{0:032x}"),
            Mute(rule_id="normalization", until=utc_now() - timedelta(1)),
        ]
        deliverer.accept(deliveries(2))
        [muted] = await notes.wait_for("muted")
        [sent] = await notes.wait_for("sent")
    assert muted.alert.story_id == f"{0:032x}" and sent.alert.story_id == f"{1:032x}"
    assert len(ops.requests) == 1


async def test_a_destination_that_is_changed_takes_what_waits_and_one_that_is_gone_drops_it() -> None:
    async with (
        receiver() as old,
        receiver() as new,
        delivering(hook("ops", old.url), hook("gone", old.url)) as (deliverer, notes, _),
    ):
        old.answers = [status(503)]
        deliverer.accept(deliveries(1, channels=("ops", "gone")))
        await old.wait_for(4)
        await deliverer.use({"ops": hook("ops", new.url)})
        [sent] = await notes.wait_for("sent")
        [dropped] = await notes.wait_for("dropped")
    assert (sent.destination, dropped.destination) == ("ops", "gone")
    assert len(new.requests) == 1


async def test_what_comes_while_lanes_are_let_go_is_delivered() -> None:
    async with receiver() as ops, delivering(hook("ops", ops.url)) as (deliverer, notes, _):
        ops.answers = [status(503)]
        waiting = deliveries(3)
        deliverer.accept(waiting)
        await ops.wait_for(1)
        # Another process has them now, and a moment later this one again.
        letting_go = asyncio.create_task(deliverer.forget())
        await asyncio.sleep(0)
        ops.answers = [status(200)]
        deliverer.accept(waiting)
        await letting_go
        await notes.wait_for("sent", 3)
    assert not notes.of("dropped")


async def test_a_journal_that_fails_loses_nothing() -> None:
    class Failing(Notes):
        failures = 2

        async def settle(self, deliveries: Sequence[Delivery]) -> None:
            if self.failures:
                self.failures -= 1
                raise OSError("the disk is full")
            await super().settle(deliveries)

    notes = Failing()
    async with (
        receiver() as ops,
        Deliverer({"ops": hook("ops", ops.url)}, sender_maker(LOOPBACK), notes, Metrics(), policy=QUICK) as deliverer,
    ):
        deliverer.accept(deliveries())
        await notes.wait_for("sent")
    assert len({headers["Idempotency-Key"] for headers, _, _ in ops.requests}) == 1


# --- the other senders ------------------------------------------------------------------------------------------------


def outgoing(count: int = 1) -> Outgoing:
    waiting = deliveries(count)
    return Outgoing(key=waiting[0].key, alerts=tuple(one.alert for one in waiting), is_digest=count > 1)


async def test_syslog_gets_one_datagram_for_each_alert() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE_SECONDS)
        definition = DestinationDefinition(id="log", kind="syslog", address=f"127.0.0.1:{server.getsockname()[1]}")
        assert await make_sender(definition, LOOPBACK, Links()).send(outgoing(2)) == OK
        lines = [await asyncio.to_thread(server.recv, 65_536) for _ in range(2)]
    for line in lines:
        assert line.startswith(b"<14>1 2026-03-01T12:0") and b'rule="normalization"' in line
        assert line.decode("utf-8").endswith("https://outlet.example/0") or line.decode().endswith("/1")


async def test_syslog_without_a_daemon_is_tried_again(tmp_path: Path) -> None:
    definition = DestinationDefinition(id="log", kind="syslog", address=str(tmp_path / "nothing"))
    assert (await make_sender(definition, LOOPBACK, Links()).send(outgoing())).outcome == "retry"


async def test_standard_output_has_a_line_of_json_for_each_alert(capsys: pytest.CaptureFixture[str]) -> None:
    assert await make_sender(DestinationDefinition(id="out", kind="stdout"), LOOPBACK, Links()).send(outgoing(3)) == OK
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["story_id"] for row in rows] == [f"{n:032x}" for n in range(3)]


async def test_a_feed_has_each_alert_once_the_newest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import feedparser

    monkeypatch.setenv("RASAD_ALERT_SECRET_READER", "a-long-word/../x")
    settings = Settings(alerts=AlertSettings(feed_folder=str(tmp_path / "feeds"), feed_url="https://feeds.example/"))
    definition = DestinationDefinition(id="reader", kind="feed", credentials="reader", max_entries=4, language="ar")
    for message in (outgoing(3), outgoing(3), outgoing(6)):
        assert await make_sender(definition, settings, Links()).send(message) == OK
    assert sorted(path.name for path in (tmp_path / "feeds").iterdir()) == [
        "reader-a-long-wordx.atom",
        "reader-a-long-wordx.json",
    ]
    feed = json.loads((tmp_path / "feeds" / "reader-a-long-wordx.json").read_text("utf-8"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == "https://feeds.example/reader-a-long-wordx.json"
    assert len(feed["items"]) == 4 == len({item["id"] for item in feed["items"]})
    parsed = feedparser.parse((tmp_path / "feeds" / "reader-a-long-wordx.atom").read_bytes())
    assert not parsed.bozo
    assert [entry.id for entry in parsed.entries] == [item["id"] for item in feed["items"]]
    assert parsed.entries[0].link.startswith("https://outlet.example/")


async def test_a_feed_file_that_somebody_broke_is_begun_anew(tmp_path: Path) -> None:
    settings = Settings(alerts=AlertSettings(feed_folder=str(tmp_path)))
    sender = make_sender(DestinationDefinition(id="reader", kind="feed"), settings, Links())
    for broken in ("{", "[]", '{"items": [7, {"id": "x"}]}'):
        (tmp_path / "reader.json").write_text(broken, encoding="utf-8")
        assert await sender.send(outgoing()) == OK
        assert len(json.loads((tmp_path / "reader.json").read_text("utf-8"))["items"]) == 1


async def test_mail_servers_that_never_answer_hold_nothing_else_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)  # connections are made, and nobody ever says a word
        mails = [
            DestinationDefinition(
                id=f"mail-{n}", kind="mail", host="127.0.0.1", port=silent.getsockname()[1], tls="none",
                sender="a@example.org", to=("b@example.org",), timeout_seconds=3,
            )
            for n in range(12)
        ]  # fmt: skip
        names = tuple(one.id for one in mails)
        async with receiver() as ops, delivering(*mails, hook("ops", ops.url)) as (deliverer, notes, _):
            deliverer.accept(deliveries(4, channels=names))
            deliverer.accept(deliveries(30))
            await notes.wait_for("sent", 30)
            assert not notes.of("waiting"), "the mails have not even failed yet"
