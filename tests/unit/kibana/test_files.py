"""The files of deploy/kibana: whole, resolvable, and of fields that are there. Kibana itself cannot run here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent.kibana import boards, files, objects
from agent.kibana.fields import Fields, UnknownField
from streams.definitions import TopicDefinition

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "kibana"
NAMES = ("dashboards.ndjson", "topics.ndjson")
TOPICS = [TopicDefinition(id="a", name="A", query="x"), TopicDefinition(id="c", name="C", query="x", is_concept=True)]


def load(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    lines = [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]
    return lines[:-1], lines[-1]


def strings_in_json(value: Any) -> list[dict[str, Any]]:
    """Every object that is written as a string inside `value`, decoded."""
    found = []
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith("JSON") or key in ("fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters"):
                found.append(json.loads(item))
            found += strings_in_json(item)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_references_resolve_within_the_file_and_each_is_used(name: str) -> None:
    there, summary = load(name)
    ids = [(one["type"], one["id"]) for one in there]
    assert len(ids) == len(set(ids)) == summary["exportedCount"]
    assert summary["missingRefCount"] == 0 == summary["excludedObjectsCount"]
    for one in there:
        assert {(reference["type"], reference["id"]) for reference in one["references"]} <= set(ids), one["id"]
        names = [reference["name"] for reference in one["references"]]
        assert len(names) == len(set(names))
        assert set(names) == references_used(one), one["id"]


def references_used(one: dict[str, Any]) -> set[str]:
    attributes = one["attributes"]
    if one["type"] == "search":
        return {json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["indexRefName"]}
    if one["type"] == "lens":
        layers = attributes["state"]["datasourceStates"]["formBased"]["layers"]
        return {f"indexpattern-datasource-layer-{layer}" for layer in layers}
    if one["type"] == "dashboard":
        panels = json.loads(attributes["panelsJSON"])
        controls = json.loads(attributes["controlGroupInput"]["panelsJSON"])
        return {f"{p['panelIndex']}:{p['panelRefName']}" for p in panels} | {
            f"controlGroup_{control}:optionsListDataView" for control in controls
        }
    return set()


@pytest.mark.parametrize("name", NAMES)
def test_types_and_versions_are_those_that_kibana_9_exports(name: str) -> None:
    for one in load(name)[0]:
        assert set(one) == {
            *("attributes", "coreMigrationVersion", "id", "managed", "references", "type", "typeMigrationVersion")
        }
        assert one["typeMigrationVersion"] == objects.TYPE_VERSIONS[one["type"]]
        assert one["coreMigrationVersion"] == "8.8.0"
        assert one["attributes"]["title"].strip()
        strings_in_json(one["attributes"])


@pytest.mark.parametrize("name", NAMES)
def test_every_field_that_is_named_exists_in_the_mapping(name: str) -> None:
    by_view = {
        "rasad-articles": set(boards.article_fields()),
        "rasad-stories": set(boards.story_fields()),
        "rasad-trends": set(boards.trend_fields()),
        "rasad-alerts": set(boards.alert_fields()),
    }
    for one in load(name)[0]:
        views = {r["id"] for r in one["references"] if r["type"] == "index-pattern"} or {one["id"]}
        assert len(views) == 1
        assert named_fields(one) <= by_view[views.pop()], one["id"]


def named_fields(one: dict[str, Any]) -> set[str]:
    attributes, named = one["attributes"], set()
    if one["type"] == "index-pattern":
        named = set(json.loads(attributes["fieldAttrs"])) | set(json.loads(attributes["fieldFormatMap"]))
        named |= {entry["value"] for entry in json.loads(attributes["sourceFilters"])} | {attributes["timeFieldName"]}
    if one["type"] == "search":
        named = {*attributes["columns"], *(field for field, _ in attributes["sort"])}
        query = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
        named |= fields_of_kql(query)
    if one["type"] == "lens":
        for layer in attributes["state"]["datasourceStates"]["formBased"]["layers"].values():
            for column in layer["columns"].values():
                named |= {column["sourceField"]} | fields_of_kql(column.get("filter", {}).get("query", ""))
    if one["type"] == "dashboard":
        controls = json.loads(attributes["controlGroupInput"]["panelsJSON"])
        named = {control["explicitInput"]["fieldName"] for control in controls.values()}
    return named - {"___records___"}


def fields_of_kql(query: str) -> set[str]:
    return set(re.findall(r"([\w.@]+)\s*:", query))


def test_charts_name_only_columns_that_they_have() -> None:
    charts = [one for one in load("dashboards.ndjson")[0] if one["type"] == "lens"]
    assert len(charts) >= 12
    for chart in charts:
        state = chart["attributes"]["state"]
        (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
        assert sorted(layer["columns"]) == sorted(layer["columnOrder"])
        splits = [layer["columns"][name]["isBucketed"] for name in layer["columnOrder"]]
        assert splits == sorted(splits, reverse=True), "the splits come first"
        picture = json.dumps(state["visualization"])
        shown = set(re.findall(r'"(?:columnId|xAccessor|splitAccessor|metricAccessor)": "([^"]+)"', picture))
        for listed in re.findall(r'"accessors": \[([^\]]*)\]', picture):
            shown |= set(re.findall(r'"([^"]+)"', listed))
        assert shown == set(layer["columns"]), chart["id"]
        for column in layer["columns"].values():
            if column["operationType"] == "terms":
                assert column["params"]["orderBy"]["columnId"] in layer["columns"]


def test_dashboards_show_what_they_promise_and_nothing_overlaps() -> None:
    there = load("dashboards.ndjson")[0]
    boards_there = [one for one in there if one["type"] == "dashboard"]
    shown = {r["id"] for one in boards_there for r in one["references"] if r["type"] in ("lens", "search")}
    assert shown == {one["id"] for one in there if one["type"] in ("lens", "search")}
    promised = "volume-by-topic volume-by-language top-sources story-sizes latency spikes spike-list largest-stories alerts-over-time".split()
    assert {f"rasad-{name}" for name in promised} <= shown
    for board in boards_there:
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(board["attributes"]["panelsJSON"]):
            grid = panel["gridData"]
            cells = {
                (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
            }
            assert not cells & taken and max(x for x, _ in cells) < 48
            taken |= cells


def test_each_topic_has_its_search_and_concepts_have_none() -> None:
    made = boards.topic_searches("x", TOPICS)
    assert [one["id"] for one in made] == ["x-articles", "x-topic-a"]
    source = json.loads(made[1]["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["query"] == {"language": "kuery", "query": 'topics.id : "a"'}


def test_the_files_are_those_that_the_code_makes() -> None:
    assert files.main(["--check"]) == 0


def test_a_stale_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "_FOLDER", tmp_path)
    assert files.main(["--check"]) == 1 and "make docs" in capsys.readouterr().out
    assert files.main([]) == 0
    assert files.main(["--check"]) == 0
    (tmp_path / "topics.ndjson").write_text("{}\n", encoding="utf-8")
    assert files.main(["--check"]) == 1


def test_the_index_prefix_is_in_every_id_and_pattern() -> None:
    for text in files.contents("other", TOPICS).values():
        assert "rasad-" not in text and '"title":"other-articles-*"' in text


@pytest.mark.parametrize(
    ("field", "kind"),
    [("topics.id", "string"), ("@timestamp", "date"), ("wire_copy", "boolean"), ("similarity", "number")],
)
def test_fields_that_can_be_counted(field: str, kind: str) -> None:
    assert boards.article_fields().countable(field) == kind


@pytest.mark.parametrize("field", ["no_such_field", "title", "topics.spans", "image_url", "topics"])
def test_a_chart_of_what_is_not_there_cannot_be_made(field: str) -> None:
    with pytest.raises(UnknownField):
        objects.Columns(boards.article_fields()).distinct(field, "x")


def test_an_alias_has_the_type_of_what_it_stands_for() -> None:
    fields = Fields({"a": {"type": "date"}, "b": {"properties": {"c": {"type": "alias", "path": "a"}}}})
    assert fields.type_of("b.c") == "date"
