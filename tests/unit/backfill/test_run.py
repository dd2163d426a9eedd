"""Looking back over real sockets: bounded, resumable, nothing twice."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from agent.backfill.progress import BackfillProgress, Document
from agent.backfill.run import Backfiller
from agent.backfill.targets import resolve
from agent.collect.state import FeedState
from agent.errors import UsageError
from agent.feeds.definitions import FeedDefinition
from agent.fetch.fetcher import Fetcher
from agent.pages.reader import PageReader, Reading
from agent.pages.rules import PageRules
from agent.parse.pool import ParsePool
from agent.settings import CollectSettings, PageSettings
from streams.metrics import Metrics
from streams.model import RawArticle
from tests.servers.feed_server import Answer, FeedServer, feed_server, item, rss
from tests.unit.collect.test_collector import ListSink

COLLECT = CollectSettings(
    allow_private_hosts=("127.0.0.1",), per_host_spacing_seconds=0.0, per_host_concurrency=8, timeout_seconds=20
)
READING = Reading(PageSettings(host_spacing_seconds=0.0, timeout_seconds=20), PageRules())
SINCE = datetime(2023, 1, 1, tzinfo=UTC)
LONG = "A text that needs no page because it is long enough by itself. " * 15


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


async def look_back(
    server: FeedServer,
    sink: ListSink,
    url: str,
    *,
    siblings: tuple[FeedState, ...] = (),
    max_documents: int = 50,
    on_progress: Callable[[BackfillProgress, str], None] = lambda *_: None,
) -> BackfillProgress:
    feed = FeedDefinition(url=url, source_id="outlet", name="Outlet", country="SY", tags=("x",))
    target = resolve(url, [feed])
    metrics = Metrics()
    async with (
        Fetcher(COLLECT) as fetcher,
        ParsePool(COLLECT) as pool,
        PageReader(fetcher, READING, metrics, user_agent="Rasad/1") as reader,
    ):
        backfiller = Backfiller(
            target,
            fetcher=fetcher,
            pool=pool,
            reader=reader,
            reading=READING,
            sink=sink,
            settings=COLLECT,
            metrics=metrics,
            state=sink.states.get(target.key),
            siblings=siblings,
            since=SINCE,
            max_documents=max_documents,
            on_progress=on_progress,
        )
        return await backfiller.run()


def entries(first: int, count: int, date: str = "Thu, 05 Jan 2023 10:00:00 GMT") -> list[str]:
    return [item(n, text=LONG, date=date, link=f"https://outlet.example/n/{n}") for n in range(first, first + count)]


def chain(server: FeedServer, documents: int, each: int) -> str:
    """A feed with `documents` parts, the newest first, linked by `prev-archive`."""
    for number in range(documents):
        older = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="prev-archive" href="/part{number + 1}"/>'
        head = older if number + 1 < documents else ""
        server.feed(f"/part{number}", rss(*entries(number * each, each), head=head))
    return server.url("/part0")


def ids(articles: list[RawArticle]) -> list[str]:
    return [article.article_id for article in articles]


async def test_archives_are_followed_to_their_end(server: FeedServer) -> None:
    sink = ListSink()
    progress = await look_back(server, sink, chain(server, 4, 30))
    assert (progress.documents, progress.articles, progress.is_finished) == (4, 120, True)
    assert len(set(ids(sink.articles))) == len(sink.articles) == 120
    assert all(
        article.is_backfill and article.source_id == "outlet" and article.country == "SY" for article in sink.articles
    )
    assert {article.feed_url for article in sink.articles} == {server.url("/part0")}


async def test_it_stops_where_everything_is_older(server: FeedServer) -> None:
    old = "Thu, 05 Jan 2012 10:00:00 GMT"
    head = '<link xmlns="http://www.w3.org/2005/Atom" rel="next" href="/2"/>'
    server.feed("/1", rss(*entries(0, 2), *entries(2, 2, old), head=head))
    server.feed(
        "/2", rss(*entries(10, 2, old), head='<link xmlns="http://www.w3.org/2005/Atom" rel="next" href="/3"/>')
    )
    server.feed("/3", rss(*entries(20, 2)))
    sink = ListSink()
    await look_back(server, sink, server.url("/1"))
    assert len(sink.articles) == 2
    assert not server.requests_for("/3")


async def test_a_run_is_bounded_and_the_next_one_goes_on(server: FeedServer) -> None:
    sink = ListSink()
    url = chain(server, 5, 3)
    progress = await look_back(server, sink, url, max_documents=2)
    assert (progress.documents, progress.is_finished) == (2, False)
    progress = await look_back(server, sink, url)
    assert (progress.documents, progress.is_finished) == (5, True)
    assert len(server.requests_for("/part1")) == 1
    assert len(set(ids(sink.articles))) == len(sink.articles) == 15


async def test_feeds_that_link_in_a_circle_end(server: FeedServer) -> None:
    for here, there in (("/a", "/b"), ("/b", "/a")):
        server.feed(
            here, rss(*entries(0, 1), head=f'<link xmlns="http://www.w3.org/2005/Atom" rel="next" href="{there}"/>')
        )
    progress = await look_back(server, ListSink(), server.url("/a"))
    assert (progress.documents, progress.articles) == (2, 1)


@pytest.mark.parametrize("kill_at", [1, 3, 4, 6])
async def test_killed_in_the_middle_it_makes_nothing_twice(server: FeedServer, kill_at: int) -> None:
    class Killed(BaseException):
        """What nobody catches; of an exception the delivery would be tried again."""

    sink = ListSink()
    calls = 0

    async def killing(deliveries: object) -> None:
        nonlocal calls
        calls += 1
        if calls == kill_at:
            raise Killed
        await ListSink.deliver(sink, deliveries)  # type: ignore[arg-type]

    url = chain(server, 3, 25)
    sink.deliver = killing  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        await look_back(server, sink, url)
    progress = await look_back(server, sink, url)
    assert progress.is_finished
    assert len(set(ids(sink.articles))) == len(sink.articles) == 75 == progress.articles


async def test_what_the_source_has_published_already_is_left_alone(server: FeedServer) -> None:
    live = ListSink()
    await look_back(server, live, server.feed("/live", rss(*entries(0, 10))))
    known = msgspec.structs.replace(live.states[f"backfill:{server.url('/live')}"], feed_url=server.url("/live"))
    sink = ListSink()
    await look_back(server, sink, chain(server, 2, 10), siblings=(known,))
    assert len(sink.articles) == 10
    assert not set(ids(sink.articles)) & set(ids(live.articles))


def page(n: int, day: str = "2023-03-04", kind: str = "article") -> Answer:
    body = "".join(f"<p>Sentence {k} of story {n} tells what no feed has told about it so far.</p>" for k in range(6))
    head = (
        f'<meta property="og:type" content="{kind}"><meta property="article:published_time" content="{day}T10:00:00Z">'
    )
    return Answer(
        f"<html><head><title>Story {n}</title>{head}</head><body><article><h1>Story {n}</h1>{body}</article></body></html>".encode()
    )


def sitemap(*urls: str, tag: str = "urlset", each: str = "url", extra: str = "") -> bytes:
    inner = "".join(f"<{each}><loc>{url}</loc>{extra}</{each}>" for url in urls)
    return f'<?xml version="1.0"?><{tag} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</{tag}>'.encode()


async def test_sitemaps_that_robots_txt_names_are_read_page_by_page(server: FeedServer) -> None:
    for n in range(3):
        server.answers[f"/n/{n}"] = page(n)
    server.answers["/n/old"] = page(9, "2011-01-01")
    server.answers["/section"] = Answer(
        b"<html><head><title>News</title></head><body><a href='/n/1'>one</a></body></html>"
    )
    server.answers["/n/hidden"] = page(7)
    server.answers["/robots.txt"] = Answer(
        f"User-agent: *\nDisallow: /n/hidden\nSitemap: {server.url('/index.xml')}\n".encode()
    )
    server.answers["/index.xml"] = Answer(sitemap(server.url("/s.xml.gz"), tag="sitemapindex", each="sitemap"))
    names = ("/n/0", "/n/1", "/n/2", "/n/old", "/section", "/n/hidden", "/n/missing")
    server.answers["/s.xml.gz"] = Answer(gzip.compress(sitemap(*(server.url(name) for name in names))))
    feed = rss(item(0, title="Story 0", link=server.url("/n/0"), text=LONG)).replace(
        "https://gazette.example/", server.url("/")
    )
    sink = ListSink()
    progress = await look_back(server, sink, server.feed("/rss", feed))
    assert sorted(article.title for article in sink.articles) == ["Story 0", "Story 1", "Story 2"]
    assert all(article.published_at for article in sink.articles)
    assert not server.requests_for("/n/hidden")
    assert (progress.documents, progress.left_out, progress.is_finished) == (3, 4, True)


async def test_an_index_names_only_what_is_young_enough(server: FeedServer) -> None:
    server.answers["/index.xml"] = Answer(
        sitemap(server.url("/old.xml"), tag="sitemapindex", each="sitemap", extra="<lastmod>2012-01-01</lastmod>")
    )
    progress = await look_back(server, ListSink(), server.url("/index.xml"))
    assert progress.is_finished
    assert not server.requests_for("/old.xml")


async def test_documents_that_cannot_be_read_are_counted_and_passed_over(server: FeedServer) -> None:
    server.answers["/rss"] = Answer(b"this is no feed at all")
    progress = await look_back(server, ListSink(), server.url("/rss"))
    assert (progress.failed, progress.is_finished) == (1, True)


def test_memory_is_bounded_whatever_an_index_names() -> None:
    progress = BackfillProgress(since=SINCE).with_documents(
        Document(url=f"https://a.example/{n}") for n in range(9_000)
    )
    assert len(progress.pending) == 2_000
    assert progress.with_documents([Document(url="https://a.example/1")]) == progress
    assert not BackfillProgress(since=SINCE).with_documents([Document(url="https://a.example/", depth=9)]).pending


def test_targets() -> None:
    feeds = [
        FeedDefinition(url="https://www.a.example/1", source_id="a", name="A", id="one"),
        FeedDefinition(url="https://www.a.example/2", source_id="a", name="A"),
    ]
    assert len(resolve("a", feeds).documents) == 2
    assert [d.url for d in resolve("one", feeds).documents] == ["https://www.a.example/1"]
    assert len(resolve("one", feeds).siblings) == 2
    assert resolve("https://a.example/sitemap.xml", feeds).feed.source_id == "a"
    assert resolve("https://b.example/sitemap.xml", feeds).feed.source_id == "b.example"
    for wrong in ("nobody", "ftp://a.example/", "https://user:secret@a.example/"):
        with pytest.raises(UsageError):
            resolve(wrong, feeds)
