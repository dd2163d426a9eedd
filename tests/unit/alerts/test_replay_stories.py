"""A replay of the story stage: what was placed badly is placed as the stage places it today, and nothing else moves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from agent.cli import main_group
from agent.definitions import load_all
from agent.replay import Progress, Replay, StoreTarget, load
from agent.replay_stories import StoryReplay, live_begins
from streams.identity import article_id
from streams.model import Article, RawArticle
from streams.pipeline import Pipeline, utc_now
from streams.stores.base import Search, StorySearch
from streams.stores.sqlite import SqliteStore

BEGINNING = datetime(2018, 1, 1, tzinfo=UTC)
LABELLED = Path(__file__).parents[2] / "quality" / "stories"
Partition = set[frozenset[str]]


def raw(line: str) -> RawArticle:
    row = json.loads(line)
    moment = datetime.fromisoformat(row["published_at"])
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return RawArticle(
        article_id=article_id(canonical_url=f"https://labelled.example/{row['id']}"),
        title=row["title"],
        text=row["text"],
        source_id=row.get("source"),
        published_at=moment,
        collected_at=moment,
    )


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    """The labelled stories as today's pipeline places them."""
    lines = [line for path in sorted(LABELLED.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    raws = sorted(map(raw, lines), key=lambda one: (one.collected_at, one.article_id))
    now = [BEGINNING]
    pipeline = Pipeline(load_all(None)[1], clock=lambda: now[0])
    placed = []
    for one in raws:
        now[0] = one.collected_at
        article = pipeline.process(one)
        assert isinstance(article, Article)
        placed.append(article)
    return placed


async def stored(path: Path, articles: Sequence[Article]) -> SqliteStore:
    store = SqliteStore(path)
    await store.write(articles)
    return store


async def replay(
    store: SqliteStore, state: Path, articles: Sequence[Article], target: StoreTarget | None = None
) -> Progress:
    since = articles[0].collected_at - timedelta(days=1)
    progress = load(state) or Progress(
        since=since, until=articles[-1].collected_at + timedelta(days=1), stage="story", alerts=False, done_until=since
    )
    return await Replay(
        store, None, target or StoreTarget(store), progress, state, rest=0, stories=StoryReplay(store)
    ).run()


async def partition(store: SqliteStore) -> Partition:
    """The stories by their articles; each article is in the document of its story, and in no other."""
    page = await store.search(Search(limit=5000))
    found: defaultdict[str, set[str]] = defaultdict(set)
    for hit in page.hits:
        assert hit.article.story_id is not None
        found[hit.article.story_id].add(hit.article.article_id)
    documents = await store.stories(StorySearch(min_articles=1, limit=5000))
    assert {one.story_id: {report.article_id for report in one.timeline} for one in documents if one.articles} == found
    return {frozenset(members) for members in found.values()}


async def test_what_is_placed_as_it_would_be_today_stays(tmp_path: Path, articles: list[Article]) -> None:
    store = await stored(tmp_path / "r.sqlite", articles)
    before = await partition(store)
    done = await replay(store, tmp_path / "p.json", articles)
    assert (done.articles, done.changed, done.failed) == (len(articles), 0, 0)
    assert await partition(store) == before
    assert len(before) < len(articles), "there are stories"
    await store.close()


def apart(articles: Sequence[Article]) -> list[Article]:
    return [
        replace(one, story_id=one.article_id, near_duplicate_of=None, similarity=None, wire_copy=False, story_links=(), story_changes=())
        for one in articles
    ]  # fmt: skip


def in_heaps(articles: Sequence[Article]) -> list[Article]:
    """Thirty that follow one another in one story, whatever they are about."""
    return [
        replace(one, story_id=articles[number - number % 30].article_id) for number, one in enumerate(apart(articles))
    ]


@pytest.mark.parametrize("spoil", [apart, in_heaps])
async def test_what_was_placed_badly_is_placed_as_today(tmp_path: Path, articles: list[Article], spoil: object) -> None:
    good = await stored(tmp_path / "good.sqlite", articles)
    wanted = await partition(good)
    copies = {one.article_id: one.near_duplicate_of for one in articles}
    await good.close()
    store = await stored(tmp_path / "r.sqlite", spoil(articles))  # type: ignore[operator]
    assert await partition(store) != wanted
    done = await replay(store, tmp_path / "p.json", articles)
    assert done.changed and not done.failed
    assert await partition(store) == wanted
    page = await store.search(Search(limit=5000))
    assert {hit.article.article_id: hit.article.near_duplicate_of for hit in page.hits} == copies
    # A second time there is nothing left to do.
    assert (await replay(store, tmp_path / "p.json", articles)).changed == 0
    assert await partition(store) == wanted
    await store.close()


async def test_one_that_is_killed_goes_on_to_the_same_end(
    tmp_path: Path, articles: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.replay.BATCH", 7)
    whole = await stored(tmp_path / "whole.sqlite", apart(articles))
    await replay(whole, tmp_path / "w.json", articles)
    wanted = await partition(whole)
    await whole.close()

    class Stopping(StoreTarget):
        left = 12

        async def put(self, articles: Sequence[Article]) -> None:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            await super().put(articles)

    store = await stored(tmp_path / "r.sqlite", apart(articles))
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            await replay(store, tmp_path / "p.json", articles, Stopping(store))
    await replay(store, tmp_path / "p.json", articles)
    assert await partition(store) == wanted
    await store.close()


async def test_a_later_delivery_under_the_old_story_finds_the_new_one(tmp_path: Path, articles: list[Article]) -> None:
    spoiled = in_heaps(articles)
    store = await stored(tmp_path / "r.sqlite", spoiled)
    await replay(store, tmp_path / "p.json", articles)
    wanted = await partition(store)
    await store.write([replace(one, revision=2, storied_at=utc_now()) for one in spoiled[:40]])
    assert await partition(store) == wanted
    await store.close()


def test_the_live_stories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "rasad.yaml").write_text(f"store: {{path: '{tmp_path / 'r.sqlite'}'}}\n", encoding="utf-8")

    def rasad(*arguments: str) -> tuple[int, str]:
        given = ["replay", "--stage", "story", *arguments, "--config", str(tmp_path)]
        result = CliRunner().invoke(main_group, given, standalone_mode=False)
        return getattr(result.exception, "exit_code", 0 if result.exception is None else 99), str(result.exception)

    SqliteStore(tmp_path / "r.sqlite").close_now()
    code, said = rasad("--from", "60d", "--to", "2d")
    assert code == 2 and "still those of the running agent" in said
    code, said = rasad("--from", "3d")
    assert code == 2 and f"{live_begins(utc_now()):%Y-%m-%d}" in said
