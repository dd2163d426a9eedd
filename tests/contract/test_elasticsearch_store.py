"""The store contract on a real Elasticsearch."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import date

import pytest

from deploy.dev.services import Elasticsearch, http
from streams.stores.base import Search, StoreUnavailable
from streams.stores.elasticsearch import ElasticsearchOptions, ElasticsearchStore
from streams.stores.elasticsearch.administration import install, retain
from streams.stores.elasticsearch.archive import ElasticsearchArchive
from streams.stories.archive import ArchiveSearch, ArchiveUnavailable, StoryArchive
from tests.contract.articles import news
from tests.contract.side_contract import SideContract
from tests.contract.store_contract import Filled, StoreContract, Subject
from tests.unit.stories.test_shelf import MERGE, report


def _options(node: Elasticsearch, shards: int) -> ElasticsearchOptions:
    return ElasticsearchOptions(
        url=node.url, index_prefix=f"contract-{uuid.uuid4().hex[:12]}", shards=shards, retain_months=0
    )


def _subject(options: ElasticsearchOptions) -> Subject:
    install(options)
    store = ElasticsearchStore(options)
    return Subject(store, store.refresh, lambda budget: ElasticsearchStore(options, candidate_budget=budget))


@pytest.mark.services
class TestElasticsearchStore(StoreContract):
    shards = 1

    @pytest.fixture
    async def subject(self, elasticsearch: Elasticsearch) -> AsyncIterator[Subject]:
        options = _options(elasticsearch, self.shards)
        subject = _subject(options)
        yield subject
        await subject.store.close()
        retain(options)

    @pytest.fixture(scope="class")
    @classmethod
    def filled(cls, elasticsearch: Elasticsearch) -> Iterator[Filled]:
        articles = news(300)
        options = _options(elasticsearch, cls.shards)
        with asyncio.Runner() as runner:

            async def make() -> Subject:
                subject = _subject(options)
                await subject.store.write(articles)
                await subject.settle()
                return subject

            subject = runner.run(make())
            yield Filled(subject, articles, runner)
            runner.run(subject.store.close())
        retain(options)


@pytest.mark.services
class TestElasticsearchStoreOfTwoShards(TestElasticsearchStore):
    """Sequence numbers are a shard's own, and a search merges shards."""

    shards = 2


@pytest.mark.services
class TestElasticsearchSides(SideContract):
    @pytest.fixture
    async def subject(self, elasticsearch: Elasticsearch) -> AsyncIterator[Subject]:
        options = _options(elasticsearch, 1)
        subject = _subject(options)
        yield subject
        await subject.store.close()
        retain(options)
        for index in (options.stories_index, options.trends_index):
            with contextlib.suppress(OSError):
                http("DELETE", f"{elasticsearch.url}/{index}")

    @pytest.fixture
    def archive(self, subject: Subject) -> Iterator[StoryArchive]:
        assert isinstance(subject.store, ElasticsearchStore)
        archive = ElasticsearchArchive(subject.store.options)
        yield archive
        archive.close()

    def test_a_cluster_that_is_away_says_so(self) -> None:
        archive = ElasticsearchArchive(ElasticsearchOptions(url="http://127.0.0.1:9"))
        for ask in (
            archive.article,
            lambda _: archive.candidates(ArchiveSearch(entities=("e",), day=date(2023, 1, 1))),
        ):
            with pytest.raises(ArchiveUnavailable, match="cannot be reached") as raised:
                ask("f" * 32)
            assert isinstance(raised.value.__cause__, StoreUnavailable)
        archive.close()

    async def test_many_writers_of_one_story_lose_nothing(self, subject: Subject, elasticsearch: Elasticsearch) -> None:
        assert isinstance(subject.store, ElasticsearchStore)
        articles = [report(number, "ab"[number % 2]) for number in range(60)]
        articles.append(report(60, "a", story_changes=(MERGE,)))
        stores = [ElasticsearchStore(subject.store.options) for _ in range(6)]
        try:
            await asyncio.gather(
                *(store.write(articles[place :: len(stores)]) for place, store in enumerate(stores)),
                *(store.write([article]) for store, article in zip(stores, articles[::13], strict=False)),
            )
        finally:
            for store in stores:
                await store.close()
        await subject.settle()
        document = await subject.store.story("a" * 32)
        assert document is not None and document.articles == len(articles)
        page = await subject.store.search(Search(query=f'story:"{"a" * 32}"', limit=100))
        assert len(page.hits) == len(articles)
