"""The second blind set is what the corpus' README says of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.quality.test_fresh_shape import ARTICLES, MAIN_LANGUAGES, OTHER_TOPICS, TALKS

HERE = Path(__file__).parent


def read(folder: str) -> list[dict[str, Any]]:
    """Return the articles of a folder."""
    paths = sorted((HERE / folder).glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


ROWS = read("second")


def by_hash(names: set[str]) -> dict[str, str]:
    """Return the half of each name: they alternate in the order of their SHA-256."""
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return {name: "AB"[number % 2] for number, name in enumerate(order)}


def test_every_article_has_its_fields() -> None:
    for row in ROWS:
        assert row.keys() == {"id", "title", "text", "lang", "topics", "topics_optional", "event", "half"}, row["id"]
        assert row["title"].strip() == row["title"] != "" != row["text"], row["id"]
        assert {*row["topics"], *row["topics_optional"]} <= {TALKS, *OTHER_TOPICS}, row["id"]
        assert not set(row["topics"]) & set(row["topics_optional"]), row["id"]
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_the_halves_are_what_the_hashes_say() -> None:
    """One event is told in several languages, so that the halves of the talks and of no topic are those of events."""
    by_event = {
        **by_hash({row["event"] for row in ROWS if row["topics"] == [TALKS]}),
        **by_hash({row["event"] for row in ROWS if not row["topics"]}),
    }
    for topic in OTHER_TOPICS:
        by_id = by_hash({row["id"] for row in ROWS if row["topics"] == [topic]})
        assert all(row["half"] == by_id[row["id"]] for row in ROWS if row["id"] in by_id), topic
    for row in ROWS:
        assert row["topics"] not in ([TALKS], []) or row["half"] == by_event[row["event"]], row["id"]


def test_talks_near_misses_and_languages_are_enough() -> None:
    for half in "AB":
        topics = Counter(topic for row in ROWS if row["half"] == half for topic in row["topics"])
        assert topics[TALKS] >= 50
        assert min(topics[topic] for topic in OTHER_TOPICS) >= 2, topics
    assert sum(TALKS not in row["topics"] for row in ROWS) >= len(ROWS) / 2
    languages = Counter(row["lang"] for row in ROWS)
    assert all(languages[lang] >= 24 for lang in MAIN_LANGUAGES), languages
    assert {"az", "de", "fr", "ku"} <= languages.keys()


def test_the_sets_share_no_title() -> None:
    titles = [row["title"] for row in (*ROWS, *ARTICLES, *read("blind"))]
    assert len(set(titles)) == len(titles)
