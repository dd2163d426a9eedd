"""What Rasad brings to Kibana: a data view, a saved search for each topic, and dashboards."""

from __future__ import annotations

from collections.abc import Sequence

from agent.kibana import objects
from agent.kibana.fields import Fields
from agent.kibana.objects import SavedObject
from streams.definitions import TopicDefinition
from streams.stores.elasticsearch import alerts, stories, trends
from streams.stores.elasticsearch.template import mappings

LABELS = {
    "@timestamp": "Time",
    "country": "Country",
    "entities.id": "Entity",
    "frames.id": "Wording",
    "language": "Language",
    "latency_seconds": "Seconds to be searchable",
    "ownership": "Ownership",
    "source_name": "Source",
    "story_id": "Story",
    "title": "Title",
    "topics.id": "Topic",
    "wire_copy": "Copy of an agency's report",
}
HIDDEN = ("match_terms",)
LINKS = ("url.full",)
_STORY_LABELS = {"story_id": "Story", "articles": "Articles", "topic_ids": "Topic", "languages": "Language"}
_TREND_LABELS = {"series.value": "Of", "kind": "Finding", "term": "Word", "seen": "Seen", "expected": "Expected"}
_ALERT_LABELS = {"rule_name": "Rule", "severity": "Severity", "reasons": "Reason", "article.title": "Title"}
_ALERT_COLUMNS = ("severity", "rule_name", "reasons", "article.title", "article.source_name", "story.articles")
_SEARCH_COLUMNS = ("title", "source_name", "language", "country", "ownership", "topics.id")
_CONTROLS = {"topics.id": "Topic", "language": "Language", "country": "Country", "ownership": "Ownership"}


def article_fields() -> Fields:
    """Return the fields of an article's index."""
    return Fields(mappings()["properties"])


def topic_searches(prefix: str, topics: Sequence[TopicDefinition]) -> list[SavedObject]:
    """Return the data view, and a saved search for each topic."""
    fields, view = article_fields(), f"{prefix}-articles"
    for name in _SEARCH_COLUMNS:
        fields.type_of(name)
    fields.countable("topics.id")
    found = [
        objects.saved_search(
            f"{prefix}-topic-{topic.id}",
            f"Rasad: {topic.name}",
            topic.description,
            view,
            f'topics.id : "{topic.id}"',
            _SEARCH_COLUMNS,
        )
        for topic in sorted(topics, key=lambda topic: topic.id)
        if not topic.is_concept
    ]
    return [_view(prefix), *found]


def article_dashboards(prefix: str) -> list[SavedObject]:
    """Return the data view, the charts and the dashboards on articles."""
    view = f"{prefix}-articles"
    news, news_charts = _news(prefix, view)
    flow, flow_charts = _flow(prefix, view)
    found, found_charts = _found(prefix)
    alerted, alert_charts = _alerts(prefix)
    charts = [*news_charts, *flow_charts, *found_charts, *alert_charts]
    return [_view(prefix), *_side_views(prefix), *charts, news, flow, found, alerted]


def story_fields() -> Fields:
    """Return the fields of the index of stories."""
    return Fields(stories.MAPPINGS["properties"])


def trend_fields() -> Fields:
    """Return the fields of the index of trends."""
    return Fields(trends.MAPPINGS["properties"])


def alert_fields() -> Fields:
    """Return the fields of the index of alerts."""
    return Fields(alerts.MAPPINGS["properties"])


def _side_views(prefix: str) -> list[SavedObject]:
    views = []
    for fields, name, labels in (
        (story_fields(), "stories", _STORY_LABELS),
        (trend_fields(), "trends", _TREND_LABELS),
        (alert_fields(), "alerts", _ALERT_LABELS),
    ):
        for field in labels:
            fields.type_of(field)
        views.append(objects.data_view(f"{prefix}-{name}", f"{prefix}-{name}", f"Rasad {name}", labels))
    return views


def _found(prefix: str) -> tuple[SavedObject, list[SavedObject]]:
    """What Rasad found out: spikes, and how large stories are."""
    spikes, sizes = objects.Columns(trend_fields()), objects.Columns(story_fields())
    findings, number = spikes.count("Findings"), sizes.count("Stories")
    seen = spikes.largest("seen", "Most seen in an hour")
    articles, sources = (
        sizes.largest("articles", "Articles"),
        sizes.largest("independent_source_count", "Independent sources"),
    )
    rows = [
        [
            objects.lines(
                f"{prefix}-spikes-over-time",
                "Spikes, silences and new words",
                f"{prefix}-trends",
                [spikes.times(), spikes.top("kind", "Finding", findings, size=3), findings],
            ),
            objects.table(
                f"{prefix}-spike-list",
                "Spike list",
                f"{prefix}-trends",
                [
                    spikes.top("series.value", "Of", seen, size=50, other=False),
                    seen,
                    spikes.largest("expected", "Expected then"),
                    findings,
                    spikes.last("hour", "Latest hour"),
                ],
            ),
        ],
        [
            objects.lines(
                f"{prefix}-stories-over-time",
                "Stories of several articles by topic",
                f"{prefix}-stories",
                [sizes.times(), sizes.top("topic_ids", "Topic", number), number],
            ),
            objects.table(
                f"{prefix}-largest-stories",
                "Story sizes",
                f"{prefix}-stories",
                [
                    sizes.top("story_id", "Story", articles, size=50, other=False),
                    articles,
                    sources,
                    sizes.largest("copies", "Copies"),
                    sizes.last("last_time", "Latest article"),
                ],
            ),
        ],
    ]
    title = "Rasad: what was found out"
    about = "Spikes, silences and new words by the hour; stories by size."
    whole = objects.dashboard(f"{prefix}-found", title, about, f"{prefix}-stories", rows, {"topic_ids": "Topic"})
    return whole, [chart for row in rows for chart in row]


def _view(prefix: str) -> SavedObject:
    fields = article_fields()
    for name in (*LABELS, *HIDDEN, *LINKS):
        fields.type_of(name)
    return objects.data_view(
        f"{prefix}-articles", f"{prefix}-articles-*", "Rasad articles", LABELS, hidden=HIDDEN, links=LINKS
    )


def _news(prefix: str, view: str) -> tuple[SavedObject, list[SavedObject]]:
    columns = objects.Columns(article_fields())
    articles = columns.count("Articles")
    sources, stories = columns.distinct("source_id", "Sources"), columns.distinct("story_id", "Stories")
    languages = columns.distinct("language", "Languages")
    copies = columns.count("Copies", only="near_duplicate_of : *")
    week_before = columns.count("A week before", earlier="1w")
    rows = [
        [
            objects.number(f"{prefix}-articles-number", "Articles", view, articles),
            objects.number(f"{prefix}-stories-number", "Stories", view, stories),
            objects.number(f"{prefix}-sources-number", "Sources", view, sources),
            objects.number(f"{prefix}-copies-number", "Copies", view, copies),
        ],
        [
            objects.lines(
                f"{prefix}-volume-by-topic",
                "Volume by topic",
                view,
                [columns.times(), columns.top("topics.id", "Topic", articles), articles],
            ),
            objects.lines(
                f"{prefix}-volume-by-language",
                "Volume by language",
                view,
                [columns.times(), columns.top("language", "Language", articles), articles],
            ),
        ],
        [
            objects.table(
                f"{prefix}-spikes",
                "Topics against a week before",
                view,
                [columns.top("topics.id", "Topic", articles, size=30, other=False), articles, week_before],
            ),
            objects.table(
                f"{prefix}-story-sizes",
                "Largest stories",
                view,
                [
                    columns.top("story_id", "Story", articles, size=50, other=False),
                    articles,
                    sources,
                    languages,
                    copies,
                    columns.last("@timestamp", "Latest article"),
                ],
            ),
        ],
        [
            objects.table(
                f"{prefix}-top-sources",
                "Top sources",
                view,
                [columns.top("source_name", "Source", articles, size=50, other=False), articles, copies, stories],
            ),
            objects.table(
                f"{prefix}-top-entities",
                "Top entities",
                view,
                [columns.top("entities.id", "Entity", articles, size=50, other=False), articles, week_before, sources],
            ),
        ],
        [
            objects.lines(
                f"{prefix}-wordings",
                "Who words it how",
                view,
                [
                    columns.top("frames.id", "Wording", articles, size=12, other=False),
                    columns.top("ownership", "Ownership", articles, size=7),
                    articles,
                ],
                kind="bar_horizontal_stacked",
            ),
            objects.lines(
                f"{prefix}-countries",
                "Countries of the outlets",
                view,
                [columns.top("country", "Country", articles, size=20), articles],
                kind="bar_horizontal",
            ),
        ],
    ]
    title = "Rasad: the news"
    about = "Volume by topic and language, spikes, stories, sources, entities, wordings."
    whole = objects.dashboard(f"{prefix}-news", title, about, view, rows, _CONTROLS)
    return whole, [chart for row in rows for chart in row]


def _flow(prefix: str, view: str) -> tuple[SavedObject, list[SavedObject]]:
    columns = objects.Columns(article_fields())
    articles = columns.count("Articles")
    median = columns.percentile("latency_seconds", 50, "Half are faster")
    slow = columns.percentile("latency_seconds", 95, "95 % are faster")
    undated = columns.count("Undated", only="date_is_reliable : false")
    from_page = columns.count("From the page", only="text_origin : page")
    rows = [
        [
            objects.lines(
                f"{prefix}-latency",
                "Seconds from collected to searchable",
                view,
                [columns.times("collected_at"), median, slow],
                kind="line",
            ),
            objects.table(
                f"{prefix}-latency-by-source",
                "Slowest sources",
                view,
                [columns.top("source_name", "Source", slow, size=30, other=False), slow, median, articles],
            ),
        ],
        [
            objects.lines(
                f"{prefix}-collected",
                "Articles as they were collected",
                view,
                [columns.times("collected_at"), columns.top("language", "Language", articles), articles],
            ),
            objects.table(
                f"{prefix}-faults-by-source",
                "What sources leave out",
                view,
                [columns.top("source_name", "Source", articles, size=50, other=False), articles, undated, from_page],
            ),
        ],
    ]
    title = "Rasad: the flow"
    whole = objects.dashboard(f"{prefix}-flow", title, "Latency, and what feeds leave out.", view, rows, _CONTROLS)
    return whole, [chart for row in rows for chart in row]


def _alerts(prefix: str) -> tuple[SavedObject, list[SavedObject]]:
    """The history of alerts; the last of its charts is a list of them, newest first."""
    fields, view = alert_fields(), f"{prefix}-alerts"
    columns = objects.Columns(fields)
    for name in _ALERT_COLUMNS:
        fields.type_of(name)
    number, stories_ = columns.count("Alerts"), columns.distinct("story_id", "Stories")
    history = objects.saved_search(
        f"{prefix}-alert-history", "Rasad: alert history", "Every alert, the newest first.", view, "", _ALERT_COLUMNS
    )
    rows = [
        [
            objects.lines(
                f"{prefix}-alerts-over-time",
                "Alerts by severity",
                view,
                [columns.times(), columns.top("severity", "Severity", number, size=3), number],
            ),
            objects.table(
                f"{prefix}-alerts-by-rule",
                "Alerts by rule",
                view,
                [
                    columns.top("rule_name", "Rule", number, size=50, other=False),
                    number,
                    stories_,
                    columns.last("created_at", "Latest"),
                ],
            ),
        ],
        [
            objects.lines(
                f"{prefix}-alerts-by-reason",
                "Why alerts were made",
                view,
                [columns.top("reasons", "Reason", number, size=8), number],
                kind="bar_horizontal",
            ),
            objects.lines(
                f"{prefix}-alerts-by-source",
                "Outlets that alerts came from",
                view,
                [columns.top("article.source_name", "Source", number, size=15, other=False), number],
                kind="bar_horizontal",
            ),
        ],
        [history],
    ]
    title, about = "Rasad: alerts", "What was alerted on, by which rule, and why."
    whole = objects.dashboard(
        f"{prefix}-alerted", title, about, view, rows, {"severity": "Severity", "rule_name": "Rule"}
    )
    return whole, [chart for row in rows for chart in row]
