"""The trends' counts outlive a restart, in both runtimes' ways of keeping them; and each article is counted once."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from agent.cli import main_group
from agent.collect.records import Delivery
from agent.collect.state import FeedState
from agent.embedded import EmbeddedSink
from streams.definitions import Definitions
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import RawArticle
from streams.pipeline import Pipeline
from streams.stores.base import TrendSearch
from streams.stores.sqlite import SqliteStore
from streams.trends.keeper import TrendKeeper
from streams.trends.records import Series, Trend
from tests.contract.side_contract import spike
from tests.unit.test_trends import HOUR, MONDAY, SYRIA, article

WORDS = "harbour bridge council minister market weather railway school hospital festival".split()


def weeks(keeper: TrendKeeper, count: int = 4) -> datetime:
    """Six an hour by day, two by night; returns the hour after."""
    chance = random.Random(1)
    at = MONDAY
    while at < MONDAY + timedelta(weeks=count):
        for number in range(6 if 6 <= at.hour < 22 else 2):
            keeper.add(article(at + timedelta(minutes=chance.randrange(60)), number=number), [chance.choice(WORDS)])
        at += HOUR
        keeper.found(at)
    return at


class Kept:
    """What a runtime keeps: the newest record of each key."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}

    def take(self, keeper: TrendKeeper) -> None:
        self.records |= {one.key: one.record for one in keeper.unsaved()}
        keeper.saved()

    def restored(self) -> TrendKeeper:
        keeper = TrendKeeper()
        records = list(self.records.values())
        random.Random(2).shuffle(records)
        assert keeper.restore(records) == 0
        return keeper


def spikes(found: tuple[Trend, ...]) -> dict[Series, tuple[int, float]]:
    return {trend.series: (trend.seen, trend.expected) for trend in found if trend.kind == "spike"}


def test_counts_and_words_come_back_after_a_restart_at_any_moment() -> None:
    keeper, kept = TrendKeeper(), Kept()
    at = weeks(keeper) + timedelta(hours=9)
    kept.take(keeper)
    for number in range(20):
        keeper.add(article(at, number=number), [])
    kept.take(keeper)
    again = kept.restored()
    for one in (keeper, again):
        for number in range(20, 40):
            one.add(article(at, number=number, title="weather"), ["weather", "oreshnik"])
    expected, found = keeper.found(at + HOUR), again.found(at + HOUR)
    assert spikes(found) == spikes(expected) and spikes(found)[SYRIA][0] == 40
    terms = {trend.term for trend in found if trend.kind == "new_term"}
    assert terms == {"oreshnik"}, "what was a known word before the restart is one after it"


def test_what_is_told_is_told_again_until_it_is_stored() -> None:
    keeper = TrendKeeper()
    at = weeks(keeper) + timedelta(hours=9)
    keeper.saved()
    for number in range(40):
        keeper.add(article(at, number=number), [])
    first = keeper.found(at + HOUR)
    records = keeper.unsaved()
    assert spikes(first) and records
    assert keeper.found(at + HOUR) == first and keeper.unsaved() == records, "the transaction failed"
    keeper.saved()
    assert keeper.found(at + HOUR) == () and keeper.unsaved() == []


def test_a_silence_is_looked_for_when_the_hour_changes() -> None:
    keeper = TrendKeeper()
    at = weeks(keeper) + timedelta(hours=9)
    keeper.saved()
    for hour in range(6):
        keeper.add(article(at + hour * HOUR, number=hour, language="fa", topics=()), [])
        keeper.found(at + hour * HOUR)
    assert {(t.kind, t.series) for t in keeper.found(at + 6 * HOUR)} == {
        ("flatline", SYRIA),
        ("flatline", Series("language", "ar")),
    }


def test_faulty_records_are_counted_and_left_out() -> None:
    keeper, kept = TrendKeeper(), Kept()
    weeks(keeper, 1)
    kept.take(keeper)
    other = TrendKeeper()
    odd = [b"", b"rubbish", msgspec.msgpack.encode(["day", 9, "topic", "x", 1, [0] * 24]),
           msgspec.msgpack.encode(["day", 1, "topic", "x", 1, [1]])]  # fmt: skip
    assert other.restore([*odd, *kept.records.values()]) == 4


# --- the embedded runtime -------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def raw(name: str, published: datetime, **fields: object) -> RawArticle:
    given: dict[str, object] = {
        "article_id": article_id(canonical_url=f"https://x.example/{name}"),
        "title": f"Report {name}",
        "text": f"The talks of day {name} went on.",
        "published_at": published,
        "collected_at": published,
        "source_id": "x",
        **fields,
    }
    return RawArticle(**given)  # type: ignore[arg-type]


class Agent:
    """An embedded agent on one file, at a time that the test sets."""

    def __init__(self, path: Path) -> None:
        self.now = NOW
        self.store = SqliteStore(path)
        self.metrics = Metrics(topic_ids=["talks"])
        pipeline = Pipeline(Definitions(), clock=lambda: self.now, keeps_state=True)
        assert pipeline.stories.restore(self.store.story_state()) == 0
        assert pipeline.stories.trends.restore(self.store.trend_state()) == 0
        self.sink = EmbeddedSink(pipeline, self.store, self.metrics)

    async def deliver(self, *articles: RawArticle) -> None:
        await self.sink.deliver(
            [Delivery(state=FeedState(feed_url="https://x.example/f", source_id="x"), articles=articles)]
        )

    async def trends(self) -> list[Trend]:
        return await self.store.trends(TrendSearch(since=NOW - timedelta(days=30)))

    async def close(self) -> None:
        await self.sink.close()
        await self.store.close()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "rasad.sqlite"


async def past(agent: Agent) -> None:
    """Two an hour in the same hour of five days."""
    for day in range(5, 0, -1):
        at = agent.now = NOW - timedelta(days=day)
        await agent.deliver(raw(f"{day}-a", at), raw(f"{day}-b", at))
    agent.now = NOW


async def test_a_spike_is_stored_and_counted_on_after_a_restart(path: Path) -> None:
    agent = Agent(path)
    await past(agent)
    burst = [raw(f"burst-{number}", NOW - timedelta(minutes=1)) for number in range(20)]
    await agent.deliver(*burst[:12])
    [found] = await agent.trends()
    assert (found.kind, found.series, found.seen, found.expected) == ("spike", Series("language", "en"), 12, 2.0)
    name, labels = "rasad_trend_findings_total", {"kind": "spike", "series": "language"}
    assert agent.metrics.registry.get_sample_value(name, labels) == 1
    assert agent.metrics.registry.get_sample_value("rasad_trend_articles", {"topic": "talks"}) == 0
    await agent.close()

    again = Agent(path)
    await again.deliver(*burst[6:])
    [later] = await again.trends()
    assert (later.trend_id, later.seen) == (found.trend_id, 20), "met again is not counted again"
    await again.deliver(*burst)
    assert await again.trends() == [later]
    await again.close()


def test_the_command_shows_what_is_stored(path: Path) -> None:
    async def fill() -> None:
        store = SqliteStore(path)
        await store.write_trends([spike(0), spike(1, topic="talks")])
        await store.close()

    asyncio.run(fill())
    config = path.parent / "config"
    config.mkdir()
    (config / "rasad.yaml").write_text(f"store: {{kind: sqlite, path: {path}}}\n")
    arguments = ["trends", "--config", str(config), "--since", "2023-01-01"]
    shown = CliRunner().invoke(main_group, arguments, standalone_mode=False)
    assert [line.split("  ")[-1].strip() for line in shown.stdout.splitlines()] == [
        f"topic {name}: 40 articles, 6 expected (±10)" for name in ("syria", "talks")
    ]
    as_json = CliRunner().invoke(main_group, [*arguments, "--kind", "spike", "--json"], standalone_mode=False)
    assert [json.loads(line)["seen"] for line in as_json.stdout.splitlines()] == [40, 40]
    nothing = CliRunner().invoke(main_group, [*arguments, "--kind", "flatline"], standalone_mode=False)
    assert nothing.return_value == 1 and "nothing stands out" in nothing.stderr


async def test_backfill_edits_and_wrong_dates_make_no_spike(path: Path) -> None:
    agent = Agent(path)
    await past(agent)
    at = NOW - timedelta(minutes=1)
    await agent.deliver(
        *(raw(f"old-{number}", at, is_backfill=True) for number in range(50)),
        *(raw(f"undated-{number}", at, date_is_reliable=False) for number in range(50)),
        *(raw(f"edited-{number}", at, revision=2) for number in range(50)),
        *(raw(f"future-{number}", NOW + timedelta(days=2), collected_at=NOW) for number in range(50)),
        *(raw(f"ancient-{number}", NOW - timedelta(days=400), collected_at=NOW) for number in range(50)),
    )
    assert await agent.trends() == []
    await agent.close()


async def test_a_transaction_that_fails_counts_nothing_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Agent(path)
    await past(agent)
    burst = [raw(f"burst-{number}", NOW) for number in range(12)]
    with monkeypatch.context() as patch:
        patch.setattr("streams.stores.sqlite.transaction.SqliteTransaction.put_quarantine", _fail)
        with pytest.raises(Exception, match="the disk is full"):
            await agent.deliver(*burst)
    assert await agent.trends() == []
    await agent.deliver(*burst)
    [found] = await agent.trends()
    assert found.seen == 12
    await agent.close()


def _fail(*_: object) -> None:
    raise OSError("the disk is full")
