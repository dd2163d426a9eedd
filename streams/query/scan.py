"""One article as the compiled queries see it: which of their words it has, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain, compress, count, islice
from operator import attrgetter
from typing import Any, cast

from streams.model import Span
from streams.query.fields import LEAD_WORDS
from streams.query.leaves import Leaf, Mark, NearLeaf
from streams.query.places import BITS, GAP, NOWHERE, SMALL_BITS, Places, mask_of, positions_of
from streams.query.proximity import Interval, Place
from streams.query.syntax import Scope
from streams.query.words import is_written
from streams.query.worth import COUNTED_MENTIONS, WORTHS
from streams.text.document import Document


def text_base(document: Document) -> int:
    """Return the position of the first word of the text."""
    return len(document.title.terms) + GAP


ALONE, FOLLOWED, PRECEDED, CALLS = 1, 2, 4, 8
"""Flags of an atom: the word says something without the word beside it; it is the rarer word of pairs, and the first of
them; it is the rarer word of pairs, and the second; there are queries that are looked at only where it is seen."""
PairTable = dict[int, int]
"""Atoms of two words side by side, by `pair_key`."""


def pair_key(rare: int, other: int, *, is_preceded: bool) -> int:
    """Return the key of a pair of atoms: `rare` the one that is looked at first, and whether it is the second word."""
    return rare << 32 | other << 1 | is_preceded


Callers = Mapping[int, tuple[int, ...]]
"""For atoms the concepts that they may make, other than as a plain word of them."""


class Reach:
    """What follows from atoms that an article has, however far: the concepts that they may make."""

    __slots__ = ("calls", "seen")

    def __init__(self, atoms: Iterable[int], callers: Callers, flags: bytearray) -> None:
        seen = dict.fromkeys(atoms)
        waiting = list(seen)
        for atom in waiting:
            for concept in callers.get(atom, ()):
                if concept not in seen:
                    seen[concept] = None
                    waiting.append(concept)
        self.seen = tuple(seen)
        """The atoms themselves and every concept that they may make."""
        self.calls = tuple([atom for atom in seen if flags[atom] & CALLS])
        """Those that call queries: of the many that a word may stand for, few do."""


class FoundWord:
    """A word of a document that queries have: what it stands for. The same object for all words that say the same."""

    __slots__ = ("after", "atoms", "before", "calls", "followed", "is_paired", "preceded", "seen", "stands_for")

    def __init__(self, atoms: tuple[int, ...], concepts: tuple[int, ...], callers: Callers, flags: bytearray) -> None:
        self.atoms = atoms
        self.stands_for = (*[atom for atom in atoms if flags[atom] & ALONE], *concepts)
        """Those atoms that say something without the word beside it, and the concepts that have it as a word."""
        reach = Reach(self.stands_for, callers, flags)
        self.seen, self.calls = reach.seen, reach.calls
        self.followed = tuple([atom for atom in atoms if flags[atom] & FOLLOWED])
        self.preceded = tuple([atom for atom in atoms if flags[atom] & PRECEDED])
        self.is_paired = bool(self.followed or self.preceded)
        self.after: dict[FoundWord, tuple[int, ...]] = {} if self.followed else _NO_PAIRS
        """The pairs that it makes with a word after it, for those that were met."""
        self.before: dict[FoundWord, tuple[int, ...]] = {} if self.preceded else _NO_PAIRS

    @property
    def is_looked_at(self) -> bool:
        """Whether it counts by itself, not only beside a rarer word."""
        return bool(self.seen or self.is_paired)

    def pairs_with_next(self, word: FoundWord, table: PairTable) -> tuple[int, ...]:
        """Return the atoms of the pairs that this word and `word` after it make, which `after` does not have yet."""
        keys = [pair_key(rare, other, is_preceded=False) for rare in self.followed for other in word.atoms]
        return _remember(self.after, word, keys, table)

    def pairs_with_previous(self, word: FoundWord, table: PairTable) -> tuple[int, ...]:
        """Return the atoms of the pairs that `word` and this one after it make, which `before` does not have yet."""
        keys = [pair_key(rare, other, is_preceded=True) for rare in self.preceded for other in word.atoms]
        return _remember(self.before, word, keys, table)


_NO_PAIRS: dict[FoundWord, tuple[int, ...]] = {}
"""The same for all words that make none."""
_MOST_REMEMBERED = 1_000


def _remember(
    known: dict[FoundWord, tuple[int, ...]], word: FoundWord, keys: list[int], table: PairTable
) -> tuple[int, ...]:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    found = known[word] = tuple([table[key] for key in keys if key in table])
    return found


Found = list[FoundWord | None]
"""The words of a title or text, None for those that no query has."""


_SEEN, _CALLS = attrgetter("seen"), attrgetter("calls")
_Standing = Iterable[tuple[FoundWord, int]]


class Scan:
    """What one article has of the queries' atoms, and what has been worked out from it so far.

    Which atoms there are is known at once. Where they stand is worked out when first asked for: of most articles no
    rule asks.
    """

    __slots__ = (
        "_clock",
        "_entity_atoms",
        "_exact",
        "_fields",
        "_found",
        "_lead",
        "_mentions",
        "_now",
        "_pairs",
        "_reach",
        "_seen_in_title",
        "_spans",
        "_surfaces",
        "_title",
        "_words",
        "article",
        "choices",
        "document",
        "found",
        "makers",
        "masks",
        "near",
        "seen",
        "text_base",
        "worths",
    )

    def __init__(
        self,
        document: Document,
        article: Any,
        found: tuple[Found, Found],
        pairs: dict[int, list[int]],
        fields: dict[str, list[int]],
        entity_atoms: Mapping[str, int],
        callers: Callers,
        reach: Mapping[int, Reach],
        surfaces: Mapping[int, str],
        clock: Callable[[], datetime],
    ) -> None:
        self.document = document
        self.article = article
        self._found = found
        """The words of title and text."""
        words: set[Any] = {*found[0], *found[1]}
        words.discard(None)
        self._words: set[FoundWord] = words
        self._pairs = pairs
        """Sorted token positions by atom."""
        self._fields = fields
        """The atoms of what the article's record has in each field that queries ask for."""
        self._entity_atoms = entity_atoms
        self._reach = reach
        self.masks: dict[int, int] | None = None
        """Where words, pairs and the words of concepts stand, by atom; None until it is first asked for."""
        self._surfaces = surfaces
        """How the atoms of exact words are written."""
        self._exact: dict[int, int] = {}
        self._seen_in_title: set[int] | None = None
        self.seen: set[int] = set().union(
            *map(_SEEN, words),
            *[reach[atom].seen for atom in pairs],
            *[reach[atom].seen for atoms in fields.values() for atom in atoms],
        )
        """Every atom that the article has: words, pairs, fields, and the concepts that these may make.

        An exact word is in it however it is written, and so is a pair of words one of which is exact.
        """
        self.makers = callers.keys() & self.seen
        """Those of `seen` that may make concepts, other than as plain words of them."""
        self.text_base = base = text_base(document)
        self.found: dict[Leaf, Places] = {}
        self.choices: dict[Leaf, Places] = {}
        self.near: dict[NearLeaf, dict[Interval, Place]] = {}
        """Where the proximities were found, with the words that they are about."""
        self.worths: dict[int, float] = {}
        text_start = 1 << base
        self._title = text_start - 1
        self._lead = (text_start << LEAD_WORDS) - 1
        self._mentions: dict[str, list[Span]] | None = None
        self._spans: dict[Interval, Span] = {}
        self._clock = clock
        self._now: datetime | None = None

    def _written(self, at: int) -> str:
        base = self.text_base
        tokens, index = (self.document.title, at) if at < base else (self.document.text, at - base)
        start, end = tokens.span(index)
        return tokens.text[start:end]

    def calling(self) -> set[int]:
        """Return the atoms that may call queries."""
        reach = self._reach
        return set().union(
            *filter(None, map(_CALLS, self._words)),
            *[reach[atom].calls for atom in self._pairs],
            *[reach[atom].calls for atoms in self._fields.values() for atom in atoms],
        )

    def bits(self, atom: int) -> int:
        """Return the positions of the atom of a word, a pair, or the words of a concept, as a mask.

        None may be left of an exact word that is in `seen`: how it is written is looked at here.
        """
        if atom in self._surfaces:
            return self._exact_bits(atom)
        masks = self.masks
        if masks is None:
            masks = self.read()
        return masks.get(atom, 0)

    def read(self) -> dict[int, int]:
        """Return `masks`, which are worked out here."""
        self.masks = masks = {atom: mask_of(positions) for atom, positions in self._pairs.items()}
        known = masks.get
        for word, mask in self._by_word().items():
            for atom in word.stands_for:
                masks[atom] = known(atom, 0) | mask
        return masks

    def _by_word(self) -> dict[FoundWord, int]:
        title, text = self._found
        base = self.text_base
        if base + len(text) <= SMALL_BITS:
            masks = dict.fromkeys(self._words, 0)
            for word, bit in cast(_Standing, compress(zip(title, BITS, strict=False), title)):
                masks[word] |= bit
            for word, bit in cast(_Standing, compress(zip(text, islice(BITS, base, None), strict=False), text)):
                masks[word] |= bit
            return masks
        # Of a long text, a number as long as the text for every word would be felt.
        positions: dict[FoundWord, list[int]] = {word: [] for word in self._words}
        both = chain(
            compress(zip(title, count(), strict=False), title), compress(zip(text, count(base), strict=False), text)
        )
        for word, at in cast(_Standing, both):
            positions[word].append(at)
        return {word: mask_of(found) for word, found in positions.items()}

    def _exact_bits(self, atom: int) -> int:
        known = self._exact.get(atom)
        if known is None:
            surface, found = self._surfaces[atom], positions_of((self.masks or self.read()).get(atom, 0))
            known = self._exact[atom] = mask_of([at for at in found if is_written(surface, self._written(at))])
        return known

    def seen_in_title(self) -> set[int]:
        """Return the atoms that may be in the title: those of its words and of the entities named there."""
        known = self._seen_in_title
        if known is None:
            base, reach = self.text_base, self._reach
            words: set[Any] = set(self._found[0])
            words.discard(None)
            atoms = [atom for atom, positions in self._pairs.items() if positions[0] < base]
            for field, others in self._fields.items():
                atoms += others if field != "entity" else self._entities_in_title()
            known = self._seen_in_title = set().union(*map(_SEEN, words), *[reach[atom].seen for atom in atoms])
        return known

    def _entities_in_title(self) -> list[int]:
        """Return the atoms of the entities that are named in the title."""
        named = [label.id for label in self.article.entities if any([span.field == "title" for span in label.mentions])]
        atoms = self._entity_atoms
        return [atoms[entity] for entity in named if entity in atoms]

    def area(self, scope: Scope) -> int:
        """Return the mask of all positions of `scope`."""
        if scope == "title":
            return self._title
        if scope == "lead":
            return self._lead
        return ~self._title if scope == "text" else -1

    def worth(self, starts: int) -> float:
        """Return what mentions that begin at these positions say together: `streams.query.worth`."""
        until_lead = (starts & self._lead).bit_count()
        below = starts.bit_count() - until_lead
        if below > COUNTED_MENTIONS:
            below = COUNTED_MENTIONS
        if not until_lead:
            return WORTHS[0][0][below]
        in_title = (starts & self._title).bit_count()
        in_lead = until_lead - in_title
        if in_title > COUNTED_MENTIONS:
            in_title = COUNTED_MENTIONS
        return WORTHS[in_title][in_lead if in_lead < COUNTED_MENTIONS else COUNTED_MENTIONS][below]

    def now(self) -> datetime:
        """Return the present, the same one for all queries on this article."""
        if self._now is None:
            self._now = self._clock()
        return self._now

    def entity_places(self, entity: str) -> Places:
        """Return where the words of an entity's mentions stand."""
        if self._mentions is None:
            self._mentions = {}
            for label in getattr(self.article, "entities", ()):
                self._mentions.setdefault(label.id, []).extend(label.mentions)
        title, text, base = self.document.title, self.document.text, self.text_base
        by_length: dict[int, int] = {}
        for mention in self._mentions.get(entity, ()):
            tokens, at = (title, 0) if mention.field == "title" else (text, base)
            first, after = tokens.within(mention.start, mention.end)
            if first < after:
                by_length[after - first] = by_length.get(after - first, 0) | 1 << (at + first)
        return Places(by_length).outermost() if by_length else NOWHERE

    def spans(self, marks: list[Mark], limit: int) -> tuple[Span, ...]:
        """Return the first `limit` distinct intervals of `marks` as spans of code points, title first."""
        known = self._spans
        shown: set[Any] = set()
        for mark in marks:
            if type(mark[0]) is int:
                shown.add(mark)
            else:
                shown.update(mark)
        distinct = sorted(shown)[:limit]
        missing = [interval for interval in distinct if interval not in known]
        if missing:
            base = self.text_base
            in_title, in_text = self.document.title.span, self.document.text.span
            for interval in missing:
                first, after = interval
                if first < base:
                    known[interval] = Span(field="title", start=in_title(first)[0], end=in_title(after - 1)[1])
                else:
                    start, end = in_text(first - base)
                    if after - first > 1:
                        end = in_text(after - 1 - base)[1]
                    known[interval] = Span(field="text", start=start, end=end)
        return tuple([known[interval] for interval in distinct])
