"""The parts of the distributed runtime that need no broker: what a batch decides, and what the channel says."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from agent.alerts.kafka_journal import ACK_KEY, DeliveryLog, mute_key
from agent.alerts.sending import DELIVERY_KEY, quarantined
from streams import codec
from streams.alerts.deliveries import Delivery, awake
from streams.alerts.mutes import Mute
from streams.alerts.stage import AlertStage
from streams.channels import ALERT_STATE, ALERTS, ARTICLES, TRENDS, Channel
from streams.definitions import RealertPolicy, TrendCondition
from streams.faust_app.alert_work import AlertWork
from streams.faust_app.work import Decided, Item
from streams.metrics import Metrics
from streams.model import StoryChange
from tests.unit.alerts.kit import NOON, article, id_of, rule, run, stage
from tests.unit.alerts.test_decide import trend
from tests.unit.alerts.test_delivery import deliveries


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def work(one: AlertStage, executor: ThreadPoolExecutor, state: list[bytes] | None = None) -> AlertWork:
    def read(channel: Channel) -> list[bytes]:
        assert channel is ALERT_STATE
        return state or []

    return AlertWork(one, executor, read, Metrics(), lambda: NOON)


def item(record: msgspec.Struct, channel: Channel = ARTICLES) -> Item:
    return Item(codec.encode(record), channel)


async def test_a_batch_gives_alerts_first_and_memory_once_for_each_story(executor: ThreadPoolExecutor) -> None:
    one = work(stage(rule()), executor)
    await one.begin(1)
    results = await one(
        [item(article("a")), Item(b"{", ARTICLES), item(article("b")), item(article("c", story_id=id_of("x")))]
    )
    first, faulty, second, third = results
    assert isinstance(faulty, Decided) and faulty.first == faulty.then == (), "the index puts it into quarantine"
    assert isinstance(first, Decided) and isinstance(second, Decided) and isinstance(third, Decided)
    assert [beside.channel for beside in first.first] == [ALERTS]
    assert second.first == () and first.then == second.then == ()
    assert sorted(beside.key for beside in third.then) == sorted([id_of("story").encode(), id_of("x").encode()])
    assert {beside.channel for beside in third.then} == {ALERT_STATE}


async def test_a_batch_that_fails_is_decided_again_the_same(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stage(rule())
    batch = [item(article("a")), item(article("b", story_id=id_of("x")))]
    real, calls = one.step, []

    def step(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("once")
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(one, "step", step)
    made = work(one, executor)
    with pytest.raises(RuntimeError):
        await made(batch)
    assert [len(result.first) for result in await made(batch) if isinstance(result, Decided)] == [1, 1]


async def test_partitions_that_come_back_bring_the_memory_with_them(executor: ThreadPoolExecutor) -> None:
    one = work(stage(rule()), executor)
    await one.begin(1)
    [result] = await one([item(article("a"))])
    assert isinstance(result, Decided)
    other = work(stage(rule()), executor, [beside.payload for beside in result.then])
    await other.begin(2)
    [again] = await other([item(article("b"))])
    assert isinstance(again, Decided) and again.first == ()
    # Without it, and in a new generation of the first worker, it is said again: with the same id.
    await one.begin(3)
    [anew] = await one([item(article("a"))])
    assert isinstance(anew, Decided) and anew.first == result.first


async def test_trends_come_by_their_own_channel(executor: ThreadPoolExecutor) -> None:
    one = work(stage(rule(query="", trend=TrendCondition(kinds=("spike",)))), executor)
    [result, again] = await one([item(trend(), TRENDS), item(trend(seen=40), TRENDS)])
    assert isinstance(result, Decided) and len(result.first) == 1 and result.record is None
    assert isinstance(again, Decided) and again.first == ()


def test_of_two_stories_that_are_one_nothing_is_said_twice() -> None:
    policy = RealertPolicy(language=True)
    one = stage(rule(realert=policy))
    gone = id_of("gone")
    run(one, article("a", story_id=gone), article("b", story_id=gone, language="fa"))
    change = StoryChange(kind="merge", story_id=gone, into=id_of("story"), decided_at=NOON)
    merged = article("c", story_changes=(change,))
    assert run(one, merged, article("d", language="fa"), merged) == []
    [alert] = run(one, article("e", language="tr"))
    assert alert.reasons == ("language",)
    assert alert.story is not None and alert.story.articles == 5


# --- what the channel says --------------------------------------------------------------------------------------------


def put(log: DeliveryLog, *records: Delivery) -> list[Delivery | None]:
    return [log.read(f"{DELIVERY_KEY}{one.key}".encode(), codec.encode(one)) for one in records]


def test_the_newest_state_of_a_delivery_holds_also_where_old_ones_are_read_later() -> None:
    log = DeliveryLog()
    [one] = deliveries()
    tried = replace(one, attempts=1, first_tried_at=NOON)
    sent = replace(tried, attempts=2, status="sent", finished_at=NOON)
    assert put(log, one) == [one]
    log.settle([sent])
    assert put(log, one, tried, sent) == [None, None, None]
    assert log.waiting() == []
    assert put(log, awake(replace(sent, status="undeliverable"))) != [None]
    assert [found.woken for found in log.waiting()] == [1]


def test_what_is_muted_without_an_attempt_stays_muted() -> None:
    log = DeliveryLog()
    [one] = deliveries()
    log.settle([replace(one, status="muted", finished_at=NOON)])
    assert put(log, one) == [None] and log.waiting() == []


def test_mutes_acknowledgements_and_what_is_none_of_them() -> None:
    log = DeliveryLog()
    mute = Mute(rule_id="r", story_id="s")
    log.read(mute_key(mute).encode(), codec.encode(mute))
    log.read(f"{ACK_KEY}a".encode(), msgspec.json.encode(NOON))
    for key, value in (
        (b"delivery:x", b"{"),
        (b"mute:x", b"[]"),
        (b"ack:x", b"7"),
        (b"\xff", b"x"),
        (b"else", b"{}"),
        (b"delivery:y", None),
    ):
        assert log.read(key, value) is None
    assert log.all_mutes() == [mute] and log.acknowledged == {"a": NOON}
    log.read(mute_key(mute).encode(), None)
    assert log.all_mutes() == []


def test_what_was_finished_long_ago_is_forgotten() -> None:
    log = DeliveryLog()
    one, two = deliveries(2)
    log.settle([replace(one, status="sent", finished_at=NOON), two])
    log.forget(NOON + timedelta(days=1))
    assert list(log.deliveries) == [two.key]


def test_a_delivery_in_quarantine_is_what_waits_again_when_it_is_sent_back() -> None:
    log = DeliveryLog()
    [one] = deliveries()
    lost = replace(one, attempts=9, status="undeliverable", finished_at=NOON, detail="HTTP 410")
    log.settle([lost])
    record = quarantined(lost, NOON)
    assert "HTTP 410" in record.detail
    waiting = log.read(record.key or b"", record.payload)
    assert waiting is not None and (waiting.key, waiting.attempts, waiting.woken) == (one.key, 0, 1)
