"""A short way for queries as large rule sets have them: plain words and phrases, AND, OR, AND NOT, parentheses, simple
fields, `title:`, `near/5:` and the like, `min_score:` at the end. Several times as fast as lexer, grammar and builder.

Whatever is not surely one of these, or faulty, is left to them; the tests hold the trees of this way to theirs.
"""

from __future__ import annotations

import re
from typing import cast

from streams.query import fields
from streams.query.errors import MAX_NEAR_PARTS, QueryError
from streams.query.names import check_is_in_text, check_is_text
from streams.query.syntax import AtLeast, Clauses, FieldIs, InScope, Near, Node, Query, Scope, ValueField
from streams.query.words import text_node

_PLAIN = r"\w[\w\u200c]*"
_END = r"(?=[ )]|$)"
_TOKENS = re.compile(
    rf'({_PLAIN}){_END}|"({_PLAIN}(?: {_PLAIN})*)"{_END}|({_PLAIN})\*{_END}|([()])'
    rf"|(entity|lang|source|country|topic|frame|story):([\w-]+){_END}"
    r'|(title|text|lead):(?=[\w"(])|(near|before|min_mentions)/(\d\d?):(?=\()|(\S)'
)
_WORD, _PHRASE, _PREFIX, _PARENTHESIS, _FIELD, _VALUE, _SCOPE, _OPERATOR, _NUMBER = range(1, 10)
_LEAST_SCORE = re.compile(r" min_score:(\d{1,4}(?:\.\d{1,4})?)$")
_LONGEST, _DEEPEST = 500, 8
_JOINS = frozenset(("AND", "OR"))
_LEFT_TO_THE_GRAMMAR = frozenset(("NOT", "TO", "and", "or", "not", "And", "Or", "Not"))


def quick_query(text: str) -> Query | None:
    """Return what `text` asks for; None where it is not for this way to say."""
    if len(text) > _LONGEST:
        return None
    least = _LEAST_SCORE.search(text)
    tokens = list(_TOKENS.finditer(text, 0, least.start()) if least else _TOKENS.finditer(text))
    reader = _Reader(tokens)
    try:
        root = reader.group(0)
    except (QueryError, _LeftError):
        return None
    if reader.at < len(tokens):
        return None
    if len(tokens) == 1 and isinstance(root, Clauses):
        root = Clauses(should=(root,))  # the spellings of a single word stay together
    return Query(text, root, float(least.group(1)) if least else 0.0)


class _LeftError(Exception):
    """Something that only the grammar may judge."""


class _Reader:
    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self._tokens = tokens
        self.at = 0
        self._is_row = False
        """Whether the last group was of several parts side by side."""

    def group(self, depth: int) -> Node:
        """Read operands with one kind of operator between them, up to a closing parenthesis or the end."""
        if depth > _DEEPEST:
            raise _LeftError
        tokens = self._tokens
        operands: list[Node] = []
        excluded: list[Node] = []
        joined = ""
        while self.at < len(tokens):
            token = tokens[self.at]
            if token.lastindex == _PARENTHESIS and token[_PARENTHESIS] == ")":
                break
            join = ""
            if operands:
                if token.lastindex == _WORD and token[_WORD] in _JOINS:
                    join = token[_WORD]
                    self.at += 1
                if len(operands) + len(excluded) > 1 and join != joined:
                    raise _LeftError
                joined = join
            if joined == "AND" and self._word_here() == "NOT":
                self.at += 1
                excluded.append(self._operand(depth))
            else:
                operands.append(self._operand(depth))
        if not operands:
            raise _LeftError
        self._is_row = len(operands) > 1 and not joined
        if len(operands) == 1 and not excluded:
            return operands[0]
        if joined == "AND":
            return Clauses(tuple(operands), (), tuple(excluded))
        return Clauses(should=tuple(operands))

    def _word_here(self) -> str | None:
        return self._tokens[self.at][_WORD] if self.at < len(self._tokens) else None

    def _operand(self, depth: int) -> Node:
        if self.at >= len(self._tokens):
            raise _LeftError
        token = self._tokens[self.at]
        self.at += 1
        column = token.start() + 1
        match token.lastindex:
            case 1:  # a word
                word = token[_WORD]
                if word in _JOINS or word in _LEFT_TO_THE_GRAMMAR:
                    raise _LeftError
                return text_node(word, column)
            case 2:  # a phrase
                return text_node(token[_PHRASE], column)
            case 3:  # the beginning of a word
                return text_node(token[_PREFIX], column, has_star=True)
            case 4 if token[_PARENTHESIS] == "(":
                return self._enclosed(depth)
            case 6:  # a field and its value
                name = token[_FIELD]
                return FieldIs(cast(ValueField, name), (fields.value_of(name, token[_VALUE], column),))
            case 7:  # title:
                scope = cast(Scope, token[_SCOPE])
                node = self._operand(depth + 1)
                check_is_in_text(node, scope, column)
                if isinstance(node, InScope):
                    raise _LeftError
                return InScope(scope, node, column)
            case 9:  # near/5:
                self.at += 1
                node = self._enclosed(depth)
                return _operator(token[_OPERATOR], int(token[_NUMBER]), node, column, is_row=self._is_row)
            case _:
                raise _LeftError

    def _enclosed(self, depth: int) -> Node:
        node = self.group(depth + 1)
        tokens = self._tokens
        if self.at >= len(tokens) or tokens[self.at][_PARENTHESIS] != ")":
            raise _LeftError
        if self.at + 1 < len(tokens):
            following = tokens[self.at + 1]
            if following[_PARENTHESIS] != ")" and following.start() == tokens[self.at].end():
                raise _LeftError  # something is glued to the parenthesis
        self.at += 1
        return node


def _operator(name: str, number: int, node: Node, column: int, *, is_row: bool) -> Node:
    where = f"{name}/{number}"
    if name == "min_mentions":
        if number < 1:
            raise _LeftError
        check_is_text(node, where, column)
        return AtLeast(node, number)
    if not is_row or not isinstance(node, Clauses) or len(node.should) > MAX_NEAR_PARTS:
        raise _LeftError
    for part in node.should:
        check_is_text(part, where, column)
    return Near(node.should, number, name == "before")
