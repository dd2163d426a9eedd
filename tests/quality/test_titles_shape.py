"""The labelled titles are what their README says: lengths, counts, splits, and letters of the right alphabet."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parent / "corpus"
MAIN = ("ar", "fa", "ckb", "ur", "ps", "tr", "az", "ku", "he", "ru", "uk", "bg", "en", "fr", "de", "es")
RARE = ("ug", "azb", "yi")


def load_titles() -> list[dict[str, Any]]:
    with (CORPUS / "titles.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


TITLES = load_titles()


def test_every_title_is_short_single_and_clean() -> None:
    assert len({title["text"] for title in TITLES}) == len(TITLES)
    for title in TITLES:
        assert 20 <= len(title["text"]) <= 80, title
        assert title["text"] == " ".join(title["text"].split()), title
        assert set(title) <= {"text", "lang", "split", "arabic_letters"}


@pytest.mark.parametrize(("languages", "least"), [(MAIN, 60), (RARE, 30)])
def test_every_language_has_enough_titles_in_both_halves(languages: tuple[str, ...], least: int) -> None:
    plain = [title for title in TITLES if not title.get("arabic_letters")]
    count = Counter(title["lang"] for title in plain)
    halves = Counter((title["lang"], title["split"]) for title in plain)
    for language in languages:
        assert count[language] >= least, language
        assert abs(halves[language, "dev"] - halves[language, "held_out"]) <= 1, language


def test_persian_with_arabic_letters_is_a_set_of_its_own() -> None:
    spelled = [title for title in TITLES if title.get("arabic_letters")]
    assert len(spelled) >= 60
    for title in spelled:
        assert title["lang"] == "fa"
        assert set("يك") & set(title["text"]) and not set("یک") & set(title["text"]), title


def test_persian_titles_use_persian_letters_elsewhere() -> None:
    for title in TITLES:
        if title["lang"] in ("fa", "ur") and not title.get("arabic_letters"):
            assert not set("يك") & set(title["text"]), title
