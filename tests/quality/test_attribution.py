"""How well credits are found in the labelled stories, against the floors; `pytest -s` prints the figures, and of the held-out half
nothing else.

A step is right when its source is the labelled one, or, of an unlisted outlet, its name. The invented outlets are given to the finder as
a feed list gives them; `unlisted` is without them, and then they have only their names. `chains`: the first chain is right from end to end.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.config_files import Faults
from agent.source_lists import listed_source, load_sources
from streams.attribution import AttributionFinder
from streams.model import AttributionStep, RawArticle
from streams.text.document import Document
from streams.text.fold import fold
from tests.quality.floors import hold

HERE = Path(__file__).parent
STORIES = HERE / "stories"
NOW = datetime(2023, 1, 1, tzinfo=UTC)


@cache
def finder(*, is_listed: bool) -> AttributionFinder:
    faults = Faults()
    sources = load_sources(HERE.parent.parent / "config", faults)
    faults.check()
    known = {source.id for source in sources}
    listed = [
        listed_source(source["id"], source["name"], source.get("language"))
        for source in yaml.safe_load((STORIES / "sources.yaml").read_text("utf-8"))
        if source["invented"] and source["id"] not in known
    ]
    return AttributionFinder((*sources, *listed) if is_listed else sources)


def is_same(step: AttributionStep, label: dict[str, Any]) -> bool:
    if step.source_id is not None:
        return bool(step.source_id == label["source_id"])
    found, expected = fold(step.name), fold(label["name"])
    return found in expected or expected in found


def counts(split: str, *, is_listed: bool) -> Counter[str]:
    total: Counter[str] = Counter()
    for path in sorted(STORIES.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["split"] != split:
                continue
            article = RawArticle(
                article_id="0" * 32,
                title=row["title"],
                text=row["text"],
                source_id=row["source"],
                source_name=row["source_name"],
                declared_language=row["lang"],
                collected_at=NOW,
            )
            found = finder(is_listed=is_listed).find(Document.of(row["title"], row["text"], row["lang"]), article)
            left = list(found)
            for label in [step for chain in (row["attribution"], *row["attribution_other"]) for step in chain]:
                match = next((step for step in left if is_same(step, label)), None)
                total["right" if match else "missed"] += 1
                if match:
                    left.remove(match)
            optional = [fold(name) for name in row["attribution_optional"]]
            total["wrong"] += sum(
                not any(fold(step.name) in one or one in fold(step.name) for one in optional) for step in left
            )
            if row["attribution"]:
                first = [step for step in found if step.chain == 0]
                total["chains"] += 1
                total["whole"] += len(first) == len(row["attribution"]) and all(map(is_same, first, row["attribution"]))
    return total


@pytest.mark.parametrize("is_listed", [True, False], ids=["listed", "unlisted"])
@pytest.mark.parametrize("split", ["dev", "held_out"])
def test_credits_are_found(split: str, is_listed: bool) -> None:
    total = counts(split, is_listed=is_listed)
    figures = {
        "recall": total["right"] / (total["right"] + total["missed"]),
        "precision": total["right"] / (total["right"] + total["wrong"]),
        "chains": total["whole"] / total["chains"],
    }
    hold(f"attribution/{split}{'' if is_listed else '_unlisted'}", figures)
