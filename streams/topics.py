"""Labels articles with the topics they are about: every topic is a standing query, all are compiled into one matcher.

A topic's query may use `@name` for a part of its own `where`, or for another topic or concept by its id. An article
without a title has its first line read as one: what `title:` asks for is said there.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from streams.definitions import TopicDefinition
from streams.model import EnrichedArticle, EntityLabel, RawArticle, Span, TopicLabel
from streams.query import Match, Matcher, Query, QueryError, UnknownName, compile_queries, parse, resolve
from streams.query.show import show
from streams.query.syntax import Clauses, Node
from streams.text.document import Document

MAX_LABEL_SPANS = 20
"""Spans kept in a label: enough to show why, and a record stays small."""
HEADLINE_WORDS = 25
"""How long the first line of an article without a title may be to stand for one; of a longer one its beginning does."""
FULL_TEXT_WORDS = 20
"""From how many words of text on the whole of a topic's least score is asked."""
HEADLINE_SHARE = 0.7
"""What part of it is asked of a headline alone; a text must bear out what one word in the headline says."""
_SENTENCE_END = re.compile(r"[.!?؟۔…](?=\s)")


class TopicTagger:
    """Says which topics an article is about."""

    def __init__(self, definitions: Iterable[TopicDefinition]) -> None:
        """Compile `definitions`.

        Raises:
            QueryError: a query is faulty (`topic_faults` finds every fault with its place).
        """
        self.queries = topic_queries({topic.id: topic for topic in definitions})
        """The resolved query of every topic that labels, by id, with its least score."""
        self._least_by_words: dict[int, dict[str, float]] = {}

    @functools.cached_property
    def _matcher(self) -> Matcher:
        return compile_queries(self.queries)

    def tag(self, document: Document, article: RawArticle) -> tuple[TopicLabel, ...]:
        """Return the topics of `article`, strongest first, with their score and the words that made it so."""
        reading = Reading.of(document, article)
        found = self._matcher.match(reading.document, reading.article, least=self.least(reading.document))
        return self.labels(reading, [(match.query_id, match) for match in found])

    def least(self, document: Document) -> dict[str, float]:
        """Return by id the score that is asked of `document`, which is read as `Reading` says."""
        words = min(len(document.text), FULL_TEXT_WORDS)
        known = self._least_by_words.get(words)
        if known is None:
            known = {name: least_score(query.min_score, document) for name, query in self.queries.items()}
            self._least_by_words[words] = known
        return known

    def labels(self, reading: Reading, matches: Iterable[tuple[str, Match]]) -> tuple[TopicLabel, ...]:
        """Return the labels of what was matched in `reading`, each with the id of its topic."""
        labels = [
            TopicLabel(id=name, score=match.score, spans=reading.original(match.spans[:MAX_LABEL_SPANS]))
            for name, match in matches
        ]
        return tuple(sorted(labels, key=lambda label: (-label.score, label.id)))


def least_score(whole: float, document: Document) -> float:
    """Return the score asked of `document` where the topic's least score is `whole`: less of one with little text."""
    missing = 1 - min(len(document.text), FULL_TEXT_WORDS) / FULL_TEXT_WORDS
    return round(whole * (1 - (1 - HEADLINE_SHARE) * missing), 4)


def topic_queries(topics: Mapping[str, TopicDefinition]) -> dict[str, Query]:
    """Return the resolved query of every topic that labels, by id, with its least score.

    Raises:
        QueryError: a query is faulty.
    """
    library = TopicLibrary(topics)
    return {
        topic.id: _with_min_score(library.resolved(topic.id), topic)
        for topic in topics.values()
        if not topic.is_concept
    }


def named_queries(definitions: Iterable[TopicDefinition]) -> dict[str, Query]:
    """Return the resolved query of every topic and concept, for other queries to use as `@id`; least scores left out.

    Raises:
        QueryError: a query is faulty.
    """
    topics = {topic.id: topic for topic in definitions}
    library = TopicLibrary(topics)
    return {topic_id: replace(library.resolved(topic_id), min_score=0.0, min_mentions=0) for topic_id in topics}


class Reading(Struct, frozen=True):
    """An article as the topics read it: one without a title has its first line for one.

    `text_start`: where its text begins in the original, None if unmoved."""

    document: Document
    article: RawArticle
    text_start: int | None = None

    @staticmethod
    def of(document: Document, article: RawArticle) -> Reading:
        """Return how topics read `article`, whose words are `document`."""
        if document.title.terms or not document.text.terms:
            return Reading(document, article)
        cut = _headline_end(article.text)
        headline, text = article.text[:cut], article.text[cut:]
        moved = replace(article, title=headline, text=text)
        if isinstance(moved, EnrichedArticle):
            moved = replace(moved, entities=tuple([_moved(label, cut) for label in moved.entities]))
        return Reading(Document.of(headline, text, document.language), moved, cut)

    def original(self, spans: tuple[Span, ...]) -> tuple[Span, ...]:
        """Return `spans` as places of the article that was given."""
        start = self.text_start
        if start is None:
            return spans
        return tuple([_shifted(span, "text", 0 if span.field == "title" else start) for span in spans])


def _headline_end(text: str) -> int:
    """Return where the first line of `text` ends; of a line too long for a headline its first sentence, or words."""
    first = len(text) - len(text.lstrip())
    end = text.find("\n", first)
    end = len(text) if end < 0 else end
    if len(text[first:end].split(maxsplit=HEADLINE_WORDS)) <= HEADLINE_WORDS:
        return end
    words_end = [match.end() for match in itertools.islice(re.finditer(r"\S+", text[first:end]), HEADLINE_WORDS)][-1]
    sentence = _SENTENCE_END.search(text, first, first + words_end)
    return sentence.end() if sentence else first + words_end


def _moved(label: EntityLabel, cut: int) -> EntityLabel:
    mentions = [
        _shifted(span, "title", 0) if span.start < cut else _shifted(span, "text", -cut) for span in label.mentions
    ]
    return replace(label, mentions=tuple(mentions))


def _shifted(span: Span, field: Literal["title", "text"], by: int) -> Span:
    return Span(field=field, start=span.start + by, end=span.end + by)


class Clause(Struct, frozen=True):
    """One clause of a topic's query, and what an article has to say to it."""

    sign: Literal["+", " ", "-"]
    text: str
    score: float
    spans: tuple[Span, ...]


class Reasons(Struct, frozen=True):
    """Why an article is about a topic, or is not.

    `score` is that of the whole query, 0 where it does not match; `least` what is asked of an article of this length.
    """

    matches: bool
    score: float
    least: float
    clauses: tuple[Clause, ...]


def explain_topic(
    topic: TopicDefinition, definitions: Iterable[TopicDefinition], document: Document, article: RawArticle
) -> Reasons:
    """Return what every clause of `topic` finds in `article`; `definitions` are the topics and concepts it may use."""
    library = TopicLibrary({one.id: one for one in definitions})
    whole = _parsed(topic.whole_query)
    names = _Names(topic, library)
    root = whole.root
    if isinstance(root, Clauses):
        parts: list[tuple[Literal["+", " ", "-"], Node]] = [("+", node) for node in root.must]
        parts += [(" ", node) for node in (*root.should, *root.against)]
        parts += [("-", node) for node in root.must_not]
    else:
        parts = [("+", root)]
    queries = {
        str(number): Query("", node, min_score=-math.inf, names=whole.names) for number, (_, node) in enumerate(parts)
    }
    queries["whole"] = replace(whole, min_score=-math.inf, min_mentions=0)
    resolved = {name: resolve(query, names) for name, query in queries.items()}
    reading = Reading.of(document, article)
    found = {match.query_id: match for match in compile_queries(resolved).match(reading.document, reading.article)}
    clauses = []
    for number, (sign, node) in enumerate(parts):
        match = found.get(str(number))
        spans = reading.original(match.spans) if match else ()
        clauses.append(Clause(sign, show(node), match.score if match else 0.0, spans))
    entire = found.get("whole")
    least = least_score(max(whole.min_score, topic.min_score), reading.document)
    return Reasons(entire is not None, entire.score if entire else 0.0, least, tuple(clauses))


def _with_min_score(query: Query, topic: TopicDefinition) -> Query:
    return replace(query, min_score=max(query.min_score, topic.min_score))


def topic_faults(topic: TopicDefinition, others: Mapping[str, TopicDefinition] | None = None) -> list[tuple[str, str]]:
    """Return what is wrong with a topic's queries, as (dotted key, message); empty when all is well.

    `others` are the topics and concepts that it may use as `@id`.
    """
    return TopicLibrary({**(others or {}), topic.id: topic}).faults_of(topic)


class _FaultOfAnother(QueryError):
    """A topic that is used has a fault of its own."""


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> Query:
    """Parse `text` once: it is checked, resolved where it is used, and compiled, and the tree never changes."""
    return parse(text)


class TopicLibrary:
    """All topics, resolved once each, so that a concept that many topics use is one tree."""

    def __init__(self, topics: Mapping[str, TopicDefinition]) -> None:
        self.topics = topics
        self._done: dict[str, Query] = {}
        self._path: list[str] = []

    def faults_of(self, topic: TopicDefinition) -> list[tuple[str, str]]:
        """Return what is wrong with the queries of a `topic` of this library, as (dotted key, message)."""
        keys = [*(f"where.{name}" for name in topic.where), "query"]
        faults = []
        if any(_syntax_fault(text) for text in (*topic.where.values(), topic.whole_query)):
            faults = [(key, message) for key, text in topic.queries().items() if (message := _syntax_fault(text))]
        for key in keys if not faults else ():
            try:
                self.resolved(topic.id, key)
            except _FaultOfAnother:
                break  # told where that topic stands
            except QueryError as error:
                faults.append((key, str(error)))
                break  # what uses a faulty part has the same fault
        return faults

    def resolved(self, topic_id: str, key: str = "query") -> Query:
        """Return a query of a topic with its names replaced: its `query`, or `where.name`."""
        if key == "query" and topic_id in self._done:
            return self._done[topic_id]
        if topic_id in self._path:
            circle = " → ".join(f"@{one}" for one in [*self._path, topic_id])
            raise UnknownName(f"topics form a circle: {circle}; take one of these references out", 1)
        topic = self.topics[topic_id]
        self._path.append(topic_id)
        try:
            text = topic.whole_query if key == "query" else topic.where[key.removeprefix("where.")]
            query = resolve(_parsed(text), _Names(topic, self))
        finally:
            self._path.pop()
        if key == "query":
            self._done[topic_id] = query
        return query


def _syntax_fault(text: str) -> str | None:
    try:
        _parsed(text)
    except QueryError as error:
        return str(error)
    return None


class _Names(Mapping[str, Query]):
    """The names that one topic may use: the parts of its `where`, then other topics and concepts."""

    def __init__(self, topic: TopicDefinition, library: TopicLibrary) -> None:
        self._topic = topic
        self._library = library

    def __getitem__(self, name: str) -> Query:
        if name in self._topic.where:
            return _parsed(self._topic.where[name])
        try:
            return self._library.resolved(name)
        except UnknownName:
            raise
        except QueryError as error:
            raise _FaultOfAnother(f"in topic {name!r}: {error}", 1) from error

    def __contains__(self, name: object) -> bool:
        return name in self._topic.where or name in self._library.topics

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._topic.where, *self._library.topics)))

    def __len__(self) -> int:
        return sum(1 for _ in self)
