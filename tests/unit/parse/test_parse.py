"""Feeds of every kind, invented for this: each stands beside what it must become."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.parse.document import DocumentError, EmptyDocument, NotAFeed, TooComplex, Unparsable
from agent.parse.feed import parse_document
from agent.parse.records import ParsedFeed
from agent.parse.values import MAX_TEXT_CHARS
from tests.servers.feed_server import item, rss

DATA = Path(__file__).parents[2] / "data" / "feeds"
FILES = sorted(path for path in DATA.iterdir() if not path.name.endswith(".expected.json"))
# Real feeds that may lie beside the checkout; the test below passes where they are not.
REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "feeds"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_becomes_what_stands_beside_it(path: Path) -> None:
    expected = msgspec.json.decode((path.parent / f"{path.name}.expected.json").read_bytes(), type=ParsedFeed)
    assert parse_document(path.read_bytes()) == expected


def test_real_feeds_are_read_and_other_documents_are_refused() -> None:
    for path in sorted(REAL.rglob("*.*")) if REAL.is_dir() else []:
        is_sitemap = "sitemap" in path.name
        try:
            parsed = parse_document(path.read_bytes(), url="https://feed.example/x")
        except DocumentError as error:
            assert is_sitemap or "partial" in path.name, f"{path.name}: {error}"
            continue
        if is_sitemap:  # of news or videos: those are feeds, though not each entry has a title
            assert all(entry.url for entry in parsed.entries), path.name
        assert not parsed.entries or any(e.title or e.text or e.url for e in parsed.entries), path.name
        for entry in parsed.entries:
            assert entry.url is None or entry.url.startswith(("http://", "https://")), path.name
            assert "\ufffd" not in entry.title, path.name


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (b"", EmptyDocument),
        (b" \r\n\t\n", EmptyDocument),
        (b"\xef\xbb\xbf", EmptyDocument),
        (b"<!doctype html><html><body><p>Maintenance</p></body></html>", NotAFeed),
        (b"<html><head><title>x</title></head></html>", NotAFeed),
        (b"<!-- c --><div>no</div>", NotAFeed),
        (b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"/>', NotAFeed),
        (b'<?xml version="1.0"?><opml version="2.0"><body/></opml>', NotAFeed),
        (b'<?xml version="1.0"?><svg/>', NotAFeed),
        (b'{"some": "json"}', NotAFeed),
        (b"[1, 2]", NotAFeed),
        (b"{broken", NotAFeed),
        (b'{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [', Unparsable),
        (b'{"version": "https://jsonfeed.org/version/1.1", "title": "x"}', Unparsable),
        (b"Just a line of text.", NotAFeed),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00<rss", NotAFeed),
        (bytes(range(256)) * 20, NotAFeed),
        (b"<rss version='2.0'><channel><title>A & B\n</link><description <b>cut", Unparsable),
        (b"<rss", Unparsable),
    ],
)
def test_what_is_no_feed_is_told_by_kind(document: bytes, kind: type[DocumentError]) -> None:
    with pytest.raises(kind) as caught:
        parse_document(document)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_a_feed_without_entries_is_a_feed() -> None:
    assert parse_document(rss().encode()).entries == ()


def test_a_feed_cut_off_in_the_middle_gives_the_entries_before() -> None:
    document = rss(*(item(n) for n in range(10))).encode()
    titles = [entry.title for entry in parse_document(document[: len(document) // 2]).entries]
    assert titles[:4] == [f"Headline {n}" for n in range(4)]
    assert len(titles) < 10


@pytest.mark.parametrize(
    ("link", "guid", "url"),
    [
        ("https://a.example/1", None, "https://a.example/1"),
        ("//cdn.example/1", None, "https://cdn.example/1"),
        ("/1", None, "https://gazette.example/1"),
        (" https://a.example/with blank ", None, "https://a.example/with%20blank"),
        ("javascript:alert(1)", None, None),
        ("mailto:a@b.example", None, None),
        ("file:///etc/passwd", None, None),
        ("http://[broken/", None, None),
    ],
)
def test_links_are_absolute_or_none(link: str, guid: str | None, url: str | None) -> None:
    (entry,) = parse_document(rss(item(1, link=link, guid=guid)).encode(), url="https://feeds.example/x.xml").entries
    assert entry.url == url


def test_a_guid_is_a_link_only_if_it_looks_like_one() -> None:
    permalink = "<item><title>A</title><guid>https://a.example/1</guid></item>"
    number = "<item><title>B</title><guid>12345</guid></item>"
    not_one = '<item><title>C</title><guid isPermaLink="false">https://a.example/2</guid></item>'
    entries = parse_document(rss(permalink, number, not_one).encode(), url="https://a.example/feed").entries
    assert [entry.url for entry in entries] == ["https://a.example/1", None, None]
    assert [entry.guid for entry in entries] == ["https://a.example/1", "12345", "https://a.example/2"]


def test_a_base_address_comes_from_the_document_where_none_is_known() -> None:
    document = rss(item(1, link="/news/1")).encode()
    assert parse_document(document).entries[0].url == "https://gazette.example/news/1"


@pytest.mark.parametrize(
    "text",
    [
        "<p>One<script>alert(1)</script></p><style>p{}</style><!-- hidden --> two",
        "&lt;p&gt;One&lt;/p&gt;&lt;p&gt;two&lt;/p&gt;",
        "<![CDATA[<div>One</div><div onclick='x()'>two</div>]]>",
        "&amp;lt;b&amp;gt;One&amp;lt;/b&amp;gt; two",
    ],
)
def test_texts_come_out_without_markup(text: str) -> None:
    (entry,) = parse_document(rss(item(1, text=text)).encode()).entries
    assert entry.text.split() == ["One", "two"]


def test_a_text_without_bounds_is_cut_and_told() -> None:
    (entry,) = parse_document(rss(item(1, text="word " * 100_000)).encode()).entries
    assert len(entry.text) == MAX_TEXT_CHARS
    assert "too_large" in entry.faults


def test_a_document_without_bounds_gives_its_first_entries() -> None:
    parsed = parse_document(rss(*(item(n) for n in range(30))).encode(), max_entries=20)
    assert [entry.guid for entry in parsed.entries] == [f"guid-{n}" for n in range(20)]
    assert parsed.left_out == 10


@pytest.mark.parametrize(
    "document",
    [
        b'<rss version="2.0" ' + b" ".join(b'a%d="x"' % n for n in range(40_000)) + b"><channel/></rss>",
        b'<rss version="2.0"><channel>' + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</channel></rss>",
    ],
    ids=["attributes", "nesting"],
)
def test_documents_made_to_exhaust_a_parser_are_refused_before_they_do(document: bytes) -> None:
    with pytest.raises(TooComplex):
        parse_document(document)


def test_unclosed_html_in_cdata_is_no_nesting() -> None:
    items = [item(n, text="<![CDATA[" + "<p>word<br>" * 3_000 + "]]>") for n in range(10)]
    assert len(parse_document(rss(*items).encode()).entries) == 10


def test_entities_are_not_expanded_and_files_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">'
        f'<!ENTITY x SYSTEM "file://{secret}">]>' + rss(item(1, title="T &c; &x;"))[38:]
    )
    (entry,) = parse_document(bomb.encode()).entries
    assert "the secret" not in entry.title
    assert "hahaha" not in entry.title


def test_the_declared_language_is_put_in_order() -> None:
    def language(tag: str) -> str | None:
        return parse_document(rss(item(1), head=f"<language>{tag}</language>").encode()).language

    assert [language(t) for t in ("AR", "pt_br", "zh-hant-tw", "fa-IR ", "english!", "")] == [
        "ar",
        "pt-BR",
        "zh-Hant-TW",
        "fa-IR",
        None,
        None,
    ]


def test_the_http_header_helps_where_the_document_says_nothing() -> None:
    document = '<rss version="2.0"><channel><title>ж</title><item><title>Да</title></item></channel></rss>'
    parsed = parse_document(document.encode("cp1251"), content_type="text/xml; charset=windows-1251")
    assert parsed.entries[0].title == "Да"
    assert parse_document(document.encode("utf-8"), content_type="text/xml; charset=latin-1").entries[0].title == "Да"


def test_dates_are_utc_and_a_modification_is_not_a_publication() -> None:
    (entry,) = parse_document(rss(item(1, date="Thu, 05 Jan 2023 13:30:00 +0330")).encode()).entries
    assert entry.published_at == datetime(2023, 1, 5, 10, 0, tzinfo=UTC)
    assert entry.modified_at is None


def test_a_json_feed_with_half_a_letter_is_read() -> None:
    document = b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "cut \\ud83d", "content_text": "a\nb"}]}'
    (entry,) = parse_document(document).entries
    assert (entry.title, entry.text) == ("cut", "a\nb")
    msgspec.json.encode(entry)


SEEDS = [path.read_bytes() for path in FILES]


@given(st.sampled_from(SEEDS), st.data())
def test_damaged_feeds_never_raise_anything_else(document: bytes, data: st.DataObject) -> None:
    damaged = bytearray(document)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(damaged)))
        cut = data.draw(st.integers(0, 40))
        damaged[place : place + cut] = data.draw(st.binary(max_size=12))
    try:
        parsed = parse_document(bytes(damaged), url="https://a.example/")
    except DocumentError as error:
        assert str(error).isprintable()
        return
    # What comes out can always be sent on.
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parsed), type=ParsedFeed) == parsed
    for entry in parsed.entries:
        assert "<script" not in entry.text.lower()
        assert entry.url is None or entry.url.startswith(("http://", "https://", "HTTP", "Http"))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise_anything_else(document: bytes) -> None:
    try:
        parse_document(document)
    except DocumentError:
        pass
