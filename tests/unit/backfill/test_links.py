"""Where the older part of a feed is said to be, in every way that feeds say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backfill.links import older_url
from agent.parse.link_header import link_header_targets

HERE = "https://a.example/feed"


@pytest.mark.parametrize(
    ("body", "older"),
    [
        (
            '<feed xmlns="http://www.w3.org/2005/Atom"><link rel="prev-archive" href="/2023/04"/><entry/></feed>',
            "/2023/04",
        ),
        (
            "<feed><link href='https://a.example/feed?page=2&amp;x=1' rel='next'/><entry></entry></feed>",
            "/feed?page=2&x=1",
        ),
        ('<rss><channel><atom:link rel="next" href="p2"/><item/></channel></rss>', "/p2"),
        ('<feed><link rel="next" href="/n"/><link rel="prev-archive" href="/a"/></feed>', "/a"),
        ('<feed><link rel="self" href="/feed"/><entry><link rel="next" href="/evil"/></entry></feed>', None),
        ('<feed><link rel="next" href="https://a.example/feed"/></feed>', None),
        ('<feed><link rel="next" href="file:///etc/passwd"/></feed>', None),
        ('{"version": "https://jsonfeed.org/version/1.1", "next_url": "/feed?p=2", "items": []}', "/feed?p=2"),
        ('{"next_url": 7}', None),
        ("<rss><channel><generator>https://wordpress.org/?v=6.2</generator><item/></channel></rss>", "/feed?paged=2"),
        ("<rss><channel><generator>https://wordpress.org/?v=6.2</generator></channel></rss>", None),
        ("", None),
    ],
)
def test_older_documents(body: str, older: str | None) -> None:
    assert older_url(body.encode(), HERE) == (f"https://a.example{older}" if older else None)


def test_pages_of_wordpress_are_counted_on() -> None:
    body = b"<rss><channel><generator>https://wordpress.org/?v=6.2</generator><item/></channel></rss>"
    assert older_url(body, "https://a.example/?feed=rss2&paged=7") == "https://a.example/?feed=rss2&paged=8"
    assert older_url(body, "https://a.example/?paged=x") is None


def test_link_headers() -> None:
    header = '<https://hub.example/>; rel="hub", </feed>; rel=self; title="a, b", <x>; rel="next prefetch"'
    assert link_header_targets(header, HERE) == {
        "hub": ["https://hub.example/"],
        "self": ["https://a.example/feed"],
        "next": ["https://a.example/x"],
        "prefetch": ["https://a.example/x"],
    }
    assert older_url(b"<feed/>", HERE, '</old>; rel="prev-archive"') == "https://a.example/old"


@given(st.text(max_size=400), st.text(max_size=200))
def test_nothing_breaks_it(body: str, header: str) -> None:
    found = older_url(body.encode("utf-8", "replace"), HERE, header)
    assert found is None or found.startswith(("http://", "https://"))
