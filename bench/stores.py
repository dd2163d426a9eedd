"""Stores: SQLite writes and searches, and the Elasticsearch index stage beside a bare bulk loop of the same documents.

bare loop      documents (dicts, match terms and all) made beforehand; elasticsearch-py's `bulk` of as many as a
               worker's batch, one request after another; answers are not looked at
index stage    `ElasticsearchStore.write` of the same articles in the same batches: makes the documents, sends them,
               gives every one its verdict, looks for copies in other months

Both run in turn, several times, each into an empty index on the same node; the share is the median of the pairs. Node
and loops share the machine.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.articles import raw_articles
from bench.figures import figure
from streams.model import Article, RawArticle
from streams.stores.base import ArticleStore, Search
from streams.text.language import default_identifier

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

    from streams.stores.elasticsearch import ElasticsearchOptions

ARTICLES = 4_000
BATCH_ARTICLES = 200
"""What a worker hands over together (`worker.batch_articles`)."""
ROUNDS = 3
_QUERIES = ("تطبيع AND تركيا", "ترکیه OR سوریه", '"Suriye" AND NOT deprem', "refugees", "nothingofthekind")


def run() -> dict[str, Any]:
    """Start a node, measure, and return the figures: articles/s, milliseconds, bytes, shares."""
    from deploy.dev.stack import Stack

    articles = made(ARTICLES)
    figures = asyncio.run(_sqlite(articles))
    with Stack.temporary(full_jit=True) as stack:
        figures |= asyncio.run(_elasticsearch(articles, stack.elasticsearch().url))
    return figures


def made(count: int) -> list[Article]:
    """Return `count` articles as they leave the story stage."""
    identifier = default_identifier()
    return [_placed(raw, identifier.identify(raw.text, title=raw.title).code) for raw in raw_articles(count)]


def _placed(raw: RawArticle, language: str) -> Article:
    fields = {name: getattr(raw, name) for name in RawArticle.__struct_fields__}
    later = raw.collected_at + timedelta(seconds=1)
    return Article(**fields, language=language, enriched_at=later, storied_at=later, story_id=raw.article_id)


def joining(articles: Sequence[Article]) -> list[Article]:
    """Return `articles`, half of them in the story of one before: mostly of one just before, some of one of long
    ago."""
    chance = random.Random(1)
    found: list[Article] = []
    for place, article in enumerate(articles):
        if place and chance.random() < 0.5:
            back = int(chance.expovariate(1 / 8)) if chance.random() < 0.5 else chance.randrange(400)
            story = found[max(0, place - 1 - back)].story_id
            article = msgspec.structs.replace(article, story_id=story)
        found.append(article)
    return found


def _batches(articles: Sequence[Article]) -> list[Sequence[Article]]:
    return [articles[start : start + BATCH_ARTICLES] for start in range(0, len(articles), BATCH_ARTICLES)]


async def _write_all(store: ArticleStore, articles: Sequence[Article]) -> float:
    started = time.perf_counter()
    for batch in _batches(articles):
        verdicts = await store.write(batch)
        if any(verdict.outcome != "created" for verdict in verdicts):
            raise RuntimeError("an article was not stored: the figures would be of something else")
    return len(articles) / (time.perf_counter() - started)


async def _searches(store: ArticleStore) -> float:
    """Return the mean time of one search of the newest 20, in milliseconds."""
    started = time.perf_counter()
    for query in _QUERIES * 3:
        await store.search(Search(query=query, limit=20))
    return (time.perf_counter() - started) / (3 * len(_QUERIES)) * 1000


async def _sqlite(articles: Sequence[Article]) -> dict[str, Any]:
    from streams.stores.sqlite import SqliteStore

    rates = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="rasad-bench-") as folder:
            path = Path(folder) / "bench.sqlite"
            store = SqliteStore(path)
            rates.append(await _write_all(store, articles))
            search_ms = await _searches(store)
            await store.close()
            size_bytes = path.stat().st_size
    return {
        "SQLite, articles/s": figure(statistics.median(rates), at_least=500),
        "SQLite, one search, ms": figure(search_ms),
        "SQLite, bytes an article": figure(size_bytes / len(articles)),
    }


async def _elasticsearch(articles: Sequence[Article], url: str) -> dict[str, Any]:
    from streams.stores.elasticsearch import ElasticsearchOptions, ElasticsearchStore
    from streams.stores.elasticsearch.administration import retain
    from streams.stores.elasticsearch.client import connect

    client = connect(ElasticsearchOptions(url=url))
    joined = joining(articles)
    rates: list[list[float]] = []
    for number in range(ROUNDS + 1):
        # New names each time: Elasticsearch remembers for a minute what was deleted.
        bare, plain, mixed = (_fresh(url) for _ in range(3))
        store, mixing = ElasticsearchStore(plain), ElasticsearchStore(mixed)
        round_rates = await _in_turns(
            [
                (articles, partial(_bare, client, bare.index_prefix)),
                (articles, partial(_write, store)),
                (joined, partial(_write, mixing)),
            ]
        )
        # The node's first requests are slow, whoever sends them.
        rates += [round_rates] if number else []
        await store.refresh()
        search_ms = await _searches(store)
        await store.close()
        await mixing.close()
        retain(bare)
        retain(mixed)
        options = plain
        if number < ROUNDS:
            retain(plain)
    shares = [stage / bare for bare, stage, _ in rates]
    stats = await client.indices.stats(index=options.index_pattern, metric="store")
    size_bytes = stats["_all"]["primaries"]["store"]["size_in_bytes"]
    lookup_ms = await _lookup_ms(options, articles)
    await client.close()
    retain(options)
    return {
        "Elasticsearch bare bulk loop, articles/s": figure(statistics.median(bare for bare, _, _ in rates)),
        "Elasticsearch index stage, articles/s": figure(statistics.median(stage for _, stage, _ in rates)),
        "index stage / bare bulk loop": figure(statistics.median(shares), at_least=0.8),
        "index stage / bare bulk loop, by pair": [round(share, 2) for share in shares],
        "the same, half of the articles joining stories": figure(
            statistics.median(mixed / bare for bare, _, mixed in rates)
        ),
        "looking for a batch's copies in a year of other months, ms": figure(lookup_ms),
        "Elasticsearch, one search, ms": figure(search_ms),
        "Elasticsearch, bytes an article": figure(size_bytes / len(articles)),
    }


async def _lookup_ms(options: ElasticsearchOptions, articles: Sequence[Article]) -> float:
    """Return what looking for moved articles costs a batch when a year of full months is there."""
    from streams.stores.elasticsearch import ElasticsearchStore
    from streams.stores.elasticsearch.bulk import Item
    from streams.stores.elasticsearch.homes import Homes

    store = ElasticsearchStore(options)
    for month in range(1, 12):
        moved = [
            msgspec.structs.replace(article, article_id=f"{month:04x}{article.article_id[4:]}", published_at=when)
            for article in articles[:1000]
            if (when := (article.published_at or article.collected_at) - timedelta(days=31 * month))
        ]
        await store.write(moved)
    await store.refresh()
    homes = Homes(store._client, options)
    home = f"{options.index_prefix}-articles-2023.04"
    items = [Item(home, article.article_id, 1, None) for article in articles[:BATCH_ARTICLES]]
    for _ in range(20):
        await homes.elsewhere(items)
    started = time.perf_counter()
    for _ in range(20):
        await homes.elsewhere(items)
    elapsed_ms = (time.perf_counter() - started) / 20 * 1000
    await store.close()
    return elapsed_ms


def _fresh(url: str) -> ElasticsearchOptions:
    from streams.stores.elasticsearch import ElasticsearchOptions
    from streams.stores.elasticsearch.administration import install

    options = ElasticsearchOptions(url=url, index_prefix=f"bench-{uuid.uuid4().hex[:8]}", retain_months=0)
    install(options)
    return options


async def _in_turns(writers: Sequence[tuple[Sequence[Article], Callable[[Sequence[Article]], Any]]]) -> list[float]:
    """Let each writer write its articles, batch by batch in turns, and return their rates: whatever else the machine
    does meets them all."""
    seconds = [0.0] * len(writers)
    for batches in zip(*(_batches(articles) for articles, _ in writers), strict=True):
        for place, (_, write) in enumerate(writers):
            seconds[place] += await write(batches[place])
    return [len(articles) / taken for (articles, _), taken in zip(writers, seconds, strict=True)]


async def _write(store: ArticleStore, batch: Sequence[Article]) -> float:
    started = time.perf_counter()
    verdicts = await store.write(batch)
    taken = time.perf_counter() - started
    if any(verdict.outcome != "created" for verdict in verdicts):
        raise RuntimeError("an article was not stored: the figures would be of something else")
    return taken


async def _bare(client: AsyncElasticsearch, prefix: str, batch: Sequence[Article]) -> float:
    from streams.stores.elasticsearch.documents import index_name, to_document
    from streams.stores.records import version_of

    operations: list[dict[str, Any]] = []
    for article in batch:
        target: dict[str, Any] = {"_index": index_name(article, prefix), "_id": article.article_id}
        target |= {"version": version_of(article), "version_type": "external"}
        operations += [{"index": target}, msgspec.json.decode(to_document(article))]
    started = time.perf_counter()
    await client.bulk(operations=operations)
    return time.perf_counter() - started
