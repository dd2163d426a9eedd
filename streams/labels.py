"""Topics and wordings of an article in one reading: all their queries are one matcher."""

from __future__ import annotations

from collections.abc import Iterable

from streams.definitions import FrameDefinition, TopicDefinition
from streams.frames import FrameLabeller
from streams.model import EnrichedArticle, FrameLabel, TopicLabel
from streams.query import Match, compile_queries
from streams.text.document import Document
from streams.topics import Reading, TopicTagger

_TOPIC, _FRAME = "topic ", "frame "


class Labeller:
    """Does what a `TopicTagger` and a `FrameLabeller` do, and looks up every word once."""

    def __init__(self, topics: Iterable[TopicDefinition], frames: Iterable[FrameDefinition]) -> None:
        """Compile the definitions.

        Raises:
            QueryError: a query is faulty (`topic_faults` and `frame_faults` find every fault with its place).
        """
        self._topics = TopicTagger(topics)
        self._frames = FrameLabeller(frames)
        queries = {_TOPIC + name: query for name, query in self._topics.queries.items()}
        queries |= {_FRAME + name: query for name, query in self._frames.queries.items()}
        self._matcher = compile_queries(queries)
        self._known_least: dict[int, dict[str, float]] = {}
        """By the tagger's own, which it keeps."""
        self._topic_names = {_TOPIC + name: name for name in self._topics.queries}
        self._frame_names = {_FRAME + name: name for name in self._frames.queries}

    def label(
        self, document: Document, article: EnrichedArticle
    ) -> tuple[tuple[TopicLabel, ...], tuple[FrameLabel, ...]]:
        """Return the topics of `article`, strongest first, and the wordings that stand in it, by id."""
        reading = Reading.of(document, article)
        found = self._matcher.match(reading.document, reading.article, least=self._least(reading.document))
        topics = self._topics.labels(reading, _named(found, self._topic_names))
        if reading.text_start is not None:  # topics have read its first line as a title
            found = self._matcher.match(document, article)
        return topics, self._frames.labels(article, _named(found, self._frame_names))

    def _least(self, document: Document) -> dict[str, float]:
        by_topic = self._topics.least(document)
        known = self._known_least.get(id(by_topic))
        if known is None:
            known = {_TOPIC + name: score for name, score in by_topic.items()}
            self._known_least[id(by_topic)] = known
        return known


def _named(matches: Iterable[Match], names: dict[str, str]) -> list[tuple[str, Match]]:
    return [(names[match.query_id], match) for match in matches if match.query_id in names]
