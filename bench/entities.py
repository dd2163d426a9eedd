"""Entities: articles a second on one core, known and unknown words, compile time and memory. Against a bar of
3,000 articles/s.

`known words` is the steady state of a stream; `all words new` begins with empty tables for every run, as after a
start. The speed of a bare loop of this
machine stands beside them, since shared machines differ by the hour.
"""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

from agent.config_files import Faults, load_list, yaml_files
from bench.articles import raw_articles
from bench.figures import figure
from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer
from streams.text.document import Document
from streams.text.language import default_identifier

ARTICLES = 1_000
CONFIG = Path("config/entities")


def run() -> dict[str, Any]:
    """Measure; seconds are of processor time, since the machine may be shared."""
    started = time.process_time()
    definitions = read_definitions()
    read_seconds = time.process_time() - started
    started = time.process_time()
    recognizer = EntityRecognizer(definitions)
    compile_seconds = time.process_time() - started

    documents = _documents()
    cold_seconds, mentions = _recognize(recognizer, documents)
    warm_seconds = min(_recognize(recognizer, _documents())[0] for _ in range(3))
    tokens = sum(len(document.title) + len(document.text) for document in documents)
    few = EntityRecognizer(definitions[:600])
    _recognize(few, documents)
    few_seconds = min(_recognize(few, _documents())[0] for _ in range(3))
    return {
        "entities": len(definitions),
        "articles": len(documents),
        "tokens_per_article": round(tokens / len(documents)),
        "mentions_per_article": round(mentions / len(documents), 1),
        "articles_per_second_known_words": figure(round(len(documents) / warm_seconds), at_least=3_000),
        "articles_per_second_known_words_600_entities": figure(round(len(documents) / few_seconds), at_least=3_000),
        "articles_per_second_from_empty_tables": figure(round(len(documents) / cold_seconds)),
        "read_yaml_seconds": round(read_seconds, 2),
        "compile_seconds": figure(round(compile_seconds, 2), at_most=2),
        "compiled_megabytes": round(_megabytes(definitions), 1),
        "bare_loop_million_steps_per_second": round(_bare_loop()),
    }


def read_definitions() -> list[EntityDefinition]:
    """Return the shipped entities."""
    faults = Faults()
    found = [
        entity for path in yaml_files(CONFIG) for entity, _ in load_list(path, EntityDefinition, faults, key="entities")
    ]
    faults.check()
    return found


def _documents() -> list[Document]:
    identify = default_identifier().identify
    found = []
    for raw in raw_articles(ARTICLES):
        found.append(Document.of(raw.title, raw.text, identify(raw.text, title=raw.title).code))
    return found


def _recognize(recognizer: EntityRecognizer, documents: list[Document]) -> tuple[float, int]:
    mentions = 0
    started = time.process_time()
    for document in documents:
        for label in recognizer.recognize(document):
            mentions += len(label.mentions)
    return time.process_time() - started, mentions


def _megabytes(definitions: list[EntityDefinition]) -> float:
    tracemalloc.start()
    recognizer = EntityRecognizer(definitions)
    size = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    del recognizer
    return size


def _bare_loop() -> float:
    started = time.process_time()
    total = 0
    for number in range(3_000_000):
        total += number
    return 3 / (time.process_time() - started)
