"""A story as a document: what its articles say together. Pure; articles in any order give the same document."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from msgspec import Struct

from streams.frames import Usage, contrast
from streams.lineage import Lineage, Report, lineage
from streams.model import Article
from streams.stores.records import article_time

MAX_ENTITIES = 20


class StoryReport(Struct, frozen=True, kw_only=True):
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


class StoryDocument(Struct, frozen=True, kw_only=True):
    """What is known of one story."""

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
    """Lineages, not copies: how many outlets have it from nobody else."""
    entities: dict[str, int]
    """The entities of most of its articles, with how many name them."""
    topics: dict[str, int]
    articles_per_hour: dict[str, int]
    """By the hour (ISO 8601, UTC), hours without articles left out."""
    lineage: Lineage
    framing: tuple[Usage, ...]


def story_document(
    story_id: str, articles: Iterable[Article], houses: Mapping[str, str] | None = None
) -> StoryDocument | None:
    """Return the document of a story, None where it has no articles. `houses` are those of `lineage`."""
    ordered = sorted(articles, key=lambda article: (article_time(article), article.article_id))
    if not ordered:
        return None
    reports = tuple(_report(article) for article in ordered)
    origin = lineage(
        (
            Report(
                article_id=article.article_id,
                source_id=article.source_id,
                source_name=article.source_name,
                time=report.time,
                near_duplicate_of=article.near_duplicate_of,
                attribution=article.attribution,
            )
            for article, report in zip(ordered, reports, strict=True)
        ),
        houses,
    )
    days = Counter(article.event_dates[0].first for article in ordered if article.event_dates)
    hours = Counter(report.time.replace(minute=0, second=0, microsecond=0).isoformat() for report in reports)
    return StoryDocument(
        story_id=story_id,
        first_time=reports[0].time,
        last_time=reports[-1].time,
        event_date=min(days, key=lambda day: (-days[day], day)) if days else None,
        articles=len(ordered),
        copies=sum(article.near_duplicate_of is not None for article in ordered),
        headlines=_headlines(ordered),
        timeline=reports,
        sources=_most(article.source_name or article.source_id or "" for article in ordered),
        countries=_most(article.country or "" for article in ordered),
        languages=_most(article.language for article in ordered),
        independent_source_count=origin.independent_source_count,
        entities=dict(_counted(label.id for a in ordered for label in a.entities)[:MAX_ENTITIES]),
        topics=dict(_counted(label.id for article in ordered for label in article.topics)),
        articles_per_hour=dict(sorted(hours.items())),
        lineage=origin,
        framing=contrast(ordered),
    )


def _report(article: Article) -> StoryReport:
    return StoryReport(
        article_id=article.article_id,
        time=article_time(article),
        language=article.language,
        source=article.source_name or article.source_id or "",
        country=article.country,
        title=article.title,
        url=article.url,
        near_duplicate_of=article.near_duplicate_of,
    )


def _headlines(ordered: list[Article]) -> dict[str, str]:
    copied = Counter(article.near_duplicate_of for article in ordered if article.near_duplicate_of is not None)
    by_language: defaultdict[str, list[Article]] = defaultdict(list)
    for article in ordered:
        if article.title.strip():
            by_language[article.language].append(article)
    return {
        language: max(found, key=lambda article: copied[article.article_id]).title
        for language, found in sorted(by_language.items(), key=lambda item: -len(item[1]))
    }


def _counted(values: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(value for value in values if value).items(), key=lambda item: (-item[1], item[0]))


def _most(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value, _ in _counted(values))
