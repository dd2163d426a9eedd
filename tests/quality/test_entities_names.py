"""With the English name and one Arabic spelling of a person: how many unseen spellings in other languages are recognized.

Every spelling stands once alone and once inside a sentence of its language; a spelling of another person, of the hundred or of nobody, is a
wrong mention. `pytest -s` prints the figures.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer
from streams.text.document import Document
from tests.quality.floors import hold

HERE = Path(__file__).parent
NAMES = HERE / "corpus" / "names.yaml"
SENTENCES = {
    "ar": "وأكد المصدر أن {} وصل اليوم.",
    "fa": "به گفته این منبع، {} امروز وارد شد.",
    "tr": "Kaynağa göre {} bugün geldi.",
    "ru": "По словам источника, {} прибыл сегодня.",
    "ckb": "سەرچاوەکە دەڵێت {} ئەمڕۆ گەیشت.",
    "he": "לפי המקור, {} הגיע היום.",
    "ur": "ذرائع کے مطابق {} آج پہنچے۔",
}


@cache
def data() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(NAMES.read_text("utf-8"))
    return loaded


@cache
def recognizer() -> EntityRecognizer:
    return EntityRecognizer(
        [
            EntityDefinition(id=person["id"], kind="person", names={"en": (person["name"],), "ar": (person["arabic"],)})
            for person in data()["persons"]
        ]
    )


def found(surface: str, language: str) -> set[str]:
    alone = recognizer().recognize(Document.of("", surface, language))
    sentence = SENTENCES[language].format(surface)
    start = sentence.index(surface)
    end = start + len(surface)
    inside = {
        label.id
        for label in recognizer().recognize(Document.of("", sentence, language))
        if any(start < span.end and span.start < end for span in label.mentions)
    }
    return {label.id for label in alone} & inside


@pytest.mark.parametrize("split", ["dev", "held_out"])
def test_unseen_spellings(split: str) -> None:
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong = 0
    for person in data()["persons"]:
        if person["split"] != split:
            continue
        for language, spellings in person["expected"].items():
            for spelling in spellings:
                ids = found(spelling, language)
                total[language] += 1
                right[language] += person["id"] in ids
                wrong += len(ids - {person["id"]})
    others = [(language, name) for language, names in data()["others"].items() for name in names]
    wrong += sum(len(found(name, language)) for language, name in others)
    by_language = {language: right[language] / total[language] for language in total}
    recall = sum(right.values()) / sum(total.values())
    precision = sum(right.values()) / (sum(right.values()) + wrong)
    shown = ", ".join(f"{language} {share:.3f}" for language, share in by_language.items())
    print(
        f"\nnames, {split}: recall {recall:.3f} ({shown}), precision {precision:.3f}, {sum(total.values())} spellings"
    )
    figures = {"recall": recall, "least_language": min(by_language.values()), "precision": precision}
    hold(f"names/{split}", figures)
