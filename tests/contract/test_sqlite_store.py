"""The store contract on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from streams.stores.sqlite import SqliteStore
from streams.stories.archive import ArchiveUnavailable, StoryArchive
from tests.contract.articles import news
from tests.contract.side_contract import SideContract
from tests.contract.store_contract import Filled, StoreContract, Subject


async def _nothing() -> None:
    pass


def _subject(path: Path) -> Subject:
    return Subject(
        SqliteStore(path), _nothing, lambda budget: SqliteStore(path, read_only=True, candidate_budget=budget)
    )


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def subject(self, tmp_path: Path) -> AsyncIterator[Subject]:
        subject = _subject(tmp_path / "rasad.sqlite")
        yield subject
        await subject.store.close()

    @pytest.fixture(scope="class")
    @classmethod
    def filled(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
        articles = news(300)
        with asyncio.Runner() as runner:
            subject = _subject(tmp_path_factory.mktemp("filled") / "rasad.sqlite")
            runner.run(subject.store.write(articles))
            yield Filled(subject, articles, runner)
            runner.run(subject.store.close())


class TestSqliteSides(SideContract):
    @pytest.fixture
    async def subject(self, tmp_path: Path) -> AsyncIterator[Subject]:
        subject = _subject(tmp_path / "rasad.sqlite")
        yield subject
        await subject.store.close()

    @pytest.fixture
    def archive(self, subject: Subject) -> StoryArchive:
        assert isinstance(subject.store, SqliteStore)
        return subject.store.archive()

    async def test_a_store_that_is_closed_says_so(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "rasad.sqlite")
        archive = store.archive()
        await store.close()
        with pytest.raises(ArchiveUnavailable, match="closed"):
            archive.article("f" * 32)
