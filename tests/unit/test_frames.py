"""Wordings: labelled with their places, in the one query language, and set against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.config_files import Faults
from agent.definitions import load_definitions, located_frames
from agent.examples import run_examples
from streams.definitions import Definitions, FrameDefinition
from streams.enrich import Enricher
from streams.frames import Usage, contrast
from streams.identity import article_id
from streams.model import EnrichedArticle, RawArticle

NOW = datetime(2023, 4, 25, tzinfo=UTC)
FRAMES = (
    FrameDefinition(id="regime", group="government", name="The regime", query='"نظام الأسد" "نظام أسد" "Assad regime"'),
    FrameDefinition(id="state", group="government", name="The state", query='"الحكومة السورية" "Syrian government"'),
    FrameDefinition(id="strike", group="strike", name="A strike", query="(+entity:israel +غارات)"),
)


def shipped() -> Definitions:
    faults = Faults()
    found = load_definitions(Path("config"), faults)
    faults.check()
    return found


def enriched(enricher: Enricher, text: str, language: str = "ar", **fields: str) -> EnrichedArticle:
    raw = RawArticle(
        article_id=article_id(canonical_url=None, title="", guid=text),
        text=text,
        declared_language=language,
        collected_at=NOW,
        **fields,  # type: ignore[arg-type]
    )
    return enricher.enrich(raw, NOW)


def test_a_wording_is_labelled_where_it_stands_with_its_clitics() -> None:
    enricher = Enricher(Definitions(frames=FRAMES))
    text = "اتفقت أنقرة ونظام الأسد على لقاء، ورحبت الحكومة السورية به."
    found = enriched(enricher, text).frames
    assert [(label.id, label.group) for label in found] == [("regime", "government"), ("state", "government")]
    assert [text[span.start : span.end] for label in found for span in label.spans] == [
        "ونظام الأسد",
        "الحكومة السورية",
    ]


def test_an_entity_that_a_wording_asks_for_is_no_part_of_it() -> None:
    entities = shipped().entities
    enricher = Enricher(Definitions(frames=FRAMES, entities=entities))
    text = "أعلنت إسرائيل أن غارات نفذت ليل أمس في المنطقة الحدودية."
    (label,) = enriched(enricher, text).frames
    assert [text[span.start : span.end] for span in label.spans] == ["غارات"]
    assert enriched(enricher, "أعلنت فرنسا أن غارات نفذت ليل أمس في المنطقة.").frames == ()


def test_a_story_shows_who_uses_which() -> None:
    enricher = Enricher(Definitions(frames=FRAMES))
    regime, state = "قال نظام الأسد ذلك أمس في بيان.", "قالت الحكومة السورية ذلك أمس في بيان."
    articles = [
        enriched(enricher, regime, source_name="A", country="TR", ownership="opposition"),
        enriched(enricher, regime + " ثانية", source_name="A", country="TR", ownership="opposition"),
        enriched(enricher, state, source_name="B", country="SY", ownership="state"),
        enriched(enricher, regime + " " + state, source_name="C"),
        enriched(enricher, "لا شيء في هذا الخبر القصير.", source_name="D", country="SY"),
    ]
    rows = contrast(articles)
    everyone = [row for row in rows if row.by == "all"]
    assert everyone == [
        Usage(group="government", frame="regime", by="all", value="", articles=3, share=0.75),
        Usage(group="government", frame="state", by="all", value="", articles=2, share=0.5),
    ]
    by_country = {(row.value, row.frame): (row.articles, row.share) for row in rows if row.by == "country"}
    assert by_country == {("SY", "state"): (1, 1.0), ("TR", "regime"): (2, 1.0)}
    assert {row.value for row in rows if row.by == "ownership"} == {"opposition", "state"}
    assert {row.value for row in rows if row.by == "source"} == {"A", "B", "C"}
    assert contrast(reversed(articles)) == rows
    assert contrast([]) == ()


BAD = """\
frames:
  - {id: one, group: g, name: One, query: '"open'}
  - {id: two, group: g, name: Two, query: "@nothing"}
  - {id: three, group: g, name: Three, query: word}
  - {id: three, group: g, name: Three, query: word}
  - {id: four, name: Four, query: word}
"""


def test_faults_are_told_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "a.yaml").write_text(BAD, encoding="utf-8")
    faults = Faults()
    found = load_definitions(tmp_path, faults)
    assert [frame.id for frame in found.frames] == ["three"]
    assert sorted(fault.line for fault in faults.found) == [2, 3, 5, 6]


@pytest.mark.parametrize("wrong", [True, False])
def test_examples_of_frames_are_run(tmp_path: Path, wrong: bool) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "a.yaml").write_text(
        "frames:\n  - id: one\n    group: g\n    name: One\n    query: occupation\n    examples:\n      match:\n        - the "
        + ("weather today" if wrong else "occupation goes on"),
        encoding="utf-8",
    )
    faults = Faults()
    definitions = load_definitions(tmp_path, faults)
    result = run_examples(located_frames(tmp_path, faults), definitions, lambda: NOW)
    assert (result.run, [failure.line for failure in result.failures]) == (1, [8] if wrong else [])


def test_every_shipped_example_comes_out_as_meant() -> None:
    definitions = shipped()
    assert len(definitions.frames) >= 60
    groups = {frame.group for frame in definitions.frames}
    assert groups >= {
        "syrian-government",
        "turkish-presence",
        "armed-kurds",
        "israel",
        "israel-strike",
        "ukraine-war",
        "iran-backed",
    }
    without_topics = msgspec.structs.replace(definitions, topics=())
    result = run_examples(located_frames(Path("config"), Faults()), without_topics, lambda: NOW)
    assert result.failures == [] and result.run >= 120
