"""Runs the examples of alert rules, through the same stages and matcher as articles go through."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec.structs import replace

from agent.alerts.load import AlertConfig, LocatedRule
from agent.errors import ConfigFault
from agent.examples import Counted, as_article
from streams.alerts.rules import RuleSet
from streams.definitions import Definitions
from streams.pipeline import Pipeline
from streams.query import parse
from streams.query.names import field_values
from streams.topics import named_queries


def run_rule_examples(
    config: AlertConfig, definitions: Definitions, clock: Callable[[], datetime], pipeline: Pipeline | None = None
) -> Counted:
    """Run the examples of all rules, also of those that are not enabled. Filters are not looked at: an example has
    no outlet."""
    located = [one for one in config.located if one[0].examples.match or one[0].examples.not_match]
    if not located:
        return Counted(0, [])
    pipeline = pipeline or Pipeline(definitions, clock)
    rules = RuleSet([replace(rule, enabled=True) for rule, _ in located], named_queries(definitions.topics))
    failures, count = [], 0
    for rule, place in located:
        cases = [("match", number, example, True) for number, example in enumerate(rule.examples.match)]
        cases += [("not_match", number, example, False) for number, example in enumerate(rule.examples.not_match)]
        for key, number, example, is_expected in cases:
            count += 1
            article = pipeline.process(as_article(example, clock()))
            if isinstance(article, tuple):
                what = f"the example cannot be processed: {article[0].detail}"
            else:
                # Without a country no filter by country lets it pass: what is tried is the query.
                scores = {one.query_id: one.score for one in rules.matches(article)}
                if (rule.id in scores) == is_expected:
                    continue
                shown = (article.title or article.text)[:60]
                verb = (
                    f"must not match and does (score {scores[rule.id]:g})"
                    if rule.id in scores
                    else "must match and does not"
                )
                what = f"{verb}: {shown!r} ({article.language})"
            failures.append(
                ConfigFault(place.path, place.line_of(f"examples.{key}.{number}"), f"rule {rule.id}: {what}")
            )
    return Counted(count, failures)


def unknown_in_rules(located: Iterable[LocatedRule], definitions: Definitions) -> list[ConfigFault]:
    """Return where a rule names an entity, topic, frame or trend value that nothing defines."""
    known = {
        "entity": {entity.id for entity in definitions.entities},
        "topic": {topic.id for topic in definitions.labels},
        "frame": {frame.id for frame in definitions.frames},
    }
    found = []
    for rule, place in located:
        named = [(field, value, "query") for field, value in field_values(parse(rule.query).root)] if rule.query else []
        if rule.trend is not None and rule.trend.series is not None:
            named += [(rule.trend.series, value, "trend.values") for value in rule.trend.values]
        for field, value, key in named:
            if field in known and value not in known[field]:
                near = difflib.get_close_matches(value, known[field], n=1)
                hint = f": did you mean {near[0]!r}?" if near else ""
                found.append(
                    ConfigFault(place.path, place.line_of(key), f"rule {rule.id}: there is no {field} {value!r}{hint}")
                )
    return found
