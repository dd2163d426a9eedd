"""The list of feeds: as YAML, as OPML, and written into the user's files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config_files import Faults
from agent.errors import ConfigError, UsageError
from agent.feeds.definitions import FeedDefinition, same_feed_key, source_id_of, url_fault
from agent.feeds.files import NewFeed, add_feeds
from agent.feeds.load import load_feeds
from agent.feeds.opml import OpmlError, read_opml, write_opml

SHIPPED = Path(__file__).parents[3] / "config" / "feeds"


def load(folder: Path) -> tuple[list[FeedDefinition], list[str]]:
    faults = Faults()
    feeds = load_feeds(folder, faults)
    return feeds, [f"{Path(fault.path).name}:{fault.line}: {fault.message}" for fault in faults.found]


def test_the_shipped_list_is_sound() -> None:
    feeds, faults = load(SHIPPED)
    assert not faults
    assert len(feeds) >= 40
    assert len({feed.language for feed in feeds}) >= 8
    assert not any(feed.verified for feed in feeds)


def test_feeds_inherit_from_their_source(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        """
sources:
  - id: agency
    name: Agency
    country: SY
    language: ar
    ownership: state
    tags: [wire]
    interval_seconds: 300
    feeds:
      - url: https://agency.example/ar.xml
      - url: https://agency.example/en.xml
        id: agency-en
        language: en
        tags: [english, wire]
        interval_seconds: 900
        verified: true
        enabled: false
  - id: single
    name: Single
    url: https://single.example/feed
"""
    )
    feeds, faults = load(tmp_path)
    assert not faults
    arabic, english, single = feeds
    assert (arabic.language, arabic.tags, arabic.interval_seconds, arabic.enabled) == ("ar", ("wire",), 300, True)
    assert (english.language, english.tags, english.interval_seconds) == ("en", ("wire", "english"), 900)
    assert (english.id, english.enabled, english.verified) == ("agency-en", False, True)
    assert (english.country, english.ownership, english.name) == ("SY", "state", "Agency")
    assert (single.source_id, single.country, len(single.id)) == ("single", None, 10)


def test_every_fault_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        """sources:
  - id: one
    name: One
    url: ftp://one.example/
  - id: two
    name: Two
    feeds:
      - url: https://two.example/a
      - url: HTTPS://Two.example:443/a#x
      - url: https://user:secret@two.example/b
  - id: three
    name: Three
  - id: two
    name: Two again
    url: https://two.example/c
    feeds: [{url: https://two.example/d}]
"""
    )
    (tmp_path / "b.yaml").write_text(
        """sources:
  - id: Four
    name: Four
    country: Syria
    url: https://four.example/
  - {id: five, name: Five, url: "https://two.example/a"}
"""
    )
    _, faults = load(tmp_path)
    told = "\n".join(faults)
    assert "secret" not in told
    places = [fault.split(": ")[0] for fault in faults]
    assert sorted(places) == [
        "a.yaml:10",
        "a.yaml:11",
        "a.yaml:13",
        "a.yaml:15",
        "a.yaml:4",
        "a.yaml:9",
        "b.yaml:2",
        "b.yaml:4",
        "b.yaml:6",
    ]
    assert "stands already at" in told
    assert "give it `url` or `feeds`" in told


@pytest.mark.parametrize(
    "url",
    ["", "x", "http:///a", "http://a:0/", "http://a:99999/", "http://a b/", "javascript:x", "http://[::1/", "h" * 3000],
)
def test_addresses_that_cannot_be_a_feeds(url: str) -> None:
    assert url_fault(url)


def test_spellings_of_one_address() -> None:
    assert same_feed_key("HTTP://A.example:80/x?b=1#c") == same_feed_key("http://a.example/x?b=1")
    assert same_feed_key("http://a.example/x") != same_feed_key("https://a.example/x")


# --- OPML ---


def test_opml_of_other_people() -> None:
    opml = """<?xml version="1.0" encoding="windows-1256"?>
<opml version="1.0"><head><title>قائمتي</title></head><body>
<outline text="Middle East"><outline title="Arabic">
  <outline type="rss" text="وكالة" xmlUrl="https://a.example/rss?x=1&y=2" htmlUrl="https://a.example" language="ar"/>
  <outline type="rss" text="Twice" xmlUrl="https://a.example/rss?x=1&amp;y=2"/>
</outline></outline>
<outline text="No folder" xmlUrl="feed://b.example/rss" category="/news,/world/asia" country="ir"/>
<outline text="Bad" xmlUrl="file:///etc/passwd"/>
<outline text="Empty folder"/>
</body></opml>"""
    found = read_opml(opml.encode("cp1256"))
    assert found.title == "قائمتي"
    first, second = found.feeds
    assert (first.url, first.title, first.tags, first.language) == (
        "https://a.example/rss?x=1&y=2",
        "وكالة",
        ("Middle East", "Arabic"),
        "ar",
    )
    assert (second.url, second.tags, second.country) == ("http://b.example/rss", ("news", "world/asia"), "IR")
    assert len(found.faults) == 2


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html></html>",
        b"<rss version='2.0'/>",
        b"<opml><body><outline xmlUrl='https://a.example/'>",
        b'<!DOCTYPE opml [<!ENTITY a "b">]><opml><body/></opml>',
        b'<!DOCTYPE opml [<!ENTITY a SYSTEM "file:///etc/passwd">]><opml><body><outline text="&a;"/></body></opml>',
        b"<opml><body>" + b"<outline text='x'>" * 60 + b"</outline>" * 60 + b"</body></opml>",
    ],
)
def test_what_is_no_opml_is_refused(document: bytes) -> None:
    with pytest.raises(OpmlError):
        read_opml(document)


words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff,/"), min_size=1, max_size=20
)
labels = words.map(lambda text: " ".join(text.split())).filter(lambda t: t and "<" not in t and "&" not in t)
definitions = st.builds(
    FeedDefinition,
    url=st.from_regex(r"https://[a-z]{1,8}\.example/[a-z0-9?=&;]{0,10}", fullmatch=True),
    source_id=st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True),
    name=st.from_regex(r"[\w'\"<>&]{1,20}", fullmatch=True).filter(lambda n: "&" not in n and "<" not in n),
    country=st.none() | st.from_regex("[A-Z]{2}", fullmatch=True),
    language=st.sampled_from([None, "ar", "fa", "zh-Hant"]),
    ownership=st.sampled_from(["unknown", "state", "wire"]),
    tags=st.lists(st.sampled_from(["news", "عرب", "a b", "x&y"]), unique=True, max_size=3).map(tuple),
    interval_seconds=st.sampled_from([None, 300.0, 7.5]),
)


@given(st.lists(definitions, max_size=6, unique_by=lambda feed: feed.url))
def test_what_is_exported_comes_back(feeds: list[FeedDefinition]) -> None:
    found = read_opml(write_opml(feeds))
    assert not found.faults
    back = {
        f.url: (f.source_id, f.source_name, f.country, f.language, f.ownership, set(f.tags), f.interval_seconds)
        for f in found.feeds
    }
    assert back == {
        f.url: (f.source_id, f.name, f.country, f.language, f.ownership, set(f.tags), f.interval_seconds) for f in feeds
    }


# --- adding ---


MINE = """# My feeds
sources:
  # the agency
  - id: agency-example
    name: Agency  # short
    url: https://agency.example/rss   # main

  # another

  - id: other
    name: Other
    feeds:
      - url: https://other.example/a
        tags: [x]   # keep
      # said of the last one
# the end
"""


def test_feeds_are_added_without_touching_what_the_user_wrote(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE)
    new = [
        NewFeed(url="https://agency.example/two", source_id="agency-example", name="", language="fa", tags=("a: b",)),
        NewFeed(url="https://other.example/b", source_id="other", name=""),
        NewFeed(
            url="https://new.example/x?a=1#frag", source_id="new", name="نو: تازه", country="IR", ownership="state"
        ),
        NewFeed(url="https://new.example/y", source_id="new", name="نو: تازه", interval_seconds=90),
    ]
    done = add_feeds(tmp_path, new, file=mine)
    assert len(done.added) == 4
    text = mine.read_text()
    for line in MINE.splitlines():
        assert line.strip() in text or line.strip().startswith("url:")
    assert "- url: https://agency.example/rss   # main" in text
    assert text.index("# said of the last one") < text.index("id: new")
    feeds, faults = load(tmp_path)
    assert not faults
    found = {feed.url: feed for feed in feeds}
    assert found["https://agency.example/two"].tags == ("a: b",)
    assert found["https://agency.example/two"].language == "fa"
    assert found["https://new.example/y"].interval_seconds == 90
    assert (found["https://new.example/y"].name, found["https://new.example/y"].ownership) == ("نو: تازه", "state")
    assert add_feeds(tmp_path, new, file=mine).known == tuple(feed.url for feed in new)
    assert mine.read_text() == text


def test_a_first_feed_makes_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "feeds"
    done = add_feeds(folder, [NewFeed(url="https://a.example/rss", source_id="a", name="yes")])
    assert done.files == (folder / "added.yaml",)
    feeds, faults = load(folder)
    assert not faults
    assert feeds[0].name == "yes"


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "sources:\n", "sources: []\n", "- {id: z, name: Z, url: 'http://z.example/'}\n"]
)
def test_files_in_every_state(tmp_path: Path, text: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    new = NewFeed(url="https://a.example/rss", source_id="a", name="A")
    if "[]" in text:
        with pytest.raises(UsageError):
            add_feeds(tmp_path, [new], file=file)
        assert file.read_text() == text
        return
    add_feeds(tmp_path, [new], file=file)
    feeds, faults = load(tmp_path)
    assert not faults
    assert "https://a.example/rss" in {feed.url for feed in feeds}


def test_what_cannot_be_changed_safely_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("sources:\n  - {id: a, name: A, url: 'http://a.example/'}\n")
    with pytest.raises(UsageError, match="by hand"):
        add_feeds(tmp_path, [NewFeed(url="https://a.example/rss", source_id="a", name="A")])
    file.write_text("sources:\n  - id: a\n    nam: A\n    url: http://a.example/\n")
    with pytest.raises(ConfigError):
        add_feeds(tmp_path, [NewFeed(url="https://b.example/rss", source_id="b", name="B")])


@given(
    st.lists(
        st.builds(
            NewFeed,
            url=st.from_regex(r"https://[a-z]{1,6}\.example/[A-Za-z0-9?=&#:'\"{}\[\],!*%@`-]{0,12}", fullmatch=True),
            source_id=st.sampled_from(["a", "b", "c-1"]),
            name=labels,
            tags=st.lists(labels, max_size=3, unique=True).map(tuple),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda feed: same_feed_key(feed.url),
    )
)
def test_whatever_is_added_reads_back(tmp_path_factory: pytest.TempPathFactory, new: list[NewFeed]) -> None:
    folder = tmp_path_factory.mktemp("feeds")
    for feed in new:
        add_feeds(folder, [feed])
    feeds, faults = load(folder)
    assert not faults
    found = {feed.url: feed for feed in feeds}
    for feed in new:
        assert found[feed.url].tags == feed.tags
    assert found[new[0].url].name == new[0].name


@pytest.mark.parametrize(
    ("url", "source_id"),
    [
        ("https://www.agency.example/rss", "agency-example"),
        ("https://feeds.agency.example/rss", "agency-example"),
        ("http://rss.example", "rss-example"),
        ("https://новости.example/", "xn-b1amnebsh-example"),
        ("http://127.0.0.1:80/", "127-0-0-1"),
    ],
)
def test_a_source_is_named_after_its_host(url: str, source_id: str) -> None:
    assert source_id_of(url) == source_id
