"""The matcher against a slow and obvious evaluator, on more than 100,000 pairs of made-up queries and articles."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from streams.query import (
    AllOf,
    AnyOf,
    Candidates,
    Everything,
    FieldIs,
    FieldRange,
    Prefix,
    Term,
    candidates,
    compile_queries,
    parse,
)
from streams.query.fields import values_in
from streams.query.program import article_time
from streams.text.document import Document
from tests.unit.query.generate import Maker, article
from tests.unit.query.slow import Page, Result, evaluate

SEEDS = range(6)
QUERIES, ARTICLES = 170, 100


def test_the_pairs_are_enough() -> None:
    assert len(SEEDS) * QUERIES * ARTICLES >= 100_000


@pytest.mark.parametrize("seed", SEEDS)
def test_matcher_means_what_the_slow_evaluator_says(seed: int) -> None:
    pick = random.Random(seed)
    maker = Maker(pick)
    made = [maker.query() for _ in range(QUERIES)]
    matcher = compile_queries({str(number): parse(text) for number, (text, _) in enumerate(made)})
    seen: Counter[bool] = Counter()
    for _ in range(ARTICLES):
        record, page = article(pick)
        document = Document.of(record.title, record.text, record.language)
        found = {match.query_id: match for match in matcher.match(document, record)}
        for number, (text, meaning) in enumerate(made):
            expected, match = evaluate(meaning, page), found.get(str(number))
            assert (match is not None) == (expected is not None), _story(text, page, expected, match)
            seen[match is not None] += 1
            if match is None or expected is None:
                continue
            assert match.score == pytest.approx(expected.score, abs=1e-3), _story(text, page, expected, match)
            if "near" not in repr(meaning):
                spans = {(span.field, span.start, span.end) for span in match.spans}
                assert spans == _spans(expected, page), _story(text, page, expected, match)
    assert seen.total() == QUERIES * ARTICLES
    assert seen[True] > 0.05 * seen.total()  # the comparison is worth little where nothing matches
    assert seen[False] > 0.05 * seen.total()


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_candidates_are_a_superset(seed: int) -> None:
    pick = random.Random(1000 + seed)
    maker = Maker(pick)
    queries = {text: parse(text) for text, _ in (maker.query() for _ in range(QUERIES))}
    trees = {text: candidates(query) for text, query in queries.items()}
    matcher = compile_queries(queries)
    refused = 0
    for _ in range(ARTICLES):
        record, _ = article(pick)
        document = Document.of(record.title, record.text, record.language)
        terms = set(document.index_terms())
        matched = {match.query_id for match in matcher.match(document, record)}
        for text, tree in trees.items():
            is_candidate = _finds(tree, terms, record)
            assert is_candidate or text not in matched, (text, tree)
            refused += not is_candidate
    assert refused > 0.2 * len(queries) * ARTICLES  # a tree that accepts everything would be a superset, too


def _finds(tree: Candidates, terms: set[str], record: object) -> bool:
    match tree:
        case Everything():
            return True
        case Term(key):
            return key in terms
        case Prefix(key):
            return any(term.startswith(key) for term in terms)
        case FieldIs(field, values):
            return not set(values).isdisjoint(values_in(record, field))
        case FieldRange(_, low, high):
            at = article_time(record)
            return at is not None and (low is None or low <= at) and (high is None or at < high)
        case AllOf(items):
            return all(_finds(item, terms, record) for item in items)
        case AnyOf(items):
            return any(_finds(item, terms, record) for item in items)


def _spans(result: Result, page: Page) -> set[tuple[str, int, int]]:
    return {
        (("title", "text")[where], page.fields[where].starts[start], page.fields[where].ends[end - 1])
        for where, start, end in result.places
    }


def _story(text: str, page: Page, expected: object, match: object) -> str:
    return (
        f"\nquery: {text}\ntitle: {page.title}\ntext: {page.text}\n({page.language})\nslow: {expected}\nfast: {match}"
    )
