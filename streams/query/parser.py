"""Parses query text: our lexer, luqum's grammar, our tree."""

from __future__ import annotations

import re
import threading
from typing import Any

from luqum.exceptions import ParseError

from streams.query import fields
from streams.query.builder import Builder, as_one
from streams.query.errors import QueryError
from streams.query.grammar import GRAMMAR, read
from streams.query.lexer import LOWER_OPERATORS, Lexer
from streams.query.syntax import Clauses, Everything, Node, Query
from streams.query.words import text_node

_lock = threading.Lock()  # PLY keeps the state of a parse on the parser itself


def parse(text: str) -> Query:
    """Return what `text` asks for; an empty query asks for everything.

    Raises:
        QueryError: `text` is not in the language, or passes a limit; names the column and says what to write instead.
    """
    if not text.strip():
        return Query(text, Everything())
    return _flat(text) or Builder(text).build(_syntax_tree(text))


_PLAIN = r"(?:\w[\w\u200c]*)"
_FLAT = re.compile(rf'(?:{_PLAIN}|"{_PLAIN}(?: {_PLAIN})*")(?: (?:{_PLAIN}|"{_PLAIN}(?: {_PLAIN})*"))*')
_FLAT_PARTS = re.compile(rf'"([^"]*)"|({_PLAIN})')


def _flat(text: str) -> Query | None:
    """Return a query of only words and phrases with one kind of operator, five times as fast; None for any other.

    Large rule sets are made of these. The tests hold it to what the grammar says.
    """
    if len(text) > 500 or not _FLAT.fullmatch(text):
        return None
    nodes: list[Node] = []
    operators: set[str] = set()
    between = False
    for found in _FLAT_PARTS.finditer(text):
        phrase, word = found.groups()
        if word in ("AND", "OR"):
            if between or not nodes:
                return None
            operators.add(word)
            between = True
            continue
        if word in ("NOT", "TO") or word in LOWER_OPERATORS:
            return None
        if nodes and not between:
            operators.add("")
        between = False
        nodes.append(text_node(word or phrase, found.start() + 1))
    if len(operators) > 1 or between:
        return None
    if len(nodes) == 1:
        return Query(text, as_one(nodes[0]))
    return Query(text, Clauses(must=tuple(nodes)) if operators == {"AND"} else Clauses(should=tuple(nodes)))


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
