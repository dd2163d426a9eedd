"""What can be wrong with a query, and the limits that keep every query's cost bounded.

QueryError                  a fault at a column; says what to write instead
├── QueryTooCostly          a limit below is passed
└── UnknownName             `@name` where no such query is defined, or a circle of names
"""

from __future__ import annotations

MAX_QUERY_CHARACTERS = 20_000
MAX_QUERY_WORDS = 2_000
"""Words to look for, and values of fields, in one query text."""
MAX_EXPANDED_WORDS = 50_000
"""The same after `@name` is replaced by what it stands for: nested names multiply."""
MAX_DEPTH = 24
"""Nesting of parentheses and of `@name` in `@name`."""
MAX_PHRASE_WORDS = 32
MAX_DISTANCE = 100
"""Words between the parts of a proximity."""
MAX_NEAR_PARTS = 6
"""Parts of one proximity: the work for one article grows with 2 to the power of it."""
MIN_PREFIX_LETTERS = 3
MAX_WEIGHT = 1_000.0


class QueryError(ValueError):
    """A query that cannot be understood or is refused. `column` is 1-based, in code points of the query text."""

    def __init__(self, message: str, column: int) -> None:
        self.message = message
        self.column = column
        super().__init__(message, column)

    def __str__(self) -> str:
        return f"column {self.column}: {self.message}"


class QueryTooCostly(QueryError):
    """The query passes one of the limits of this module."""


class UnknownName(QueryError):
    """`@name` names no query, or names form a circle."""
