"""Fit the weights of the story decider: `python -m bench.story_fit` prints them beside those in use.

Of the labelled stories of `tests/quality/stories` the development half alone is looked at. It goes by once as it is,
and twice with all stories moved onto the same days, so that what is shared must count and not only when it was; each
time every article is compared with every story that has begun, as the labels put them together. A logistic regression
with a ridge is fitted to that (Newton's method); then the stream is run with the fitted weights, and with those in use.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from agent.config_files import Faults
from agent.definitions import load_definitions
from bench.labelled_stories import labels, raw_article
from streams.enrich import Enricher
from streams.model import EnrichedArticle
from streams.stories import decider
from streams.stories.decider import Evidence, Weights
from streams.stories.profile import Bearings, Rarity, StoryProfile
from streams.stories.signals import signals_of
from streams.story import StoryStage
from streams.text.document import Document

PROJECT = Path(__file__).parents[1]
FIELDS = Evidence.__struct_fields__
RIDGE = 0.5
MOVED_PASSES = 2
ROUNDS = 50

Labelled = tuple[str, EnrichedArticle]
Row = tuple[list[float], float]


def labelled() -> list[Labelled]:
    """Return the articles of the development half, each with the name of its story, in order of publication."""
    faults = Faults()
    enricher = Enricher(load_definitions(PROJECT / "config", faults))
    faults.check()
    found = []
    for label in labels():
        if label["split"] == "dev":
            raw = raw_article(label)
            found.append((label["story"], enricher.enrich(raw, raw.collected_at)))
    return in_order(found)


def in_order(articles: Sequence[Labelled]) -> list[Labelled]:
    """Return `articles` in the order in which they were published."""
    return sorted(articles, key=lambda one: (one[1].collected_at, one[1].article_id))


def moved(articles: Sequence[Labelled], seed: int) -> list[Labelled]:
    """Return `articles` with every story begun within the same two days, the days that it speaks of moved along."""
    chance = random.Random(seed)
    begins = {}
    for story, article in articles:
        begins.setdefault(story, article.collected_at)
    start = min(begins.values()).replace(hour=0, minute=0)
    shifts = {story: timedelta(days=(start - begin).days + chance.randrange(2)) for story, begin in begins.items()}
    return in_order([(story, _shifted(article, shifts[story])) for story, article in articles])


def _shifted(article: EnrichedArticle, shift: timedelta) -> EnrichedArticle:
    days = tuple(
        msgspec.structs.replace(day, first=day.first + shift, last=day.last + shift) for day in article.event_dates
    )
    at = article.collected_at + shift
    return msgspec.structs.replace(article, published_at=at, collected_at=at, event_dates=days)


def rows(articles: Sequence[Labelled]) -> Iterator[Row]:
    """Yield the evidence between each article and each story before it, with 1 where they belong together."""
    rarity = Rarity()
    stories: dict[str, StoryProfile] = {}
    for name, article in articles:
        document = Document.of(article.title, article.text, article.language)
        signals = signals_of(article, document, rarity.terms)
        bearings = Bearings(signals, rarity)
        for other, story in stories.items():
            evidence = decider.evidence_of(bearings, story, rarity)
            yield [1.0, *(getattr(evidence, field) for field in FIELDS)], float(other == name)
        if name not in stories:
            stories[name] = StoryProfile(name, signals.time, signals.time)
        stories[name].add(bearings)
        rarity.add(signals)


def fit(given: Sequence[Row], ridge: float = RIDGE) -> list[float]:
    """Return the weights of greatest penalized likelihood, that of the constant first."""
    size = len(given[0][0])
    weights = [0.0] * size
    for _ in range(ROUNDS):
        gradient = [0.0 if place == 0 else -ridge * weights[place] for place in range(size)]
        hessian = [[ridge if row == column and row else 0.0 for column in range(size)] for row in range(size)]
        for features, label in given:
            total = sum([weight * feature for weight, feature in zip(weights, features, strict=True)])
            probability = 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, total))))
            spread = probability * (1.0 - probability)
            for row in range(size):
                if features[row]:
                    gradient[row] += (label - probability) * features[row]
                    for column in range(row + 1):
                        hessian[row][column] += spread * features[row] * features[column]
        for row in range(size):
            for column in range(row):
                hessian[column][row] = hessian[row][column]
        step = solve(hessian, gradient)
        weights = [weight + change for weight, change in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-6:
            break
    return weights


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Return the solution of a system of linear equations, by elimination with pivots."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(column + 1, size):
            factor = rows[row][column] / rows[column][column]
            rows[row] = [value - factor * above for value, above in zip(rows[row], rows[column], strict=True)]
    found = [0.0] * size
    for row in range(size - 1, -1, -1):
        known = sum(rows[row][column] * found[column] for column in range(row + 1, size))
        found[row] = (rows[row][size] - known) / rows[row][row]
    return found


def bcubed(articles: Sequence[Labelled], weights: Weights) -> tuple[float, float, float]:
    """Return BCubed precision, recall and F1 of the stream with these weights, merges and splits carried out."""
    before = decider.WEIGHTS
    decider.WEIGHTS = weights
    try:
        stage = StoryStage()
        found: dict[str, str] = {}
        for _, article in articles:
            placed = stage.place(article, article.collected_at)
            found[placed.article_id] = str(placed.story_id)
            for change in placed.story_changes:
                if change.kind == "merge":
                    found = {one: change.into if story == change.story_id else story for one, story in found.items()}
                found |= dict.fromkeys(change.articles, change.into)
    finally:
        decider.WEIGHTS = before
    expected = {article.article_id: story for story, article in articles}
    precision, recall = _together(expected, found), _together(found, expected)
    return precision, recall, 2 * precision * recall / (precision + recall)


def _together(one: dict[str, str], other: dict[str, str]) -> float:
    total = 0.0
    for item in one:
        together = [peer for peer in one if other[peer] == other[item]]
        total += sum(one[peer] == one[item] for peer in together) / len(together)
    return total / len(one)


def main() -> None:
    """Fit, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.story_fit", description=__doc__)
    parser.add_argument("--ridge", type=float, default=RIDGE, help="penalty of the weights (default: %(default)s)")
    options = parser.parse_args()
    articles = labelled()
    passes = [articles, *(moved(articles, seed) for seed in range(MOVED_PASSES))]
    given = [row for one in passes for row in rows(one)]
    together = sum(label for _, label in given)
    fitted = fit(given, options.ridge)
    print(f"{len(articles)} articles, {len(given)} pairs with a story, {together:.0f} of them together")
    print(f"{'':14}{'fitted':>8}{'in use':>8}")
    for name, weight in zip(("bias", *FIELDS), fitted, strict=True):
        print(f"{name:14}{weight:8.2f}{getattr(decider.WEIGHTS, name):8.2f}")
    for name, weights in (
        ("fitted", Weights(**dict(zip(("bias", *FIELDS), fitted, strict=True)))),
        ("in use", decider.WEIGHTS),
    ):
        for kind, one in (("as it is", articles), ("moved", passes[1])):
            precision, recall, f1 = bcubed(one, weights)
            print(f"{name}, {kind}: BCubed precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")


if __name__ == "__main__":
    main()
