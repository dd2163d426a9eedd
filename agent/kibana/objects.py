"""Saved objects in the shape in which Kibana 9 exports them: data view, saved search, Lens chart, dashboard.

The versions are those that Kibana 9.0 writes; a newer one migrates them when it imports, an older one refuses them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.kibana.fields import Fields

CORE_VERSION = "8.8.0"
TYPE_VERSIONS = {"index-pattern": "8.0.0", "search": "10.5.0", "lens": "8.9.0", "dashboard": "10.3.0"}
_LAYER = "articles"
_RECORDS = "___records___"
_GRID_COLUMNS = 48

SavedObject = dict[str, Any]


class Column(Struct, frozen=True):
    """One column of a chart: an operation of Lens, and whether it splits the documents or measures them."""

    name: str
    spec: dict[str, Any]

    @property
    def splits(self) -> bool:
        """True where each value of it is a group of documents."""
        return bool(self.spec["isBucketed"])


class Columns:
    """Makes the columns of charts on one mapping; a field that is not there is an error of the code."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def count(self, label: str, *, only: str = "", earlier: str = "") -> Column:
        """Documents; `only`: those of a KQL query; `earlier`: those of as long a time before (`1w`)."""
        name = "count" + ("_" + earlier if earlier else "") + ("_" + label.lower().replace(" ", "_") if only else "")
        return Column(name, _measure("count", _RECORDS, label, "number") | _extra(only, earlier))

    def distinct(self, field: str, label: str) -> Column:
        """Different values of a field."""
        self._fields.countable(field)
        return Column(f"distinct_{_safe(field)}", _measure("unique_count", field, label, "number"))

    def percentile(self, field: str, percent: int, label: str) -> Column:
        """The value that `percent` of the documents do not exceed."""
        kind = self._fields.countable(field)
        spec = _measure("percentile", field, label, kind)
        return Column(f"p{percent}_{_safe(field)}", spec | {"params": {"percentile": percent}})

    def last(self, field: str, label: str) -> Column:
        """The latest value of a date."""
        kind = self._fields.countable(field)
        return Column(f"last_{_safe(field)}", _measure("max", field, label, kind))

    def largest(self, field: str, label: str) -> Column:
        """The largest value of a number."""
        kind = self._fields.countable(field)
        return Column(f"max_{_safe(field)}", _measure("max", field, label, kind))

    def times(self, field: str = "@timestamp") -> Column:
        """By time, in steps that fit the range that is looked at."""
        self._fields.countable(field)
        params = {"interval": "auto", "includeEmptyRows": True, "dropPartials": False}
        spec = {"label": "Time", "dataType": "date", "operationType": "date_histogram", "sourceField": field}
        return Column("time", spec | {"isBucketed": True, "scale": "interval", "params": params})

    def top(self, field: str, label: str, by: Column, *, size: int = 10, other: bool = True) -> Column:
        """The values of a field with the most of `by`."""
        params = {
            "size": size,
            "orderBy": {"type": "column", "columnId": by.name},
            "orderDirection": "desc",
            "otherBucket": other,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
            "include": [],
            "exclude": [],
            "includeIsRegex": False,
            "excludeIsRegex": False,
        }
        spec = {"label": label, "customLabel": True, "dataType": self._fields.countable(field), "sourceField": field}
        kind = {"operationType": "terms", "isBucketed": True, "scale": "ordinal", "params": params}
        return Column(f"top_{_safe(field)}", spec | kind)


def data_view(
    id: str,
    pattern: str,
    name: str,
    labels: Mapping[str, str],
    *,
    hidden: Iterable[str] = (),
    links: Iterable[str] = (),
) -> SavedObject:
    """Return a data view of the indices that fit `pattern`, ordered by `@timestamp`; `links` are fields to click."""
    attributes = {
        "title": pattern,
        "name": name,
        "timeFieldName": "@timestamp",
        "allowHidden": False,
        "fieldAttrs": _json({field: {"customLabel": label} for field, label in labels.items()}),
        "fieldFormatMap": _json({field: {"id": "url", "params": {"labelTemplate": "{{value}}"}} for field in links}),
        "fields": "[]",
        "runtimeFieldMap": "{}",
        "sourceFilters": _json([{"value": field} for field in hidden]),
    }
    return _object("index-pattern", id, attributes, [])


def saved_search(id: str, title: str, description: str, view: str, query: str, columns: Sequence[str]) -> SavedObject:
    """Return a search in Discover: `query` in KQL, newest first."""
    name = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"query": _kql(query), "filter": [], "indexRefName": name}
    attributes = {
        "title": title,
        "description": description,
        "columns": list(columns),
        "sort": [["@timestamp", "desc"]],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "timeRestore": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": _json(source)},
    }
    return _object("search", id, attributes, [_reference("index-pattern", view, name)])


def lines(id: str, title: str, view: str, columns: Sequence[Column], *, kind: str = "bar_stacked") -> SavedObject:
    """Return a chart over time or over groups: the first split is the axis, a second one the colour."""
    splits = [column.name for column in columns if column.splits]
    layer = {
        "layerId": _LAYER,
        "layerType": "data",
        "seriesType": kind,
        "position": "top",
        "showGridlines": False,
        "xAccessor": splits[0],
        "accessors": [column.name for column in columns if not column.splits],
        **({"splitAccessor": splits[1]} if len(splits) > 1 else {}),
    }
    picture = {
        "legend": {"isVisible": True, "position": "right"},
        "valueLabels": "hide",
        "preferredSeriesType": kind,
        "layers": [layer],
    }
    return _lens(id, title, "lnsXY", view, columns, picture)


def table(id: str, title: str, view: str, columns: Sequence[Column]) -> SavedObject:
    """Return a table, one row for each value of the splits."""
    shown = [{"columnId": column.name, "isTransposed": False} for column in columns]
    picture = {"layerId": _LAYER, "layerType": "data", "columns": shown, "paging": {"size": 10, "enabled": True}}
    return _lens(id, title, "lnsDatatable", view, columns, picture)


def number(id: str, title: str, view: str, column: Column) -> SavedObject:
    """Return one large number."""
    picture = {"layerId": _LAYER, "layerType": "data", "metricAccessor": column.name}
    return _lens(id, title, "lnsMetric", view, [column], picture)


def dashboard(
    id: str, title: str, description: str, view: str, rows: Sequence[Sequence[SavedObject]], controls: Mapping[str, str]
) -> SavedObject:
    """Return a dashboard of charts in rows, with a list to choose from for each field of `controls` (by label)."""
    panels: list[dict[str, Any]] = []
    references: list[dict[str, str]] = []
    y = 0
    for row in rows:
        width, height = _GRID_COLUMNS // len(row), 6 if all(_is_number(chart) for chart in row) else 15
        for place, chart in enumerate(row):
            index = f"p{len(panels)}"
            grid = {"x": place * width, "y": y, "w": width, "h": height, "i": index}
            panels.append(
                {
                    "type": chart["type"],
                    "gridData": grid,
                    "panelIndex": index,
                    "embeddableConfig": {"enhancements": {}},
                    "panelRefName": f"panel_{index}",
                }
            )
            references.append(_reference(chart["type"], chart["id"], f"{index}:panel_{index}"))
        y += height
    chosen = {}
    for order, (field, label) in enumerate(controls.items()):
        name = _safe(field)
        entered = {"id": name, "fieldName": field, "title": label, "selectedOptions": [], "enhancements": {}}
        shape = {"type": "optionsListControl", "order": order, "grow": True, "width": "medium"}
        chosen[name] = {**shape, "explicitInput": entered}
        references.append(_reference("index-pattern", view, f"controlGroup_{name}:optionsListDataView"))
    attributes = {
        "title": title,
        "description": description,
        "panelsJSON": _json(panels),
        "optionsJSON": _json({"useMargins": True, "syncColors": True, "syncCursor": True, "syncTooltips": False}),
        "controlGroupInput": {
            "chainingSystem": "HIERARCHICAL",
            "controlStyle": "oneLine",
            "ignoreParentSettingsJSON": _json({"ignoreFilters": False, "ignoreQuery": False}),
            "panelsJSON": _json(chosen),
        },
        "timeRestore": True,
        "timeFrom": "now-7d",
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": 60_000},
        "kibanaSavedObjectMeta": {"searchSourceJSON": _json({"query": _kql(""), "filter": []})},
    }
    return _object("dashboard", id, attributes, references)


def export(objects: Sequence[SavedObject]) -> str:
    """Return the file that Kibana would export: one object a line, and a line about them all."""
    summary = {
        "excludedObjects": [],
        "excludedObjectsCount": 0,
        "exportedCount": len(objects),
        "missingRefCount": 0,
        "missingReferences": [],
    }
    return "".join(_json(line) + "\n" for line in [*objects, summary])


def _lens(id: str, title: str, kind: str, view: str, columns: Sequence[Column], picture: dict[str, Any]) -> SavedObject:
    # Lens wants the splits first, the outermost first.
    ordered = [column for column in columns if column.splits] + [column for column in columns if not column.splits]
    layer = {
        "columns": {column.name: column.spec for column in ordered},
        "columnOrder": [column.name for column in ordered],
        "incompleteColumns": {},
        "sampling": 1,
    }
    state = {
        "visualization": picture,
        "query": _kql(""),
        "filters": [],
        "datasourceStates": {"formBased": {"layers": {_LAYER: layer}}, "textBased": {"layers": {}}},
        "internalReferences": [],
        "adHocDataViews": {},
    }
    attributes = {"title": title, "description": "", "visualizationType": kind, "state": state}
    return _object(
        "lens", id, attributes, [_reference("index-pattern", view, f"indexpattern-datasource-layer-{_LAYER}")]
    )


def _is_number(chart: SavedObject) -> bool:
    return bool(chart["attributes"].get("visualizationType") == "lnsMetric")


def _object(kind: str, id: str, attributes: dict[str, Any], references: list[dict[str, str]]) -> SavedObject:
    return {
        "attributes": attributes,
        "coreMigrationVersion": CORE_VERSION,
        "id": id,
        "managed": False,
        "references": references,
        "type": kind,
        "typeMigrationVersion": TYPE_VERSIONS[kind],
    }


def _reference(kind: str, id: str, name: str) -> dict[str, str]:
    return {"id": id, "name": name, "type": kind}


def _measure(operation: str, field: str, label: str, kind: str) -> dict[str, Any]:
    return {
        "label": label,
        "customLabel": True,
        "dataType": kind,
        "operationType": operation,
        "sourceField": field,
        "isBucketed": False,
        "scale": "ratio",
        "params": {"emptyAsNull": True},
    }


def _extra(only: str, earlier: str) -> dict[str, Any]:
    return ({"filter": _kql(only)} if only else {}) | ({"timeShift": earlier} if earlier else {})


def _kql(query: str) -> dict[str, str]:
    return {"language": "kuery", "query": query}


def _safe(field: str) -> str:
    return field.replace(".", "_").replace("@", "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
