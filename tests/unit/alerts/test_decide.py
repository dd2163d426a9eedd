"""What alerts, what does not, and what alerts again."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.stage import AlertStage
from streams.definitions import RealertPolicy, RuleFilters, TrendCondition
from streams.lineage import Report, lineage
from streams.model import Article
from streams.trends.records import Series, Trend, trend_id
from tests.unit.alerts.kit import NOON, article, copy_of, credits, id_of, rule, run, stage


def test_a_story_alerts_once() -> None:
    one = stage(rule())
    [alert] = run(one, article("a"), article("b", country="TR", language="tr"), article("c", country="RU"))
    assert alert.reasons == ("story",)
    assert alert.story_id == id_of("story")
    assert alert.article is not None and alert.article.article_id == id_of("a")


def test_another_story_alerts_again() -> None:
    alerts = run(stage(rule()), article("a"), article("b", story_id=id_of("other")))
    assert [alert.story_id for alert in alerts] == [id_of("story"), id_of("other")]


def test_fifty_copies_are_one_alert_under_every_policy() -> None:
    policy = RealertPolicy(language=True, source=True, country=True, growth=1.1)
    copies = [copy_of(f"copy-{n}", "a", country="TR", language="tr") for n in range(50)]
    [alert] = run(stage(rule(realert=policy)), article("a"), *copies)
    assert alert.reasons == ("story",)


def test_a_copy_that_comes_first_does_not_alert() -> None:
    [alert] = run(stage(rule()), copy_of("copy", "a"), article("b"))
    assert alert.article is not None and alert.article.article_id == id_of("b")


@pytest.mark.parametrize(
    ("policy", "second", "reason"),
    [
        (RealertPolicy(language=True), article("b", language="ar", text="التطبيع normalization"), "language"),
        (RealertPolicy(country=True), article("b", country="TR"), "country"),
        (RealertPolicy(source=True), article("b"), "source"),
        (RealertPolicy(growth=2), article("b"), "growth"),
    ],
)
def test_what_the_rule_names_alerts_again(policy: RealertPolicy, second: Article, reason: str) -> None:
    first = article("a")
    assert [alert.reasons for alert in run(stage(rule(realert=policy)), first, second)] == [("story",), (reason,)]
    assert len(run(stage(rule()), first, second)) == 1


def test_the_same_language_country_and_source_do_not_alert_again() -> None:
    policy = RealertPolicy(language=True, source=True, country=True)
    assert len(run(stage(rule(realert=policy)), article("a"), article("b", source_id="outlet-a"))) == 1


def test_who_credits_whom_is_no_independent_source() -> None:
    policy = RealertPolicy(source=True)
    first = article("a", source_id="sana")
    repeats = article("b", attribution=credits("SANA"))
    own = article("c")
    alerts = run(stage(rule(realert=policy)), first, repeats, own)
    assert [alert.article.source_id for alert in alerts if alert.article] == ["sana", "outlet-c"]


def test_editions_of_one_house_are_one_source() -> None:
    policy = RealertPolicy(source=True)
    houses = {"jazeera-en": "jazeera", "jazeera-ar": "jazeera"}
    alerts = run(
        stage(rule(realert=policy), houses=houses),
        article("a", source_id="jazeera-ar"),
        article("b", source_id="jazeera-en"),
    )
    assert len(alerts) == 1


def test_an_unknown_language_or_country_is_no_new_one() -> None:
    policy = RealertPolicy(language=True, country=True)
    assert len(run(stage(rule(realert=policy)), article("a"), article("b", language="und", country=None))) == 1


def test_growth_counts_from_the_last_alert() -> None:
    alerts = run(stage(rule(realert=RealertPolicy(growth=2))), *(article(str(n)) for n in range(16)))
    assert [alert.story.articles for alert in alerts if alert.story] == [1, 2, 4, 8, 16]


def test_an_edit_that_newly_matches_alerts_and_one_that_matched_does_not() -> None:
    plain = article("b", title="Ministers meet", text="They met.")
    edited = article("b", revision=2)
    alerts = run(stage(rule()), article("a"), plain, edited, article("b", revision=3), article("a", revision=2))
    assert [alert.reasons for alert in alerts] == [("story",), ("revision",)]
    assert len(run(stage(rule(realert=RealertPolicy(revision=False))), article("a"), plain, edited)) == 1


def test_an_edit_is_a_first_alert_where_nothing_matched_before() -> None:
    [alert] = run(stage(rule()), article("b", title="Ministers meet", text="They met."), article("b", revision=2))
    assert alert.reasons == ("story",)


def test_a_repetition_changes_nothing() -> None:
    one = stage(rule(realert=RealertPolicy(growth=1.5, source=True)))
    assert len(run(one, *(article("a") for _ in range(5)))) == 1
    assert run(one, article("b"))[0].story.articles == 2  # type: ignore[union-attr]


def test_min_sources_waits_for_independent_ones() -> None:
    one = stage(rule(min_sources=2))
    first = article("a", source_id="sana")
    assert run(one, first, copy_of("copy", "a"), article("b", attribution=credits("SANA"))) == []
    [alert] = run(one, article("c"))
    assert alert.reasons == ("story",)
    assert alert.story is not None and alert.story.independent_sources == 2


def test_min_score_and_filters() -> None:
    assert run(stage(rule(query="title:normalization^2 Moscow", min_score=2.5)), article("a")) != []
    assert run(stage(rule(query="title:normalization^2 Moscow", min_score=9)), article("a")) == []
    filters = RuleFilters(languages=("en",), countries=("SY",), ownership=("state",), not_sources=("outlet-b",))
    passing = stage(rule(filters=filters))
    assert run(passing, article("a")) == []
    assert run(passing, article("b", ownership="state"), article("c", ownership="state", country="TR")) == []
    assert run(passing, article("d", ownership="state", language="ar", text="normalization")) == []
    assert len(run(passing, article("e", ownership="state"))) == 1
    assert len(run(stage(rule(filters=RuleFilters(sources=("outlet-a",)))), article("a"), article("b"))) == 1


def test_backfill_is_remembered_and_not_spoken_of() -> None:
    one = stage(rule(realert=RealertPolicy(source=True)))
    assert run(one, article("old", is_backfill=True)) == []
    [alert] = run(one, article("new"))
    assert alert.reasons == ("story",)
    assert alert.story is not None and alert.story.articles == 2


def test_rules_see_topics_entities_and_stories() -> None:
    from streams.model import EntityLabel, TopicLabel

    labelled = article(
        "a", topics=(TopicLabel(id="talks", score=1.0),), entities=(EntityLabel(id="akar", kind="person"),)
    )
    queries = ("topic:talks", "entity:akar", f"story:{id_of('story')}")
    one = stage(*(rule(id=f"r{number}", query=query) for number, query in enumerate(queries)))
    assert {alert.rule_id for alert in run(one, labelled)} == {"r0", "r1", "r2"}


def test_the_alert_explains_itself() -> None:
    one = article(
        "a", attribution=credits("Tasnim", "Novosti"), ownership="state", text=f"{'x ' * 300}normalization here."
    )
    [alert] = run(stage(rule()), one)
    in_title, in_text = alert.excerpts
    assert [in_title.text[low:high] for low, high in in_title.highlights] == ["normalization"]
    assert [in_text.text[low:high] for low, high in in_text.highlights] == ["normalization"]
    assert in_text.is_cut_before and len(in_text.text) < 400
    assert alert.lineage == ("Outlet a ← Tasnim ← Novosti",)
    assert alert.article is not None and (alert.article.ownership, alert.article.language) == ("state", "en")


def test_what_was_decided_counts_only_when_it_is_committed() -> None:
    one = stage(rule())
    [first] = one.step(article("a"), NOON)
    one.roll_back()
    [again] = one.step(article("a"), NOON)
    assert again.alert_id == first.alert_id
    one.commit()
    assert one.step(article("a"), NOON) == ()


def test_the_memory_is_built_again_from_what_was_kept() -> None:
    policy = RealertPolicy(language=True, source=True, growth=3)
    articles = [article(str(n), language=random.Random(n).choice(["en", "ar", "tr"])) for n in range(12)]
    whole = stage(rule(realert=policy))
    expected = [alert.alert_id for alert in run(whole, *articles)]
    kept: dict[str, bytes] = {}
    found: list[str] = []
    for one in articles:
        fresh = stage(rule(realert=policy))
        assert fresh.restore([b"no record", *kept.values()]) == 1
        found += [alert.alert_id for alert in fresh.step(one, NOON)]
        kept |= {story.story_id: story.record for story in fresh.take_kept()}
    assert found == expected


def test_of_two_records_of_a_story_the_later_version_holds() -> None:
    one = stage(rule())
    one.step(article("a"), NOON)
    [early] = one.take_kept()
    one.commit()
    one.step(article("b"), NOON)
    [late] = one.take_kept()
    fresh = stage(rule())
    assert fresh.restore([late.record, early.record]) == 0
    fresh.step(article("c"), NOON)
    assert b'"articles":3' in fresh.take_kept()[0].record


def test_old_stories_are_forgotten() -> None:
    one = AlertStage(stage(rule()).rules, window=timedelta(days=1))
    run(one, article("a"), article("b", story_id=id_of("other"), collected_at=NOON + timedelta(days=3)))
    assert len(one) == 1


def test_a_changed_rule_keeps_its_memory() -> None:
    one = stage(rule())
    run(one, article("a"))
    one.rules = stage(rule(query="normalization OR Moscow")).rules
    assert run(one, article("b")) == []


def test_a_destination_that_ends_alerts_hears_that_the_story_goes_on() -> None:
    one = stage(rule(channels=("am",)), keeps_up=["am"])
    alerts = run(one, *(article(str(n)) for n in range(5)), step=timedelta(minutes=20))
    assert [alert.reasons for alert in alerts] == [("story",), ("activity",), ("activity",)]
    assert len({alert.alert_id for alert in alerts}) == 3


def trend(**fields: object) -> Trend:
    series = Series("topic", "talks")
    given = {
        "trend_id": trend_id("spike", series, 7), "kind": "spike", "series": series, "hour": NOON, "found_at": NOON, "seen": 20,
        "expected": 3.0, "tolerance": 2.0, **fields,
    }  # fmt: skip
    return Trend(**given)  # type: ignore[arg-type]


def test_a_trend_alerts_once_however_often_it_is_found() -> None:
    one = stage(rule(query="", trend=TrendCondition(kinds=("spike",), series="topic", values=("talks",), min_seen=10)))
    assert one.trend(trend(seen=9), NOON) == ()
    [alert] = one.trend(trend(), NOON)
    one.commit()
    assert one.trend(trend(seen=30), NOON) == ()
    fresh = stage(*one.rules.rules.values())
    fresh.restore([])
    assert alert.trend is not None and alert.trend.seen == 20
    assert one.trend(trend(trend_id="0" * 32, series=Series("topic", "football")), NOON) == ()
    assert one.trend(trend(trend_id="0" * 32, kind="flatline"), NOON) == ()


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, *"ABCDEF"])), min_size=1, max_size=12))
def test_independent_sources_agree_with_the_lineage_of_the_story(reports: list[tuple[str, str | None]]) -> None:
    # One report of each outlet, in order; each credits nobody or one that is not itself.
    seen: dict[str, str | None] = {}
    for outlet, credited in reports:
        if outlet not in seen and (credited is None or credited.lower() != outlet):
            seen[outlet] = credited
    articles = [
        article(
            outlet,
            source_id=outlet,
            attribution=credits(credited) if credited else (),
            published_at=NOON + timedelta(minutes=n),
        )
        for n, (outlet, credited) in enumerate(seen.items())
    ]
    if not articles:
        return
    known: set[str] = set()
    for one in articles:
        # A source that is credited before its own report comes is one and the same in both.
        for step in one.attribution:
            if step.source_id in seen and step.source_id not in known:
                return
        known.add(one.source_id or "")
    expected = lineage(
        Report(article_id=a.article_id, source_id=a.source_id, time=a.published_at or NOON, attribution=a.attribution)
        for a in articles
    ).independent_source_count
    alerts = run(stage(rule(realert=RealertPolicy(growth=1.0001))), *articles)
    assert alerts[-1].story is not None and alerts[-1].story.independent_sources == expected
