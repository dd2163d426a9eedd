"""`config/sources/`: faults by file and line, and the outlets of the feed list beside them."""

from __future__ import annotations

from pathlib import Path

from agent.config_files import Faults
from agent.definitions import load_definitions
from agent.source_lists import listed_source, load_sources

BAD = """\
sources:
  - id: one
    kind: agency
    names: {en: [One Agency]}
    also: [two]
  - id: two
    kind: agency
    names: {en: [Two Agency]}
  - {id: three, kind: agency, names: {}}
  - id: four
    kind: outlet
    names: {en: ["...", Four]}
    ambiguous: [Fourth]
  - {id: five, kind: planet, names: {en: [Five]}}
"""


def test_every_fault_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.yaml").write_text(BAD, encoding="utf-8")
    faults = Faults()
    sources = load_sources(tmp_path, faults)
    assert [source.id for source in sources] == ["one"]
    told = [(fault.line, fault.message) for fault in faults.found]
    assert [line for line, _ in told] == [14, 6, 9, 12, 13]
    assert "planet" in told[0][1]
    assert "'two' stands already at" in told[1][1]
    assert "no name" in told[2][1] and "no letter" in told[3][1] and "none of its names" in told[4][1]


def test_the_outlets_of_the_feed_list_are_known_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "a.yaml").write_text(
        "sources:\n  - {id: bay-post, name: Bay Post, language: en, url: https://bay.example/rss}\n", encoding="utf-8"
    )
    (found,) = load_sources(tmp_path, Faults())
    assert (found.id, found.names, found.ambiguous) == ("bay-post", {"en": ("Bay Post",)}, ())
    assert listed_source("globe", "Globe", "en").ambiguous == ("Globe",)


def test_the_shipped_list_is_without_fault_and_wide() -> None:
    faults = Faults()
    definitions = load_definitions(Path("config"), faults)
    faults.check()
    assert len(definitions.sources) >= 300
    languages = {language for source in definitions.sources for language in source.names}
    assert languages >= {"ar", "fa", "tr", "ru", "en", "he", "ur", "ckb", "ku", "uk", "az", "fr", "de"}
    assert {"reuters", "tass", "sana", "irna", "anadolu", "namehnews"} <= {source.id for source in definitions.sources}
