"""The document of a story, and `rasad stories` and `rasad story` on a real store."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main_group
from streams.model import Article, AttributionStep, FrameLabel
from streams.stores.sqlite import SqliteStore
from streams.stories.documents import story_document
from streams.story import StoryStage
from tests.unit.stories.articles import BASE, FLOOD, MEETING, enriched

NAMES = ("sergei-shoigu", "hulusi-akar", "moscow")
TOPIC = ("syria-turkey-normalization",)


def articles() -> list[Article]:
    """A wire report, its copy, an Arabic report of the same event that credits the wire, and a flood."""
    regime = (FrameLabel(id="regime", group="syrian-government"),)
    credit = (AttributionStep(name="وكالة الشمال", source_id="north-wire"),)
    arabic = "التقى وزراء دفاع أربع دول في العاصمة الروسية وبحثوا عودة العلاقات بين دمشق وأنقرة"
    given = [
        enriched(1, title="Ministers meet in Moscow", source="north-wire", source_name="North Wire", country="RU", entities=NAMES, topics=TOPIC),
        enriched(2, title="Four at one table", text=MEETING + " More follows.", source="bay-post", hours=1, country="LB", entities=NAMES, topics=TOPIC),
        enriched(3, title="اجتماع رباعي في موسكو", text=arabic, language="ar", source="minbar", hours=2, country="SY", entities=NAMES, topics=TOPIC,
                 attribution=credit, frames=regime),
        enriched(4, title="Flood in Shiraz", text=FLOOD, hours=3, entities=("shiraz",)),
    ]  # fmt: skip
    stage = StoryStage()
    return [stage.place(article, BASE) for article in given]


def test_a_document_says_what_its_articles_say() -> None:
    placed = articles()
    story = placed[:3]
    assert len({article.story_id for article in story}) == 1
    document = story_document(str(story[0].story_id), story)
    assert document is not None
    assert (document.articles, document.copies) == (3, 1)
    assert document.headlines == {"en": "Ministers meet in Moscow", "ar": "اجتماع رباعي في موسكو"}
    assert [report.source for report in document.timeline] == ["North Wire", "bay-post", "minbar"]
    assert set(document.countries) == {"RU", "LB", "SY"} and document.languages == ("en", "ar")
    assert document.entities == dict.fromkeys(sorted(NAMES), 3) and document.topics == {TOPIC[0]: 3}
    assert sum(document.articles_per_hour.values()) == 3 and len(document.articles_per_hour) == 3
    assert document.independent_source_count == 1, "the copy and the credited report come from the wire"
    assert {edge.kind for edge in document.lineage.edges} == {"copy", "credit"}
    assert {(usage.frame, usage.value) for usage in document.framing if usage.by == "source"} == {("regime", "minbar")}


def test_the_order_of_the_articles_does_not_matter() -> None:
    story = articles()[:3]
    expected = story_document("s", story)
    random.Random(1).shuffle(story)
    assert story_document("s", story) == expected
    assert story_document("s", []) is None


@pytest.fixture
def config(tmp_path: Path) -> str:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "rasad.yaml").write_text(f"store: {{kind: sqlite, path: {tmp_path / 'rasad.sqlite'}}}\n")

    async def fill() -> None:
        store = SqliteStore(tmp_path / "rasad.sqlite")
        await store.write(articles())
        await store.close()

    asyncio.run(fill())
    return str(folder)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main_group, arguments, standalone_mode=False)
    return (result.return_value if result.exception is None else 2), result.stdout, result.stderr


def test_stories_are_listed_and_shown(config: str) -> None:
    code, out, _ = run("stories", "--config", config)
    assert code == 0
    assert out.index("Ministers meet in Moscow") < out.index("Flood in Shiraz")
    assert "اجتماع رباعي في موسكو" in out and "3 articles, 1 independent of 3 sources" in out

    code, out, _ = run("stories", "--config", config, "--min-articles", "2", "--json")
    [story] = [json.loads(line) for line in out.splitlines()]
    assert story["articles"] == 3

    code, out, _ = run("story", story["story_id"], "--config", config)
    assert code == 0
    for part in ("Timeline", "Who has it from whom", "Who words it how", "regime", "minbar", "└ "):
        assert part in out
    code, out, _ = run("story", story["story_id"], "--config", config, "--json")
    assert json.loads(out)["headlines"].keys() == {"en", "ar"}


def test_what_is_not_there_is_told(config: str) -> None:
    code, _, err = run("story", "f" * 32, "--config", config)
    assert code == 1 and "no story" in err
    code, _, err = run("stories", "volcano", "--config", config)
    assert code == 1 and "no stories" in err
    code, _, err = run("stories", "title:(", "--config", config)
    assert code == 2 and "faulty" in err
