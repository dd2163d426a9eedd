"""A rule is tried on its examples, through all stages, and on what is stored; and saved."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.contract.articles import make_article
from tests.unit.web.serving import Make, Site

RULES = """rules:
  - id: floods
    name: Floods   # all of them
    query: flood
    severity: warning
    examples:
      match: [{title: A flood in the valley}]
      not_match: [{title: A flood of tears, lang: en}]
  - {id: spikes, name: Spikes, trend: {kinds: [spike]}}
"""


async def with_rules(site: Make) -> Site:
    articles = [
        make_article(1, title="The flood came", story_id="a" * 32),
        make_article(2, title="The flood came first", story_id="a" * 32),
        make_article(3, title="A flood of tears", story_id="b" * 32),
        make_article(4, title="Wheat", story_id="c" * 32),
    ]
    served = await site(articles)
    (served.world.folder / "alerts").mkdir()
    (served.world.folder / "alerts" / "r.yaml").write_text(RULES, encoding="utf-8")
    return served


async def test_a_rule_is_tried(site: Make) -> None:
    served = await with_rules(site)
    page = await served.get("/rules/floods?since=&query=" + quote("flood"))
    assert page.status == 200
    assert "<strong>50 %</strong> precision" in page.text and "should not match and does" in page.text
    assert "<strong>3</strong> articles match" in page.text and "<strong>2</strong> stories" in page.text
    assert "The flood came first" in page.text.replace("<mark>", "").replace("</mark>", "")
    page = await served.get("/rules/floods?since=&query=" + quote("flood -tears"))
    assert "<strong>100 %</strong> precision" in page.text and "<strong>1</strong> stories" in page.text


async def test_a_rule_is_saved(site: Make) -> None:
    served = await with_rules(site)
    page = await served.post("/rules/floods", {"query": "flood -tears", "min_score": "0"})
    assert page.status == 200 and "takes it up by itself" in page.text
    text = (served.world.folder / "alerts" / "r.yaml").read_text(encoding="utf-8")
    assert "flood -tears" in text and "# all of them" in text


@pytest.mark.parametrize("query", ["flood AND (", "@nothing", ""])
async def test_a_faulty_rule_is_told_and_not_saved(site: Make, query: str) -> None:
    served = await with_rules(site)
    assert (await served.get("/rules/floods?query=" + quote(query))).status == 400
    assert (await served.post("/rules/floods", {"query": query})).status == 400
    assert (served.world.folder / "alerts" / "r.yaml").read_text(encoding="utf-8") == RULES


async def test_rules_without_a_query_and_rules_that_are_not_there(site: Make) -> None:
    served = await with_rules(site)
    assert (await served.get("/rules/spikes")).status == 404
    assert (await served.get("/rules/nothing")).status == 404
    listed = (await served.get("/alerts")).text
    assert "/rules/floods" in listed and "/rules/spikes" not in listed
