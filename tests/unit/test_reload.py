"""Topics that change while the agent runs: taken over whole, or not at all."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.alerts.load import AlertConfig, load_alerts
from agent.burst import LONG_BATCH
from agent.collect.records import Delivery
from agent.collect.state import FeedState
from agent.config_files import Faults
from agent.definitions import load_definitions
from agent.reload import Reloader, enrich_by
from agent.runtime import EmbeddedAgent, embedded_agent
from agent.settings import AlertSettings, Settings, StoreSettings, WebSettings
from agent.web.access import Access
from streams.definitions import Definitions, TopicDefinition
from streams.enrich import Enricher
from streams.metrics import Metrics
from streams.model import RawArticle
from streams.pipeline import Pipeline, utc_now
from streams.stores.sqlite.alerts import AlertSearch, SqliteAlerts
from tests.unit.alerts.kit import id_of, until
from tests.unit.web.serving import serve_site

TALKS = "- {id: talks, name: Talks, query: normalization, min_score: 0}\n"
RULE = "- {id: on-talks, name: R, query: '@talks'}\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "a.yaml").write_text(text, encoding="utf-8")


def raw(name: str, title: str = "Talks on normalization") -> RawArticle:
    return RawArticle(article_id=id_of(name), title=title, collected_at=utc_now())


@asynccontextmanager
async def agent(folder: Path) -> AsyncIterator[EmbeddedAgent]:
    settings = Settings(
        store=StoreSettings(path=str(folder / "r.sqlite")),
        alerts=AlertSettings(watch_seconds=0.02),
        web=WebSettings(port=0),
    )
    faults = Faults()
    definitions = load_definitions(folder, faults)
    alerts = load_alerts(folder, definitions, faults)
    faults.check()
    async with embedded_agent(settings, definitions, [], alerts=alerts, folder=folder, access=Access([])) as running:
        yield running


async def labels(running: EmbeddedAgent, *articles: RawArticle) -> list[list[str]]:
    state = FeedState(feed_url="https://x.example/f", source_id="x")
    await running.sink.deliver([Delivery(state=state, articles=articles)])
    found = [await running.store.get(one.article_id) for one in articles]
    return [[label.id for label in one.topics] for one in found if one is not None]


async def said(caplog: pytest.LogCaptureFixture, text: str) -> None:
    await until(lambda: text in caplog.text)


async def test_a_running_agent_takes_topics_over_with_the_rules_on_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    write(tmp_path, topics="[]\n", alerts="[]\n")
    async with agent(tmp_path) as running:
        assert await labels(running, raw("a")) == [[]]
        write(tmp_path, topics=TALKS, alerts=RULE)
        await said(caplog, "1 rules and 0 destinations are in force")
        assert await labels(running, raw("b", "Moscow presses for normalization")) == [["talks"]]
        assert [one.alert.rule_id for one in SqliteAlerts(running.store).find(AlertSearch())] == ["on-talks"]
        value = running.metrics.registry.get_sample_value
        assert value("rasad_topic_articles_total", {"topic": "talks"}) == 1
        # The helper of long batches labels by the new topics, too.
        found = await labels(running, *(raw(f"many-{n}") for n in range(2 * LONG_BATCH)))
        assert found == [["talks"]] * 2 * LONG_BATCH
        write(tmp_path, topics=TALKS.replace("normalization", "football").replace("talks", "games"), alerts="[]\n")
        await said(caplog, "0 rules and 0 destinations are in force")
        assert await labels(running, raw("c"), raw("d", "Football")) == [[], ["games"]]
        found = await labels(running, *(raw(f"more-{n}") for n in range(2 * LONG_BATCH)))
        assert found == [[]] * 2 * LONG_BATCH


async def test_a_faulty_topic_changes_nothing_and_its_fault_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    write(tmp_path, topics=TALKS, alerts=RULE)
    async with agent(tmp_path) as running:
        write(tmp_path, topics=TALKS + "- {id: other, name: O, query: '((', min_score: 0}\n")
        await said(caplog, "a.yaml:2: topic 'other'")
        assert running.metrics.registry.get_sample_value("rasad_alert_config_faulty") == 1
        assert await labels(running, raw("a")) == [["talks"]]
        # A topic that a rule names cannot go: neither of them changes.
        write(tmp_path, topics="[]\n")
        await said(caplog, "a.yaml:1: rule 'on-talks'")
        assert await labels(running, raw("b")) == [["talks"]]
        write(tmp_path, topics="[]\n", alerts="[]\n")
        await said(caplog, "0 rules and 0 destinations are in force")
        assert await labels(running, raw("c")) == [[]]
        assert running.metrics.registry.get_sample_value("rasad_alert_config_faulty") == 0


async def test_the_page_of_a_running_agent_knows_the_new_topics(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import aiohttp

    caplog.set_level("INFO")
    write(tmp_path, topics="[]\n")
    async with agent(tmp_path) as running, aiohttp.ClientSession() as client:

        async def topics() -> list[Any]:
            async with client.get(f"http://127.0.0.1:{running.web_port}/api/v1/topics") as answer:
                return [one["id"] for one in json.loads(await answer.text())["topics"]]

        assert await topics() == []
        write(tmp_path, topics=TALKS)
        await said(caplog, "1 topics are in force")
        assert await topics() == ["talks"]


async def test_what_is_saved_on_the_page_is_in_force_and_shown(tmp_path: Path) -> None:
    write(tmp_path, topics="- id: talks\n  name: Talks\n  query: normalization\n")
    definitions = load_definitions(tmp_path, Faults())
    used: list[Definitions] = []
    async with AsyncExitStack() as stack:
        served = await serve_site(stack, tmp_path, definitions=definitions)

        async def use(changed: Definitions) -> None:
            served.world.use(changed)
            used.append(changed)

        reloader = Reloader(tmp_path, definitions, Metrics(), watch_seconds=0.02, use_definitions=use)
        await stack.enter_async_context(reloader)
        answer = await served.post("/topics/talks", {"query": "peace", "min_score": "1"})
        assert "A running agent takes it up by itself" in answer.text
        await until(lambda: used)
        assert "peace" in (await served.get("/topics/talks")).text
        assert served.world.named["talks"].text == "peace"


async def test_nothing_is_built_anew_where_nothing_has_changed(tmp_path: Path) -> None:
    write(tmp_path, topics=TALKS, alerts=RULE)
    used: list[Definitions] = []
    configs: list[AlertConfig] = []

    async def use(changed: Definitions) -> None:
        used.append(changed)

    async def use_alerts(config: AlertConfig) -> None:
        configs.append(config)

    definitions = load_definitions(tmp_path, Faults())
    async with Reloader(
        tmp_path, definitions, Metrics(), watch_seconds=0.02, use_alerts=use_alerts, use_definitions=use
    ):
        (tmp_path / "topics" / "a.yaml").write_text(f"# a comment\n{TALKS}", encoding="utf-8")
        await until(lambda: configs)
        write(tmp_path, alerts=RULE.replace("name: R", "name: S"))
        await until(lambda: len(configs) > 1)
        assert used == []
        write(tmp_path, topics=TALKS.replace("normalization", "peace"))
        await until(lambda: len(configs) > 2)
    assert [one.topics[0].query for one in used] == ["peace"]


def publish(folder: Path, version: str, text: str) -> None:
    """Write a file as Kubernetes updates a ConfigMap: a new hidden folder, and one link that is exchanged."""
    (folder / f"..{version}").mkdir(parents=True)
    (folder / f"..{version}" / "a.yaml").write_text(text, encoding="utf-8")
    (folder / "..new").symlink_to(f"..{version}")
    (folder / "..new").replace(folder / "..data")
    if not (folder / "a.yaml").is_symlink():
        (folder / "a.yaml").symlink_to("..data/a.yaml")


async def test_a_config_map_is_read_once_and_its_update_is_seen(tmp_path: Path) -> None:
    publish(tmp_path / "topics", "1", TALKS)
    faults = Faults()
    definitions = load_definitions(tmp_path, faults)
    assert faults.found == [] and [one.id for one in definitions.topics] == ["talks"]
    used: list[Definitions] = []

    async def use(changed: Definitions) -> None:
        used.append(changed)

    async with Reloader(tmp_path, definitions, Metrics(), watch_seconds=0.02, use_definitions=use):
        publish(tmp_path / "topics", "2", TALKS.replace("normalization", "normalisation"))
        await until(lambda: used)
    assert [one.topics[0].query for one in used] == ["normalisation"]


async def test_tables_that_are_still_being_made_do_not_take_the_place_of_newer_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(definitions: Definitions) -> Enricher:
        begun.set()
        assert go_on.wait(60)
        return Enricher(definitions)

    monkeypatch.setattr("streams.pipeline.Enricher", slowly)
    old, new = (
        Definitions(topics=(TopicDefinition(id=w, name=w, query="talks", min_score=0),)) for w in ("old", "new")
    )
    pipeline = Pipeline(old, is_built=False)
    building = asyncio.create_task(asyncio.to_thread(pipeline.build))
    assert await asyncio.to_thread(begun.wait, 60)
    changing = asyncio.create_task(enrich_by(pipeline, new))
    await asyncio.sleep(0.2)
    go_on.set()
    await asyncio.gather(building, changing)
    article = pipeline.process(raw("a"))
    assert not isinstance(article, tuple) and [label.id for label in article.topics] == ["new"]


async def test_the_tables_before_are_let_go() -> None:
    def defining(word: str) -> Definitions:
        return Definitions(topics=(TopicDefinition(id=word, name=word, query=word, min_score=0),))

    pipeline = Pipeline(defining("zero"))
    gone: list[Callable[[], object]] = [weakref.ref(pipeline._enricher)]
    for word in ("one", "two", "three"):
        await enrich_by(pipeline, defining(word))
        gone.append(weakref.ref(pipeline._enricher))
    await asyncio.to_thread(gc.collect)
    assert [one() is None for one in gone] == [True, True, True, False]
    article = pipeline.process(raw("a", "three"))
    assert not isinstance(article, tuple) and [label.id for label in article.topics] == ["three"]
