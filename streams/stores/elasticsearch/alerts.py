"""The index of the alerts: one document an alert, for searching and for Kibana. What decides is elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from streams import codec
from streams.alerts.records import Alert
from streams.stores.elasticsearch.bulk import Item
from streams.stores.elasticsearch.options import ElasticsearchOptions
from streams.stores.records import microseconds

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
_DATE = {"type": "date"}
_INTEGER = {"type": "integer"}
_KEPT = {"type": "object", "enabled": False}
MAPPINGS: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {
        "@timestamp": {"type": "alias", "path": "created_at"},
        "schema": {"type": "short"},
        "alert_id": _KEYWORD,
        "rule_id": _KEYWORD,
        "rule_name": _KEYWORD,
        "severity": _KEYWORD,
        "reasons": _KEYWORD,
        "created_at": _DATE,
        "query": _KEPT,
        "channels": _KEYWORD,
        "schedule": _KEPT,
        "story_id": _KEYWORD,
        "story": {
            "properties": {
                "articles": _INTEGER,
                "copies": _INTEGER,
                "sources": _INTEGER,
                "independent_sources": _INTEGER,
                "languages": _KEYWORD,
                "countries": _KEYWORD,
            }
        },
        "article": {
            "properties": {
                "article_id": _KEYWORD,
                "revision": _INTEGER,
                "title": {"type": "text"},
                "url": _KEYWORD,
                "language": _KEYWORD,
                "source_id": _KEYWORD,
                "source_name": _KEYWORD,
                "country": _KEYWORD,
                "ownership": _KEYWORD,
                "published_at": _DATE,
                "topics": _KEYWORD,
                "entities": _KEYWORD,
            }
        },
        "score": {"type": "double"},
        "excerpts": {
            "properties": {
                "field": _KEYWORD,
                "text": {"type": "text"},
                "highlights": _KEPT,
                "is_cut_before": {"type": "boolean"},
                "is_cut_after": {"type": "boolean"},
            }
        },
        "lineage": _KEYWORD,
        "trend": {
            "properties": {
                "kind": _KEYWORD,
                "series_kind": _KEYWORD,
                "series_value": _KEYWORD,
                "term": _KEYWORD,
                "hour": _DATE,
                "seen": _INTEGER,
                "expected": {"type": "double"},
                "tolerance": {"type": "double"},
                "sources": _INTEGER,
            }
        },
    },
}


def alert_items(alerts: Sequence[Alert], options: ElasticsearchOptions) -> list[Item]:
    """Return what the bulk loop is to send."""
    by_id = {alert.alert_id: alert for alert in alerts}
    return [
        Item(options.alerts_index, alert.alert_id, microseconds(alert.created_at), partial(codec.encode, alert))
        for alert in by_id.values()
    ]
