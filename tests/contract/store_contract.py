"""What every article store must do: the same scenarios for SQLite and for a real Elasticsearch.

A test module derives from `StoreContract` and gives the fixture `subject`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.definitions import load_all
from streams.model import Article, TopicLabel
from streams.query import QueryError, parse
from streams.stores.base import ArticleStore, Count, Hit, Search, SearchPage, Summary
from streams.stores.plan import Plan
from streams.stores.records import encodable
from streams.stores.summaries import MOST_JUDGED, summary_of
from streams.topics import named_queries
from tests.contract import made_up
from tests.contract.articles import (
    BASE,
    SOURCES,
    TOPICS,
    demo_articles,
    full_article,
    hostile_articles,
    make_article,
    news,
    queries,
)

PROJECT = Path(__file__).parents[2]
MONTH = timedelta(days=31)
# The same property is put to several stores on purpose: that is what a contract is.
property_of_all = settings(suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow], deadline=None)


@dataclass(frozen=True)
class Subject:
    """A store under test: empty, or with what the test wrote."""

    store: ArticleStore
    settle: Callable[[], Awaitable[None]]
    """Make what was written visible to searches."""
    with_budget: Callable[[int], ArticleStore]
    """The same store, opened again with another candidate budget."""


@dataclass(frozen=True, repr=False)
class Filled:
    """A store with `articles` in it (and what a property adds), and the event loop that it lives in."""

    subject: Subject
    articles: list[Article]
    runner: asyncio.Runner


def revised(article: Article, revision: int, **fields: object) -> Article:
    """Return a later revision of `article`."""
    later = article.storied_at + timedelta(minutes=revision)
    return msgspec.structs.replace(article, revision=revision, storied_at=later, **fields)


def differing_fields(stored: Article | None, written: Article) -> list[str]:
    """Return the names of the fields that did not come back; the values would fill a screen."""
    names = [name for name in Article.__struct_fields__ if name != "indexed_at"]
    return ["all"] if stored is None else [name for name in names if getattr(stored, name) != getattr(written, name)]


def ids(page: SearchPage) -> list[str]:
    return [hit.article.article_id for hit in page.hits]


async def take(hits: AsyncIterator[Hit], count: int) -> list[Hit]:
    """Return the next `count` hits; a test that waits for one too many ends by its own timeout."""
    return [await anext(hits) for _ in range(count)]


@contextlib.asynccontextmanager
async def following(store: ArticleStore, search: Search) -> AsyncIterator[Callable[[int], Awaitable[list[str]]]]:
    """Follow `search` from now on; gives a function that waits for as many hits and returns their ids."""
    begun = asyncio.Event()
    hits = store.tail(search, poll_seconds=0.05, ready=begun.set)
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def pump() -> None:
        async for hit in hits:
            queue.put_nowait(hit.article.article_id)

    async def receive(count: int) -> list[str]:
        return [await queue.get() for _ in range(count)]

    task = asyncio.create_task(pump())
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield receive
    finally:
        waiting.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class StoreContract:
    """The scenarios."""

    # --- writing

    async def test_an_article_comes_back_as_it_was(self, subject: Subject) -> None:
        article = full_article()
        verdicts = await subject.store.write([article])
        await subject.settle()
        assert [(verdict.article_id, verdict.outcome) for verdict in verdicts] == [(article.article_id, "created")]
        stored = await subject.store.get(article.article_id)
        assert stored is not None and stored.indexed_at is not None
        assert msgspec.structs.replace(stored, indexed_at=None) == article

    async def test_what_was_never_written_is_not_there(self, subject: Subject) -> None:
        assert await subject.store.get("f" * 32) is None
        assert await subject.store.count() == 0
        assert await subject.store.search(Search()) == SearchPage(hits=())
        assert await subject.store.write([]) == []

    async def test_writing_again_changes_nothing(self, subject: Subject) -> None:
        articles = [make_article(number) for number in range(5)]
        await subject.store.write(articles)
        again = await subject.store.write(articles)
        await subject.settle()
        assert {verdict.outcome for verdict in again} == {"stale"}
        assert await subject.store.count() == 5

    async def test_the_newest_version_stays_in_any_order_of_arrival(self, subject: Subject) -> None:
        article = make_article()
        versions = [article, *(revised(article, number, title=f"Edit {number}") for number in (2, 3, 4))]
        outcomes = [(await subject.store.write([versions[number]]))[0].outcome for number in (1, 0, 3, 2)]
        await subject.settle()
        stored = await subject.store.get(article.article_id)
        assert outcomes == ["created", "stale", "updated", "stale"]
        assert stored is not None and (stored.revision, stored.title) == (4, "Edit 4")
        assert await subject.store.count() == 1

    async def test_a_later_stage_time_wins_within_a_revision(self, subject: Subject) -> None:
        article = make_article()
        placed_again = msgspec.structs.replace(
            article, storied_at=article.storied_at + timedelta(milliseconds=1), story_id="2" * 32
        )
        await subject.store.write([placed_again])
        assert (await subject.store.write([article]))[0].outcome == "stale"
        await subject.settle()
        stored = await subject.store.get(article.article_id)
        assert stored is not None and stored.story_id == "2" * 32

    async def test_versions_of_one_article_in_one_batch(self, subject: Subject) -> None:
        article = make_article()
        batch = [revised(article, 2), article, revised(article, 3, title="Last"), make_article(1)]
        verdicts = await subject.store.write(batch)
        await subject.settle()
        assert [verdict.article_id for verdict in verdicts] == [item.article_id for item in batch]
        assert verdicts[2].outcome in ("created", "updated") and verdicts[3].outcome == "created"
        stored = await subject.store.get(article.article_id)
        assert stored is not None and stored.title == "Last"
        assert await subject.store.count() == 2

    @pytest.mark.parametrize("at_once", [False, True])
    @pytest.mark.parametrize("newest_first", [False, True])
    async def test_an_edit_that_changes_the_date_leaves_one_document(
        self, subject: Subject, at_once: bool, newest_first: bool
    ) -> None:
        article = make_article()
        edits = [
            article,
            revised(article, 2, published_at=BASE - 3 * MONTH, title="Dated back"),
            revised(article, 3, published_at=None, date_is_reliable=False, collected_at=BASE + MONTH, title="Undated"),
        ]
        for edit in reversed(edits) if newest_first else edits:
            await subject.store.write([edit])
            if not at_once:
                await subject.settle()
        await subject.settle()
        assert await subject.store.count() == 1
        page = await subject.store.search(Search())
        assert [hit.article.title for hit in page.hits] == ["Undated"]
        stored = await subject.store.get(article.article_id)
        assert stored is not None and stored.title == "Undated"

    async def test_an_edit_that_changes_the_date_within_a_batch_leaves_one_document(self, subject: Subject) -> None:
        article = make_article()
        moved = revised(article, 2, published_at=BASE - 3 * MONTH, title="Moved")
        await subject.store.write([article, make_article(1), moved])
        await subject.settle()
        assert await subject.store.count() == 2
        stored = await subject.store.get(article.article_id)
        assert stored is not None and stored.title == "Moved"

    # --- searching

    async def test_filters(self, subject: Subject) -> None:
        articles = [
            make_article(0, language="ar", topics=(TopicLabel(id=TOPICS[0], score=2.0),)),
            make_article(1, language="az-Latn", source_id=None, source_name="Bosphorus Daily"),
            make_article(2, language="az"),
            make_article(3, language="fa", published_at=BASE - MONTH),
            make_article(4, language="en", published_at=BASE + 9 * MONTH, date_is_reliable=False, collected_at=BASE),
        ]
        await subject.store.write(articles)
        await subject.settle()

        async def found(**search: object) -> set[int]:
            page = await subject.store.search(Search(**search))  # type: ignore[arg-type]
            numbers = {article.article_id: number for number, article in enumerate(articles)}
            return {numbers[article_id] for article_id in ids(page)}

        assert await found() == {0, 1, 2, 3, 4}
        assert await found(language="ar") == {0}
        assert await found(language="az") == {1, 2}
        assert await found(topic=TOPICS[0]) == {0}
        assert await found(topic="syria") == set()
        assert await found(source="Bosphorus Daily") == {1}
        assert await found(source=SOURCES[2]) == {2}
        assert await found(since=BASE) == {0, 4}
        assert await found(until=BASE) == {1, 2, 3}
        assert await found(since=BASE - timedelta(minutes=2), until=BASE) == {1, 2}
        assert await found(since=BASE, until=BASE) == set()
        assert await found(language="ar", since=BASE, topic=TOPICS[0], source=SOURCES[0]) == {0}
        assert await found(query=f"topic:{TOPICS[0]} OR lang:fa") == {0, 3}

    async def test_bounds_of_time_are_exact_to_the_microsecond(self, subject: Subject) -> None:
        moment = BASE + timedelta(microseconds=700)
        await subject.store.write([make_article(published_at=moment)])
        await subject.settle()
        tick = timedelta(microseconds=1)
        assert len((await subject.store.search(Search(since=moment))).hits) == 1
        assert len((await subject.store.search(Search(since=moment + tick))).hits) == 0
        assert len((await subject.store.search(Search(until=moment))).hits) == 0
        assert len((await subject.store.search(Search(until=moment + tick))).hits) == 1

    async def test_filters_by_country_and_ownership(self, subject: Subject) -> None:
        await subject.store.write(
            [
                make_article(1, country="SY", ownership="state"),
                make_article(2, country="TR", ownership="state"),
                make_article(3, country="TR", ownership="independent"),
                make_article(4, country=None),
            ]
        )
        await subject.settle()
        for wanted, expected in (
            ({"country": "TR"}, [2, 3]),
            ({"ownership": "state"}, [1, 2]),
            ({"country": "TR", "ownership": "state"}, [2]),
            ({"country": "tr"}, [2, 3]),
            ({"ownership": "party"}, []),
        ):
            page = await subject.store.search(Search(**wanted))
            assert ids(page) == [make_article(number).article_id for number in expected], wanted
            assert (await subject.store.summarize(Search(**wanted))).articles == len(expected)

    async def test_a_summary_counts_what_matches(self, subject: Subject) -> None:
        articles = [
            msgspec.structs.replace(
                article,
                country=(None, "SY", "TR")[number % 3],
                source_id=None if number % 7 == 0 else article.source_id,
                topics=tuple(TopicLabel(id=topic, score=1.0) for topic in TOPICS[: number % 3]),
            )
            for number, article in enumerate(news(120))
        ]
        await subject.store.write(articles)
        await subject.settle()
        # A phrase: more articles have its words than have it.
        for search in (Search(), Search(language="ar"), Search(query='"تركيا التركية" OR "Syria Turkey" OR тур*')):
            page = await subject.store.search(msgspec.structs.replace(search, limit=1000))
            found = await subject.store.summarize(search)
            assert found.is_exact
            assert page.hits and found == summary_of([hit.article for hit in page.hits], 50), search
            assert sum(number for _, number in found.volume) == found.articles == len(page.hits)

    async def test_a_summary_of_more_than_can_be_judged_says_so(self, subject: Subject) -> None:
        await subject.store.write([make_article(number, text="alpha beta") for number in range(MOST_JUDGED + 1)])
        await subject.settle()
        found = await subject.store.summarize(Search(query='"beta alpha"'))
        # All of the sample fails: no article has the words in this order.
        assert (found.articles, found.is_exact, found.candidates) == (0, False, MOST_JUDGED + 1)
        found = await subject.store.summarize(Search(query='"alpha beta"'))
        assert (found.articles, found.is_exact, found.candidates) == (MOST_JUDGED + 1, False, MOST_JUDGED + 1)
        assert found.facets["language"] == (Count("en", MOST_JUDGED + 1),)
        assert sum(number for _, number in found.volume) == MOST_JUDGED + 1

    async def test_a_summary_of_very_many_estimates_what_would_match(self, subject: Subject) -> None:
        def one(number: int) -> Article:
            # Of the Arabic ones a fifth matches, of the English ones four fifths, of the rare ones all.
            language = ("ar", "en", "en", "tr")[number % 4] if number % 100 else "fa"
            every = {"ar": number % 5 == 0, "en": number % 5 != 0, "tr": False, "fa": True}[language]
            return make_article(number, text="alpha beta" if every else "beta and alpha", language=language)

        articles = [one(number) for number in range(4 * MOST_JUDGED)]
        await subject.store.write(articles)
        await subject.settle()
        found = await subject.store.summarize(Search(query='"alpha beta"'))
        truth = Counter(article.language for article in articles if article.text == "alpha beta")
        assert not found.is_exact and found.candidates == len(articles)
        assert found.judged is not None and 0.7 * MOST_JUDGED < found.judged < 1.3 * MOST_JUDGED
        assert found.articles == pytest.approx(truth.total(), rel=0.15)
        counts = {count.value: count.articles for count in found.facets["language"]}
        assert counts["en"] == pytest.approx(truth["en"], rel=0.15)
        assert counts["ar"] == pytest.approx(truth["ar"], rel=0.6)
        assert counts.get("tr", 0) < 0.1 * len(articles) / 4
        assert next(iter(counts)) == "en" and "fa" in counts
        assert sum(number for _, number in found.volume) == pytest.approx(truth.total(), rel=0.2)

    async def test_an_edited_article_is_counted_once_as_it_is_now(self, subject: Subject) -> None:
        article = make_article(1, topics=(TopicLabel(id="a", score=1.0),))
        await subject.store.write([article])
        await subject.store.write([revised(article, 2, topics=(TopicLabel(id="b", score=1.0),), country="TR")])
        await subject.settle()
        found = await subject.store.summarize(Search())
        assert (found.articles, found.facets["topic"], found.facets["country"]) == (
            1,
            (Count("b", 1),),
            (Count("TR", 1),),
        )

    async def test_a_summary_of_nothing_and_of_all_times(self, subject: Subject) -> None:
        assert await subject.store.summarize(Search()) == Summary()
        with pytest.raises(QueryError):
            await subject.store.summarize(Search(query="a AND"))
        times = [datetime(1500, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, tzinfo=UTC), BASE]
        articles = [make_article(number, published_at=time, collected_at=BASE) for number, time in enumerate(times)]
        await subject.store.write(articles)
        await subject.settle()
        found = await subject.store.summarize(Search())
        assert found == summary_of(articles, 50)
        assert len(found.volume) == 3

    async def test_newest_first_then_the_limit(self, subject: Subject) -> None:
        articles = news(60)
        await subject.store.write(articles)
        await subject.settle()
        page = await subject.store.search(Search(limit=25))
        newest = sorted(articles, key=lambda article: article.published_at or BASE, reverse=True)
        assert ids(page) == [article.article_id for article in newest[:25]]
        assert page.is_complete

    async def test_best_first(self, subject: Subject) -> None:
        articles = [
            make_article(0, title="Harvest", text="wheat"),
            make_article(1, title="Wheat", text="wheat wheat wheat wheat"),
            make_article(2, title="Barley", text="wheat"),
            make_article(3, title="Olives", text="oil"),
        ]
        await subject.store.write(articles)
        await subject.settle()
        page = await subject.store.search(Search(query="wheat", order="score"))
        scores = [hit.score for hit in page.hits]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
        assert page.hits[0].article.title == "Wheat"
        best = await subject.store.search(Search(query="wheat", order="score", limit=1))
        assert best.hits == page.hits[:1]

    async def test_spans_show_the_words_that_matched(self, subject: Subject) -> None:
        article = make_article(title="والتطبيع مع تركيا", text="قال الوزير إن التطبيع بعيد", language="ar")
        await subject.store.write([article])
        await subject.settle()
        (hit,) = (await subject.store.search(Search(query="تطبيع"))).hits
        words = {getattr(article, span.field)[span.start : span.end] for span in hit.spans}
        assert {"والتطبيع", "التطبيع"} == words

    async def test_spelling_and_script_do_not_hide_an_article(self, subject: Subject) -> None:
        await subject.store.write(
            [
                make_article(0, title="خبرگزاری‌ها از سوريه", language="fa"),
                make_article(1, title="TÜRKİYE'NİN ISPARTA açıklaması", language="tr"),
                make_article(2, title="Шойгу в Сирии", language="ru"),
            ]
        )
        await subject.settle()
        for query, number in (("سوریه", 0), ("خبرگزاری", 0), ("türkiye", 1), ("ısparta", 1), ("шойгу", 2)):
            page = await subject.store.search(Search(query=query))
            assert ids(page) == [make_article(number).article_id], query

    async def test_a_faulty_query_says_where(self, subject: Subject) -> None:
        for query in ("(تركيا AND", "nosuchfield:x", '"open'):
            with pytest.raises(QueryError) as raised:
                await subject.store.search(Search(query=query))
            assert raised.value.column >= 1
            with pytest.raises(QueryError):
                subject.store.tail(Search(query=query))

    async def test_names_stand_for_queries(self, subject: Subject) -> None:
        await subject.store.write([make_article(0, title="Harvest"), make_article(1, title="Olives")])
        await subject.settle()
        named = {"crops": parse("harvest OR barley")}
        assert ids(await subject.store.search(Search(query="@crops AND wheat", named=named))) == [
            make_article(0).article_id
        ]
        with pytest.raises(QueryError):
            await subject.store.search(Search(query="@crop AND wheat", named=named))

    @pytest.mark.parametrize("word", ["w{}x*", "w{}x"])
    async def test_a_query_that_is_too_much_for_the_store_is_still_answered(self, subject: Subject, word: str) -> None:
        await subject.store.write([make_article(0, text="w0xy w1000xz w0x w1000x"), make_article(1, text="w0xy w0x")])
        await subject.settle()
        groups = [
            " OR ".join([f"only{copy}", *(word.format(group * 1000 + number) for number in range(180))])
            for group in (0, 1)
            for copy in range(5)
        ]
        page = await subject.store.search(Search(query=" AND ".join(f"({group})" for group in groups)))
        assert ids(page) == [make_article(0).article_id]
        page = await subject.store.search(Search(query=" OR ".join(f"({group})" for group in groups)))
        assert len(page.hits) == 2

    async def test_a_spent_budget_is_told(self, subject: Subject) -> None:
        await subject.store.write([make_article(number, title="common " * (number == 29)) for number in range(30)])
        await subject.settle()
        limited = subject.with_budget(10)
        page = await limited.search(Search(query='"common" AND water'))
        assert page.hits and page.is_complete, "the store's own look-up leaves few candidates, so the budget suffices"
        page = await limited.search(Search(query="wheat AND NOT wheat"))
        assert (page.hits, page.candidates, page.is_complete) == ((), 10, False)
        page = await limited.search(Search(query="wheat", limit=3))
        assert (len(page.hits), page.is_complete) == (3, True)
        await limited.close()

    async def test_a_large_result_comes_whole_and_once(self, subject: Subject) -> None:
        articles = [make_article(number % 7, article_id=f"{number:032x}") for number in range(2500)]
        await subject.store.write(articles)
        await subject.settle()
        page = await subject.store.search(Search(query="wheat", limit=5000))
        assert len(page.hits) == 2500 == len(set(ids(page)))
        assert page.is_complete and page.candidates == 2500

    # --- the same as the matcher

    @settings(property_of_all, max_examples=60)
    @given(query=queries)
    def test_search_is_the_matcher_on_every_article(self, filled: Filled, query: str) -> None:
        subject, articles, runner = filled.subject, filled.articles, filled.runner
        plan = Plan.of(Search(query=query))
        known = {article.article_id for article in articles}
        wanted = {article.article_id for article in articles if plan.judge(article) is not None}
        page = runner.run(subject.store.search(Search(query=query, limit=100_000)))
        assert page.is_complete
        assert set(ids(page)) & known == wanted

    async def test_no_kind_of_query_loses_an_article_that_it_matches(self, subject: Subject) -> None:
        # The store's candidates are judged by the same matcher, so the two sets are equal where nothing is missing.
        articles, texts = made_up.articles(90), made_up.queries(50)
        assert made_up.kinds_in(texts) >= made_up.KINDS
        await subject.store.write(articles)
        await subject.settle()
        found = 0
        for text in texts:
            plan = Plan.of(Search(query=text))
            wanted = {article.article_id for article in articles if plan.judge(article) is not None}
            page = await subject.store.search(Search(query=text, limit=1000))
            assert set(ids(page)) == wanted, text
            assert page.is_complete
            found += len(wanted)
        assert found > len(articles)

    async def test_the_shipped_topics_find_in_the_store_what_they_label_in_the_stream(self, subject: Subject) -> None:
        articles = demo_articles()
        named = named_queries(load_all(str(PROJECT / "config"))[1].topics)
        await subject.store.write(articles)
        await subject.settle()
        matched = 0
        for name in named:
            search = Search(query=f"@{name}", named=named, limit=1000)
            plan = Plan.of(search)
            wanted = {article.article_id for article in articles if plan.judge(article) is not None}
            page = await subject.store.search(search)
            assert set(ids(page)) == wanted, name
            assert page.is_complete
            matched += len(wanted)
        assert matched > len(articles)

    @settings(property_of_all, max_examples=25)
    @given(number=st.integers(10_000, 10**9), drawn=st.lists(hostile_articles(), min_size=1, max_size=3), query=queries)
    def test_hostile_articles_are_stored_and_found(
        self, filled: Filled, number: int, drawn: list[Article], query: str
    ) -> None:
        subject, runner = filled.subject, filled.runner
        # A source of its own keeps one example's articles apart from another's.
        source = f"example-{number}"
        batch = [
            msgspec.structs.replace(article, article_id=f"{number * 10 + offset:032x}", source_id=source)
            for offset, article in enumerate(drawn)
        ]
        verdicts = runner.run(subject.store.write(batch))
        assert {verdict.outcome for verdict in verdicts} <= {"created", "stale", "updated"}, verdicts
        runner.run(subject.settle())
        for article, verdict in zip(batch, verdicts, strict=True):
            if verdict.outcome == "stale":  # the example was run before, with other content
                continue
            stored = runner.run(subject.store.get(article.article_id))
            assert differing_fields(stored, encodable(article)) == []
        search = Search(query=query, source=source)
        plan = Plan.of(search)
        kept = [runner.run(subject.store.get(article.article_id)) for article in batch]
        wanted = {article.article_id for article in kept if article is not None and plan.judge(article) is not None}
        assert set(ids(runner.run(subject.store.search(search)))) == wanted

    async def test_monsters_are_not_refused(self, subject: Subject) -> None:
        deep: object = "end"
        for _ in range(900):
            deep = [deep]
        monsters = [
            make_article(0, text="س" * 1_000_000),
            make_article(1, text=" ".join(f"w{number}" for number in range(100_000))),
            make_article(2, tags=("t" * 50_000,), authors=("é" * 50_000,), guid="g" * 100_000, source_id="s" * 40_000),
            make_article(3, extra={"deep": deep, "wide": {f"k{n}": n for n in range(20_000)}, "": {"a.b": 1, ".": 2}}),
            make_article(4, title="\x00\x01\x1b[2J\ud83d \udc00 \ufffe", text="a\x00b", tags=("\ud800",)),
            make_article(5, url="http://[bad", canonical_url=None, feed_url="not a url"),
            make_article(6, published_at=BASE.replace(year=1), collected_at=BASE.replace(year=9999)),
            make_article(8, topics=tuple(TopicLabel(id=f"t{n}", score=1e308) for n in range(2000))),
        ]
        verdicts = await subject.store.write(monsters)
        assert [(verdict.outcome, verdict.detail) for verdict in verdicts] == [("created", "")] * len(monsters)
        await subject.settle()
        assert await subject.store.count() == len(monsters)
        for query, number in (("س" * 900, 0), ("w99999", 1), ("source:" + "s" * 9_000, 2)):
            search = Search(query=query)
            plan = Plan.of(search)
            page = await subject.store.search(search)
            assert ids(page) == [monster.article_id for monster in monsters if plan.judge(monster)], number

    # --- tail

    async def test_tail_shows_what_comes_and_not_what_was_there(self, subject: Subject) -> None:
        await subject.store.write([make_article(0), make_article(1)])
        await subject.settle()
        async with following(subject.store, Search()) as receive:
            await subject.store.write([make_article(2)])
            assert await receive(1) == [make_article(2).article_id]
            # Published long ago, in a month that has no index yet: new to us all the same.
            late = make_article(3, published_at=BASE - 5 * MONTH)
            await subject.store.write([late])
            assert await receive(1) == [late.article_id]

    async def test_tail_shows_each_article_once(self, subject: Subject) -> None:
        articles = [make_article(number) for number in range(40)]
        async with following(subject.store, Search()) as receive:
            seen: list[str] = []
            for start in range(0, 40, 8):
                await subject.store.write(articles[start : start + 8])
                await subject.store.write(articles[max(0, start - 4) : start + 2])
                await subject.store.write([revised(articles[start], 2, title="Edited")])
                seen += await receive(8)
            end = make_article(99)
            await subject.store.write([end])
            seen += await receive(1)
        assert sorted(seen) == sorted(article.article_id for article in [*articles, end])

    async def test_tail_applies_query_and_filters(self, subject: Subject) -> None:
        async with following(subject.store, Search(query="تطبيع", language="ar", since=BASE - MONTH)) as receive:
            arabic = {"language": "ar", "title": "والتطبيع"}
            await subject.store.write([make_article(0, title="تطبيع", language="fa"), make_article(1, language="ar")])
            await subject.store.write([make_article(2, published_at=BASE - 2 * MONTH, **arabic)])
            await subject.store.write([make_article(3, **arabic), make_article(4)])
            assert await receive(1) == [make_article(3).article_id]
            # An edit that makes an article match is new to this tail.
            await subject.store.write([revised(make_article(1, language="ar"), 2, title="بالتطبيع")])
            assert await receive(1) == [make_article(1).article_id]

    async def test_tail_keeps_up_with_a_flood(self, subject: Subject) -> None:
        articles: Sequence[Article] = [make_article(number) for number in range(1300)]
        async with following(subject.store, Search()) as receive:
            await subject.store.write(articles)
            seen = await receive(1300)
        assert sorted(seen) == sorted(article.article_id for article in articles)
