"""How well languages are told apart, against the floors; `pytest -s` prints the figures.

The dev half of the titles was used for fitting and tuning, the held-out half never. The articles of the topic corpus were written for
another purpose and not looked at for this one.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from streams.text import language as language_module
from streams.text.language import LanguageGuess, default_identifier
from tests.quality.floors import hold

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
IDENTIFY = default_identifier().identify
MENU = "\n".join(
    [
        "Home", "World", "Politics", "Business", "Sport", "Culture", "About us", "Contact us", "Privacy policy", "Most read",
        "Subscribe to our newsletter", "All rights reserved", "Follow us", "Terms of use", "Read more", "Share this article",
    ]
    * 4
)  # fmt: skip


def titles(split: str) -> list[dict[str, Any]]:
    lines = (CORPUS / "titles.jsonl").read_text("utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["split"] == split]


def articles() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path.stem, json.loads(line))
        for path in sorted(CORPUS.glob("*.jsonl"))
        if path.stem != "titles"
        for line in path.read_text("utf-8").splitlines()
    ]


def macro_f1(pairs: list[tuple[str, str]]) -> float:
    """Return the mean F1 over the languages of `pairs`, `(true, guessed)`."""
    right = Counter(true for true, guessed in pairs if true == guessed)
    true_count, guessed_count = Counter(true for true, _ in pairs), Counter(guessed for _, guessed in pairs)
    scores = [2 * right[language] / (true_count[language] + guessed_count[language]) for language in true_count]
    return sum(scores) / len(scores)


def calibration_error(guesses: list[tuple[LanguageGuess, bool]], bins: int = 10) -> float:
    """Return the expected calibration error: the mean distance of score and accuracy, bin by bin (Guo et al. 2017)."""
    error = 0.0
    for number in range(bins):
        inside = [(guess.score, right) for guess, right in guesses if min(int(guess.score * bins), bins - 1) == number]
        error += abs(sum(score for score, _ in inside) - sum(right for _, right in inside))
    return error / len(guesses)


@pytest.mark.parametrize("split", ["dev", "held_out"])
def test_titles_of_20_to_80_characters(split: str) -> None:
    rows = titles(split)
    pairs = [(row["lang"], IDENTIFY(row["text"]).code) for row in rows]
    common = [pair for pair in pairs if pair[0] != "azb"]
    figures = {"macro_f1_19_languages": macro_f1(pairs), "macro_f1_18_languages": macro_f1(common)}
    print(f"\n{split}: {figures}; wrong: {Counter(pair for pair in pairs if pair[0] != pair[1])}")
    hold(f"language/titles_{split}", figures)


@pytest.mark.parametrize("split", ["dev", "held_out"])
def test_persian_typed_on_an_arabic_keyboard(split: str) -> None:
    rows = [row for row in titles(split) if row.get("arabic_letters")]
    share = sum(IDENTIFY(row["text"]).code == "fa" for row in rows) / len(rows)
    hold(f"language/persian_{split}", {"with_arabic_letters": share})


def test_scores_are_calibrated() -> None:
    rows = titles("held_out")
    whole = [(guess := IDENTIFY(row["text"]), guess.code == row["lang"]) for row in rows]
    # the first two to four words of each title: what a score is for
    pieces = [
        (guess := IDENTIFY(" ".join(row["text"].split()[: 2 + number % 3])), guess.code == row["lang"])
        for number, row in enumerate(rows)
    ]
    sure = [right for guess, right in pieces if guess.score >= 0.9]
    figures = {
        "error_of_titles": calibration_error(whole),
        "error_of_two_to_four_words": calibration_error(pieces),
        "right_where_score_is_90": sum(sure) / len(sure),
    }
    hold("language/calibration", figures)


@pytest.mark.parametrize("around", ["alone", "menus"])
def test_articles_and_articles_among_menus(around: str) -> None:
    rows = articles()
    wrong = []
    for language, row in rows:
        text = row["text"] if around == "alone" else f"{MENU}\n{row['text']}\n{MENU}"
        title = row["title"] if around == "alone" else "Example News | Live"
        code = IDENTIFY(text, title=title).code
        if code != language:
            wrong.append((language, code, row["id"]))
    print(f"\n{around}: {len(wrong)} of {len(rows)} wrong: {wrong}")
    hold(f"language/articles_{around}", {"right": 1 - len(wrong) / len(rows)})


def test_titles_of_articles() -> None:
    rows = articles()
    share = sum(IDENTIFY(row["title"]).code == language for language, row in rows) / len(rows)
    hold("language/titles_of_articles", {"right": share})


def test_shortcuts_say_what_the_whole_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = titles("dev")
    quick = [IDENTIFY(row["text"]) for row in rows]
    monkeypatch.setattr(language_module, "_CLEAR_LETTERS", 10**6)
    whole = [IDENTIFY(row["text"]) for row in rows]
    taken = sum(mine.score == language_module._CLEAR_PROBABILITY for mine in quick)
    others = [
        (row["text"], mine, theirs)
        for row, mine, theirs in zip(rows, quick, whole, strict=True)
        if mine.code != theirs.code
    ]
    print(f"\n{taken} of {len(rows)} by a shortcut; other answers: {others}")
    assert taken > len(rows) / 2
    assert len(others) <= len(rows) / 200
