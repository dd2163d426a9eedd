"""The compiled matcher: all queries at once, one article at a time."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import compress
from typing import Any, cast

from msgspec import Struct

from streams.model import RawArticle, Span
from streams.query.compile import Compiler, Vocabulary
from streams.query.fields import values_in
from streams.query.leaves import Group, Groups, Node
from streams.query.names import resolve_all
from streams.query.program import ClausesNode
from streams.query.proximity import Interval
from streams.query.scan import CALLS, Callers, FoundWord, Scan, text_base
from streams.query.syntax import Query
from streams.text.document import Document
from streams.text.variants import variants

MAX_SPANS = 100
_CACHE_WORDS = 200_000


class Match(Struct, frozen=True):
    """A query that an article matches, how strongly, and the words that made it so."""

    query_id: str
    score: float
    spans: tuple[Span, ...] = ()


class _Program(Struct, frozen=True, gc=False):
    query_id: str
    node: Node
    required: Groups
    min_score: float
    min_mentions: int


def compile_queries(
    queries: Mapping[str, Query],
    *,
    named: Mapping[str, Query] | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Matcher:
    """Return the matcher of all `queries`, by id.

    `@name` in a query is looked up in `named`, then among `queries`. `clock` (UTC) is what `now` means.

    Raises:
        QueryError: a name is unknown, or names form a circle.
    """
    return Matcher(resolve_all(queries, named), clock or _utc_now)


_Second = tuple[Group | int, ...]
"""A required group and the query that is called if one of it is seen, and so on, in turn."""
_MAX_SECOND = 32
"""Up to this size a second required group is looked at before a query is called."""
_FEW_CALLED = 4
_NO_GROUPS: Groups = ((), ())
_CLAUSE_BITS = 12
_CLAUSE_MASK = (1 << _CLAUSE_BITS) - 1
"""What is called is a query, or one alternative of it: the number of the query, then that of the alternative + 1."""
_MAX_REQUIRED = 4
"""How many required groups are looked at before the program runs."""


class Matcher:
    """Matches articles against every query it was made of. Not to be shared by threads."""

    def __init__(self, queries: Mapping[str, Query], clock: Callable[[], datetime]) -> None:
        compiler = Compiler()
        nodes = [compiler.compile_query(query) for query in queries.values()]
        vocabulary = compiler.vocabulary
        self._clock = clock
        self._programs: list[_Program] = []
        self._always: tuple[int, ...] = ()
        self._called_alone: dict[int, tuple[int, ...]] = {}
        """Queries by an atom that calls them."""
        self._called_with: dict[int, _Second] = {}
        """Queries by an atom that calls them together with another."""
        self._others: dict[int, frozenset[int]] = {}
        """By an atom that would call many, all of the atoms of which one must be beside it."""
        self._add(queries, nodes, vocabulary.commonness(), vocabulary.flags)
        self._vocabulary = vocabulary
        self._surfaces = {atom: surface for (_, surface), atom in vocabulary.exact.items()}
        self._lookups: dict[str, _Lookup] = {}
        self._fields = _by_field(vocabulary)
        self._concepts = compiler.concepts_by_word()
        self._callers: Callers = compiler.callers()

    def __len__(self) -> int:
        return len(self._programs)

    def _add(self, queries: Mapping[str, Query], nodes: list[Node], commonness: array[float], flags: bytearray) -> None:
        """Note for every query which atoms call it: one of its rarest required group, or that and one of the next."""
        groups = [node.required() for node in nodes]
        uses = array("L", [0]) * len(commonness)
        for found in groups:
            for group in found:
                for atom in group:
                    uses[atom] += 1
        # What is in many queries is likely to be in many articles, too.
        cost = array("d", [common * (1 + count) for common, count in zip(commonness, uses, strict=True)])
        alone: defaultdict[int, list[int]] = defaultdict(list)
        together: defaultdict[int, list[Group | int]] = defaultdict(list)
        always = []
        for index, ((query_id, query), node, found) in enumerate(zip(queries.items(), nodes, groups, strict=True)):
            rest: Groups = ()
            clauses = _clauses_that_call(node)
            targets = (
                [(index << _CLAUSE_BITS, found)]
                if clauses is None
                else [
                    ((index << _CLAUSE_BITS) + number, clause.required())
                    for number, clause in enumerate(clauses, start=1)
                ]
            )
            for target, needed in targets:
                if len(needed) > 1:
                    needed = tuple(sorted(dict.fromkeys(needed), key=lambda group: sum([cost[atom] for atom in group])))
                first, second, *others = (*needed, *_NO_GROUPS)
                if not first:
                    always.append(target)
                elif second and len(second) <= _MAX_SECOND:
                    for atom in first:
                        together[atom] += (second, target)
                else:
                    others = [second, *others]
                    for atom in first:
                        alone[atom].append(target)
                if clauses is None:
                    rest = tuple([group for group in others if group][:_MAX_REQUIRED])
            self._programs.append(_Program(query_id, node, rest, query.min_score, query.min_mentions))
        self._called_alone = {atom: tuple(called) for atom, called in alone.items()}
        self._called_with = {atom: tuple(called) for atom, called in together.items()}
        self._others = {
            atom: frozenset([other for group in called[::2] for other in group])  # type: ignore[union-attr]
            for atom, called in together.items()
            if len(called) > 2 * _FEW_CALLED
        }
        self._always = tuple(always)
        for atom in (*alone, *together):
            flags[atom] |= CALLS

    def match(
        self, document: Document, article: RawArticle, *, least: Mapping[str, float] | None = None
    ) -> list[Match]:
        """Return the queries that `article` matches, in the order in which they were given.

        `document` is the article's title and text. `least` has, by id, scores asked for in place of a query's own
        `min_score`; what it has at least is the score that is told, with four decimals.
        """
        scan = self._scan(document, article)
        found = []
        for index, clauses in self._called(scan).items():
            program = self._programs[index]
            if not any(map(scan.seen.isdisjoint, program.required)):
                lowest = least.get(program.query_id) if least is not None else None
                match = _decide(program, scan, clauses, lowest)
                if match is not None:
                    found.append(match)
        return found

    def _called(self, scan: Scan) -> dict[int, list[int]]:
        """Return the queries that may match, in order; for those with many alternatives the numbers of these."""
        called: list[Any] = list(self._always)
        alone, together, others = self._called_alone, self._called_with, self._others
        is_unseen = scan.seen.isdisjoint
        for atom in scan.calling():
            if atom in alone:
                called += alone[atom]
            if atom not in together:
                continue
            # One look at all of the others first: most often none is there, and they lie scattered in memory.
            if not (atom in others and is_unseen(others[atom])):
                found = together[atom]
                called += [index for group, index in zip(found[::2], found[1::2], strict=True) if not is_unseen(group)]  # type: ignore[arg-type]
        queries: dict[int, list[int]] = {}
        for target in sorted(set(called)):
            clauses = queries.setdefault(target >> _CLAUSE_BITS, [])
            if target & _CLAUSE_MASK:
                clauses.append((target & _CLAUSE_MASK) - 1)
        return queries

    def _scan(self, document: Document, article: RawArticle) -> Scan:
        lookup = self._lookups.get(document.language)
        if lookup is None:
            if len(self._lookups) > 100:
                self._lookups.clear()
            lookup = self._lookups[document.language] = _Lookup(
                _Words(self._vocabulary, self._concepts, document.language)
            )
        every, table = lookup.every, self._vocabulary.pairs
        words: defaultdict[FoundWord, list[int]] = defaultdict(list)
        pairs: defaultdict[int, list[int]] = defaultdict(list)
        for base, terms in ((0, document.title.terms), (text_base(document), document.text.terms)):
            found = list(map(lookup.__getitem__, terms))
            # Most words are in no query: they are passed over before the loop proper.
            for at, word in cast(Iterable[tuple[int, FoundWord]], compress(enumerate(found), found)):
                if word.seen:
                    words[word].append(base + at)
                if word.followed and at + 1 < len(terms):
                    other = every[terms[at + 1]]
                    if other is not None:
                        for atom in word.pairs_with_next(other, table):
                            pairs[atom].append(base + at)
                if word.preceded and at:
                    other = every[terms[at - 1]]
                    if other is not None:
                        for atom in word.pairs_with_previous(other, table):
                            pairs[atom].append(base + at - 1)
        scan = Scan(document, article, words, pairs, self._surfaces, self._clock)
        fields = [
            atoms[value]
            for field, atoms in self._fields.items()
            for value in values_in(article, field)
            if value in atoms
        ]
        scan.look_up(fields, self._callers)
        return scan


def _decide(program: _Program, scan: Scan, clauses: list[int], least: float | None) -> Match | None:
    node = program.node
    intervals: list[Interval] = []
    lowest = program.min_score if least is None else least - _HALF_TOLD
    if type(node) is ClausesNode and len(node.should) >= _MANY_CLAUSES:
        decided = node.decide(scan, lowest, clauses)
        if decided is None:
            return None
        score, matched = decided
        for clause in matched:
            clause.collect(scan, intervals)
    else:
        found = node.score(scan)
        if found is None or found < lowest:
            return None
        score = found
        node.collect(scan, intervals)
    told = round(score, 4)
    if least is not None and told < least:
        return None
    if program.min_mentions and len(set(intervals)) < program.min_mentions:
        return None
    return Match(program.query_id, told, scan.spans(intervals, MAX_SPANS))


_HALF_TOLD = 0.0001
"""More than a score changes when it is rounded."""
_MANY_CLAUSES = 4
"""From how many alternatives on it pays to see first which of them are possible."""


class _Words(dict[str, FoundWord | None]):
    """What a document's word stands for, in one language; worked out when a word is first met."""

    def __init__(self, vocabulary: Vocabulary, concepts: Mapping[int, tuple[int, ...]], language: str) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._concepts = concepts
        self._shortest = min(map(len, vocabulary.prefixes), default=0)
        self._prefixes: dict[str, list[str]] = {}
        for prefix in vocabulary.prefixes:
            self._prefixes.setdefault(prefix[: self._shortest], []).append(prefix)
        self._exact: dict[str, list[int]] = {}
        for (term, _), atom in vocabulary.exact.items():
            self._exact.setdefault(term, []).append(atom)
        self._language = language
        self._same: dict[tuple[int, ...], FoundWord] = {}

    def __missing__(self, term: str) -> FoundWord | None:
        atoms = dict.fromkeys(self._exact.get(term, ()))
        terms, prefixes, shortest = self._vocabulary.terms, self._prefixes, self._shortest
        for form in (term, *variants(term, self._language)):
            atom = terms.get(form)
            if atom is not None:
                atoms[atom] = None
            for prefix in prefixes.get(form[:shortest], ()):
                if form.startswith(prefix):
                    atoms[self._vocabulary.prefixes[prefix]] = None
        if len(self) >= _CACHE_WORDS:
            self.clear()
            self._same.clear()
        self[term] = word = self._word(tuple(atoms)) if atoms else None
        return word

    def _word(self, atoms: tuple[int, ...]) -> FoundWord:
        known = self._same.get(atoms)
        if known is None:
            concepts = dict.fromkeys(concept for atom in atoms for concept in self._concepts.get(atom, ()))
            known = self._same[atoms] = FoundWord(atoms, tuple(concepts), self._vocabulary.flags)
        return known


def _clauses_that_call(node: Node) -> tuple[Node, ...] | None:
    """Return the alternatives of a query that has many, if each of them requires something; None for other queries."""
    if type(node) is not ClausesNode or node.must or not _MANY_CLAUSES <= len(node.should) < 1 << _CLAUSE_BITS:
        return None
    return node.should if all(clause.required() for clause in node.should) else None


class _Lookup(dict[str, FoundWord | None]):
    """The words that are looked at themselves, not only beside another."""

    def __init__(self, every: _Words) -> None:
        super().__init__()
        self.every = every

    def __missing__(self, term: str) -> FoundWord | None:
        word = self.every[term]
        if word is not None and not word.is_looked_at:
            word = None
        if len(self) >= _CACHE_WORDS:
            self.clear()
        self[term] = word
        return word


def _by_field(vocabulary: Vocabulary) -> dict[str, dict[str, int]]:
    by_field: dict[str, dict[str, int]] = {}
    for (field, value), atom in vocabulary.fields.items():
        by_field.setdefault(field, {})[value] = atom
    return by_field


def _utc_now() -> datetime:
    return datetime.now(UTC)
