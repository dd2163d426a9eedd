"""Language, folding and tokens: titles/s, load time, resident memory, articles/s, beside what a plain library does.

All figures are of one core's own time, so that a busy machine changes them little. Titles are cold when their words
were never met; the stream of a newsroom lies between cold and warm.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from bench.articles import TOKENS, raw_articles, sentences_by_language
from bench.figures import figure

ARTICLES = 400
ROUNDS = 5
_MEASURE_LOAD = """
import os, re, time
def resident_bytes():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmRSS:\\s+(\\d+) kB", status.read())[1]) * 1024
titles = [line for line in os.fdopen(0, encoding="utf-8").read().split("\\n") if line]
before, started = resident_bytes(), time.perf_counter()
from streams.text.language import default_identifier
identify = default_identifier().identify
loaded = time.perf_counter() - started
for title in ("Guten Morgen, Welt", "Добрый день", "کابل", "foo bar"):  # what is loaded when first needed
    identify(title)
started = time.process_time()
for title in titles:
    identify(title)
print(loaded, time.process_time() - started, resident_bytes() - before)
"""


def run() -> dict[str, Any]:
    """Return the figures of the text room."""
    return {**_language(), **_tokens()}


def _language() -> dict[str, Any]:
    import eldc
    import pycld2

    from streams.text.language import default_identifier

    titles = _titles()
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURE_LOAD], input="\n".join(titles), capture_output=True, text=True, check=True
    )
    load_seconds, cold_seconds, added_bytes = map(float, measured.stdout.split())
    identify = default_identifier().identify
    warm_seconds = min(_seconds(identify, titles) for _ in range(ROUNDS))
    eldc.init()
    eldc_seconds = min(_seconds(eldc.detect, titles) for _ in range(ROUNDS))
    cld2_seconds = min(_seconds(lambda title: pycld2.detect(title, bestEffort=True), titles) for _ in range(ROUNDS))
    bodies = [article.text for article in islice(raw_articles(ARTICLES), ARTICLES)]
    return {
        "titles": figure(len(titles)),
        "titles_per_second": figure(len(titles) / warm_seconds, at_least=50_000),
        "titles_per_second_cold": figure(len(titles) / cold_seconds),
        "titles_per_second_eldc_alone": figure(len(titles) / eldc_seconds),
        "titles_per_second_pycld2_alone": figure(len(titles) / cld2_seconds),
        "bodies_per_second": figure(len(bodies) / min(_seconds(identify, bodies) for _ in range(ROUNDS))),
        "language_load_seconds": figure(load_seconds, at_most=0.2),
        "language_resident_megabytes_added": figure(added_bytes / 1e6, at_most=40),
    }


def _tokens() -> dict[str, Any]:
    from streams.text.document import Document
    from streams.text.language import default_identifier
    from streams.text.tokens import tokenize

    identify = default_identifier().identify
    articles = [(article.title, article.text) for article in raw_articles(ARTICLES)]
    documents = [(title, text, identify(text, title=title).code) for title, text in articles]
    tokens = sum(len(tokenize(text, code)) for _, text, code in documents) / len(documents)

    word = re.compile(r"\w+")

    def seconds(work: Callable[[tuple[str, str, str]], object]) -> float:
        """Return the time for one article of `TOKENS` tokens."""
        return min(_seconds(work, documents) for _ in range(ROUNDS)) / len(documents) * TOKENS / tokens

    plain = seconds(lambda document: word.findall(document[1].lower()))
    tokenized = seconds(lambda document: tokenize(document[1], document[2]))
    located = seconds(lambda document: tokenize(document[1], document[2]).starts)
    keyed = seconds(lambda document: Document.of(*document).index_terms())
    return {
        "tokens_per_article": figure(tokens),
        "articles_per_second_tokenized": figure(1 / tokenized),
        "articles_per_second_tokenized_with_offsets": figure(1 / located),
        "articles_per_second_index_terms": figure(1 / keyed),
        "articles_per_second_lower_and_findall": figure(1 / plain),
        "tokenize_speed_as_ratio_to_lower_and_findall": figure(plain / tokenized, at_least=1),
    }


def _titles() -> list[str]:
    """Return every title and sentence of the demo's world, cut to 20 to 80 characters."""
    texts = (part for pairs in sentences_by_language().values() for pair in pairs for part in pair)
    cut = (text if len(text) <= 80 else text[:80].rpartition(" ")[0] for text in texts)
    return list(dict.fromkeys(text for text in cut if len(text) >= 20))


def _seconds(work: Callable[[Any], object], items: Iterable[Any]) -> float:
    started = time.process_time()
    for item in items:
        work(item)
    return time.process_time() - started
