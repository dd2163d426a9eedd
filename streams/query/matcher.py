"""The compiled matcher: all queries at once, one article at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import compress
from typing import cast

from msgspec import Struct

from streams.model import RawArticle, Span
from streams.query.compile import Compiler, Vocabulary
from streams.query.fields import values_in
from streams.query.leaves import Node
from streams.query.names import resolve_all
from streams.query.program import ClausesNode
from streams.query.proximity import Interval
from streams.query.scan import Callers, FoundWord, Scan, text_base
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
    required: tuple[frozenset[int], ...]
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


_Calls = tuple[tuple[int, ...], frozenset[int], tuple[tuple[int, int], ...]]
"""Queries called by an atom alone; atoms that call a query together with it; which query each of them calls."""
_MAX_PAIRS = 32
"""Up to how many combinations of two required groups a query is called by both at once."""
_FEW_PAIRS = 4
_NO_ATOMS: frozenset[int] = frozenset()
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
        self._calls: dict[int, _Calls] = {}
        self._add(queries, nodes, vocabulary.commonness())
        self._vocabulary = vocabulary
        self._surfaces = {atom: surface for (_, surface), atom in vocabulary.exact.items()}
        self._lookups: dict[str, _Lookup] = {}
        self._fields = _by_field(vocabulary)
        self._concepts = compiler.concepts_by_word()
        self._callers: Callers = compiler.callers()

    def __len__(self) -> int:
        return len(self._programs)

    def _add(self, queries: Mapping[str, Query], nodes: list[Node], commonness: list[float]) -> None:
        """Note for every query which atoms call it: one of its rarest required group, or that and one of the next."""
        groups = [list(dict.fromkeys(node.required())) for node in nodes]
        uses = [0] * len(commonness)
        for found in groups:
            for group in found:
                for atom in group:
                    uses[atom] += 1
        # What is in many queries is likely to be in many articles, too.
        cost = [common * (1 + count) for common, count in zip(commonness, uses, strict=True)]
        single: defaultdict[int, list[int]] = defaultdict(list)
        double: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        always = []
        for index, ((query_id, query), node, found) in enumerate(zip(queries.items(), nodes, groups, strict=True)):
            if len(found) > 1:
                found.sort(key=lambda group: sum(map(cost.__getitem__, group)))
            first, second, *rest = (*found, *[frozenset[int]()] * 2)
            if not first:
                always.append(index)
            elif second and len(first) * len(second) <= _MAX_PAIRS and first.isdisjoint(second):
                for atom in first:
                    double[atom] += [(other, index) for other in second]
            else:
                rest = [second, *rest]
                for atom in first:
                    single[atom].append(index)
            required = tuple(group for group in rest if group)[:_MAX_REQUIRED]
            self._programs.append(_Program(query_id, node, required, query.min_score, query.min_mentions))
        self._calls = {
            atom: (
                tuple(single.get(atom, ())),
                # For a few, a set would cost more memory than it saves looks.
                frozenset(other for other, _ in pairs) if len(pairs) > _FEW_PAIRS else _NO_ATOMS,
                tuple(pairs),
            )
            for atom in {**single, **double}
            for pairs in (double.get(atom, ()),)
        }
        self._always = tuple(always)

    def match(
        self, document: Document, article: RawArticle, *, least: Mapping[str, float] | None = None
    ) -> list[Match]:
        """Return the queries that `article` matches, in the order in which they were given.

        `document` is the article's title and text. `least` has, by id, scores asked for in place of a query's own
        `min_score`; what it has at least is the score that is told, with four decimals.
        """
        scan = self._scan(document, article)
        found = []
        for index in self._called(scan.seen):
            program = self._programs[index]
            for group in program.required:
                if group.isdisjoint(scan.seen):
                    break
            else:
                match = _decide(program, scan, least.get(program.query_id) if least is not None else None)
                if match is not None:
                    found.append(match)
        return found

    def _called(self, seen: set[int]) -> list[int]:
        called = list(self._always)
        calls = self._calls
        for atom in seen:
            if atom in calls:
                alone, others, doubles = calls[atom]
                if alone:
                    called += alone
                # One look at the set first: most often none of the others is there, and they lie scattered in memory.
                if doubles and not (others and others.isdisjoint(seen)):
                    called += [index for other, index in doubles if other in seen]
        return sorted(set(called))

    def _scan(self, document: Document, article: RawArticle) -> Scan:
        lookup = self._lookups.get(document.language)
        if lookup is None:
            if len(self._lookups) > 100:
                self._lookups.clear()
            lookup = self._lookups[document.language] = _Lookup(
                _Words(self._vocabulary, self._concepts, document.language)
            )
        every = lookup.every
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
                        for atom in word.pairs_with_next(other):
                            pairs[atom].append(base + at)
                if word.preceded and at:
                    other = every[terms[at - 1]]
                    if other is not None:
                        for atom in word.pairs_with_previous(other):
                            pairs[atom].append(base + at - 1)
        scan = Scan(document, article, words, pairs, self._clock)
        fields = [
            atoms[value]
            for field, atoms in self._fields.items()
            for value in values_in(article, field)
            if value in atoms
        ]
        scan.look_up(fields, self._callers, self._surfaces)
        return scan


def _decide(program: _Program, scan: Scan, least: float | None) -> Match | None:
    node = program.node
    intervals: list[Interval] = []
    lowest = program.min_score if least is None else least - _HALF_TOLD
    if type(node) is ClausesNode and len(node.should) >= _MANY_CLAUSES:
        decided = node.decide(scan, lowest)
        if decided is None:
            return None
        score, clauses = decided
        for clause in clauses:
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
            vocabulary = self._vocabulary
            alone = [atom for atom in atoms if atom in vocabulary.alone]
            concepts = dict.fromkeys(concept for atom in atoms for concept in self._concepts.get(atom, ()))
            followed, preceded = (
                tuple([table[atom] for atom in atoms if atom in table])
                for table in (vocabulary.followed, vocabulary.preceded)
            )
            known = self._same[atoms] = FoundWord(atoms, (*alone, *concepts), followed, preceded)
        return known


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
