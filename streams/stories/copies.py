"""Finds of which earlier article a new one is a copy, whole, cut, or with paragraphs of its own around it.

    fingerprint ─▶ MinHash-LSH (rensa): which may share much? ─▶ exact count of shared windows ─▶ Copy

What is asked of a pair is how much of the shorter text stands in the longer one. Bulletins that share their words and
not their numbers are no copies, nor is what an outlet prints around all its articles: windows that two articles of one
source share although they are no copies are held to be that source's own, and are not counted again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from rensa import RMinHash, RMinHashLSH

from streams.stories.fingerprint import LARGEST_HASH, Fingerprint

LEAST_CONTAINMENT = 0.42
"""Part of the shorter text that must stand in the longer one."""
_LEAST_OF_SAME_SOURCE = 0.7
"""An outlet that prints a text again prints nearly all of it; less is what it prints around all its articles."""
_LEAST_TEMPLATE = 0.15
"""Part that two bulletins of one source share: the sentences around their numbers."""
_LEAST_WINDOWS = 6
_LEAST_NUMBERS = 3
_LEAST_SHARED_NUMBERS = 0.55
_LEAST_SIZE_RATIO = 0.1
"""A brief that stands in a digest of twenty is not what the digest was copied from."""
_PERMUTATIONS, _BANDS = 96, 48
_SEED = 1
_MAX_CANDIDATES = 64
_ENOUGH = 0.97
"""A text that stands there whole is not looked for any further: the first article that has it is the one meant."""
_SAME_TEXT = 0.9
_MAX_SOURCES, _MAX_BOILERPLATE = 4_000, 3_000
_MAX_RESTS = 3_000
_SOME_WINDOWS = 48
_NOTHING_SHARED = 0.0, 0.0, 0.0


@dataclass(frozen=True, slots=True)
class Copy:
    """An earlier article that holds most of the same text."""

    article_id: str
    similarity: float
    """Part of the shorter text that stands in the longer one, 0 to 1."""
    jaccard: float
    """Shared windows to all windows of the two."""
    shared_windows: int
    is_same_source: bool


_ALIKE = Copy("", 0.0, 0.0, 0, False)
"""Stands for a pair of the same words and other numbers."""


class Found(NamedTuple):
    """What was found of a text."""

    copy: Copy | None
    templates: tuple[str, ...]
    """Articles of the same words and other numbers: yesterday's bulletin, of another event."""
    also: tuple[Copy, ...] = ()
    """Others that it is a copy of, as far as they were looked at."""


@dataclass(frozen=True, slots=True)
class _Entry:
    article_id: str
    source: int
    time: datetime
    fingerprint: Fingerprint


class CopyIndex:
    """The articles of a time window, by what their texts hold."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._lsh = RMinHashLSH(0.5, _PERMUTATIONS, _BANDS)
        self._entries: dict[int, _Entry] = {}
        self._keys: dict[str, int] = {}
        self._order: deque[int] = deque()
        self._next_key = 0
        self._latest: datetime | None = None
        self._boilerplate = _Boilerplates()
        self._rests: OrderedDict[int, _Rest] = OrderedDict()
        """The last compared with; 16 kB each."""
        self._last: tuple[Fingerprint, RMinHash] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, article_id: str) -> bool:
        return article_id in self._keys

    def find(self, article_id: str, source: int, time: datetime, fingerprint: Fingerprint) -> Found:
        """Return which article this one is a copy of, if any: the one it shares most with, the earliest of equals.

        At most 64 candidates are compared, so that a text that hundreds of outlets print does not get dearer with each.
        """
        text = _Text(source, fingerprint, self._boilerplate.of(source))
        best: Copy | None = None
        alike = []
        copies: list[Copy] = []
        if not fingerprint.windows:
            return Found(None, ())
        for key in sorted(self._lsh.query(self._minhash(fingerprint)))[:_MAX_CANDIDATES]:
            entry = self._entries.get(key)
            if entry is None or entry.article_id == article_id or abs(entry.time - time) > self._window:
                continue
            copy = self._compare(text, key, entry)
            if copy is _ALIKE:
                alike.append(entry.article_id)
            elif copy is not None:
                copies.append(copy)
                if best is None or copy.similarity > best.similarity:
                    best = copy
                    if copy.similarity >= _ENOUGH and copy.jaccard >= _SAME_TEXT:
                        break
        return Found(best, tuple(alike), tuple([copy for copy in copies if copy is not best]))

    def add(
        self, article_id: str, source: int, time: datetime, fingerprint: Fingerprint, repeats: str | None = None
    ) -> None:
        """Let later articles be compared with this one; a new revision takes the place of the one before.

        `repeats`: an earlier article that has all of this text. While that one is here it answers for both, so that a
        text printed a thousand times is compared with once.
        """
        known = self._keys.get(article_id)
        if known is not None:
            self._remove(known)
        key = self._next_key
        self._next_key += 1
        self._entries[key] = _Entry(article_id, source, time, fingerprint)
        self._keys[article_id] = key
        self._order.append(key)
        if fingerprint.windows and not self._answers_for(repeats, fingerprint):
            self._lsh.insert(key, self._minhash(fingerprint))
        self._latest = time if self._latest is None else max(self._latest, time)
        self._expire()

    def remove(self, article_id: str) -> None:
        """Forget an article, if it is here."""
        key = self._keys.get(article_id)
        if key is not None:
            self._remove(key)

    def _answers_for(self, article_id: str | None, fingerprint: Fingerprint) -> bool:
        key = self._keys.get(article_id) if article_id is not None else None
        return key is not None and self._entries[key].fingerprint.size >= fingerprint.size

    def _expire(self) -> None:
        # In order of arrival: one that came late is kept a little longer than it need be.
        while self._order and self._latest is not None:
            entry = self._entries.get(self._order[0])
            if entry is not None and self._latest - entry.time <= self._window:
                break
            self._remove(self._order.popleft())

    def _remove(self, key: int) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._lsh.remove(key)
            self._rests.pop(key, None)
            if self._keys.get(entry.article_id) == key:
                del self._keys[entry.article_id]

    def _compare(self, text: _Text, key: int, entry: _Entry) -> Copy | None:
        source, fingerprint, other = text.source, text.fingerprint, entry.fingerprint
        is_same_source = source != 0 and source == entry.source
        least = _LEAST_OF_SAME_SOURCE if is_same_source else LEAST_CONTAINMENT
        shared, size, other_size = self._overlap(text, key, entry, 0.0 if is_same_source else least)
        smaller, larger = min(size, other_size), max(size, other_size)
        if shared == 0 or smaller < _LEAST_SIZE_RATIO * larger:
            return None
        similarity = shared / smaller
        is_alike = similarity >= least and (shared >= _LEAST_WINDOWS or similarity >= 0.9)
        if not is_alike and not is_same_source:
            return None
        numbers_agree = _numbers_agree(fingerprint.numbers, other.numbers)
        if is_alike and numbers_agree:
            jaccard = shared / (size + other_size - shared)
            return Copy(entry.article_id, min(similarity, 1.0), min(jaccard, 1.0), round(shared), is_same_source)
        if is_same_source:
            self._boilerplate.learn(source, text.windows.intersection(other.windows))
            text.take_off(self._boilerplate.of(source))
        is_template = is_same_source and similarity >= _LEAST_TEMPLATE and not numbers_agree
        return _ALIKE if is_alike or is_template else None

    def _overlap(self, text: _Text, key: int, entry: _Entry, least: float) -> tuple[float, float, float]:
        """Return how many windows two texts share, and how many each has, without the boilerplate of either's source;
        estimated where of one only a sketch is kept. Nothing where less than `least` of either is shared."""
        theirs = self._boilerplate.of(entry.source)
        its = self._rests.get(key)
        if its is None or its.learned != theirs.learned or its.boilerplate is not theirs:
            its = self._renewed(its, key, entry, theirs)
        self._rests.move_to_end(key)
        mine, my_boilerplate, its_boilerplate = text.rest, text.boilerplate.windows, theirs.windows
        shared = mine.windows & its.windows
        if not shared:  # as of most that share only boilerplate
            return _NOTHING_SHARED
        count = len(shared)
        # Hashes are spread evenly, and a sketch has all of them up to its largest.
        limit = min(text.complete_up_to, _complete_up_to(entry.fingerprint))
        if limit < LARGEST_HASH:
            scale = (LARGEST_HASH + 1) / (limit + 1)
            sets = shared, mine.windows.difference(its_boilerplate), its.windows.difference(my_boilerplate)
            shared_size, size, other_size = [sum([one <= limit for one in windows]) * scale for windows in sets]
            return shared_size, size, other_size
        if (
            least * len(mine.some) > count < least * len(its.some)
            and least * len(mine.some.difference(its_boilerplate)) > count
            and least * len(its.some.difference(my_boilerplate)) > count
        ):
            return _NOTHING_SHARED
        size, other_size = len(mine.windows.difference(its_boilerplate)), len(its.windows.difference(my_boilerplate))
        return count, size, other_size

    def _renewed(self, old: _Rest | None, key: int, entry: _Entry, boilerplate: _Boilerplate) -> _Rest:
        """Return what of an entry is not boilerplate of its own source, and keep it: the same few are compared with
        again and again, early texts that share something with many."""
        if old is not None and old.take_off_new(boilerplate):
            return old
        if old is None and len(self._rests) >= _MAX_RESTS:
            self._rests.popitem(last=False)
        self._rests[key] = rest = _Rest(frozenset(entry.fingerprint.windows), boilerplate)
        return rest

    def _minhash(self, fingerprint: Fingerprint) -> RMinHash:
        # What is looked for is put in next.
        if self._last is None or self._last[0] is not fingerprint:
            self._last = fingerprint, _minhash(fingerprint)
        return self._last[1]


class _Boilerplate:
    """What a source prints around its articles: windows, in the order learned. To be looked up in, not gone through:
    they outgrow an article."""

    __slots__ = ("forgotten", "learned", "windows")

    def __init__(self) -> None:
        self.windows: dict[int, None] = {}
        self.learned = 0
        """How many windows were learned so far, those that were forgotten again included."""
        self.forgotten = 0

    def learn(self, windows: Iterable[int]) -> None:
        """Hold `windows` to be the source's own; the first ones are forgotten when there are too many."""
        known = self.windows
        known.update(dict.fromkeys(windows))
        self.learned = self.forgotten + len(known)
        while len(known) > _MAX_BOILERPLATE:
            del known[next(iter(known))]
            self.forgotten += 1


class _Boilerplates:
    """Those of all sources, the latest that were added to."""

    def __init__(self) -> None:
        self._by_source: OrderedDict[int, _Boilerplate] = OrderedDict()

    def of(self, source: int) -> _Boilerplate:
        """Return that of a source, which may not be learned to."""
        return self._by_source.get(source, _NONE)

    def learn(self, source: int, windows: Iterable[int]) -> None:
        """Hold `windows` to be the source's own."""
        self._by_source.setdefault(source, _Boilerplate()).learn(windows)
        self._by_source.move_to_end(source)
        while len(self._by_source) > _MAX_SOURCES:
            self._by_source.popitem(last=False)


_NONE = _Boilerplate()


class _Rest:
    """What of a text is not boilerplate of its own source."""

    __slots__ = ("boilerplate", "forgotten", "learned", "some", "windows")

    def __init__(self, windows: frozenset[int], boilerplate: _Boilerplate) -> None:
        self.windows = windows.difference(boilerplate.windows) if boilerplate.windows else windows
        self.some = frozenset(islice(self.windows, _SOME_WINDOWS))
        """So many that they mostly show that a text is too long for what is shared."""
        self.boilerplate = boilerplate
        self.learned, self.forgotten = boilerplate.learned, boilerplate.forgotten

    def take_off_new(self, boilerplate: _Boilerplate) -> bool:
        """Take off what was learned since; say whether that is all that has changed."""
        if boilerplate is not self.boilerplate or boilerplate.forgotten != self.forgotten:
            return False
        new = list(islice(reversed(boilerplate.windows), boilerplate.learned - self.learned))
        self.learned = boilerplate.learned
        if not self.windows.isdisjoint(new):
            self.windows = self.windows.difference(new)
            self.some = frozenset(islice(self.windows, _SOME_WINDOWS))
        return True


class _Text:
    """The text that is looked for, its source's boilerplate taken off once."""

    __slots__ = ("boilerplate", "complete_up_to", "fingerprint", "rest", "source", "windows")

    def __init__(self, source: int, fingerprint: Fingerprint, boilerplate: _Boilerplate) -> None:
        self.source = source
        self.fingerprint = fingerprint
        self.windows = frozenset(fingerprint.windows)
        self.complete_up_to = _complete_up_to(fingerprint)
        self.take_off(boilerplate)

    def take_off(self, boilerplate: _Boilerplate) -> None:
        """Leave only what is not the source's own, as far as that is known by now."""
        self.boilerplate = boilerplate
        self.rest = _Rest(self.windows, boilerplate)


def _complete_up_to(fingerprint: Fingerprint) -> int:
    return fingerprint.windows[-1] if fingerprint.size > len(fingerprint.windows) else LARGEST_HASH


def _numbers_agree(numbers: frozenset[int], others: frozenset[int]) -> bool:
    fewer = min(len(numbers), len(others))
    return fewer < _LEAST_NUMBERS or len(numbers & others) >= _LEAST_SHARED_NUMBERS * fewer


def _minhash(fingerprint: Fingerprint) -> RMinHash:
    # Of the sketch, whose MinHash is the same before and after a restart.
    minhash = RMinHash(_PERMUTATIONS, _SEED)
    sketch = fingerprint.sketch.tobytes()
    minhash.update([sketch[at : at + 4] for at in range(0, len(sketch), 4)])
    return minhash
