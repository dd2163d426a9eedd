"""Parses query text: our lexer, luqum's grammar, our tree."""

from __future__ import annotations

import threading
from typing import Any

from luqum.exceptions import ParseError

from streams.query import fields
from streams.query.builder import Builder
from streams.query.errors import QueryError
from streams.query.grammar import GRAMMAR, read
from streams.query.lexer import Lexer
from streams.query.quick import quick_query
from streams.query.syntax import Everything, Query

_lock = threading.Lock()  # PLY keeps the state of a parse on the parser itself


def parse(text: str) -> Query:
    """Return what `text` asks for; an empty query asks for everything.

    Raises:
        QueryError: `text` is not in the language, or passes a limit; names the column and says what to write instead.
    """
    if not text.strip():
        return Query(text, Everything())
    return quick_query(text) or Builder(text).build(_syntax_tree(text))


def _syntax_tree(text: str) -> Any:
    found = read(Lexer(text, fields.takes_values).token)
    return found if found is not None else refused(text)


def refused(text: str) -> Any:
    """Return luqum's tree of `text`, or raise what luqum has against it."""
    lexer = Lexer(text, fields.takes_values)
    with _lock:
        try:
            return GRAMMAR.parse(input=text, lexer=lexer)
        except ParseError as error:
            raise QueryError(_where_it_broke(text, lexer.last_position), lexer.last_position + 1) from error


def _where_it_broke(text: str, position: int) -> str:
    rest = text[position:].split(None, 1)
    if not rest:
        return "something is missing at the end; write what the last operator is to join, or take it away"
    return f"`{rest[0][:40]}` cannot stand here; an operator needs something on both sides: `a AND b`"
