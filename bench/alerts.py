"""Alerts: rules against articles/s, loading many rules, from matched to delivered, and what story semantics save.

What is work is measured in CPU time of this process. Latency is the wall clock's, from when an alert was decided to
when its receiver has it, while articles come at a fixed rate; on a machine that is busy otherwise it says little.
"""

from __future__ import annotations

import gc
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.alerts.dry_run import run_rule
from agent.alerts.load import load_alerts
from agent.config_files import Faults
from agent.definitions import load_definitions
from bench import rules as made_up
from bench.alert_latency import latencies
from bench.articles import placed, raw_articles
from bench.figures import figure
from bench.labelled_stories import labels, raw_article
from streams.alerts.rules import RuleSet
from streams.definitions import Definitions, RuleDefinition
from streams.model import Article
from streams.pipeline import Pipeline

COUNTS = (100, 1_000, 10_000, 100_000)
ARTICLES, ROUNDS = 150, 3
_CONFIG = Path(__file__).parent.parent / "config"


def run() -> dict[str, Any]:
    """Return the figures of alerts."""
    faults = Faults()
    definitions = load_definitions(_CONFIG, faults)
    faults.check()
    gc.set_threshold(50_000, 20, 20)
    figures = _rules(definitions)
    figures |= _story_semantics(definitions)
    figures |= latencies()
    return figures


# --- rules ------------------------------------------------------------------------------------------------------------


def _rules(definitions: Definitions) -> dict[str, Any]:
    texts = made_up.rules(max(COUNTS), definitions.entities)
    articles = [placed(raw) for raw in raw_articles(ARTICLES)]
    figures: dict[str, Any] = {}
    per_second, whole = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "alerts").mkdir()
        for count in COUNTS:
            path = Path(folder) / "alerts" / "rules.yaml"
            lines = [
                f"- {{id: r{number}, name: Rule {number}, query: {json.dumps(text, ensure_ascii=False)}}}\n"
                for number, text in enumerate(texts[:count])
            ]
            path.write_text("".join(lines), encoding="utf-8")
            faults, began = Faults(), time.process_time()
            config = load_alerts(Path(folder), definitions, faults)
            seconds = time.process_time() - began
            faults.check()
            if count == max(COUNTS):
                figures[f"load {count:,} rules from YAML, CPU s"] = figure(seconds, at_most=20)
            per_second[count] = _match_rate(config.rules, articles)
            figures[f"articles/s, {count:,} rules"] = figure(per_second[count])
            whole[count] = _with_the_stages(definitions, config.rules)
            figures[f"articles/s through all stages, {count:,} rules"] = figure(whole[count])
            figures[f"rules matched per article, {count:,} rules"] = round(
                statistics.mean(len(config.rules.match(article)) for article in articles), 1
            )
            del config
            gc.collect()
    few, many = min(COUNTS), max(COUNTS)
    figures[f"speed through all stages, {many:,} rules over {few:,}"] = figure(whole[many] / whole[few], at_least=0.5)
    figures[f"speed of the rules alone, {many:,} rules over {few:,}"] = figure(per_second[many] / per_second[few])
    return figures


def _with_the_stages(definitions: Definitions, rules: RuleSet) -> float:
    """Return the articles a second of enrich, story and rules together, as the embedded agent runs them."""
    pipeline = Pipeline(definitions)
    raws = list(raw_articles(2 * ARTICLES, seed=3))
    for start in (0, ARTICLES):
        began = time.process_time()
        for raw in raws[start : start + ARTICLES]:
            article = pipeline.process(raw)
            if isinstance(article, Article):
                rules.match(article)
        seconds = time.process_time() - began
    return ARTICLES / seconds


def _match_rate(rules: RuleSet, articles: Sequence[Article]) -> float:
    for article in articles:  # words are looked up once, as they would be in a stream
        rules.match(article)
    rates = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for article in articles:
            rules.match(article)
        rates.append(len(articles) / (time.process_time() - began))
    return statistics.median(rates)


# --- what story semantics save ----------------------------------------------------------------------------------------


def _story_semantics(definitions: Definitions) -> dict[str, Any]:
    """The development half of the labelled stories, by the stories of the pipeline, and a rule that matches all."""
    held = [label for label in labels() if label["split"] == "dev"]
    pipeline = Pipeline(definitions)
    articles = []
    for label in held:
        article = pipeline.process(raw_article(label))
        if isinstance(article, Article):
            articles.append(article)
    rule = RuleDefinition(id="all", name="All", query="*")
    span = {"since": articles[0].collected_at, "until": articles[-1].collected_at + timedelta(days=1)}
    found = run_rule(rule, articles, {}, {}, **span)
    stories = len({label["story"] for label in held})
    counts = {tally.policy: tally.alerts for tally in found.policies}
    figures: dict[str, Any] = {
        f"alerts per labelled story, {name}": figure(count / stories) for name, count in counts.items()
    }
    figures["labelled stories, articles"] = f"{stories}, {len(articles)}"
    return figures
