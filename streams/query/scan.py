"""One article as the compiled queries see it: which of their words it has, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from streams.model import Span
from streams.query.fields import LEAD_WORDS
from streams.query.leaves import Leaf, NearLeaf, Window
from streams.query.places import GAP, NOWHERE, Places, mask_of, positions_of
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


class FoundWord:
    """A word of a document that queries have: what it stands for. The same object for all words that say the same."""

    __slots__ = ("after", "atoms", "before", "calls", "followed", "is_looked_at", "preceded", "seen")

    def __init__(self, atoms: tuple[int, ...], concepts: tuple[int, ...], flags: bytearray) -> None:
        self.atoms = atoms
        self.seen = (*[atom for atom in atoms if flags[atom] & ALONE], *concepts)
        """Those atoms that say something without the word beside it, and the concepts that have it as a word."""
        self.calls = tuple([atom for atom in self.seen if flags[atom] & CALLS])
        self.followed = tuple([atom for atom in atoms if flags[atom] & FOLLOWED])
        self.preceded = tuple([atom for atom in atoms if flags[atom] & PRECEDED])
        self.after: dict[FoundWord, tuple[int, ...]] = {}
        """The pairs that it makes with a word after it, for those that were met."""
        self.before: dict[FoundWord, tuple[int, ...]] = {}
        self.is_looked_at = bool(self.seen or self.followed or self.preceded)
        """If not, it counts only beside a rarer word."""

    def pairs_with_next(self, word: FoundWord, table: PairTable) -> tuple[int, ...]:
        """Return the atoms of the pairs that this word and `word` after it make."""
        found = self.after.get(word)
        if found is None:
            keys = [pair_key(rare, other, is_preceded=False) for rare in self.followed for other in word.atoms]
            found = _remember(self.after, word, keys, table)
        return found

    def pairs_with_previous(self, word: FoundWord, table: PairTable) -> tuple[int, ...]:
        """Return the atoms of the pairs that `word` and this one after it make."""
        found = self.before.get(word)
        if found is None:
            keys = [pair_key(rare, other, is_preceded=True) for rare in self.preceded for other in word.atoms]
            found = _remember(self.before, word, keys, table)
        return found


_MOST_REMEMBERED = 1_000


def _remember(
    known: dict[FoundWord, tuple[int, ...]], word: FoundWord, keys: list[int], table: PairTable
) -> tuple[int, ...]:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    found = known[word] = tuple([table[key] for key in keys if key in table])
    return found


Callers = Mapping[int, tuple[tuple[int, tuple[Leaf, ...]], ...]]
"""For atoms other than plain words, the concepts that they may make, and by which alternatives."""


class Scan:
    """The positions of one article's atoms, and what has been worked out from them so far."""

    __slots__ = (
        "_areas",
        "_bits",
        "_clock",
        "_exact",
        "_is_read",
        "_mentions",
        "_now",
        "_of_fields",
        "_pairs",
        "_seen_in_title",
        "_spans",
        "_surfaces",
        "_words",
        "article",
        "called",
        "choices",
        "document",
        "found",
        "near",
        "seen",
        "text_base",
        "worths",
    )

    def __init__(
        self,
        document: Document,
        article: Any,
        words: dict[FoundWord, list[int]],
        pairs: dict[int, list[int]],
        surfaces: Mapping[int, str],
        clock: Callable[[], datetime],
    ) -> None:
        self.document = document
        self.article = article
        self._words = words
        """Sorted token positions by word."""
        self._pairs = pairs
        """Sorted token positions by atom."""
        self._bits = {atom: mask_of(positions) for atom, positions in pairs.items()}
        self._is_read = False
        """Whether the words are in `_bits`: of most articles no query asks."""
        self._surfaces = surfaces
        """How the atoms of exact words are written."""
        self._exact: dict[int, int] = {}
        self._of_fields: tuple[int, ...] = ()
        self._seen_in_title: set[int] | None = None
        self.seen: set[int] = set().union(pairs, *[word.seen for word in words])
        """Every atom that the article has: words, pairs, concepts, and once they are looked up those of fields.

        An exact word is in it however it is written, and so is a pair of words one of which is exact.
        """
        self.called: dict[int, list[tuple[Leaf, ...]]] = {}
        """By concept the alternatives, plain words aside, that may stand in the article; one may be there twice."""
        self.text_base = base = text_base(document)
        self.found: dict[Leaf, Places] = {}
        self.choices: dict[Leaf, Places] = {}
        self.near: dict[NearLeaf, list[Place]] = {}
        """Where the proximities were found, with the words that they are about."""
        self.worths: dict[int, float] = {}
        text_start = 1 << base
        self._areas: dict[Scope, int] = {
            "any": -1,
            "title": text_start - 1,
            "text": -text_start,
            "lead": (text_start << LEAD_WORDS) - 1,
        }
        self._mentions: dict[str, list[Span]] | None = None
        self._spans: dict[Interval, Span] = {}
        self._clock = clock
        self._now: datetime | None = None

    def look_up(self, fields: Iterable[int], callers: Callers) -> None:
        """Add what follows from the words: the atoms of `fields`, and the concepts that are made by more than words."""
        seen, called = self.seen, self.called
        self._of_fields = tuple(fields)
        seen.update(self._of_fields)
        new = callers.keys() & seen
        while new:
            following = set()
            for atom in new:
                for concept, leaves in callers[atom]:
                    known = called.get(concept)
                    if known is not None:
                        known.append(leaves)
                        continue
                    called[concept] = [leaves]
                    if concept not in seen:
                        seen.add(concept)
                        following.add(concept)
            new = callers.keys() & following

    def _written(self, at: int) -> str:
        base = self.text_base
        tokens, index = (self.document.title, at) if at < base else (self.document.text, at - base)
        start, end = tokens.span(index)
        return tokens.text[start:end]

    def calling(self) -> set[int]:
        """Return the atoms that may call queries: of the many that a word may stand for, few do."""
        return set().union(self._pairs, self._of_fields, self.called, *[word.calls for word in self._words])

    def bits(self, atom: int) -> int:
        """Return the positions of the atom of a word, a pair, or the words of a concept, as a mask.

        None may be left of an exact word that is in `seen`: how it is written is looked at here.
        """
        if not self._is_read:
            self._read()
        if atom in self._surfaces:
            return self._exact_bits(atom)
        return self._bits.get(atom, 0)

    def _read(self) -> None:
        self._is_read = True
        bits = self._bits
        for word, positions in self._words.items():
            mask = 1 << positions[0] if len(positions) == 1 else mask_of(positions)
            for atom in word.seen:
                bits[atom] = bits[atom] | mask if atom in bits else mask

    def _exact_bits(self, atom: int) -> int:
        known = self._exact.get(atom)
        if known is None:
            surface, found = self._surfaces[atom], positions_of(self._bits.get(atom, 0))
            known = self._exact[atom] = mask_of([at for at in found if is_written(surface, self._written(at))])
        return known

    def seen_in_title(self) -> set[int]:
        """Return the atoms that may be in the title: those of its words, and all that are not words."""
        known = self._seen_in_title
        if known is None:
            base = self.text_base
            words = [word.seen for word, positions in self._words.items() if positions[0] < base]
            pairs = [atom for atom, positions in self._pairs.items() if positions[0] < base]
            known = self._seen_in_title = set().union(*words, pairs, self._of_fields, self.called)
        return known

    def area(self, scope: Scope) -> int:
        """Return the mask of all positions of `scope`."""
        return self._areas[scope]

    def worth(self, starts: int) -> float:
        """Return what mentions that begin at these positions say together: `streams.query.worth`."""
        in_title = (starts & self._areas["title"]).bit_count()
        until_lead = (starts & self._areas["lead"]).bit_count()
        by_lead = WORTHS[in_title if in_title < COUNTED_MENTIONS else COUNTED_MENTIONS]
        in_lead = until_lead - in_title
        by_rest = by_lead[in_lead if in_lead < COUNTED_MENTIONS else COUNTED_MENTIONS]
        below = starts.bit_count() - until_lead
        return by_rest[below if below < COUNTED_MENTIONS else COUNTED_MENTIONS]

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

    def spans(self, intervals: list[Interval], limit: int) -> tuple[Span, ...]:
        """Return the first `limit` distinct `intervals` as spans of code points, title first."""
        known = self._spans
        shown: set[Interval] = set()
        for interval in intervals:
            if type(interval) is Window:
                shown.update(interval.pieces)
            else:
                shown.add(interval)
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
