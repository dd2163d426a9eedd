"""Reading: search, facets, chart, articles, stories, in a real browser on the demo's news."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import DemoSite, SmallSite
from tests.contract.articles import make_article

TALKS = "syria-turkey-normalization"


def search(page: Page, query: str) -> None:
    page.get_by_role("combobox", name="Query").fill(query)
    page.get_by_role("button", name="Search", exact=True).click()


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


# --- search ---------------------------------------------------------------------------------------------------------


def test_the_first_page_shows_the_newest_articles(page: Page) -> None:
    expect(page.locator(".hit").first).to_be_visible()
    expect(page).to_have_title(re.compile("Rasad"))
    times = [one.get_attribute("datetime") or "" for one in page.locator(".hit time").all()]
    assert times == sorted(times, reverse=True)


def test_a_search_in_arabic_finds_and_marks(page: Page) -> None:
    search(page, "التطبيع")
    expect(page.locator(".hit mark").first).to_be_visible()
    assert asked(page)["q"] == "التطبيع"


def test_a_person_is_found_in_every_script(page: Page) -> None:
    search(page, "entity:sergei-shoigu")
    expect(page.locator(".hit").nth(2)).to_be_visible()
    languages = {h.get_attribute("lang") for h in page.locator(".hit h2").all()}
    assert len(languages) >= 3


def test_a_fault_is_shown_at_its_column(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url, may_fail=True)
    search(page, "turkey AND (syria OR")
    fault = page.get_by_role("alert")
    expect(fault).to_contain_text(re.compile(r"Column \d+"))
    expect(page.get_by_role("combobox", name="Query")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("combobox", name="Query")).to_have_value("turkey AND (syria OR")


def test_a_wrong_field_suggests_the_right_one(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/?q=language:fa", may_fail=True)
    expect(page.get_by_role("alert")).to_contain_text("did you mean `lang:`?")
    expect(page.locator(".fault-at mark")).to_have_text("l")


def test_a_faulty_time_is_told(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/?since=sometime", may_fail=True)
    expect(page.get_by_role("alert")).to_contain_text("since:")


def test_a_time_in_persian_digits_is_understood(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/?since=۳d")
    expect(page.get_by_role("status").first).to_contain_text("article")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_nothing_found_says_what_to_do(page: Page) -> None:
    search(page, "zzzzqqqq xxxxyyyy")
    expect(page.get_by_role("status").first).to_contain_text("Nothing found: ask for fewer words")


def test_show_more(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/?limit=5")
    expect(page.locator(".hit")).to_have_count(5)
    page.get_by_role("link", name="Show more").click()
    expect(page.locator(".hit")).to_have_count(55)


def test_best_first(page: Page) -> None:
    page.get_by_label("Order").select_option("score")
    search(page, "سوريا تركيا")
    expect(page.locator(".hit").first).to_be_visible()
    assert asked(page)["order"] == "score"


# --- completion -----------------------------------------------------------------------------------------------------


def test_fields_are_completed(page: Page) -> None:
    box = page.get_by_role("combobox", name="Query")
    box.press_sequentially("ti")
    option = page.get_by_role("option", name=re.compile("^title:"))
    expect(option).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    option.click()
    expect(box).to_have_value("title:")


def test_entities_are_completed_by_their_name_in_arabic(page: Page) -> None:
    box = page.get_by_role("combobox", name="Query")
    box.press_sequentially("شويغ")
    expect(page.get_by_role("option", name=re.compile("sergei-shoigu"))).to_be_visible()
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "completion-0")
    box.press("Enter")
    expect(box).to_have_value(re.compile("^entity:sergei-shoigu "))


def test_escape_closes_the_completions(page: Page) -> None:
    box = page.get_by_role("combobox", name="Query")
    box.press_sequentially("lang:")
    expect(page.get_by_role("option").first).to_be_visible()
    box.press("Escape")
    expect(page.locator("#completions")).to_be_hidden()


def test_enter_without_a_choice_searches(page: Page) -> None:
    box = page.get_by_role("combobox", name="Query")
    box.press_sequentially("Syria")
    box.press("Enter")
    page.wait_for_url("**/?q=Syria*")


# --- facets and chart -----------------------------------------------------------------------------------------------


def test_facets_narrow_and_are_taken_off(page: Page) -> None:
    facets = page.get_by_role("complementary", name="Narrow down")
    persian = facets.get_by_role("link", name=re.compile("Persian"))
    count = int(persian.locator(".n").inner_text())
    persian.click()
    expect(page.locator(".hit")).to_have_count(count)
    assert {h.get_attribute("lang") for h in page.locator(".hit h2").all()} == {"fa"}
    page.get_by_role("list", name="Filters that are set").get_by_role("link").click()
    expect(page.locator(".hit").nth(count)).to_be_visible()
    assert "lang" not in asked(page)


@pytest.mark.parametrize("facet", ["Topics", "Sources", "Countries", "Ownership"])
def test_every_facet_leads_to_as_many_articles_as_it_says(page: Page, facet: str) -> None:
    part = page.locator(".facets details", has_text=facet)
    part.evaluate("part => { part.open = true }")
    link = part.get_by_role("link").last
    count = int(link.locator(".n").inner_text())
    link.click()
    expect(page.locator(".hit")).to_have_count(count)


def test_filters_are_combined_and_kept_by_a_new_search(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(f"{demo.url}/?topic={TALKS}&lang=ar")
    search(page, "موسكو")
    assert asked(page)["topic"] == TALKS and asked(page)["lang"] == "ar"
    expect(page.locator(".hit").first).to_be_visible()


def test_the_chart_is_drawn_and_brushed_to_a_range(page: Page) -> None:
    chart = page.locator(".chart[data-ready] .u-over")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40, steps=5)
    page.mouse.up()
    page.wait_for_url("**since=*")
    since, until = asked(page)["since"], asked(page)["until"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+Z", since) and since < until
    for time in page.locator(".hit time").all():
        assert since[:19] <= (time.get_attribute("datetime") or "")[:19] < until[:19]
    expect(page.get_by_label("Since")).to_have_value(since)


def test_the_numbers_of_the_chart_are_a_table_too(page: Page) -> None:
    page.locator("summary", has_text="Numbers").click()
    rows = page.get_by_role("region", name="Volume as a table").get_by_role("row")
    numbers = [int(row.get_by_role("cell").last.inner_text()) for row in rows.all()[1:]]
    total = re.search(r"([\d,]+) articles", page.locator(".volume p").inner_text())
    assert total and sum(numbers) == int(total.group(1).replace(",", ""))


# --- articles and stories -------------------------------------------------------------------------------------------


def test_an_article_shows_what_is_known_of_it(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(f"{demo.url}/?topic={TALKS}&lang=fa")
    page.locator(".hit h2 a").first.click()
    expect(page.locator(".text")).to_have_attribute("dir", "auto")
    facts = page.get_by_role("complementary", name="What is known of it")
    for heading in ("Topics", "Entities", "Times"):
        expect(facts.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator(".text mark").first).to_be_visible()
    link = page.get_by_role("link", name="Read at the outlet")
    expect(link).to_have_attribute("rel", re.compile("noopener"))


def test_a_story_has_its_parts(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/stories")
    page.locator(".hit h2 a").first.click()
    for heading in ("Headlines side by side", "Timeline", "Who words it how"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator(".language").nth(4)).to_be_visible()
    times = [one.get_attribute("datetime") or "" for one in page.locator(".timeline time").all()]
    assert times == sorted(times) and len(times) >= 10
    expect(page.locator(".tree li").first).to_be_visible()
    page.locator(".timeline a").first.click()
    page.get_by_role("link", name="Its story").click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def test_stories_are_narrowed_by_a_query(open_page: Callable[..., Page], demo: DemoSite) -> None:
    page = open_page(demo.url + "/stories")
    page.get_by_role("combobox", name="Query").fill(f"topic:{TALKS}")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".stories .hit").first).to_be_visible()
    expect(page.locator(".stories .side-by-side li").first).to_be_visible()


def test_what_is_not_there_is_told(open_page: Callable[..., Page], demo: DemoSite) -> None:
    for path in ("/articles/" + "0" * 32, "/stories/nothing", "/topics/nothing", "/nothing"):
        page = open_page(demo.url + path, may_fail=True)
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        page.get_by_role("link", name="To the first page").click()
        expect(page.get_by_role("combobox", name="Query")).to_be_visible()


# --- writing systems ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("ar", "rtl"),
        ("fa", "rtl"),
        ("he", "rtl"),
        ("ckb", "rtl"),
        ("ur", "rtl"),
        ("tr", "ltr"),
        ("ru", "ltr"),
        ("en", "ltr"),
    ],
)
def test_each_language_is_written_in_its_direction(
    open_page: Callable[..., Page], demo: DemoSite, language: str, direction: str
) -> None:
    page = open_page(f"{demo.url}/?lang={language}")
    heading = page.locator(".hit h2").first
    expect(heading).to_have_attribute("lang", re.compile(f"^{language}"))
    expect(heading).to_have_css("direction", direction)
    expect(page.locator(".hit .snippet").first).to_have_css("direction", direction)
    expect(page.locator("html")).to_have_css("direction", "ltr")
    aligned = heading.evaluate(
        "h => { const r = document.createRange(); r.selectNodeContents(h); const t = r.getBoundingClientRect(), b = h.getBoundingClientRect();"
        " return t.left - b.left > b.right - t.right + 20 ? 'rtl' : 'ltr' }"
    )
    wide = heading.evaluate(
        "h => { const r = document.createRange(); r.selectNodeContents(h); return r.getBoundingClientRect().width / h.clientWidth }"
    )
    assert wide > 0.9 or aligned == direction


def test_a_name_in_one_direction_does_not_turn_the_line_of_another(
    open_page: Callable[..., Page], small_site: Callable[..., SmallSite]
) -> None:
    site = small_site([make_article(1, source_name="وكالة (أ)", country="SY", language="en", title="Plain")])
    page = open_page(site.url)
    source = page.locator(".source bdi").bounding_box()
    country = page.locator(".country").bounding_box()
    assert source and country and source["x"] < country["x"]


# --- exports --------------------------------------------------------------------------------------------------------


def test_exports_hold_what_the_page_shows(open_page: Callable[..., Page], demo: DemoSite, tmp_path: Path) -> None:
    page = open_page(f"{demo.url}/?topic={TALKS}&lang=ar")
    shown = page.locator(".hit").count()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSONL").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == shown and all(json.loads(line)["language"] == "ar" for line in lines)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "rasad.csv"
