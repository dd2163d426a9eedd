"""Stories that have left the live window: the port to the store that holds them, and what the decider sees of them.

    old article ─▶ candidates (names, day of the event) ─▶ profiles made of their documents ─▶ the same decider

An article is old where it was published before the window begins, or speaks first of a day before it. The first is
judged by its time, like any other; the second by the day that it speaks of, and must belong there surely.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from msgspec import Struct

from streams.model import Article, EnrichedArticle, EntityLabel, EventDate, Span, TopicLabel
from streams.stories.documents import StoryDocument, StoryReport
from streams.stories.profile import Bearings, Rarity, StoryProfile
from streams.stories.signals import Signals, hash32, signals_of
from streams.text.document import Document

MAX_CANDIDATES = 8
MAX_ASKED_ENTITIES = 6
DAYS_BEFORE, DAYS_AFTER = 14, 3
"""A story that an article of some day may belong to began at most so many days before it, or after it."""
_MAX_REPORTS = 24
_SPOKEN_OF = 1.0
"""Weight of the first day that a text names (`signals.py`); one that is only inferred weighs less."""
_IN_TITLE = (Span(field="title", start=0, end=1),)


class ArchiveUnavailable(Exception):
    """The store cannot be asked now; its own error is the cause. Try the same article again later."""


class ArchiveSearch(Struct, frozen=True, kw_only=True):
    """Which old stories are wanted: those that share the most of `entities`, and had begun around `day`."""

    entities: tuple[str, ...]
    day: date
    limit: int = MAX_CANDIDATES

    @property
    def begun_after(self) -> datetime:
        """The earliest time at which such a story began."""
        return datetime.combine(self.day, time(), UTC) - timedelta(days=DAYS_BEFORE)

    @property
    def begun_before(self) -> datetime:
        """The time before which such a story began."""
        return datetime.combine(self.day, time(), UTC) + timedelta(days=DAYS_AFTER + 1)

    @property
    def alive_after(self) -> datetime:
        """Such a story had an article at this time or later."""
        return datetime.combine(self.day, time(), UTC) - timedelta(days=DAYS_AFTER)


class StoryArchive(Protocol):
    """The stories and articles of a store, for a stage that runs in a thread. Blocking."""

    def article(self, article_id: str) -> Article | None:
        """Return a stored article. Raises `ArchiveUnavailable`."""
        ...

    def candidates(self, wanted: ArchiveSearch) -> list[StoryDocument]:
        """Return stories, the ones that share most first; none that was merged into another. Raises
        `ArchiveUnavailable`."""
        ...


def speaks_of(signals: Signals) -> tuple[int, int] | None:
    """Return the days that a text names first, as ordinals; None where it names none."""
    if not signals.days or signals.days[0][2] < _SPOKEN_OF:
        return None
    return signals.days[0][:2]


def search_for(article: EnrichedArticle, bearings: Bearings, begins: datetime | None) -> ArchiveSearch | None:
    """Return what to ask a store for, where the live window `begins` then (None: it is empty); None where the article
    is not old, or names nobody."""
    signals = bearings.signals
    is_late = begins is None or signals.time < begins
    then = recalls(signals, begins)
    rarest = sorted(bearings.entities.values(), reverse=True)[:MAX_ASKED_ENTITIES]
    if not rarest or not (is_late or then):
        return None
    asked = [label.id for label in article.entities if bearings.entities.get(hash32(label.id), 0.0) >= rarest[-1]]
    days = speaks_of(signals)
    day = date.fromordinal(days[0]) if days is not None else signals.time.date()
    return ArchiveSearch(entities=tuple(asked[: 2 * MAX_ASKED_ENTITIES]), day=day)


def recalls(signals: Signals, begins: datetime | None) -> bool:
    """Say whether an article speaks first of a day before the window `begins`, and far from its own time."""
    days = speaks_of(signals)
    if days is None or (begins is not None and days[1] >= begins.date().toordinal()):
        return False
    published = signals.time.date().toordinal()
    return not days[0] - DAYS_AFTER <= published <= days[1] + DAYS_BEFORE


def as_of_then(bearings: Bearings, rarity: Rarity) -> Bearings:
    """Return an article as if it had been published at noon of the day that it speaks of."""
    days = speaks_of(bearings.signals)
    if days is None:
        return bearings
    noon = datetime.combine(date.fromordinal(days[0]), time(12), UTC)
    return Bearings(replace(bearings.signals, time=noon), rarity)


def profile_of(document: StoryDocument, rarity: Rarity) -> StoryProfile:
    """Return what the decider needs of a story, from the reports in its document: of their words, those of the
    headlines."""
    profile = StoryProfile(document.story_id, document.first_time, document.last_time)
    reports = document.timeline
    if len(reports) > _MAX_REPORTS:
        reports = (*reports[: _MAX_REPORTS // 2], *reports[-_MAX_REPORTS // 2 :])
    for report in reports:
        profile.add(Bearings(_signals(report, rarity), rarity))
    return profile


def _signals(report: StoryReport, rarity: Rarity) -> Signals:
    article = EnrichedArticle(
        article_id=report.article_id,
        title=report.title,
        language=report.language,
        published_at=report.time,
        collected_at=report.time,
        enriched_at=report.time,
        entities=tuple(EntityLabel(id=one, kind="", mentions=_IN_TITLE) for one in report.entities),
        topics=tuple(TopicLabel(id=one, score=1.0) for one in report.topics),
        event_dates=_event_dates(report),
    )
    return signals_of(article, Document.of(report.title, "", report.language), rarity.terms)


def _event_dates(report: StoryReport) -> tuple[EventDate, ...]:
    if report.event_date is None:
        return ()
    return (EventDate(first=report.event_date, last=report.event_end or report.event_date),)
