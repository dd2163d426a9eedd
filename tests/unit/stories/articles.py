"""Short reports as the enrich stage leaves them, for the tests of copies and stories."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from streams.identity import article_id
from streams.model import EnrichedArticle, EntityLabel, EventDate, Span, TopicLabel

BASE = datetime(2023, 4, 25, 9, tzinfo=UTC)

MEETING = (
    "The defence ministers of Russia, Iran, Syria and Turkey met in Moscow on Tuesday and spoke about steps towards normal"
    " ties between Damascus and Ankara, the Russian ministry said. They agreed to go on meeting in this format and stressed"
    " that the territory of Syria must stay whole. The Turkish side named the return of refugees and the fight against"
    " armed groups, the Syrian side the withdrawal of Turkish troops and the opening of the M4 road. Sergei Shoigu received"
    " his three guests one by one before they sat down at one table for two hours."
)
FLOOD = (
    "Heavy rain flooded the lower town of Shiraz on Thursday night and cut the road to the airport for nine hours. Rescue"
    " teams brought some two hundred people out of their houses by boat, the head of the provincial crisis staff said."
    " Schools stay closed until Sunday, and the bazaar opened only in the afternoon after shopkeepers had pumped the water"
    " out of their cellars. The weather service expects another front from the west at the end of the week."
)


def enriched(
    number: int,
    *,
    title: str = "",
    text: str = MEETING,
    language: str = "en",
    source: str = "",
    hours: float = 0,
    entities: Iterable[str] = (),
    topics: Iterable[str] = (),
    days: Iterable[date] = (),
    **fields: Any,
) -> EnrichedArticle:
    """Return an article `hours` after the base time, by outlet `source`, or one of its own."""
    url = f"https://news.example/{number}"
    published = BASE + timedelta(hours=hours)
    values: dict[str, Any] = {
        "article_id": article_id(canonical_url=url),
        "url": url,
        "source_id": source or f"outlet-{number}",
        "title": title,
        "text": text,
        "language": language,
        "published_at": published,
        "collected_at": published,
        "enriched_at": published,
        "entities": tuple(
            EntityLabel(id=name, kind="person", mentions=(Span(field="text", start=0, end=5),)) for name in entities
        ),
        "topics": tuple(TopicLabel(id=name, score=3.0) for name in topics),
        "event_dates": tuple(EventDate(first=day, last=day) for day in days),
    }
    return EnrichedArticle(**{**values, **fields})
