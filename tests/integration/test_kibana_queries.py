"""Every chart of deploy/kibana as the aggregations that Kibana would send, asked of a real Elasticsearch node.

The node has the template, and articles in several languages and weeks; a chart that finds nothing in them names the
wrong field, or a field that cannot be counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from elasticsearch import Elasticsearch as Client

from agent.admin_index import install_templates
from agent.kibana import boards
from agent.open_store import elasticsearch_options
from agent.settings import ElasticsearchSettings, Settings
from deploy.dev.services import Elasticsearch
from streams.definitions import TopicDefinition
from streams.stores.elasticsearch import ElasticsearchStore
from streams.trends.records import Series, Trend
from tests.contract.articles import BASE, full_article, make_article
from tests.unit.web.test_alert_pages import ON_STORY, ON_TREND

pytestmark = pytest.mark.services

PREFIX = "kibana"
CHARTS = [one for one in boards.article_dashboards(PREFIX) if one["type"] == "lens"]
SEARCHES = [
    one
    for one in boards.topic_searches(PREFIX, [TopicDefinition(id="syria-turkey-normalization", name="x", query="x")])
    if one["type"] == "search"
]


TRENDS = [
    Trend(
        trend_id=f"{number:032x}",
        kind="spike",
        series=Series(kind="topic", value="syria-turkey-normalization"),
        hour=BASE,
        seen=40 + number,
        expected=4.5,
        tolerance=6.0,
        found_at=BASE,
    )
    for number in range(3)
]


def index_of(settings: Settings, chart: dict[str, Any]) -> str:
    """The index that a chart's data view names, for this test's prefix."""
    kind = chart["references"][0]["id"].removeprefix(f"{PREFIX}-")
    return f"{settings.elasticsearch.index_prefix}-{kind}" + ("-*" if kind == "articles" else "")


@pytest.fixture(scope="module")
def settings(elasticsearch: Elasticsearch) -> Settings:
    import uuid

    prefix = f"kibana-{uuid.uuid4().hex[:12]}"
    return Settings(elasticsearch=ElasticsearchSettings(url=elasticsearch.url, index_prefix=prefix))


@pytest.fixture(scope="module")
def client(elasticsearch: Elasticsearch, settings: Settings) -> Iterator[Client]:
    import asyncio

    install_templates(settings)
    full = msgspec.structs.replace(full_article(), is_backfill=False)
    articles = [
        msgspec.structs.replace(
            full,
            article_id=f"{number:032x}",
            language=("ar", "fa", "en")[number % 3],
            published_at=BASE - timedelta(days=number),
            date_is_reliable=number % 5 > 0,
            near_duplicate_of=None if number % 2 else "0" * 32,
        )
        for number in range(21)
    ]

    async def write() -> None:
        store = ElasticsearchStore(elasticsearch_options(settings))
        await store.write([*articles, make_article(99)])
        await store.write_trends(TRENDS)
        assert (
            await store.write_alerts([ON_STORY, msgspec.structs.replace(ON_STORY, alert_id="e" * 32), ON_TREND]) == []
        )
        await store.close()

    asyncio.run(write())
    client = Client(elasticsearch.url)
    client.indices.refresh(index=f"{settings.elasticsearch.index_prefix}-*")
    yield client
    client.close()


def aggregations(chart: dict[str, Any]) -> dict[str, Any]:
    """Return the request that Lens makes of the chart's columns: splits within one another, the measures innermost."""
    (layer,) = chart["attributes"]["state"]["datasourceStates"]["formBased"]["layers"].values()
    columns = layer["columns"]
    measures: dict[str, Any] = {}
    for name, column in columns.items():
        if not column["isBucketed"]:
            measures |= measure(name, column)
    inner = measures
    for name in reversed(layer["columnOrder"]):
        if columns[name]["isBucketed"]:
            inner = {name: {**split(columns[name], columns), "aggs": inner}}
    return inner


def measure(name: str, column: dict[str, Any]) -> dict[str, Any]:
    field = column["sourceField"]
    match column["operationType"]:
        case "count":
            found: dict[str, Any] = {"filter": {"match_all": {}}}
        case "unique_count":
            found = {"cardinality": {"field": field}}
        case "percentile":
            found = {"percentiles": {"field": field, "percents": [column["params"]["percentile"]]}}
        case "max":
            found = {"max": {"field": field}}
    if query := column.get("filter", {}).get("query"):
        found = {"filter": {"query_string": {"query": query.replace(" : ", ":")}}, "aggs": {"of": found}}
    if shift := column.get("timeShift"):
        assert shift == "1w"
        span = {"range": {"@timestamp": {"gte": "2023-04-11", "lt": "2023-04-19"}}}
        found = {"filter": span, "aggs": {"of": found}}
    return {name: found}


def split(column: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    field = column["sourceField"]
    if column["operationType"] == "date_histogram":
        return {"date_histogram": {"field": field, "fixed_interval": "1d", "min_doc_count": 0}}
    assert column["operationType"] == "terms"
    order = column["params"]["orderBy"]["columnId"]
    by = columns[order]
    key = "_count" if by["operationType"] == "count" else order
    if by["operationType"] == "percentile":
        key = f"{order}.{by['params']['percentile']}"
    return {"terms": {"field": field, "size": column["params"]["size"], "order": {key: "desc"}}}


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart["id"])
def test_every_chart_finds_something(client: Client, settings: Settings, chart: dict[str, Any]) -> None:
    index = index_of(settings, chart)
    answer = client.search(index=index, size=0, aggs=aggregations(chart), query={"match_all": {}})
    assert answer["_shards"]["failed"] == 0
    assert answer["hits"]["total"]["value"] == (22 if "articles" in index else 2 if "stories" in index else 3)
    check(answer["aggregations"], aggregations(chart))


def check(found: dict[str, Any], asked: dict[str, Any]) -> None:
    for name, request in asked.items():
        result = found[name]
        if "buckets" in result:
            assert result["buckets"], name
            fullest = max(result["buckets"], key=lambda bucket: bucket["doc_count"])
            assert fullest["doc_count"] > 0
            check(fullest, request["aggs"])
        elif "filter" in request:
            assert result["doc_count"] >= 0
            if "of" in result:
                check(result, request["aggs"])
        elif "percentiles" in request:
            assert all(value is not None for value in result["values"].values()), name
        else:
            assert result["value"], name


def test_filtered_counts_count_some_and_not_all(client: Client, settings: Settings) -> None:
    index = f"{settings.elasticsearch.index_prefix}-articles-*"
    for query in sorted({c["filter"]["query"] for chart in CHARTS for c in columns_of(chart) if "filter" in c}):
        body = {"query_string": {"query": query.replace(" : ", ":")}}
        assert 0 < client.count(index=index, query=body)["count"] < 22, query


def columns_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    (layer,) = chart["attributes"]["state"]["datasourceStates"]["formBased"]["layers"].values()
    return list(layer["columns"].values())


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search["id"])
def test_every_saved_search_finds_its_articles_with_its_columns(
    client: Client, settings: Settings, search: dict[str, Any]
) -> None:
    source = json.loads(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    answer = client.search(
        index=f"{settings.elasticsearch.index_prefix}-articles-*",
        query={"query_string": {"query": source["query"]["query"].replace(" : ", ":")}},
        sort=[{field: order} for field, order in search["attributes"]["sort"]],
        fields=search["attributes"]["columns"],
        size=30,
    )
    hits = answer["hits"]["hits"]
    assert len(hits) == 21
    assert set(hits[0]["fields"]) == set(search["attributes"]["columns"])


def test_the_alert_history_lists_alerts_with_its_columns(client: Client, settings: Settings) -> None:
    (search,) = (one for one in boards.article_dashboards(PREFIX) if one["type"] == "search")
    answer = client.search(
        index=f"{settings.elasticsearch.index_prefix}-alerts",
        sort=[{field: order} for field, order in search["attributes"]["sort"]],
        fields=search["attributes"]["columns"],
    )
    newest, *_, oldest = answer["hits"]["hits"]
    assert set(oldest["fields"]) == set(search["attributes"]["columns"])
    assert newest["fields"]["rule_name"] == ["Spikes"]


def test_the_controls_offer_values(client: Client, settings: Settings) -> None:
    for one in boards.article_dashboards(PREFIX):
        if one["type"] != "dashboard":
            continue
        kind = {"found": "stories", "alerted": "alerts"}.get(one["id"].rsplit("-", 1)[1], "articles-*")
        index = f"{settings.elasticsearch.index_prefix}-{kind}"
        for control in json.loads(one["attributes"]["controlGroupInput"]["panelsJSON"]).values():
            field = control["explicitInput"]["fieldName"]
            assert client.search(index=index, size=0, aggs={"v": {"terms": {"field": field}}})["aggregations"]["v"][
                "buckets"
            ], field


def test_news_has_a_latency_and_a_backfill_has_none(client: Client, settings: Settings) -> None:
    from streams.stores.elasticsearch.documents import from_document, to_document

    news = msgspec.structs.replace(make_article(1), indexed_at=make_article(1).collected_at + timedelta(seconds=7))
    document = msgspec.json.decode(to_document(news))
    assert document["latency_seconds"] == 7.0
    assert from_document(document) == news
    old = msgspec.structs.replace(news, is_backfill=True)
    assert "latency_seconds" not in msgspec.json.decode(to_document(old))
