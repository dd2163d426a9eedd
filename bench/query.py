"""The whole of enrich with rules: language, tokens, entities, topics, and 1,000 or 100,000 alert rules, on one core.

stream           articles as `bench.articles.stream_articles` makes them; `all of the affair`: every article speaks of
                 everything that the topics are about, the most that they can cost
re               one alternation of all words and phrases of the rules, found with `finditer`; no operator is looked at
Elasticsearch    the same rules as searches, one after another, on the articles as an index of their own; a search that
                 is not exact yet, since the store's candidates need the matcher to decide

Times are of the process's own processor time. Each article is measured several times and its least time counts: the
machine may be shared, and a neighbour's work is not ours.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.config_files import Faults
from agent.definitions import load_definitions
from bench.articles import raw_articles, stream_articles
from bench.figures import figure
from bench.rules import rules
from streams.definitions import Definitions
from streams.entities import EntityRecognizer
from streams.model import Article, EnrichedArticle, RawArticle
from streams.query import Matcher, compile_queries, parse
from streams.text.document import Document
from streams.text.language import default_identifier
from streams.text.tokens import tokenize
from streams.topics import TopicTagger

CONFIG = Path("config")
FEW, MANY = 1_000, 100_000
ARTICLES, ROUNDS = 200, 5
SEARCHED_ARTICLES, SEARCHED_RULES = 2_000, 1_000
STAGES = ("language", "tokens", "entities", "topics", "rules")
_START = datetime(2023, 4, 25, tzinfo=UTC)
_COMPILE = """
import gc, json, re, sys, time
gc.set_threshold(50_000, 20, 20)  # as the command line does
from streams.query import compile_queries, parse
def resident_bytes():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmRSS:\\s+(\\d+) kB", status.read())[1]) * 1024
parse("a AND (b OR c)")
rules = json.load(sys.stdin)
before, started = resident_bytes(), time.process_time()
queries = {str(number): parse(text) for number, text in enumerate(rules)}
parsed = time.process_time()
matcher = compile_queries(queries)
compiled = time.process_time()
del queries
print(parsed - started, compiled - parsed, resident_bytes() - before)
"""


def run() -> dict[str, Any]:
    """Return the figures of rules and of the whole enrich stage."""
    faults = Faults()
    definitions = load_definitions(CONFIG, faults)
    faults.check()
    gc.set_threshold(50_000, 20, 20)
    texts = rules(MANY, definitions.entities)
    parse_seconds, compile_seconds, added_bytes = _compiled_apart(texts)
    understand = _Understanding(definitions)
    stream = list(stream_articles(ARTICLES, _name_test(definitions)))
    affair = list(raw_articles(ARTICLES))
    few, many = _matcher(texts[:FEW]), _matcher(texts)
    gc.freeze()
    per_second = {}
    figures: dict[str, Any] = {"tokens per article": round(_mean_tokens(stream)), "entities": len(definitions.entities)}
    for name, matcher, bar in ((f"{FEW:,} rules", few, 1_500), (f"{MANY:,} rules", many, 750)):
        seconds = understand.measure(stream, matcher)
        per_second[name] = 1 / sum(seconds.values())
        figures[f"articles/s, {name}"] = figure(per_second[name], at_least=bar)
        figures[f"share of the time, {name}"] = {
            stage: round(spent / sum(seconds.values()), 2) for stage, spent in seconds.items()
        }
        figures[f"rules matched per article, {name}"] = round(understand.matched, 1)
        figures[f"articles/s of the rules alone, {name}"] = figure(1 / seconds["rules"])
    figures[f"articles/s, {FEW:,} rules, all of the affair"] = figure(1 / sum(understand.measure(affair, few).values()))
    figures[f"parse and compile {MANY:,} rules, s"] = figure(parse_seconds + compile_seconds, at_most=10)
    figures["of that, parse, s"] = figure(parse_seconds)
    figures["resident megabytes added"] = figure(added_bytes / 1e6, at_most=400)
    figures |= _alternation(texts, stream)
    figures |= asyncio.run(_elasticsearch(texts[:SEARCHED_RULES]))
    figures["bare loop, million steps/s"] = figure(_bare_loop())
    return figures


class _Understanding:
    """The stages of enrich one by one, with the rules behind them."""

    def __init__(self, definitions: Definitions) -> None:
        self._identify = default_identifier().identify
        self._recognizer = EntityRecognizer(definitions.entities)
        self._tagger = TopicTagger(definitions.topics)
        self.matched = 0.0

    def measure(self, articles: Sequence[RawArticle], matcher: Matcher) -> dict[str, float]:
        """Return the mean seconds of an article by stage."""
        least = [dict.fromkeys(STAGES, float("inf")) for _ in articles]
        for _ in range(ROUNDS):
            self.matched = 0.0
            for article, known in zip(articles, least, strict=True):
                for stage, seconds in self._steps(article, matcher).items():
                    known[stage] = min(known[stage], seconds)
        self.matched /= len(articles)
        return {stage: sum(known[stage] for known in least) / len(least) for stage in STAGES}

    def _steps(self, raw: RawArticle, matcher: Matcher) -> dict[str, float]:
        clock = time.perf_counter
        times = [clock()]
        language = self._identify(raw.text, title=raw.title, declared=raw.declared_language)
        times.append(clock())
        document = Document.of(raw.title, raw.text, language.code)
        times.append(clock())
        entities = self._recognizer.recognize(document)
        times.append(clock())
        fields = {name: getattr(raw, name) for name in RawArticle.__struct_fields__}
        known = EnrichedArticle(**fields, language=language.code, entities=entities, enriched_at=_START)
        enriched = msgspec.structs.replace(known, topics=self._tagger.tag(document, known))
        times.append(clock())
        self.matched += len(matcher.match(document, enriched))
        times.append(clock())
        return {stage: after - before for stage, before, after in zip(STAGES, times, times[1:], strict=False)}


def _matcher(texts: Iterable[str]) -> Matcher:
    return compile_queries({str(number): parse(text) for number, text in enumerate(texts)})


def _compiled_apart(texts: list[str]) -> tuple[float, float, float]:
    """Return the seconds of parsing and of compiling and the resident bytes added, in a process of its own."""
    measured = subprocess.run(
        [sys.executable, "-c", _COMPILE], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    parse_seconds, compile_seconds, added_bytes = map(float, measured.stdout.split())
    return parse_seconds, compile_seconds, added_bytes


def _name_test(definitions: Definitions) -> Callable[[str], bool]:
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
    for count, looked_at in ((FEW, 40), (MANY, 2)):
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
        f"Elasticsearch, {FEW:,} rules one by one on them, articles/s": figure(SEARCHED_ARTICLES / per_search / FEW),
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
