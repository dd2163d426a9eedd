"""Finding feeds, checking the list, and subscribing to lists: against a server of our own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from agent.cli import main
from agent.config_files import Faults
from agent.feed_check.discover import common_candidates, page_candidates, robots_candidates
from agent.feeds.files import verified_texts
from agent.feeds.lists import is_due
from agent.feeds.load import load_feeds, load_subscriptions
from tests.servers.feed_server import Answer, FeedServer, feed_server, item, rss


def test_a_page_declares_and_links_to_feeds() -> None:
    page = """<html><head><base href="https://a.example/ar/">
      <link rel="alternate" type="application/rss+xml" title="All" href="rss&amp;x=1">
      <link type='application/atom+xml' rel='ALTERNATE' href=/atom>
      <link rel="alternate" hreflang="fa" href="/fa"> <link rel="feed" href="/json">
      <link rel="stylesheet" type="text/css" href="/feed.css"></head>
      <body><a class=x href="/services/rss">RSS</a><a href="/feedback">no</a><a href="javascript:feed()">no</a>
      <a href="https://b.example/news.xml">x</a></body>"""
    assert [(c.url, c.how) for c in page_candidates(page, "https://a.example/")] == [
        ("https://a.example/ar/rss&x=1", "declared"),
        ("https://a.example/atom", "declared"),
        ("https://a.example/json", "declared"),
        ("https://a.example/services/rss", "linked"),
        ("https://b.example/news.xml", "linked"),
    ]


def test_hostile_pages_cost_little() -> None:
    for page in ("<a " * 200_000, "<link href='" * 100_000, "<a href=" + "x" * 2_000_000):
        assert page_candidates(page, "https://a.example/") == []


def test_robots_names_sitemaps_those_of_news_first() -> None:
    text = "User-agent: *\nDisallow: /x\nSitemap: https://a.example/all.xml\nSITEMAP:/news.xml\nsitemap: ftp://x/"
    assert [c.url for c in robots_candidates(text, "https://a.example/robots.txt")] == [
        "https://a.example/news.xml",
        "https://a.example/all.xml",
    ]


def test_usual_addresses_are_below_the_page_and_at_the_root() -> None:
    urls = [c.url for c in common_candidates("https://a.example/ar/index.html")]
    assert {"https://a.example/ar/feed", "https://a.example/rss.xml", "https://a.example/?feed=rss2"} <= set(urls)
    assert all(url.startswith("https://a.example/") for url in urls)


@dataclass
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def rasad(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ended]:
    def call(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ended(int(ended.value.code or 0), out.decode(), err.decode())

    return call


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "rasad.yaml").write_text(
        "collect:\n  allow_private_hosts: [127.0.0.1]\n  per_host_spacing_seconds: 0\n"
    )
    return tmp_path


NEWS_SITEMAP = (
    '<urlset xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://a.example/1</loc>'
    "<n:news><n:title>T</n:title><n:publication_date>2023-01-05</n:publication_date></n:news></url></urlset>"
)


def test_discover_finds_what_a_site_has(rasad: Callable[..., Ended], server: FeedServer, config: Path) -> None:
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/all.xml"></head></html>'
    server.answers["/"] = Answer(page.encode(), headers=[("Content-Type", "text/html")])
    server.feed("/all.xml", rss(item(1), item(2)))
    server.feed("/rss", rss(item(1), item(2)))  # the same document: one feed
    server.feed("/feed.json", '{"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": []}')
    robots = f"User-agent: *\nSitemap: {server.url('/map.xml')}\n"
    server.answers["/robots.txt"] = Answer(robots.encode())
    index = f"<sitemapindex><sitemap><loc>{server.url('/news-1.xml')}</loc></sitemap></sitemapindex>"
    server.answers["/map.xml"] = Answer(index.encode())
    server.answers["/news-1.xml"] = Answer(NEWS_SITEMAP.encode())
    ended = rasad("feeds", "discover", server.url("/"), "--config", config, "--json")
    found = json.loads(ended.out)
    assert ended.code == 0
    assert [(feed["url"].removeprefix(server.url("")), feed["how"]) for feed in found["feeds"]] == [
        ("/all.xml", "declared"),
        ("/news-1.xml", "sitemap"),
        ("/feed.json", "common path"),
    ]
    assert found["feeds"][0]["newest_at"] == "2023-01-05T10:00:00Z"


def test_discover_says_when_there_is_nothing(rasad: Callable[..., Ended], server: FeedServer, config: Path) -> None:
    ended = rasad("feeds", "discover", server.url("/x/"), "--config", config)
    assert ended.code == 1
    assert "0 feeds among" in ended.err
    assert rasad("feeds", "discover", "ftp://x", "--config", config).code == 2


def test_check_writes_down_what_is_well(rasad: Callable[..., Ended], server: FeedServer, config: Path) -> None:
    old, now = "Thu, 05 Jan 2012 10:00:00 GMT", format_datetime(datetime.now(UTC))
    server.feed("/good", rss(item(1, date=now), head="<language>fa</language>"))
    server.feed("/old", rss(item(1, date=old)))
    file = config / "feeds" / "mine.yaml"
    file.write_text(
        f"""# my feeds
sources:
  - id: one   # the good one
    name: One
    language: ar
    url: {server.url("/good")}
  - id: two
    name: Two
    feeds:
      - url: {server.url("/old")}  # old
        verified: true
      - url: {server.url("/gone")}
"""
    )
    before = file.read_text()
    ended = rasad("feeds", "check", "--config", config, "--json")
    lines = {json.loads(line)["url"].rpartition("/")[2]: json.loads(line) for line in ended.out.splitlines()}
    assert ended.code == 1
    assert {name: line["is_verified"] for name, line in lines.items()} == {"good": True, "old": False, "gone": False}
    assert lines["good"]["notes"] == ["says that its language is fa, not ar"]
    assert lines["old"]["notes"] == ["nothing new since 2012-01-05"]
    assert lines["gone"]["outcome"] == "http_error"
    patch = rasad("feeds", "check", "--config", config, "--patch").out
    assert "+    verified: true\n" in patch
    assert file.read_text() == before
    assert rasad("feeds", "check", "one", "--config", config, "--write").code == 0
    rasad("feeds", "check", "--config", config, "--write")
    text = file.read_text()
    assert "# the good one" in text
    assert "# old\n        verified: false\n" in text
    assert {feed.url.rpartition("/")[2]: feed.verified for feed in load_feeds(config / "feeds", Faults())} == {
        "good": True,
        "old": False,
        "gone": False,
    }
    assert verified_texts(config / "feeds", {server.url("/good"): True}) == {}


OPML = """<opml version="2.0"><body><outline text="Levant">
  <outline type="rss" text="Gazette" xmlUrl="https://gazette.example/rss" language="ar"/>
  <outline type="rss" text="Mine" xmlUrl="https://mine.example/rss"/></outline></body></opml>"""
LIST = "sources:\n  - {id: mine, name: My own, country: SY, url: 'https://mine.example/rss'}\n"
LIST += "  - {id: region, name: Region, tags: [region], opml: '%s'}\n"


def test_a_list_is_subscribed_to(rasad: Callable[..., Ended], server: FeedServer, config: Path) -> None:
    folder = config / "feeds"
    url = server.feed("/list.opml", OPML)
    (folder / "list.yaml").write_text(LIST % url)
    assert [feed.url for feed in load_feeds(folder, Faults())] == ["https://mine.example/rss"]
    (subscription,) = load_subscriptions(folder)
    assert is_due(subscription)
    ended = rasad("feeds", "refresh", "--config", config, "--json")
    assert (ended.code, json.loads(ended.out)["added"]) == (0, 2)
    assert not is_due(subscription)
    # What the user's own files say of a feed comes first.
    mine, gazette = load_feeds(folder, Faults())
    assert (mine.source_id, mine.country) == ("mine", "SY")
    assert (gazette.url, gazette.source_id, gazette.name, gazette.language, gazette.tags) == (
        "https://gazette.example/rss",
        "gazette-example",
        "Gazette",
        "ar",
        ("region", "Levant"),
    )
    # Asked again with its validator, it costs nothing; broken or emptied, it stays what it was.
    assert json.loads(rasad("feeds", "refresh", "--config", config, "--json").out)["outcome"] == "not_modified"
    for body in (b"<opml version='2.0'><body/></opml>", b"<html>maintenance</html>"):
        server.answers["/list.opml"] = Answer(body)
        assert rasad("feeds", "refresh", "--config", config).code == 1
        assert len(load_feeds(folder, Faults())) == 2
    # A file with a subscription can still be changed by the commands.
    assert rasad("feeds", "add", "https://new.example/rss", "--no-check", "--config", config).code == 0
    assert len(load_feeds(folder, Faults())) == 3


def test_a_source_is_one_thing(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        "sources:\n  - {id: a, name: A, url: 'https://a.example/', opml: 'https://a.example/l'}\n"
        "  - {id: b, name: B, opml: 'ftp://b.example/'}\n"
    )
    faults = Faults()
    load_feeds(tmp_path, faults)
    assert [("`url` and `opml`" in fault.message, "http" in fault.message) for fault in faults.found] == [
        (True, False),
        (False, True),
    ]
