"""The index template on a real node: what it accepts, how it analyses, how it is upgraded, and how old months go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from elasticsearch import BadRequestError
from elasticsearch import Elasticsearch as Client

from agent.admin_index import install_templates, retain
from agent.alerts.keeping import remove_old
from agent.errors import ServiceUnavailable
from agent.open_store import elasticsearch_options
from agent.settings import AlertSettings, ElasticsearchSettings, Settings, StoreSettings
from deploy.dev.services import Elasticsearch
from streams.stores.elasticsearch import ElasticsearchStore
from streams.stores.elasticsearch.documents import from_document, to_document
from streams.stores.elasticsearch.template import TEMPLATE_VERSION, index_template, mappings
from tests.contract.articles import BASE, full_article, make_article

pytestmark = pytest.mark.services


@pytest.fixture
def settings(elasticsearch: Elasticsearch, unique_name: Callable[[str], str]) -> Settings:
    return Settings(
        store=StoreSettings(kind="elasticsearch"),
        elasticsearch=ElasticsearchSettings(url=elasticsearch.url, index_prefix=unique_name("admin"), retain_months=3),
    )


@pytest.fixture
def client(elasticsearch: Elasticsearch, settings: Settings) -> Iterator[Client]:
    client = Client(elasticsearch.url)
    yield client
    for name in client.indices.get_settings(index=f"{settings.elasticsearch.index_prefix}*").body:
        client.indices.delete(index=name)
    client.close()


def index_of(settings: Settings, month: str) -> str:
    return f"{settings.elasticsearch.index_prefix}-articles-{month}"


def test_installing_may_be_repeated(settings: Settings, client: Client) -> None:
    for _ in range(2):
        done = install_templates(settings)
        assert any("index template" in line for line in done)
    name = f"{settings.elasticsearch.index_prefix}-articles"
    (installed,) = client.indices.get_index_template(name=name)["index_templates"]
    assert installed["index_template"]["version"] == TEMPLATE_VERSION
    assert installed["index_template"]["template"]["mappings"]["dynamic"] == "strict"


def test_a_cluster_without_life_cycles_is_told_to_use_retain(settings: Settings, client: Client) -> None:
    assert any("rasad admin retain" in line for line in install_templates(settings))
    assert not any("retain" in line for line in install_templates(without_retention(settings)))


def test_the_mapping_is_strict(settings: Settings, client: Client) -> None:
    install_templates(settings)
    index = index_of(settings, "2023.04")
    document = msgspec.json.decode(to_document(full_article()))
    client.index(index=index, id="1", document=document)
    with pytest.raises(BadRequestError, match="strict_dynamic_mapping_exception"):
        client.index(index=index, id="2", document={**document, "surprise": 1})
    properties = client.indices.get_mapping(index=index)[index]["mappings"]["properties"]
    assert set(properties) == set(mappings()["properties"]), "nothing was added by a document"


def test_every_field_of_a_document_is_mapped(settings: Settings) -> None:
    document = msgspec.json.decode(to_document(full_article()))
    aliases = {"event"}
    when_indexed = {"indexed_at", "latency_seconds"}
    assert set(document) == set(mappings()["properties"]) - aliases - when_indexed
    assert from_document(document) == full_article()


def test_ecs_names_answer(settings: Settings, client: Client) -> None:
    install_templates(settings)
    index = index_of(settings, "2023.04")
    article = msgspec.structs.replace(full_article(), indexed_at=BASE)
    client.index(index=index, id="1", document=msgspec.json.decode(to_document(article)), refresh=True)
    queries: list[dict[str, Any]] = [
        {
            "range": {
                "event.created": {"gte": article.collected_at.isoformat(), "lte": article.collected_at.isoformat()}
            }
        },
        {"term": {"event.ingested": BASE.isoformat()}},
        {"term": {"url.domain": "news.example"}},
        {"term": {"url.full": article.canonical_url}},
        {"term": {"url.original": article.url}},
        {"term": {"tags": "سياسة"}},
        {"query_string": {"query": "wheat"}},
    ]
    for query in queries:
        assert client.count(index=index, query=query)["count"] == 1, query


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("والتطبيع", "التطبيع"),
        ("للتطبيع", "تطبيع"),
        ("وبالتطبيع", "تطبيع"),
        ("مُحادَثات", "محادثات"),
        ("إجتماع", "اجتماع"),
        ("كرة", "كره"),
        ("سوریه", "سوريه"),
        ("ترکیه", "تركيه"),
        ("خبرگزاری‌ها", "خبرگزاري ها"),
        ("۱۴۰۲", "1402"),
        ("٢٠٢٣", "2023"),
        ("İSTANBUL", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("Türkiye'nin", "turkiye"),
        ("Türkiye’de", "TÜRKİYE"),
        ("Erdoğan'ın", "erdogan"),
        ("Syria's", "syria"),
        ("Сирия", "СИРИЯ"),
        ("Ёлка", "ёлка"),
    ],
)
def test_spellings_meet_in_the_analysis(
    settings: Settings, client: Client, elasticsearch: Elasticsearch, written: str, asked: str
) -> None:
    assert analysed(client, written) == analysed(client, asked)


@pytest.mark.parametrize(
    ("one", "other"),
    [("علم", "علمي"), ("الم", "م"), ("l'homme", "l"), ("O'Brien", "o"), ("don't", "don"), ("rock'n", "roc")],
)
def test_different_words_stay_apart(client: Client, one: str, other: str) -> None:
    assert analysed(client, one) != analysed(client, other)


def analysed(client: Client, text: str) -> list[str]:
    """Analyse `text` as an article's, with an index that is made once."""
    index = "analysis-of-articles"
    if not client.indices.exists(index=index):
        from streams.stores.elasticsearch import ElasticsearchOptions

        body = index_template(ElasticsearchOptions(url="http://unused"), lifecycle=False)["template"]
        client.indices.create(index=index, settings=body["settings"], mappings=body["mappings"])
    answer = client.indices.analyze(index=index, field="text", text=text)
    return [token["token"] for token in answer["tokens"]]


async def test_existing_months_are_brought_up_to_a_new_template(settings: Settings, client: Client) -> None:
    install_templates(settings)
    index = index_of(settings, "2023.04")
    old = index_template(elasticsearch_options(settings), lifecycle=False)["template"]
    properties = {name: field for name, field in old["mappings"]["properties"].items() if name != "wire_copy"}
    client.indices.put_index_template(
        name=f"{settings.elasticsearch.index_prefix}-articles",
        index_patterns=[f"{settings.elasticsearch.index_prefix}-articles-*"],
        priority=500,
        template={**old, "mappings": {**old["mappings"], "properties": properties}},
    )
    client.indices.create(index=index)
    assert "wire_copy" not in client.indices.get_mapping(index=index)[index]["mappings"]["properties"]
    assert any("1 existing" in line for line in install_templates(settings))
    store = ElasticsearchStore(elasticsearch_options(settings))
    assert (await store.write([make_article()]))[0].outcome == "created"
    await store.close()


def test_old_months_go_by_name(settings: Settings, client: Client) -> None:
    install_templates(settings)
    prefix = settings.elasticsearch.index_prefix
    kept = ["2023.01", "2023.02", "2023.03", "2023.04", "2024.01"]
    others = [f"{prefix}-articles-old", f"{prefix}-articles-2020.13x", f"{prefix}x-articles-2020.01"]
    old = ["2022.12", "2019.05", "0001.01"]
    for name in [*(index_of(settings, month) for month in kept + old), *others]:
        client.indices.create(index=name)
    now = datetime(2023, 4, 30, tzinfo=UTC)
    stories, trends = f"{prefix}-stories", f"{prefix}-trends"
    for number, moment in enumerate(("2022-12-31T23:00:00Z", "2023-01-01T00:00:00Z")):
        client.index(index=stories, id=str(number), document={"last_time": moment}, refresh=True)
        client.index(index=trends, id=str(number), document={"hour": moment}, refresh=True)
    assert retain(without_retention(settings), now=now) == []
    assert client.count(index=[stories, trends])["count"] == 4
    assert retain(settings, now=now) == sorted(index_of(settings, month) for month in old)
    assert retain(settings, now=now) == []
    assert client.count(index=[stories, trends])["count"] == 2, "what the months that are gone were about goes too"
    left = set(client.indices.get_settings(index=f"{prefix}*").body)
    assert left == {stories, trends, *(index_of(settings, month) for month in kept), *others}


def test_old_alerts_go_by_days(settings: Settings, client: Client) -> None:
    install_templates(settings)
    index = f"{settings.elasticsearch.index_prefix}-alerts"
    now = datetime(2023, 4, 30, tzinfo=UTC)
    assert remove_old(settings, now=now) == 0
    for days in (0, 366, 367, 1000):
        client.index(index=index, document={"created_at": (now - timedelta(days=days)).isoformat()}, refresh=True)
    assert remove_old(settings, now=now) == 2
    assert client.count(index=index)["count"] == 2
    for_ever = msgspec.structs.replace(settings, alerts=AlertSettings(retain_days=None))
    assert remove_old(for_ever, now=datetime(2100, 1, 1, tzinfo=UTC)) == 0
    assert client.count(index=index)["count"] == 2


def test_a_cluster_that_is_away_is_told(settings: Settings) -> None:
    away = msgspec.structs.replace(
        settings, elasticsearch=msgspec.structs.replace(settings.elasticsearch, url="http://127.0.0.1:9")
    )
    for call in (install_templates, retain, remove_old):
        with pytest.raises(ServiceUnavailable, match="cannot be reached"):
            call(away)


def without_retention(settings: Settings) -> Settings:
    return msgspec.structs.replace(
        settings, elasticsearch=msgspec.structs.replace(settings.elasticsearch, retain_months=None)
    )
