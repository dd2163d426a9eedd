"""Candidates among the newest articles are asked for first: the same pages as without that, whatever the times are."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from streams.model import Article
from streams.stores.base import Search, SearchPage
from streams.stores.sqlite import SqliteStore
from tests.contract.articles import BASE, make_article, news

SEARCHES = [
    Search(query=query, limit=limit, order=order)  # type: ignore[arg-type]
    for query in ("alpha", "beta AND alpha", "gam*", "delta OR \"alpha beta\"", "title:alpha", "none", "lang:en", "", "has:topic")
    for limit in (1, 5, 60, 500)
    for order in ("newest", "score")
]  # fmt: skip
WORDS = ("alpha", "beta", "gamma", "gamut", "delta", "epsilon")


def articles(chance: random.Random, count: int) -> list[Article]:
    """Many of the same moment, some far back, in no order."""
    moments = [BASE + timedelta(minutes=chance.choice((0, 0, 1, 5, 300)) * chance.randrange(20)) for _ in range(count)]
    return [
        make_article(
            number,
            title=chance.choice(WORDS),
            text=" ".join(chance.choices(WORDS, k=4)),
            published_at=moment,
            collected_at=moment,
        )
        for number, moment in enumerate(moments)
    ]


async def pages(store: SqliteStore, span: tuple[datetime | None, datetime | None]) -> list[SearchPage]:
    since, until = span
    return [await store.search(msgspec.structs.replace(one, since=since, until=until)) for one in SEARCHES]


@pytest.mark.parametrize("seed", range(2))
async def test_the_pages_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    store = SqliteStore(tmp_path / "r.sqlite", candidate_budget=90)
    made = articles(chance, 150)
    await store.write(made)
    # What is written anew gets a later number, however old it is.
    again = [
        msgspec.structs.replace(one, revision=2, text=f"{one.text} alpha", collected_at=one.collected_at)
        for one in chance.sample(made, 30)
    ]
    await store.write(again)
    spans = [(None, None), (BASE + timedelta(minutes=3), None), (None, BASE + timedelta(hours=2)), (BASE, BASE)]
    for span in spans:
        monkeypatch.setattr("streams.stores.sqlite.reading._NEWEST_ARTICLES", 10**9)
        plain = await pages(store, span)
        assert any(page.hits for page in plain) or span == (BASE, BASE)
        for newest in (1, 2, 7, 40, 149, 150, 151):
            monkeypatch.setattr("streams.stores.sqlite.reading._NEWEST_ARTICLES", newest)
            assert await pages(store, span) == plain, (newest, span)
    await store.close()


async def test_ordinary_news_are_found_by_both_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.stores.sqlite.reading._NEWEST_ARTICLES", 20)
    store = SqliteStore(tmp_path / "r.sqlite")
    made = news(120)
    await store.write(made)
    page = await store.search(Search(query="lang:ar", limit=1000))
    wanted = [one for one in made if one.language.partition("-")[0] == "ar"]
    assert {hit.article.article_id for hit in page.hits} == {one.article_id for one in wanted} and page.is_complete
    await store.close()
