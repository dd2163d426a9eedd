"""The demo server as a feed reader meets it, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from math import inf
from typing import Any

import aiohttp
import feedparser
import pytest

from agent.demo.server import FAULTS, DemoServer, FeedDefinition
from agent.demo.world import load_world

WORLD = load_world()


async def fetch(url: str, **headers: str) -> tuple[int, bytes, Any]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.read(), response.headers


def feed_of(server: DemoServer, outlet_id: str) -> FeedDefinition:
    return next(feed for feed in server.feeds if feed.outlet_id == outlet_id)


async def entries_of(server: DemoServer, outlet_id: str) -> dict[str, str]:
    """Link to title, for a feed in any dialect."""
    status, body, headers = await fetch(feed_of(server, outlet_id).url)
    assert status == 200
    if body.startswith(b"{"):
        import json

        return {item["url"]: item["title"] for item in json.loads(body)["items"]}
    parsed = feedparser.parse(body, response_headers={"content-type": headers["Content-Type"]})
    assert not parsed.bozo, parsed.get("bozo_exception")
    return {entry.link: entry.title for entry in parsed.entries}


async def test_every_feed_carries_every_article_of_its_outlet_under_a_page_that_exists() -> None:
    async with DemoServer(release="all") as server:
        for outlet in WORLD.outlets:
            entries = await entries_of(server, outlet.id)
            expected = {article.versions[-1].title for article in WORLD.articles_of(outlet.id)}
            assert set(entries.values()) == expected, outlet.id
            for url, title in entries.items():
                status, page, _ = await fetch(url)
                assert status == 200
                assert title.split('"')[0] in page.decode().replace("&amp;", "&"), url


async def test_feed_definitions_say_who_speaks() -> None:
    async with DemoServer(release="all") as server:
        assert len(server.feeds) == len(WORLD.outlets) + len(FAULTS)
        assert len({feed.url for feed in server.feeds}) == len(server.feeds)
        barada = feed_of(server, "barada")
        assert (barada.country, barada.language, barada.ownership, barada.fault) == (
            "SY",
            "ar",
            "state",
            None,
        )
        assert barada.url.startswith(server.base_url + "/")


async def test_old_encodings_are_really_on_the_wire() -> None:
    async with DemoServer(release="all") as server:
        for outlet_id, encoding in (("marafi-gulf", "windows-1256"), ("severny", "windows-1251")):
            _, body, headers = await fetch(feed_of(server, outlet_id).url)
            assert encoding in headers["Content-Type"]
            with pytest.raises(UnicodeDecodeError):
                body.decode("utf-8")
            assert WORLD.articles_of(outlet_id)[0].versions[0].title in body.decode(encoding)


async def test_unchanged_feeds_and_pages_answer_304_to_either_validator() -> None:
    async with DemoServer(release="all") as server:
        feed_url = feed_of(server, "bogaz").url
        page_url = next(iter(await entries_of(server, "bogaz")))
        for url in (feed_url, page_url):
            _, body, headers = await fetch(url)
            assert body
            for name, value in (
                ("If-None-Match", headers["ETag"]),
                ("If-Modified-Since", headers["Last-Modified"]),
            ):
                status, again, new_headers = await fetch(url, **{name: value})
                assert (status, again) == (304, b"")
                assert new_headers["ETag"] == headers["ETag"]


async def test_a_wrong_etag_wins_over_a_fresh_date() -> None:
    async with DemoServer(release="all") as server:
        url = feed_of(server, "bogaz").url
        _, _, headers = await fetch(url)
        both = {"If-None-Match": '"other"', "If-Modified-Since": headers["Last-Modified"]}
        status, body, _ = await fetch(url, **both)
        assert status == 200 and body


async def test_a_date_that_is_none_is_ignored() -> None:
    async with DemoServer(release="all") as server:
        status, _, _ = await fetch(feed_of(server, "bogaz").url, **{"If-Modified-Since": "lately"})
        assert status == 200


async def test_late_articles_and_the_edit_come_out_in_their_time_and_change_both_validators() -> None:
    article = next(one for one in WORLD.articles if len(one.versions) > 1)
    first, second = article.versions
    async with DemoServer(release="initial") as server:
        url = f"{server.base_url}/articles/{article.outlet_id}/{article.id}"
        assert url not in await entries_of(server, article.outlet_id)
        assert (await fetch(url))[0] == 404
        _, _, before = await fetch(feed_of(server, article.outlet_id).url)

        server.advance(first.after_seconds)
        assert (await entries_of(server, article.outlet_id))[url] == first.title
        _, _, between = await fetch(feed_of(server, article.outlet_id).url)

        server.advance(inf)
        assert (await entries_of(server, article.outlet_id))[url] == second.title
        _, page, _ = await fetch(url)
        assert second.paragraphs[-1].split("'")[0] in page.decode()
        _, _, after = await fetch(feed_of(server, article.outlet_id).url)

        assert len({one["ETag"] for one in (before, between, after)}) == 3
        assert len({one["Last-Modified"] for one in (before, between, after)}) == 3


async def test_the_clock_of_a_gradual_demo_starts_at_the_first_feed_asked_for() -> None:
    now = 1000.0
    late = next(one for one in WORLD.articles if one.is_late)
    async with DemoServer(release="gradual", clock=lambda: now) as server:
        now += 500
        url = f"{server.base_url}/articles/{late.outlet_id}/{late.id}"
        assert url not in await entries_of(server, late.outlet_id)
        now += late.versions[0].after_seconds
        assert url in await entries_of(server, late.outlet_id)


async def test_no_article_is_dated_in_the_future() -> None:
    from datetime import UTC, datetime

    async with DemoServer(release="all") as server:
        _, body, _ = await fetch(feed_of(server, "barada").url)
        now = datetime.now(UTC).timetuple()
        assert all(entry.published_parsed <= now for entry in feedparser.parse(body).entries)


async def test_the_truncated_feed_holds_back_what_the_page_tells() -> None:
    async with DemoServer(release="all") as server:
        _, body, _ = await fetch(feed_of(server, "minbar-asi").url)
        entry = feedparser.parse(body).entries[-1]
        assert "content" not in entry
        assert entry.summary.endswith("…")
        _, page, _ = await fetch(entry.link)
        assert entry.summary.rstrip("…") in page.decode()
        assert len(page) > 3 * len(entry.summary)


@pytest.mark.parametrize(
    ("kind", "status", "holds"),
    [
        ("not-found", 404, b"fishing"),
        ("html-instead-of-feed", 200, b"<!doctype html>"),
        ("empty-body", 200, b""),
        ("broken-xml", 200, b"<rss"),
    ],
)
async def test_the_misbehaving_feeds_misbehave_each_in_its_way(kind: str, status: int, holds: bytes) -> None:
    async with DemoServer(release="all") as server:
        feed = next(feed for feed in server.feeds if feed.fault == kind)
        found, body, _ = await fetch(feed.url)
        assert found == status
        assert holds in body
        parsed = feedparser.parse(body)
        assert not parsed.entries


async def test_the_slow_feed_never_answers_but_never_is_silent_and_does_not_hold_up_the_end() -> None:
    async with DemoServer(release="all", slow_seconds=3600) as server:
        slow = next(feed for feed in server.feeds if feed.fault == "slow")
        async with aiohttp.ClientSession() as session, session.get(slow.url) as response:
            assert await response.content.readany() == b" "
            reading = asyncio.ensure_future(response.read())
            await server.__aexit__(None, None, None)
            # Ends because the server stops, long before its hour is over.
            assert (await asyncio.wait_for(reading, 30)).strip() == b""


async def test_what_is_not_there_is_404_and_the_rest_is_linked() -> None:
    async with DemoServer(release="all") as server:
        for path in ("/feeds/nobody", "/articles/barada/none", "/articles/nobody/none", "/outlets/nobody"):
            assert (await fetch(server.base_url + path))[0] == 404
        status, index, _ = await fetch(server.base_url + "/")
        assert status == 200
        assert f"{server.base_url}/outlets/zagros".encode() in index
        assert (await fetch(f"{server.base_url}/outlets/zagros"))[0] == 200
        assert (await fetch(f"{server.base_url}/robots.txt"))[0] == 200


def test_the_address_is_only_known_while_it_listens() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        _ = DemoServer().base_url


def test_importing_the_server_imports_no_http_library() -> None:
    code = "import sys, agent.demo.server; print('aiohttp' in sys.modules)"
    # A process of its own, because this one has aiohttp already.
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
