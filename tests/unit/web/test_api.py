"""The JSON API and the exports: what they say, that they say it as OpenAPI has it, and what hostile input does."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from agent.errors import ServiceUnavailable
from agent.feeds.definitions import FeedDefinition
from agent.web import export, live, pages
from agent.web import world as world_module
from agent.web.forms import FormFault, SearchForm
from agent.web.views import outward
from streams.definitions import Definitions, EntityDefinition, TopicDefinition
from streams.model import TopicLabel
from streams.stores.base import Hit
from tests.contract.articles import BASE, full_article, hostile_articles, make_article, news
from tests.unit.web.serving import Make, Site

DEFINITIONS = Definitions(
    topics=(TopicDefinition(id="floods", name="Floods", query="flood"),),
    entities=(
        EntityDefinition(id="sergei-shoigu", kind="person", names={"en": ("Sergei Shoigu",), "ar": ("سيرغي شويغو",)}),
        EntityDefinition(id="syria", kind="country", names={"en": ("Syria",), "ar": ("سوريا",)}),
    ),
)
FEED = FeedDefinition(url="http://a.example/", source_id="barada", name="Barada Post", country="SY", language="ar")


async def json_at(site: Site, path: str, status: int = 200) -> Any:
    answer = await site.get(path)
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    return json.loads(answer.text)


# --- API ------------------------------------------------------------------------------------------------------------


async def test_search_gives_articles_with_scores_and_spans(site: Make) -> None:
    served = await site([make_article(1, title="On wheat"), make_article(2, title="On barley", text="x")])
    found = await json_at(served, "/api/v1/search?q=wheat&order=score")
    assert found["hits"][0]["article"]["title"] == "On wheat" and found["hits"][0]["spans"] and found["is_complete"]


async def test_filters_of_the_address(site: Make) -> None:
    articles = [
        make_article(1, country="SY", language="ar", ownership="state", source_id="a"),
        make_article(2, country="TR", language="tr", ownership="independent", source_id="b"),
    ]
    served = await site(articles)
    for filters in ("country=SY", "lang=ar", "ownership=state", "source=a"):
        found = await json_at(served, f"/api/v1/search?{filters}")
        assert [hit["article"]["country"] for hit in found["hits"]] == ["SY"], filters
    at = quote((BASE - timedelta(minutes=1)).isoformat())
    assert len((await json_at(served, f"/api/v1/search?since={at}"))["hits"]) == 1
    assert len((await json_at(served, f"/api/v1/search?until={at}"))["hits"]) == 1


async def test_summary_stories_topics_feeds_system(site: Make) -> None:
    members = [make_article(number, story_id="a" * 32) for number in (1, 2)]
    served = await site(members, definitions=DEFINITIONS, feeds=[FEED])
    assert (await json_at(served, "/api/v1/summary"))["articles"] == 2
    stories = await json_at(served, "/api/v1/stories")
    assert stories["stories"][0]["articles"] == 2 and stories["is_complete"]
    assert (await json_at(served, "/api/v1/stories/" + "a" * 32))["story_id"] == "a" * 32
    assert (await json_at(served, "/api/v1/topics"))["topics"][0]["id"] == "floods"
    assert (await json_at(served, "/api/v1/feeds"))["feeds"][0]["outcome"] == "never"
    system = await json_at(served, "/api/v1/system")
    assert system["articles"] == 2 and any(one["check"] == "python" for one in system["findings"])


async def test_estimates_are_marked_on_the_page_and_in_the_api(site: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.stores.sqlite.reading.MOST_JUDGED", 10)
    served = await site([make_article(number, text="alpha beta") for number in range(40)])
    query = quote('"alpha beta"')
    found = await json_at(served, f"/api/v1/summary?q={query}")
    assert (found["is_exact"], found["articles"], found["candidates"]) == (False, 40, 40)
    assert 0 < found["judged"] < 40
    said = (await served.get(f"/summary?q={query}")).text
    assert "About 40 articles" in said and f"{found['judged']} of 40 candidates were judged" in said
    assert '<span class="n">≈ 40</span>' in said
    exact = await json_at(served, "/api/v1/summary")
    assert (exact["is_exact"], exact["candidates"], exact["judged"]) == (True, None, None)
    assert "≈" not in (await served.get("/summary")).text


async def test_an_article_comes_whole(site: Make) -> None:
    served = await site([full_article()])
    found = await json_at(served, f"/api/v1/articles/{full_article().article_id}")
    assert found["extra"]["id"] == "A-7" and found["topics"]


@pytest.mark.parametrize(
    ("path", "status", "key", "value"),
    [
        ("/api/v1/search?q=a+AND+(", 400, "column", None),
        ("/api/v1/search?since=sometime", 400, "field", "since"),
        ("/api/v1/search?limit=0", 400, "field", "limit"),
        ("/api/v1/search?limit=501", 400, "field", "limit"),
        ("/api/v1/search?limit=99999999999", 400, "field", "limit"),
        ("/api/v1/search?order=worst", 400, "field", "order"),
        ("/api/v1/search?ownership=king", 400, "field", "ownership"),
        ("/api/v1/search?lang=" + "x" * 500, 400, "field", "lang"),
        ("/api/v1/articles/nothing", 404, "status", 404),
        ("/api/v1/stories/a-b", 404, "status", 404),
        ("/api/v1/nothing", 404, "status", 404),
        ("/export.exe", 404, "status", 404),
        ("/export.csv?limit=10001", 400, "field", "limit"),
        ("/live/events?q=(", 400, "column", None),
    ],
)
async def test_faults_say_what_and_where(site: Make, path: str, status: int, key: str, value: Any) -> None:
    served = await site([make_article(1)])
    found = await json_at(served, path, status)
    assert found["error"] and found["status"] == status and key in found
    assert value is None or found[key] == value


async def test_answers_are_as_openapi_has_them(site: Make) -> None:
    members = [msgspec.structs.replace(full_article(), article_id=f"{n:032x}", story_id="a" * 32) for n in (1, 2)]
    served = await site(members, definitions=DEFINITIONS, feeds=[FEED])
    document = await json_at(served, "/api/openapi.json")
    assert document["openapi"].startswith("3.1")
    ids = {"article_id": f"{1:032x}", "story_id": "a" * 32}
    for path, operations in document["paths"].items():
        answer = await served.get(path.format(**ids))
        assert answer.status == 200, path
        ((media, content),) = operations["get"]["responses"]["200"]["content"].items()
        assert answer.headers["Content-Type"].startswith(media), path
        if media == "application/json":
            check(json.loads(answer.text), content["schema"], document["components"]["schemas"], path)


def check(value: Any, schema: dict[str, Any], components: dict[str, Any], where: str) -> None:
    """The parts of JSON Schema that msgspec writes."""
    if "$ref" in schema:
        check(value, components[schema["$ref"].rsplit("/", 1)[1]], components, where)
        return
    if "anyOf" in schema:
        faults = []
        for one in schema["anyOf"]:
            try:
                check(value, one, components, where)
            except AssertionError as error:
                faults.append(error)
        assert len(faults) < len(schema["anyOf"]), where
        return
    kinds: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
        "null": type(None),
    }  # fmt: skip
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), f"{where}: {value!r} is no {schema['type']}"
    if "enum" in schema:
        assert value in schema["enum"], where
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"]), where
        for name in value:
            check(value[name], schema["properties"][name], components, f"{where}.{name}")
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for part in value:
            check(part, schema["items"], components, where + "[]")


# --- completion -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "at", "start", "first"),
    [
        ("ti", None, 0, "title:"),
        ("wheat AND shoi", None, 10, "entity:sergei-shoigu "),
        ("شويغ", None, 0, "entity:sergei-shoigu "),
        ("(-entity:سور", None, 2, "entity:syria "),
        ("topic:fl", None, 0, "topic:floods "),
        ("lang:a", None, 0, "lang:ar "),
        ("country:s", None, 0, "country:SY "),
        ("source:bar", None, 0, "source:barada "),
        ("has:im", None, 0, "has:image "),
        ("ti wheat", 2, 0, "title:"),
        ("", None, 0, None),
        ("wheat ", None, 6, None),
        ("nosuchfield:x", None, 0, None),
        ("a" * 5000, None, 0, None),
        ("(((\0", None, 3, None),
    ],
)
async def test_completion(site: Make, query: str, at: int | None, start: int, first: str | None) -> None:
    served = await site(definitions=DEFINITIONS, feeds=[FEED])
    place = f"&at={at}" if at is not None else ""
    found = await json_at(served, f"/api/v1/complete?q={quote(query)}{place}")
    assert found["start"] == start
    suggestions = [one["insert"] for one in found["suggestions"]]
    assert (suggestions[0] if suggestions else None) == first
    assert len(suggestions) == len(set(suggestions)) <= 8


# --- exports --------------------------------------------------------------------------------------------------------


async def test_the_three_exports(site: Make) -> None:
    served = await site([make_article(1, title='فيضان, "كبير"\nجدا', language="ar"), make_article(2)])
    rows = list(csv.reader(io.StringIO((await served.get("/export.csv")).text)))
    assert rows[0] == list(export.COLUMNS) and rows[1][5] == 'فيضان, "كبير"\nجدا' and len(rows) == 3
    lines = (await served.get("/export.jsonl?lang=ar")).text.splitlines()
    assert [json.loads(line)["language"] for line in lines] == ["ar"]
    root = ElementTree.fromstring((await served.get("/export.rss")).text)
    assert [item.findtext("guid") for item in root.iter("item")] == [make_article(n).article_id for n in (1, 2)]
    answer = await served.get("/export.csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Rasad-Complete"] == "true"


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "=cmd|' /C calc'!A0",
        "＝1",
        "\u00a0=1",
        "\ufeff=1",
        "\n=1",
    ],
)
def test_no_cell_is_a_formula(cell: str) -> None:
    label = TopicLabel(id=cell, score=1.0)
    article = make_article(1, title=cell, text=cell, source_name=cell, language="en", topics=(label,))
    text = "".join(export.as_csv([Hit(article=article)])).removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    for name in ("title", "text", "source", "topics"):
        assert rows[1][export.COLUMNS.index(name)] == "'" + cell, name


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(hostile_articles())
def test_hostile_articles_make_well_formed_exports(article: Any) -> None:
    hits = [Hit(article=article)]
    ElementTree.fromstring("".join(export.as_rss(hits, title=article.title, address="/")).encode("utf-8", "replace"))
    text = "".join(export.as_csv(hits)).removeprefix("\ufeff")
    before = csv.field_size_limit(100_000_000)  # of Python's reader alone: an article may be longer
    rows = list(csv.reader(io.StringIO(text, newline="")))
    csv.field_size_limit(before)
    assert len(rows) == 2 and len(rows[1]) == len(export.COLUMNS)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://", "//x", "http://[", None]
)
def test_only_web_addresses_are_links(url: str | None) -> None:
    assert outward(url) == ""
    assert outward("https://a.example/?b=1") == "https://a.example/?b=1"


# --- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "(" * 3000, "a " * 5000, "x" * 30_000, "a* " * 500, '"' + "a " * 100 + '"~50', "NOT " * 900 + "a", "\0", "@a",
        "entity:" + "a" * 9000,
    ],
    ids=range(9),
)  # fmt: skip
async def test_a_hostile_query_is_answered(site: Make, query: str) -> None:
    served = await site(news(50))
    for path in ("/", "/summary", "/api/v1/search"):
        answer = await served.get(f"{path}?q={quote(query)}")
        assert answer.status in (200, 400, 414, 431), answer.text[:300]


async def test_a_search_looks_at_so_many_candidates_and_says_so(site: Make) -> None:
    served = await site([make_article(number) for number in range(30)], budget=10)
    query = quote('"wheat water"')
    assert "Stopped after 10 candidates" in (await served.get(f"/?q={query}")).text
    assert (await json_at(served, f"/api/v1/search?q={query}"))["is_complete"] is False


async def test_searches_take_turns_and_who_waits_too_long_is_told(site: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_module, "_PATIENCE_SECONDS", 0.01)
    served = await site([make_article(1)])
    async with served.world.turn(), served.world.turn(), served.world.turn(), served.world.turn():
        answer = await served.get("/api/v1/search")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert (await served.get("/api/v1/search")).status == 200


async def test_streams_are_bounded(site: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_WATCHERS", 1)
    monkeypatch.setattr(pages, "MOST_WATCHERS", 1)
    served = await site()
    async with served.client.get(served.url + "/live/events") as stream:
        assert await stream.content.readline() == b"event: ready\n"
        assert (await served.get("/live/events")).status == 503


async def test_a_store_that_fails_is_told_and_the_page_lives(site: Make) -> None:
    served = await site([make_article(1)])
    await served.world.store.close()
    assert (await served.get("/")).status == 503
    assert (await json_at(served, "/api/v1/search", 503))["error"]
    assert (await served.get("/healthz")).status == 200


async def test_an_empty_query_is_no_topic(site: Make) -> None:
    served = await site(definitions=DEFINITIONS)
    assert (await served.get("/topics/floods?query=")).status == 400
    assert (await served.post("/topics/floods", {"query": " "})).status == 400


async def test_feeds_that_cannot_be_asked_are_told(site: Make) -> None:
    def fail() -> Any:
        raise ServiceUnavailable("Kafka is away")

    served = await site(states=fail, feeds=[FEED])
    assert "Kafka is away" in (await served.get("/feeds")).text


# --- forms and live -------------------------------------------------------------------------------------------------


def test_a_form_survives_its_own_address() -> None:
    form = SearchForm(q='"a b" -c', since="3d", lang="ar", country="SY", order="score", limit=7)
    assert SearchForm.of(dict(parse_qsl(form.with_()))) == form
    assert SearchForm().with_() == ""
    assert "lang" not in form.with_(lang="")


def test_digits_of_any_script_are_a_time() -> None:
    western, persian = (SearchForm.of({"since": text}).period()[0] for text in ("2023-04-25", "۲۰۲۳-۰۴-۲۵"))
    assert western == persian
    with pytest.raises(FormFault):
        SearchForm.of({"since": "٣ days"})


async def test_watchers_get_what_fits_and_none_is_left_behind(site: Make) -> None:
    served = await site()
    hub = served.world.hub
    async with served.client.get(served.url + "/live/events?q=wheat") as stream:
        assert await stream.content.readline() == b"event: ready\n"
        hub.publish([make_article(1, text="Barley."), make_article(2, title="Wheat\r\nevent: x", text="Wheat.")])
        lines = [await stream.content.readline() for _ in range(2)]
        while lines[-1] != b"\n" or len(lines) < 4:
            lines.append(await stream.content.readline())
        assert sum(line.startswith(b"id:") for line in lines) == 1
        assert all(line.startswith((b"id:", b"data:")) for line in lines if line.strip())
    async with asyncio.timeout(60):
        while hub.watchers:  # noqa: ASYNC110  (the server notices that we are gone when it notices)
            await asyncio.sleep(0.01)


async def test_a_store_of_another_process_is_followed_while_anybody_watches(site: Make) -> None:
    served = await site()
    hub = served.world.hub
    hub.follow(served.world.store)
    for number in (1, 2):  # and again, after the last has gone
        async with served.client.get(served.url + "/live/events") as stream:
            assert await stream.content.readline() == b"event: ready\n"
            await served.store.write([make_article(number)])
            async with asyncio.timeout(120):
                while not (line := await stream.content.readline()).startswith(b"id:"):
                    pass
            assert make_article(number).article_id.encode() in line
        async with asyncio.timeout(120):
            while hub.watchers:  # noqa: ASYNC110  (the server notices that we are gone when it notices)
                await asyncio.sleep(0.01)
        assert hub.is_idle
