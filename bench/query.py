"""Enrich with 1,000 and with 100,000 alert rules behind it, on one core, beside what else one could do.

mixed            articles as `bench.articles.stream_articles` makes them
on topic         every article speaks of everything that the topics are about: the most that they can cost
re               one alternation of all words and phrases of the rules, found with `finditer`; no operator is looked at
Elasticsearch    the same rules as searches, one after another, on the articles as an index of their own; a search that
                 is not exact yet, since the store's candidates need the matcher to decide

all shipped      every topic, wording and entity of `config/`: what a user has
12 and 600       the twelve topics and 600 entities that the bar was set for, no wordings: `bench.asked`

How times are taken: `bench.enrich`.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from agent.config_files import Faults
from agent.definitions import load_definitions
from bench.articles import raw_articles, stream_articles
from bench.enrich import CONFIG, Outcome, measure
from bench.figures import figure
from bench.rules import rules
from streams.definitions import Definitions
from streams.model import Article, RawArticle
from streams.text.language import default_identifier
from streams.text.tokens import tokenize

FEW, SOME, MANY = 1_000, 10_000, 100_000
ARTICLES = 120
SEARCHED_ARTICLES, SEARCHED_RULES = 2_000, 300
_START = datetime(2023, 4, 25, tzinfo=UTC)


def run() -> dict[str, Any]:
    """Return the figures of rules and of the whole enrich stage."""
    faults = Faults()
    definitions = load_definitions(CONFIG, faults)
    faults.check()
    texts = rules(MANY, definitions.entities)
    mixed = list(stream_articles(ARTICLES, name_test(definitions)))
    sets = {"mixed": mixed, "on topic": list(raw_articles(ARTICLES))}
    figures: dict[str, Any] = {
        "tokens per article": round(_mean_tokens(mixed)),
        "topics": len(definitions.labels),
        "concepts that they are made of": len(definitions.topics) - len(definitions.labels),
        "frames": len(definitions.frames),
        "entities": len(definitions.entities),
    }
    for count, bar in ((FEW, 1_500), (MANY, 750)):
        figures |= _enrich(f"all shipped, {count:,} rules", bar, measure(texts[:count], sets), is_many=count == MANY)
        outcome = measure(texts[:count], sets, is_asked=True)
        figures |= _stages(f"12 and 600, {count:,} rules", bar, outcome)
    figures |= _alternation(texts, mixed)
    figures |= asyncio.run(_elasticsearch(texts[:SEARCHED_RULES]))
    figures["bare loop, million steps/s"] = figure(_bare_loop())
    return figures


def _enrich(what: str, bar: float, outcome: Outcome, *, is_many: bool) -> dict[str, Any]:
    figures = _stages(what, bar, outcome)
    total = outcome.parse_seconds + outcome.compile_seconds
    figures[f"parse and compile, s, {what}"] = figure(total, at_most=10 if is_many else None)
    figures[f"of that, parse, s, {what}"] = figure(outcome.parse_seconds)
    figures[f"resident megabytes added, {what}"] = figure(outcome.added_bytes / 1e6, at_most=400 if is_many else None)
    return figures


def _stages(what: str, bar: float, outcome: Outcome) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for kind, passes in (("warm", outcome.warm), ("cold", outcome.cold)):
        for name, one in passes.items():
            where = f"{name}, {kind}, {what}"
            asked = sum(one.stages[stage] for stage in _ASKED)
            is_held = name == "mixed" and kind == "warm"
            figures[f"articles/s, {where}"] = figure(1 / asked, at_least=bar if is_held else None)
            figures[f"articles/s, with attribution and dates, {where}"] = figure(1 / one.seconds)
            figures[f"articles/s of the rules alone, {where}"] = figure(1 / one.stages["rules"])
            figures[f"µs of an article, {where}"] = {
                stage: round(spent * 1e6) for stage, spent in one.stages.items()
            } | {"all": round(one.seconds * 1e6), "Enricher.enrich": round(one.enrich * 1e6)}
            figures[f"share of the time, {where}"] = {
                stage: round(spent / one.seconds, 2) for stage, spent in one.stages.items()
            }
            figures[f"rules matched per article, {where}"] = round(one.matched, 1)
    return figures


_ASKED = ("language", "tokens", "entities", "topics and frames", "rules")
"""What the bar of 1,500 articles/s is about."""


def name_test(definitions: Definitions) -> Callable[[str], bool]:
    """Return whether a word is in a name of an entity or in the query of a topic."""
    known: set[str] = set()
    for entity in definitions.entities:
        for names in entity.names.values():
            known.update(term for name in names for term in tokenize(name).terms)
    for topic in definitions.topics:
        for text in (*topic.where.values(), topic.whole_query):
            known.update(tokenize(text).terms)
    return lambda word: any(term in known for term in tokenize(word).terms)


def _mean_tokens(articles: Sequence[RawArticle]) -> float:
    return sum(len(tokenize(article.text)) for article in articles) / len(articles)


def _words_of(texts: Iterable[str]) -> list[str]:
    """Return the distinct words and phrases of rules."""
    found: dict[str, None] = {}
    for text in texts:
        plain = re.sub(r"\b(?:entity|lang):\S+|[\w/]+:|\^\S+|~>?\d+|\b(?:AND|OR|NOT)\b", " ", text)
        found.update(dict.fromkeys(phrase or word for phrase, word in re.findall(r'"([^"]+)"|(\w+)', plain)))
    return list(found)


def _alternation(texts: list[str], articles: Sequence[RawArticle]) -> dict[str, Any]:
    """Return how fast one regular expression finds the words of the rules alone."""
    figures: dict[str, Any] = {}
    for count, looked_at in ((FEW, 20), (SOME, 1)):
        words = sorted(_words_of(texts[:count]), key=len, reverse=True)
        pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + r")\b", re.IGNORECASE)
        pattern.findall(articles[0].title)
        started = time.process_time()
        for article in articles[:looked_at]:
            for _ in pattern.finditer(f"{article.title}\n{article.text}"):
                pass
        seconds = (time.process_time() - started) / looked_at
        figures[f"re alternation, words of {count:,} rules, articles/s"] = figure(1 / seconds)
    return figures


async def _elasticsearch(texts: Sequence[str]) -> dict[str, Any]:
    """Return how many articles a second a node takes whose articles are all searched for with every rule."""
    from deploy.dev.stack import Stack
    from streams.stores.base import Search
    from streams.stores.elasticsearch import ElasticsearchOptions, ElasticsearchStore
    from streams.stores.elasticsearch.administration import install
    from streams.stores.elasticsearch.client import connect
    from streams.stores.elasticsearch.searching import candidates_query
    from streams.stores.plan import Plan

    identify = default_identifier().identify
    with Stack.temporary(full_jit=True) as stack:
        options = ElasticsearchOptions(
            url=stack.elasticsearch().url, index_prefix=f"bench-{uuid.uuid4().hex[:8]}", retain_months=0
        )
        install(options)
        store, client = ElasticsearchStore(options), connect(options)
        articles = [_stored(raw, identify(raw.text, title=raw.title).code) for raw in raw_articles(SEARCHED_ARTICLES)]
        for start in range(0, len(articles), 200):
            await store.write(articles[start : start + 200])
        await store.refresh()
        queries = [candidates_query(Plan.of(Search(query=text, limit=1))) for text in texts]
        seconds = float("inf")
        for _ in range(2):  # the first round warms the node
            started = time.perf_counter()
            for query in queries:
                await client.search(index=options.index_pattern, query=query, size=0, track_total_hits=True)
            seconds = min(seconds, time.perf_counter() - started)
        await store.close()
        await client.close()
    per_search = seconds / len(queries)
    return {
        f"Elasticsearch, one search among {SEARCHED_ARTICLES:,} articles, ms": figure(per_search * 1000),
        f"Elasticsearch, {FEW:,} rules one by one on them, articles/s (reckoned)": figure(
            SEARCHED_ARTICLES / per_search / FEW
        ),
        f"Elasticsearch, {MANY:,} rules one by one, articles/s (reckoned)": figure(
            SEARCHED_ARTICLES / per_search / MANY
        ),
    }


def _stored(raw: RawArticle, language: str) -> Article:
    fields = {name: getattr(raw, name) for name in RawArticle.__struct_fields__}
    return Article(**fields, language=language, enriched_at=_START, storied_at=_START, story_id=raw.article_id)


def _bare_loop() -> float:
    """Return how fast this machine is at the moment, to compare figures of different days."""
    seconds = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(100_000):
            pass
        seconds = min(seconds, time.perf_counter() - started)
    return 0.1 / seconds
