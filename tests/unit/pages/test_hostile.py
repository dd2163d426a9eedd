"""Whatever a page is made of: an outcome, plain text, and addresses of http(s) only."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.pages.extract import PageError, extract_page
from agent.pages.records import Hints, Page

_PIECES = st.sampled_from(
    [
        *(
            f"<{tag}>"
            for tag in "html head body div p article section h1 h2 table tr td ul li a span main br figure".split()
        ),
        *(
            f"</{tag}>"
            for tag in "html head body div p article table tr td ul li a span main figure title script".split()
        ),
        *(
            "<title>",
            "<script>",
            "<style>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<base href='//evil.example'>",
            "&#0;",
            "&lt;b&gt;",
        ),
        *(
            '<meta property="og:title" content="x">',
            '<meta charset="utf-7">',
            '<link rel="canonical" href="javascript:x">',
        ),
        *(
            '<link rel=canonical href="//[::1">',
            '<time datetime="9999-99-99">',
            '<h1 class="related comments">',
            "<p hidden>",
        ),
        *(
            '<script type="application/ld+json">{"@type":"NewsArticle","headline":[{"@type":',
            '"articleBody":{}}</script>',
        ),
        *(
            "Some words that make a sentence which is long enough to be a paragraph of an article. ",
            "\u202e",
            "\x00",
            "می‌شود ",
        ),
        *(
            "\ud800",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            '<a href="data:text/html,x">a headline of it</a>',
        ),
    ]
)
_HINTS = Hints(lines=("x",), leads=("Some words",), endings=("article",), strip=("//p[@hidden]",), title=("//h1",))


def check(page: Page) -> None:
    for text in (page.title, page.text, page.description, *page.authors, *page.tags, *(cut.text for cut in page.cuts)):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text)
    for address in (page.canonical_url, page.image_url):
        assert address is None or address.startswith(("http://", "https://"))


@given(st.lists(_PIECES | st.text(max_size=8), max_size=40).map("".join))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_soup_of_tags(markup: str) -> None:
    data = markup.encode("utf-8", "surrogatepass")
    for hints in (Hints(), _HINTS):
        try:
            check(extract_page(data, url="https://outlet.example/n/1", hints=hints, explain=True))
        except PageError as error:
            assert error.outcome in {"empty", "not_html"}


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes(data: bytes) -> None:
    try:
        check(extract_page(b"<html>" + data, content_type="text/html; charset=utf-16"))
    except PageError as error:
        assert error.outcome in {"empty", "not_html"}


@pytest.mark.parametrize(
    "data",
    [
        b"<div>" * 50_000 + b"text",
        b"<p " + b" ".join(b'a%d="x"' % n for n in range(20_000)) + b">text",
        b"<html>" + b"<a href=x>headline of another article</a>" * 5_000,
        b"<html>" + b"<table><tr><td>" * 2_000 + b"words " * 100,
        b'<script type="application/ld+json">' + b'{"a":' * 50_000 + b"</script><p>text",
        b"<html><title>" + b"| - " * 50_000 + b"</title><p>text",
        b"<html><p>" + b"\xd9\x8a\xe2\x80\x8c" * 50_000,
    ],
    ids=["depth", "attributes", "links", "tables", "json", "separators", "joiners"],
)
def test_shapes_that_are_made_to_cost(data: bytes) -> None:
    try:
        page = extract_page(data, url="https://outlet.example/n/1", explain=True)
    except PageError:
        return
    check(page)
