"""Puts articles into the documents of their stories, and carries out what the story stage found: merges and splits.

    articles ─ missing() ─▶ the store reads ─ give() ─▶ take() ─▶ changed documents, articles labelled with their story

Pure, and the same for every store. All of it may be repeated: an article that is in its story already, or a merge that
is done, changes nothing. Articles and merges may come in any order, because a story that was merged away remains as a
signpost (`merged_into`), and so does a story for the articles that left it (`moved`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec

from streams.model import Article, StoryChange
from streams.stories.documents import Story, StoryDocument, report_of

_MAX_HOPS = 16
_HOP = timedelta(milliseconds=1)
"""What a document's version grows by when its article gets another label: what is redelivered under the old one is
then older."""


class Relabel(NamedTuple):
    """An article that is stored under a story which it is no longer of."""

    article_id: str
    month: str
    """Of its time: `2023.04`."""
    story_id: str


class _Unread(Exception):
    def __init__(self, story_id: str) -> None:
        self.story_id = story_id


class Shelf:
    """The stories that one batch of articles concerns."""

    def __init__(self, houses: Mapping[str, str] | None = None, *, keeps_lone: bool = True) -> None:
        """`houses` are those of `streams.lineage.lineage`. Without `keeps_lone` a story has no document as long as
        it is nothing but the article that began it: the article stands for it."""
        self._houses = houses
        self._keeps_lone = keeps_lone
        self._stories: dict[str, Story] = {}
        self._revisions: dict[str, int] = {}
        self._changed: dict[str, None] = {}
        self._givers: set[str] = set()
        self.relabels: dict[str, Relabel] = {}
        """By article id; for articles that were stored before."""

    def missing(self, articles: Iterable[Article]) -> set[str]:
        """Return ids of stories that must be given before `articles` can be taken; ask again until there are none."""
        unread = set()
        for article in articles:
            if article.story_id is None:
                continue
            asked = [(article.story_id, article.article_id)]
            for change in article.story_changes:
                asked += [(change.story_id, ""), (change.into, "")]
                asked += [(change.story_id, article_id) for article_id in change.articles]
            for story_id, article_id in asked:
                try:
                    self._home(story_id, article_id)
                except _Unread as error:
                    unread.add(error.story_id)
        return unread

    def give(self, documents: Mapping[str, StoryDocument | None]) -> None:
        """Take note of what the store holds of stories; None for one that is new."""
        for story_id, document in documents.items():
            self._stories[story_id] = Story(story_id, document)
            self._revisions[story_id] = document.revision if document is not None else 0

    def take(self, articles: Iterable[Article]) -> None:
        """Put `articles` into their stories, after what was found with each."""
        for article in articles:
            if article.story_id is None:
                continue
            for change in article.story_changes:
                if change.kind == "merge":
                    self._merge(change)
                else:
                    self._split(change)
            home = self._home(article.story_id, article.article_id)
            if self._stories[home].add(report_of(article)):
                self._changed[home] = None

    def labelled(self, articles: Iterable[Article]) -> list[Article]:
        """Return `articles`, each with the story that it is of by now."""
        return [self._labelled(article) for article in articles]

    def changed(self) -> tuple[list[StoryDocument], list[StoryDocument]]:
        """Return the documents to be stored: first those that gain, and when they are safe those that lose articles."""
        documents = [
            msgspec.structs.replace(
                self._stories[story_id].document(self._houses), revision=self._revisions[story_id] + 1
            )
            for story_id in self._changed
            if self._keeps_lone or self._revisions[story_id] or not self._stories[story_id].is_lone
        ]
        gaining = [document for document in documents if document.story_id not in self._givers]
        return gaining, [document for document in documents if document.story_id in self._givers]

    def lacks(self, article: Article) -> bool:
        """Say whether a stored article is not in its story as it is; its story must have been given."""
        if article.story_id is None:
            return False
        home = self._home(article.story_id, article.article_id)
        return home != article.story_id or self._stories[home].would_add(report_of(article))

    def _home(self, story_id: str, article_id: str) -> str:
        for _ in range(_MAX_HOPS):
            story = self._stories.get(story_id)
            if story is None:
                raise _Unread(story_id)
            following = story.merged_into or story.moved.get(article_id)
            if following is None:
                break
            story_id = following
        return story_id

    def _hops(self, story_id: str, article_id: str) -> int:
        hops, home = 0, self._home(story_id, article_id)
        while story_id != home:
            story = self._stories[story_id]
            story_id = story.merged_into or story.moved[article_id]
            hops += 1
        return hops

    def _labelled(self, article: Article) -> Article:
        if article.story_id is None:
            return article
        hops = self._hops(article.story_id, article.article_id)
        if not hops:
            return article
        home = self._home(article.story_id, article.article_id)
        return msgspec.structs.replace(article, story_id=home, storied_at=article.storied_at + hops * _HOP)

    def _merge(self, change: StoryChange) -> None:
        ending = self._stories[change.story_id]
        target = self._home(change.into, "")
        if ending.merged_into is not None or target == ending.story_id:
            return
        into = self._stories[target]
        for article_id in ending.articles:
            self._relabel(ending, article_id, self._home(target, article_id))
        reports, further = ending.give_all()
        into.take_all([report for report in reports if self._home(target, report.article_id) == target], further)
        for report in reports:
            home = self._home(target, report.article_id)
            if home != target and self._stories[home].add(report):
                self._changed[home] = None
        ending.merged_into = target
        self._note(change, ending, into)

    def _split(self, change: StoryChange) -> None:
        left = self._stories[self._home(change.story_id, "")]
        new = self._stories[self._home(change.into, "")]
        if left is new or change in left.changes:
            return
        for article_id in change.articles:
            if article_id in left.moved:
                continue
            report = left.reports.get(article_id)
            if report is None and left.month_of(article_id) is not None:
                continue  # one of the many that are only counted: it stays where it is counted
            left.moved[article_id] = new.story_id
            if report is not None:
                self._relabel(left, article_id, new.story_id)
                left.remove(article_id)
                new.add(report)
        self._note(change, left, new)

    def _note(self, change: StoryChange, giver: Story, taker: Story) -> None:
        giver.changes.append(change)
        taker.changes.append(change)
        self._givers.add(giver.story_id)
        self._changed[giver.story_id] = self._changed[taker.story_id] = None

    def _relabel(self, story: Story, article_id: str, home: str) -> None:
        month = story.month_of(article_id)
        if month is not None:
            self.relabels[article_id] = Relabel(article_id, month, home)


def begins(article: Article) -> bool:
    """Say whether the story of `article` is the one that it began."""
    return article.story_id is not None and article.story_id == article.article_id


def apart(articles: Sequence[Article]) -> tuple[list[Article], list[Article]]:
    """Return those of `articles` that began their stories and that nothing else of them concerns, and the others."""
    named = Counter(
        story_id
        for article in articles
        for story_id in (article.story_id, *(one for c in article.story_changes for one in (c.story_id, c.into)))
    )
    alone: list[Article] = []
    others: list[Article] = []
    for article in articles:
        is_alone = begins(article) and not article.story_changes and named[article.story_id] == 1
        (alone if is_alone else others).append(article)
    return alone, others


def relabelled(article: Article, relabel: Relabel) -> Article | None:
    """Return a stored article under its new story; None where it is there already."""
    if article.story_id == relabel.story_id:
        return None
    return msgspec.structs.replace(article, story_id=relabel.story_id, storied_at=article.storied_at + _HOP)


def all_of(shelf: Shelf) -> Sequence[StoryDocument]:
    """Return all documents to be stored, for a store that stores them at once or not at all."""
    gaining, losing = shelf.changed()
    return [*gaining, *losing]
