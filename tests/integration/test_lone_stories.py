"""Stories of one article, which have no document, while others write: held up or killed before every single request."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta

import msgspec
import pytest

from deploy.dev.services import Elasticsearch, http
from streams.model import Article, StoryChange
from streams.stores.elasticsearch import ElasticsearchOptions, ElasticsearchStore
from streams.stores.elasticsearch.administration import install, retain
from streams.stories.documents import story_document
from tests.contract.side_contract import begun, unrevised
from tests.integration.fault_proxy import FaultProxy
from tests.unit.stories.articles import BASE

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]
MOST_REQUESTS = 25
numbers = itertools.count(1)


@pytest.fixture
async def proxy(elasticsearch: Elasticsearch) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(elasticsearch.url) as proxy:
        yield proxy


@pytest.fixture
async def options(
    elasticsearch: Elasticsearch, unique_name: Callable[[str], str]
) -> AsyncIterator[ElasticsearchOptions]:
    options = ElasticsearchOptions(url=elasticsearch.url, index_prefix=unique_name("lone"), retain_months=0)
    install(options)
    yield options
    retain(options)
    with contextlib.suppress(OSError):
        http("DELETE", f"{elasticsearch.url}/{options.stories_index}")


class Writers:
    """Two index workers, of which the first comes by a proxy."""

    def __init__(self, options: ElasticsearchOptions, proxy: FaultProxy) -> None:
        self.options = options
        self.proxy = proxy
        self.other = ElasticsearchStore(options)

    async def interrupted(self, first: Sequence[Article], other: Sequence[Article], before: int, *, kill: bool) -> bool:
        """Write `first`, and before its request number `before` all of `other`; then go on, or be killed and come again
        as a new process. Returns False where there were fewer requests."""
        reached, gate = asyncio.Event(), asyncio.Event()

        async def hold(number: int) -> None:
            if number == before:
                reached.set()
                await gate.wait()

        store = ElasticsearchStore(msgspec.structs.replace(self.options, url=self.proxy.url))
        await store._prepare()
        self.proxy.seen, self.proxy.hold = 0, hold
        writing = asyncio.create_task(store.write(first))
        waiting = asyncio.create_task(reached.wait())
        await asyncio.wait([writing, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        was_reached = reached.is_set()
        if was_reached and kill:
            writing.cancel()
            await asyncio.wait([writing])
        await self.other.write(other)
        # Of a process that was killed the request may still arrive.
        gate.set()
        if not kill or not was_reached:
            await writing
        await store.close()
        if kill:
            again = ElasticsearchStore(self.options)
            await again.write(first)
            await again.close()
        return was_reached

    async def check(self, *stories: Sequence[Article]) -> None:
        """Compare what is stored with what the articles of each story say; of the first id of each."""
        await self.other.refresh()
        for members in stories:
            story_id = members[0].article_id
            stored = [await self.other.get(article.article_id) for article in members]
            articles = [article for article in stored if article is not None]
            assert len(articles) == len(members) and {article.story_id for article in articles} == {story_id}
            document = await self.other.story(story_id)
            expected = story_document(story_id, articles)
            assert document is not None and expected is not None
            assert said(document) == said(expected)


def said(document: object) -> object:
    document = unrevised(document)  # type: ignore[arg-type]
    assert document is not None
    timeline = tuple(msgspec.structs.replace(report, version=0) for report in document.timeline)
    return msgspec.structs.replace(document, timeline=timeline, changes=())


@pytest.fixture
async def writers(options: ElasticsearchOptions, proxy: FaultProxy) -> AsyncIterator[Writers]:
    writers = Writers(options, proxy)
    yield writers
    await writers.other.close()


def pair(months_apart: int = 0) -> tuple[Article, Article, Article]:
    """An article that begins a story, that article edited, and one that joins it."""
    number = next(numbers) * 10
    first = begun(number, number, published_at=BASE + timedelta(days=30 * months_apart))
    edited = msgspec.structs.replace(
        first, revision=2, title="Edited", storied_at=first.storied_at + timedelta(hours=1)
    )
    return first, edited, begun(number + 1, number)


@pytest.mark.parametrize("kill", (False, True), ids=("held up", "killed"))
@pytest.mark.parametrize("months_apart", (0, 5))
async def test_who_joins_a_story_meets_who_begins_it(writers: Writers, kill: bool, months_apart: int) -> None:
    for turned in (False, True):
        for before in range(1, MOST_REQUESTS):
            first, _, joining = pair(months_apart)
            sides = ([joining], [first]) if turned else ([first], [joining])
            was_reached = await writers.interrupted(*sides, before, kill=kill)
            await writers.check([first, joining])
            if not was_reached:
                break
        assert before > 3


@pytest.mark.parametrize("kill", (False, True), ids=("held up", "killed"))
async def test_who_joins_a_story_meets_an_edit_of_its_article(writers: Writers, kill: bool) -> None:
    for turned in (False, True):
        for before in range(1, MOST_REQUESTS):
            first, edited, joining = pair()
            await writers.other.write([first])
            sides = ([joining], [edited]) if turned else ([edited], [joining])
            was_reached = await writers.interrupted(*sides, before, kill=kill)
            await writers.check([edited, joining])
            assert (await writers.other.get(first.article_id)).title == "Edited"  # type: ignore[union-attr]
            if not was_reached:
                break
        assert before > 3


@pytest.mark.parametrize("kill", (False, True), ids=("held up", "killed"))
async def test_a_story_of_one_is_merged_while_its_article_is_edited(writers: Writers, kill: bool) -> None:
    for turned in (False, True):
        for before in range(1, MOST_REQUESTS):
            first, edited, _ = pair()
            into, _, showing = pair()
            change = StoryChange(kind="merge", story_id=first.article_id, into=into.article_id, decided_at=BASE)
            showing = msgspec.structs.replace(showing, story_changes=(change,))
            await writers.other.write([first, into])
            sides = ([showing], [edited]) if turned else ([edited], [showing])
            was_reached = await writers.interrupted(*sides, before, kill=kill)
            await writers.check([into, showing, edited])
            if not was_reached:
                break
        assert before > 3


async def test_an_article_alone_has_no_document_beside_it(writers: Writers, elasticsearch: Elasticsearch) -> None:
    first, edited, joining = pair()
    stories = f"{elasticsearch.url}/{writers.options.stories_index}/_count?ignore_unavailable=true"
    await writers.other.write([first])
    await writers.other.write([edited])
    await writers.other.refresh()
    assert http("GET", stories)["count"] == 0
    await writers.other.write([joining])
    await writers.other.refresh()
    assert http("GET", stories)["count"] == 1
    await writers.check([first, joining])
