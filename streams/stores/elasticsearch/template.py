"""The index template: what every monthly index looks like.

Strict: a field that is not listed here is a fault of ours, seen at once, and not a mapping that grows until the
cluster breaks. Analysis is of stock components only (docs/decisions/0042); field names are those of the records, with
ECS names where ECS has the same thing (`@timestamp`, `url.*`, `event.created`, `event.ingested`, `tags`).
"""

from __future__ import annotations

from typing import Any

from streams.stores.elasticsearch import alerts, stories, trends
from streams.stores.elasticsearch.options import ElasticsearchOptions

TEMPLATE_VERSION = 3
MAX_KEYWORD_LENGTH = 1024
"""Code points. A longer value is kept but not indexed: Lucene would refuse the whole article for a term beyond 32,766
bytes."""

_KEYWORD = {"type": "keyword", "ignore_above": MAX_KEYWORD_LENGTH}
_TEXT = {"type": "text", "analyzer": "news"}
_DATE = {"type": "date"}
_KEPT = {"type": "object", "enabled": False}
_UNINDEXED = {"type": "keyword", "index": False, "doc_values": False}

_ANALYSIS: dict[str, Any] = {
    "char_filter": {
        # Persian and Urdu join and part words with it, each writer in his own way; diacritics and tatweel are taken by
        # the normalization filters.
        "unjoin": {"type": "mapping", "mappings": ["\\u200C=>\\u0020", "\\u2019=>'", "\\u02BC=>'"]},
    },
    "filter": {
        # Turkish, Kurdish, Azerbaijani case endings, and the English genitive: Türkiye'nin, Ankara'da, Syria's.
        "suffix_after_apostrophe": {
            "type": "pattern_replace",
            "pattern": (
                "(?<=\\p{L}{2})'(?:s|n?[ıiuü]n|[nsy]?[aeıiuü]|n?[dt][ae](?:n|ki.*)?|y?l[ae]|l[ae]r.*|c[ae]|l[ıiuü].*|s[ıiuü]z)$"
            ),
            "replacement": "",
        },
        # The article, with the conjunctions and prepositions that are written with it: والتطبيع, بالتطبيع, للتطبيع.
        "arabic_article": {
            "type": "pattern_replace",
            "pattern": "^(?:[وف]?[بك]?ال|[وف]?لل)(?=\\p{InArabic}{3})",
            "replacement": "",
        },
    },
    "analyzer": {
        "news": {
            "type": "custom",
            "char_filter": ["unjoin"],
            "tokenizer": "standard",
            "filter": [
                "lowercase",
                "decimal_digit",
                "suffix_after_apostrophe",
                "arabic_normalization",
                "persian_normalization",
                "arabic_article",
                "asciifolding",
            ],
        },
        # One key a line (streams.stores.keys); nothing in a key is to be split or folded again.
        "keys": {"type": "custom", "tokenizer": "whitespace"},
    },
}

_PROPERTIES: dict[str, Any] = {
    "@timestamp": _DATE,
    "schema": {"type": "short"},
    "article_id": {"type": "keyword"},
    "revision": {"type": "integer"},
    "url": {"properties": {"original": _KEYWORD, "full": _KEYWORD, "domain": _KEYWORD}},
    "guid": _KEYWORD,
    "feed_url": _KEYWORD,
    "source_id": _KEYWORD,
    "source_name": _KEYWORD,
    "country": _KEYWORD,
    "ownership": _KEYWORD,
    "title": _TEXT,
    "text": _TEXT,
    "text_origin": _KEYWORD,
    "authors": _KEYWORD,
    "tags": _KEYWORD,
    "image_url": _UNINDEXED,
    "published_at": _DATE,
    "modified_at": _DATE,
    "date_is_reliable": {"type": "boolean"},
    "collected_at": _DATE,
    "declared_language": _KEYWORD,
    "is_backfill": {"type": "boolean"},
    # JSON in a string: whatever depth, size and keys a user's field has, it is not Elasticsearch's to judge.
    "extra": _UNINDEXED,
    "language": _KEYWORD,
    "language_score": {"type": "double"},
    "topics": {"properties": {"id": _KEYWORD, "score": {"type": "double"}, "spans": _KEPT}},
    "entities": {"properties": {"id": _KEYWORD, "kind": _KEYWORD, "mentions": _KEPT}},
    "attribution": {"properties": {"name": _KEYWORD, "source_id": _KEYWORD, "span": _KEPT, "chain": {"type": "byte"}}},
    "event_dates": {"properties": {"first": _DATE, "last": _DATE, "is_inferred": {"type": "boolean"}, "spans": _KEPT}},
    "frames": {"properties": {"id": _KEYWORD, "group": _KEYWORD, "spans": _KEPT}},
    "enriched_at": _DATE,
    "near_duplicate_of": {"type": "keyword"},
    "similarity": {"type": "double"},
    "wire_copy": {"type": "boolean"},
    "story_id": _KEYWORD,
    "story_links": {"properties": {"kind": _KEYWORD, "weight": {"type": "double"}, "detail": _KEYWORD}},
    "story_changes": {
        "properties": {
            "kind": _KEYWORD,
            "story_id": _KEYWORD,
            "into": _KEYWORD,
            "articles": _KEYWORD,
            "evidence": _KEPT,
            "decided_at": _DATE,
        }
    },
    "storied_at": _DATE,
    "indexed_at": _DATE,
    # Worked out here, because a cluster need not have scripts: from collected to indexed, of news and not of backfills.
    "latency_seconds": {"type": "double"},
    "event": {
        "properties": {
            "created": {"type": "alias", "path": "collected_at"},
            "ingested": {"type": "alias", "path": "indexed_at"},
        }
    },
    # What Rasad's own searches draw their candidates from. Whether a key is there is all that is asked.
    "match_terms": {"type": "text", "analyzer": "keys", "index_options": "docs", "norms": False},
}


def mappings() -> dict[str, Any]:
    """Return the mappings of an article index."""
    return {"dynamic": "strict", "_meta": {"rasad_template_version": TEMPLATE_VERSION}, "properties": _PROPERTIES}


def index_template(options: ElasticsearchOptions, *, lifecycle: bool) -> dict[str, Any]:
    """Return the body of the index template; `lifecycle` puts its indices under the policy of the same name."""
    settings: dict[str, Any] = {
        "number_of_shards": options.shards,
        "number_of_replicas": options.replicas,
        # What a bare word in Kibana's search bar looks into.
        "query": {"default_field": ["title", "text"]},
        "analysis": _ANALYSIS,
    }
    if lifecycle:
        settings["lifecycle"] = {"name": options.template_name}
    return {
        "index_patterns": [options.index_pattern],
        # Above the templates that a stock cluster brings along.
        "priority": 500,
        "version": TEMPLATE_VERSION,
        "_meta": {"description": "Articles of Rasad, one index a month", "managed_by": "rasad admin init"},
        "template": {"settings": {"index": settings}, "mappings": mappings()},
    }


def side_templates(options: ElasticsearchOptions) -> dict[str, dict[str, Any]]:
    """Return the bodies of the templates of the indices beside the articles, by name, which is that of the index."""
    settings = {"number_of_shards": 1, "number_of_replicas": options.replicas}
    mappings_by_index = {
        options.stories_index: stories.MAPPINGS,
        options.trends_index: trends.MAPPINGS,
        options.alerts_index: alerts.MAPPINGS,
    }
    return {
        name: {
            "index_patterns": [name],
            "priority": 500,
            "version": TEMPLATE_VERSION,
            "_meta": {"description": "What Rasad found out about the articles", "managed_by": "rasad admin init"},
            "template": {"settings": {"index": settings}, "mappings": found},
        }
        for name, found in mappings_by_index.items()
    }


def lifecycle_policy(retain_months: int) -> dict[str, Any]:
    """Return a life-cycle policy that deletes an index when its last day is `retain_months` behind."""
    days = (retain_months + 1) * 31
    return {"phases": {"hot": {"actions": {}}, "delete": {"min_age": f"{days}d", "actions": {"delete": {}}}}}
