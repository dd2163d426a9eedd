"""The page of alerts: what it shows of real records, who may acknowledge, and that nothing of a feed is markup."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.web.access import User, hash_password
from streams.alerts.records import Alert, AlertArticle, Excerpt, StoryFacts, TrendFacts
from streams.stores.sqlite.alerts import AlertSearch, AlertWriter, SqliteAlerts
from tests.contract.articles import BASE, make_article
from tests.unit.web.serving import Make, Site

HOSTILE = "<script>1</script>"
ON_STORY = Alert(
    alert_id="a" * 32,
    rule_id="withdrawal",
    rule_name="Turkish withdrawal",
    severity="warning",
    reasons=("story",),
    created_at=BASE,
    story_id="b" * 32,
    story=StoryFacts(articles=3, copies=1, sources=2, independent_sources=2, languages=("ar",), countries=("SY",)),
    article=AlertArticle(
        article_id=make_article(1).article_id, revision=1, title="انسحاب القوات " + HOSTILE, url="javascript:1", language="ar",
        source_id="x", source_name=HOSTILE, country="SY", ownership="state", published_at=BASE,
    ),
    excerpts=(Excerpt(field="text", text=f"قبل {HOSTILE} انسحاب بعد", highlights=((4, 10),), is_cut_before=True),),
)  # fmt: skip
ON_TREND = Alert(
    alert_id="c" * 32,
    rule_id="spikes",
    rule_name="Spikes",
    severity="info",
    reasons=("trend",),
    created_at=BASE + timedelta(hours=1),
    trend=TrendFacts(
        kind="spike", series_kind="topic", series_value="floods", term=None, hour=BASE, seen=40, expected=4.5, tolerance=6.0,
        sources=0,
    ),
)  # fmt: skip
RULES = """rules:
  - {id: withdrawal, name: Turkish withdrawal, query: "withdrawal", severity: warning}
"""


def put(site: Site, *alerts: Alert) -> None:
    with site.store.transaction() as transaction:
        AlertWriter(transaction).put(alerts, ())


async def test_alerts_and_rules_are_shown_the_newest_first(site: Make) -> None:
    served = await site([make_article(1)])
    put(served, ON_STORY, ON_TREND)
    (served.world.folder / "alerts").mkdir()
    (served.world.folder / "alerts" / "r.yaml").write_text(RULES, encoding="utf-8")
    page = (await served.get("/alerts")).text
    assert page.index("spike of <bdi>floods</bdi>") < page.index("انسحاب القوات")
    assert HOSTILE not in page and "&lt;script&gt;1&lt;/script&gt;" in page and "javascript:" not in page
    assert "3 articles, 2 independent sources" in page and "40 seen, 4.5 expected" in page
    assert "try and change" in page and "<mark>" in page
    assert f"/stories/{'b' * 32}" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [("", 2), ("?severity=warning", 1), ("?rule=spikes", 1), ("?rule=nothing", 0), ("?severity=%3Cscript%3E", 0)],
)
async def test_alerts_are_narrowed(site: Make, query: str, shown: int) -> None:
    served = await site()
    put(served, ON_STORY, ON_TREND)
    page = await served.get("/alerts" + query)
    assert page.status == 200 and page.text.count('<article class="hit') == shown


async def test_an_alert_is_acknowledged_once(site: Make) -> None:
    served = await site()
    put(served, ON_STORY)
    assert (await served.post("/alerts/" + "a" * 32)).status == 303
    (stored,) = SqliteAlerts(served.store).find(AlertSearch())
    assert stored.acknowledged_at is not None
    page = (await served.get("/alerts")).text
    assert "seen " in page and 'method="post" action="/alerts/' not in page
    for wrong in ("d" * 32, "a"):
        assert (await served.post("/alerts/" + wrong)).status == 404


async def test_readers_do_not_acknowledge(site: Make) -> None:
    users = [User(name="layla", role="reader", password=hash_password("x"))]
    served = await site(users=users)
    put(served, ON_STORY)
    await served.post("/login", {"name": "layla", "password": "x"})
    assert 'action="/alerts/' not in (await served.get("/alerts")).text
    assert (await served.post("/alerts/" + "a" * 32)).status == 403
