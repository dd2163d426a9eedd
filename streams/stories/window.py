"""The live window: the stories and copies of the last days, and what they make of the next article.

    article ─▶ met before? ─ yes ─▶ the place it had
                  └ no ─▶ copy of? ─▶ stories that share rare names or words ─▶ decide ─▶ its place, kept

The same articles in the same order give the same places, also where the window was built again in between from what was
kept (`state.py`); an article that comes late is compared with what is still in the window.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from heapq import nlargest
from operator import itemgetter
from typing import NamedTuple

from streams.model import EnrichedArticle, StoryLink
from streams.stories.copies import Copy, CopyIndex
from streams.stories.decider import Candidate, decide, share_of
from streams.stories.fingerprint import Fingerprint
from streams.stories.profile import Bearings, Rarity, StoryProfile
from streams.stories.signals import Weights, hash32, signals_of
from streams.stories.state import Placed
from streams.text.document import Document

WINDOW = timedelta(days=14)
"""Twice what reports of one event need, for reprints that come a week late."""
MAX_ARTICLES = 150_000
"""However many there are in these days, no more are kept in memory: the latest."""
_MAX_CANDIDATES = 12
_ASKED_ENTITIES, _ASKED_TERMS = 7, 7
_MAX_POSTINGS = 64
"""Stories kept for each name and word: the latest. What is in more of them tells no story from another."""
_MAX_LINK_NAMES = 6
_REPEATED = 0.97
"""From here on a copy has nothing of its own that a later article could have taken from it."""


class Placement(NamedTuple):
    """What the window made of an article."""

    placed: Placed
    links: tuple[StoryLink, ...]
    """Why; empty for the first article of a story, and for one that was met before."""
    is_new: bool
    """Whether it was never met before, as far as can be told: of what is older than the window nothing can."""


class _Kept(NamedTuple):
    story_id: str
    time: datetime
    near_duplicate_of: str | None
    similarity: float | None
    is_wire_copy: bool


class StoryWindow:
    """The articles of the last days, their stories and copies."""

    def __init__(self, window: timedelta = WINDOW, max_articles: int = MAX_ARTICLES) -> None:
        self._window = window
        self._max_articles = max_articles
        self._copies = CopyIndex(window)
        self._rarity = Rarity()
        self._stories: dict[str, StoryProfile] = {}
        self._kept: dict[str, _Kept] = {}
        self._order: deque[tuple[str, datetime]] = deque()
        self._postings: dict[int, dict[str, None]] = {}
        self._latest: datetime | None = None

    @property
    def articles(self) -> int:
        """How many articles are in the window."""
        return len(self._kept)

    @property
    def begins(self) -> datetime | None:
        """What was published before is no longer in the window; None while it is empty."""
        return self._latest - self._window if self._latest is not None else None

    @property
    def stories(self) -> int:
        """How many stories have an article in the window."""
        return len(self._stories)

    def place(self, article: EnrichedArticle, document: Document) -> Placement:
        """Return the place of `article`, whose words are `document`; from now on it is part of the window."""
        signals = signals_of(article, document, self._rarity.terms)
        fingerprint = Fingerprint.of(document)
        known = self._kept.get(article.article_id)
        if known is not None:
            placed = Placed(
                known.story_id, signals, fingerprint, known.near_duplicate_of, known.similarity, known.is_wire_copy
            )
            # An edited text is what later copies are made of.
            self._copies.add(article.article_id, signals.source, signals.time, fingerprint)
            return Placement(placed, (), is_new=False)
        found = self._copies.find(article.article_id, signals.source, signals.time, fingerprint)
        copied = self._kept.get(found.copy.article_id) if found.copy is not None else None
        links: tuple[StoryLink, ...]
        if found.copy is not None and copied is not None:
            story_id, links = copied.story_id, (_copy_link(found.copy),)
        else:
            apart = {kept.story_id for other in found.templates if (kept := self._kept.get(other)) is not None}
            bearings = Bearings(signals, self._rarity)
            candidate = decide(bearings, self._candidates(bearings, apart), self._rarity)
            story_id = candidate.story_id if candidate is not None else article.article_id
            links = self._links(article, candidate) if candidate is not None else ()
        copy = found.copy
        placed = Placed(
            story_id,
            signals,
            fingerprint,
            copy.article_id if copy is not None else None,
            round(copy.similarity, 4) if copy is not None else None,
            copy is not None and not copy.is_same_source,
        )
        is_new = self.begins is None or signals.time >= self.begins
        self.restore(placed)
        return Placement(placed, links, is_new)

    def restore(self, placed: Placed) -> None:
        """Take an article in with the place that it has."""
        signals, story_id = placed.signals, placed.story_id
        if signals.article_id in self._kept:
            return
        repeats = placed.near_duplicate_of if (placed.similarity or 0.0) >= _REPEATED else None
        self._copies.add(signals.article_id, signals.source, signals.time, placed.fingerprint, repeats)
        self._kept[signals.article_id] = _Kept(
            story_id, signals.time, placed.near_duplicate_of, placed.similarity, placed.is_wire_copy
        )
        self._order.append((signals.article_id, signals.time))
        story = self._stories.get(story_id)
        if story is None:
            story = self._stories[story_id] = StoryProfile(story_id, signals.time, signals.time)
        bearings = Bearings(signals, self._rarity)
        story.add(bearings)
        for key in _asked(bearings):
            stories = self._postings.setdefault(key, {})
            stories.pop(story_id, None)
            stories[story_id] = None
            if len(stories) > _MAX_POSTINGS:
                del stories[next(iter(stories))]
        self._rarity.add(signals)
        self._latest = signals.time if self._latest is None else max(self._latest, signals.time)
        self._expire()

    def _candidates(self, article: Bearings, apart: set[str]) -> list[StoryProfile]:
        """Return the stories that share the most of the article's rarest names and words, the likeliest first."""
        scores: dict[str, float] = {}
        for key, worth in _asked(article).items():
            for story_id in self._postings.get(key, ()):
                scores[story_id] = scores.get(story_id, 0.0) + worth
        found = []
        for story_id in sorted(scores, key=lambda one: (-scores[one], one)):
            story = self._stories.get(story_id)
            if story is not None and story_id not in apart and self._is_live(story, article.signals.time):
                found.append(story)
                if len(found) == _MAX_CANDIDATES:
                    break
        return found

    def _is_live(self, story: StoryProfile, time: datetime) -> bool:
        return story.first_time - self._window <= time <= story.last_time + self._window

    def _links(self, article: EnrichedArticle, candidate: Candidate) -> tuple[StoryLink, ...]:
        story = self._stories[candidate.story_id]
        shares = sorted(share_of(candidate.evidence).items(), key=lambda item: -item[1])
        names = shared_names(article, story)
        return tuple(
            StoryLink(kind=kind, weight=round(weight, 3), detail=", ".join(names) if kind == "entities" else "")
            for kind, weight in shares
        )

    def _expire(self) -> None:
        # In order of arrival: one that came late is kept a little longer than it need be.
        while self._order and self._latest is not None:
            if self._latest - self._order[0][1] <= self._window and len(self._order) <= self._max_articles:
                break
            article_id, _ = self._order.popleft()
            kept = self._kept.pop(article_id)
            self._copies.remove(article_id)
            story = self._stories.get(kept.story_id)
            if story is not None:
                story.live -= 1
                if story.live == 0:
                    self._forget(story)

    def _forget(self, story: StoryProfile) -> None:
        del self._stories[story.story_id]
        keys = [*story.entities.sums, *(key for terms in story.terms.values() for key in terms.sums)]
        for key in keys:
            stories = self._postings.get(key)
            if stories is not None:
                stories.pop(story.story_id, None)
                if not stories:
                    del self._postings[key]


def _asked(article: Bearings) -> Weights:
    """Return the rarest names and words of an article, which stories are looked for by, with what they are worth."""
    asked = dict(nlargest(_ASKED_ENTITIES, article.entities.items(), key=itemgetter(1)))
    asked.update(nlargest(_ASKED_TERMS, article.terms.items(), key=itemgetter(1)))
    return asked


def shared_names(article: EnrichedArticle, story: StoryProfile) -> list[str]:
    """Return the ids of the entities that `article` shares with `story`, at most six."""
    return [label.id for label in article.entities if hash32(label.id) in story.entities.sums][:_MAX_LINK_NAMES]


def _copy_link(copy: Copy) -> StoryLink:
    part = (
        f"{copy.shared_windows} windows shared, {copy.similarity:.0%} of the shorter text, Jaccard {copy.jaccard:.2f}"
    )
    return StoryLink(kind="copy", weight=round(copy.similarity, 3), detail=f"{copy.article_id}: {part}")
