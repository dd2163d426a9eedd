"""The fresh set is what the corpus' README says of it, and stands clear of the corpus that is tuned on."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
CORPUS, FRESH = HERE / "corpus", HERE / "fresh"
MAIN_LANGUAGES = ("ar", "fa", "tr", "en", "ru", "ckb", "he", "ur")
OTHER_LANGUAGES = ("az", "de", "fr", "ku", "uk")
TALKS = "syria-turkey-normalization"
OTHER_TOPICS = (
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
GENRES = {"agency", "report", "brief", "headline", "live", "opinion", "analysis", "interview", "qa", "feature"}
LONGEST_SHARED_WORDS = 6


def load(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        if path.stem != "titles"
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def load_entities(folder: Path) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = yaml.safe_load((folder / "entities.yaml").read_text(encoding="utf-8"))
    return entities


ARTICLES = load(FRESH)


def is_hard_negative(article: dict[str, Any]) -> bool:
    return str(article["notes"]).startswith("hard negative: ")


def near_misses(article: dict[str, Any]) -> set[str]:
    found = re.search(r"near miss: ([^;]*)", article["notes"])
    return set(found[1].split(", ")) if found else set()


def genre(article: dict[str, Any]) -> str:
    return str(article["notes"]).rpartition("genre: ")[2]


def words(article: dict[str, Any]) -> list[str]:
    return re.findall(r"\w+", f"{article['title']} {article['text']}".lower())


def test_every_article_has_the_fields_of_the_corpus_and_known_labels() -> None:
    entity_ids = {entity["id"] for folder in (CORPUS, FRESH) for entity in load_entities(folder)}
    for path in sorted(FRESH.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            article = json.loads(line)
            assert set(article) == {
                "id", "title", "text", "lang", "source", "published_at", "topics", "topics_optional",
                "entities", "entities_optional", "split", "notes",
            }  # fmt: skip
            assert article["id"] == f"fresh-{path.stem}-{number:03d}"
            assert article["lang"] == path.stem
            assert article["split"] == "fresh"
            assert article["title"].strip() and article["text"].strip() and article["source"].strip()
            assert set(article["topics"] + article["topics_optional"]) <= {TALKS, *OTHER_TOPICS}, article["id"]
            assert set(article["entities"] + article["entities_optional"]) <= entity_ids, article["id"]
            assert not set(article["topics"]) & set(article["topics_optional"]), article["id"]
            assert not set(article["entities"]) & set(article["entities_optional"]), article["id"]
            assert datetime.fromisoformat(article["published_at"]).utcoffset() is not None
            assert genre(article) in GENRES, article["id"]


def test_ids_titles_and_texts_are_unique_apart_from_headlines_that_say_more_will_follow() -> None:
    assert len({article["id"] for article in ARTICLES}) == len(ARTICLES)
    assert len({article["title"] for article in ARTICLES}) == len(ARTICLES)
    texts = [article["text"] for article in ARTICLES if genre(article) != "headline"]
    assert len(set(texts)) == len(texts)


def test_added_entities_are_slugs_new_to_the_corpus_and_all_of_them_are_used() -> None:
    def names(entities: list[dict[str, Any]]) -> list[str]:
        return [name for entity in entities for name in (entity["id"], *entity.get("same_as", []))]

    added = load_entities(FRESH)
    assert max(Counter(names(load_entities(CORPUS)) + names(added)).values()) == 1
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names(added))
    assert {entity["kind"] for entity in added} <= {"person", "place", "organisation", "armed-group"}
    used = {label for article in ARTICLES for label in article["entities"] + article["entities_optional"]}
    assert {entity["id"] for entity in added} <= used


def test_the_tables_of_the_readme_are_true() -> None:
    section = (CORPUS / "README.md").read_text(encoding="utf-8").partition("\n## The fresh set\n")[2]
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| (\d+ \| \d+(?: \| \d+)?) \|$", section, flags=re.MULTILINE))
    expected: dict[str, str] = {}
    for language in (*MAIN_LANGUAGES, *OTHER_LANGUAGES, "all"):
        chosen = [article for article in ARTICLES if language in (article["lang"], "all")]
        positives = sum(TALKS in article["topics"] for article in chosen)
        expected[language] = f"{len(chosen)} | {positives} | {sum(map(is_hard_negative, chosen))}"
    for topic in OTHER_TOPICS:
        positives = sum(topic in article["topics"] for article in ARTICLES)
        expected[topic] = f"{positives} | {sum(topic in near_misses(article) for article in ARTICLES)}"
    assert rows == expected


def test_there_are_enough_articles_in_enough_languages() -> None:
    count = Counter(article["lang"] for article in ARTICLES)
    assert set(count) == {*MAIN_LANGUAGES, *OTHER_LANGUAGES}
    for language in MAIN_LANGUAGES:
        assert count[language] >= 20, language
        positives = sum(TALKS in article["topics"] for article in ARTICLES if article["lang"] == language)
        assert positives >= 7, language


def test_a_third_are_about_the_talks_and_nearly_a_third_are_hard_negatives() -> None:
    positives = [article for article in ARTICLES if TALKS in article["topics"]]
    hard = [article for article in ARTICLES if is_hard_negative(article)]
    assert len(positives) / len(ARTICLES) == pytest.approx(1 / 3, abs=0.03)
    assert len(hard) / len(ARTICLES) == pytest.approx(1 / 3, abs=0.03)
    assert all(TALKS not in article["topics"] + article["topics_optional"] for article in hard)


@pytest.mark.parametrize("topic", OTHER_TOPICS)
def test_every_other_topic_has_positives_over_several_languages_and_near_misses(topic: str) -> None:
    positives = [article for article in ARTICLES if topic in article["topics"]]
    misses = [article for article in ARTICLES if topic in near_misses(article)]
    assert len(positives) >= 6
    assert len({article["lang"] for article in positives}) >= 5
    assert len(misses) >= 6
    assert all(topic not in article["topics"] + article["topics_optional"] for article in misses)


def test_near_misses_name_topics() -> None:
    assert set().union(*map(near_misses, ARTICLES)) == set(OTHER_TOPICS)


def test_genres_and_lengths_vary() -> None:
    count = Counter(map(genre, ARTICLES))
    assert set(count) == GENRES
    assert min(count.values()) >= 5
    lengths = [len(words(article)) for article in ARTICLES]
    assert sum(length < 40 for length in lengths) >= 50
    assert sum(length >= 140 for length in lengths) >= 15
    assert max(lengths) <= 260


def test_the_fresh_set_repeats_no_sentence_of_the_corpus() -> None:
    size = LONGEST_SHARED_WORDS + 1
    corpus = load(CORPUS)
    for language in {article["lang"] for article in ARTICLES}:
        seen: list[set[tuple[str, ...]]] = []
        for articles in (corpus, ARTICLES):
            grams: set[tuple[str, ...]] = set()
            for article in articles:
                if article["lang"] == language:
                    run = words(article)
                    grams.update(tuple(run[at : at + size]) for at in range(len(run) - size + 1))
            seen.append(grams)
        assert not seen[0] & seen[1], language
