"""How well entities are recognized, against the floors; `pytest -s` prints the figures, and of the held-out half nothing else.

A mention is an entity named in an article, as the corpus labels it. Two precisions:

- `precision`: an entity that the labels know (`entities.yaml`), and any person or armed group, is wrong where the article's label lacks it.
- `strict`: any entity whatever is wrong where the label lacks it, also those that the corpus does not label (see its README:
  companies, clubs, newspapers, far places), so this is a lower bound.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.config_files import Faults, load_list, yaml_files
from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer
from streams.text.document import Document
from tests.quality.floors import hold

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
CONFIG = HERE.parent.parent / "config" / "entities"
ATHLETES = CONFIG / "persons" / "sport.yaml"
"""Not labelled, as the corpus' README says."""


def article_files() -> list[Path]:
    return [path for path in sorted(CORPUS.glob("*.jsonl")) if path.stem != "titles"]


def articles(split: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for path in article_files() for line in path.read_text("utf-8").splitlines()]
    return [row for row in rows if row["split"] == split]


def read_entities(path: Path) -> list[EntityDefinition]:
    faults = Faults()
    files = [path] if path.is_file() else yaml_files(path)
    found = [entity for file in files for entity, _ in load_list(file, EntityDefinition, faults, key="entities")]
    faults.check()
    return found


@cache
def recognizer() -> EntityRecognizer:
    return EntityRecognizer(read_entities(CONFIG))


def same_as() -> dict[str, str]:
    """Map every id that the labels know, and what means the same, to the id that they use."""
    found = {}
    for entity in yaml.safe_load((CORPUS / "entities.yaml").read_text("utf-8")):
        found.update(dict.fromkeys([entity["id"], *entity.get("same_as", [])], entity["id"]))
    return found


def counts(split: str) -> Counter[str]:
    alias = same_as()
    labelled = set(alias.values())
    athletes = {entity.id for entity in read_entities(ATHLETES)}
    total: Counter[str] = Counter()
    for row in articles(split):
        labels = recognizer().recognize(Document.of(row["title"], row["text"], row["lang"]))
        found = {alias.get(label.id, label.id): label for label in labels}
        right = {alias.get(entity, entity) for entity in row["entities"]}
        either = {alias.get(entity, entity) for entity in row["entities_optional"]}
        total["right"] += len(right & found.keys())
        total["missed"] += len(right - found.keys())
        for entity in found.keys() - right - either:
            total["unlabelled"] += 1
            kind = found[entity].kind
            if entity in labelled or (kind in ("person", "armed-group") and entity not in athletes):
                total["wrong"] += 1
    return total


@pytest.mark.parametrize("split", ["dev", "held_out"])
def test_entities_of_the_corpus(split: str) -> None:
    total = counts(split)
    recall = total["right"] / (total["right"] + total["missed"])
    precision = total["right"] / (total["right"] + total["wrong"])
    strict = total["right"] / (total["right"] + total["unlabelled"])
    print(f"\nentities, {split}: recall {recall:.3f}, precision {precision:.3f}, strict {strict:.3f}, {dict(total)}")
    hold(f"entities/{split}", {"recall": recall, "precision": precision, "precision_strict": strict})


SEEDS = HERE.parents[2] / "shared" / "seeds"
"""Five real articles on the affair, beside the project; other people's, so never in it."""
NAMED = {
    "000": {
        "sergei-shoigu",
        "ali-mahmoud-abbas",
        "mohammad-reza-ashtiani",
        "syria",
        "turkey",
        "russia",
        "iran",
        "moscow",
    },
    "001": {"sergei-shoigu", "ali-mahmoud-abbas", "mohammad-reza-ashtiani", "hulusi-akar", "syria", "turkey", "iran"},
    "002": {
        "sergei-shoigu",
        "mevlut-cavusoglu",
        "bashar-al-assad",
        "ebrahim-raisi",
        "hulusi-akar",
        "ankara",
        "damascus",
    },
    "003": {"sergei-shoigu", "hulusi-akar", "hossein-amir-abdollahian", "tasnim", "tass", "m4-highway", "ria-novosti"},
    "004": {"sergei-lavrov", "mevlut-cavusoglu", "sergei-shoigu", "hulusi-akar", "ayman-safadi", "idlib", "al-tanf"},
}


def test_the_seeds_where_they_are_there() -> None:
    for path in sorted(SEEDS.glob("*.txt")) if SEEDS.is_dir() else ():
        title, _, text = path.read_text("utf-8").partition("\n")
        language = "fa" if path.name[:3] in ("001", "003") else "ar"
        found = {label.id for label in recognizer().recognize(Document.of(title, text, language))}
        assert NAMED[path.name[:3]] <= found, path.name
