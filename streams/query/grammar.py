"""luqum's grammar, twice: as luqum has it, and by hand, since what PLY makes of it takes most of the time of parsing.

    whole  = signed { [AND | OR] signed }               AND binds closest, then OR, then what stands side by side;
    signed = ("+" | "-" | NOT | field ":") signed       but a sign holds what it is before to the word in front of it,
           | ("(" whole ")" | term) { "^" number }      so that `a OR b -c` is `a OR (b -c)`

`read` gives the tree that luqum gives, of luqum's classes; the tests hold it to that on every shipped query and on
made-up ones. Whatever it cannot read is luqum's to refuse.

luqum is imported without its side effects. At import luqum asks PLY to compare the tables it ships with the docstrings
of its grammar. Python 3.13 strips the indentation of docstrings, so there they never compare equal: PLY then works the
tables out anew at every start (0.1 s) and writes two files into site-packages, where it may not write and where two
processes may meet. The tables are the same, so they are taken as they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from luqum import tree
from ply import yacc

from streams.query.errors import MAX_DEPTH


def _load() -> Any:
    original = yacc.yacc
    yacc.yacc = functools.partial(original, optimize=True, debug=False, write_tables=False)
    try:
        from luqum import parser
    finally:
        yacc.yacc = original
    return parser.parser


GRAMMAR = _load()
"""The parser object of PLY; it keeps the state of a parse on itself, so one thread may use it at a time."""

_SIGNS = {"PLUS": tree.Plus, "MINUS": tree.Prohibit, "NOT": tree.Not}
_SIDE_BY_SIDE, _OR, _AND = 1, 2, 3
_JOINS = {
    # token: how closely it is held to what is in front of it, how closely it holds what follows, what it makes
    "TERM": (0, _SIDE_BY_SIDE, tree.UnknownOperation),
    "LPAREN": (0, _SIDE_BY_SIDE, tree.UnknownOperation),
    "NOT": (0, _SIDE_BY_SIDE, tree.UnknownOperation),
    "PLUS": (4, _SIDE_BY_SIDE, tree.UnknownOperation),
    "MINUS": (4, _SIDE_BY_SIDE, tree.UnknownOperation),
    "OR_OP": (_OR, _OR, tree.OrOperation),
    "AND_OP": (_AND, _AND, tree.AndOperation),
}
_ENDS = frozenset(("RPAREN", "COLUMN", "BOOST", "AND_OP", "OR_OP"))
_MAX_LEVELS = 3 * MAX_DEPTH


class _UnreadableError(Exception):
    """Something not in the grammar, or nested too deep to be read by functions that call one another."""


def read(next_token: Callable[[], Any]) -> Any | None:
    """Return luqum's tree of the tokens; None where luqum has to say what is wrong with them."""
    reader = _Reader(next_token)
    try:
        found = reader.whole(-1, 0)
        return found if reader.ahead is None else None
    except _UnreadableError:
        return None


class _Reader:
    def __init__(self, next_token: Callable[[], Any]) -> None:
        self._next = next_token
        self.ahead = next_token()

    def whole(self, held: int, level: int) -> Any:
        """Read on as long as what follows is held closer than `held`."""
        first = self._signed(level)
        made: Any = None
        operands = [first]
        while self.ahead is not None and (join := _JOINS.get(self.ahead.type)) is not None:
            closeness, holds, kind = join
            # One sign after another is left to who asked: the result is one row of operands all the same.
            if closeness <= held or (held == _SIDE_BY_SIDE and closeness == 4):
                break
            if holds != _SIDE_BY_SIDE:
                self.ahead = self._next()
            following = self.whole(holds, level)
            if made is not kind:
                if made is not None:
                    operands = [made(*operands, pos=first.pos)]
                made = kind
            operands.extend(following.operands if isinstance(following, kind) else (following,))
        return made(*operands, pos=first.pos) if made is not None else first

    def _signed(self, level: int) -> Any:
        token = self.ahead
        if token is None or level > _MAX_LEVELS or token.type in _ENDS:
            raise _UnreadableError
        self.ahead = self._next()
        sign = _SIGNS.get(token.type)
        if sign is not None:
            return sign(self._signed(level + 1), pos=token.lexpos)
        if token.type == "LPAREN":
            found: Any = tree.Group(self.whole(-1, level + 1), pos=token.lexpos)
            if self.ahead is None or self.ahead.type != "RPAREN":
                raise _UnreadableError
            self.ahead = self._next()
        else:
            found = token.value
            if self.ahead is not None and self.ahead.type == "COLUMN":
                self.ahead = self._next()
                inner = self._signed(level + 1)
                if isinstance(inner, tree.Group):
                    inner = tree.group_to_fieldgroup(inner)
                return tree.SearchField(found.value, inner, pos=token.lexpos)
        while self.ahead is not None and self.ahead.type == "BOOST":
            found = tree.Boost(found, self.ahead.value.value, pos=found.pos)
            self.ahead = self._next()
        return found
