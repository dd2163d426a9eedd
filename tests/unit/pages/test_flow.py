"""Pages on their way through the collector: into the article, and nothing lost or twice for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent.collect.collector import Collector
from agent.collect.desk import Desk
from agent.feeds.definitions import FeedDefinition
from agent.pages.reader import Reading
from agent.pages.rules import PageRules
from agent.settings import CollectSettings, PageSettings
from streams.identity import article_id
from streams.metrics import Metrics
from streams.model import RawArticle
from tests.servers.feed_server import Answer, FeedServer, Request, feed_server, item, rss
from tests.unit.collect.test_collector import ListSink

COLLECT = CollectSettings(
    allow_private_hosts=("127.0.0.1",), per_host_spacing_seconds=0.0, per_host_concurrency=8, timeout_seconds=20
)
PAGES = PageSettings(host_spacing_seconds=0.0, timeout_seconds=20, deadline_seconds=60, boilerplate_articles=3)
TITLE = "The envoys met in secret"
LONG = "The envoys met again in the old town hall and said that they had agreed on nothing. " * 40


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


def page(title: str, *lines: str, head: str = "") -> Answer:
    body = "".join(f"<p>{line}</p>" for line in lines)
    return Answer(
        f"<html><head><title>{title}</title>{head}</head><body><article><h1>{title}</h1>{body}</article></body></html>".encode()
    )


def define(url: str) -> FeedDefinition:
    return FeedDefinition(url=url, source_id="outlet", name="Outlet", interval_seconds=60)


async def collect(sink: ListSink, *urls: str) -> list[RawArticle]:
    before = len(sink.articles)
    collector = Collector(
        feeds=[define(url) for url in urls],
        states=sink.states,
        sink=sink,
        settings=COLLECT,
        metrics=Metrics(),
        reading=Reading(PAGES, PageRules()),
    )
    await collector.run_once()
    return sink.articles[before:]


def story(n: int) -> tuple[str, str]:
    word = "abcdefghijklmnopqrstuvwxyz"[n] * 3
    return (
        f"What happened on the {word} of this month took everybody by surprise, says the mayor of the town.",
        f"Nobody knows yet what the {word} will bring, but the price of bread has gone up again in the market.",
    )


async def test_the_page_fills_what_the_feed_leaves_out(server: FeedServer) -> None:
    head = '<meta name="author" content="Ada Byron"><meta property="article:section" content="World">'
    server.answers["/n/1"] = page(TITLE, *story(1), head=head)
    url = server.feed("/rss", rss(item(1, title=TITLE, link=server.url("/n/1"), text="Short.")))
    (article,) = await collect(ListSink(), url)
    assert article.text == "\n".join(story(1))
    assert article.text_origin == "page"
    assert article.authors == ("Ada Byron",)
    assert article.tags == ("World",)
    assert article.article_id == article_id(canonical_url=server.url("/n/1"))


@pytest.mark.parametrize(
    "answer",
    [Answer(b"", 500), Answer(b"%PDF"), Answer(raw=b"rubbish"), page("x", "Stub.")],
    ids=["500", "pdf", "rubbish", "stub"],
)
async def test_an_article_whose_page_cannot_be_read_goes_out_with_the_feeds_text(
    server: FeedServer, answer: Answer
) -> None:
    server.answers["/n/1"] = answer
    server.answers["/n/2"] = page("Another", *story(2))
    url = server.feed(
        "/rss",
        rss(
            item(1, title=TITLE, link=server.url("/n/1"), text="Short but true."),
            item(2, title="Another", link=server.url("/n/2"), text="Short."),
        ),
    )
    articles = {article.title: article for article in await collect(ListSink(), url)}
    assert articles[TITLE].text == "Short but true."
    assert articles[TITLE].text_origin == "feed"
    assert articles["Another"].text_origin == "page"


async def test_a_known_article_is_not_read_again_and_an_edited_one_is(server: FeedServer) -> None:
    sink = ListSink()
    server.answers["/n/1"] = page(TITLE, *story(1))
    url = server.feed("/rss", rss(item(1, title=TITLE, link=server.url("/n/1"), text="Short.")))
    await collect(sink, url)
    server.feed("/rss", rss(item(1, title=TITLE, link=server.url("/n/1"), text="Short."), title="Renamed"))
    assert await collect(sink, url) == []
    assert len(server.requests_for("/n/1")) == 1
    server.feed("/rss", rss(item(1, title=TITLE + "!", link=server.url("/n/1"), text="Short.")))
    (edited,) = await collect(sink, url)
    assert (edited.revision, edited.text_origin) == (2, "page")


async def test_one_page_at_two_addresses_is_one_article(server: FeedServer) -> None:
    sink = ListSink()
    canonical = f'<link rel="canonical" href="{server.url("/story/12345-the-envoys")}">'
    for path in ("/amp/1", "/m/1", "/story/12345-the-envoys"):
        server.answers[path] = page(TITLE, *story(1), head=canonical)
    amp = server.feed("/amp.rss", rss(item("a", title=TITLE, link=server.url("/amp/1"), text="Short.")))
    mobile = server.feed("/m.rss", rss(item("m", title=TITLE, link=server.url("/m/1"), text="Short.")))
    (article,) = await collect(sink, amp)
    assert article.canonical_url == server.url("/story/12345-the-envoys")
    assert article.article_id == article_id(canonical_url=server.url("/amp/1"))
    assert await collect(sink, amp, mobile) == []
    # And again after a restart, without reading the page another time.
    server.feed("/m.rss", rss(item("m", title=TITLE, link=server.url("/m/1"), text="Short."), title="Renamed"))
    assert await collect(sink, amp, mobile) == []
    assert len(server.requests_for("/m/1")) == 1
    # The feed that links to the canonical address itself at last says nothing new either.
    direct = rss(item("a", title=TITLE, link=server.url("/story/12345-the-envoys"), text="Short."))
    server.feed("/amp.rss", direct)
    assert await collect(sink, amp, mobile) == []


async def test_a_template_that_names_one_address_for_all_loses_no_article(server: FeedServer) -> None:
    canonical = f'<link rel="canonical" href="{server.url("/story/12345-template")}">'
    items = []
    for n in range(3):
        server.answers[f"/n/{n}"] = page(f"Headline {n}", *story(n), head=canonical)
        items.append(item(n, link=server.url(f"/n/{n}"), text="Short."))
    articles = await collect(ListSink(), server.feed("/rss", rss(*items)))
    assert len({article.article_id for article in articles}) == 3


async def test_what_a_source_repeats_is_learned_and_kept_over_restarts(server: FeedServer) -> None:
    sink = ListSink()
    for n in range(6):
        lines = (f"شناسه خبر: {n}5561", *story(n), "آنچه دیگران باید بدانند")
        server.answers[f"/n/{n}"] = page(f"Headline {n}", *lines)

    def document(numbers: range) -> str:
        return rss(*(item(n, link=server.url(f"/n/{n}"), text="Short.") for n in numbers))

    first = await collect(sink, server.feed("/rss", document(range(5))))
    assert {article.text for article in first} == {"\n".join(story(n)) for n in range(5)}
    (after_restart,) = await collect(sink, server.feed("/rss", document(range(6))))
    assert after_restart.text == "\n".join(story(5))
    assert after_restart.extra["cut_lines"] == ["شناسه خبر: 55561", "آنچه دیگران باید بدانند"]


async def test_a_page_that_hangs_holds_up_no_other_feed(server: FeedServer) -> None:
    import threading

    release = threading.Event()

    def hang(_: Request) -> Answer:
        release.wait(60)
        return page(TITLE, *story(1))

    server.answers["/n/1"] = hang
    slow = server.feed("/slow.rss", rss(item(1, title=TITLE, link=server.url("/n/1"), text="Short.")))
    quick = server.feed("/quick.rss", rss(item(2, link=None, text="Another feed of this source.")))

    class Sink(ListSink):
        async def deliver(self, deliveries: object) -> None:
            await super().deliver(deliveries)  # type: ignore[arg-type]
            if any(state.feed_url == quick for state in self.states.values()):
                release.set()  # the slow page answers only once the other feed is through

    sink = Sink()
    articles = await collect(sink, slow, quick)
    assert [article.feed_url for article in articles] == [quick, slow]


@pytest.mark.parametrize(
    ("texts", "decisions"), [((LONG, LONG), 1), ((LONG, "Short."), 2)], ids=["all long", "one short"]
)
async def test_a_feed_is_decided_twice_only_where_a_page_is_wanted(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch, texts: tuple[str, ...], decisions: int
) -> None:
    decided = 0
    decide = Desk.decide

    async def counted(*given: Any, **more: Any) -> Any:
        nonlocal decided
        decided += 1
        return await decide(*given, **more)

    monkeypatch.setattr(Desk, "decide", counted)
    for n in range(2):
        server.answers[f"/n/{n}"] = page(f"Headline {n}", *story(n))
    items = [item(n, title=f"Headline {n}", link=server.url(f"/n/{n}"), text=text) for n, text in enumerate(texts)]
    articles = await collect(ListSink(), server.feed("/rss", rss(*items)))
    assert decided == decisions
    assert sorted(article.text_origin for article in articles) == sorted("feed" if t is LONG else "page" for t in texts)
