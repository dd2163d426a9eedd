"""The channels (Kafka topics) and what travels on each.

Declared once: `rasad admin init` creates them from here, the runtimes read and write by these names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """One Kafka topic: what it is called, how long it keeps, and how it is keyed."""

    name: str
    help: str
    compacted: bool = False
    retention_hours: int | None = 72
    single_partition: bool = False
    """True for a channel that must stay one logical stream whatever the configured partition count."""
    growth: int = 1
    """How many times the configured largest record a record here may measure: labels and quotes are added on the way.
    """
    least_record_bytes: int = 0
    """Records of this size are accepted even where the configured largest record is smaller."""

    def full_name(self, prefix: str) -> str:
        """Return the name of the Kafka topic."""
        return prefix + self.name

    def max_record_bytes(self, configured_bytes: int) -> int:
        """Return the largest record accepted, where the configured largest record is `configured_bytes`."""
        return max(self.growth * configured_bytes, self.least_record_bytes)


RAW = Channel("raw", "RawArticle by article_id, from the collectors")
BACKFILL = Channel("backfill", "RawArticle by article_id, from backfill and replay; alerts muted")
ENRICHED = Channel("enriched", "EnrichedArticle by article_id", single_partition=True, growth=2)
ARTICLES = Channel("articles", "Article by story_id, to the index and the alerts", growth=2)
QUARANTINE = Channel(
    "quarantine",
    "QuarantineRecord by quarantine id; an empty record ends the one before it",
    compacted=True,
    retention_hours=24 * 30,
    growth=4,  # the original bytes in base64 are a third longer, and there is the rest of the record
    least_record_bytes=32_000_000,  # what is far too large elsewhere must still find room here
)
FEED_STATE = Channel(
    "feed-state",
    "FeedState by feed URL, partitioned by source",
    compacted=True,
    retention_hours=None,
    least_record_bytes=1_000_000,  # a state grows with the entries of its feed, whatever an article may measure
)
STORY_STATE = Channel(
    "story-state",
    "what the story window is built from again, at most 600 bytes an article, by article_id",
    compacted=True,
    retention_hours=24 * 15,  # a window and a day
    single_partition=True,
)
TREND_STATE = Channel(
    "trend-state",
    "what the trends are counted from again: articles of a series by hour of a day, and the words that were met",
    compacted=True,
    retention_hours=24 * (8 * 7 + 1),  # the weeks that are compared with, and a day
    single_partition=True,
    least_record_bytes=1_000_000,
)
TRENDS = Channel(
    "trends",
    "Trend by trend id, from the story stage to the index and the alerts; a later record of an id is its newer version",
)
ALERT_STATE = Channel(
    "alert-state",
    "what the alert rules remember of each story, by story_id",
    compacted=True,
    retention_hours=24 * 16,  # a day longer than it is asked for
    least_record_bytes=1_000_000,
)
ALERTS = Channel(
    "alerts",
    "Alert by alert id, from the alert stage to `rasad deliver`",
    retention_hours=24 * 14,
    single_partition=True,
    least_record_bytes=1_000_000,
)
DELIVERIES = Channel(
    "deliveries",
    "how the delivery of each alert to each destination goes, who has seen it, and which rules are muted",
    compacted=True,
    retention_hours=24 * 30,
    single_partition=True,
    least_record_bytes=1_000_000,
)

CHANNELS: tuple[Channel, ...] = (
    RAW, BACKFILL, ENRICHED, ARTICLES, QUARANTINE, FEED_STATE, STORY_STATE, TREND_STATE, TRENDS,
    ALERT_STATE, ALERTS, DELIVERIES,
)  # fmt: skip
BY_NAME: dict[str, Channel] = {channel.name: channel for channel in CHANNELS}
