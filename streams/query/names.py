"""Puts named queries in the place of `@name`."""

from __future__ import annotations

import difflib
from collections import ChainMap
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from streams.query.errors import MAX_DEPTH, MAX_EXPANDED_WORDS, QueryError, QueryTooCostly, UnknownName
from streams.query.fields import narrower
from streams.query.syntax import (
    AtLeast,
    Clauses,
    Everything,
    FieldIs,
    Has,
    InLanguage,
    InScope,
    Near,
    Node,
    Phrase,
    Published,
    Query,
    Reference,
    Scope,
    Weighted,
)


def resolve(query: Query, named: Mapping[str, Query]) -> Query:
    """Return `query` with every `@name` replaced by the tree of that query.

    Raises:
        UnknownName: no such query, or the names form a circle.
        QueryTooCostly: the whole is too large.
        QueryError: the named query does not fit where it is used.
    """
    return Resolver(named).resolve(query)


def resolve_all(queries: Mapping[str, Query], named: Mapping[str, Query] | None = None) -> dict[str, Query]:
    """Return `queries` with their `@names` resolved, against `named` first and one another.

    Raises as `resolve` does.
    """
    resolver = Resolver(ChainMap(dict(named), dict(queries)) if named else queries)
    return {name: resolver.resolve(query, own_name=name) for name, query in queries.items()}


class Resolver:
    """Resolves many queries against the same names; every named query is worked out once."""

    def __init__(self, named: Mapping[str, Query]) -> None:
        self._named = named
        self._done: dict[str, Node] = {}
        self._sizes: dict[int, int] = {}
        self._kept: list[Node] = []  # keeps the ids in `_sizes` valid
        self._path: list[str] = []

    def resolve(self, query: Query, *, own_name: str | None = None) -> Query:
        """See `streams.query.names.resolve`; with `own_name`, a reference to itself is a circle."""
        if not query.names:
            return query
        self._path = [own_name] if own_name is not None else []
        root = self._expand(query.root)
        return replace(query, root=root, names=())

    def _expand(self, node: Node) -> Node:
        if not has_references(node):
            return node  # the same object, so that it is compiled once wherever it is used
        match node:
            case Reference():
                return self._named_tree(node)
            case Clauses():
                expanded: Node = Clauses(
                    *(tuple(map(self._expand, part)) for part in (node.must, node.should, node.must_not, node.against))
                )
            case Near():
                parts = tuple(map(self._expand, node.parts))
                for part in parts:
                    check_is_text(part, f"{'before' if node.is_ordered else 'near'}/{node.distance}", _column(node))
                expanded = replace(node, parts=parts)
            case InScope():
                item = self._expand(node.item)
                check_is_in_text(item, node.scope, node.column)
                expanded = replace(node, item=item)
            case InLanguage():
                item = self._expand(node.item)
                check_is_text(item, f"in/{'+'.join(node.languages)}", _column(node))
                expanded = replace(node, item=item)
            case Weighted():
                expanded = replace(node, item=self._expand(node.item))
            case AtLeast():
                item = self._expand(node.item)
                check_is_text(item, f"min_mentions/{node.count}", _column(node))
                expanded = replace(node, item=item)
            case _:
                return node
        if self._size(expanded) > MAX_EXPANDED_WORDS:
            raise QueryTooCostly(
                f"with its named queries this has more than {MAX_EXPANDED_WORDS:,} words; use fewer `@name`",
                _column(node),
            )
        return expanded

    def _named_tree(self, reference: Reference) -> Node:
        name = reference.name
        if name in self._path:
            circle = " → ".join(f"@{one}" for one in [*self._path[self._path.index(name) :], name])
            raise UnknownName(
                f"named queries form a circle: {circle}; take one of these references out", reference.column
            )
        if name not in self._named:
            near = difflib.get_close_matches(name, self._named, n=1)
            hint = f"did you mean `@{near[0]}`?" if near else "define it, or put it in quotes to search for the word"
            raise UnknownName(f"there is no query named `{name[:40]}` here; {hint}", reference.column)
        if name in self._done:
            return self._done[name]
        query = self._named[name]
        if query.min_score or query.min_mentions:
            raise QueryError(
                f"`@{name}` has a `min_score` or `min_mentions` of its own, which holds for a whole query only; "
                "take it out there",
                reference.column,
            )
        if len(self._path) >= MAX_DEPTH:
            raise QueryTooCostly(f"named queries use one another more than {MAX_DEPTH} deep", reference.column)
        self._path.append(name)
        try:
            tree = self._expand(query.root)
        except QueryError as error:
            if isinstance(error, UnknownName):
                raise
            # Of names within names only the innermost, where the fault stands, is worth the reader's time.
            is_told = error.message.startswith("in `@")
            message = error.message if is_told else f"in `@{name}`, column {error.column}: {error.message}"
            raise type(error)(message, reference.column) from error
        finally:
            self._path.pop()
        self._done[name] = tree
        return tree

    def _size(self, node: Node) -> int:
        known = self._sizes.get(id(node))
        if known is None:
            known = 1 if isinstance(node, Phrase | FieldIs) else sum(map(self._size, children(node)))
            self._sizes[id(node)] = known
            self._kept.append(node)
        return known


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of `node` that are queries themselves."""
    match node:
        case Clauses():
            return (*node.must, *node.should, *node.must_not, *node.against)
        case Near():
            return node.parts
        case InScope() | InLanguage() | Weighted() | AtLeast():
            return (node.item,)
        case _:
            return ()


def field_values(node: Node) -> Iterator[tuple[str, str]]:
    """Yield every field that is asked for in `node`, with each value."""
    if isinstance(node, FieldIs):
        for value in node.values:
            yield node.field, value
    for child in children(node):
        yield from field_values(child)


def has_references(node: Node) -> bool:
    """Whether an `@name` is anywhere in `node`."""
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, Reference):
            return True
        stack.extend(children(one))
    return False


def check_is_text(node: Node, where: str, column: int) -> None:
    """Refuse what has no place in the text: only words and alternatives of them can be near something or be counted."""
    match node:
        case Phrase() | Near() | Reference() | InLanguage() | FieldIs(field="entity"):
            return
        case Clauses(must=(), must_not=(), against=()):
            for alternative in node.should:
                check_is_text(alternative, where, column)
        case _:
            raise QueryError(
                f"`{where}:` takes words, phrases, `entity:`, and alternatives of them: `(a OR b)`; "
                "no AND, NOT, field or weight",
                column,
            )


def check_is_in_text(node: Node, scope: Scope, column: int) -> None:
    """Refuse inside `title:`, `text:` and `lead:` what is asked of the article as a whole."""
    match node:
        case FieldIs(field="entity"):
            return
        case FieldIs() | Has() | Published() | Everything():
            raise QueryError(
                f"`{scope}:` takes words and phrases; write fields, dates and `*` beside it, joined with AND", column
            )
        case InScope():
            check_is_in_text(node.item, narrower(scope, node.scope, column), column)
        case _:
            for child in children(node):
                check_is_in_text(child, scope, column)


def _column(node: Node) -> int:
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, Reference | InScope):
            return one.column
        stack.extend(reversed(children(one)))
    return 1
