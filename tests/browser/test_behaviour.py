"""Behaviour: live, keyboard, small screens, no JavaScript, accessibility, hostile feeds, logging in, topics, system."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agent.web.access import User, hash_password
from streams.definitions import Definitions, Example, Examples, TopicDefinition
from streams.model import TopicLabel
from tests.browser.site import DemoSite, SmallSite
from tests.contract.articles import make_article

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
HOSTILE = '<script>window.owned=1</script><img src=x onerror="window.owned=1">"\'><svg/onload=window.owned=1>'


# --- live -----------------------------------------------------------------------------------------------------------


def test_an_article_appears_as_it_is_stored(
    open_page: Callable[..., Page], small_site: Callable[..., SmallSite]
) -> None:
    site = small_site([make_article(1)])
    page = open_page(site.url + "/live")
    expect(page.locator("#live-state")).to_contain_text("Watching")
    expect(page.locator(".hit")).to_have_count(1)
    site.publish([make_article(2, title="خبر عاجل", language="ar")])
    first = page.locator(".hit").first
    expect(first).to_contain_text("خبر عاجل")
    expect(first.locator("h2")).to_have_css("direction", "rtl")


def test_the_collector_s_articles_come_live(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/live")
    expect(page.locator("#live-state")).to_contain_text("0 since you came")
    demo.poll_again(1e9)
    expect(page.locator("#live-state")).to_contain_text(re.compile("[1-9][0-9]* since you came"))
    expect(page.locator(".hit.new").first).to_be_attached()


def test_live_shows_only_what_the_query_asks_for(
    open_page: Callable[..., Page], small_site: Callable[..., SmallSite]
) -> None:
    site = small_site()
    page = open_page(site.url + "/live?q=wheat")
    expect(page.locator("#live-state")).to_contain_text("Watching")
    site.publish([make_article(1, title="On barley", text="Barley."), make_article(2, title="On wheat", text="Wheat.")])
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.locator(".hit mark").first).to_have_text(re.compile("wheat", re.I))


def test_live_pauses_and_catches_up(open_page: Callable[..., Page], small_site: Callable[..., SmallSite]) -> None:
    site = small_site()
    page = open_page(site.url + "/live")
    expect(page.locator("#live-state")).to_contain_text("Watching")
    page.get_by_role("button", name="Pause").click()
    site.publish([make_article(1)])
    expect(page.locator("#live-state")).to_contain_text("1 waiting")
    expect(page.locator(".hit")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".hit")).to_have_count(1)


def test_an_edited_article_moves_up_and_stands_once(
    open_page: Callable[..., Page], small_site: Callable[..., SmallSite]
) -> None:
    site = small_site([make_article(1), make_article(2)])
    page = open_page(site.url + "/live")
    expect(page.locator("#live-state")).to_contain_text("Watching")
    site.publish([make_article(2, revision=2, title="Edited")])
    expect(page.locator(".hit").first).to_contain_text("Edited")
    expect(page.locator(".hit")).to_have_count(2)


# --- keyboard -------------------------------------------------------------------------------------------------------


def test_slash_goes_to_the_query(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Query")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Query")).not_to_be_focused()


def test_j_and_k_walk_and_o_opens(page: Page) -> None:
    for key, place in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(page.locator(".hit").nth(place)).to_be_focused()
    target = page.locator(".hit").nth(1).get_attribute("data-article") or "?"
    page.keyboard.press("o")
    page.wait_for_url(f"**{target}")


def test_g_goes_places_and_question_mark_helps(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/stories")


def test_typing_is_not_taken_for_shortcuts(page: Page) -> None:
    box = page.get_by_role("combobox", name="Query")
    box.press_sequentially("jog?")
    expect(box).to_have_value("jog?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


# --- any screen -----------------------------------------------------------------------------------------------------

PAGES = (
    "/",
    "/live",
    "/stories",
    "/topics",
    "/topics/syria-turkey-normalization",
    "/alerts",
    "/feeds",
    "/system",
    "STORY",
    "ARTICLE",
)


def path_of(page: Page, demo: DemoSite, path: str) -> str:
    if path in ("STORY", "ARTICLE"):
        page.goto(demo.url + ("/stories" if path == "STORY" else "/?lang=ar"))
        return page.locator(".hit").first.get_attribute("data-article") or ""
    return path


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_a_phone(open_page: Callable[..., Page], demo: DemoSite, path: str) -> None:
    page = open_page(demo.url, viewport={"width": 360, "height": 740})
    page.goto(demo.url + path_of(page, demo, path))
    expect(page.get_by_role("main")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    ("path", "scheme"), [*((path, "light") for path in PAGES), ("/", "dark"), ("STORY", "dark"), ("/system", "dark")]
)
def test_no_violation_of_wcag_2_2_aa(open_page: Callable[..., Page], demo: DemoSite, path: str, scheme: str) -> None:
    page = open_page(demo.url, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page.goto(demo.url + path_of(page, demo, path))
    if path == "/":
        expect(page.locator(".chart[data-ready]")).to_be_visible()
    assert violations(page) == []


def violations(page: Page) -> list[Any]:
    page.add_script_tag(path=AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", tags)
    return [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in found["violations"]]


def test_faults_are_accessible_too(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/?q=a+AND+(", bypass_csp=True, may_fail=True)
    assert violations(page) == []


def test_dark_and_light_differ(open_page: Callable[..., Page], demo: DemoSite) -> None:
    colours = {
        open_page(demo.url, color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


@pytest.mark.parametrize("path", PAGES)
def test_everything_can_be_read_without_javascript(open_page: Callable[..., Page], demo: DemoSite, path: str) -> None:
    page = open_page(demo.url, java_script_enabled=False)
    page.goto(demo.url + path_of(page, demo, path))
    expect(page.get_by_role("main").get_by_role("heading").first).to_be_attached()
    expect(page.locator(".only-script").first).to_be_hidden()


def test_searching_and_facets_without_javascript(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url, java_script_enabled=False)
    page.get_by_label("Query").fill("lang:fa")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".hit").first).to_be_visible()
    page.get_by_role("link", name=re.compile("Count by topic")).click()
    page.locator("summary", has_text="Languages").click()
    expect(page.locator(".facets").get_by_role("link", name=re.compile("Persian"))).to_be_visible()


# --- hostile feeds --------------------------------------------------------------------------------------------------


def test_markup_of_a_feed_is_text(open_page: Callable[..., Page], small_site: Callable[..., SmallSite]) -> None:
    site = small_site(
        [
            make_article(
                1, title=HOSTILE, text=HOSTILE * 3, source_name=HOSTILE, country="XX", url="javascript:window.owned=1",
                authors=(HOSTILE,), image_url="http://elsewhere.example/x.png", topics=(TopicLabel(id=HOSTILE, score=1.0),),
                story_id="a" * 32, language="en",
            ),
            make_article(2, title=HOSTILE, source_name=HOSTILE, story_id="a" * 32, url="data:text/html,<script>1</script>"),
        ]
    )  # fmt: skip
    for path in ("/", "/live", "/stories", "/stories/" + "a" * 32, "/articles/" + make_article(1).article_id):
        page = open_page(site.url + path)
        expect(page.get_by_text("<script>window.owned=1</script>").first).to_be_visible()
        assert page.evaluate("window.owned") is None
        assert page.locator("main script, main img, main svg").count() == 0
        for link in page.locator("a").all():
            assert not (link.get_attribute("href") or "").lower().startswith(("javascript:", "data:"))


def test_markup_that_comes_live_is_text(open_page: Callable[..., Page], small_site: Callable[..., SmallSite]) -> None:
    site = small_site()
    page = open_page(site.url + "/live")
    expect(page.locator("#live-state")).to_contain_text("Watching")
    site.publish([make_article(1, title=HOSTILE, text=HOSTILE + "\r\n\r\ndata: x\n\nevent: ready")])
    expect(page.locator(".hit")).to_have_count(1)
    assert page.evaluate("window.owned") is None
    assert page.locator(".hit img, .hit script, .hit svg").count() == 0


def test_a_hostile_query_is_shown_as_it_was(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url, may_fail=True)
    page.get_by_role("combobox", name="Query").fill(HOSTILE)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("combobox", name="Query")).to_have_value(HOSTILE)
    assert page.evaluate("window.owned") is None


# --- logging in -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def users() -> list[User]:
    return [
        User(name="layla", role="reader", password=hash_password("right horse")),
        User(name="ömer", role="editor", password=hash_password("سر")),
    ]


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_who_is_not_logged_in_logs_in_and_goes_on(
    open_page: Callable[..., Page], small_site: Callable[..., SmallSite], users: list[User]
) -> None:
    site = small_site([make_article(1)], users=users)
    page = open_page(site.url + "/stories?q=x", may_fail=True)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    log_in(page, "layla", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    log_in(page, "layla", "right horse")
    page.wait_for_url("**/stories?q=x")
    cookie = page.context.cookies()[0]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto(site.url + "/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_log_in_page_is_accessible(
    open_page: Callable[..., Page], small_site: Callable[..., SmallSite], users: list[User]
) -> None:
    page = open_page(small_site(users=users).url, bypass_csp=True)
    assert violations(page) == []


# --- topics, feeds, system ------------------------------------------------------------------------------------------

FLOODS = TopicDefinition(
    id="floods",
    name="Floods",
    query="flood",
    examples=Examples(
        match=(Example(title="A flood in the valley"),), not_match=(Example(title="A flood of tears", lang="en"),)
    ),
)
TOPIC_FILE = """# What we watch.
topics:
  - id: floods          # since 2023
    name: Floods
    query: flood
    examples:
      match: [{title: A flood in the valley}]
      not_match: [{title: A flood of tears, lang: en}]
"""


@pytest.fixture
def floods(small_site: Callable[..., SmallSite], tmp_path: Path, users: list[User]) -> Callable[..., SmallSite]:
    (tmp_path / "config" / "topics").mkdir(parents=True)
    (tmp_path / "config" / "topics" / "floods.yaml").write_text(TOPIC_FILE, encoding="utf-8")
    labelled = (TopicLabel(id="floods", score=1.0),)
    articles = [
        make_article(1, title="The flood came at night", topics=labelled),
        make_article(2, title="A flood of tears", topics=labelled),
        make_article(3, title="An inundation, they say"),
    ]

    def make(*, with_users: bool = False) -> SmallSite:
        return small_site(
            articles, definitions=Definitions(topics=(FLOODS,)), config=tmp_path / "config", users=users if with_users else (),
        )  # fmt: skip

    return make


def test_a_topic_is_tried_on_examples_and_history(
    open_page: Callable[..., Page], floods: Callable[..., SmallSite]
) -> None:
    page = open_page(floods().url + "/topics/floods")
    page.get_by_label("On what is stored since").fill("")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("precision")).to_contain_text("50 %")
    expect(page.locator(".examples .wrong")).to_have_count(1)
    page.get_by_label("Query").fill("(flood OR inundation) -tears")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("precision")).to_contain_text("100 %")
    expect(page.get_by_text("All examples come out as they should.")).to_be_visible()
    expect(page.locator(".figures").last).to_contain_text("1 new")
    expect(page.locator(".figures").last).to_contain_text("1 lost")
    expect(page.locator(".hit", has_text="inundation")).to_be_visible()


def test_a_topic_is_saved_and_its_comments_stay(
    open_page: Callable[..., Page], floods: Callable[..., SmallSite], tmp_path: Path
) -> None:
    page = open_page(floods().url + "/topics/floods")
    page.get_by_label("Query").fill("(flood OR inundation)\n-tears")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Written to")
    text = (tmp_path / "config" / "topics" / "floods.yaml").read_text(encoding="utf-8")
    assert "# What we watch." in text and "# since 2023" in text and "-tears" in text


def test_a_faulty_topic_is_not_saved(
    open_page: Callable[..., Page], floods: Callable[..., SmallSite], tmp_path: Path
) -> None:
    page = open_page(floods().url + "/topics/floods", may_fail=True)
    page.get_by_label("Query").fill("flood AND (")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Column")
    assert (tmp_path / "config" / "topics" / "floods.yaml").read_text(encoding="utf-8") == TOPIC_FILE


def test_a_reader_tries_and_an_editor_saves(open_page: Callable[..., Page], floods: Callable[..., SmallSite]) -> None:
    site = floods(with_users=True)
    page = open_page(site.url + "/topics/floods")
    log_in(page, "layla", "right horse")
    expect(page.get_by_role("button", name="Try it")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page = open_page(site.url + "/topics/floods")
    log_in(page, "ömer", "سر")
    page.get_by_label("Query").fill("flood -tears")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Written to")


def test_failing_feeds_come_first_and_say_why(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/feeds")
    first = page.get_by_role("row").nth(1)
    expect(first).to_have_class("bad")
    expect(page.get_by_text("http error").first).to_be_visible()
    assert page.get_by_role("row").count() == len(demo.feeds) + 1


def test_the_system_page_says_how_it_does(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/system")
    expect(page.get_by_role("heading", name="Checks")).to_be_visible()
    expect(page.get_by_role("row", name="config ok")).to_contain_text("topics")
    expect(page.locator(".figures")).to_contain_text("articles")


def test_an_empty_store_explains_itself(open_page: Callable[..., Page], small_site: Callable[..., SmallSite]) -> None:
    page = open_page(small_site().url)
    expect(page.get_by_role("status").first).to_contain_text("articles appear here as they are collected")
