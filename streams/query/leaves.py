"""The parts of a compiled query that stand at places of the text: words, phrases, concepts, proximities.

Places are worked out once for an article, because many queries share them. `score` is None where a part does not match.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from streams.query.places import NOWHERE, Places, near_two, spread
from streams.query.proximity import Interval, Place, find_near
from streams.query.worth import MOST_WORTH, MOST_WORTH_OUTSIDE_TITLE

if TYPE_CHECKING:
    from streams.query.scan import Scan


Group = tuple[int, ...]
Groups = tuple[Group, ...]


class Node:
    """A part of a compiled query."""

    __slots__ = ()

    def score(self, scan: Scan) -> float | None:
        """Return the score of this part for the article, None where it does not match."""
        raise NotImplementedError

    def collect(self, scan: Scan, found: list[Mark]) -> None:
        """Add the positions that made this part match; called only when it does."""

    def required(self) -> Groups:
        """Return groups of atoms of which one each must be seen for this part to match; empty where nothing must."""
        return ()

    def needed_in_title(self) -> frozenset[int]:
        """Return atoms that the title must have for this part to match."""
        return frozenset()

    def most(self) -> tuple[float, float]:
        """Return what this part scores at most, and what where the title lacks one of the atoms that it requires."""
        return (0.0, 0.0)

    def may_be_negative(self) -> bool:
        """Whether the score of this part can be below 0."""
        return False


def singles(groups: Groups) -> frozenset[int]:
    """Return the atoms that stand alone in their group, and so must be seen themselves."""
    return frozenset([atom for group in groups if len(group) == 1 for atom in group])


def rarest(node: Node) -> Group:
    """Return the smallest of the groups that a part requires."""
    return min(node.required(), key=len)


Mark = Interval | Place
"""What made a part match: an interval, or the place of a proximity with the words that it is about."""


def extent(mark: Mark) -> Interval:
    """Return the interval from the beginning of a mark to its end."""
    first = mark[0]
    return mark if isinstance(first, int) else (first[0], max([end for _, end in mark]))  # type: ignore[return-value, misc]


class Leaf(Node):
    """A part that stands at places of the text."""

    __slots__ = ("_required",)

    _required: Groups

    has_windows: bool = False
    """Whether it is a proximity, or has some in it."""

    def needs(self) -> Groups:
        """Return what `required` returns; called once."""
        raise NotImplementedError

    def required(self) -> Groups:
        # A hundred thousand rules have their leaves in common, and so the groups.
        try:
            return self._required
        except AttributeError:
            self._required = self.needs()
            return self._required

    def find(self, scan: Scan) -> Places:
        """Return where it stands; called once an article."""
        raise NotImplementedError

    def places(self, scan: Scan) -> Places:
        """Return where it stands."""
        known = scan.found.get(self)
        if known is None:
            known = scan.found[self] = self.find(scan)
        return known

    def choices(self, scan: Scan) -> Places:
        """Return the places that a proximity may choose from: those inside of others, too."""
        known = scan.choices.get(self)
        if known is None:
            known = scan.choices[self] = self.choose(scan)
        return known

    def choose(self, scan: Scan) -> Places:
        """Return what `choices` returns; called once an article."""
        found = scan.found.get(self)
        if found is None:
            found = scan.found[self] = self.find(scan)
        return found

    def windows(self, scan: Scan) -> dict[Interval, Place]:
        """Return the places that are proximities, or have some in them."""
        return {}

    def most(self) -> tuple[float, float]:
        return (MOST_WORTH, MOST_WORTH_OUTSIDE_TITLE)

    def score(self, scan: Scan) -> float | None:
        found = scan.found.get(self)
        if found is None:
            found = scan.found[self] = self.find(scan)
        return scan.worth(found.starts) if found.starts else None

    def collect(self, scan: Scan, found: list[Mark]) -> None:
        intervals = self.places(scan).intervals()
        if self.has_windows:
            windows = self.windows(scan)
            found += [windows.get(interval, interval) for interval in intervals]
        else:
            found += intervals


class WordLeaf(Leaf):
    """One word."""

    __slots__ = ("atom",)

    def __init__(self, atom: int) -> None:
        self.atom = atom

    def find(self, scan: Scan) -> Places:
        return Places.of_words(scan.bits(self.atom)) if self.atom in scan.seen else NOWHERE

    def score(self, scan: Scan) -> float | None:
        # By far the most frequent call, and shared by all queries that have the word.
        known = scan.worths.get(self.atom)
        if known is None and self.atom in scan.seen and (starts := scan.bits(self.atom)):
            known = scan.worths[self.atom] = scan.worth(starts)
        return known

    def needs(self) -> Groups:
        return ((self.atom,),)


class PhraseLeaf(Leaf):
    """Words that follow one another. `pair` is the atom of two of them side by side, the first of them at `offset`."""

    __slots__ = ("atoms", "checked", "offset", "pair")

    def __init__(self, atoms: tuple[int, ...], pair: int, offset: int, checked: tuple[int, ...]) -> None:
        self.atoms = atoms
        self.pair = pair
        self.offset = offset
        self.checked = checked
        """Places in the phrase that the pair alone does not prove: the other words, and exact ones."""

    def find(self, scan: Scan) -> Places:
        if self.pair not in scan.seen:
            return NOWHERE
        starts = scan.bits(self.pair) >> self.offset
        for index in self.checked:
            atom = self.atoms[index]
            if not starts or atom not in scan.seen:
                return NOWHERE
            starts &= scan.bits(atom) >> index
        return Places({len(self.atoms): starts}, len(self.atoms), starts) if starts else NOWHERE

    def needs(self) -> Groups:
        if not self.checked:
            return ((self.pair,),)
        atoms = (self.pair, *[self.atoms[index] for index in self.checked])
        return tuple([(atom,) for atom in dict.fromkeys(atoms)])


class EntityLeaf(Leaf):
    """The mentions of an entity. Its atom says that the article's record has the entity at all."""

    __slots__ = ("atom", "entity")

    def __init__(self, atom: int, entity: str) -> None:
        self.atom = atom
        self.entity = entity

    def find(self, scan: Scan) -> Places:
        return scan.entity_places(self.entity) if self.atom in scan.seen else NOWHERE

    def score(self, scan: Scan) -> float | None:
        return scan.worth(self.places(scan).starts) if self.atom in scan.seen else None

    def needs(self) -> Groups:
        return ((self.atom,),)


NO_CONCEPT = -1
_NONE: dict[int, tuple[Leaf, ...]] = {}
"""The same for all: there may be a hundred thousand unions."""


class UnionLeaf(Leaf):
    """Alternatives that make one concept: plain words by their atoms, all else as leaves.

    `concept` is an atom of its own, seen where one of the alternatives may stand; `NO_CONCEPT` where there are too many
    unions to note each while an article is read.
    """

    __slots__ = ("_windowed", "atoms", "concept", "has_windows", "makers", "others")

    def __init__(self, atoms: Group, others: tuple[Leaf, ...], concept: int = NO_CONCEPT) -> None:
        self.atoms = atoms
        self.others = others
        self.concept = concept
        self._windowed = tuple([leaf for leaf in others if leaf.has_windows])
        self.has_windows = bool(self._windowed)
        makers: dict[int, tuple[Leaf, ...]] = {}
        for leaf in others if concept >= 0 else ():
            for atom in rarest(leaf):
                makers[atom] = (*makers.get(atom, ()), leaf)
        self.makers = makers or _NONE
        """Of a concept, the alternatives other than words by the atoms without which they cannot stand."""

    def _words(self, scan: Scan) -> int:
        """Return the mask of the plain words."""
        if self.concept >= 0:
            return scan.bits(self.concept)
        words = 0
        for atom in self.atoms:
            if atom in scan.seen:
                words |= scan.bits(atom)
        return words

    def _others(self, scan: Scan) -> Collection[Leaf]:
        """Return the alternatives that may stand in the article, but for plain words."""
        if not self.others:
            return ()
        if self.concept >= 0:
            makers = self.makers
            seen = makers.keys() & scan.makers
            if len(seen) == 1:
                return makers[seen.pop()]
            return dict.fromkeys([leaf for atom in seen for leaf in makers[atom]])
        is_unseen = scan.seen.isdisjoint
        return [leaf for leaf in self.others if not any(map(is_unseen, leaf.required()))]

    def find(self, scan: Scan) -> Places:
        found = self.choices(scan)
        return found if len(found.by_length) < 2 else found.outermost()

    def choose(self, scan: Scan) -> Places:
        if self.concept >= 0:
            # What `_words` and `_others` say, for the most frequent of all questions.
            masks = scan.masks
            if masks is None:
                masks = scan.read()
            words = masks.get(self.concept, 0)
            others: Collection[Leaf] = ()
            makers = self.makers
            if makers and (seen := makers.keys() & scan.makers):
                if len(seen) == 1:
                    others = makers[seen.pop()]
                else:
                    others = [leaf for atom in seen for leaf in makers[atom]]
        else:
            words, others = self._words(scan), self._others(scan)
        if not others:
            return Places({1: words}, 1, words) if words else NOWHERE
        by_length = {1: words} if words else {}
        memo = scan.choices
        for leaf in others:
            found = memo.get(leaf)
            if found is None:
                found = memo[leaf] = leaf.choose(scan)
            for length, starts in found.by_length.items():
                by_length[length] = by_length[length] | starts if length in by_length else starts
        return Places(by_length) if by_length else NOWHERE

    def windows(self, scan: Scan) -> dict[Interval, Place]:
        others = self._others(scan)
        found: dict[Interval, Place] = {}
        for leaf in self._windowed:
            if leaf in others:
                found |= leaf.windows(scan)
        return found

    def score(self, scan: Scan) -> float | None:
        found = self.places(scan)
        if found.starts:
            return scan.worth(found.starts)
        # An entity without mentions in the record still is in the article.
        return 0.0 if any([leaf.score(scan) is not None for leaf in self._others(scan)]) else None

    def needs(self) -> Groups:
        return ((self.concept,),) if self.concept >= 0 else (self.members(),)

    def members(self) -> Group:
        """Return atoms of which one must be seen for any alternative to stand in an article."""
        if not self.others:
            return self.atoms
        return tuple(dict.fromkeys((*self.atoms, *[atom for leaf in self.others for atom in rarest(leaf)])))


class NearLeaf(Leaf):
    """Parts that stand close together."""

    __slots__ = ("distance", "is_ordered", "limit", "parts")

    has_windows = True

    def __init__(self, parts: tuple[Leaf, ...], distance: int, is_ordered: bool, limit: int) -> None:
        self.parts = parts
        self.distance = distance
        self.is_ordered = is_ordered
        self.limit = limit
        """How many places are looked for: no more than count."""

    def find(self, scan: Scan) -> Places:
        memo = scan.choices
        found = []
        for part in self.parts:
            places = memo.get(part)
            if places is None:
                places = memo[part] = part.choose(scan)
            if not places.starts:
                return NOWHERE
            found.append(places)
        if len(found) == 2:
            near = near_two((found[0], found[1]), self.distance, is_ordered=self.is_ordered, limit=self.limit)
        else:
            near = self._more(found)
        if not near:
            return NOWHERE
        windows = scan.near[self] = {(place[0][0], max([end for _, end in place])): place for place in near}
        return Places.of(windows)

    def _more(self, found: list[Places]) -> list[Place]:
        # Where a stretch of the text begins that has a beginning of every part: most articles have none, and in the
        # others only what lies in one is looked at closely.
        reach = self.distance
        for places in found:
            reach += places.longest
        stretches = -1
        for places in found:
            stretches &= places.before(reach)
            if not stretches:
                return []
        area = spread(stretches, reach)
        lists = [places.intervals(area) for places in found]
        return find_near(lists, self.distance, is_ordered=self.is_ordered, limit=self.limit)

    def collect(self, scan: Scan, found: list[Mark]) -> None:
        if self.places(scan).starts:
            found += scan.near[self].values()

    def windows(self, scan: Scan) -> dict[Interval, Place]:
        return scan.near[self] if self.places(scan).starts else {}

    def needs(self) -> Groups:
        return tuple([group for part in self.parts for group in part.required()])
