"""Copies, stories and event dates on the labelled stories, held to floors; the seeds where they are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.config_files import Faults
from agent.definitions import load_definitions
from bench.labelled_stories import FOLDER, labels, published_at, raw_article
from streams.identity import article_id
from streams.model import Article, RawArticle
from streams.pipeline import Pipeline
from tests.quality.floors import hold

HERE = Path(__file__).parent
SEEDS = HERE.parents[2] / "shared" / "seeds"
HALVES = ("dev", "held_out")


@dataclass(frozen=True)
class Read:
    """A labelled article and what the pipeline made of it."""

    label: dict[str, Any]
    article: Article


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    faults = Faults()
    definitions = load_definitions(HERE.parents[1] / "config", faults)
    faults.check()
    return Pipeline(definitions)


@pytest.fixture(scope="module", params=HALVES)
def half(request: pytest.FixtureRequest, pipeline: Pipeline) -> tuple[str, list[Read]]:
    """Each half as a stream of its own, in order of publication."""
    pipeline.stories.restore([])
    return request.param, [Read(one, _placed(pipeline, one)) for one in labels() if one["split"] == request.param]


def _placed(pipeline: Pipeline, label: dict[str, Any]) -> Article:
    article = pipeline.process(raw_article(label))
    assert isinstance(article, Article), article
    return article


def test_copies(half: tuple[str, list[Read]]) -> None:
    name, read = half
    by_id = {one.label["id"]: one for one in read}
    chain = {one.label["id"]: _root(one.label, by_id) for one in read}
    label_of = {one.article.article_id: one.label["id"] for one in read}
    right = wrong = missed = 0
    for one in read:
        copied = one.article.near_duplicate_of
        if copied is None:
            missed += one.label["copy_of"] in by_id
        elif chain[label_of[copied]] == chain[one.label["id"]]:
            right += 1
        else:
            wrong += 1
            print(f"\n  no copy: {one.label['id']} of {label_of[copied]}")
    precision, recall = right / (right + wrong), right / (right + missed)
    hold(f"copies/{name}", {"precision": precision, "recall": recall})


def _root(label: dict[str, Any], by_id: dict[str, Read]) -> str:
    while label["copy_of"] in by_id:
        label = by_id[label["copy_of"]].label
    return str(label["id"])


def test_stories(half: tuple[str, list[Read]]) -> None:
    name, read = half
    expected = {one.label["id"]: one.label["story"] for one in read}
    found = _in_the_end(read)
    precision, recall = _bcubed(expected, found), _bcubed(found, expected)
    f1 = 2 * precision * recall / (precision + recall)
    apart = {story["id"]: story.get("must_not_merge_with") or [] for story in _stories()}
    merged = {
        (expected[one], expected[other])
        for one, other in combinations(expected, 2)
        if found[one] == found[other] and expected[other] in apart[expected[one]]
    }
    changes = Counter(change.kind for one in read for change in one.article.story_changes)
    print(
        f"\nstories, {name}: {changes['merge']} merges, {changes['split']} splits; BCubed precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}; close pairs merged: {merged}"
    )
    assert not merged
    hold(f"stories/{name}", {"bcubed_f1": f1})


def _in_the_end(read: list[Read]) -> dict[str, Any]:
    """Return the story of each article when all have come, merges and splits carried out."""
    label_of = {one.article.article_id: one.label["id"] for one in read}
    found: dict[str, Any] = {}
    merged: dict[str, str] = {}
    for one in read:
        found[one.label["id"]] = one.article.story_id
        for change in one.article.story_changes:
            if change.kind == "merge":
                merged[change.story_id] = change.into
                found = {name: change.into if story == change.story_id else story for name, story in found.items()}
            found |= {label_of[article]: change.into for article in change.articles}
    assert not any(story in merged for story in found.values()), "nothing joins a story that was merged away"
    return found


def _stories() -> list[dict[str, Any]]:
    stories: list[dict[str, Any]] = yaml.safe_load((FOLDER / "stories.yaml").read_text(encoding="utf-8"))
    return stories


def _bcubed(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return how much of what `other` puts together with an article, `one` does too (Amigó et al. 2009)."""
    total = 0.0
    for item in one:
        together = [peer for peer in one if other[peer] == other[item]]
        total += sum(one[peer] == one[item] for peer in together) / len(together)
    return total / len(one)


def test_event_dates(half: tuple[str, list[Read]]) -> None:
    name, read = half
    right = total = events = dated = 0
    for one in read:
        found = dict(_spoken(one))
        for mention in one.label["date_mentions"]:
            total += 1
            day = date.fromisoformat(mention["date"])
            right += any(
                first <= day <= last
                for text, (first, last) in found.items()
                if text in mention["text"] or mention["text"] in text
            )
        if one.label["event_date"]:
            dated += 1
            published = published_at(one.label).date()
            day = one.article.event_dates[0].first if one.article.event_dates else published
            events += abs((day - date.fromisoformat(one.label["event_date"])).days) <= 1
    hold(f"event_dates/{name}", {"mentions_resolved": right / total, "day_of_the_event": events / dated})


def _spoken(one: Read) -> Iterator[tuple[str, tuple[date, date]]]:
    for event in one.article.event_dates:
        for span in event.spans:
            text = one.article.title if span.field == "title" else one.article.text
            yield text[span.start : span.end], (event.first, event.last)


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed articles are not beside this checkout")
@pytest.mark.parametrize("is_dated", [True, False])
def test_the_seeds_are_two_stories(pipeline: Pipeline, is_dated: bool) -> None:
    pipeline.stories.restore([])
    stories: dict[str, set[str]] = {}
    for path in sorted(SEEDS.glob("*.txt")):
        is_old = path.name.startswith("004")
        published = datetime(2018, 12, 29, 15, tzinfo=UTC) if is_old else datetime(2023, 4, 26, 9, tzinfo=UTC)
        article = pipeline.process(
            RawArticle(
                article_id=article_id(canonical_url=f"https://seed.example/{path.stem}"),
                source_id=path.stem,
                text=path.read_text(encoding="utf-8"),
                published_at=published if is_dated else None,
                date_is_reliable=is_dated,
                collected_at=datetime(2026, 11, 30, 9, tzinfo=UTC),
            )
        )
        assert isinstance(article, Article)
        stories.setdefault(str(article.story_id), set()).add(path.name[:3])
    assert sorted(map(sorted, stories.values())) == [["000", "001", "002", "003"], ["004"]]
