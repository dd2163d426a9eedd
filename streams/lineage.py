"""Who has a story from whom: chains of copies and credits, and how many independent sources they come to.

    outlet ← Namehnews ← Tasnim ← Novosti
    outlet ← TASS                             4 articles, 2 origins

An article has its news from the article that it copies, else from whom it credits, else from itself. What ends such a
chain is an origin; a story has as many independent sources as its articles have origins, however many repeat them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from streams.definitions import SourceDefinition
from streams.model import AttributionStep
from streams.text.fold import fold

MAX_EDGES = 2_000


class Report(Struct, frozen=True, kw_only=True):
    """An article of a story, as far as its lineage needs it."""

    article_id: str
    source_id: str | None
    """The outlet; None is an outlet of its own."""
    source_name: str | None = None
    time: datetime
    """Published where that is to be relied on, else collected."""
    near_duplicate_of: str | None = None
    attribution: tuple[AttributionStep, ...] = ()


class Edge(Struct, frozen=True, kw_only=True):
    """One step: `taker` has its news from `giver`. Both are nodes: `article:ID`, `source:ID`, `name:FOLDED NAME`."""

    taker: str
    giver: str
    kind: Literal["copy", "credit"]


class Lineage(Struct, frozen=True, kw_only=True):
    """Where a story comes from."""

    edges: tuple[Edge, ...] = ()
    """In order of the articles' times; each once."""
    names: dict[str, str] = {}
    """What to show for each node."""
    origins: dict[str, int] = {}
    """The nodes that have it from nobody, with how many articles come from each, most first."""
    independent_source_count: int = 0


def houses_of(sources: Iterable[SourceDefinition]) -> dict[str, str]:
    """Return the id of each source by the ids of its editions."""
    return {edition: source.id for source in sources for edition in source.also}


def lineage(reports: Iterable[Report], houses: Mapping[str, str] | None = None) -> Lineage:
    """Return the lineage of a story.

    `houses`: the id of a source by the ids of its editions, so that a credit to Al Jazeera is met by an article of
    either of its sites. A credited source that has itself an earlier article in the story stands for that article, and
    leads on to what that one credits. Of a circle (two copies that name each other) the first node is the origin.
    """
    ordered = sorted(reports, key=lambda report: (report.time, report.article_id))
    return _Builder(ordered, houses or {}).build()


class _Builder:
    def __init__(self, ordered: Sequence[Report], houses: Mapping[str, str]) -> None:
        self._ordered = ordered
        self._houses = houses
        self._by_id = {report.article_id: report for report in ordered}
        self._by_source: defaultdict[str, list[Report]] = defaultdict(list)
        for report in ordered:
            for key in self._keys_of(report):
                self._by_source[key].append(report)
        self._names: dict[str, str] = {}
        self._givers: dict[str, list[str]] = {}
        """Whom each node has it from: several where a report has chains of its own."""
        self._edges: dict[Edge, None] = {}

    def build(self) -> Lineage:
        for report in self._ordered:
            self._add(report)
        counts: dict[str, int] = defaultdict(int)
        for report in self._ordered:
            for origin in self._origins_of(f"article:{report.article_id}"):
                counts[self._root(origin)] += 1
        origins = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        return Lineage(
            edges=tuple(self._edges)[:MAX_EDGES],
            names=self._names,
            origins=origins,
            independent_source_count=len(origins),
        )

    def _add(self, report: Report) -> None:
        node = f"article:{report.article_id}"
        self._names[node] = report.source_name or report.source_id or report.article_id
        original = self._by_id.get(report.near_duplicate_of or "")
        if original is not None and original.article_id != report.article_id:
            # What a copy credits stands in its original as well.
            self._link(node, f"article:{original.article_id}", "copy")
            return
        chains: defaultdict[int, list[AttributionStep]] = defaultdict(list)
        for step in report.attribution:
            chains[step.chain].append(step)
        for steps in chains.values():
            taker = node
            for step in steps:
                giver = self._node_of(step, report)
                if giver == taker:
                    continue
                self._link(taker, giver, "credit")
                taker = giver
                if giver.startswith("article:"):
                    break  # it is in the story and says itself whom it has it from

    def _node_of(self, step: AttributionStep, report: Report) -> str:
        """Return what a credit leads to: the credited source's latest article before this one, or the source itself."""
        key = self._house(step.source_id) if step.source_id is not None else f"name:{fold(step.name)}"
        earlier = [other for other in self._by_source.get(key, ()) if other.time < report.time]
        if earlier:
            return f"article:{earlier[-1].article_id}"
        node = f"source:{key}" if step.source_id is not None else key
        self._names.setdefault(node, step.name)
        return node

    def _keys_of(self, report: Report) -> list[str]:
        keys = [self._house(report.source_id)] if report.source_id is not None else []
        return [*keys, f"name:{fold(report.source_name)}"] if report.source_name else keys

    def _house(self, source_id: str) -> str:
        return self._houses.get(source_id, source_id)

    def _link(self, taker: str, giver: str, kind: Literal["copy", "credit"]) -> None:
        known = self._givers.setdefault(taker, [])
        if giver not in known:
            known.append(giver)
            self._edges[Edge(taker=taker, giver=giver, kind=kind)] = None

    def _origins_of(self, node: str) -> list[str]:
        """Return the ends of all ways that lead from `node` to whom it is from, each once."""
        ends: dict[str, None] = {}
        seen = {node}
        waiting = [node]
        while waiting:
            at = waiting.pop()
            givers = self._givers.get(at, [])
            new = [giver for giver in givers if giver not in seen]
            if not givers:
                ends[at] = None
            seen.update(new)
            waiting += reversed(new)
        return list(ends) or [min(seen)]  # a circle: the same end from wherever it is entered

    def _root(self, node: str) -> str:
        """Return what an origin counts as: two own reports of one house are one source."""
        report = self._by_id.get(node.removeprefix("article:")) if node.startswith("article:") else None
        if report is None or report.source_id is None:
            return node
        root = f"source:{self._house(report.source_id)}"
        self._names.setdefault(root, report.source_name or report.source_id)
        return root
