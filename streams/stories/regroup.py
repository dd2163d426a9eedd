"""Finds that two stories are one, and that one is two. Pure: profiles in, evidence or nothing out.

Merged are two stories that one article belongs to surely, by the decider's own sum, or that one text is a copy of, when
the stories themselves agree: also by that sum, on the day of the event, and in their words where they share a language.
Split is a story whose articles name two days of the event, some days apart, in two groups that are each closer among
themselves than to one another. What was split is not merged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from streams.model import StoryLink
from streams.stories.archive import speaks_of
from streams.stories.decider import Evidence, compare, share_of, weigh
from streams.stories.profile import Rarity, StoryProfile, dot
from streams.stories.signals import Signals, Weights

MERGE_AT = 0.7
"""Probability from which an article belongs to a story surely, and from which two stories are one."""
MAX_MERGED = 6
"""Articles of the smaller of two stories that are merged: what has grown larger has done so as a story of its own."""
LEAST_TERMS = 0.15
"""Cosine of their words that two stories must have where they share a language. Most that are one share none: they
began in different languages, and only names could bring them together."""
MERGE_JACCARDS = 1.1
"""What a text has in common with each of two that it copies, as a part of all that the two have, added up. Two reports
one after the other come to 1; more than that the two must have in common themselves."""
MAX_MEMBERS = 16
"""Articles of a story that are looked at for a split: the latest with a day of the event."""
LEAST_GROUP = 4
LEAST_DAYS_APART = 3
_MAX_GROUP_DAYS = 2
_LEAST_CLOSER = 0.05


class Member(NamedTuple):
    """An article, as far as a split needs it."""

    article_id: str
    time: datetime
    first: int
    last: int
    """The days of its event, as ordinals."""
    entities: Weights


class Split(NamedTuple):
    """What leaves a story."""

    articles: tuple[str, ...]
    """In order of time; the first gives the new story its id."""
    evidence: tuple[StoryLink, ...]


def member_of(signals: Signals, entities: Weights) -> Member | None:
    """Return what a split needs of an article, None where it names no day of its event."""
    days = speaks_of(signals)
    return Member(signals.article_id, signals.time, *days, entities) if days is not None else None


def are_one(one: StoryProfile, other: StoryProfile, rarity: Rarity, *, is_copied: bool) -> Evidence | None:
    """Return the evidence that two stories are one, None where there is too little; `is_copied`: one text has copies in
    both, which is enough unless their days exclude one another."""
    evidence = compare(one, other, rarity)
    if evidence.other_days:
        return None
    if is_copied:
        return evidence
    if not evidence.days or min(one.live, other.live) > MAX_MERGED:
        return None
    if evidence.has_terms and evidence.terms < LEAST_TERMS:
        return None
    return evidence if weigh(evidence) >= MERGE_AT else None


def merge_links(article_id: str, probability: float, evidence: Evidence) -> tuple[StoryLink, ...]:
    """Return why two stories were merged: the article that showed it, and what the stories share."""
    shares = sorted(share_of(evidence).items(), key=lambda item: -item[1])
    return (
        StoryLink(kind="article", weight=round(probability, 3), detail=article_id),
        *(StoryLink(kind=kind, weight=round(weight, 3)) for kind, weight in shares),
    )


def find_split(story_id: str, members: Iterable[Member]) -> Split | None:
    """Return which articles of a story leave it, None where it is one story."""
    groups = [group for group in _by_days(members) if len(group) >= LEAST_GROUP]
    if len(groups) != 2:
        return None
    early, late = groups
    days_apart = min(one.first for one in late) - max(one.last for one in early)
    if days_apart < LEAST_DAYS_APART or any(_span(group) > _MAX_GROUP_DAYS for group in groups):
        return None
    across = _closeness(early, late)
    within = min(_closeness(early, early), _closeness(late, late))
    if within - across < _LEAST_CLOSER:
        return None
    leaving = sorted(late, key=lambda one: (one.time, one.article_id))
    if leaving[0].article_id == story_id:  # it was begun by the other group's
        leaving = sorted(early, key=lambda one: (one.time, one.article_id))
    return Split(
        tuple(one.article_id for one in leaving),
        (
            StoryLink(kind="days_apart", weight=float(days_apart)),
            StoryLink(kind="entities_within", weight=round(within, 3)),
            StoryLink(kind="entities_across", weight=round(across, 3)),
        ),
    )


def _by_days(members: Iterable[Member]) -> list[list[Member]]:
    """Return the members whose days follow one another, group by group."""
    groups: list[list[Member]] = []
    for member in sorted(members, key=lambda one: (one.first, one.last, one.article_id)):
        if groups and member.first - max(one.last for one in groups[-1]) <= 1:
            groups[-1].append(member)
        else:
            groups.append([member])
    return groups


def _span(group: Sequence[Member]) -> int:
    return 1 + max(one.last for one in group) - min(one.first for one in group)


def _closeness(group: Sequence[Member], other: Sequence[Member]) -> float:
    """Return the mean cosine of the names of each article of a group with each of another."""
    found = [
        dot(one.entities, another.entities)
        for one in group
        for another in other
        if one.article_id != another.article_id
    ]
    return sum(found) / len(found) if found else 0.0
