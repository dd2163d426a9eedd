"""A replay makes labels anew in the same documents, silently unless asked; it goes on where it was left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.alerts.load import AlertConfig
from agent.alerts.replaying import EmbeddedTarget
from agent.cli import main_group
from agent.errors import ServiceUnavailable
from agent.replay import LiveLag, Progress, Replay, StoreTarget, load
from streams.alerts.rules import RuleSet
from streams.channels import Channel
from streams.definitions import Definitions, TopicDefinition
from streams.model import Article
from streams.pipeline import Pipeline
from streams.stores.sqlite import SqliteStore
from streams.stores.sqlite.alerts import AlertSearch, SqliteAlerts
from tests.unit.alerts.kit import NOON, article, copy_of, id_of, rule

TALKS = Definitions(topics=(TopicDefinition(id="talks", name="Talks", query="normalization", min_score=0),))
ARTICLES = [
    *(article(f"a{n}", published_at=NOON + timedelta(hours=n), revision=1 + n % 3) for n in range(30)),
    copy_of("copy", "a1", published_at=NOON + timedelta(hours=3)),
    article("other", title="Football", text="Football.", story_id=id_of("other")),
]


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    made = SqliteStore(tmp_path / "r.sqlite")
    await made.write(ARTICLES)
    yield made
    await made.close()


def progress(**fields: Any) -> Progress:
    start = NOON - timedelta(days=1)
    given = {
        "since": start,
        "until": NOON + timedelta(days=3),
        "stage": "enrich",
        "alerts": False,
        "done_until": start,
        **fields,
    }
    return Progress(**given)


async def test_labels_are_made_anew_and_the_place_stays(store: SqliteStore, tmp_path: Path) -> None:
    done = await Replay(store, Pipeline(TALKS), StoreTarget(store), progress(), tmp_path / "p.json", rest=0).run()
    assert (done.articles, done.failed) == (32, 0)
    assert await store.count() == 32
    for before in ARTICLES:
        after = await store.get(before.article_id)
        assert after is not None
        assert [label.id for label in after.topics] == ([] if before.title == "Football" else ["talks"])
        for name in ("revision", "story_id", "near_duplicate_of", "collected_at", "published_at", "wire_copy", "title"):
            assert getattr(after, name) == getattr(before, name)
    assert list(SqliteAlerts(store).find(AlertSearch())) == []
    assert not (tmp_path / "p.json").exists()


async def test_an_edit_that_came_meanwhile_stays(store: SqliteStore, tmp_path: Path) -> None:
    class Editing(StoreTarget):
        async def put(self, articles: Sequence[Article]) -> None:
            await store.write([article("a0", revision=9, title="Edited")])
            await super().put(articles)

    await Replay(store, Pipeline(TALKS), Editing(store), progress(), tmp_path / "p.json", rest=0).run()
    after = await store.get(id_of("a0"))
    assert after is not None and (after.revision, after.title) == (9, "Edited")


async def test_it_goes_on_where_it_was_killed(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.replay.BATCH", 4)
    monkeypatch.setattr("streams.stores.through._MAX_HITS", 8)
    seen: list[str] = []

    class Stopping(StoreTarget):
        left = 4

        async def put(self, articles: Sequence[Article]) -> None:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            seen.extend(one.article_id for one in articles)
            await super().put(articles)

    state = tmp_path / "p.json"
    with pytest.raises(KeyboardInterrupt):
        await Replay(store, Pipeline(TALKS), Stopping(store), progress(), state, rest=0).run()
    left = load(state)
    assert left is not None and left.done_until > left.since
    before = len(seen)
    assert before

    class Noting(StoreTarget):
        async def put(self, articles: Sequence[Article]) -> None:
            seen.extend(one.article_id for one in articles)
            await super().put(articles)

    await Replay(store, Pipeline(TALKS), Noting(store), left, state, rest=0).run()
    assert set(seen) == {one.article_id for one in ARTICLES}
    assert len(seen) - before < len(ARTICLES), "what was done is not done again"


async def test_it_stands_still_while_the_live_stream_is_behind(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.replay.BATCH", 8)
    monkeypatch.setattr("agent.replay._LOOK_SECONDS", 0.01)
    behind = [True, True, False, True, False]
    written: list[int] = []

    class Noting(StoreTarget):
        async def put(self, articles: Sequence[Article]) -> None:
            written.append(len(behind))
            await super().put(articles)

    def live_waits() -> bool:
        return behind.pop(0) if behind else False

    done = await Replay(
        store, Pipeline(TALKS), Noting(store), progress(), tmp_path / "p.json", rest=0, live_waits=live_waits
    ).run()
    assert done.articles == 32 and written[:3] == [2, 0, 0]


@pytest.mark.parametrize(
    ("waiting", "is_behind"),
    [
        ({"enrich": {0: (100, 7), 1: (100, None)}}, False),
        ({"enrich": {0: (100, 7), 1: (400, 9)}}, True),
        ({"index": {0: (401, 1)}}, True),
        ({"alert": {0: (1_000_000, None)}}, False),  # nobody runs this stage
        ({}, False),
    ],
)
def test_what_counts_as_behind(waiting: dict[str, dict[int, tuple[int, int | None]]], is_behind: bool) -> None:
    asked: list[str] = []

    def lag(stage: str, channels: Sequence[Channel]) -> dict[Channel, dict[int, tuple[int, int | None]]]:
        asked.append(stage)
        return {channels[0]: waiting.get(stage, {})}

    live = LiveLag(lag)
    assert live() is is_behind and live() is is_behind
    assert asked == ["enrich", "story", "index", "alert"], "once a second is enough"

    def away(stage: str, channels: Sequence[Channel]) -> dict[Channel, dict[int, tuple[int, int | None]]]:
        raise ServiceUnavailable("Kafka is away")

    assert LiveLag(away)() is False


async def test_rules_alert_where_that_is_asked_for_and_do_not_say_again_what_was_said(
    store: SqliteStore, tmp_path: Path
) -> None:
    config = AlertConfig(RuleSet([rule()]), {}, ())
    for _ in range(2):
        await Replay(
            store, None, EmbeddedTarget(store, config), progress(stage="alert", alerts=True), tmp_path / "p", rest=0
        ).run()
    [stored] = SqliteAlerts(store).find(AlertSearch())
    assert stored.alert.story_id == id_of("story")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.replay.lower_priority", lambda: None)  # of this process, and it cannot be raised again
    (tmp_path / "topics").mkdir()
    (tmp_path / "alerts").mkdir()
    (tmp_path / "rasad.yaml").write_text(f"store: {{path: '{tmp_path / 'r.sqlite'}'}}\n", encoding="utf-8")
    (tmp_path / "topics" / "t.yaml").write_text("- {id: talks, name: T, query: normalization, min_score: 0}\n", "utf-8")
    (tmp_path / "alerts" / "r.yaml").write_text("- {id: talks, name: N, query: 'topic:talks'}\n", "utf-8")

    async def fill() -> None:
        made = SqliteStore(tmp_path / "r.sqlite")
        await made.write(ARTICLES)
        await made.close()

    asyncio.run(fill())

    def rasad(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main_group, [*arguments, "--config", str(tmp_path)], standalone_mode=False)
        if result.exception is not None:
            return getattr(result.exception, "exit_code", 99), str(result.exception)
        return result.return_value or 0, result.output

    span = ("--from", "2026-02-01", "--to", "2026-03-10", "--rest", "0")
    code, said = rasad("replay", *span)
    assert code == 0 and "32 articles run again: " in said and ", 0 failed" in said
    assert "no alerts" in rasad("alerts", "list")[1]
    code, said = rasad("replay", *span, "--stage", "alert", "--alert")
    assert code == 0 and "1 alerts" in said
    assert len([json.loads(line) for line in rasad("alerts", "list", "--json")[1].splitlines()]) == 1
    assert rasad("replay", *span, "--stage", "alert")[0] == 2
    assert rasad("replay", "--from", "2026-03-10", "--to", "2026-02-01")[0] == 2
    assert rasad("replay", "--from", "soon")[0] == 2
