"""Sitemaps: news sitemaps are feeds, the others only for looking back."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.parse.document import DocumentError, NotAFeed, Unparsable
from agent.parse.feed import parse_document
from agent.parse.records import ParsedFeed, SitemapLink

_NAMES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
)
NEWS = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- written by hand -->
<urlset {_NAMES}>
  <url>
    <loc>https://gazette.example/1?utm_source=sitemap</loc>
    <lastmod>2023-01-05T12:00:00+03:00</lastmod>
    <news:news>
      <news:publication><news:name>The Gazette</news:name><news:language>ar</news:language></news:publication>
      <news:publication_date>2023-01-05T10:00:00+03:00</news:publication_date>
      <news:title>وزراء &amp; رؤساء &amp;quot;مجتمعون&amp;quot;</news:title>
      <news:keywords>moscow, talks,  ,moscow</news:keywords>
    </news:news>
    <image:image><image:loc>/i/1.jpg</image:loc><image:title>Not the headline</image:title></image:image>
  </url>
  <url><loc>/2</loc><lastmod>some day</lastmod></url>
  <url><loc></loc></url>
</urlset>"""
PLAIN = f"<urlset {_NAMES}><url><loc>https://a.example/1</loc><lastmod>2023-01-05</lastmod></url></urlset>"
INDEX = """<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <sitemap><loc>https://a.example/1.xml.gz</loc><lastmod>2023-01-05</lastmod></sitemap>
  <sitemap><loc>/2.xml</loc></sitemap><sitemap><loc>javascript:1</loc></sitemap>
  <sitemap><loc>https://a.example/1.xml.gz</loc></sitemap>
</sitemapindex>"""


def read(text: str, **given: object) -> ParsedFeed:
    return parse_document(text.encode(), url="https://gazette.example/sitemap.xml", **given)  # type: ignore[arg-type]


def test_a_news_sitemap_is_a_feed() -> None:
    parsed = read(NEWS)
    assert parsed.format == "news-sitemap"
    first, second = parsed.entries
    assert first.title == 'وزراء & رؤساء "مجتمعون"'
    assert first.canonical_url == "https://gazette.example/1"
    assert first.published_at == datetime(2023, 1, 5, 7, tzinfo=UTC)
    assert first.modified_at == datetime(2023, 1, 5, 9, tzinfo=UTC)
    assert (first.language, first.tags) == ("ar", ("moscow", "talks"))
    assert first.image_url == "https://gazette.example/i/1.jpg"
    assert (second.url, second.faults) == ("https://gazette.example/2", ("bad_date",))


def test_prefixes_and_encodings_do_not_matter() -> None:
    text = NEWS.replace("news:", "n:").replace("xmlns:news=", "xmlns:n=").replace("UTF-8", "utf-16")
    assert parse_document(text.encode("utf-16")).entries[0].title == read(NEWS).entries[0].title


def test_a_sitemap_without_titles_is_no_feed_unless_asked_for() -> None:
    with pytest.raises(NotAFeed, match="feeds discover"):
        read(PLAIN)
    (entry,) = read(PLAIN, any_sitemap=True).entries
    # When a page was changed last is not when it was published.
    assert (entry.published_at, entry.modified_at) == (None, datetime(2023, 1, 5, tzinfo=UTC))


def test_an_index_names_its_sitemaps() -> None:
    with pytest.raises(NotAFeed, match="index of 2 sitemaps"):
        read(INDEX)
    parsed = read(INDEX, any_sitemap=True)
    assert parsed.entries == ()
    assert parsed.sitemaps == (
        SitemapLink(url="https://a.example/1.xml.gz", modified_at=datetime(2023, 1, 5, tzinfo=UTC)),
        SitemapLink(url="https://gazette.example/2.xml"),
    )


def test_what_is_too_much_is_left_out() -> None:
    urls = "".join(f"<url><loc>https://a.example/{n}</loc></url>" for n in range(30))
    parsed = read(f"<urlset>{urls}</urlset>", any_sitemap=True, max_entries=20)
    assert (len(parsed.entries), parsed.left_out) == (20, 10)


def test_a_broken_sitemap_gives_what_can_be_read() -> None:
    parsed = read(NEWS[: NEWS.index("<url><loc>/2")])
    assert parsed.was_repaired
    assert len(parsed.entries) == 1
    with pytest.raises(Unparsable):
        read("<urlset", any_sitemap=True)


def test_entities_are_neither_expanded_nor_fetched(tmp_path: object) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    parsed = read(bomb + NEWS.partition("?>")[2].replace("The Gazette", "x").replace("رؤساء", "&b;&f;"))
    assert "haha" not in parsed.entries[0].title
    assert "root:" not in parsed.entries[0].title


@given(st.sampled_from([NEWS, PLAIN, INDEX]), st.data())
def test_damaged_sitemaps_never_raise_anything_else(text: str, data: st.DataObject) -> None:
    damaged = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged)))
        damaged[place : place + data.draw(st.integers(0, 60))] = data.draw(st.binary(max_size=8))
    try:
        parsed = parse_document(bytes(damaged), url="https://a.example/", any_sitemap=True)
    except DocumentError as error:
        assert str(error).isprintable()
        return
    assert all(entry.url is None or entry.url.lower().startswith("http") for entry in parsed.entries)


async def test_a_compressed_sitemap_is_read_by_the_command() -> None:
    from agent.feed_check.preview import parse_bytes
    from agent.settings import CollectSettings

    parsed = await parse_bytes(gzip.compress(NEWS.encode()), CollectSettings(), name="x")
    assert [entry.url for entry in parsed.entries] == ["https://gazette.example/1?utm_source=sitemap"]
