"""How many of the labelled wordings of the stories the shipped frames find; `pytest -s` prints the figures.

Wordings are written down one by one, so that the held-out half measures how much of the press' vocabulary is in `config/frames` yet: the labels of
both halves are of many groups, and a wording that no frame lists is missed. `any group`: found, under a group of another name.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest

from agent.config_files import Faults
from agent.definitions import load_definitions
from streams.enrich import Enricher
from streams.model import RawArticle
from tests.quality.floors import hold

HERE = Path(__file__).parent
NOW = datetime(2023, 1, 1, tzinfo=UTC)


@cache
def enricher() -> Enricher:
    faults = Faults()
    definitions = load_definitions(HERE.parent.parent / "config", faults)
    faults.check()
    return Enricher(msgspec.structs.replace(definitions, topics=(), sources=()))


@pytest.mark.parametrize("split", ["dev", "held_out"])
def test_labelled_wordings_are_found(split: str) -> None:
    labelled = found = anywhere = labels = 0
    for path in sorted((HERE / "stories").glob("*.jsonl")):
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            if row["split"] != split or not row["frames"]:
                continue
            raw = RawArticle(
                article_id="0" * 32,
                title=row["title"],
                text=row["text"],
                declared_language=row["lang"],
                collected_at=NOW,
            )
            article = enricher().enrich(raw, NOW)
            spans = [
                (label.group, getattr(raw, span.field)[span.start : span.end])
                for label in article.frames
                for span in label.spans
            ]
            labels += len(article.frames)
            for frame in row["frames"]:
                groups = {group for group, words in spans if words in frame["wording"] or frame["wording"] in words}
                labelled += 1
                found += frame["group"] in groups
                anywhere += bool(groups)
    print(f"\n{found} of {labelled} wordings, under any group {anywhere}; {labels} labels")
    hold(f"frames/{split}", {"recall": found / labelled})
