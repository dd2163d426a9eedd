"""All alert rules, compiled into one matcher."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from streams.definitions import RuleDefinition, RuleFilters
from streams.model import Article
from streams.query import Match, Matcher, Query, QueryError, compile_queries, parse, resolve
from streams.text.document import Document
from streams.trends.records import Trend


class Fired(NamedTuple):
    """A rule that an article matches, and how."""

    rule: RuleDefinition
    match: Match


class RuleSet:
    """The rules that are in force: what they match, whatever was said before."""

    def __init__(
        self,
        rules: Iterable[RuleDefinition] = (),
        named: Mapping[str, Query] | None = None,
        *,
        queries: Mapping[str, Query] | None = None,
        houses: Mapping[str, str] | None = None,
        keeps_up: Iterable[str] = (),
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Compile the rules that are enabled.

        Args:
            named: what `@name` stands for (`streams.topics.named_queries`).
            queries: the rules' queries by id, where they are parsed and resolved already (`rule_query`).
            houses: the id of a source by the ids of its editions.
            keeps_up: ids of destinations that end alerts by themselves.
            clock: what `now` means in a query (UTC).

        Raises:
            QueryError: a query is faulty (`rule_fault` says so with its place).
        """
        self.rules = {rule.id: rule for rule in rules if rule.enabled}
        self.houses = houses or {}
        ending = frozenset(keeps_up)
        self.kept_up = frozenset(rule.id for rule in self.rules.values() if not ending.isdisjoint(rule.channels))
        self._trends = tuple(rule for rule in self.rules.values() if rule.trend is not None)
        known = queries or {}
        self._matcher: Matcher = compile_queries(
            {
                rule.id: known.get(rule.id) or rule_query(rule, named or {})
                for rule in self.rules.values()
                if rule.trend is None
            },
            clock=clock,
        )

    def __len__(self) -> int:
        return len(self.rules)

    def match(self, article: Article, document: Document | None = None) -> list[Fired]:
        """Return the rules that `article` matches, in their order; `document` is its words, if they are at hand."""
        return [
            Fired(rule, match)
            for match in self.matches(article, document)
            if passes((rule := self.rules[match.query_id]).filters, article)
        ]

    def matches(self, article: Article, document: Document | None = None) -> list[Match]:
        """Return the queries that `article` matches, whatever the filters of their rules say."""
        if not len(self._matcher):
            return []
        if document is None:
            document = Document.of(article.title, article.text, article.language)
        return self._matcher.match(document, article)

    def match_trend(self, trend: Trend) -> list[RuleDefinition]:
        """Return the trend rules that `trend` meets."""
        return [rule for rule in self._trends if _meets(rule, trend)]


def rule_query(rule: RuleDefinition, named: Mapping[str, Query]) -> Query:
    """Return the query of `rule`, its names replaced, with its least score.

    Raises:
        QueryError: it is faulty.
    """
    query = parse(rule.query)
    if query.names:
        query = resolve(query, named)
    return replace(query, min_score=max(query.min_score, rule.min_score))


def rule_fault(rule: RuleDefinition, named: Mapping[str, Query]) -> Query | str | None:
    """Return the query of a good rule (None for a trend rule), or what is wrong with it."""
    if rule.trend is not None:
        return None
    try:
        return rule_query(rule, named)
    except QueryError as error:
        return str(error)


def passes(filters: RuleFilters, article: Article) -> bool:
    """Whether `article` is one that a rule with these filters looks at."""
    if filters.languages and article.language.partition("-")[0] not in filters.languages:
        return False
    if filters.countries and article.country not in filters.countries:
        return False
    if filters.ownership and article.ownership not in filters.ownership:
        return False
    if filters.sources and article.source_id not in filters.sources:
        return False
    return not (filters.not_sources and article.source_id in filters.not_sources)


def _meets(rule: RuleDefinition, trend: Trend) -> bool:
    condition = rule.trend
    if condition is None or trend.kind not in condition.kinds:
        return False
    if condition.series is not None and trend.series.kind != condition.series:
        return False
    if condition.values and trend.series.value not in condition.values:
        return False
    return trend.kind == "flatline" or trend.seen >= condition.min_seen
