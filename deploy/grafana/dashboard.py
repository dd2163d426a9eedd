"""Writes Grafana's dashboard, so that a panel is one line to add and the layout is nobody's work.

python -m deploy.grafana.dashboard            write deploy/grafana/dashboards/rasad.json
python -m deploy.grafana.dashboard --check    exit with 1 when it is stale
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

PATH = Path(__file__).parent / "dashboards" / "rasad.json"
DATA_SOURCE = {"type": "prometheus", "uid": "prometheus"}
_COLUMNS = 24


@dataclass(frozen=True)
class Panel:
    """One panel. `queries` are pairs of PromQL and legend; `unit` is one of Grafana's; `red_from` colours a stat."""

    title: str
    help: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: Literal["stat", "timeseries"] = "timeseries"
    stacked: bool = False
    red_from: float | None = None


def _stat(title: str, help: str, query: str, unit: str = "short", red_from: float | None = None) -> Panel:
    return Panel(title, help, ((query, ""),), unit, "stat", red_from=red_from)


def _quantiles(since: str) -> tuple[tuple[str, str], ...]:
    buckets = f'rasad_latency_seconds_bucket{{since="{since}", stage="index", instance=~"$instance"}}'
    return tuple(
        (f"histogram_quantile({share}, sum by (le) (rate({buckets}[$__rate_interval])))", f"{share:.0%} are faster")
        for share in (0.5, 0.95, 0.99)
    )


def _rate(metric: str, by: str, conditions: str = "") -> str:
    labels = ", ".join(filter(None, (conditions, 'instance=~"$instance"')))
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


_HERE = 'instance=~"$instance"'

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "At a glance",
        (
            _stat(
                "Articles a minute",
                "Articles that can be searched, by the minute.",
                f'60 * sum(rate(rasad_articles_total{{stage="index", {_HERE}}}[$__rate_interval]))',
            ),
            _stat(
                "Latency, 95 %",
                "From collected to searchable. The service level: 99 % within 30 s.",
                _quantiles("collected")[1][0],
                "s",
                30,
            ),
            _stat(
                "Failing feeds",
                "rasad feeds list --failing says why.",
                f'sum(rasad_feeds{{state="failing", {_HERE}}})',
                red_from=1,
            ),
            _stat(
                "Waiting records",
                "Lag over all channels.",
                f"sum(rasad_consumer_lag_records{{{_HERE}}})",
                red_from=1000,
            ),
            _stat(
                "In quarantine",
                "rasad quarantine list says why.",
                f"max(rasad_quarantine_records{{{_HERE}}})",
                red_from=1,
            ),
            _stat(
                "Halted stages",
                "Stages that Elasticsearch refuses: a person must act.",
                f"sum(rasad_stage_halted{{{_HERE}}})",
                red_from=1,
            ),
        ),
    ),
    (
        "News",
        (
            Panel(
                "Articles by language",
                "Articles that can be searched, a second.",
                ((_rate("rasad_articles_total", "language", 'stage="index"'), "{{language}}"),),
                "ops",
                stacked=True,
            ),
            Panel(
                "Articles by topic",
                "Articles labelled with a topic in the last hour.",
                ((f"sum by (topic) (increase(rasad_topic_articles_total{{{_HERE}}}[1h]))", "{{topic}}"),),
            ),
        ),
    ),
    (
        "Latency",
        (
            Panel("From collected to searchable", "", _quantiles("collected"), "s"),
            Panel("From published to searchable", "Only articles with a reliable date.", _quantiles("published"), "s"),
            Panel(
                "Share slower than 30 s",
                "The error budget is 1 %.",
                (("rasad:index_slow:ratio_rate5m", "5 minutes"), ("rasad:index_slow:ratio_rate1h", "1 hour")),
                "percentunit",
            ),
            Panel(
                "Time for one article by stage",
                "Mean processing time.",
                (
                    (
                        f"{_rate('rasad_stage_duration_seconds_sum', 'stage')}"
                        f" / {_rate('rasad_stage_duration_seconds_count', 'stage')}",
                        "{{stage}}",
                    ),
                ),
                "s",
            ),
        ),
    ),
    (
        "Collecting",
        (
            Panel("Polls by outcome", "", ((_rate("rasad_fetches_total", "outcome"), "{{outcome}}"),), "ops"),
            Panel("Entries by outcome", "", ((_rate("rasad_entries_total", "outcome"), "{{outcome}}"),), "ops"),
            Panel("Faults of entries", "", ((_rate("rasad_entry_faults_total", "cause"), "{{cause}}"),), "ops"),
            Panel(
                "Feeds by state",
                "",
                ((f"sum by (state) (rasad_feeds{{{_HERE}}})", "{{state}}"),),
                stacked=True,
            ),
            Panel(
                "Feeds with a problem",
                "One feed may have several; rasad feeds list --health names them.",
                ((f"sum by (problem) (rasad_feeds_with_problem{{{_HERE}}})", "{{problem}}"),),
            ),
            Panel(
                "Delay of entries",
                "Median over the feeds, from an entry's own time to being seen.",
                ((f"max(rasad_feeds_entry_delay_seconds{{{_HERE}}})", "delay"),),
                "s",
            ),
            Panel(
                "Time of a poll, 95 %",
                "From request to last byte.",
                (
                    (
                        f"histogram_quantile(0.95, {_rate('rasad_fetch_duration_seconds_bucket', 'le')})",
                        "95 % are faster",
                    ),
                ),
                "s",
            ),
            Panel("Article pages by outcome", "", ((_rate("rasad_pages_total", "outcome"), "{{outcome}}"),), "ops"),
        ),
    ),
    (
        "Processing",
        (
            Panel(
                "Lag by channel",
                "Records not yet processed.",
                ((f"sum by (channel) (rasad_consumer_lag_records{{{_HERE}}})", "{{channel}}"),),
            ),
            Panel(
                "Articles by stage",
                "Lines that part show where articles pile up.",
                ((_rate("rasad_articles_total", "stage"), "{{stage}}"),),
                "ops",
            ),
            Panel(
                "Documents by verdict of the store",
                "",
                ((_rate("rasad_bulk_items_total", "outcome"), "{{outcome}}"),),
                "ops",
            ),
            Panel(
                "Queues inside the processes",
                "",
                ((f"sum by (queue) (rasad_queue_depth{{{_HERE}}})", "{{queue}}"),),
            ),
            Panel(
                "Put into quarantine",
                "In the last hour.",
                (
                    (
                        f"sum by (stage, reason) (increase(rasad_quarantined_total{{{_HERE}}}[1h]))",
                        "{{stage}}: {{reason}}",
                    ),
                ),
            ),
            Panel("Memory", "", ((f"process_resident_memory_bytes{{{_HERE}}}", "{{instance}}"),), "bytes"),
            Panel(
                "Processor time",
                "1 is one core.",
                ((f"rate(process_cpu_seconds_total{{{_HERE}}}[$__rate_interval])", "{{instance}}"),),
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """Return the dashboard in Grafana's schema 39."""
    return {
        "uid": "rasad",
        "title": "Rasad",
        "description": "Written by `python -m deploy.grafana.dashboard`: change that, not this.",
        "tags": ["rasad"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {
            "list": [
                {
                    "name": "Firing alerts",
                    "datasource": DATA_SOURCE,
                    "enable": True,
                    "iconColor": "red",
                    "expr": 'ALERTS{alertname=~"Rasad.+", alertstate="firing"}',
                    "titleFormat": "{{alertname}}",
                    "textFormat": "{{severity}}",
                }
            ]
        },
        "templating": {
            "list": [
                {
                    "name": "instance",
                    "label": "Process",
                    "type": "query",
                    "datasource": DATA_SOURCE,
                    "definition": "label_values(rasad_build_info, instance)",
                    "query": {"qryType": 1, "query": "label_values(rasad_build_info, instance)", "refId": "instances"},
                    "includeAll": True,
                    "allValue": ".+",
                    "multi": True,
                    "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
                    "refresh": 2,
                    "sort": 1,
                }
            ]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterable[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
        }
        y += 1
        is_small = panels[0].kind == "stat"
        width, height = (_COLUMNS // len(panels), 4) if is_small else (_COLUMNS // 2, 8)
        x = 0
        for panel in panels:
            if x + width > _COLUMNS:
                x, y = 0, y + height
            number += 1
            yield {
                "id": number,
                **_panel(panel),
                "gridPos": {"x": x, "y": y, "w": width, "h": height},
            }
            x += width
        y += height


def _panel(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    options: dict[str, Any]
    if panel.kind == "stat":
        steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
        if panel.red_from is not None:
            steps.append({"color": "red", "value": panel.red_from})
        defaults |= {"thresholds": {"mode": "absolute", "steps": steps}, "decimals": 1 if panel.unit == "s" else 0}
        options = {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}
    else:
        stacking = {"mode": "normal" if panel.stacked else "none", "group": "A"}
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 30 if panel.stacked else 8, "stacking": stacking}
        options = {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": DATA_SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": DATA_SOURCE,
                "expr": expression,
                "legendFormat": legend or "__auto",
                "instant": panel.kind == "stat",
                "range": panel.kind != "stat",
            }
            for number, (expression, legend) in enumerate(panel.queries)
        ],
    }


def queries() -> list[tuple[str, str]]:
    """Return the title of each panel with each of its queries."""
    return [(panel.title, query) for _, panels in ROWS for panel in panels for query, _ in panel.queries]


def text() -> str:
    """Return the file."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or only compare it."""
    if "--check" in arguments:
        if not PATH.exists() or PATH.read_text(encoding="utf-8") != text():
            print(f"{PATH} is stale: run `make docs` and commit the result")
            return 1
        return 0
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
