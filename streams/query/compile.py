"""Compiles queries into one matcher: equal parts once, every word of every query in one table.

vocabulary ── which atoms (words, beginnings, field values) does a document's word stand for?     one look-up a word
triggers   ── which queries could match, given the atoms seen?                                     one look-up an atom
required   ── do they have everything else they cannot do without?                                 sets only
program    ── positions, phrases, proximity, Boolean, score                                        only for what is left
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from streams.query.errors import QueryError
from streams.query.fields import narrower
from streams.query.leaves import (
    NO_CONCEPT,
    EntityLeaf,
    Group,
    Leaf,
    NearLeaf,
    Node,
    PhraseLeaf,
    UnionLeaf,
    WordLeaf,
)
from streams.query.narrowed import LanguageLeaf, ScopedLeaf
from streams.query.program import (
    AtLeastNode,
    CheckNode,
    ClausesNode,
    FieldNode,
    WeightedNode,
    has_node,
    published_node,
)
from streams.query.scan import ALONE, FOLLOWED, PRECEDED, PairTable, pair_key
from streams.query.syntax import (
    AtLeast,
    Clauses,
    Everything,
    FieldIs,
    Has,
    InLanguage,
    InScope,
    Near,
    Phrase,
    Published,
    Query,
    Scope,
    Weighted,
    Word,
)
from streams.query.syntax import Node as Tree
from streams.query.worth import COUNTED_MENTIONS


class Vocabulary:
    """The atoms of all queries: small numbers for words, beginnings of words, exact words and field values."""

    def __init__(self) -> None:
        self.terms: dict[str, int] = {}
        self.prefixes: dict[str, int] = {}
        self.exact: dict[tuple[str, str], int] = {}
        self.fields: dict[tuple[str, str], int] = {}
        self.pairs: PairTable = {}
        self.flags = bytearray()
        """What is known of an atom, as a sum: `ALONE`, `FOLLOWED`, `PRECEDED`."""
        self.members: dict[int, Group] = {}
        """By atom of a concept: the atoms of which it has one at least."""
        self.exact_atoms: set[int] = set()
        self.size = 0

    def word(self, word: Word) -> int:
        """Return the atom of `word`."""
        if word.kind == "exact":
            atom = self._atom(self.exact, (word.key, word.surface))
            self.exact_atoms.add(atom)
            return atom
        return self._atom(self.prefixes if word.kind == "prefix" else self.terms, word.key)

    def field(self, name: str, value: str) -> int:
        """Return the atom of a field that has `value`."""
        return self._atom(self.fields, (name, value))

    def pair(self, first: int, second: int, *, is_preceded: bool) -> int:
        """Return the atom of two words side by side. `is_preceded`: the second of them is the rarer one."""
        rare, other = (second, first) if is_preceded else (first, second)
        self.flags[rare] |= PRECEDED if is_preceded else FOLLOWED
        return self._atom(self.pairs, pair_key(rare, other, is_preceded=is_preceded))

    def concept(self) -> int:
        """Return a new atom for a concept."""
        return self._new()

    def _new(self) -> int:
        self.flags.append(0)
        self.size += 1
        return self.size - 1

    def _atom(self, table: dict[Any, int], key: object) -> int:
        atom = table.get(key)
        if atom is None:
            atom = table[key] = self._new()
        return atom

    def commonness(self) -> array[float]:
        """Return by atom how likely an article is to have it, as a rank.

        No corpus is at hand, but short words are common.
        """
        found = array("d", [1.0]) * self.size
        for term, atom in self.terms.items():
            found[atom] = _of_length(len(term))
        for (term, _), atom in self.exact.items():
            found[atom] = _of_length(len(term))
        for prefix, atom in self.prefixes.items():
            found[atom] = 4 * _of_length(len(prefix))
        for key, atom in self.pairs.items():
            found[atom] = 0.02 * min(found[key >> 32], found[(key >> 1) & 0x7FFFFFFF])
        for (field, _), atom in self.fields.items():
            found[atom] = 100.0 if field in ("lang", "country") else 10.0
        for concept, members in self.members.items():
            found[concept] = sum(map(found.__getitem__, members))
        return found


def _rarity(word: Word) -> int:
    # Long words are rare ones.
    return len(word.key) - 3 if word.kind == "prefix" else len(word.key)


def _of_length(letters: int) -> float:
    return 64.0 * 0.5 ** min(letters, 8)


class Compiler:
    """Turns trees into programs that share their leaves."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self._leaves: dict[object, Leaf] = {}
        self._phrases: dict[Phrase, Leaf] = {}
        self._same: dict[object, Leaf] = {}
        self._places = COUNTED_MENTIONS
        self._concepts: list[UnionLeaf] = []
        self._copied = 0
        self._asked: set[Leaf] = set()

    def compile_query(self, query: Query) -> Node:
        """Return the program of a resolved query."""
        self._places = max(COUNTED_MENTIONS, query.min_mentions)
        return self.compile(query.root, is_whole=True)

    def compile(self, tree: Tree, scope: Scope = "any", *, is_whole: bool = False) -> Node:
        """Return the program of `tree`. `is_whole`: its alternatives add up, as they do not in a group."""
        match tree:
            case Phrase() | Near() | InLanguage():
                return self._alone(self._leaf(tree, scope))
            case Clauses():
                return self._clauses(tree, scope, is_whole)
            case InScope():
                return self.compile(tree.item, narrower(scope, tree.scope, tree.column))
            case Weighted():
                return WeightedNode(self.compile(tree.item, scope), tree.weight)
            case AtLeast():
                return AtLeastNode(self._counted(tree, scope), tree.count)
            case FieldIs(field="entity"):
                return self._alone(self._leaf(tree, scope))
            case FieldIs():
                return FieldNode(tuple([self.vocabulary.field(tree.field, value) for value in tree.values]))
            case Has():
                return has_node(tree.field)
            case Published():
                return published_node(tree)
            case Everything():
                return CheckNode(lambda scan: True)
            case _:
                raise QueryError(f"{type(tree).__name__} was not resolved", 1)

    def _clauses(self, tree: Clauses, scope: Scope, is_whole: bool) -> Node:
        should = tree.should
        if not is_whole and should and not (tree.must or tree.must_not or tree.against) and _is_concept(tree):
            return self._alone(self._leaf(tree, scope))
        compiled = [self.compile(node, scope) for node in should]
        if not is_whole and len(should) > 1:
            compiled = self._pooled(should, compiled)
        if len(compiled) == 1 and not (tree.must or tree.must_not or tree.against):
            return compiled[0]
        must, must_not, against = (
            tuple(self.compile(node, scope) for node in part) for part in (tree.must, tree.must_not, tree.against)
        )
        return ClausesNode(must, tuple(compiled), must_not, against)

    def _pooled(self, trees: Iterable[Tree], nodes: list[Node]) -> list[Node]:
        """Join the alternatives without a weight of their own into one concept."""
        plain: list[Leaf] = []
        rest: list[Node] = []
        for tree, node in zip(trees, nodes, strict=True):
            if isinstance(node, Leaf) and _is_concept(tree):
                plain.append(node)
            else:
                rest.append(node)
        return [self._alone(self._union(plain)), *rest] if len(plain) > 1 else nodes

    def _counted(self, tree: AtLeast, scope: Scope) -> Leaf:
        """Return the leaf of what is counted: proximities in it must find as many places as are asked for."""
        before, self._places = self._places, max(self._places, tree.count)
        try:
            return self._alone(self._leaf(tree.item, scope))
        finally:
            self._places = before

    def _leaf(self, tree: Tree, scope: Scope) -> Leaf:
        if type(tree) is Phrase:
            if scope == "any":  # nearly all that there are
                leaf = self._phrases.get(tree)
                if leaf is None:
                    leaf = self._phrases[tree] = self._phrase(tree)
                return leaf
            key: object = (tree, scope)
        else:
            key = (id(tree), scope, self._places) if isinstance(tree, _LARGE) else (tree, scope)
        known = self._leaves.get(key)
        if known is None:
            known = self._leaves[key] = self._new_leaf(tree, scope)
        return known

    def _new_leaf(self, tree: Tree, scope: Scope) -> Leaf:
        match tree:
            case Near():
                # The scope is that of the parts: few words are in a title, and so there is little to look through.
                parts = tuple(self._alone(self._leaf(part, scope)) for part in tree.parts)
                near = NearLeaf(parts, tree.distance, tree.is_ordered, self._places)
                return self._same.setdefault((parts, tree.distance, tree.is_ordered, self._places), near)
            case _ if scope != "any":
                return ScopedLeaf(self._alone(self._leaf(tree, "any")), scope)
            case InScope():
                return ScopedLeaf(self._alone(self._leaf(tree.item, "any")), tree.scope)
            case InLanguage():
                return LanguageLeaf(self._alone(self._leaf(tree.item, "any")), frozenset((*tree.languages, "und")))
            case Clauses():
                return self._union([self._leaf(item, "any") for item in tree.should])
            case FieldIs():
                leaves = [EntityLeaf(self.vocabulary.field("entity", value), value) for value in tree.values]
                return leaves[0] if len(leaves) == 1 else UnionLeaf((), tuple(leaves))
            case _:
                raise QueryError(f"{type(tree).__name__} has no place in the text", 1)

    def _phrase(self, tree: Phrase) -> Leaf:
        words, vocabulary = tree.words, self.vocabulary
        atoms = tuple(map(vocabulary.word, words))
        if len(words) == 1:
            return WordLeaf(atoms[0])
        # Long words are rare ones: the pair that is looked for first should seldom be there.
        offset = 0
        if len(words) > 2:
            offset = max(range(len(words) - 1), key=lambda at: len(words[at].key) + len(words[at + 1].key))
        one, other = words[offset], words[offset + 1]
        pair = vocabulary.pair(atoms[offset], atoms[offset + 1], is_preceded=_rarity(one) < _rarity(other))
        if len(words) == 2 and one.kind != "exact" != other.kind:
            return PhraseLeaf(atoms, pair, 0, ())
        checked = tuple([at for at, word in enumerate(words) if word.kind == "exact" or not offset <= at <= offset + 1])
        for at in checked:
            vocabulary.flags[atoms[at]] |= ALONE
        return PhraseLeaf(atoms, pair, offset, checked)

    def _alone(self, leaf: Leaf) -> Leaf:
        """Return `leaf`, noted as asked for by itself: words and concepts that only others are made of are not."""
        if type(leaf) is WordLeaf:
            self.vocabulary.flags[leaf.atom] |= ALONE
        elif type(leaf) is UnionLeaf:
            self._asked.add(leaf)
        return leaf

    def _union(self, leaves: list[Leaf]) -> Leaf:
        if len(leaves) == 1:
            return leaves[0]
        atoms: dict[int, None] = {}
        others: dict[Leaf, None] = {}
        for leaf in leaves:
            if isinstance(leaf, WordLeaf) and leaf.atom not in self.vocabulary.exact_atoms:
                atoms[leaf.atom] = None
            elif isinstance(leaf, UnionLeaf) and self._may_copy(leaf):
                atoms.update(dict.fromkeys(leaf.atoms))
                others.update(dict.fromkeys(leaf.others))
            else:
                others[self._alone(leaf)] = None
        key = (tuple(atoms), tuple(others))
        known = self._same.get(key)
        if known is None:
            concept = NO_CONCEPT
            if len(self._concepts) < _MAX_CONCEPTS:
                concept = self.vocabulary.concept()
            known = self._same[key] = union = UnionLeaf(*key, concept)
            if concept == NO_CONCEPT:
                for atom in atoms:
                    self.vocabulary.flags[atom] |= ALONE
            else:
                self._concepts.append(union)
                self.vocabulary.members[concept] = union.members()
        return known

    def _may_copy(self, union: UnionLeaf) -> bool:
        size = len(union.atoms) + len(union.others)
        if size > _SMALL_UNION:
            if self._copied + size > _MAX_COPIED:
                return False
            self._copied += size
        return True

    def concepts_by_word(self) -> dict[int, tuple[int, ...]]:
        """Return the concepts that an atom is a word of."""
        found: dict[int, list[int]] = {}
        for union in filter(self._asked.__contains__, self._concepts):
            for atom in union.atoms:
                found.setdefault(atom, []).append(union.concept)
        return {atom: tuple(concepts) for atom, concepts in found.items()}

    def callers(self) -> dict[int, tuple[int, ...]]:
        """Return by atom the concepts that it may make, though no word of theirs."""
        found: dict[int, list[int]] = {}
        for union in filter(self._asked.__contains__, self._concepts):
            for atom in union.makers:
                found.setdefault(atom, []).append(union.concept)
        return {atom: tuple(concepts) for atom, concepts in found.items()}


_LARGE = (Clauses, Near, InLanguage)
"""Trees that are told apart by being the same object, since comparing them would be long."""
_SMALL_UNION = 4
"""Up to this size alternatives are copied into what uses them in any case."""
_MAX_CONCEPTS = 1_000
_MAX_COPIED = 200_000
"""How many alternatives in all are copied from concepts into concepts that use them, so that none has to be asked."""


def _is_concept(tree: Tree) -> bool:
    match tree:
        case Phrase() | Near() | InLanguage() | FieldIs(field="entity"):
            return True
        case InScope():
            return _is_concept(tree.item)
        case Clauses(must=(), must_not=(), against=()):
            return bool(tree.should) and all(map(_is_concept, tree.should))
        case _:
            return False
