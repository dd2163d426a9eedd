"""The labelled corpus is what its README says: counts, and halves that balance but share no sentence."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

CORPUS = Path(__file__).parent / "corpus"
MAIN_LANGUAGES = ("ar", "fa", "tr", "en", "ru", "ckb", "he", "ur")
TALKS = "syria-turkey-normalization"
TOPICS = (
    TALKS,
    "syria-arab-normalization",
    "syria-conflict",
    "refugees-syria",
    "iran-nuclear",
    "israel-palestine",
    "ukraine-war",
    "turkey-elections",
    "earthquake-2023",
    "energy-oil-gas",
    "economy-inflation",
    "football",
)
SPLITS = ("dev", "held_out")
LONGEST_SHARED_WORDS = 6


def load_corpus() -> list[dict[str, Any]]:
    articles = []
    for path in sorted(CORPUS.glob("*.jsonl")):
        if path.name == "titles.jsonl":
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            article = json.loads(line)
            assert article["lang"] == path.stem, article["id"]
            articles.append(article)
    return articles


ARTICLES = load_corpus()


def is_hard_negative(article: dict[str, Any]) -> bool:
    return str(article["notes"]).startswith("hard negative")


def test_every_article_has_the_same_fields_and_known_labels() -> None:
    entity_ids = {entity["id"] for entity in yaml.safe_load((CORPUS / "entities.yaml").read_text(encoding="utf-8"))}
    for article in ARTICLES:
        assert set(article) == {
            "id", "title", "text", "lang", "source", "published_at", "topics", "topics_optional",
            "entities", "entities_optional", "split", "notes",
        }  # fmt: skip
        assert article["split"] in SPLITS
        assert set(article["topics"] + article["topics_optional"]) <= set(TOPICS), article["id"]
        assert set(article["entities"] + article["entities_optional"]) <= entity_ids, article["id"]
        assert not set(article["topics"]) & set(article["topics_optional"]), article["id"]
        assert not set(article["entities"]) & set(article["entities_optional"]), article["id"]
        assert datetime.fromisoformat(article["published_at"]).utcoffset() is not None


def test_ids_and_texts_are_unique() -> None:
    assert len({article["id"] for article in ARTICLES}) == len(ARTICLES)
    assert len({article["text"] for article in ARTICLES}) == len(ARTICLES)
    assert len({article["title"] for article in ARTICLES}) == len(ARTICLES)


def test_entity_ids_are_slugs_and_mean_one_thing() -> None:
    entities = yaml.safe_load((CORPUS / "entities.yaml").read_text(encoding="utf-8"))
    names = [name for entity in entities for name in (entity["id"], *entity.get("same_as", []))]
    assert max(Counter(names).values()) == 1
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)
    assert {entity["kind"] for entity in entities} == {"person", "place", "organisation", "armed-group"}


def test_there_are_enough_articles_in_enough_languages() -> None:
    count = Counter(article["lang"] for article in ARTICLES)
    assert len(ARTICLES) >= 300
    assert len(count) >= 12
    for language in MAIN_LANGUAGES:
        assert count[language] >= 30, language


def test_every_topic_has_enough_positives_over_several_languages() -> None:
    for topic in TOPICS:
        positives = [article for article in ARTICLES if topic in article["topics"]]
        assert len(positives) >= 15, topic
        assert len({article["lang"] for article in positives}) >= 6, topic


def test_a_third_are_hard_negatives_and_none_of_them_is_a_positive() -> None:
    hard = [article for article in ARTICLES if is_hard_negative(article)]
    assert len(hard) >= len(ARTICLES) / 3 - 1
    assert all(TALKS not in article["topics"] + article["topics_optional"] for article in hard)
    positives = [article for article in ARTICLES if TALKS in article["topics"]]
    assert len(positives) >= 80


@pytest.mark.parametrize("language", MAIN_LANGUAGES)
def test_the_halves_are_balanced_by_language_and_label(language: str) -> None:
    of_language = [article for article in ARTICLES if article["lang"] == language]
    for name, chosen in (
        ("all", of_language),
        ("positive", [article for article in of_language if TALKS in article["topics"]]),
        ("hard negative", [article for article in of_language if is_hard_negative(article)]),
    ):
        halves = Counter(article["split"] for article in chosen)
        assert abs(halves["dev"] - halves["held_out"]) <= 3, name


def test_every_topic_stands_in_both_halves() -> None:
    for topic in TOPICS:
        halves = Counter(article["split"] for article in ARTICLES if topic in article["topics"])
        assert min(halves[split] for split in SPLITS) >= 7, (topic, halves)


def test_lengths_run_from_briefs_to_long_reports() -> None:
    lengths = [len(article["text"].split()) + len(article["title"].split()) for article in ARTICLES]
    middle = sum(60 <= length <= 120 for length in lengths)
    assert middle >= len(lengths) / 2
    assert min(lengths) >= 25
    assert max(lengths) <= 260
    assert sum(length > 120 for length in lengths) >= 10


def test_the_held_out_half_does_not_repeat_the_sentences_of_the_other() -> None:
    size = LONGEST_SHARED_WORDS + 1
    for language in {article["lang"] for article in ARTICLES}:
        seen: dict[str, set[tuple[str, ...]]] = {split: set() for split in SPLITS}
        for article in ARTICLES:
            if article["lang"] == language:
                words = re.findall(r"\w+", f"{article['title']} {article['text']}".lower())
                grams = (tuple(words[at : at + size]) for at in range(len(words) - size + 1))
                seen[article["split"]].update(grams)
        assert not seen["dev"] & seen["held_out"], language
