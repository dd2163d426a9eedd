"""How well articles are labelled with topics, against the floors; `pytest -s` prints the figures.

Definitions were tuned on the dev half, on the even lines of the fresh set and on half A of the blind one and of the second blind one. Of the others this prints counts and
nothing else: whoever tunes does not look at it.
A topic in `topics_optional` is neither right nor wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent.config_files import Faults
from agent.definitions import load_definitions
from streams.definitions import Definitions
from streams.enrich import Enricher
from streams.model import RawArticle
from tests.quality.floors import hold

HERE = Path(__file__).parent
CORPUS, FRESH = HERE / "corpus", HERE / "fresh"
SUBJECT = "syria-turkey-normalization"
NOW = datetime(2023, 5, 10, tzinfo=UTC)


class Score(NamedTuple):
    """Right, wrong and missing labels of one topic."""

    right: int
    wrong: int
    missing: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missing) if self.right + self.missing else 1.0

    @property
    def f1(self) -> float:
        everything = 2 * self.right + self.wrong + self.missing
        return 2 * self.right / everything if everything else 1.0


def articles(split: str) -> list[dict[str, Any]]:
    """Return the articles of a half of the corpus, of the fresh set (its even lines were read when tuning, its odd ones not) or of a blind one."""
    if split.startswith(("blind", "second")):
        folder = HERE / split.partition("_")[0]
        blind = [
            json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()
        ]
        return [row for row in blind if split.endswith(row["half"].lower())]
    if split.startswith("fresh"):
        lines = [
            line
            for path in sorted(FRESH.glob("*.jsonl"))
            for line in path.read_text("utf-8").splitlines()[split == "fresh_even" :: 2]
        ]
        return [json.loads(line) for line in lines]
    files = [path for path in sorted(CORPUS.glob("*.jsonl")) if path.stem != "titles"]
    rows = [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]
    return [row for row in rows if row["split"] == split]


@cache
def definitions() -> Definitions:
    faults = Faults()
    found = load_definitions(HERE.parent.parent / "config", faults)
    faults.check()
    return found


@cache
def scores(split: str) -> dict[str, Score]:
    """Return the score of every topic, with the whole of the enrich stage, which is not told the language."""
    enricher = Enricher(definitions())
    topics = [topic.id for topic in definitions().topics if not topic.is_concept]
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for row in articles(split):
        raw = RawArticle(article_id="0" * 32, title=row["title"], text=row["text"], collected_at=NOW)
        found = {label.id for label in enricher.enrich(raw, NOW).topics}
        for topic in topics:
            if topic in row["topics"]:
                (right if topic in found else missing)[topic] += 1
            elif topic in found and topic not in row["topics_optional"]:
                wrong[topic] += 1
    return {topic: Score(right[topic], wrong[topic], missing[topic]) for topic in topics}


def macro_f1(split: str) -> float:
    found = scores(split)
    return sum(score.f1 for score in found.values()) / len(found)


@pytest.mark.parametrize(
    "split", ["dev", "held_out", "fresh_even", "fresh_odd", "blind_a", "blind_b", "second_a", "second_b"]
)
def test_topics_against_the_floors(split: str) -> None:
    found = scores(split)
    print(f"\ntopics, {split}, {len(articles(split))} articles")
    for topic, score in sorted(found.items()):
        print(
            f"  {topic:28} right {score.right:3}  wrong {score.wrong:2}  missing {score.missing:2}"
            f"  precision {score.precision:.3f}  recall {score.recall:.3f}  F1 {score.f1:.3f}"
        )
    print(f"  macro-F1 {macro_f1(split):.3f}")
    figures = {"precision": found[SUBJECT].precision, "recall": found[SUBJECT].recall, "macro_f1": macro_f1(split)}
    hold(f"topics/{split}", figures)


SEEDS = Path(__file__).parents[3] / "shared" / "seeds"


def ways_to_feed(whole: str) -> Iterator[tuple[str, str]]:
    """Yield a report as feeds have it, as (title, text): without a title, with its first line as one, cut short, retyped."""
    head, _, rest = whole.partition("\n")
    for text in (whole, whole[: len(whole) * 6 // 10]):
        yield "", text
        yield head, text.partition("\n")[2]
        yield head, text
    yield "", rest
    for pair in (("ي", "ی"), ("ی", "ي"), ("أ", "ا")):
        yield "", whole.replace(*pair)


def test_the_seeds_of_the_affair() -> None:
    """Four reports of the talks of 2023 have the topic, the Russian-Turkish coordination of 2018 has not.

    The texts are other people's and not part of the project: where they are not there, there is nothing to compare.
    """
    enricher = Enricher(definitions())
    for path in sorted(SEEDS.glob("*.txt")) if SEEDS.is_dir() else []:
        for number, (title, text) in enumerate(ways_to_feed(path.read_text("utf-8"))):
            raw = RawArticle(article_id="0" * 32, title=title, text=text, collected_at=NOW)
            labels = {label.id: label for label in enricher.enrich(raw, NOW).topics}
            assert (SUBJECT in labels) == (path.name[:3] != "004"), (path.name, number)
            assert SUBJECT not in labels or labels[SUBJECT].spans
