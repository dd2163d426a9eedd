"""`rasad parse` and `rasad feeds`, as a user calls them."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.cli import main
from agent.collect.collector import Collector
from agent.collect.records import Delivery
from agent.collect.state import FeedState
from agent.config_files import Faults
from agent.feeds.load import load_feeds
from agent.settings import CollectSettings
from streams import codec
from streams.metrics import Metrics
from streams.stores.sqlite import SqliteStore
from tests.servers.feed_server import Answer, FeedServer, feed_server, item, rss

DATA = Path(__file__).parents[2] / "data" / "feeds"


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def rasad(capfdbinary: pytest.CaptureFixture[bytes]) -> object:
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
    folder = tmp_path / "config"
    (folder / "feeds").mkdir(parents=True)
    (folder / "rasad.yaml").write_text(
        f"collect: {{allow_private_hosts: ['127.0.0.1']}}\nstore: {{path: '{tmp_path / 'rasad.sqlite'}'}}\n"
    )
    return folder


def write(folder: Path, *urls: str) -> None:
    lines = "".join(f"  - {{id: s{n}, name: Source {n}, url: '{url}'}}\n" for n, url in enumerate(urls))
    (folder / "feeds" / "f.yaml").write_text(f"sources:\n{lines}")


# --- parse ---


def test_parse_prints_entries_as_json_lines(rasad) -> None:  # type: ignore[no-untyped-def]
    ended = rasad("parse", DATA / "rss20-arabic.xml")
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.lines
    assert set(first) >= {
        "article_id", "title", "url", "canonical_url", "guid", "published_at", "modified_at", "date_is_reliable",
        "authors", "tags", "text", "language",
    }  # fmt: skip
    assert first["canonical_url"] == "https://mina.example/news/101"
    assert first["published_at"] == "2023-05-10T11:30:00Z"
    assert (first["date_is_reliable"], first["language"]) == (True, "ar")
    assert second["url"] == "https://mina.example/news/102"


def test_parse_takes_a_base_address_a_header_and_gzip(rasad, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "feed.xml.gz"
    document = (
        '<rss version="2.0"><channel><title>ж</title><item><title>Да</title><link>/1</link></item></channel></rss>'
    )
    file.write_bytes(gzip.compress(document.encode("cp1251")))
    ended = rasad("parse", file, "--url", "https://a.example/feed", "--content-type", "text/xml; charset=windows-1251")
    assert [(line["title"], line["url"]) for line in ended.lines] == [("Да", "https://a.example/1")]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.xml")), ids=lambda path: path.name)
def test_parse_and_the_pipeline_agree_on_the_line_format(rasad, path: Path) -> None:  # type: ignore[no-untyped-def]
    from agent.pipe import BadLine, read_articles
    from streams.pipeline import utc_now

    ended = rasad("parse", path)
    assert ended.code == 0
    import io

    for _, article in read_articles(io.BytesIO(ended.out.encode()), utc_now):
        assert not isinstance(article, BadLine)
        assert not article.extra


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"<html><body>no</body></html>", "HTML page"),
        (b"\x00\x01\x02\x03" * 500, "binary"),
        (b"\x1f\x8b\x08 broken gzip", "gzip"),
        (b"<rss version='2.0'><channel><title>A & B\n</link><description <b>cut", "beyond repair"),
        (b'{"a": 1}', "not a JSON Feed"),
        (b"<svg/>", "<svg>"),
        (b"<rss " + b" ".join(b'a%d="x"' % n for n in range(40_000)) + b"/>", "attributes"),
    ],
)
def test_parse_says_in_one_line_what_is_no_feed(rasad, tmp_path: Path, content: bytes, says: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "file"
    file.write_bytes(content)
    ended = rasad("parse", file)
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err


def test_parse_of_what_is_not_there(rasad, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for file in (tmp_path, tmp_path / "nothing", "a\0b"):
        ended = rasad("parse", file)
        assert (ended.code, ended.err.count("\n")) == (1, 1)


def test_parse_reads_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "parse", "-"], input=rss(item(1)).encode(), capture_output=True, check=True
    )
    assert json.loads(done.stdout)["title"] == "Headline 1"
    assert done.stderr == b""


# --- feeds ---


class StoreSink:
    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def deliver(self, deliveries: list[Delivery]) -> None:
        with self._store.transaction() as transaction:
            transaction.put_feed_states({d.state.feed_url: codec.encode(d.state) for d in deliveries})


def poll_all(config: Path, path: Path) -> None:
    async def run() -> None:
        store = SqliteStore(path)
        faults = Faults()
        feeds = load_feeds(config / "feeds", faults)
        settings = CollectSettings(allow_private_hosts=("127.0.0.1",))
        collector = Collector(feeds=feeds, sink=StoreSink(store), settings=settings, metrics=Metrics())  # type: ignore[arg-type]
        await collector.run_once()
        await store.close()

    asyncio.run(run())


def test_list_shows_outcomes_faults_and_next_polls(rasad, server: FeedServer, config: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    server.answers["/html"] = Answer(b"<html></html>")
    write(config, server.feed("/good", rss(item(1), item(2, guid=None, date=None))), server.url("/html"))
    before = rasad("feeds", "list", "--config", config, "--json").lines
    assert [row["outcome"] for row in before] == ["never", "never"]
    poll_all(config, tmp_path / "rasad.sqlite")
    good, html = rasad("feeds", "list", "--config", config, "--json").lines
    assert (good["outcome"], good["entries"], good["published"]) == ("ok", 2, 2)
    assert good["entry_faults"] == {"no_guid": 1, "missing_date": 1}
    assert (html["outcome"], html["failures"]) == ("not_a_feed", {"not_a_feed": 1})
    assert html["next_poll_at"]
    table = rasad("feeds", "list", "--config", config).out
    for shown in ("not_a_feed", "is an HTML page", "missing_date 1, no_guid 1", "2 feeds, 1 failing"):
        assert shown in table
    only = rasad("feeds", "list", "--config", config, "--failing", "--json").lines
    assert len(only) == 2
    assert rasad("feeds", "list", "--config", config, "--on", "config", "--json").lines == before


def test_list_of_a_feed_whose_text_is_hostile(rasad, config: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write(config, "https://a.example/feed")
    state = FeedState(
        feed_url="https://a.example/feed",
        source_id="s0",
        polls=1,
        last_outcome="http_error",
        last_detail="[bold]HTTP 500[/bold] \x1b[31mred\u202e",
    )
    store = SqliteStore(tmp_path / "rasad.sqlite")
    with store.transaction() as transaction:
        transaction.put_feed_states({state.feed_url: codec.encode(state)})
    asyncio.run(store.close())
    table = rasad("feeds", "list", "--config", config).out
    assert "[bold]HTTP 500[/bold]" in table
    assert "\x1b[31m" not in table
    assert "\u202e" not in table


def test_a_feed_is_tried_out(rasad, server: FeedServer, config: Path) -> None:  # type: ignore[no-untyped-def]
    url = server.feed("/feed", rss(item(1), item(2, guid=None), head="<language>en</language>"))
    ended = rasad("feeds", "test", url, "--config", config)
    assert ended.code == 0
    for shown in ("rss20", "Invented Gazette", "2, 2 articles", "no_guid 1", "Headline 1"):
        assert shown in ended.out
    report = rasad("feeds", "test", url, "--config", config, "--json").lines[0]
    assert (report["outcome"], report["articles"], report["has_validators"]) == ("ok", 2, True)
    write(config, url)
    feed_id = str(rasad("feeds", "list", "--config", config, "--on", "config", "--json").lines[0]["id"])
    assert rasad("feeds", "test", feed_id, "--config", config).code == 0


def test_all_that_the_collector_would_see_and_do_is_told(rasad, server: FeedServer, config: Path) -> None:  # type: ignore[no-untyped-def]
    page = server.url("/news/")
    items = (
        f"<item><title>In full</title><link>{page}1?utm_source=rss</link><guid>1</guid>"
        f"<pubDate>Thu, 05 Jan 2043 10:00:00 GMT</pubDate><description>{'long ' * 400}</description></item>"
        f"<item><title>Again</title><link>{page}1</link><guid>1</guid><description>x</description></item><item/>"
        f"<item><title>وزیر خارجه با همتای خود دیدار کرد</title><link>{page}2</link><guid>2</guid></item>"
    )
    head = "<ttl>60</ttl><skipHours><hour>2</hour></skipHours><language>fa</language>"
    hub = [("Link", '<https://hub.example/>; rel="hub"'), ("Cache-Control", "max-age=900"), ("Set-Cookie", "a=secret")]
    body = f'<?xml version="1.0" encoding="iso-8859-1"?>{rss(items, head=head).partition("?>")[2]}'.encode()
    server.answers["/feed"] = Answer(body, headers=hub)
    server.answers["/old"] = Answer(status=308, headers=[("Location", "/feed")])
    server.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /news/\n")
    ended = rasad("feeds", "test", server.url("/old"), "--config", config)
    assert ended.code == 0
    for shown in (
        "127.0.0.1 (127.0.0.1): may be connected to",
        "HTTP 308 to",
        "Cache-Control: max-age=900",
        "utf-8 (document says iso-8859-1)",
        "entries are in:",
        "https://hub.example/",
        "2 articles, 1 duplicates, 1 rejected",
        "robots.txt forbids it",
        "(?: future_date)",
        "3600 s: asked for by ttl",
        "900 s: asked for by Cache-Control",
        "skipHours and skipDays (UTC): 2:00",
    ):
        assert shown in ended.out, shown
    assert "secret" not in ended.out
    report = rasad("feeds", "test", server.url("/old"), "--config", config, "--json").lines[0]
    assert [hop["status"] for hop in report["redirects"]] == [308]
    assert [entry["fate"] for entry in report["newest"]] == ["published", "duplicate", "rejected", "published"]
    assert [entry["page_is_wanted"] for entry in report["newest"]] == [False, False, False, True]
    assert (report["newest"][0]["date_fault"], report["newest"][3]["text_language"]) == ("future_date", "fa")
    assert report["newest"][0]["canonical_url"] == f"{page}1"


def test_a_feed_that_cannot_be_used_is_told(rasad, server: FeedServer, config: Path) -> None:  # type: ignore[no-untyped-def]
    server.answers["/page"] = Answer(b"<html></html>")
    ended = rasad("feeds", "test", server.url("/page"), "--config", config)
    assert ended.code == 1
    assert "not_a_feed: is an HTML page, not a feed" in ended.out
    ended = rasad("feeds", "test", "http://10.0.0.1/", "--config", config)
    assert ended.code == 1
    assert "collect.allow_private_hosts" in ended.out
    assert rasad("feeds", "test", "ftp://a.example/", "--config", config).code == 2


def test_a_feed_is_added_after_a_look_at_it(rasad, server: FeedServer, config: Path) -> None:  # type: ignore[no-untyped-def]
    url = server.feed("/feed", rss(item(1), head="<language>fa</language>", title="روزنامه"))
    assert rasad("feeds", "add", url, "--config", config, "--country", "IR", "--tag", "daily").code == 0
    (row,) = rasad("feeds", "list", "--config", config, "--json").lines
    assert (row["name"], row["language"], row["country"], row["tags"]) == ("روزنامه", "fa", "IR", ["daily"])
    assert "is there already" in rasad("feeds", "add", url, "--config", config).out
    bad = rasad("feeds", "add", server.url("/nothing"), "--config", config)
    assert bad.code == 1
    assert "--no-check" in bad.err
    assert rasad("feeds", "add", server.url("/nothing"), "--config", config, "--no-check").code == 0
    assert rasad("feeds", "add", "https://b.example/", "--config", config, "--no-check", "--country", "iran").code == 2
    assert len(rasad("feeds", "list", "--config", config, "--json").lines) == 2


def test_opml_in_and_out(rasad, config: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    opml = tmp_path / "in.opml"
    opml.write_text(
        '<opml version="2.0"><body><outline text="World"><outline text="A" xmlUrl="https://a.example/rss"/>'
        '<outline text="B" xmlUrl="https://a.example/two"/></outline><outline text="x" xmlUrl="nonsense"/></body></opml>'
    )
    dry = rasad("feeds", "import", opml, "--config", config, "--dry-run")
    assert dry.out.count("new ") == 2
    assert not list((config / "feeds").iterdir())
    ended = rasad("feeds", "import", opml, "--config", config)
    assert "2 feeds added" in ended.out
    assert "nonsense" in ended.err
    rows = rasad("feeds", "list", "--config", config, "--json").lines
    assert {row["source_id"] for row in rows} == {"a-example"}
    assert rows[0]["tags"] == ["World"]
    out = tmp_path / "out.opml"
    assert rasad("feeds", "export", out, "--config", config).code == 0
    assert rasad("feeds", "export", "--config", config).out == out.read_text()
    other = tmp_path / "other"
    (other / "feeds").mkdir(parents=True)
    (other / "rasad.yaml").write_text("")
    rasad("feeds", "import", out, "--config", other)
    assert rasad("feeds", "export", "--config", other).out == out.read_text()
    bad = tmp_path / "bad.opml"
    bad.write_text("<html/>")
    ended = rasad("feeds", "import", bad, "--config", config)
    assert (ended.code, ended.err.count("\n")) == (1, 1)


def test_collect_tells_all_faults_before_anything_starts(rasad, config: Path) -> None:  # type: ignore[no-untyped-def]
    (config / "rasad.yaml").write_text("collect: {interval_seconds: never, nonsense: 1}\n")
    (config / "feeds" / "f.yaml").write_text("sources:\n  - id: a\n    name: A\n    url: nonsense\n")
    ended = rasad("collect", "--config", config)
    assert ended.code == 2
    for place in ("rasad.yaml:1", "f.yaml:4"):
        assert place in ended.err
    assert "3 faults" in ended.err


def test_collect_without_feeds_says_how_to_add_one(rasad, config: Path) -> None:  # type: ignore[no-untyped-def]
    ended = rasad("collect", "--config", config)
    assert ended.code == 2
    assert "rasad feeds add" in ended.err


def test_collect_waits_for_kafka_and_stops_when_told(config: Path, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        write(config, "https://a.example/feed")
        log = tmp_path / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "agent", "collect", "--config", str(config)],
                env={**os.environ, "RASAD_KAFKA__BOOTSTRAP_SERVERS": address},
                stderr=stream,
            )
        give_up = time.monotonic() + 120
        while b"waiting: Kafka cannot be reached" not in log.read_bytes():
            assert time.monotonic() < give_up
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "Traceback" not in log.read_text()
