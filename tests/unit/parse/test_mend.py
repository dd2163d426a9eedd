"""Feeds of careless templates: read for what they can only mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.parse.dates import parse_date
from agent.parse.feed import parse_document
from agent.parse.mend import with_closed_leaves, with_xml_entities
from agent.parse.records import ParsedFeed

URL = "https://outlet.example/rss"


def rss(items: str) -> str:
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>'
        f"<link>https://outlet.example/</link>{items}</channel></rss>"
    )


def parsed(document: str) -> ParsedFeed:
    fast, slow = (parse_document(document.encode(), url=URL, is_fast=is_fast) for is_fast in (True, False))
    assert fast == slow
    return fast


def test_a_lone_ampersand_is_itself_and_not_an_entity() -> None:
    feed = parsed(
        rss("<item><title>A&B &nbsp;&raquo; C</title><link>https://outlet.example/?a=1&b=2&copy=3</link></item>")
    )
    assert feed.entries[0].url == "https://outlet.example/?a=1&b=2&copy=3"
    assert feed.entries[0].title == "A&B » C"
    assert feed.was_repaired


def test_a_title_without_end_does_not_swallow_the_feed() -> None:
    feed = parsed(
        rss(
            "<item><title>first<link>https://outlet.example/1</link></item>"
            "<item><title>second</title><link>https://outlet.example/2<pubDate>2023-01-05</pubDate></item>"
        )
    )
    assert [(entry.title, entry.url) for entry in feed.entries] == [
        ("first", "https://outlet.example/1"),
        ("second", "https://outlet.example/2"),
    ]
    assert feed.entries[1].published_at == datetime(2023, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "<a>&amp;&lt;&#160;&#xA0;</a>",
        "<a><![CDATA[&nbsp; & <title>x<link>]]></a>",
        "<a><!-- & --></a><?x &y?>",
        "<!DOCTYPE a [<!ENTITY nbsp 'x'>]><a>&nbsp;</a>",
    ],
)
def test_what_is_well_formed_is_left_alone(text: str) -> None:
    assert with_xml_entities(text) == text
    assert with_closed_leaves(text) == text


@pytest.mark.parametrize("piece", ["<!--", "<![CDATA[", "&", "<title>", "<?"])
def test_it_ends_with_any_input(piece: str) -> None:
    assert with_xml_entities(piece * 50_000)
    assert with_closed_leaves(piece * 50_000)


def test_a_guid_is_the_address_where_there_is_no_other_and_none_says_that_it_is_not() -> None:
    guid = "https://outlet.example/a"
    for item in (
        f"<link/><guid>{guid}</guid>",
        f"<guid isPermaLink='TRUE'>{guid}</guid>",
        f"<link> </link><guid>{guid}</guid>",
    ):
        assert parsed(rss(f"<item><title>t</title>{item}</item>")).entries[0].url == guid
    (entry,) = parsed(rss(f"<item><title>t</title><link/><guid isPermaLink='False'>{guid}</guid></item>")).entries
    assert entry.url is None


def test_an_anchor_in_the_link_is_its_address() -> None:
    link = '<link><![CDATA[<a href="https://outlet.example/1">read</a>]]></link>'
    assert parsed(rss(f"<item><title>t</title>{link}</item>")).entries[0].url == "https://outlet.example/1"
    assert parsed(rss("<item><title>t</title><link><![CDATA[<b>]]></link></item>")).entries[0].url is None


@pytest.mark.parametrize(
    "element",
    [
        '<enclosure url="https://outlet.example/i.JPG?w=1"/>',
        '<media:content xmlns:media="http://search.yahoo.com/mrss/" url="https://outlet.example/i.JPG?w=1"/>',
        "<description>&lt;img src='https://outlet.example/i.JPG?w=1'&gt;</description>",
    ],
)
def test_a_picture_is_known_by_its_name_and_without_a_text(element: str) -> None:
    (entry,) = parsed(rss(f"<item><title>t</title>{element}</item>")).entries
    assert entry.image_url == "https://outlet.example/i.JPG?w=1"
    (entry,) = parsed(rss(f"<item><title>t</title>{element.replace('i.JPG', 'i.mp3')}</item>")).entries
    assert entry.image_url is None or "img" in element


def test_json_with_times_and_tags_of_the_wrong_type() -> None:
    document = (
        b'{"version":"https://jsonfeed.org/version/1","title":"x","items":[{"id":7,"date_published":1672912800,"tags":"a, b",'
        b'"content_text":"t","attachments":[{"url":"/a.mp3","mime_type":"audio/mpeg"},{"url":"/i.jpg","mime_type":"image/jpeg"}]}]}'
    )
    (entry,) = parse_document(document, url=URL).entries
    assert entry.published_at == datetime(2023, 1, 5, 10, tzinfo=UTC)
    assert (entry.guid, entry.tags, entry.image_url) == ("7", ("a", "b"), "https://outlet.example/i.jpg")
    assert not entry.faults


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("5 Kanûna Paşîn 2023", (2023, 1, 5)),
        ("5 Kanûna Pêşîn 2022", (2022, 12, 5)),
        ("5-ê Rêbendanê 2023", (2023, 1, 5)),
        ("7 Teşrîna Yekem 2023", (2023, 10, 7)),
        ("2023-01-05T10:00:00+03:00[Asia/Tehran]", (2023, 1, 5, 7)),
        ("2023-01-05T10:00Z[u-ca=persian]", (2023, 1, 5, 10)),
    ],
)
def test_dates_that_were_misread(text: str, moment: tuple[int, ...]) -> None:
    assert parse_date(text) == datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type, misc]
