"""The pictures of README and tutorial, made of the demo; and the tutorial's queries, asked of it.

`make pictures` writes them to docs/pictures; otherwise they are made and thrown away, which shows that they can be made.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import DemoSite

DOCS = Path(__file__).resolve().parents[2] / "docs"
TUTORIAL = (DOCS / "tutorial" / "syria-turkey-talks.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```query\n(.*?)\n```", TUTORIAL, re.S)
PICTURES = {
    "search": ("/?q=topic:syria-turkey-normalization", "light"),
    "story": ("STORY", "light"),
    "live": ("/live", "dark"),
    "topic": ("/topics/syria-turkey-normalization", "light"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture(open_page: Callable[..., Page], demo: DemoSite, tmp_path: Path, name: str) -> None:
    path, scheme = PICTURES[name]
    page = open_page(demo.url, viewport={"width": 1180, "height": 760}, color_scheme=scheme)
    if path == "STORY":
        page.goto(demo.url + "/stories")
        path = page.locator(".hit").first.get_attribute("data-article") or ""
    page.goto(demo.url + path)
    expect(page.get_by_role("main")).to_be_visible()
    if name == "search":
        expect(page.locator(".chart[data-ready]")).to_be_visible()
    if name == "live":
        expect(page.locator("#live-state")).to_contain_text("Watching")
    folder = Path(os.environ.get("PICTURES") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size > 20_000


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_tutorial_finds_something(demo: DemoSite, query: str) -> None:
    with urllib.request.urlopen(f"{demo.url}/api/v1/search?q={quote(query)}", timeout=120) as answer:
        found = json.load(answer)
    assert found["hits"] and found["is_complete"]
    if "lang:" in query or "OR" in query:
        assert len({hit["article"]["language"] for hit in found["hits"]}) >= 3


def test_the_pictures_that_pages_show_are_there() -> None:
    assert len(QUERIES) >= 6
    for page in (DOCS.parent / "README.md", *DOCS.rglob("*.md")):
        for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page}: {target}"
