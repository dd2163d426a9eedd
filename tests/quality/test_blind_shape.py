"""The blind set is what the corpus' README says of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.quality.test_fresh_shape import ARTICLES, MAIN_LANGUAGES, OTHER_TOPICS, TALKS

HERE = Path(__file__).parent
ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for path in sorted((HERE / "blind").glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]


def test_every_article_has_its_fields() -> None:
    for row in ROWS:
        assert row.keys() == {"id", "title", "text", "lang", "topics", "topics_optional", "half"}, row["id"]
        assert row["title"].strip() == row["title"] != ""
        assert {*row["topics"], *row["topics_optional"]} <= {TALKS, *OTHER_TOPICS}, row["id"]
        assert not set(row["topics"]) & set(row["topics_optional"]), row["id"]
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_a_third_are_near_misses_and_no_topic_or_language_is_empty() -> None:
    assert len(ROWS) >= 300
    assert sum(not row["topics"] for row in ROWS) >= len(ROWS) / 3
    for half in "AB":
        topics = Counter(topic for row in ROWS if row["half"] == half for topic in row["topics"])
        assert min(topics[topic] for topic in (TALKS, *OTHER_TOPICS)) >= 5, topics
        assert topics[TALKS] >= 20
    languages = Counter(row["lang"] for row in ROWS)
    assert all(languages[lang] >= 28 for lang in MAIN_LANGUAGES), languages


def test_the_halves_and_sets_share_no_text() -> None:
    titles = [row["title"] for row in (*ROWS, *ARTICLES)]
    assert len(set(titles)) == len(titles)
