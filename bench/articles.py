"""Articles to measure with: sentences of the demo's outlets, put together anew, of one language each and of a chosen
length.

Every article is different (the word order of the corpus is kept, sentences are drawn at random with a fixed seed),
so caches of tokens
see what they would see in a stream: a few thousand frequent words and a tail.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from agent.demo.world import load_world
from streams.identity import article_id
from streams.model import Article, RawArticle

START = datetime(2023, 4, 25, tzinfo=UTC)
TOKENS = 276
"""Mean length of the real articles that FINDINGS measured with."""


def sentences_by_language() -> dict[str, list[tuple[str, str]]]:
    """Return `(title, sentence)` pairs of the demo's articles, by language."""
    found: dict[str, list[tuple[str, str]]] = {}
    world = load_world()
    for article in world.articles:
        language = world.outlet(article.outlet_id).language
        version = article.version_at(10**9)
        if version is None:
            continue
        for sentence in re.split(r"(?<=[.!?؟۔])\s+", version.text):
            if len(sentence.split()) > 3:
                found.setdefault(language, []).append((version.title, sentence))
    return found


def raw_articles(count: int, *, tokens: int = TOKENS, seed: int = 1) -> Iterator[RawArticle]:
    """Yield `count` different articles of about `tokens` words."""
    pick = random.Random(seed)
    pools = sentences_by_language()
    languages = sorted(pools)
    for number in range(count):
        pool = pools[languages[number % len(languages)]]
        words = 0
        body = []
        while words < tokens:
            sentence = pick.choice(pool)[1]
            body.append(sentence)
            words += len(sentence.split())
        url = f"https://bench.example/{seed}/{number}"
        yield RawArticle(
            article_id=article_id(canonical_url=url),
            url=url,
            canonical_url=url,
            source_id=f"outlet-{number % 50}",
            title=pick.choice(pool)[0],
            text=" ".join(body),
            published_at=START + timedelta(seconds=number),
            collected_at=START + timedelta(seconds=number + 5),
        )


def stream_articles(count: int, is_name: Callable[[str], bool], *, seed: int = 1) -> Iterator[RawArticle]:
    """Yield `count` articles of `TOKENS` words as a stream has them: a report of the demo whole, then plain words.

    `raw_articles` puts sentences of many reports into one, so that every article is about everything at once and names
    fourteen entities; real ones of this length name four or five, nearly all of them at the beginning. The words after
    it are drawn from those of the language by how frequent they are, without those that `is_name`. Still two of five
    articles are about the one affair that the demo is about.
    """
    pick = random.Random(seed)
    world = load_world()
    reports = [
        (world.outlet(article.outlet_id).language, version)
        for article in world.articles
        if (version := article.version_at(10**9)) is not None
    ]
    words = {
        language: [word for _, sentence in pairs for word in sentence.split() if not is_name(word)]
        for language, pairs in sentences_by_language().items()
    }
    for number in range(count):
        language, report = reports[number % len(reports)]
        missing = max(0, TOKENS - len(report.text.split()))
        url = f"https://bench.example/stream/{seed}/{number}"
        yield RawArticle(
            article_id=article_id(canonical_url=url),
            url=url,
            canonical_url=url,
            source_id=f"outlet-{number % 50}",
            title=report.title,
            text=" ".join([report.text, *pick.choices(words[language], k=missing)]),
            published_at=START + timedelta(seconds=number),
            collected_at=START + timedelta(seconds=number + 5),
        )


def placed(raw: RawArticle) -> Article:
    """Return `raw` as an article of no story, as if the stages had found nothing in it."""
    fields = {name: getattr(raw, name) for name in RawArticle.__struct_fields__}
    return Article(**fields, language=raw.declared_language or "und", enriched_at=START, storied_at=START)
