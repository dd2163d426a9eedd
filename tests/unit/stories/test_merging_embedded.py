"""A merge in the embedded runtime: articles, documents and the window change in one transaction, over restarts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agent.collect.records import Delivery
from agent.collect.state import FeedState
from agent.embedded import EmbeddedSink
from streams.definitions import Definitions
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import RawArticle
from streams.pipeline import Pipeline
from streams.stores.base import Search, StorySearch
from streams.stores.sqlite import SqliteStore
from tests.unit.stories.articles import BASE
from tests.unit.stories.dispatch import dispatch


def raw(number: int, text: str) -> RawArticle:
    return RawArticle(
        article_id=article_id(canonical_url=f"https://x.example/{number}"),
        source_id=f"outlet-{number}",
        text=text,
        published_at=BASE + number * timedelta(minutes=1),
        collected_at=BASE,
    )


class Agent:
    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)
        pipeline = Pipeline(Definitions(), clock=lambda: BASE, keeps_state=True)
        assert pipeline.stories.restore(self.store.story_state()) == 0
        self.sink = EmbeddedSink(pipeline, self.store, Metrics())

    async def deliver(self, *articles: RawArticle) -> None:
        await self.sink.deliver(
            [Delivery(state=FeedState(feed_url="https://x.example/f", source_id="x"), articles=articles)]
        )

    async def close(self) -> None:
        await self.sink.close()
        await self.store.close()


@pytest.mark.parametrize("restarts", [False, True])
async def test_two_stories_become_one_everywhere(tmp_path: Path, restarts: bool) -> None:
    first, second, whole = dispatch()
    articles = [raw(1, first), raw(2, second), raw(3, whole), raw(4, second), raw(5, first)]
    agent = Agent(tmp_path / "rasad.sqlite")
    await agent.deliver(*articles[:2])
    assert await agent.store.count_stories() == 2
    for number, article in enumerate(articles[2:], start=3):
        if restarts:
            await agent.close()
            agent = Agent(tmp_path / "rasad.sqlite")
        await agent.deliver(article)
        [story] = await agent.store.stories(StorySearch())
        assert story.story_id == articles[0].article_id and story.articles == number
    assert [change.story_id for change in story.changes] == [articles[1].article_id]
    page = await agent.store.search(Search(query=f'story:"{story.story_id}"'))
    assert {hit.article.article_id for hit in page.hits} == {article.article_id for article in articles}
    before = story
    await agent.deliver(*articles)
    assert await agent.store.stories(StorySearch()) == [before], "processed again, and all the same"
    await agent.close()
