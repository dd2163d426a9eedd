"""The embedded sink: stages and store behind the collector's port, all or nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.collect.records import Delivery, SinkUnavailable
from agent.collect.state import FeedState
from agent.embedded import EmbeddedSink
from streams import codec
from streams.definitions import Definitions
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import Article, RawArticle
from streams.pipeline import Pipeline
from streams.stores.sqlite import SqliteStore

NOW = datetime(2023, 4, 25, 12, tzinfo=UTC)


def delivery(feed: str, *titles: str, polls: int = 1) -> Delivery:
    articles = tuple(
        RawArticle(article_id=article_id(canonical_url=f"https://x.example/{feed}/{t}"), title=t, collected_at=NOW)
        for t in titles
    )
    return Delivery(
        state=FeedState(feed_url=f"https://x.example/{feed}", source_id="x", polls=polls), articles=articles
    )


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    monkeypatch.setattr("streams.stores.sqlite.connections.BUSY_SECONDS", 0.2)
    store = SqliteStore(tmp_path / "rasad.sqlite")
    yield store
    await store.close()


@pytest.fixture
async def sink(store: SqliteStore) -> AsyncIterator[EmbeddedSink]:
    sink = EmbeddedSink(Pipeline(Definitions(), clock=lambda: NOW), store, Metrics())
    yield sink
    await sink.close()


async def test_articles_and_state_are_stored_together(sink: EmbeddedSink, store: SqliteStore) -> None:
    given = delivery("f", "a", "b", "c")
    await sink.deliver([given])
    assert await store.count() == 3
    assert codec.decode(store.feed_states()[given.state.feed_url], FeedState) == given.state
    stored = await store.get(given.articles[0].article_id)
    assert stored is not None and stored.indexed_at is not None and stored.title == "a"


async def test_a_state_without_articles_is_stored_too(sink: EmbeddedSink, store: SqliteStore) -> None:
    await sink.deliver([delivery("f")])
    assert list(store.feed_states()) == ["https://x.example/f"] and await store.count() == 0


async def test_delivering_again_changes_nothing(sink: EmbeddedSink, store: SqliteStore) -> None:
    for _ in range(3):
        await sink.deliver([delivery("f", "a", "b")])
    assert await store.count() == 2


async def test_deliveries_at_the_same_time_are_all_stored(sink: EmbeddedSink, store: SqliteStore) -> None:
    await asyncio.gather(*(sink.deliver([delivery(f"f{n}", "a", "b")]) for n in range(40)))
    assert await store.count() == 80 and len(store.feed_states()) == 40


async def test_a_store_that_is_locked_loses_nothing(sink: EmbeddedSink, store: SqliteStore, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "rasad.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SinkUnavailable):
        await sink.deliver([delivery("f", "a")])
    assert await store.count() == 0 and not store.feed_states()
    other.execute("ROLLBACK")
    other.close()
    await sink.deliver([delivery("f", "a")])
    assert await store.count() == 1 and len(store.feed_states()) == 1


async def test_what_a_stage_cannot_process_is_in_quarantine_and_the_rest_goes_on(store: SqliteStore) -> None:
    pipeline = Pipeline(Definitions(), clock=lambda: NOW)
    run = pipeline.enrich.run

    def enrich(raw: RawArticle) -> RawArticle:
        if raw.title == "poison":
            raise ValueError("no good")
        return run(raw)

    stages = tuple(
        type(stage)(stage.name, stage.reads, stage.writes, stage.takes, enrich if stage.name == "enrich" else stage.run)
        for stage in pipeline.stages
    )
    pipeline.stages = stages  # type: ignore[assignment]
    metrics = Metrics()
    sink = EmbeddedSink(pipeline, store, metrics)
    given = delivery("f", "a", "poison", "b")
    await sink.deliver([given])
    await sink.close()
    assert await store.count() == 2
    (row,) = store.quarantine()
    record = getattr(row, "record", row)
    assert (record.stage, record.reason, record.channel) == (
        "enrich",
        "stage_failed",
        "raw",
    ) and "no good" in record.detail
    assert codec.decode(record.payload, RawArticle) == given.articles[1]
    assert (
        metrics.registry.get_sample_value("rasad_quarantined_total", {"stage": "enrich", "reason": "stage_failed"}) == 1
    )
    assert metrics.registry.get_sample_value("rasad_quarantine_records") == 1


async def test_who_watches_is_told_what_was_stored(store: SqliteStore) -> None:
    seen: list[Article] = []
    sink = EmbeddedSink(Pipeline(Definitions(), clock=lambda: NOW), store, Metrics(), seen.extend)
    await sink.deliver([delivery("f", "a", "b")])
    await sink.close()
    assert [article.title for article in seen] == ["a", "b"]


async def test_a_new_revision_takes_the_place_of_the_old(sink: EmbeddedSink, store: SqliteStore) -> None:
    first = delivery("f", "a")
    await sink.deliver([first])
    edited = msgspec.structs.replace(first.articles[0], title="edited", revision=2)
    await sink.deliver([Delivery(state=first.state, articles=(edited,))])
    stored = await store.get(edited.article_id)
    assert stored is not None and (stored.title, stored.revision) == ("edited", 2) and await store.count() == 1


async def test_the_story_window_comes_back_from_the_store(store: SqliteStore, tmp_path: Path) -> None:
    text = (
        "The defence ministers of four countries met in Moscow on Tuesday and agreed to go on meeting in this format."
    )
    first = delivery("f", "a")
    first = Delivery(state=first.state, articles=tuple(msgspec.structs.replace(a, text=text) for a in first.articles))
    sink = EmbeddedSink(Pipeline(Definitions(), clock=lambda: NOW, keeps_state=True), store, Metrics())
    await sink.deliver([first])
    await sink.close()

    pipeline = Pipeline(Definitions(), clock=lambda: NOW, keeps_state=True)
    assert pipeline.stories.restore(store.story_state()) == 0
    copy = delivery("g", "b")
    copy = Delivery(state=copy.state, articles=tuple(msgspec.structs.replace(a, text=text) for a in copy.articles))
    sink = EmbeddedSink(pipeline, store, Metrics())
    await sink.deliver([copy, first])
    await sink.close()
    stored = await store.get(copy.articles[0].article_id)
    assert stored is not None and stored.near_duplicate_of == stored.story_id == first.articles[0].article_id
    assert len(store.story_state()) == 2 and await store.count() == 2


async def test_what_has_left_the_story_window_is_forgotten(store: SqliteStore) -> None:
    sink = EmbeddedSink(Pipeline(Definitions(), clock=lambda: NOW, keeps_state=True), store, Metrics())
    await sink.deliver([delivery("f", "a")])
    later = delivery("f", "b")
    when = NOW + timedelta(days=30)
    await sink.deliver(
        [
            Delivery(
                state=later.state, articles=tuple(msgspec.structs.replace(a, collected_at=when) for a in later.articles)
            )
        ]
    )
    await sink.close()
    assert len(store.story_state()) == 1 and await store.count() == 2
