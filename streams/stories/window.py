"""The live window: the stories and copies of the last days, and what they make of the next article.

    article ─▶ met before? ─ yes ─▶ the place it had
                  └ no ─▶ copy of? ─▶ stories that share rare names or words ─▶ decide ─▶ its place, kept
                                                                                └▶ two that are one? one that is two?

The same articles in the same order give the same places, also where the window was built again in between from what was
kept (`state.py`); an article that comes late is compared with what is still in the window.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

from streams.model import Article, EnrichedArticle, StoryChange, StoryLink
from streams.stories.archive import StoryArchive, as_of_then, profile_of, recalls, search_for
from streams.stories.copies import Copy, CopyIndex, Found
from streams.stories.decider import Candidate, Evidence, decide, share_of
from streams.stories.fingerprint import Fingerprint
from streams.stories.live import LiveStories
from streams.stories.profile import Bearings, Rarity, StoryProfile
from streams.stories.regroup import LEAST_GROUP, MERGE_AT, MERGE_JACCARDS, are_one, find_split, merge_links
from streams.stories.signals import Signals, hash32, signals_of
from streams.stories.state import Changed, Placed, pack_links, unpack_links
from streams.text.document import Document

WINDOW = timedelta(days=14)
"""Twice what reports of one event need, for reprints that come a week late."""
MAX_ARTICLES = 150_000
"""However many there are in these days, no more are kept in memory: the latest."""
_MAX_LINK_NAMES = 6
_REPEATED = 0.97
"""From here on a copy has nothing of its own that a later article could have taken from it."""


class Placement(NamedTuple):
    """What the window made of an article."""

    placed: Placed
    links: tuple[StoryLink, ...]
    """Why; empty for the first article of a story. Of an article that was met before, as it was then."""
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
    links: bytes


class StoryWindow:
    """The articles of the last days, their stories and copies."""

    def __init__(
        self,
        window: timedelta = WINDOW,
        max_articles: int = MAX_ARTICLES,
        archive: StoryArchive | None = None,
    ) -> None:
        """`archive`: where older stories are looked for; without one they are not."""
        self._archive = archive
        self._window = window
        self._max_articles = max_articles
        self._copies = CopyIndex(window)
        self._rarity = Rarity()
        self._live = LiveStories(window)
        self._kept: dict[str, _Kept] = {}
        self._order: deque[tuple[str, datetime]] = deque()
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
        return len(self._live)

    def place(self, article: EnrichedArticle, document: Document, now: datetime | None = None) -> Placement:
        """Return the place of `article`, whose words are `document`; from now on it is part of the window.

        `now` stamps what it shows about stories; without it, the article's own time does.

        Raises:
            ArchiveUnavailable: it is old, and the store cannot be asked; nothing has changed.
        """
        signals = signals_of(article, document, self._rarity.terms)
        fingerprint = Fingerprint.of(document)
        known = self._kept.get(article.article_id)
        if known is not None:
            story_id = self.story_of(known.story_id)
            placed = Placed(
                story_id,
                signals,
                fingerprint,
                known.near_duplicate_of,
                known.similarity,
                known.is_wire_copy,
                unpack_links(known.links),
            )
            # An edited text is what later copies are made of.
            self._copies.add(article.article_id, signals.source, signals.time, fingerprint)
            return Placement(placed, placed.links, is_new=False, changes=self._shown.get(article.article_id, ()))
        begins = self._begins_at(now)
        stored = self._stored(signals, begins)
        if stored is not None and stored.story_id is not None:
            placed = Placed(
                self.story_of(stored.story_id),
                signals,
                fingerprint,
                stored.near_duplicate_of,
                stored.similarity,
                stored.wire_copy,
                stored.story_links,
            )
            self.restore(placed)
            return Placement(placed, stored.story_links, is_new=False, changes=stored.story_changes)
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
            near = self._live.candidates(bearings, apart)
            evidence: dict[str, Evidence] = {}
            candidate = decide(bearings, near, self._rarity, known=evidence)
            rival = self._sure_elsewhere(bearings, near, candidate, evidence)
            if candidate is not None:
                links = self._links(article, candidate, self._live[candidate.story_id])
            else:
                candidate, links = self._from_archive(article, bearings, apart, begins)
            story_id = candidate.story_id if candidate is not None else article.article_id
        copy = found.copy
        placed = Placed(
            story_id,
            signals,
            fingerprint,
            copy.article_id if copy is not None else None,
            round(copy.similarity, 4) if copy is not None else None,
            copy is not None and not copy.is_same_source,
            links,
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
        return self._live.story_of(story_id)

    def restore(self, placed: Placed) -> None:
        """Take an article in with the place that it has."""
        signals, story_id = placed.signals, self.story_of(placed.story_id)
        if signals.article_id in self._kept:
            return
        repeats = placed.near_duplicate_of if (placed.similarity or 0.0) >= _REPEATED else None
        self._copies.add(signals.article_id, signals.source, signals.time, placed.fingerprint, repeats)
        self._kept[signals.article_id] = _Kept(
            story_id,
            signals.time,
            placed.near_duplicate_of,
            placed.similarity,
            placed.is_wire_copy,
            pack_links(placed.links),
        )
        self._order.append((signals.article_id, signals.time))
        self._live.add(story_id, self._rarity.bearings(signals))
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
        self, article: Bearings, near: list[StoryProfile], joined: Candidate | None, known: dict[str, Evidence]
    ) -> tuple[str, float] | None:
        """Return a further story that the article surely belongs to, where it surely belongs to the one it joins."""
        if joined is None or joined.probability < MERGE_AT:
            return None
        others = [story for story in near if story.story_id != joined.story_id]
        second = decide(article, others, self._rarity, at_least=MERGE_AT, known=known) if others else None
        return (second.story_id, second.probability) if second is not None else None

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
        one, other = self._live.get(placed.story_id), self._live.get(other_id)
        if one is None or other is None or one is other:
            return None
        if self._live.is_part(one.story_id) or self._live.is_part(other.story_id):
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
        story_id = self.story_of(placed.story_id)
        members = self._live.members(story_id)
        if self._live.is_part(story_id) or len(members) < 2 * LEAST_GROUP:
            return None
        split = find_split(story_id, members)
        if split is None:
            return None
        return StoryChange(
            kind="split",
            story_id=story_id,
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
            self._live.merge(change.story_id, change.into)
            return
        going = {one for one in change.articles if one in self._kept and self._story_of_article(one) != change.into}
        if going:
            self._live.split(change.story_id, change.into, going, [self._kept[one].time for one in going])
            for one in going:
                self._kept[one] = self._kept[one]._replace(story_id=change.into)

    def _story_of_article(self, article_id: str) -> str:
        return self.story_of(self._kept[article_id].story_id)

    def _kept_story(self, article_id: str, story_id: str) -> str:
        # Not kept any more: it was older than all that is.
        return self._story_of_article(article_id) if article_id in self._kept else self.story_of(story_id)

    def _begins_at(self, now: datetime | None) -> datetime | None:
        # While it is empty, the window is the one that ends now: live news asks no store.
        return now - self._window if self.begins is None and now is not None else self.begins

    def _stored(self, signals: Signals, begins: datetime | None) -> Article | None:
        """Return an article that is older than the window, as the store has it: it keeps its place."""
        if self._archive is None or (begins is not None and signals.time >= begins):
            return None
        return self._archive.article(signals.article_id)

    def _from_archive(
        self, article: EnrichedArticle, bearings: Bearings, apart: set[str], begins: datetime | None
    ) -> tuple[Candidate | None, tuple[StoryLink, ...]]:
        """Return the story of the store that an old article belongs to, and why."""
        wanted = search_for(article, bearings, begins) if self._archive is not None else None
        if wanted is None or self._archive is None:
            return None, ()
        is_recalled = recalls(bearings.signals, begins)
        judged = as_of_then(bearings, self._rarity) if is_recalled else bearings
        stories = {
            document.story_id: profile_of(document, self._rarity)
            for document in self._archive.candidates(wanted)
            if document.story_id not in apart
        }
        candidate = decide(judged, stories.values(), self._rarity)
        if candidate is None or (is_recalled and candidate.probability < MERGE_AT):
            return None, ()
        found = StoryLink(kind="archive", weight=round(candidate.probability, 3), detail=wanted.day.isoformat())
        return candidate, (found, *self._links(article, candidate, stories[candidate.story_id]))

    def _links(self, article: EnrichedArticle, candidate: Candidate, story: StoryProfile) -> tuple[StoryLink, ...]:
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
            self._live.let_go(kept.story_id)


def shared_names(article: EnrichedArticle, story: StoryProfile) -> list[str]:
    """Return the ids of the entities that `article` shares with `story`, at most six."""
    return [label.id for label in article.entities if hash32(label.id) in story.entities.sums][:_MAX_LINK_NAMES]


def _copy_link(copy: Copy) -> StoryLink:
    part = (
        f"{copy.shared_windows} windows shared, {copy.similarity:.0%} of the shorter text, Jaccard {copy.jaccard:.2f}"
    )
    return StoryLink(kind="copy", weight=round(copy.similarity, 3), detail=f"{copy.article_id}: {part}")
