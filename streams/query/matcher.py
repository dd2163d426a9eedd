"""The compiled matcher: all queries at once, one article at a time."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain, compress
from operator import attrgetter, not_
from typing import cast

from msgspec import Struct

from streams.model import RawArticle, Span
from streams.query.compile import Compiler, Vocabulary
from streams.query.fields import values_in
from streams.query.leaves import Group, Groups, Mark, Node, extent
from streams.query.names import resolve_all
from streams.query.program import ClausesNode
from streams.query.scan import CALLS, Callers, Found, FoundWord, Reach, Scan, text_base
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


_Together = tuple[Group | int, ...]
"""A required group and what is called if one of it is seen, and so on, in turn: a hundred thousand rules have many."""


class _Calls:
    """What is called where an atom is seen: at once, or if one more is seen, or one of a group."""

    __slots__ = ("alone", "by_group", "by_second", "groups", "others", "seconds")

    def __init__(self, alone: tuple[int, ...], together: _Together) -> None:
        self.alone = alone
        groups: list[tuple[Group, int]] = list(zip(together[::2], together[1::2], strict=True))  # type: ignore[arg-type]
        single = [(group[0], target) for group, target in groups if len(group) == 1]
        several = [(group, target) for group, target in groups if len(group) > 1]
        self.seconds = tuple([atom for atom, _ in single])
        self.by_second = tuple([target for _, target in single])
        self.groups = tuple([group for group, _ in several])
        self.by_group = tuple([target for _, target in several])
        self.others: frozenset[int] = _NO_ATOMS
        """All of the others, where there are many and nothing is called without one of them."""
        if len(groups) > _FEW_CALLED and not alone:
            self.others = frozenset([atom for group, _ in groups for atom in group])


class _CallTable(dict[int, _Calls]):
    """What each atom calls; of a hundred thousand few are ever seen, and only those are made ready."""

    def __init__(self, alone: dict[int, tuple[int, ...]], together: dict[int, _Together]) -> None:
        super().__init__()
        self._alone = alone
        self._together = together
        self.large: set[_Calls] = set()
        """Those that have `others`."""

    def __missing__(self, atom: int) -> _Calls:
        if len(self) >= _CACHE_WORDS:
            self.clear()
            self.large.clear()
        self[atom] = calls = _Calls(self._alone.get(atom, ()), self._together.get(atom, ()))
        if calls.others:
            self.large.add(calls)
        return calls


_NO_ATOMS: frozenset[int] = frozenset()
_ALONE, _SECONDS, _BY_SECOND, _GROUPS, _BY_GROUP = map(
    attrgetter, ("alone", "seconds", "by_second", "groups", "by_group")
)
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
        self._calls = _CallTable({}, {})
        """What an atom calls."""
        self._add(queries, nodes, vocabulary.commonness(), vocabulary.flags)
        self._vocabulary = vocabulary
        self._surfaces = {atom: surface for (_, surface), atom in vocabulary.exact.items()}
        self._lookups: dict[str, _Lookup] = {}
        self._fields = _by_field(vocabulary)
        self._concepts = compiler.concepts_by_word()
        self._callers: Callers = compiler.callers()
        self._reach = _Reaches(self._callers, vocabulary.flags)

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
        self._calls = _CallTable(
            {atom: tuple(called) for atom, called in alone.items()},
            {atom: tuple(called) for atom, called in together.items()},
        )
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
        called: list[int] = list(self._always)
        seen, calls = scan.seen, self._calls
        is_seen, is_unseen = seen.__contains__, seen.isdisjoint
        few = set(map(calls.__getitem__, scan.calling()))
        for calling in few & calls.large:
            # One look at all of the others first: most often none is there, and they lie scattered in memory.
            if is_unseen(calling.others):
                few.discard(calling)
        join = chain.from_iterable
        called += join(map(_ALONE, few))
        called += compress(join(map(_BY_SECOND, few)), map(is_seen, join(map(_SECONDS, few))))
        called += compress(join(map(_BY_GROUP, few)), map(not_, map(is_unseen, join(map(_GROUPS, few)))))
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
                _Words(self._vocabulary, self._concepts, self._callers, document.language)
            )
        title, text = document.title.terms, document.text.terms
        found = list(map(lookup.__getitem__, title)), list(map(lookup.__getitem__, text))
        pairs: defaultdict[int, list[int]] = defaultdict(list)
        self._find_pairs(0, title, found[0], lookup.every, pairs)
        self._find_pairs(text_base(document), text, found[1], lookup.every, pairs)
        fields = {
            field: [atoms[value] for value in values_in(article, field) if value in atoms]
            for field, atoms in self._fields.items()
        }
        entities = self._fields.get("entity", {})
        return Scan(
            document, article, found, pairs, fields, entities, self._callers, self._reach, self._surfaces, self._clock
        )

    def _find_pairs(
        self, base: int, terms: list[str], found: Found, every: _Words, pairs: defaultdict[int, list[int]]
    ) -> None:
        """Note where two words stand side by side that are a pair of some query."""
        table, last = self._vocabulary.pairs, len(terms) - 1
        # Most words are in no query, or in no pair: they are passed over before the loop proper.
        known = compress(enumerate(found), found)
        paired = compress(known, map(_IS_PAIRED, filter(None, found)))
        for at, word in cast(Iterable[tuple[int, FoundWord]], paired):
            if word.followed and at < last:
                other = every[terms[at + 1]]
                if other is not None:
                    atoms = word.after.get(other)
                    for atom in word.pairs_with_next(other, table) if atoms is None else atoms:
                        pairs[atom].append(base + at)
            if word.preceded and at:
                other = every[terms[at - 1]]
                if other is not None:
                    atoms = word.before.get(other)
                    for atom in word.pairs_with_previous(other, table) if atoms is None else atoms:
                        pairs[atom].append(base + at - 1)


_IS_PAIRED = attrgetter("is_paired")


def _decide(program: _Program, scan: Scan, clauses: list[int], least: float | None) -> Match | None:
    node = program.node
    marks: list[Mark] = []
    lowest = program.min_score if least is None else least - _HALF_TOLD
    if type(node) is ClausesNode:
        decided = node.decide(scan, lowest, clauses)
        if decided is None:
            return None
        score, matched = decided
        for clause in matched:
            clause.collect(scan, marks)
    else:
        found = node.score(scan)
        if found is None or found < lowest:
            return None
        score = found
        node.collect(scan, marks)
    told = round(score, 4)
    if least is not None and told < least:
        return None
    if program.min_mentions and len(set(map(extent, marks))) < program.min_mentions:
        return None
    return Match(program.query_id, told, scan.spans(marks, MAX_SPANS))


_HALF_TOLD = 0.0001
"""More than a score changes when it is rounded."""
_MANY_CLAUSES = 4
"""From how many alternatives on it pays to call them instead of the query."""


class _Words(dict[str, FoundWord | None]):
    """What a document's word stands for, in one language; worked out when a word is first met."""

    def __init__(
        self, vocabulary: Vocabulary, concepts: Mapping[int, tuple[int, ...]], callers: Callers, language: str
    ) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._concepts = concepts
        self._callers = callers
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
            known = self._same[atoms] = FoundWord(atoms, tuple(concepts), self._callers, self._vocabulary.flags)
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


class _Reaches(dict[int, Reach]):
    """What follows from the atom of a pair or a field; worked out when it is first met."""

    def __init__(self, callers: Callers, flags: bytearray) -> None:
        super().__init__()
        self._callers = callers
        self._flags = flags

    def __missing__(self, atom: int) -> Reach:
        self[atom] = reach = Reach((atom,), self._callers, self._flags)
        return reach


def _by_field(vocabulary: Vocabulary) -> dict[str, dict[str, int]]:
    by_field: dict[str, dict[str, int]] = {}
    for (field, value), atom in vocabulary.fields.items():
        by_field.setdefault(field, {})[value] = atom
    return by_field


def _utc_now() -> datetime:
    return datetime.now(UTC)
