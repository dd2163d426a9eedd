"""The stories that have an article in the window: found by their rarest names and words, merged, and split."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from heapq import nlargest
from operator import itemgetter

from streams.stories.profile import Bearings, StoryProfile
from streams.stories.regroup import MAX_MEMBERS, Member, member_of
from streams.stories.signals import Weights

_MAX_CANDIDATES = 12
_ASKED_ENTITIES, _ASKED_TERMS = 7, 7
_MAX_POSTINGS = 64
"""Stories kept for each name and word: the latest. What is in more of them tells no story from another."""
_MAX_ALIASES = 20_000


class LiveStories:
    """The profiles of the live stories."""

    def __init__(self, window: timedelta) -> None:
        """`window`: how far an article may be from a story in time, and still be one of it."""
        self._window = window
        self._stories: dict[str, StoryProfile] = {}
        self._postings: dict[int, dict[str, None]] = {}
        self._members: dict[str, deque[Member]] = {}
        self._aliases: OrderedDict[str, str] = OrderedDict()
        """The stories that others were found to be, the latest."""
        self._parts: set[str] = set()
        """Stories that were split: they are not merged again."""

    def __len__(self) -> int:
        return len(self._stories)

    def __getitem__(self, story_id: str) -> StoryProfile:
        return self._stories[story_id]

    def get(self, story_id: str) -> StoryProfile | None:
        """Return a story, or the one that it was found to be."""
        return self._stories.get(self.story_of(story_id))

    def story_of(self, story_id: str) -> str:
        """Return the story that `story_id` was found to be; itself, where it was not."""
        while (other := self._aliases.get(story_id)) is not None:
            story_id = other
        return story_id

    def members(self, story_id: str) -> Collection[Member]:
        """Return the latest articles of a story that name a day of their event."""
        return self._members.get(story_id, ())

    def is_part(self, story_id: str) -> bool:
        """Say whether a story was split from another, or another from it."""
        return story_id in self._parts

    def add(self, story_id: str, bearings: Bearings) -> None:
        """Add an article to a story, which it may begin."""
        signals = bearings.signals
        story = self._stories.get(story_id)
        if story is None:
            story = self._stories[story_id] = StoryProfile(story_id, signals.time, signals.time)
        story.add(bearings)
        member = member_of(signals, bearings.entities)
        if member is not None:
            self._members.setdefault(story_id, deque(maxlen=MAX_MEMBERS)).append(member)
        for key in _asked(bearings):
            self._post(key, story_id)

    def let_go(self, story_id: str) -> None:
        """Note that an article of a story has left the window; without any the story is forgotten."""
        story = self.get(story_id)
        if story is not None:
            story.live -= 1
            if story.live <= 0:
                self._forget(story)

    def candidates(self, article: Bearings, apart: Collection[str]) -> list[StoryProfile]:
        """Return the stories that share the most of the article's rarest names and words, the likeliest first; none of
        `apart`."""
        scores: dict[str, float] = {}
        score_of = scores.get
        for key, worth in _asked(article).items():
            for story_id in self._postings.get(key, ()):
                scores[story_id] = score_of(story_id, 0.0) + worth
        found = []
        # Of equals the first by id: the second sorting keeps the order of the first.
        for story_id in sorted(sorted(scores), key=scores.__getitem__, reverse=True):
            story = self._stories.get(story_id)
            if story is not None and story_id not in apart and self._is_near(story, article.signals.time):
                found.append(story)
                if len(found) == _MAX_CANDIDATES:
                    break
        return found

    def merge(self, story_id: str, into: str) -> None:
        """Make one story of two, of which either may have left the window."""
        into = self.story_of(into)
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
        members = sorted([*self.members(story_id), *self.members(into)], key=lambda one: one.time)
        self._members[into] = deque(members, maxlen=MAX_MEMBERS)
        for key in self._forget(ending):
            self._post(key, into)
        story.absorb(ending)

    def split(self, story_id: str, into: str, going: Collection[str], times: Iterable[datetime]) -> None:
        """Let the articles `going`, published at `times`, leave a story for one of their own."""
        left = self.get(story_id)
        if left is None:
            return
        members = self.members(left.story_id)
        leaving = [one for one in members if one.article_id in going]
        new = self._stories.get(into)
        if new is None:
            times = list(times)
            new = self._stories[into] = StoryProfile(into, min(times), max(times))
        left.part_with(new, [(one.entities, range(one.first, one.last + 1)) for one in leaving], len(going))
        self._members[left.story_id] = deque([one for one in members if one not in leaving], maxlen=MAX_MEMBERS)
        self._members[into] = deque(leaving, maxlen=MAX_MEMBERS)
        self._parts |= {left.story_id, into}
        for key in new.entities.sums:
            self._post(key, into)
        if left.live <= 0:
            self._forget(left)

    def _post(self, key: int, story_id: str) -> None:
        stories = self._postings.setdefault(key, {})
        stories.pop(story_id, None)
        stories[story_id] = None
        if len(stories) > _MAX_POSTINGS:
            del stories[next(iter(stories))]

    def _is_near(self, story: StoryProfile, time: datetime) -> bool:
        return story.first_time - self._window <= time <= story.last_time + self._window

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
