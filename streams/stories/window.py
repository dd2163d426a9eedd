"""The live window: the stories and copies of the last days, and what they make of the next article.

    article ─▶ met before? ─ yes ─▶ the place it had
                  └ no ─▶ copy of? ─▶ stories that share rare names or words ─▶ decide ─▶ its place, kept
                                                                                └▶ two that are one? one that is two?

The same articles in the same order give the same places, also where the window was built again in between from what was
kept (`state.py`); an article that comes late is compared with what is still in the window.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from heapq import nlargest
from operator import itemgetter
from typing import NamedTuple

from streams.model import EnrichedArticle, StoryChange, StoryLink
from streams.stories.copies import Copy, CopyIndex, Found
from streams.stories.decider import Candidate, decide, share_of
from streams.stories.fingerprint import Fingerprint
from streams.stories.profile import Bearings, Rarity, StoryProfile
from streams.stories.regroup import (
    LEAST_GROUP,
    MAX_MEMBERS,
    MERGE_AT,
    MERGE_JACCARDS,
    Member,
    are_one,
    find_split,
    member_of,
    merge_links,
)
from streams.stories.signals import Weights, hash32, signals_of
from streams.stories.state import Changed, Placed
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
_MAX_ALIASES = 20_000
_REPEATED = 0.97
"""From here on a copy has nothing of its own that a later article could have taken from it."""


class Placement(NamedTuple):
    """What the window made of an article."""

    placed: Placed
    links: tuple[StoryLink, ...]
    """Why; empty for the first article of a story, and for one that was met before."""
    is_new: bool
    """Whether it was never met before, as far as can be told: of what is older than the window nothing can."""
    changes: tuple[StoryChange, ...] = ()
    """Stories that it showed to be one, or two; also of an article that was met before and had shown it then."""


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
        self._members: dict[str, deque[Member]] = {}
        self._aliases: OrderedDict[str, str] = OrderedDict()
        """The stories that others were found to be, the latest."""
        self._parts: set[str] = set()
        """Live stories that were split: they are not merged again."""
        self._shown: dict[str, tuple[StoryChange, ...]] = {}
        """What each article in the window has shown."""
        self._latest: datetime | None = None

    @property
    def articles(self) -> int:
        """How many articles are in the window."""
        return len(self._kept)

    @property
    def latest(self) -> datetime | None:
        """When the latest article was published; None while the window is empty."""
        return self._latest

    @property
    def begins(self) -> datetime | None:
        """What was published before is no longer in the window; None while it is empty."""
        return self._latest - self._window if self._latest is not None else None

    @property
    def stories(self) -> int:
        """How many stories have an article in the window."""
        return len(self._stories)

    def place(self, article: EnrichedArticle, document: Document, now: datetime | None = None) -> Placement:
        """Return the place of `article`, whose words are `document`; from now on it is part of the window.

        `now` stamps what it shows about stories; without it, the article's own time does.
        """
        signals = signals_of(article, document, self._rarity.terms)
        fingerprint = Fingerprint.of(document)
        known = self._kept.get(article.article_id)
        if known is not None:
            story_id = self.story_of(known.story_id)
            placed = Placed(
                story_id, signals, fingerprint, known.near_duplicate_of, known.similarity, known.is_wire_copy
            )
            # An edited text is what later copies are made of.
            self._copies.add(article.article_id, signals.source, signals.time, fingerprint)
            return Placement(placed, (), is_new=False, changes=self._shown.get(article.article_id, ()))
        found = self._copies.find(article.article_id, signals.source, signals.time, fingerprint)
        copied = self._kept.get(found.copy.article_id) if found.copy is not None else None
        links: tuple[StoryLink, ...]
        rival: tuple[str, float] | None = None
        if found.copy is not None and copied is not None:
            story_id, links = self.story_of(copied.story_id), (_copy_link(found.copy),)
            rival = self._copied_elsewhere(found, story_id)
        else:
            apart = {
                self.story_of(kept.story_id) for other in found.templates if (kept := self._kept.get(other)) is not None
            }
            bearings = self._rarity.bearings(signals)
            near = self._candidates(bearings, apart)
            candidate = decide(bearings, near, self._rarity)
            rival = self._sure_elsewhere(bearings, near, candidate)
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
        stamp = now or signals.time
        stamp -= timedelta(microseconds=stamp.microsecond % 1000)  # as it is kept
        changes = self._changes(placed, rival, is_copy=copied is not None, now=stamp)
        placed = placed._replace(story_id=self._kept_story(article.article_id, story_id))
        return Placement(placed, links, is_new, changes)

    def story_of(self, story_id: str) -> str:
        """Return the story that `story_id` was found to be; itself, where it was not."""
        while (other := self._aliases.get(story_id)) is not None:
            story_id = other
        return story_id

    def restore(self, placed: Placed) -> None:
        """Take an article in with the place that it has."""
        signals, story_id = placed.signals, self.story_of(placed.story_id)
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
        bearings = self._rarity.bearings(signals)
        story.add(bearings)
        member = member_of(signals, bearings.entities)
        if member is not None:
            self._members.setdefault(story_id, deque(maxlen=MAX_MEMBERS)).append(member)
        for key in _asked(bearings):
            self._post(key, story_id)
        self._rarity.add(signals)
        self._latest = signals.time if self._latest is None else max(self._latest, signals.time)
        self._expire()

    def restore_change(self, changed: Changed) -> None:
        """Carry out what an article had shown about stories."""
        self._carry_out(changed.article_id, changed.change)

    def _copied_elsewhere(self, found: Found, story_id: str) -> tuple[str, float] | None:
        """Return a further story that has a text which this one is a copy of, as a whole, with how like they are."""
        if found.copy is None:
            return None
        least = MERGE_JACCARDS - found.copy.jaccard
        for copy in found.also:
            kept = self._kept.get(copy.article_id)
            if kept is not None and copy.jaccard >= least and self.story_of(kept.story_id) != story_id:
                return self.story_of(kept.story_id), copy.similarity
        return None

    def _sure_elsewhere(
        self, article: Bearings, near: list[StoryProfile], joined: Candidate | None
    ) -> tuple[str, float] | None:
        """Return a further story that the article surely belongs to, where it surely belongs to the one it joins."""
        if joined is None or joined.probability < MERGE_AT:
            return None
        others = [story for story in near if story.story_id != joined.story_id]
        second = decide(article, others, self._rarity) if others else None
        return (second.story_id, second.probability) if second is not None and second.probability >= MERGE_AT else None

    def _changes(
        self, placed: Placed, rival: tuple[str, float] | None, *, is_copy: bool, now: datetime
    ) -> tuple[StoryChange, ...]:
        change = None
        if rival is not None:
            change = self._merge(placed, *rival, is_copy=is_copy, now=now)
        else:
            change = self._split(placed, now)
        if change is None:
            return ()
        self._carry_out(placed.signals.article_id, change)
        return (change,)

    def _merge(
        self, placed: Placed, other_id: str, probability: float, *, is_copy: bool, now: datetime
    ) -> StoryChange | None:
        one, other = self._stories.get(self.story_of(placed.story_id)), self._stories.get(other_id)
        if one is None or other is None or one is other or self._parts & {one.story_id, other.story_id}:
            return None
        evidence = are_one(one, other, self._rarity, is_copied=is_copy)
        if evidence is None:
            return None
        older, younger = sorted((one, other), key=lambda story: (story.first_time, story.story_id))
        return StoryChange(
            kind="merge",
            story_id=younger.story_id,
            into=older.story_id,
            evidence=merge_links(placed.signals.article_id, probability, evidence),
            decided_at=now,
        )

    def _split(self, placed: Placed, now: datetime) -> StoryChange | None:
        members = self._members.get(placed.story_id, ())
        if placed.story_id in self._parts or len(members) < 2 * LEAST_GROUP:
            return None
        split = find_split(placed.story_id, members)
        if split is None:
            return None
        return StoryChange(
            kind="split",
            story_id=placed.story_id,
            into=split.articles[0],
            articles=split.articles,
            evidence=split.evidence,
            decided_at=now,
        )

    def _carry_out(self, article_id: str, change: StoryChange) -> None:
        shown = self._shown.get(article_id, ())
        if article_id in self._kept and change not in shown:
            self._shown[article_id] = (*shown, change)
        if change.kind == "merge":
            self._carry_out_merge(change.story_id, self.story_of(change.into))
        else:
            self._carry_out_split(change)

    def _carry_out_merge(self, story_id: str, into: str) -> None:
        if self.story_of(story_id) == into:
            return
        self._aliases[story_id] = into
        if len(self._aliases) > _MAX_ALIASES:
            self._aliases.popitem(last=False)
        ending = self._stories.get(story_id)
        if ending is None:
            return
        story = self._stories.get(into)
        if story is None:
            story = self._stories[into] = StoryProfile(into, ending.first_time, ending.last_time)
        members = sorted([*self._members.pop(story_id, ()), *self._members.get(into, ())], key=lambda one: one.time)
        self._members[into] = deque(members, maxlen=MAX_MEMBERS)
        for key in self._forget(ending):
            self._post(key, into)
        story.absorb(ending)

    def _carry_out_split(self, change: StoryChange) -> None:
        left = self._stories.get(self.story_of(change.story_id))
        going = {one for one in change.articles if one in self._kept and self._story_of_article(one) != change.into}
        if left is None or not going:
            return
        members = self._members.get(left.story_id, deque(maxlen=MAX_MEMBERS))
        leaving = [one for one in members if one.article_id in going]
        new = self._stories.get(change.into)
        if new is None:
            times = [self._kept[one].time for one in going]
            new = self._stories[change.into] = StoryProfile(change.into, min(times), max(times))
        for article_id in going:
            self._kept[article_id] = self._kept[article_id]._replace(story_id=change.into)
        left.part_with(new, [(one.entities, range(one.first, one.last + 1)) for one in leaving], len(going))
        self._members[left.story_id] = deque([one for one in members if one not in leaving], maxlen=MAX_MEMBERS)
        self._members[change.into] = deque(leaving, maxlen=MAX_MEMBERS)
        self._parts |= {left.story_id, change.into}
        for key in new.entities.sums:
            self._post(key, change.into)
        if left.live <= 0:
            self._forget(left)

    def _story_of_article(self, article_id: str) -> str:
        return self.story_of(self._kept[article_id].story_id)

    def _kept_story(self, article_id: str, story_id: str) -> str:
        # Not kept any more: it was older than all that is.
        return self._story_of_article(article_id) if article_id in self._kept else self.story_of(story_id)

    def _post(self, key: int, story_id: str) -> None:
        stories = self._postings.setdefault(key, {})
        stories.pop(story_id, None)
        stories[story_id] = None
        if len(stories) > _MAX_POSTINGS:
            del stories[next(iter(stories))]

    def _candidates(self, article: Bearings, apart: set[str]) -> list[StoryProfile]:
        """Return the stories that share the most of the article's rarest names and words, the likeliest first."""
        scores: dict[str, float] = {}
        score_of = scores.get
        for key, worth in _asked(article).items():
            for story_id in self._postings.get(key, ()):
                scores[story_id] = score_of(story_id, 0.0) + worth
        found = []
        # Of equals the first by id: the second sorting keeps the order of the first.
        for story_id in sorted(sorted(scores), key=scores.__getitem__, reverse=True):
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
            self._shown.pop(article_id, None)
            story = self._stories.get(self.story_of(kept.story_id))
            if story is not None:
                story.live -= 1
                if story.live == 0:
                    self._forget(story)

    def _forget(self, story: StoryProfile) -> list[int]:
        """Forget a story; return the names and words that it was posted under."""
        del self._stories[story.story_id]
        self._members.pop(story.story_id, None)
        self._parts.discard(story.story_id)
        posted = []
        keys = [*story.entities.sums, *(key for terms in story.terms.values() for key in terms.sums)]
        for key in keys:
            stories = self._postings.get(key)
            if stories is not None and story.story_id in stories:
                posted.append(key)
                del stories[story.story_id]
                if not stories:
                    del self._postings[key]
        return posted


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
