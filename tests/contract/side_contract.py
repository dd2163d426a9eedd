"""What every store must do with what it keeps beside the articles: stories and trends."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from streams.model import Article, AttributionStep, EntityLabel, StoryChange, TopicLabel
from streams.stores.base import Search, StorySearch, TrendSearch
from streams.stories.archive import ArchiveSearch, StoryArchive
from streams.stories.documents import StoryDocument, story_document
from streams.trends.records import Series, Trend, trend_id
from tests.contract.articles import BASE as TREND_BASE
from tests.contract.store_contract import Subject
from tests.unit.stories.articles import BASE
from tests.unit.stories.test_shelf import affair, report, settled

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def spike(hour: int, *, topic: str = "syria", seen: int = 40, found: float = 0.0) -> Trend:
    """A spike of the hour `hour` after TREND_BASE, found so many hours after."""
    series, at = Series("topic", topic), TREND_BASE.replace(minute=0, second=0, microsecond=0) + hour * HOUR
    return Trend(
        trend_id=trend_id("spike", series, hour),
        kind="spike",
        series=series,
        hour=at,
        seen=seen,
        expected=6.0,
        tolerance=10.5,
        found_at=at + found * HOUR,
    )


def unrevised(document: StoryDocument | None) -> StoryDocument | None:
    """Return a document without how often it was stored."""
    return msgspec.structs.replace(document, revision=0) if document is not None else None


def begun(number: int, story: int, **fields: Any) -> Article:
    """An article of the story that article `story` began."""
    given = {"topics": (TopicLabel(id="talks" if number % 3 else "flood", score=1.0),), **fields}
    if number % 4 == 1:
        given["language"] = "az-Arab"
    return msgspec.structs.replace(report(number, **given), story_id=f"{story:032x}")


def begun_stories() -> list[Article]:
    """Sixty stories of one to four articles, as they come: in the order of their times."""
    chance = random.Random(11)
    stories = [number for number in range(60) for _ in range(chance.choice((1, 1, 1, 2, 3, 4)))]
    ordered = sorted((chance.random() * 40 + story, story) for story in stories)
    numbers: dict[int, int] = {}
    articles = []
    for place, (_, story) in enumerate(ordered):
        numbers.setdefault(story, place)
        articles.append(begun(place, numbers[story]))
    return articles


def sought(wanted: StorySearch, stories: Iterable[StoryDocument]) -> list[StoryDocument]:
    """Return what a search must give, found by looking at every story."""

    def has(story: StoryDocument) -> bool:
        languages = {code for one in story.languages for code in (one.lower(), one.lower().partition("-")[0])}
        return (
            story.articles >= wanted.min_articles
            and (wanted.since is None or story.last_time >= wanted.since)
            and (wanted.until is None or story.first_time < wanted.until)
            and (wanted.topic is None or wanted.topic in story.topics)
            and (wanted.entity is None or wanted.entity in story.entities)
            and (wanted.language is None or wanted.language.lower() in languages)
        )

    size = -1 if wanted.order == "largest" else 0
    found = sorted(
        filter(has, stories), key=lambda one: (size * one.articles, -one.last_time.timestamp(), one.story_id)
    )
    return found[: wanted.limit]


class SideContract:
    """The scenarios."""

    # --- stories

    async def test_a_story_is_kept_in_step_with_its_articles(self, subject: Subject) -> None:
        articles = [report(number, "ab"[number % 2]) for number in range(12)]
        for place in (0, 5, 10):
            await subject.store.write(articles[place : place + 5])
        await subject.store.write(articles[3:9])
        await subject.settle()
        for name in "ab":
            expected = story_document(name * 32, [a for a in articles if a.story_id == name * 32])
            assert unrevised(await subject.store.story(name * 32)) == expected
        assert await subject.store.story("c" * 32) is None
        assert await subject.store.count_stories() == 2

    async def test_stories_are_found_by_time_topic_language_entity_and_size(self, subject: Subject) -> None:
        day = timedelta(days=1)
        talks = [report(n, "a", language="az-Arab") for n in range(3)]
        flood = [report(10 + n, "b", published_at=BASE + 3 * day, topics=(), language="fa") for n in range(2)]
        fire = [report(20, "c", published_at=BASE + 9 * day, entities=(), language="tr")]
        await subject.store.write([*talks, *flood, *fire])
        await subject.settle()

        async def found(**wanted: Any) -> str:
            return "".join(document.story_id[0] for document in await subject.store.stories(StorySearch(**wanted)))

        assert await found() == "abc"
        assert await found(order="newest") == "cba"
        assert await found(limit=2) == "ab"
        assert await found(since=BASE + day) == "bc" and await found(until=BASE + 4 * day) == "ab"
        assert await found(since=BASE + day, until=BASE + 4 * day) == "b"
        assert await found(topic="talks") == "ac" and await found(topic="nothing") == ""
        assert await found(language="az") == "a" and await found(language="az-Arab") == "a"
        assert await found(language="FA") == "b"
        assert await found(entity="syria") == "ab"
        assert await found(min_articles=2) == "ab" and await found(topic="talks", language="tr") == "c"

    async def test_stories_are_merged_and_split_with_their_articles(self, subject: Subject) -> None:
        for article in affair():
            await subject.store.write([article])
        await subject.store.write([*affair()[:5], *affair()[12:14]])
        await subject.settle()
        for story, members in settled().items():
            document = await subject.store.story(story)
            assert document is not None and {one.article_id for one in document.timeline} == members
            page = await subject.store.search(Search(query=f'story:"{story}"', limit=100))
            assert {hit.article.article_id for hit in page.hits} == members
        merged = await subject.store.story("b" * 32)
        assert merged is not None and merged.story_id == "a" * 32, "who asks for the old story gets the one that it is"
        assert {one.story_id[0] for one in await subject.store.stories(StorySearch())} == {"a", "c"}
        assert await subject.store.count_stories() == 2
        assert await subject.store.count() == len(affair())

    async def test_what_a_feed_wrote_does_not_break_a_story(self, subject: Subject) -> None:
        odd = [
            report(1, title="\ud83d half a pair \x00 \u202e", url="https://x.example/\ud83d", source_name="\udc00"),
            report(2, title="", entities=(EntityLabel(id="e." + "x" * 2000, kind="person"),), source_name=None),
            report(3, title="<b>" * 5000, source_name=".", attribution=(AttributionStep(name="a..b. "),)),
        ]
        verdicts = await subject.store.write(odd)
        assert {verdict.outcome for verdict in verdicts} == {"created"}
        document = await subject.store.story("a" * 32)
        assert document is not None and document.articles == 3

    async def test_articles_without_a_story_have_no_document(self, subject: Subject) -> None:
        await subject.store.write([msgspec.structs.replace(report(1), story_id=None)])
        await subject.settle()
        assert await subject.store.stories(StorySearch()) == []

    async def test_old_stories_are_found_by_name_and_day(self, subject: Subject, archive: StoryArchive) -> None:
        week = timedelta(days=7)
        names = {"a": ("shoigu", "akar", "moscow"), "b": ("shoigu", "moscow"), "c": ("shoigu",), "d": ("raisi",)}
        for place, (story, entities) in enumerate(names.items()):
            labels = tuple(EntityLabel(id=one, kind="person") for one in entities)
            fields: dict[str, Any] = {"entities": labels, "topics": ()}
            await subject.store.write([report(100 * place + n, story, **fields) for n in range(3)])
        later = report(900, "e", entities=(EntityLabel(id="shoigu", kind="person"),), published_at=BASE + 5 * week)
        await subject.store.write([later])
        await subject.settle()

        async def found(*entities: str, day: date | None = None, **fields: Any) -> str:
            wanted = ArchiveSearch(entities=entities, day=day or BASE.date(), **fields)
            return "".join(document.story_id[0] for document in await asyncio.to_thread(archive.candidates, wanted))

        assert await found("shoigu", "akar", "moscow") == "abc", "those that share most come first"
        assert await found("shoigu", "akar", "moscow", limit=2) == "ab"
        assert await found("raisi", "nobody") == "d" and await found("nobody") == ""
        assert await found("shoigu", day=(BASE + 5 * week).date()) == "e"
        assert await found("shoigu", day=(BASE - week).date()) == ""
        merge = StoryChange(kind="merge", story_id="b" * 32, into="a" * 32, decided_at=BASE)
        await subject.store.write([report(901, "a", story_changes=(merge,))])
        await subject.settle()
        assert await found("moscow") == "a"
        document = (await asyncio.to_thread(archive.candidates, ArchiveSearch(entities=("raisi",), day=BASE.date())))[0]
        assert unrevised(document) == unrevised(await subject.store.story("d" * 32))

    async def test_an_old_article_is_found_by_its_id(self, subject: Subject, archive: StoryArchive) -> None:
        assert await asyncio.to_thread(archive.article, "f" * 32) is None
        await subject.store.write([report(1)])
        await subject.settle()
        assert await asyncio.to_thread(archive.article, report(1).article_id) == await subject.store.get(
            report(1).article_id
        )

    async def test_stories_are_found_whether_they_have_one_article_or_more(
        self, subject: Subject, archive: StoryArchive
    ) -> None:
        articles = begun_stories()
        chance = random.Random(4)
        for place in range(0, len(articles), 7):
            await subject.store.write(articles[place : place + 7])
        await subject.store.write(chance.choices(articles, k=10))
        await subject.settle()
        members: dict[str, list[Article]] = {}
        for article in articles:
            members.setdefault(str(article.story_id), []).append(article)
        documents = [story_document(story, found) for story, found in members.items()]
        expected = {one.story_id: one for one in documents if one is not None}
        assert {one.articles for one in expected.values()} == {1, 2, 3, 4}
        for story_id, document in expected.items():
            assert unrevised(await subject.store.story(story_id)) == document
        assert await subject.store.count_stories() == len(expected)
        joined = next(article for article in articles if article.article_id not in expected)
        assert await subject.store.story(joined.article_id) is None, "its story is another one's"

        choices: dict[str, Sequence[Any]] = {
            "since": (None, BASE + 40 * MINUTE, BASE + 90 * MINUTE), "until": (None, BASE + 70 * MINUTE),
            "topic": (None, "talks", "flood", "none"), "language": (None, "az", "FA"), "entity": (None, "e3", "syria"),
            "min_articles": (1, 2), "limit": (3, 100), "order": ("largest", "newest"),
        }  # fmt: skip
        for values in chance.sample(list(itertools.product(*choices.values())), 120):
            wanted = StorySearch(**dict(zip(choices, values, strict=True)))
            found = await subject.store.stories(wanted)
            assert [one.story_id for one in found] == [one.story_id for one in sought(wanted, expected.values())]
            assert [unrevised(one) for one in found] == [expected[one.story_id] for one in found]
        for entities, limit in itertools.product((("e3",), ("e3", "syria"), ("e1", "e2", "e5", "nobody")), (2, 8, 50)):
            search = ArchiveSearch(entities=entities, day=BASE.date(), limit=limit)
            old = await asyncio.to_thread(archive.candidates, search)
            assert [one.story_id for one in old] == [
                one.story_id
                for one in sorted(
                    (one for one in expected.values() if one.entities.keys() & set(entities)),
                    key=lambda one: (-len(one.entities.keys() & set(entities)), -one.articles, one.story_id),
                )
            ][:limit]

    async def test_a_story_grows_out_of_one_article_and_what_it_was_is_changed(self, subject: Subject) -> None:
        first, second, third = (begun(number, number) for number in (1, 2, 3))
        await subject.store.write([first, second, third])
        edited = msgspec.structs.replace(first, revision=2, title="Edited", storied_at=first.storied_at + HOUR)
        await subject.store.write([edited])
        await subject.settle()
        document = await subject.store.story(first.article_id)
        assert document is not None and list(document.headlines.values()) == ["Edited"]
        joining = begun(4, 1)
        await subject.store.write([joining])
        document = await subject.store.story(first.article_id)
        assert unrevised(document) == story_document(str(first.story_id), [edited, joining])
        again = msgspec.structs.replace(edited, revision=3, title="Again", storied_at=first.storied_at + 2 * HOUR)
        await subject.store.write([again])
        merge = StoryChange(kind="merge", story_id=str(second.story_id), into=str(third.story_id), decided_at=BASE)
        showing = begun(5, 3, story_changes=(merge,))
        await subject.store.write([showing])
        await subject.store.write([first, second, third])
        await subject.settle()
        document = await subject.store.story(first.article_id)
        assert unrevised(document) == story_document(str(first.story_id), [again, joining])
        for story in (second, third):
            document = await subject.store.story(story.article_id)
            assert document is not None and document.story_id == third.story_id
            assert {one.article_id for one in document.timeline} == {
                second.article_id, third.article_id, showing.article_id,
            }  # fmt: skip
            stored = await subject.store.get(story.article_id)
            assert stored is not None and stored.story_id == third.story_id
        assert [one.articles for one in await subject.store.stories(StorySearch())] == [3, 2]
        assert await subject.store.count_stories() == 2

    # --- trends

    async def test_trends_come_back_as_they_were_in_order_of_time(self, subject: Subject) -> None:
        word = msgspec.structs.replace(
            spike(2), trend_id="f" * 32, kind="new_term", term="أوريشنيك", series=Series("language", "ar"), sources=4
        )
        trends = [spike(0), spike(1), word, spike(3, topic="مفاوضات")]
        await subject.store.write_trends([trends[2], trends[0], trends[3], trends[1]])
        await subject.settle()
        assert await subject.store.trends(TrendSearch(since=TREND_BASE - HOUR)) == trends
        assert await subject.store.trends(TrendSearch(since=trends[2].hour)) == trends[2:]
        assert await subject.store.trends(TrendSearch(since=TREND_BASE - HOUR, limit=2)) == trends[2:]
        assert await subject.store.trends(TrendSearch(since=TREND_BASE - HOUR, kind="new_term")) == [word]

    async def test_the_later_record_of_a_finding_stays_in_any_order_of_arrival(self, subject: Subject) -> None:
        first, second, third = (spike(0, seen=40 + n, found=n / 10) for n in range(3))
        await subject.store.write_trends([second])
        await subject.store.write_trends([first])
        await subject.settle()
        assert await subject.store.trends(TrendSearch(since=TREND_BASE - HOUR)) == [second]
        await subject.store.write_trends([third, first])
        await subject.store.write_trends([third])
        await subject.settle()
        assert await subject.store.trends(TrendSearch(since=TREND_BASE - HOUR)) == [third]

    async def test_where_nothing_was_found_nothing_is_there(self, subject: Subject) -> None:
        assert await subject.store.trends(TrendSearch(since=TREND_BASE)) == []
        await subject.store.write_trends([])
