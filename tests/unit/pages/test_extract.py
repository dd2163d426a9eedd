"""What is taken from pages of many templates and scripts, and what hostile ones cannot do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.config_files import Faults
from agent.pages.extract import PageError, extract_page
from agent.pages.records import Hints, Page
from agent.pages.rules import load_page_rules
from agent.pages.selectors import to_xpath

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "tests/data/pages").glob("*.html"))
PARAGRAPHS = "".join(
    f"<p>Paragraph {word} of an article that goes on for a while about the harbour.</p>" for word in "abcdef"
)


def shipped_hints() -> Hints:
    faults = Faults()
    rules = load_page_rules(ROOT / "config/pages", faults)
    faults.check()
    return rules.hints()


def article(body: str, head: str = "", url: str = "https://outlet.example/news/12345") -> Page:
    markup = (
        f"<!doctype html><html><head><title>The headline of it | Outlet</title>{head}</head><body>{body}</body></html>"
    )
    return extract_page(markup.encode(), url=url, hints=shipped_hints())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pages_of_many_templates(path: Path) -> None:
    expected = json.loads(path.with_name(path.name + ".expected.json").read_text(encoding="utf-8"))
    page = extract_page(path.read_bytes(), url=expected["url"], hints=shipped_hints(), explain=True)
    found = json.loads(msgspec.json.encode(page))
    found.pop("description", None)
    found["text"] = page.text.splitlines()
    found["cuts"] = [cut.text for cut in page.cuts]
    assert found == expected
    assert all(cut.reason for cut in page.cuts)


def test_there_are_pages_in_eight_languages() -> None:
    assert {path.stem.partition("-")[0] for path in PAGES} >= {"ar", "fa", "he", "tr", "ru", "ur", "ckb", "ku", "en"}


def test_zero_width_joiners_are_spelling_and_stay() -> None:
    text = "این نوشته درباره‌ی کتاب‌هایی است که می‌خوانیم و هیچ‌کس آن‌ها را نمی‌شناسد و این جمله هم باید بلند باشد."
    assert article(f"<article><h1>عنوان</h1><p>{text}</p>{PARAGRAPHS}</article>").text.startswith(text)


@pytest.mark.parametrize(
    ("canonical", "taken"),
    [
        ("https://outlet.example/news/12345", "https://outlet.example/news/12345"),
        ("https://www.outlet.example/news/a-long-slug?utm_source=x", "https://www.outlet.example/news/a-long-slug"),
        ("https://outlet.example/", None),
        ("https://outlet.example/news/", None),
        ("https://template-vendor.example.org/news/12345", None),
        ("javascript:alert(1)", None),
    ],
)
def test_a_canonical_address_is_believed_only_if_it_can_be_the_article(canonical: str, taken: str | None) -> None:
    page = article(
        f"<article><h1>The headline of it</h1>{PARAGRAPHS}</article>", f'<link rel="canonical" href="{canonical}">'
    )
    assert page.canonical_url == taken


def test_rules_find_and_strip_what_the_templates_hide() -> None:
    body = f"<div class='x1'>{PARAGRAPHS}</div><div class='x2'><p>The true text stands in here.</p><p class='x3'>Not this.</p></div><b class='x4'>Ada Lovelace</b><i class='x5'>2023-05-06 10:00</i>"
    hints = Hints(
        text=(to_xpath(".x2"),), strip=(to_xpath("p.x3"),), author=(to_xpath(".x4"),), date=(to_xpath("i[class^=x5]"),)
    )
    page = extract_page(f"<html><body>{body}</body></html>".encode(), url="https://a.example/n/1", hints=hints)
    assert page.text == "The true text stands in here."
    assert page.text_from == "rule"
    assert page.authors == ("Ada Lovelace",)
    assert page.published_at == datetime(2023, 5, 6, 10, tzinfo=UTC)


def test_a_body_declared_short_takes_no_paragraph_off() -> None:
    declared = "Paragraph a of an article that goes on for a while about the harbour. Paragraph b of an article that goes on for a while about the harbour. Paragraph c of an article that goes on for a while about the harbour. Paragraph d of an article that goes on for a while about the harbour."
    ld = json.dumps({"@type": "NewsArticle", "headline": "The headline of it", "articleBody": declared})
    page = article(
        f"<article><h1>The headline of it</h1>{PARAGRAPHS}</article>",
        f'<script type="application/ld+json">{ld}</script>',
    )
    assert page.text.count("Paragraph") == 6


@pytest.mark.parametrize(
    "script",
    [
        '{"@type": "NewsArticle",',
        "[[[[" * 5_000,
        '{"@type": ["NewsArticle", 7], "headline": {"x": []}, "author": 5, "datePublished": []}',
        "null",
        '"x"',
    ],
    ids=["cut", "nested", "types", "null", "string"],
)
def test_json_ld_that_cannot_be_read_is_ignored(script: str) -> None:
    page = article(
        f"<article><h1>The headline of it</h1>{PARAGRAPHS}</article>",
        f'<script type="application/ld+json">{script}</script>',
    )
    assert page.title == "The headline of it"
    assert page.text.count("Paragraph") == 6


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"  \n", "empty"),
        (b"%PDF-1.7 \x00\x01 binary", "not_html"),
        (b'{"json": true}', "not_html"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "not_html"),
    ],
)
def test_what_is_no_page_is_said_to_be_none(data: bytes, outcome: str) -> None:
    with pytest.raises(PageError) as raised:
        extract_page(data)
    assert raised.value.outcome == outcome


def test_text_is_plain_and_has_no_control_characters() -> None:
    body = f"<article><h1>The headline of it</h1><p>One &lt;script&gt;alert(1)&lt;/script&gt; \x1b[31mtwo\x00 \u202bthree and more of the same to make it long enough.</p><script>evil()</script>{PARAGRAPHS}</article>"
    page = article(body)
    assert "evil" not in page.text
    assert not any(ord(c) < 32 and c != "\n" for c in page.text + page.title)


def test_selectors_cannot_leave_their_xpath() -> None:
    for selector in ("", "a[b='c]", "a)", "//x", "a[href='x' or '1'='1']", "a:hover", "> a", "a >"):
        with pytest.raises(ValueError, match="selector"):
            to_xpath(selector)
