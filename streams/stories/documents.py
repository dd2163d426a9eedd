"""A story as a document: what its articles say together. Pure; articles in any order give the same document.

    article ─▶ StoryReport (what the document needs of it) ─▶ Story.add ─▶ Story.document()

A document holds the reports that it is made of, so that the next article is added to it without reading the others
again. Of a story with more than `MAX_REPORTS` the first and the latest are held whole; the rest is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import msgspec
from msgspec import Struct

from streams.frames import Usage, contrast
from streams.lineage import Lineage, Report, lineage
from streams.model import SCHEMA, Article, AttributionStep, FrameLabel, Ownership, StoryChange
from streams.stores.records import article_time, version_of

MAX_ENTITIES = 20
MAX_REPORTS = 200
_FIRST_KEPT, _LATEST_KEPT = 100, 50
MAX_FURTHER = 2_000
MAX_CHANGES = 20
_MAX_REPORT_ENTITIES, _MAX_REPORT_TOPICS, _MAX_REPORT_FRAMES, _MAX_STEPS = 20, 10, 12, 12
_MAX_TITLE_LETTERS = 300


class StoryReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One article in the timeline of its story."""

    article_id: str
    time: datetime
    """Published where that is to be relied on, else collected."""
    language: str
    source: str
    country: str | None
    title: str
    url: str | None
    near_duplicate_of: str | None
    version: int = 0
    """That of the article's document: revision first, then the time it left the story stage."""
    source_id: str | None = None
    ownership: Ownership = "unknown"
    entities: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    frames: tuple[FrameLabel, ...] = ()
    attribution: tuple[AttributionStep, ...] = ()
    event_date: date | None = None
    event_end: date | None = None

    @property
    def source_name(self) -> str | None:
        """The outlet's name, or its id."""
        return self.source or None


class Further(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The articles of a large story whose reports are not held: how many there are of what."""

    months: dict[str, str] = {}
    """The month (`2023.04`) of each, by article id."""
    copies: int = 0
    sources: dict[str, int] = {}
    countries: dict[str, int] = {}
    languages: dict[str, int] = {}
    entities: dict[str, int] = {}
    topics: dict[str, int] = {}
    articles_per_hour: dict[str, int] = {}


class StoryDocument(Struct, frozen=True, kw_only=True):
    """What is known of one story."""

    schema: int = SCHEMA
    revision: int = 0
    """One more each time that the document is stored."""
    story_id: str
    first_time: datetime
    last_time: datetime
    event_date: date | None
    """The day that most of its articles are about."""
    articles: int
    copies: int
    headlines: dict[str, str]
    """By language, the one of the article that most others were copied from; of equals, the first."""
    timeline: tuple[StoryReport, ...]
    sources: tuple[str, ...]
    countries: tuple[str, ...]
    languages: tuple[str, ...]
    independent_source_count: int
    """Lineages, not copies: how many outlets have it from nobody else. Of the reports in the timeline."""
    entities: dict[str, int]
    """The entities of most of its articles, with how many name them."""
    topics: dict[str, int]
    articles_per_hour: dict[str, int]
    """By the hour (ISO 8601, UTC), hours without articles left out."""
    lineage: Lineage
    framing: tuple[Usage, ...]
    further: Further = Further()
    is_complete: bool = True
    """False where there are more articles than are counted."""
    merged_into: str | None = None
    """The story that this one was found to be; it has no articles of its own any more."""
    moved: dict[str, str] = {}
    """The story of each article that was found to be another one's, by article id."""
    changes: tuple[StoryChange, ...] = ()
    """How it was merged and split, with the evidence."""


def report_of(article: Article) -> StoryReport:
    """Return what a story's document needs of an article."""
    days = article.event_dates[0] if article.event_dates else None
    frames = {label.id: label for label in article.frames[:_MAX_REPORT_FRAMES]}
    return StoryReport(
        article_id=article.article_id,
        time=article_time(article),
        language=article.language,
        source=article.source_name or article.source_id or "",
        country=article.country,
        title=article.title[:_MAX_TITLE_LETTERS],
        url=article.url,
        near_duplicate_of=article.near_duplicate_of,
        version=version_of(article),
        source_id=article.source_id,
        ownership=article.ownership,
        entities=tuple(dict.fromkeys(label.id for label in article.entities[:_MAX_REPORT_ENTITIES])),
        topics=tuple(dict.fromkeys(label.id for label in article.topics[:_MAX_REPORT_TOPICS])),
        frames=tuple(FrameLabel(id=label.id, group=label.group) for label in frames.values()),
        attribution=tuple(msgspec.structs.replace(step, span=None) for step in article.attribution[:_MAX_STEPS]),
        event_date=days.first if days is not None else None,
        event_end=days.last if days is not None else None,
    )


def story_document(
    story_id: str, articles: Iterable[Article], houses: Mapping[str, str] | None = None
) -> StoryDocument | None:
    """Return the document of a story, None where it has no articles. `houses` are those of `lineage`."""
    story = Story(story_id)
    for report in sorted(map(report_of, articles), key=_by_time):
        story.add(report)
    return story.document(houses) if story.has_articles else None


class Story:
    """A story that is being changed: made of a document, or anew; gives the document again."""

    def __init__(self, story_id: str, document: StoryDocument | None = None) -> None:
        self.story_id = story_id
        self.merged_into = document.merged_into if document is not None else None
        self.moved = dict(document.moved) if document is not None else {}
        self.changes = list(document.changes) if document is not None else []
        self.reports = {report.article_id: report for report in document.timeline} if document is not None else {}
        self._further = document.further if document is not None else Further()
        self._is_complete = document.is_complete if document is not None else True
        self._time = document.first_time if document is not None else None

    @property
    def has_articles(self) -> bool:
        """False for a story that was merged into another, and for one that is new."""
        return bool(self.reports or self._further.months)

    @property
    def is_lone(self) -> bool:
        """True where it is nothing but the article that began it."""
        was_changed = self.merged_into is not None or self.moved or self.changes or self._further.months
        return not was_changed and self.reports.keys() == {self.story_id}

    @property
    def articles(self) -> list[str]:
        """The ids of its articles."""
        return [*self.reports, *self._further.months]

    def month_of(self, article_id: str) -> str | None:
        """Return the month (`2023.04`) of one of its articles."""
        report = self.reports.get(article_id)
        return _month(report.time) if report is not None else self._further.months.get(article_id)

    def add(self, report: StoryReport) -> bool:
        """Add an article, or its newer version; False where that changes nothing."""
        if not self.would_add(report):
            return False
        self.reports[report.article_id] = report
        while len(self.reports) > MAX_REPORTS:
            self._count_only(self._least_wanted())
        return True

    def would_add(self, report: StoryReport) -> bool:
        """Say whether to add an article, or its newer version, would change anything."""
        known = self.reports.get(report.article_id)
        if known is None:
            return report.article_id not in self._further.months
        return known.version < report.version and not _is_same(known, report)

    def remove(self, article_id: str) -> StoryReport | None:
        """Take an article out, if its report is held, and return that."""
        return self.reports.pop(article_id, None)

    def give_all(self) -> tuple[list[StoryReport], Further]:
        """Take all articles out, for another story."""
        given = list(self.reports.values()), self._further
        self.reports, self._further = {}, Further()
        return given

    def take_all(self, reports: Iterable[StoryReport], further: Further) -> None:
        """Take in what another story gave."""
        months = dict(self._further.months)
        for article_id, month in further.months.items():
            if article_id not in self.reports:
                months.setdefault(article_id, month)
        counts = {
            name: dict(Counter(getattr(self._further, name)) + Counter(getattr(further, name)))
            for name in ("sources", "countries", "languages", "entities", "topics", "articles_per_hour")
        }
        self._further = Further(months=months, copies=self._further.copies + further.copies, **counts)
        for report in sorted(reports, key=_by_time):
            self.add(report)

    def document(self, houses: Mapping[str, str] | None = None) -> StoryDocument:
        """Return the document of the story as it is now. `houses` are those of `lineage`."""
        ordered = sorted(self.reports.values(), key=_by_time)
        further = self._further
        days = Counter(report.event_date for report in ordered if report.event_date is not None)
        hours = Counter(further.articles_per_hour)
        hours.update(_hour(report.time) for report in ordered)
        origin = lineage(map(_lineage_report, ordered), houses)
        # One that was merged away keeps the time that it had, so that it is found where it was.
        first = ordered[0].time if ordered else self._time or _time_of(self.changes)
        return StoryDocument(
            story_id=self.story_id,
            first_time=first,
            last_time=ordered[-1].time if ordered else first,
            event_date=min(days, key=lambda day: (-days[day], day)) if days else None,
            articles=len(ordered) + len(further.months),
            copies=sum(report.near_duplicate_of is not None for report in ordered) + further.copies,
            headlines=_headlines(ordered),
            timeline=tuple(ordered),
            sources=_most(further.sources, (report.source for report in ordered)),
            countries=_most(further.countries, (report.country or "" for report in ordered)),
            languages=_most(further.languages, (report.language for report in ordered)),
            independent_source_count=origin.independent_source_count,
            entities=dict(_counted(further.entities, (one for r in ordered for one in r.entities))[:MAX_ENTITIES]),
            topics=dict(_counted(further.topics, (one for report in ordered for one in report.topics))),
            articles_per_hour=dict(sorted(hours.items())),
            lineage=origin,
            framing=contrast(ordered),
            further=further,
            is_complete=self._is_complete,
            merged_into=self.merged_into,
            moved=dict(self.moved),
            changes=tuple(self.changes[-MAX_CHANGES:]),
        )

    def _least_wanted(self) -> StoryReport:
        """Return what is let go first: of the middle of the timeline a copy, else the first."""
        middle = sorted(self.reports.values(), key=_by_time)[_FIRST_KEPT:-_LATEST_KEPT]
        return next((report for report in middle if report.near_duplicate_of is not None), middle[0])

    def _count_only(self, report: StoryReport) -> None:
        del self.reports[report.article_id]
        if len(self._further.months) >= MAX_FURTHER:
            self._is_complete = False
            return
        further = self._further
        self._further = Further(
            months={**further.months, report.article_id: _month(report.time)},
            copies=further.copies + (report.near_duplicate_of is not None),
            sources=_and(further.sources, [report.source]),
            countries=_and(further.countries, [report.country or ""]),
            languages=_and(further.languages, [report.language]),
            entities=_and(further.entities, report.entities),
            topics=_and(further.topics, report.topics),
            articles_per_hour=_and(further.articles_per_hour, [_hour(report.time)]),
        )


def _by_time(report: StoryReport) -> tuple[datetime, str]:
    return report.time, report.article_id


def _is_same(one: StoryReport, other: StoryReport) -> bool:
    return msgspec.structs.replace(one, version=0) == msgspec.structs.replace(other, version=0)


def _month(time: datetime) -> str:
    return f"{time.year:04d}.{time.month:02d}"


def _hour(time: datetime) -> str:
    return time.replace(minute=0, second=0, microsecond=0).isoformat()


def _time_of(changes: Sequence[StoryChange]) -> datetime:
    return changes[0].decided_at


def _lineage_report(report: StoryReport) -> Report:
    return Report(
        article_id=report.article_id,
        source_id=report.source_id,
        source_name=report.source_name,
        time=report.time,
        near_duplicate_of=report.near_duplicate_of,
        attribution=report.attribution,
    )


def _headlines(ordered: list[StoryReport]) -> dict[str, str]:
    copied = Counter(report.near_duplicate_of for report in ordered if report.near_duplicate_of is not None)
    by_language: defaultdict[str, list[StoryReport]] = defaultdict(list)
    for report in ordered:
        if report.title.strip():
            by_language[report.language].append(report)
    return {
        language: max(found, key=lambda report: copied[report.article_id]).title
        for language, found in sorted(by_language.items(), key=lambda item: -len(item[1]))
    }


def _and(counts: Mapping[str, int], values: Iterable[str]) -> dict[str, int]:
    more = dict(counts)
    for value in values:
        more[value] = more.get(value, 0) + 1
    return more


def _counted(counts: Mapping[str, int], values: Iterable[str]) -> list[tuple[str, int]]:
    total = Counter(counts)
    total.update(values)
    total.pop("", None)
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))


def _most(counts: Mapping[str, int], values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value, _ in _counted(counts, values))
