"""The OpenAPI 3.1 description of the JSON API, from the records themselves."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import msgspec

from agent import __version__
from agent.feed_check.report import FeedRow
from agent.web.bodies import SearchBody
from agent.web.complete import Completions
from agent.web.forms import MOST_ARTICLES, MOST_EXPORTED, PAGE_SIZE
from streams.definitions import TopicDefinition
from streams.model import Article, Ownership
from streams.stores.base import Summary
from streams.stories.documents import StoryDocument

_REF = "#/components/schemas/{name}"
_TEXT = {"type": "string"}


@cache
def document() -> dict[str, Any]:
    """Return the description."""
    from agent.web.system_pages import SystemState

    types = (Article, Completions, FeedRow, SearchBody, StoryDocument, Summary, SystemState, TopicDefinition)
    shapes, components = msgspec.json.schema_components(types, ref_template=_REF)
    article, completions, row, search, story, summary, system, topic = shapes
    components["Error"] = {
        "type": "object",
        "required": ["error", "status"],
        "properties": {
            "error": _TEXT,
            "status": {"type": "integer"},
            "column": {"type": "integer", "description": "of a faulty query, from 1, in code points"},
            "field": {"type": "string", "description": "the parameter that cannot be understood"},
        },
    }
    listed = {
        "feeds": _object(feeds=_array(row), fault=_TEXT),
        "stories": _object(stories=_array(story), is_complete={"type": "boolean"}),
        "topics": _object(topics=_array(topic)),
    }
    filters = _filters(MOST_ARTICLES)
    paths = {
        "/api/v1/search": _get("Articles that match", search, filters),
        "/api/v1/summary": _get("Facets and volume of what matches", summary, filters),
        "/api/v1/articles/{article_id}": _get("One article", article, [_in_path("article_id")]),
        "/api/v1/stories": _get("Stories of the newest articles that match", listed["stories"], filters),
        "/api/v1/stories/{story_id}": _get("One story", story, [_in_path("story_id")]),
        "/api/v1/topics": _get("Topics", listed["topics"], []),
        "/api/v1/feeds": _get("Feeds, and how they do", listed["feeds"], []),
        "/api/v1/system": _get("How the system does", system, []),
        "/api/v1/complete": _get(
            "What can stand at a place of a query",
            completions,
            [_parameter("q", _TEXT, "the query"), _parameter("at", {"type": "integer", "minimum": 0}, "code points")],
        ),
    }
    for kind, media in (("csv", "text/csv"), ("jsonl", "application/x-ndjson"), ("rss", "application/rss+xml")):
        paths[f"/export.{kind}"] = _get(f"Search results as {kind}", _TEXT, _filters(MOST_EXPORTED), media)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rasad",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
        "security": [{}, {"basic": []}],
    }


def _filters(most: int) -> list[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": most, "default": PAGE_SIZE}
    return [
        _parameter("q", _TEXT, "in the query language (docs/query-language.md)"),
        _parameter("since", _TEXT, "not before: 2h, 3d, 2w (ago), 2023-04-25, or ISO 8601; UTC"),
        _parameter("until", _TEXT, "before; a day alone is included"),
        _parameter("topic", _TEXT, "id of a topic"),
        _parameter("lang", _TEXT, "BCP 47; a bare language stands for its variants"),
        _parameter("source", _TEXT, "id of a source, or its name"),
        _parameter("country", _TEXT, "ISO 3166-1 alpha-2, of the outlet"),
        _parameter("ownership", {"type": "string", "enum": list(get_args(Ownership))}, "of the outlet"),
        _parameter("order", {"type": "string", "enum": ["newest", "score"], "default": "newest"}, "best first: score"),
        _parameter("limit", limit, "most articles"),
    ]


def _get(
    summary: str, shape: dict[str, Any], parameters: list[dict[str, Any]], media: str = "application/json"
) -> dict[str, Any]:
    error = {
        "description": "what is wrong",
        "content": {"application/json": {"schema": {"$ref": _REF.format(name="Error")}}},
    }
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": summary, "content": {media: {"schema": shape}}},
                "400": error, "401": error, "404": error, "503": error,
            },
        }
    }  # fmt: skip


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}
