"""A dry run shows what would have fired: the same alerts that the agent made, and the noise of each policy."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.alerts.dry_run import matching_articles, run_rule, run_trend_rule
from agent.cli import main_group
from streams.definitions import RealertPolicy, TrendCondition
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
