"""One article as the compiled queries see it: which of their words it has, and where."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import Any

from streams.model import Span
from streams.query.fields import LEAD_WORDS
from streams.query.leaves import Leaf, NearLeaf, UnionLeaf, Window
from streams.query.places import GAP, Places, mask_of
from streams.query.proximity import Interval, Place
from streams.query.syntax import Scope
from streams.text.document import Document

TITLE_WORTH, LEAD_WORTH, BODY_WORTH = 3.0, 2.0, 1.0
COUNTED_MENTIONS = 4
"""More say nothing new: the fifth would add a sixteenth of the first."""
_HALVES = (1.0, 0.5, 0.25, 0.125)


def text_base(document: Document) -> int:
    """Return the position of the first word of the text."""
    return len(document.title.terms) + GAP


class Scan:
    """The positions of one article's atoms, and what has been worked out from them so far."""

    __slots__ = (
        "_areas",
        "_bits",
        "_clock",
        "_lead_end",
        "_mentions",
        "_now",
        "_spans",
        "_text_start",
        "article",
        "choices",
        "document",
        "found",
        "members",
        "near",
        "positions",
        "seen",
        "text_base",
        "worths",
    )

    def __init__(
        self,
        document: Document,
        article: Any,
        positions: dict[int, list[int]],
        seen: set[int],
        members: dict[UnionLeaf, list[int]],
        clock: Callable[[], datetime],
    ) -> None:
        self.document = document
        self.article = article
        self.positions = positions
        """Sorted token positions by atom; the atoms of fields have none."""
        self.seen = seen
        """Every atom that the article has, those of fields too."""
        self.members = members
        """Which of their atoms large unions have in this article; a large union that is not here has none."""
        self.text_base = base = text_base(document)
        self.found: dict[Leaf, Places] = {}
        self.choices: dict[Leaf, Places] = {}
        self.near: dict[NearLeaf, list[Place]] = {}
        """Where the proximities were found, with the words that they are about."""
        self.worths: dict[int, float] = {}
        self._bits: dict[int, int] = {}
        self._text_start = 1 << base
        self._lead_end = 1 << (base + LEAD_WORDS)
        self._areas: dict[Scope, int] = {
            "any": -1,
            "title": self._text_start - 1,
            "text": -self._text_start,
            "lead": self._lead_end - 1,
        }
        self._mentions: dict[str, list[Span]] | None = None
        self._spans: dict[Interval, Span] = {}
        self._clock = clock
        self._now: datetime | None = None

    def bits(self, atom: int) -> int:
        """Return the positions of an atom that is in `positions`, as a mask; no bits for any other."""
        known = self._bits.get(atom)
        if known is None:
            known = self._bits[atom] = mask_of(self.positions.get(atom, []))
        return known

    def area(self, scope: Scope) -> int:
        """Return the mask of all positions of `scope`."""
        return self._areas[scope]

    def worth(self, starts: int) -> float:
        """Return what mentions that begin at these positions say together.

        One counts 3 in the title, 2 in the lead, 1 below. The first counts in full, the second half, the third a
        quarter, the fourth an eighth, and no more, so that a long text cannot outweigh its title.
        """
        total = 0.0
        for half in _HALVES:
            if not starts:
                break
            first = starts & -starts
            starts ^= first
            total += half * (
                TITLE_WORTH if first < self._text_start else LEAD_WORTH if first < self._lead_end else BODY_WORTH
            )
        return total

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
        found = set()
        for mention in self._mentions.get(entity, ()):
            in_title = mention.field == "title"
            tokens, base = (self.document.title, 0) if in_title else (self.document.text, self.text_base)
            first = bisect_right(tokens.ends, mention.start)
            last = bisect_left(tokens.starts, mention.end)
            if first < last:
                found.add((base + first, base + last))
        return Places.of(found).outermost()

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
        for interval in distinct:
            if interval not in known:
                known[interval] = self._span(*interval)
        return tuple([known[interval] for interval in distinct])

    def _span(self, start: int, end: int) -> Span:
        if start < self.text_base:
            tokens = self.document.title
            return Span(field="title", start=tokens.starts[start], end=tokens.ends[end - 1])
        tokens, base = self.document.text, self.text_base
        return Span(field="text", start=tokens.starts[start - base], end=tokens.ends[end - 1 - base])
