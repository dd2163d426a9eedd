"""Pages read over real sockets by real worker processes: politely, bounded, and never at the cost of an article."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest

from agent.feeds.definitions import FeedDefinition
from agent.fetch.fetcher import Fetcher
from agent.pages.reader import PageReader, Reading
from agent.pages.robots import MAX_ROBOTS_BYTES, Robots
from agent.pages.rules import PageRule, PageRules
from agent.settings import CollectSettings, PageSettings
from streams.metrics import Metrics
from streams.model import RawArticle
from tests.servers.feed_server import Answer, FeedServer, feed_server

COLLECT = CollectSettings(
    allow_private_hosts=("127.0.0.1",),
    user_agent="Rasad/9.9 (test)",
    per_host_spacing_seconds=0.0,
    per_host_concurrency=8,
)
PAGES = PageSettings(host_spacing_seconds=0.0, timeout_seconds=20, deadline_seconds=60)
HTML = [("Content-Type", "text/html; charset=utf-8")]
FEED = FeedDefinition(url="https://outlet.example/rss", source_id="outlet", name="Outlet")
NOW = datetime(2023, 5, 1, tzinfo=UTC)


def page(word: str = "harbour", head: str = "") -> Answer:
    paragraphs = "".join(
        f"<p>Sentence {n} about the {word} says something that the feed did not say at all.</p>" for n in range(6)
    )
    body = f"<html><head><title>On the {word}</title>{head}</head><body><article><h1>On the {word}</h1>{paragraphs}</article></body></html>"
    return Answer(body.encode(), headers=HTML)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


@asynccontextmanager
async def reading(
    settings: PageSettings = PAGES, rules: PageRules | None = None, metrics: Metrics | None = None
) -> AsyncIterator[PageReader]:
    async with (
        Fetcher(COLLECT) as fetcher,
        PageReader(
            fetcher, Reading(settings, rules or PageRules()), metrics or Metrics(), user_agent=COLLECT.user_agent
        ) as reader,
    ):
        yield reader


def article(url: str | None, number: int = 1, text: str = "Short.") -> RawArticle:
    return RawArticle(article_id=f"{number:032x}", url=url, title=f"Title {number}", text=text, collected_at=NOW)


async def test_pages_of_short_articles_are_read(server: FeedServer) -> None:
    server.answers["/1"] = page()
    metrics = Metrics()
    long = "A feed that says everything. " * 40
    async with reading(metrics=metrics) as reader:
        found = (
            await reader.read_all(
                [article(server.url("/1"), 1), article(server.url("/2"), 2, long), article(None, 3)], FEED
            )
        ).by_id
    assert list(found) == [f"{1:032x}"]
    assert found[f"{1:032x}"].text.count("Sentence") == 6
    assert not server.requests_for("/2")
    assert metrics.registry.get_sample_value("rasad_pages_total", {"outcome": "read"}) == 1


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        (Answer(b"User-agent: *\nDisallow: /\n"), False),
        (Answer(b"User-agent: *\nDisallow: /\n\nUser-agent: rasad\nAllow: /news\n"), True),
        (Answer(b"User-agent: Rasad\nDisallow: /news/\n"), False),
        (Answer(b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /*/1$\r\n"), False),
        (Answer(b""), True),
        (Answer(b"<html>not found</html>"), True),
        (Answer(b"gone", 404), True),
        (Answer(b"no", 403), True),
        (Answer(b"", 500), False),
        (Answer(b"", 503), False),
        (Answer(b"", 429), False),
        (Answer(b"User-agent: *\nDisallow: /\n" + b"#" * (MAX_ROBOTS_BYTES + 10)), False),
        (Answer(b"#" * (MAX_ROBOTS_BYTES + 10) + b"\nUser-agent: *\nDisallow: /\n"), True),
        (Answer(raw=b"no HTTP at all\r\n\r\n"), False),
    ],
)
async def test_robots_txt_is_obeyed(server: FeedServer, robots: Answer, allowed: bool) -> None:
    server.answers["/robots.txt"] = robots
    async with Fetcher(COLLECT) as fetcher:
        asked = Robots(fetcher, COLLECT.user_agent)
        verdicts = [await asked.ask(server.url("/news/1")) for _ in range(2)]
    assert [verdict.allowed for verdict in verdicts] == [allowed, allowed]
    assert allowed or verdicts[0].reason
    assert len(server.requests_for("/robots.txt")) == 1


async def test_what_robots_txt_forbids_is_not_asked_for(server: FeedServer) -> None:
    server.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /\n")
    async with reading() as reader:
        assert (await reader.read(server.url("/news/1"))).outcome == "robots"
    assert not server.requests_for("/news/1")


async def test_robots_txt_behind_redirects_counts_and_is_asked_once_for_many(server: FeedServer) -> None:
    server.answers["/robots.txt"] = Answer(status=301, headers=[("Location", "/r2")])
    server.answers["/r2"] = Answer(b"User-agent: *\nDisallow: /secret\n")
    async with Fetcher(COLLECT) as fetcher:
        asked = Robots(fetcher, COLLECT.user_agent)
        verdicts = await asyncio.gather(*(asked.ask(server.url(path)) for path in ("/open", "/secret", "/open")))
    assert [verdict.allowed for verdict in verdicts] == [True, False, True]
    assert len(server.requests_for("/robots.txt")) == 1


async def test_what_robots_txt_said_holds_while_it_cannot_be_asked(server: FeedServer) -> None:
    now = 0.0
    server.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /secret\n")
    async with Fetcher(COLLECT) as fetcher:
        asked = Robots(fetcher, COLLECT.user_agent, clock=lambda: now)
        assert (await asked.ask(server.url("/open"))).allowed
        server.answers["/robots.txt"] = Answer(b"", 503)
        now += 2 * 86_400
        assert (await asked.ask(server.url("/open"))).allowed
        assert not (await asked.ask(server.url("/secret"))).allowed
    assert len(server.requests_for("/robots.txt")) == 2


async def test_a_crawl_delay_is_kept(server: FeedServer) -> None:
    server.answers["/robots.txt"] = Answer(b"User-agent: *\nCrawl-delay: 0.4\n")
    times: list[float] = []

    def answer(_: object) -> Answer:
        times.append(time.monotonic())
        return page()

    for number in range(3):
        server.answers[f"/{number}"] = answer
    start = time.monotonic()
    async with reading() as reader:
        await asyncio.gather(*(reader.read(server.url(f"/{number}")) for number in range(3)))
    # Requests leave 0.4 s apart, the first after the start; however late they arrive, the last comes after two pauses.
    assert len(times) == 3 and max(times) - start >= 0.8


async def test_what_a_redirect_leads_to_must_be_allowed_too(server: FeedServer) -> None:
    server.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /hidden\n")
    server.answers["/open"] = Answer(status=302, headers=[("Location", "/hidden/1")])
    server.answers["/hidden/1"] = page()
    async with reading() as reader:
        read = await reader.read(server.url("/open"))
    assert read.outcome == "robots"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(b"", 404), "http_error"),
        (Answer(b"", 410), "gone"),
        (Answer(b"%PDF-1.4 is no page", headers=[("Content-Type", "application/pdf")]), "not_html"),
        (Answer(b"  "), "empty"),
        (Answer(b"<html>" + b"x" * 200_000), "too_large"),
        (Answer(status=302, headers=[("Location", "http://10.1.2.3/")]), "refused_address"),
        (Answer(status=302, headers=[("Location", "file:///etc/passwd")]), "refused_address"),
    ],
)
async def test_a_page_that_cannot_be_read_is_an_outcome(server: FeedServer, answer: Answer, outcome: str) -> None:
    server.answers["/1"] = answer
    metrics = Metrics()
    async with reading(msgspec.structs.replace(PAGES, max_page_bytes=100_000), metrics=metrics) as reader:
        assert (await reader.read_all([article(server.url("/1"))], FEED)).by_id == {}
    assert metrics.registry.get_sample_value("rasad_pages_total", {"outcome": outcome}) == 1


async def test_a_bomb_is_killed_and_the_next_page_read(server: FeedServer) -> None:
    server.answers["/bomb"] = Answer(b"<html><body>" + b"<div><p>x" * 150_000, headers=HTML)
    server.answers["/1"] = page()
    settings = msgspec.structs.replace(PAGES, extract_seconds=1.0, extract_memory_bytes=600_000_000)
    async with reading(settings) as reader:
        bomb = await reader.read(server.url("/bomb"))
        after = await reader.read(server.url("/1"))
    assert bomb.page is None or len(bomb.page.text) < 2_000_000
    assert after.outcome == "read"


async def test_no_article_waits_longer_than_the_deadline(server: FeedServer) -> None:
    hang = asyncio.Event()

    def slow(_: object) -> Answer:
        while not hang.is_set():
            time.sleep(0.02)
        return page()

    server.answers["/slow"] = slow
    server.answers["/1"] = page()
    metrics = Metrics()
    settings = msgspec.structs.replace(PAGES, deadline_seconds=60)
    async with reading(settings, metrics=metrics) as reader:
        await reader.read(server.url("/1"))  # the worker is there now
        try:
            found = await reader.read_all(
                [article(server.url("/slow"), 1), article(server.url("/1"), 2)], FEED, deadline_seconds=3.0
            )
        finally:
            hang.set()
    assert list(found.by_id) == [f"{2:032x}"]
    assert found.missing == {f"{1:032x}"}
    assert metrics.registry.get_sample_value("rasad_pages_total", {"outcome": "no_time"}) == 1


async def test_a_host_that_wants_patience_takes_no_place_from_others(server: FeedServer) -> None:
    server.answers["/robots.txt"] = Answer(b"User-agent: *\nCrawl-delay: 50\n")
    with feed_server() as other:
        other.answers["/quick"] = page()
        for number in range(4):
            server.answers[f"/{number}"] = page()
        patient = [article(server.url(f"/{number}"), number) for number in range(4)]
        async with reading(msgspec.structs.replace(PAGES, concurrency=1)) as reader:
            waiting = asyncio.create_task(reader.read_all(patient, FEED, deadline_seconds=45))
            while not server.requests:  # noqa: ASYNC110  (a thread of the server's own)
                await asyncio.sleep(0.01)
            found = await reader.read_all([article(other.url("/quick"), 9)], FEED)
            assert not waiting.done()
            waiting.cancel()
            await asyncio.wait([waiting])
    assert list(found.by_id) == [f"{9:032x}"]


async def test_a_host_that_does_not_answer_is_left_alone() -> None:
    with feed_server() as gone:
        url = gone.url("/1")
    async with reading() as reader:
        first = await reader.read(url)
        second = await reader.read(url)
    assert (first.outcome, second.outcome) == ("robots", "host_down")


async def test_only_the_newest_pages_of_one_poll_are_read(server: FeedServer) -> None:
    for number in range(5):
        server.answers[f"/{number}"] = page()
    async with reading(msgspec.structs.replace(PAGES, max_pages_per_poll=2)) as reader:
        found = await reader.read_all([article(server.url(f"/{n}"), n) for n in range(5)], FEED)
    assert sorted(found.by_id) == [f"{3:032x}", f"{4:032x}"]


async def test_rules_say_whether_and_how_pages_are_read(server: FeedServer) -> None:
    server.answers["/1"] = page()
    rules = PageRules(
        [
            PageRule(hosts=("127.0.0.1",), read="never"),
            PageRule(sources=("outlet",), read="always", text=("article p",)),
            PageRule(feeds=("quiet",), read="never"),
            PageRule(sources=("wordy",), short_text_chars=3),
        ]
    )
    long = article(server.url("/1"), 1, "x" * 5_000)
    async with reading(rules=rules) as reader:
        assert reader.wants(long, FEED)
        assert not reader.wants(long, msgspec.structs.replace(FEED, source_id="other"))
        assert not reader.wants(article(server.url("/1")), msgspec.structs.replace(FEED, id="quiet"))
        found = await reader.read(server.url("/1"), source_id="outlet")
    assert found.page is not None
    assert found.page.text_from == "rule"
    assert found.page.text.count("Sentence") == 6


async def test_idle_agents_have_no_extractor() -> None:
    import psutil

    async with reading():
        children = psutil.Process().children(recursive=True)
        assert not any("agent.pages" in part for child in children for part in child.cmdline())
