"""Turns luqum's tree into ours, and refuses what the language does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from luqum import tree as luqum_tree

from streams.query import dates, fields
from streams.query.errors import (
    MAX_DEPTH,
    MAX_DISTANCE,
    MAX_NEAR_PARTS,
    MAX_WEIGHT,
    QueryError,
    QueryTooCostly,
)
from streams.query.lexer import Leaf
from streams.query.names import check_is_in_text, check_is_text
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
    Query,
    Reference,
    Scope,
    ValueField,
    Weighted,
)
from streams.query.words import phrase_words, text_node


class Builder:
    """Makes one query of one tree: `Builder(text).build(tree)`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._min_score: float | None = None
        self._min_mentions: int | None = None
        self._names: list[str] = []

    def build(self, root: Any) -> Query:
        """Return the query of luqum's tree `root`. Raises `QueryError`."""
        node = self._root(root)
        if isinstance(root, Leaf):
            node = as_one(node)
        if _is_against(node):
            raise QueryError("the only clause has a negative weight; one must be looked for", _column(root))
        names = tuple(dict.fromkeys(self._names))
        return Query(self._text, node, self._min_score or 0.0, self._min_mentions or 0, names)

    # The whole query: `min_score:` and `min_mentions:` are taken out of its clauses

    def _root(self, item: Any) -> Node:
        if isinstance(item, luqum_tree.AndOperation | luqum_tree.UnknownOperation):
            kept = [operand for operand in item.operands if not self._take_setting(operand)]
            if len(kept) == 1 and isinstance(kept[0], Leaf):
                return as_one(self._leaf(kept[0]))
            if len(kept) == 1 and not _is_prohibited(kept[0]):
                return self._node(kept[0], 1)
            return self._clauses(type(item), kept, 1) if kept else Everything()
        return Everything() if self._take_setting(item) else self._node(item, 1)

    def _take_setting(self, item: Any) -> bool:
        if isinstance(item, luqum_tree.Plus):
            item = item.a
        if not isinstance(item, luqum_tree.SearchField) or item.name not in fields.SETTINGS:
            return False
        value = item.expr
        raw = value.text if isinstance(value, Leaf) and value.kind == "value" else ""
        column = _column(item)
        try:
            number = float(raw)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1_000_000 or (item.name == "min_mentions" and number != int(number)):
            raise QueryError(f"`{item.name}:` needs a number: `{item.name}:3`", column)
        if item.name == "min_score":
            self._refuse_second(self._min_score, item.name, column)
            self._min_score = number
        else:
            self._refuse_second(self._min_mentions, item.name, column)
            self._min_mentions = int(number)
        return True

    @staticmethod
    def _refuse_second(present: float | None, name: str, column: int) -> None:
        if present is not None:
            raise QueryError(f"`{name}:` stands twice; write it once for the whole query", column)

    # Operators

    def _node(self, item: Any, depth: int) -> Node:
        if depth > 2 * MAX_DEPTH:
            raise QueryTooCostly("operators are nested too deep; name a part and use `@name`", _column(item))
        if isinstance(item, Leaf):
            return self._leaf(item)
        kind = type(item)
        build = _BUILDERS.get(kind)
        if build is None:
            raise QueryError(
                f"{kind.__name__.lower()} is not supported here; see docs/query-language.md", _column(item)
            )
        return build(self, item, depth + 1)

    def group_(self, item: Any, depth: int) -> Node:
        return self._node(item.expr, depth)

    def and_(self, item: Any, depth: int) -> Node:
        return self._clauses(luqum_tree.AndOperation, item.operands, depth)

    def or_(self, item: Any, depth: int) -> Node:
        should: list[Node] = []
        against: list[Node] = []
        for operand in item.operands:
            if isinstance(operand, luqum_tree.Plus):
                raise QueryError("`+` beside OR says nothing; write AND, or take the OR away", _column(operand))
            if isinstance(operand, luqum_tree.Prohibit):
                raise QueryError("`-` beside OR is ambiguous; write `a AND NOT b` or `a OR (NOT b)`", _column(operand))
            node = self._node(operand, depth)
            (against if _is_against(node) else should).append(node)
        if not should:
            raise QueryError("every alternative has a negative weight; one must be looked for", _column(item))
        return Clauses(should=tuple(should), against=tuple(against))

    def list_(self, item: Any, depth: int) -> Node:
        return self._clauses(luqum_tree.UnknownOperation, item.operands, depth)

    def _clauses(self, kind: type, operands: list[Any], depth: int) -> Node:
        must: list[Node] = []
        should: list[Node] = []
        must_not: list[Node] = []
        against: list[Node] = []
        for operand in operands:
            if _is_prohibited(operand):
                must_not.append(self._excluded(operand, depth))
                continue
            is_must = kind is luqum_tree.AndOperation
            if isinstance(operand, luqum_tree.Plus):
                is_must, operand = True, operand.a
            node = self._node(operand, depth)
            if _is_against(node):
                against.append(node)
            else:
                (must if is_must else should).append(node)
        if against and not must and not should:
            raise QueryError(
                "every clause has a negative weight; one at least must be looked for", _column(operands[0])
            )
        return Clauses(tuple(must), tuple(should), tuple(must_not), tuple(against))

    def not_(self, item: Any, depth: int) -> Node:
        if _is_prohibited(item.a):
            raise QueryError("two negations cancel each other; take both away", _column(item))
        return Clauses(must_not=(self._excluded(item, depth),))

    def _excluded(self, item: Any, depth: int) -> Node:
        node = self._node(item.a, depth)
        if isinstance(node, Weighted):
            raise QueryError("what is excluded has no weight; take `^…` away", _column(item))
        return node

    def plus_(self, item: Any, depth: int) -> Node:
        if isinstance(item.a, luqum_tree.Plus) or _is_prohibited(item.a):
            raise QueryError("`+` and `-` contradict each other; take one away", _column(item))
        return self._node(item.a, depth)

    def weight_(self, item: Any, depth: int) -> Node:
        weight = float(item.force)
        column = _column(item)
        if not 0 < abs(weight) <= MAX_WEIGHT:
            raise QueryError(f"a weight is a number up to {MAX_WEIGHT:,.0f} and not 0: `word^2`", column)
        node = self._node(item.expr, depth)
        if _is_against(node):
            raise QueryError("a negative weight cannot be weighed again; take one of the two away", column)
        return Weighted(node, weight)

    # Fields

    def field_(self, item: Any, depth: int) -> Node:
        name, inner, column = item.name, item.expr, _column(item)
        if isinstance(inner, luqum_tree.Boost):
            boosted = luqum_tree.SearchField(name, inner.expr, pos=item.pos)
            weighted = luqum_tree.Boost(boosted, inner.force, pos=item.pos)
            return self.weight_(weighted, depth)
        if isinstance(inner, luqum_tree.Plus | luqum_tree.Prohibit | luqum_tree.Not):
            raise QueryError(f"write the sign before the field: `-{name}:…` or `NOT {name}:…`", column)
        if name in fields.SETTINGS:
            raise QueryError(
                f"`{name}:` is about the whole query; write it beside, outside of parentheses and OR", column
            )
        if name in fields.SCOPES:
            return self._scoped(name, self._node(inner, depth), column)
        if name == "exact":
            return self._exact(inner, depth)
        languages = fields.languages_of(name)
        if languages is not None:
            node, weight = _unweighted(self._node(inner, depth))
            check_is_text(node, name, column)
            return weight(InLanguage(languages, node))
        operator = fields.operator_of(name)
        if operator is not None:
            return self._operator(operator[0], operator[1], inner, depth, column)
        return self._values(name, inner, depth)

    @staticmethod
    def _scoped(scope: Scope, node: Node, column: int) -> Node:
        node, weight = _unweighted(node)
        check_is_in_text(node, scope, column)
        if isinstance(node, InScope):
            return weight(InScope(fields.narrower(scope, node.scope, column), node.item, column))
        return weight(InScope(scope, node, column))

    def _exact(self, item: Any, depth: int) -> Node:
        if isinstance(item, Leaf):
            if item.kind not in ("word", "phrase"):
                raise QueryError("`exact:` is followed by a word or phrase", _column(item))
            item.is_exact = True
            return self._leaf(item)
        if isinstance(item, luqum_tree.BaseGroup):
            return self._exact(item.expr, depth + 1)
        if isinstance(item, luqum_tree.BaseOperation):
            for operand in item.operands:
                self._mark_exact(operand)
            return self._node(item, depth)
        raise QueryError("`exact:` is followed by a word, a phrase or a group of them", _column(item))

    def _mark_exact(self, item: Any) -> None:
        if isinstance(item, Leaf):
            if item.kind not in ("word", "phrase"):
                raise QueryError("only words and phrases can be exact", _column(item))
            item.is_exact = True
            return
        if isinstance(item, luqum_tree.SearchField):
            raise QueryError("write `exact:` inside of the other field: `title:(exact:word)`", _column(item))
        for child in item.children:
            self._mark_exact(child)

    def _operator(self, name: str, number: int, inner: Any, depth: int, column: int) -> Node:
        if name == "min_mentions":
            if number < 1:
                raise QueryError("write how many mentions there must be: `min_mentions/3:(a OR b)`", column)
            node, weight = _unweighted(self._node(inner, depth))
            check_is_text(node, f"min_mentions/{number}", column)
            return weight(AtLeast(node, number))
        if number > MAX_DISTANCE:
            raise QueryTooCostly(f"at most {MAX_DISTANCE} words may lie between: `{name}/{MAX_DISTANCE}:( … )`", column)
        item = inner
        while isinstance(item, luqum_tree.BaseGroup):
            item = item.expr
        if not isinstance(item, luqum_tree.UnknownOperation | luqum_tree.AndOperation):
            raise QueryError(f"write the parts side by side in parentheses: `{name}/{number}:(a (b OR c))`", column)
        parts = []
        for operand in item.operands:
            part = self._node(operand, depth)
            check_is_text(part, f"{name}/{number}", _column(operand))
            parts.append(part)
        return self._near(tuple(parts), number, name == "before", column)

    @staticmethod
    def _near(parts: tuple[Node, ...], distance: int, is_ordered: bool, column: int) -> Near:
        if len(parts) > MAX_NEAR_PARTS:
            raise QueryTooCostly(
                f"a proximity has at most {MAX_NEAR_PARTS} parts and this one {len(parts)}; "
                "join words of one meaning with OR in parentheses",
                column,
            )
        return Near(parts, distance, is_ordered)

    def _values(self, name: str, item: Any, depth: int) -> Node:
        if isinstance(item, luqum_tree.BaseGroup):
            return self._values(name, item.expr, depth + 1)
        if isinstance(item, luqum_tree.OrOperation | luqum_tree.UnknownOperation):
            alternatives = [self._values(name, operand, depth + 1) for operand in item.operands]
            if all(isinstance(one, FieldIs) for one in alternatives):
                values = dict.fromkeys(value for one in alternatives for value in one.values)  # type: ignore[attr-defined]
                return FieldIs(alternatives[0].field, tuple(values))  # type: ignore[attr-defined]
            return Clauses(should=tuple(alternatives))
        if not isinstance(item, Leaf) or item.kind not in ("value", "range"):
            raise QueryError(f"write the values of `{name}:` side by side: `{name}:(a OR b)`", _column(item))
        if name == "published":
            return dates.published(item.text, _column(item))
        if item.kind == "range":
            raise QueryError(
                "ranges are supported for dates only: `published:[2023-01-01 TO 2023-05-31]`", _column(item)
            )
        if name == "has" or item.text == "*":
            return Has(fields.has_field(item.text if name == "has" else name, _column(item)))
        return FieldIs(_value_field(name), (fields.value_of(name, item.text, _column(item)),))

    # Leaves

    def _leaf(self, leaf: Leaf) -> Node:
        column = _column(leaf)
        if leaf.kind == "name":
            self._names.append(leaf.text)
            return Reference(leaf.text, column)
        if leaf.kind == "word":
            if leaf.has_prefix_star and not leaf.text:
                return Everything()
            return text_node(leaf.text, column, is_exact=leaf.is_exact, has_star=leaf.has_prefix_star)
        if leaf.kind != "phrase":
            self._refuse_leaf(leaf)
        if leaf.distance is not None:
            if leaf.distance > MAX_DISTANCE:
                raise QueryTooCostly(f"at most {MAX_DISTANCE} words may lie between: `~{MAX_DISTANCE}`", column)
            parts = _near_words(leaf.text, column, leaf.is_exact)
            if len(parts) < 2:
                raise QueryError("`~` needs at least two words between the quotes", column)
            return self._near(parts, leaf.distance, leaf.is_ordered, column)
        if not leaf.is_exact and "*" not in leaf.text:
            return text_node(leaf.text, column)
        return Phrase(phrase_words(leaf.text, column, is_exact=leaf.is_exact))

    @staticmethod
    def _refuse_leaf(leaf: Leaf) -> NoReturn:
        raise QueryError(
            f"`{leaf.text[:40]}` cannot stand here; a field and a colon must stand before it", _column(leaf)
        )


def as_one(node: Node) -> Node:
    """Keep the spellings of a single word together: alternatives of a whole query would count one by one."""
    return Clauses(should=(node,)) if isinstance(node, Clauses) else node


def _near_words(raw: str, column: int, is_exact: bool) -> tuple[Node, ...]:
    """Return the parts of `"…"~n`: what stands between spaces; a part of several tokens (`U.S.`) stays a phrase."""
    parts: list[Node] = []
    for piece in raw.split():
        if not any(letter.isalnum() for letter in piece):
            continue
        if is_exact:
            parts.append(Phrase(phrase_words(piece, column, is_exact=True)))
        elif piece.endswith("*"):
            parts.append(Phrase(phrase_words(piece, column)))
        else:
            parts.append(text_node(piece, column))
    return tuple(parts)


def _value_field(name: str) -> ValueField:
    return name  # type: ignore[return-value]  # `fields.takes_values` has let nothing else through


def _is_prohibited(item: Any) -> bool:
    return isinstance(item, luqum_tree.Prohibit | luqum_tree.Not)


def _unweighted(node: Node) -> tuple[Node, Callable[[Node], Node]]:
    """Return a node without its weight, and what puts it back: in `title:near/5:(a b)^2` it is of the whole."""
    if isinstance(node, Weighted):
        return node.item, lambda whole: Weighted(whole, node.weight)
    return node, lambda whole: whole


def _is_against(node: Node) -> bool:
    return isinstance(node, Weighted) and node.weight < 0


def _column(item: Any) -> int:
    while item is not None and item.pos is None:
        item = next(iter(item.children), None)
    return (item.pos if item is not None else 0) + 1


_BUILDERS: dict[type, Callable[[Builder, Any, int], Node]] = {
    luqum_tree.Group: Builder.group_,
    luqum_tree.FieldGroup: Builder.group_,
    luqum_tree.AndOperation: Builder.and_,
    luqum_tree.OrOperation: Builder.or_,
    luqum_tree.UnknownOperation: Builder.list_,
    luqum_tree.Not: Builder.not_,
    luqum_tree.Prohibit: Builder.not_,
    luqum_tree.Plus: Builder.plus_,
    luqum_tree.Boost: Builder.weight_,
    luqum_tree.SearchField: Builder.field_,
}
