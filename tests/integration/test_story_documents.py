"""Story documents in the distributed runtime: a real broker, workers that are killed, a real index, real commands."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.open_store import open_elasticsearch
from deploy.dev.services import Elasticsearch, Kafka
from streams.model import Article
from streams.stores.base import Search, StorySearch
from streams.stories.documents import StoryDocument, story_document
from tests.integration.worker_kit import NOW, PROJECT, Rig, as_json, raw, until
from tests.unit.stories.dispatch import dispatch

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

TEXTS = [
    "The council of Mersin has voted for the new harbour, and the fishermen of the old one say that they will go to court.",
    "A bus fell into a ravine near Taiz on Friday; eleven of those who were in it were brought to the hospital of the town.",
    "Rain is expected in Basra from noon on, and the governor has closed all schools and the two bridges for three days.",
]


@pytest.fixture
def rig(kafka: Kafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path) -> Iterator[Rig]:
    made = Rig(unique_name("documents"), tmp_path, kafka.bootstrap, elasticsearch.url)
    made.init()
    yield made
    made.close()


async def stored(rig: Rig) -> tuple[list[Article], dict[str, StoryDocument]]:
    store = open_elasticsearch(rig.settings)
    try:
        page = await store.search(Search(limit=1000))
        stories = await store.stories(StorySearch(limit=1000))
    finally:
        await store.close()
    return [hit.article for hit in page.hits], {story.story_id: story for story in stories}


def test_documents_say_what_the_articles_say_though_workers_were_killed(rig: Rig) -> None:
    articles = [
        raw(f"report {number}", text=f"{TEXTS[number % 3]} {'x' * (number // 3)}", source_id=f"outlet-{number % 8}")
        for number in range(36)
    ]
    workers = [rig.worker("--stages", "enrich,story"), rig.worker("--stages", "index"), rig.worker("--stages", "index")]
    rig.send(articles[:18])
    rig.wait_for({article.article_id for article in articles[:6]})
    for worker in workers:
        worker.kill()
    rig.worker()
    rig.send(articles[10:])
    rig.wait_for({article.article_id for article in articles})
    until(lambda: rig.lag() == 0, f"all channels to be finished\n{rig.last_words()}")
    rig.refresh()

    found, stories = asyncio.run(stored(rig))
    by_story: defaultdict[str, list[Article]] = defaultdict(list)
    for article in found:
        by_story[str(article.story_id)].append(article)
    assert stories.keys() == by_story.keys() and len(stories) == 3
    for story_id, members in by_story.items():
        expected = story_document(story_id, members)
        assert expected is not None
        assert _said(stories[story_id]) == _said(expected)

    listed = as_json(rig.rasad("stories", "--json", "--min-articles", "12").stdout)
    assert {story["story_id"] for story in listed} == stories.keys()
    shown = rig.rasad("story", listed[0]["story_id"]).stdout
    assert "12 articles" in shown and "Timeline" in shown and "Who has it from whom" in shown
    assert rig.rasad("stories", "--lang", "fa", check=False).returncode == 1


def test_two_stories_become_one_though_workers_were_killed(rig: Rig) -> None:
    first, second, whole = dispatch()
    articles = [
        raw(f"part {n}", title="", text=text, source_id=f"outlet-{n}", published_at=NOW + n * timedelta(hours=1))
        for n, text in enumerate((first, second))
    ]
    worker = rig.worker()
    rig.send(articles)
    before = rig.wait_for({article.article_id for article in articles})
    assert len({documents[0]["source"]["story_id"] for documents in before.values()}) == 2
    until(lambda: rig.lag() == 0, "all channels to be finished")
    worker.kill()
    articles.append(raw("whole", title="", text=whole, source_id="outlet-3"))
    rig.send(articles[2:])
    rig.worker("--stages", "enrich,story")
    workers = [rig.worker("--stages", "index"), rig.worker("--stages", "index")]
    rig.wait_for({articles[2].article_id})
    workers[0].kill()
    articles.append(raw("late", title="", text=second, source_id="outlet-4"))
    rig.send(articles)
    rig.wait_for({article.article_id for article in articles})
    until(lambda: rig.lag() == 0, f"all channels to be finished\n{rig.last_words()}")
    rig.refresh()
    found, stories = asyncio.run(stored(rig))
    assert {article.story_id for article in found} == {articles[0].article_id} and len(found) == len(articles)
    assert stories.keys() == {articles[0].article_id}
    assert "was found to be this story" in rig.rasad("story", articles[1].article_id).stdout
    assert rig.quarantined() == []


def _said(story: StoryDocument) -> StoryDocument:
    # The version of a report is the time at which its article was processed, once or again.
    timeline = tuple(msgspec.structs.replace(report, version=0) for report in story.timeline)
    return msgspec.structs.replace(story, revision=0, timeline=timeline)


def test_a_late_article_joins_its_old_story_in_the_index(rig: Rig) -> None:
    rig.environment["RASAD_CONFIG"] = str(PROJECT / "config")  # it names the ministers
    april = datetime(2023, 4, 25, 12, tzinfo=UTC)
    names = "Sergei Shoigu and Hulusi Akar"
    sentences = [
        f"{names} met in Moscow on 25 April 2023 to talk about the normalization between Syria and Turkey.",
        f"On 25 April 2023 the normalization of ties between Turkey and Syria was what {names} spoke of in Moscow.",
        f"In Moscow {names} agreed on 25 April 2023 that the talks on normalization with Syria will go on.",
    ]
    meeting = [
        raw(
            f"meeting {n}",
            title=f"{names} in Moscow",
            text=text,
            published_at=at,
            collected_at=at,
            source_id=f"outlet-{n}",
        )
        for n, text in enumerate(sentences)
        for at in [april + n * timedelta(hours=1)]
    ]
    later = april + timedelta(days=40)
    news = [
        raw(f"news {n}", text=TEXTS[n], published_at=later, collected_at=later, source_id="outlet-9") for n in range(3)
    ]
    worker = rig.worker()
    rig.send(meeting[:2])
    before = rig.wait_for({article.article_id for article in meeting[:2]})
    [story] = {documents[0]["source"]["story_id"] for documents in before.values()}
    rig.send(news)
    rig.wait_for({article.article_id for article in news})
    until(lambda: rig.lag() == 0, "all channels to be finished")
    rig.refresh()
    worker.kill()

    rig.worker()
    rig.send([meeting[2]])
    late = rig.wait_for({meeting[2].article_id})[meeting[2].article_id][0]["source"]
    assert late["story_id"] == story
    assert [link["detail"] for link in late["story_links"] if link["kind"] == "archive"] == ["2023-04-25"]
    rig.send(meeting)
    until(lambda: rig.lag() == 0, f"all channels to be finished\n{rig.last_words()}")
    rig.refresh()
    _, stories = asyncio.run(stored(rig))
    assert stories[story].articles == 3 and len(stories) == 1 + len(news)
    assert rig.quarantined() == []
