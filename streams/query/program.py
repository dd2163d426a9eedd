"""What a query becomes when it is compiled: nodes that join what `streams.query.leaves` find in one article."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import compress
from typing import TYPE_CHECKING, Any

from streams.query import dates
from streams.query.fields import article_has
from streams.query.leaves import Group, Groups, Leaf, Mark, Node, rarest, singles
from streams.query.syntax import Published

if TYPE_CHECKING:
    from streams.query.scan import Scan


class FieldNode(Node):
    """A field that has one of several values."""

    __slots__ = ("atoms",)

    def __init__(self, atoms: Group) -> None:
        self.atoms = atoms

    def score(self, scan: Scan) -> float | None:
        return None if scan.seen.isdisjoint(self.atoms) else 0.0

    def required(self) -> Groups:
        return (self.atoms,)


class CheckNode(Node):
    """Anything that is asked of the article's record alone."""

    __slots__ = ("check",)

    def __init__(self, check: Callable[[Scan], bool]) -> None:
        self.check = check

    def score(self, scan: Scan) -> float | None:
        return 0.0 if self.check(scan) else None


class AtLeastNode(Node):
    """A concept with a least number of mentions."""

    __slots__ = ("count", "leaf")

    def __init__(self, leaf: Leaf, count: int) -> None:
        self.leaf = leaf
        self.count = count

    def score(self, scan: Scan) -> float | None:
        return self.leaf.score(scan) if len(self.leaf.places(scan)) >= self.count else None

    def collect(self, scan: Scan, found: list[Mark]) -> None:
        self.leaf.collect(scan, found)

    def required(self) -> Groups:
        return self.leaf.required()

    def needed_in_title(self) -> frozenset[int]:
        return self.leaf.needed_in_title()

    def most(self) -> tuple[float, float]:
        return self.leaf.most()


class WeightedNode(Node):
    """A part whose score is multiplied."""

    __slots__ = ("item", "weight")

    def __init__(self, item: Node, weight: float) -> None:
        self.item = item
        self.weight = weight

    def score(self, scan: Scan) -> float | None:
        score = self.item.score(scan)
        return None if score is None else score * self.weight

    def collect(self, scan: Scan, found: list[Mark]) -> None:
        self.item.collect(scan, found)

    def required(self) -> Groups:
        return self.item.required()

    def needed_in_title(self) -> frozenset[int]:
        return self.item.needed_in_title()

    def most(self) -> tuple[float, float]:
        most, outside = self.item.most()
        if self.weight > 0:
            return (most * self.weight, outside * self.weight)
        return (math.inf, math.inf) if self.item.may_be_negative() else (0.0, 0.0)

    def may_be_negative(self) -> bool:
        return self.weight < 0 or self.item.may_be_negative()


class _Clause:
    """A clause, with what can be said of it before it is looked for."""

    __slots__ = ("in_title", "most", "most_outside_title", "needs", "node", "weight")

    def __init__(self, node: Node) -> None:
        self.node, self.weight = (node.item, node.weight) if type(node) is WeightedNode else (node, 1.0)
        self.needs = singles(node.required())
        self.in_title = node.needed_in_title()
        self.most, self.most_outside_title = node.most()
        """Of a clause with a negative weight, 0 (or no bound at all)."""


class ClausesNode(Node):
    """All of `must`, none of `must_not`; without a `must`, one of `should`; `against` only lowers the score."""

    __slots__ = ("_clauses", "against", "must", "must_not", "should")

    _clauses: tuple[list[_Clause], list[_Clause], list[frozenset[int]]]

    def __init__(
        self, must: tuple[Node, ...], should: tuple[Node, ...], must_not: tuple[Node, ...], against: tuple[Node, ...]
    ) -> None:
        self.must = must
        self.should = should
        self.must_not = must_not
        self.against = against

    def score(self, scan: Scan) -> float | None:
        decided = self.decide(scan)
        return None if decided is None else decided[0]

    def decide(
        self, scan: Scan, least: float = -math.inf, called: Sequence[int] = ()
    ) -> tuple[float, Sequence[Node]] | None:
        """Return the score and the clauses that match, None where nothing does or the score is below `least`.

        No clause is looked for that lacks an atom, and none when all that are left could not reach `least`. `called`:
        the numbers of those that may match, where they are known.
        """
        total = 0.0
        for node in self.must:
            score = node.score(scan)
            if score is None:
                return None
            total += score
        for node in self.must_not:
            if node.score(scan) is not None:
                return None
        if not (self.should or self.against):
            return (total, self.must) if total >= least else None
        try:
            should, against, in_titles = self._clauses
        except AttributeError:
            should, against = list(map(_Clause, self.should)), list(map(_Clause, self.against))
            in_titles = [clause.in_title for clause in against]
            self._clauses = (should, against, in_titles)
        seen, in_title = scan.seen, scan.seen_in_title()
        possible = [
            (clause, clause.most if clause.needs <= in_title else clause.most_outside_title)
            for clause in ([should[number] for number in called] if called else should)
            if clause.in_title <= in_title and clause.needs <= seen
        ]
        highest = sum([clause.most for clause in against])  # 0, but for a minus within a minus
        bound = total + sum([most for _, most in possible]) + highest + _ROUNDING
        found = list(self.must)
        for clause, most in possible:
            if bound < least:
                return None
            node = clause.node
            score = node.score(scan)
            bound -= most
            if score is not None:
                score *= clause.weight
                bound += score
                total += score
                found.append(node)
        if not found and should:
            return None
        for clause in compress(against, map(in_title.issuperset, in_titles)):
            if total + highest < least:
                return None
            if clause.needs <= seen:
                total += (clause.node.score(scan) or 0.0) * clause.weight
        return (total, found) if total >= least else None

    def collect(self, scan: Scan, found: list[Mark]) -> None:
        for node in self.must:
            node.collect(scan, found)
        for node in self.should:
            if node.score(scan) is not None:
                node.collect(scan, found)

    def required(self) -> Groups:
        if self.must or not self.should:
            return tuple([group for node in self.must for group in node.required()])
        group: dict[int, None] = {}
        for node in self.should:
            if not node.required():
                return ()
            group.update(dict.fromkeys(rarest(node)))
        return (tuple(group),)

    def needed_in_title(self) -> frozenset[int]:
        return frozenset[int]().union(*[node.needed_in_title() for node in self.must])

    def most(self) -> tuple[float, float]:
        most = sum([node.most()[0] for node in (*self.must, *self.should, *self.against)])
        return (most, most)

    def may_be_negative(self) -> bool:
        return bool(self.against) or any(node.may_be_negative() for node in (*self.must, *self.should))


_ROUNDING = 1e-6
"""More than sums of scores in another order may differ by."""


def has_node(name: str) -> CheckNode:
    """Return the node of `has:name`."""
    return CheckNode(lambda scan: article_has(scan.article, name))


def published_node(node: Published) -> CheckNode:
    """Return the node of a range of times; of an unreliable date, the time of collection counts."""

    def is_inside(scan: Scan) -> bool:
        at = article_time(scan.article)
        if at is None:
            return False
        if node.low is not None and at < dates.resolve(node.low, scan.now()):
            return False
        return node.high is None or at < dates.resolve(node.high, scan.now())

    return CheckNode(is_inside)


def article_time(article: Any) -> datetime | None:
    """Return when an article appeared, as the query language sees it."""
    at: datetime | None = article.published_at if article.date_is_reliable else None
    return at if at is not None else article.collected_at
