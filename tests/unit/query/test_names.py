from __future__ import annotations

import pytest

from streams.query import QueryError, QueryTooCostly, UnknownName, compile_queries, parse, resolve
from streams.query.syntax import Clauses, Near, Phrase, Word


def test_a_name_stands_for_its_query() -> None:
    named = {"x": parse("a b")}
    assert resolve(parse("near/3:(@x c)"), named).root == Near(
        (Clauses(should=(Phrase((Word("a"),)), Phrase((Word("b"),)))), Phrase((Word("c"),))), 3, is_ordered=False
    )


@pytest.mark.parametrize(
    ("queries", "circle"),
    [
        ({"a": "@a"}, "@a → @a"),
        ({"a": "x @b", "b": "@a"}, "@a → @b → @a"),
        ({"a": "@b", "b": "y (z OR @c)", "c": "near/3:(@b w)"}, "@b → @c → @b"),
    ],
)
def test_circles_are_refused(queries: dict[str, str], circle: str) -> None:
    with pytest.raises(UnknownName, match=circle):
        compile_queries({name: parse(text) for name, text in queries.items()})


def test_unknown_names_have_a_column_and_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean `@syria`") as refused:
        resolve(parse("a AND @syira"), {"syria": parse("x")})
    assert refused.value.column == 7


@pytest.mark.parametrize("inner", ["a AND b", "a^2 b", "NOT a", "lang:ar", "title:a"])
def test_what_has_no_place_is_refused_where_the_name_stands(inner: str) -> None:
    with pytest.raises(QueryError) as refused:
        resolve(parse("x near/3:(c @inner)"), {"inner": parse(inner)})
    assert refused.value.column == 13


def test_scopes_reach_into_names() -> None:
    with pytest.raises(QueryError, match="beside"):
        resolve(parse("title:@inner"), {"inner": parse("a AND lang:ar")})
    with pytest.raises(QueryError, match="cannot match"):
        resolve(parse("title:@inner"), {"inner": parse("a text:b")})


def test_settings_stay_with_their_own_query() -> None:
    with pytest.raises(QueryError, match="of its own"):
        resolve(parse("@inner"), {"inner": parse("a min_score:2")})


def test_names_that_multiply_are_refused_fast() -> None:
    names = {"n0": parse("a b c d e f g h i j")}
    for level in range(1, 20):
        names[f"n{level}"] = parse(" ".join([f"@n{level - 1}"] * 10))
    with pytest.raises(QueryTooCostly, match="50,000"):
        resolve(parse("@n19"), names)


def test_deep_names_are_refused() -> None:
    names = {"n0": parse("a")} | {f"n{level}": parse(f"@n{level - 1} b") for level in range(1, 100)}
    with pytest.raises(QueryTooCostly, match="deep"):
        resolve(parse("@n99"), names)
