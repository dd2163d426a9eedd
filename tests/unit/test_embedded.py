"""The embedded sink: stages and store behind the collector's port, all or nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Generator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.burst import BurstHelper, Sharing
from agent.collect.records import Delivery, SinkUnavailable
from agent.collect.state import FeedState
from agent.embedded import EmbeddedSink
from streams import codec
from streams.definitions import Definitions
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import Article, RawArticle
from streams.pipeline import Pipeline, Rejected
from streams.stores.sqlite import SqliteStore
from streams.stories.archive import ArchiveUnavailable

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


DEFENCE = "The defence ministers of four countries met in Moscow on Tuesday and agreed to go on meeting: {}."


class Watched(BurstHelper):
    """A helper that notes in what order batches are begun and taken."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline.enrich, Definitions())
        self.seen: list[tuple[str, int]] = []

    def begin(self, payloads: Sequence[bytes]) -> Sharing:
        if payloads and b"cannot be begun" in payloads[0]:
            raise RuntimeError("cannot be begun")
        self.seen.append(("begun", len(payloads)))
        return super().begin(payloads)

    def results(self, sharing: Sharing) -> Generator[bytes | Rejected, None, None]:
        self.seen.append(("taken", len(sharing.payloads)))
        return super().results(sharing)


def reports(feed: str, count: int) -> Delivery:
    given = delivery(feed, *(f"{feed} {n}" for n in range(count)))
    articles = tuple(msgspec.structs.replace(a, text=DEFENCE.format(a.title)) for a in given.articles)
    return Delivery(state=given.state, articles=articles)


async def test_a_batch_is_begun_while_the_one_before_is_written(store: SqliteStore, tmp_path: Path) -> None:
    given = [reports(f"f{n}", 200 + n) for n in range(4)]
    plain = SqliteStore(tmp_path / "plain.sqlite")
    alone = EmbeddedSink(Pipeline(Definitions(), clock=lambda: NOW, keeps_state=True), plain, Metrics())
    for one in given:
        await alone.deliver([one])
    await alone.close()
    pipeline = Pipeline(Definitions(), clock=lambda: NOW, keeps_state=True)
    burst, metrics = Watched(pipeline), Metrics()
    sink = EmbeddedSink(pipeline, store, metrics, burst=burst)
    await asyncio.gather(*(sink.deliver([one]) for one in given))
    await sink.close()
    sizes = [200, 201, 202, 203]
    assert burst.seen == [
        ("begun", 200), ("begun", 201), ("taken", 200), ("begun", 202), ("taken", 201),
        ("begun", 203), ("taken", 202), ("taken", 203),
    ]  # fmt: skip
    assert store.feed_states() == plain.feed_states()
    stories = set()
    for raw in [raw for one in given for raw in one.articles]:
        one, other = await store.get(raw.article_id), await plain.get(raw.article_id)
        assert one is not None and other is not None
        # The helper process has a clock of its own.
        assert msgspec.structs.replace(one, enriched_at=NOW, indexed_at=None) == msgspec.structs.replace(
            other, enriched_at=NOW, indexed_at=None
        )
        stories.add(one.story_id)
    assert len(stories) < sum(sizes)
    for stage in ("enrich", "story", "index"):
        labels = {"stage": stage}
        assert metrics.registry.get_sample_value("rasad_stage_duration_seconds_count", labels) == sum(sizes)
    await plain.close()


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("fault", ["it cannot be begun", "a story cannot be looked up"])
async def test_a_batch_that_fails_takes_no_other_with_it(store: SqliteStore, failing: int, fault: str) -> None:
    given = [reports(f"f{n}", 200) for n in range(3)]
    pipeline = Pipeline(Definitions(), clock=lambda: NOW, keeps_state=True)
    process = pipeline.process_enriched
    if fault == "it cannot be begun":
        first = msgspec.structs.replace(given[failing].articles[0], title="cannot be begun")
        given[failing] = Delivery(state=given[failing].state, articles=(first, *given[failing].articles[1:]))
    else:
        bad = given[failing].articles[100].article_id.encode()

        def unavailable(payload: bytes) -> Article | tuple[Rejected, bytes]:
            if bad in payload:
                raise ArchiveUnavailable
            return process(payload)

        pipeline.process_enriched = unavailable  # type: ignore[method-assign]
    sink = EmbeddedSink(pipeline, store, Metrics(), burst=Watched(pipeline))
    outcomes = await asyncio.gather(*(sink.deliver([one]) for one in given), return_exceptions=True)
    assert [isinstance(one, SinkUnavailable) for one in outcomes] == [n == failing for n in range(3)]
    assert await store.count() == 400
    assert sorted(store.feed_states()) == [f"https://x.example/f{n}" for n in range(3) if n != failing]
    pipeline.process_enriched = process  # type: ignore[method-assign]
    again = Delivery(state=given[failing].state, articles=reports(f"f{failing}", 200).articles)
    await sink.deliver([again])
    await sink.close()
    assert await store.count() == 600


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
