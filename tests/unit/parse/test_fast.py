"""The quick way through a feed and feedparser give the same, field by field, whatever the feed looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.parse.document import DocumentError
from agent.parse.fast import read_fast
from agent.parse.fast_entry import READ_KEYS
from agent.parse.fast_names import IGNORED, NAMESPACES, NOT_SURE
from agent.parse.fast_values import repaired
from agent.parse.feed import parse_document
from tests.servers.feed_server import item, rss

DATA = Path(__file__).parents[2] / "data" / "feeds"
FILES = sorted(path for path in DATA.iterdir() if not path.name.endswith(".expected.json"))
REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "feeds"


def both(document: bytes, url: str | None = "https://feeds.example/a/feed.xml") -> tuple[Any, Any]:
    """Return what both ways make of a document: the feed, or the error."""
    results = []
    for is_fast in (True, False):
        try:
            results.append(parse_document(document, url=url, is_fast=is_fast))
        except DocumentError as error:
            results.append((type(error), str(error)))
    return results[0], results[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_our_feeds(path: Path) -> None:
    fast, slow = both(path.read_bytes())
    assert fast == slow


def test_real_feeds_where_they_are() -> None:
    for path in sorted(REAL.rglob("*.*")) if REAL.is_dir() else []:
        for url in (None, "https://feeds.example/a/feed.xml"):
            fast, slow = both(path.read_bytes(), url)
            assert fast == slow, path.name


def test_ordinary_feeds_go_the_quick_way() -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="ar"><title>t</title><link rel="self" href="/f"/>'
        '<entry><id>tag:1</id><title type="html">a &amp;amp; b</title><link href="/1"/><author><name>n</name></author>'
        '<updated>2023-01-05T10:00:00Z</updated><content type="html">&lt;p&gt;x</content></entry></feed>'
    )
    for document in (rss(item(1), item(2)), atom):
        assert read_fast(document.partition("?>")[2] or document, 10) is not None


def test_every_name_that_feedparser_handles_is_known() -> None:
    from feedparser.mixin import _FeedParserMixin

    handled = {
        name.removeprefix("_start_").removeprefix("_end_").lower()
        for name in dir(_FeedParserMixin)
        if name.startswith(("_start_", "_end_"))
    }
    assert handled - READ_KEYS - IGNORED - NOT_SURE == {"language", "image", "source"} - READ_KEYS
    theirs = {uri.lower(): prefix.lower() for uri, prefix in _FeedParserMixin.namespaces.items()}
    assert theirs == NAMESPACES


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=20))
def test_texts_are_repaired_as_there(text: str) -> None:
    from feedparser.html import _cp1252

    expected = text
    try:
        expected = text.encode("iso-8859-1").decode("utf-8")
    except UnicodeError:
        pass
    assert repaired(text) == expected.translate(_cp1252)


# --- feeds of every shape ---

_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "plain",
        " blanks around\n",
        "نص عربي",
        "caf\u00c3\u00a9",
        "\u0093quoted\u0094",
        "&lt;p&gt;one&lt;/p&gt; two",
        "a &amp;amp; b",
        "<![CDATA[<p>x <img src='/i.png'> &nbsp;y</p>]]>",
        "https://a.example/1?utm_source=rss&amp;b=2",
        "/relative/1",
        "//host.example/x",
        "http:///three",
        "12345",
        "tag:a.example,2023:1",
        "Thu, 05 Jan 2023 10:00:00 GMT",
        "2023-01-05T10:00:00+03:30",
        "5 يناير 2023",
        "no date",
        "a@b.example (A. Name)",
        "A. Name a@b.org",
        "x,y, z",
        "fa-IR",
        "<b>inside</b>",
        "one <!-- c --> two",
        "&nbsp;",
        "a &b; c",
    ]
)
_NAMES = st.sampled_from(
    "title link guid id pubDate published updated modified issued created description summary content content:encoded "
    "author managingEditor dc:creator dc:date dc:subject dc:title dc:language dc:description dc:publisher dcterms:issued "
    "category keywords enclosure image source language media:title media:content media:thumbnail media:group "
    "media:description media:keywords media:category media:credit itunes:author itunes:summary itunes:image "
    "itunes:keywords itunes:owner itunes:subtitle feedburner:origLink comments contributor name email uri url "
    "abstract fullitem body div date links tags item x:thing x:title creativeCommons:license textInput ttl "
    "sy:updatePeriod rights generator lastBuildDate georss:point slash:comments wfw:commentRss href".split()
)
_ATTRIBUTES = st.sampled_from(
    [
        "",
        "",
        "",
        ' href="/a"',
        ' href="https://a.example/x" rel="alternate"',
        ' url="https://a.example/i.jpg" type="image/jpeg" medium="image"',
        ' rel="self" href="/feed"',
        ' rel="HUB" href="https://hub.example/"',
        ' isPermaLink="false"',
        ' type="html"',
        ' type="xhtml"',
        ' type="text"',
        ' TYPE="Text/HTML"',
        ' type="application/octet-stream"',
        ' term="t" label="l"',
        ' label="only"',
        ' domain="d"',
        ' xml:lang="fa"',
        ' lang="en_US"',
        ' xml:lang=""',
        ' xml:base="https://base.example/b/"',
        ' rdf:about="https://about.example/"',
        ' x:href="/other"',
        ' mode="escaped"',
        ' mode="base64"',
        ' lastmod="2023-01-01"',
    ]
)


@st.composite
def _element(draw: st.DrawFn, depth: int = 0) -> str:
    name, attributes = draw(_NAMES), draw(_ATTRIBUTES)
    inside = draw(_TEXTS)
    if depth < 2 and draw(st.integers(0, 5)) == 0:
        inside += "".join(draw(st.lists(_element(depth + 1), max_size=3))) + draw(_TEXTS)
    return f"<{name}{attributes}>{inside}</{name}>" if inside or draw(st.booleans()) else f"<{name}{attributes}/>"


_BINDINGS = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:creativeCommons="http://backend.userland.com/creativeCommonsRssModule" xmlns:x="urn:x" '
    'xmlns:georss="http://www.georss.org/georss" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" '
    'xmlns:wfw="http://wellformedweb.org/CommentAPI/"'
)
_DEFAULTS = st.sampled_from(
    ["", ' xmlns="http://www.w3.org/2005/Atom"', ' xmlns="http://purl.org/rss/1.0/"', ' xmlns="urn:unknown"']
)


@st.composite
def _document(draw: st.DrawFn) -> str:
    head = "".join(draw(st.lists(_element(), max_size=4)))
    entries = draw(st.lists(st.lists(_element(), max_size=7).map("".join), max_size=3))
    tail = "".join(draw(st.lists(_element(), max_size=1)))
    bindings, default = _BINDINGS, draw(_DEFAULTS)
    if draw(st.integers(0, 9)) == 0:
        bindings = bindings.replace("xmlns:x=", "xmlns:media2=").replace("purl.org/dc/terms", "other.example/terms")
    kind = draw(st.sampled_from(["rss", "rss", "feed", "rdf"]))
    attributes = draw(_ATTRIBUTES)
    if kind == "rss":
        version = draw(st.sampled_from(["2.0", "0.91", "0.92", "1.0", ""]))
        items = "".join(f"<item{draw(_ATTRIBUTES)}>{entry}</item>" for entry in entries)
        return f'<rss version="{version}" {bindings}{default}{attributes}><channel>{head}{items}{tail}</channel></rss>'
    if kind == "feed":
        items = "".join(f"<entry{draw(_ATTRIBUTES)}>{entry}</entry>" for entry in entries)
        return f"<feed {bindings}{default}{attributes}>{head}{items}{tail}</feed>"
    items = "".join(f"<item{draw(_ATTRIBUTES)}>{entry}</item>" for entry in entries)
    return f'<rdf:RDF {bindings} xmlns="http://purl.org/rss/1.0/"><channel>{head}</channel>{items}</rdf:RDF>'


@pytest.mark.parametrize(
    "inside",
    [
        '<title/><itunes:keywords xml:lang="fa"><title> </title></itunes:keywords>',
        '<title>a</title><dc:subject x:y="1"><title>b</title></dc:subject>',
        '<pubDate \u0416="1">2023-01-05</pubDate><title>\u0416</title>',
        '<unknown \u8bed="1">\u8bed</unknown><title>\u8bed</title>',
        "<title>&#133;</title><description>&#160;x&#8195;y</description>",
        "<title>\u00ab\u0645\u00bb</title><description>\u2003a\u2029\u3000b\ufeff \t c</description>",
    ],
)
def test_entries_that_were_once_read_differently(inside: str) -> None:
    fast, slow = both(f'<rss version="2.0" {_BINDINGS}><channel><item>{inside}</item></channel></rss>'.encode())
    assert fast == slow


def test_what_looks_like_a_root_before_the_root() -> None:
    feed = '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>1</id></entry></feed>'
    for before in ('<?x href="<br/>"?>', "<!-- <rss> -->", '<!DOCTYPE feed [<!ENTITY a "<b/>">]>', "<?x?><!-- --> \n"):
        fast, slow = both(f"{before}{feed}".encode())
        assert fast == slow


@given(_document())
def test_made_up_feeds(document: str) -> None:
    fast, slow = both(document.encode())
    assert fast == slow


SEEDS = [path.read_bytes() for path in FILES] + [rss(item(1), item(2, text="<![CDATA[<p>a</p>]]>")).encode()]
_PIECES = st.one_of(_TEXTS, _element(), _NAMES.map("<{}>".format), _ATTRIBUTES).map(str.encode)


@given(st.sampled_from(SEEDS), st.data())
def test_damaged_feeds(document: bytes, data: st.DataObject) -> None:
    damaged = bytearray(document)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged)))
        cut = data.draw(st.integers(0, 40))
        damaged[place : place + cut] = data.draw(st.one_of(_PIECES, st.binary(max_size=6)))
    fast, slow = both(bytes(damaged))
    assert fast == slow
