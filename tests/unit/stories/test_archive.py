"""Stories that have left the window are found in the store: by late articles, and by those that speak of their day."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from streams import codec
from streams.channels import ENRICHED
from streams.definitions import Definitions
from streams.faust_app.work import Item, Output, StoryWork
from streams.metrics import Metrics
from streams.model import Article, EnrichedArticle
from streams.pipeline import Pipeline
from streams.stores.base import StoreHalted, StoreUnavailable
from streams.stores.sqlite import SqliteStore
from streams.stories.archive import ArchiveSearch, ArchiveUnavailable
from streams.stories.documents import StoryDocument
from streams.story import StoryStage
from tests.unit.stories.articles import BASE, FLOOD, enriched

MINISTERS = ("sergei-shoigu", "hulusi-akar", "ali-abbas", "ashtiani")
TOPIC = ("syria-turkey-normalization",)
APRIL = date(2023, 4, 25)
DAY = 24
LATER = BASE + timedelta(days=60)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "rasad.sqlite")
    yield store
    asyncio.run(store.close())


def meeting(number: int, **fields: Any) -> EnrichedArticle:
    given: dict[str, Any] = {
        "title": f"Ministers meet, report {number}",
        "text": f"What was said there is told by our reporter {number}, who has it from the hall itself.",
        "entities": MINISTERS,
        "topics": TOPIC,
        "days": [APRIL],
        "hours": number,
        **fields,
    }
    return enriched(number, **given)


def place(store: SqliteStore, stage: StoryStage, articles: Sequence[EnrichedArticle]) -> list[Article]:
    """As a runtime does: placed one after another, and each stored."""
    placed = []
    for article in articles:
        placed.append(stage.place(article, LATER))
        with store.transaction() as transaction:
            transaction.write(placed[-1:])
    return placed


def a_month_later(store: SqliteStore) -> tuple[StoryStage, str]:
    """A stage whose window holds nothing of April any more, and the story of the meeting."""
    stage = StoryStage(archive=store.archive())
    april = place(store, stage, [meeting(number) for number in range(4)])
    flood = [enriched(50 + n, text=f"{FLOOD} {n}", hours=35 * DAY + n, entities=("shiraz",)) for n in range(3)]
    place(store, stage, flood)
    assert stage.window.stories == 1
    return stage, str(april[0].story_id)


def test_a_late_article_joins_its_old_story(store: SqliteStore) -> None:
    stage, story = a_month_later(store)
    [late] = place(store, stage, [meeting(10, hours=20)])
    assert late.story_id == story
    kinds = {link.kind: link for link in late.story_links}
    assert kinds["archive"].detail == "2023-04-25" and "sergei-shoigu" in kinds["entities"].detail
    document = asyncio.run(store.story(story))
    assert document is not None and document.articles == 5


def test_an_article_of_today_joins_the_story_of_the_day_that_it_speaks_of(store: SqliteStore) -> None:
    stage, story = a_month_later(store)
    [reprint] = place(store, stage, [meeting(11, hours=36 * DAY)])
    assert reprint.story_id == story


def test_another_day_or_other_people_are_another_story(store: SqliteStore) -> None:
    stage, story = a_month_later(store)
    other_day = meeting(12, hours=36 * DAY, days=[APRIL + timedelta(days=36)])
    long_before = meeting(13, hours=-118 * DAY, days=[date(2022, 12, 28)])
    others = meeting(14, hours=21, entities=("raisi", "xi-jinping"), topics=(), days=[APRIL])
    nobody = enriched(15, title="Lottery", text="Numbers were drawn.", hours=22)
    placed = place(store, stage, [other_day, long_before, others, nobody])
    assert story not in {article.story_id for article in placed}


def test_an_old_article_that_comes_again_keeps_its_place(store: SqliteStore) -> None:
    stage, story = a_month_later(store)
    again = place(store, stage, [meeting(number) for number in range(4)])
    assert {article.story_id for article in again} == {story}
    lost = StoryStage(archive=store.archive())
    replayed = place(store, lost, [meeting(number) for number in (3, 1, 0, 2)][:1])
    assert replayed[0].story_id == story, "also where what was kept of the window is lost"
    assert asyncio.run(store.count_stories()) == 2


def test_news_of_today_asks_no_store(store: SqliteStore) -> None:
    away = Away(store)
    stage = StoryStage(archive=away)
    for number in range(4):
        stage.place(meeting(number), BASE + timedelta(hours=number))
    assert away.asked == 0


def test_without_a_store_nothing_is_looked_up(store: SqliteStore) -> None:
    a_month_later(store)
    stage = StoryStage()
    stage.place(enriched(50, text=FLOOD, hours=35 * DAY, entities=("shiraz",)), BASE)
    late = stage.place(meeting(10, hours=20), BASE)
    assert late.story_id == late.article_id


# --- a store that is away -------------------------------------------------------------------------------------------


class Away:
    """The archive of a store that is away for a while, and then is there."""

    def __init__(self, store: SqliteStore, cause: Exception | None = None) -> None:
        self._archive = store.archive()
        self._cause = cause
        self.asked = 0
        self.is_away = True

    def article(self, article_id: str) -> Article | None:
        self._ask()
        return self._archive.article(article_id)

    def candidates(self, wanted: ArchiveSearch) -> list[StoryDocument]:
        self._ask()
        return self._archive.candidates(wanted)

    def _ask(self) -> None:
        self.asked += 1
        if self.is_away:
            raise ArchiveUnavailable("away") from self._cause


@pytest.mark.parametrize("cause", [None, StoreUnavailable("away"), StoreHalted("401")])
async def test_the_worker_waits_and_goes_on_where_it_was(store: SqliteStore, cause: Exception | None) -> None:
    await asyncio.to_thread(a_month_later, store)
    away = Away(store, cause)
    away.is_away = False
    pipeline = Pipeline(Definitions(), clock=lambda: BASE, keeps_state=True, archive=away)
    news = [enriched(60 + n, text=f"{FLOOD} {n} more", hours=36 * DAY + n, entities=("shiraz",)) for n in range(3)]
    items = [Item(codec.encode(article), ENRICHED) for article in [*news, meeting(10, hours=20), meeting(16, hours=40)]]

    def read(_: Any) -> list[bytes]:
        return []

    with ThreadPoolExecutor(1) as thread:
        work = StoryWork(pipeline.story, pipeline.stories, thread, read, Metrics(), lambda: BASE)
        await work.begin(1)
        [first] = await work(items[:1])
        assert isinstance(first, Output)
        away.is_away = True
        batch = items[1:]
        for _ in range(2):
            with pytest.raises(type(cause) if cause is not None else StoreUnavailable):
                await work(batch)
        away.is_away = False
        results = await work(batch)
    outputs = [result for result in results if isinstance(result, Output)]
    assert len(outputs) == len(batch)
    stories = {str(getattr(output.record, "story_id", None)) for output in outputs[2:]}
    assert stories == {meeting(0).article_id}
    links = getattr(outputs[0].record, "story_links", ())
    assert links, "what was done before the store was asked is not done again"


async def test_the_embedded_agent_says_so_and_is_given_it_again(store: SqliteStore) -> None:
    from agent.collect.records import Delivery, SinkUnavailable
    from agent.collect.state import FeedState
    from agent.embedded import EmbeddedSink
    from streams.model import RawArticle

    away = Away(store, StoreUnavailable("away"))
    pipeline = Pipeline(Definitions(), clock=lambda: LATER, keeps_state=True, archive=away)
    sink = EmbeddedSink(pipeline, store, Metrics())
    raw = RawArticle(article_id="a" * 32, title="Talks", published_at=BASE, collected_at=LATER, source_id="x")
    given = [Delivery(state=FeedState(feed_url="https://x.example/f", source_id="x"), articles=(raw,))]
    with pytest.raises(SinkUnavailable):
        await sink.deliver(given)
    assert await store.count() == 0
    away.is_away = False
    await sink.deliver(given)
    assert await store.count() == 1 and away.asked > 1
    await sink.close()
