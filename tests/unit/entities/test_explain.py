"""What `rasad entities` shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.commands.entities import command
from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer
from streams.entities.explain import explain
from streams.entities.spell import LANGUAGES, spell
from streams.text.document import Document

SHOIGU = EntityDefinition(
    id="sergei-shoigu", kind="person", country="RU", names={"en": ("Sergei Shoigu",), "ar": ("سيرغي شويغو",)}
)


def test_every_surface_shown_is_recognized() -> None:
    recognizer = EntityRecognizer([SHOIGU])
    explanation = explain(SHOIGU)
    assert set(explanation.surfaces) == set(LANGUAGES)
    for language, surfaces in explanation.surfaces.items():
        for surface in surfaces:
            labels = recognizer.recognize(Document.of("", surface.surface, language))
            assert [label.id for label in labels] == ["sergei-shoigu"], surface


@pytest.mark.parametrize(
    ("language", "surface"),
    [("ar", "سيرغي شويغو"), ("ru", "Сергеи Шоигу"), ("fa", "سرگی شویگو"), ("ru", "Сергей Шойгу")],
)
def test_usual_spellings_are_among_them(language: str, surface: str) -> None:
    recognizer = EntityRecognizer([SHOIGU])
    assert recognizer.recognize(Document.of("", surface, language))


def test_why_and_keys_are_told() -> None:
    surfaces = {surface.surface: surface for found in explain(SHOIGU).surfaces.values() for surface in found}
    assert surfaces["سيرغي شويغو"].why == "listed"
    assert surfaces["وسيرغي شويغو"].why == "with an ending"
    by_sound = [surface for surface in surfaces.values() if surface.why == "by sound"]
    assert len(by_sound) > 20
    assert all(len(surface.keys) == 2 and all(surface.keys) for surface in by_sound)
    assert any("Shoigu" in line for line in explain(SHOIGU).alone)


def test_a_country_shows_its_names_and_people() -> None:
    turkey = EntityDefinition(
        id="turkey",
        kind="country",
        country="TR",
        names={"en": ("Turkey",)},
        demonyms={"ar": ("تركي",)},
        near=("Ankara",),
    )
    explanation = explain(turkey)
    why = {surface.surface: surface.why for found in explanation.surfaces.values() for surface in found}
    assert why["Turkey"] == "listed"
    assert why["ترکیه"] == "CLDR"
    assert why["تركية"] == "demonym"
    assert explanation.near == ("Ankara",)


@pytest.mark.parametrize("language", LANGUAGES)
def test_any_word_can_be_spelled(language: str) -> None:
    for word, written_in in [("Shoigu", "en"), ("شويغو", "ar"), ("Çavuşoğlu", "tr"), ("", "en"), ("習", "zh")]:
        spelled = spell(word, written_in, language)
        assert len(spelled) == len(set(spelled))
        assert (spelled != []) == bool(word.strip("習"))


def test_spelling_in_an_unknown_language_is_refused() -> None:
    with pytest.raises(KeyError):
        spell("Shoigu", "en", "xx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    entities = tmp_path / "entities"
    entities.mkdir()
    (entities / "two.yaml").write_text(
        "entities:\n"
        "  - {id: sergei-shoigu, kind: person, country: RU, names: {en: [Sergei Shoigu], ar: [سيرغي شويغو]}}\n"
        "  - {id: damascus, kind: place, names: {en: [Damascus], ar: [دمشق]}}\n",
        encoding="utf-8",
    )
    (tmp_path / "rasad.yaml").write_text("{}\n", encoding="utf-8")
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list(folder: Path) -> None:
    shown = run("list", "--config", str(folder))
    assert "sergei-shoigu" in shown and "2 entities" in shown
    rows = [json.loads(line) for line in run("list", "--config", str(folder), "--json").splitlines()]
    assert [row["id"] for row in rows] == ["sergei-shoigu", "damascus"]
    only = run("list", "--config", str(folder), "--kind", "place", "--json")
    assert [json.loads(line)["id"] for line in only.splitlines()] == ["damascus"]


@pytest.mark.parametrize("name", ["sergei-shoigu", "Sergei Shoigu", "سيرغي شويغو"])
def test_explain_by_id_or_name(folder: Path, name: str) -> None:
    found = json.loads(run("explain", name, "--config", str(folder), "--json"))
    assert found["id"] == "sergei-shoigu"
    assert any(surface["surface"] == "سيرغي شويغو" for surface in found["surfaces"]["ar"])


def test_explain_a_name_that_is_not_defined(folder: Path) -> None:
    shown = run("explain", "Ilham Aliyev", "--arabic", "إلهام علييف", "--config", str(folder))
    assert "not defined" in shown and "إلهام علييف" in shown
    found = json.loads(run("explain", "Реджеп Эрдоган", "--config", str(folder), "--json"))
    assert found["id"] == "new" and found["surfaces"]["ru"][0]["why"] == "listed"


def test_a_fault_in_an_entity_is_told_with_its_line(folder: Path) -> None:
    from agent.errors import ConfigError

    (folder / "entities" / "bad.yaml").write_text("entities:\n  - {id: Bad Id, kind: person, names: {}}\n", "utf-8")
    with pytest.raises(ConfigError, match=r"bad\.yaml:2"):
        run("list", "--config", str(folder))
