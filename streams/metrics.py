"""Every metric Rasad exports, declared once, on a registry of its own.

Names follow the Prometheus conventions (base units, `_total`). Label values are bounded: languages, topics, outcomes
and
causes come from closed lists, anything else is counted as `other`. `docs/reference/metrics.md` is generated from here.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from streams.model import REJECT_REASONS, Article, EnrichedArticle, RawArticle
from streams.trends.records import SERIES_KINDS, TREND_KINDS, Trend

if TYPE_CHECKING:
    from streams.trends.keeper import TrendKeeper

FETCH_OUTCOMES = (
    "ok", "not_modified", "moved", "gone", "http_error", "rate_limited", "timeout", "unreachable", "tls_error",
    "too_large", "refused_address", "not_a_feed", "empty", "unparsable", "parser_killed",
)  # fmt: skip
"""What one poll of a feed came to. The collector's own error classes map onto these."""
FEED_PROBLEMS = (
    "stopped", "failing_hard", "failing_soft", "failing_temporary", "not_a_feed", "stale", "late", "moved", "duplicate",
)  # fmt: skip
"""What is wrong with a feed, over many polls; the worst first."""
ENTRY_OUTCOMES = ("new", "edited", "unchanged", "known_elsewhere", "rejected")
ENTRY_FAULTS = (
    "no_guid",
    "no_link",
    "duplicate_guid",
    "no_title",
    "empty",
    "missing_date",
    "future_date",
    "old_date",
    "bad_date",
    "too_large",
)
PAGE_OUTCOMES = (
    "read", "not_better", "no_text", "robots", "no_time", "host_down", "not_html", "empty", "unreadable", "killed",
    "too_large", "gone", "http_error", "rate_limited", "timeout", "unreachable", "tls_error", "refused_address",
)  # fmt: skip
"""What became of the page of an article that was to be read. In all but the first the feed's text is kept."""
PUSH_OUTCOMES = (
    "new", "nothing_new", "not_a_feed", "bad_signature", "unknown", "not_subscribed", "rate_limited", "too_large",
    "unreadable", "overloaded",
)  # fmt: skip
"""What became of one push of a WebSub hub."""
BULK_OUTCOMES = ("created", "updated", "stale", "retried", "refused", "halted")
STAGES = ("collect", "enrich", "story", "index", "alert")
LANGUAGES = frozenset(
    (
        "am ar az azb be bg bn bs ca ckb cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it "
        "ja ka kk km kmr kn ko ku ky lo lt lv mk ml mn mr ms mt my nb ne nl no pa pl ps pt ro ru sd si sk sl "
        "so sq sr sv sw ta te tg th tk tl tr tt ug uk und ur uz vi yi zh"
    ).split()
)
LATENCY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)
STAGE_BUCKETS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
OTHER = "other"
_MAX_TRENDS_COUNTED = 10_000


class Metrics:
    """The metrics of one process. `topic_ids` bounds the `topic` label."""

    def __init__(
        self, *, topic_ids: Iterable[str] = (), version: str = "", registry: CollectorRegistry | None = None
    ) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._topic_ids = frozenset(topic_ids)
        self._trends_counted: dict[str, None] = {}
        r = self.registry
        ProcessCollector(registry=r)
        PlatformCollector(registry=r)
        self.build = Gauge("rasad_build_info", "Version of this process; always 1.", ["version", "python"], registry=r)
        self.build.labels(version, platform.python_version()).set(1)
        self.fetches = Counter("rasad_fetches_total", "Polls of feeds by outcome.", ["outcome"], registry=r)
        self.fetch_seconds = Histogram(
            "rasad_fetch_duration_seconds",
            "Time from request to last byte of a feed.",
            buckets=LATENCY_BUCKETS[:10],
            registry=r,
        )
        self.entries = Counter(
            "rasad_entries_total", "Feed entries seen, by what became of them.", ["outcome"], registry=r
        )
        self.entry_faults = Counter(
            "rasad_entry_faults_total", "Faults of feed entries, by cause.", ["cause"], registry=r
        )
        self.pages = Counter("rasad_pages_total", "Article pages to be read, by outcome.", ["outcome"], registry=r)
        self.page_seconds = Histogram(
            "rasad_page_duration_seconds",
            "Time from wanting a page to its text, waiting for its host's turn included.",
            buckets=LATENCY_BUCKETS[:10],
            registry=r,
        )
        self.lines_cut = Counter(
            "rasad_recurring_lines_cut_total", "Lines cut because they recur over a source's articles.", registry=r
        )
        self.pushes = Counter("rasad_pushes_total", "Pushes of WebSub hubs, by outcome.", ["outcome"], registry=r)
        self.subscriptions = Gauge(
            "rasad_websub_subscriptions", "Feeds that name a hub, by whether it pushes to us.", ["state"], registry=r
        )
        self.published = Counter(
            "rasad_articles_published_total", "Articles acknowledged by the next stage.", registry=r
        )
        self.articles = Counter(
            "rasad_articles_total",
            "Articles that left a stage, by language (und before it is known).",
            ["stage", "language"],
            registry=r,
        )
        self.topics = Counter("rasad_topic_articles_total", "Articles labelled with a topic.", ["topic"], registry=r)
        self.stage_seconds = Histogram(
            "rasad_stage_duration_seconds",
            "Processing time of one article in a stage.",
            ["stage"],
            buckets=STAGE_BUCKETS,
            registry=r,
        )
        self.latency = Histogram(
            "rasad_latency_seconds",
            "Time from `since` to the end of `stage`; since=published counts only articles with a reliable date.",
            ["since", "stage"],
            buckets=LATENCY_BUCKETS,
            registry=r,
        )
        self.queue_depth = Gauge("rasad_queue_depth", "Items waiting inside this process.", ["queue"], registry=r)
        self.consumer_lag = Gauge(
            "rasad_consumer_lag_records",
            "Records on a channel not yet processed.",
            ["channel", "partition"],
            registry=r,
        )
        self.bulk_items = Counter(
            "rasad_bulk_items_total", "Documents sent to the index, by verdict.", ["outcome"], registry=r
        )
        self.quarantined = Counter(
            "rasad_quarantined_total", "Records put into quarantine.", ["stage", "reason"], registry=r
        )
        self.quarantine_size = Gauge("rasad_quarantine_records", "Records now in quarantine.", registry=r)
        self.halted = Gauge(
            "rasad_stage_halted",
            "1 while the store refuses a stage (credentials, missing template) and a person must act.",
            ["stage"],
            registry=r,
        )
        self.feeds = Gauge("rasad_feeds", "Feeds this process is responsible for, by state.", ["state"], registry=r)
        self.feed_problems = Gauge(
            "rasad_feeds_with_problem",
            "Feeds of this process by problem; one feed may have several.",
            ["problem"],
            registry=r,
        )
        self.feed_entries_per_day = Gauge(
            "rasad_feeds_entries_per_day", "New entries a day of all feeds together, as estimated.", registry=r
        )
        self.feed_delay_seconds = Gauge(
            "rasad_feeds_entry_delay_seconds",
            "Median over the feeds of how long their entries waited from their own time to being seen.",
            registry=r,
        )
        self.feed_last_ok_seconds = Gauge(
            "rasad_feeds_last_ok_age_seconds",
            "Time since the feed was read that was read longest ago, of those that are not stopped.",
            registry=r,
        )
        self.trends = Counter(
            "rasad_trend_findings_total",
            "Findings that something is written about more or less than usual, or that a word is new.",
            ["kind", "series"],
            registry=r,
        )
        self.trend_articles = Gauge(
            "rasad_trend_articles", "Articles of a topic published in the present hour.", ["topic"], registry=r
        )
        self.trend_expected = Gauge(
            "rasad_trend_expected_articles",
            "Articles of a topic that are usual for the whole of the present hour, by the weeks before.",
            ["topic"],
            registry=r,
        )
        self.alerts = Counter("rasad_alerts_total", "Alerts decided, by severity.", ["severity"], registry=r)
        self.alert_deliveries = Counter(
            "rasad_alert_deliveries_total",
            "Deliveries of alerts, by destination and what came of an attempt.",
            ["destination", "outcome"],
            registry=r,
        )
        self.alert_seconds = Histogram(
            "rasad_alert_delivery_seconds",
            "Time from when an alert was decided, or its digest due, to its delivery.",
            buckets=LATENCY_BUCKETS,
            registry=r,
        )
        self.alerts_waiting = Gauge(
            "rasad_alert_deliveries_waiting", "Deliveries that are still to be made.", ["destination"], registry=r
        )
        self.alert_circuit = Gauge(
            "rasad_alert_circuit_open", "1 while a destination fails again and again.", ["destination"], registry=r
        )
        self.alert_rules = Gauge("rasad_alert_rules", "Rules in force.", registry=r)
        self.alert_config_faulty = Gauge(
            "rasad_alert_config_faulty",
            "1 while a changed configuration file is faulty and what was before holds.",
            registry=r,
        )
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        # A series that first appears with its first event cannot be alerted on with rate().
        for outcome in FETCH_OUTCOMES:
            self.fetches.labels(outcome)
        for problem in FEED_PROBLEMS:
            self.feed_problems.labels(problem)
        for outcome in ENTRY_OUTCOMES:
            self.entries.labels(outcome)
        for cause in ENTRY_FAULTS:
            self.entry_faults.labels(cause)
        for outcome in PAGE_OUTCOMES:
            self.pages.labels(outcome)
        for outcome in PUSH_OUTCOMES:
            self.pushes.labels(outcome)
        for outcome in BULK_OUTCOMES:
            self.bulk_items.labels(outcome)
        for topic in self._topic_ids:
            self.topics.labels(topic)
        for kind in TREND_KINDS:
            for series in SERIES_KINDS:
                self.trends.labels(kind, series)

    def know_topics(self, topic_ids: Iterable[str]) -> None:
        """Count these topics by name, besides those that are known: the counters of a topic that is gone stay."""
        new = frozenset(topic_ids) - self._topic_ids
        self._topic_ids |= new
        for topic in new:
            self.topics.labels(topic)

    def fetched(self, outcome: str, seconds: float) -> None:
        """Count one poll of a feed."""
        self.fetches.labels(outcome if outcome in FETCH_OUTCOMES else OTHER).inc()
        self.fetch_seconds.observe(seconds)

    def entry(self, outcome: str, faults: Iterable[str] = ()) -> None:
        """Count one feed entry and what was wrong with it."""
        self.entries.labels(outcome if outcome in ENTRY_OUTCOMES else OTHER).inc()
        for cause in faults:
            self.entry_faults.labels(cause if cause in ENTRY_FAULTS else OTHER).inc()

    def page(self, outcome: str, seconds: float | None = None) -> None:
        """Count one article page, and how long it took where it was asked for."""
        self.pages.labels(outcome if outcome in PAGE_OUTCOMES else OTHER).inc()
        if seconds is not None:
            self.page_seconds.observe(seconds)

    def pushed(self, outcome: str) -> None:
        """Count one push of a hub."""
        self.pushes.labels(outcome if outcome in PUSH_OUTCOMES else OTHER).inc()

    def rejected(self, stage: str, reason: str) -> None:
        """Count one record put into quarantine."""
        self.quarantined.labels(
            stage if stage in STAGES else OTHER, reason if reason in REJECT_REASONS else OTHER
        ).inc()

    def left_stage(self, stage: str, article: RawArticle, now: datetime) -> None:
        """Count an article that left `stage`, with its latency since publication and collection."""
        language = getattr(article, "language", "und")
        self.articles.labels(stage, language if language in LANGUAGES else OTHER).inc()
        if stage == "enrich" and isinstance(article, EnrichedArticle):
            for topic in article.topics:
                self.topics.labels(topic.id if topic.id in self._topic_ids else OTHER).inc()
        if article.is_backfill:
            return
        if article.published_at is not None and article.date_is_reliable:
            self.latency.labels("published", stage).observe(max(0.0, (now - article.published_at).total_seconds()))
        self.latency.labels("collected", stage).observe(max(0.0, (now - article.collected_at).total_seconds()))
        if isinstance(article, Article) and stage == "index":
            self.latency.labels("enriched", stage).observe(max(0.0, (now - article.enriched_at).total_seconds()))

    def trended(self, found: Iterable[Trend], keeper: TrendKeeper, now: datetime) -> None:
        """Count what was found, a finding once, and show how the topics stand in this hour."""
        for trend in found:
            if trend.trend_id not in self._trends_counted:
                self._trends_counted[trend.trend_id] = None
                self.trends.labels(trend.kind, trend.series.kind).inc()
        while len(self._trends_counted) > _MAX_TRENDS_COUNTED:
            del self._trends_counted[next(iter(self._trends_counted))]
        for topic, articles, usual in keeper.now(self._topic_ids, now):
            self.trend_articles.labels(topic).set(articles)
            if usual is not None:
                self.trend_expected.labels(topic).set(usual.expected)

    @contextmanager
    def timed(self, stage: str, articles: int = 1) -> Iterator[None]:
        """Time a block that processes `articles` articles in `stage`; the mean is observed once for each."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.took(stage, time.perf_counter() - start, articles)

    def took(self, stage: str, seconds: float, articles: int) -> None:
        """Count `articles` articles that `stage` took `seconds` for together; the mean is observed once for each."""
        histogram = self.stage_seconds.labels(stage)
        for _ in range(articles):
            histogram.observe(seconds / articles)
