"""A dry run shows what would have fired: the same alerts that the agent made, and the noise of each policy."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from agent.alerts.dry_run import DryRun, matching_articles, run_rule, run_trend_rule
from agent.alerts.versions import earlier_versions
from agent.cli import main_group
from streams.alerts.rules import RuleSet
from streams.definitions import Definitions, RealertPolicy, RuleDefinition, TrendCondition
from streams.enrich import Enricher
from streams.model import Article, RawArticle
from streams.stores.sqlite import SqliteStore
from tests.unit.alerts.kit import NOON, article, copy_of, id_of, rule, run, stage
from tests.unit.alerts.test_decide import trend

ARTICLES = [
    article("a"),
    copy_of("a1", "a", collected_at=NOON + timedelta(hours=1)),
    article("b", language="tr", country="TR", collected_at=NOON + timedelta(hours=2)),
    article("c", story_id=id_of("other"), collected_at=NOON + timedelta(days=1)),
    article("d", story_id=id_of("third"), is_backfill=True, collected_at=NOON + timedelta(days=1)),
    article("e", title="Football", text="Football.", collected_at=NOON + timedelta(days=1)),
]
SPAN = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=2)}


def test_the_dry_run_comes_to_the_alerts_of_the_stage() -> None:
    policy = RealertPolicy(language=True)
    found = run_rule(rule(realert=policy), ARTICLES[::-1], {}, {}, **SPAN)
    live = run(stage(rule(realert=policy)), *ARTICLES)
    assert [alert.alert_id for alert in found.alerts] == [alert.alert_id for alert in live]
    assert found.by_day == {"2026-03-01": 2, "2026-03-02": 1}
    counts = {tally.policy: tally.alerts for tally in found.policies}
    assert counts["as configured"] == counts["language"] == counts["country"] == counts["source"] == 3
    assert counts["once"] == counts["revision"] == 2
    assert counts["every match"] == 4  # the copy, too, but not what was backfilled
    assert (found.articles, found.stories, found.backfilled) == (5, 3, 1)


def test_backfilled_articles_may_be_taken_for_news() -> None:
    found = run_rule(rule(), ARTICLES, {}, {}, as_news=True, **SPAN)
    assert len(found.alerts) == 3


async def test_the_store_is_asked_until_every_piece_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.stores.through._MAX_HITS", 4)
    store = SqliteStore(tmp_path / "r.sqlite")
    many = [article(str(n), published_at=NOON + timedelta(minutes=7 * n)) for n in range(60)]
    await store.write([*many, article("x", title="Football", text="Football.")])
    pieces = [
        piece
        async for piece in matching_articles(store, rule(), {}, NOON - timedelta(days=3), NOON + timedelta(days=1))
    ]
    await store.close()
    found = [one.article_id for articles, _ in pieces for one in articles]
    assert len(found) == len(set(found)) and set(found) == {one.article_id for one in many}
    assert all(is_whole for _, is_whole in pieces)


# --- edited articles --------------------------------------------------------------------------------------------------

TALKS, FOOTBALL = "Talks on normalization", "A football match"


def enriched(one: Article) -> Article:
    """As the enrich stage labels it."""
    raw = RawArticle(**{name: getattr(one, name) for name in RawArticle.__struct_fields__})
    known = Enricher(Definitions()).enrich(raw, one.collected_at)
    return replace(one, **{name: getattr(known, name) for name in type(known).__struct_fields__})


def version(name: str, revision: int, title: str, hours: float, **fields: Any) -> Article:
    moment = NOON + timedelta(hours=hours)
    return enriched(
        article(name, revision=revision, title=title, text="", collected_at=moment, storied_at=moment, **fields)
    )


def live(one: RuleDefinition, versions: list[Article]) -> list[str]:
    running, found = stage(one), []
    for each in versions:
        found += [alert.alert_id for alert in running.step(each, each.collected_at)]
        running.commit()
    return found


async def dry(path: Path, one: RuleDefinition, versions: list[Article]) -> DryRun:
    store = SqliteStore(path)
    try:
        for each in versions:
            await store.write([each])
        since, until = SPAN["since"], SPAN["until"]
        hits = [hit async for piece, _ in matching_articles(store, one, {}, since, until) for hit in piece]
        earlier = earlier_versions(store, RuleSet([one]), Definitions(), since, until)
    finally:
        await store.close()
    return run_rule(one, hits, {}, {}, earlier=earlier, **SPAN)


async def test_an_edit_that_newly_matches_is_counted_as_the_live_rule_does(tmp_path: Path) -> None:
    versions = [
        version("a", 1, TALKS, 0),
        version("b", 1, FOOTBALL, 1),
        version("b", 2, TALKS, 2),
        version("b", 3, f"{TALKS} go on", 3),
        version("c", 1, TALKS, 4, story_id=id_of("other")),
        version("c", 2, FOOTBALL, 5, story_id=id_of("other")),
    ]
    found = await dry(tmp_path / "r.sqlite", rule(), versions)
    assert [alert.reasons for alert in found.alerts] == [("story",), ("revision",), ("story",)]
    assert [alert.alert_id for alert in found.alerts] == live(rule(), versions)
    assert (found.articles, found.stories, found.edited_unseen) == (3, 2, 0)
    counts = {tally.policy: tally.alerts for tally in found.policies}
    assert counts["once"] == 2 and counts["revision"] == 3


@pytest.mark.parametrize("seed", range(12))
async def test_edits_in_any_order_come_to_what_the_live_rule_came_to(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    revisions: dict[str, int] = {}
    versions = []
    for minute in range(40):
        name = chance.choice("abcdefgh")
        revisions[name] = revisions.get(name, 0) + 1
        title = f"{chance.choice((TALKS, FOOTBALL))} {minute}"
        versions.append(version(name, revisions[name], title, minute / 60, story_id=id_of(f"story-{name < 'd'}")))
    one = rule(realert=RealertPolicy(source=True, growth=2, revision=chance.random() < 0.7))
    found = await dry(tmp_path / "r.sqlite", one, versions)
    assert [alert.alert_id for alert in found.alerts] == live(one, versions) != []


def test_a_store_that_keeps_no_earlier_text_says_how_many_were_edited() -> None:
    found = run_rule(rule(), [version("a", 2, TALKS, 0), version("b", 1, TALKS, 1)], {}, {}, earlier=None, **SPAN)
    assert found.edited_unseen == 1


def test_a_trend_rule_is_run_on_the_findings() -> None:
    one = rule(query="", trend=TrendCondition(kinds=("spike",)))
    assert len(run_trend_rule(one, [trend(), trend(seen=50)], **SPAN).alerts) == 1


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "rasad.yaml").write_text(f"store: {{path: '{tmp_path / 'r.sqlite'}'}}\n", encoding="utf-8")
    (tmp_path / "alerts" / "r.yaml").write_text(
        "- {id: normalization, name: N, query: normalization, enabled: false}\n- {id: never, name: N, query: nothing-of-it}\n",
        "utf-8",
    )

    async def fill() -> None:
        store = SqliteStore(tmp_path / "r.sqlite")
        await store.write(ARTICLES)
        await store.close()

    asyncio.run(fill())

    def rasad(*arguments: str) -> tuple[int, str]:
        given = ["alerts", "test", *arguments, "--config", str(tmp_path)]
        result = CliRunner().invoke(main_group, given, standalone_mode=False)
        if result.exception is not None:
            return getattr(result.exception, "exit_code", 99), str(result.exception)
        return result.return_value or 0, result.output

    code, said = rasad("normalization", "--since", "2026-02-01", "--until", "2026-03-10", "--json")
    row = json.loads(said.splitlines()[-1])
    assert code == 0 and len(row["alerts"]) == 2 and row["is_complete"]
    code, said = rasad("normalization", "--since", "2026-02-01", "--until", "2026-03-10", "--list")
    assert "every match" in said and "2026-03-01" in said and "Ministers speak of normalization" in said
    assert rasad("never", "--since", "2026-02-01", "--until", "2026-03-10")[0] == 1
    assert rasad("nobody")[0] == 2
    assert rasad("normalization", "--since", "soon")[0] == 2
    assert rasad("normalization", "--since", "2026-03-10", "--until", "2026-03-01")[0] == 2
