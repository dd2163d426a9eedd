"""The one query language: `parse`, `compile_queries`, `Matcher.match`, `candidates`. See docs/query-language.md."""

from streams.query.candidates import (
    AllOf,
    AnyOf,
    Candidates,
    Everything,
    FieldIs,
    FieldRange,
    Prefix,
    Term,
    candidates,
)
from streams.query.errors import QueryError, QueryTooCostly, UnknownName
from streams.query.matcher import Match, Matcher, compile_queries
from streams.query.names import resolve, resolve_all
from streams.query.parser import parse
from streams.query.syntax import Query

__all__ = [
    "AllOf",
    "AnyOf",
    "Candidates",
    "Everything",
    "FieldIs",
    "FieldRange",
    "Match",
    "Matcher",
    "Prefix",
    "Query",
    "QueryError",
    "QueryTooCostly",
    "Term",
    "UnknownName",
    "candidates",
    "compile_queries",
    "parse",
    "resolve",
    "resolve_all",
]
