"""Runs the examples of topics and frames: short articles that must, or must not, get the label."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from agent.config_files import Faults, Located, load_list, yaml_files
from agent.errors import ConfigFault
from streams.definitions import Definitions, Example, Examples, FrameDefinition, TopicDefinition
from streams.enrich import Enricher
from streams.identity import article_id
from streams.model import EnrichedArticle, FrameLabel, RawArticle, TopicLabel
from streams.query import parse
from streams.query.names import field_values


class Counted(NamedTuple):
    """How many examples were run, and those that came out wrong."""

    run: int
    failures: list[ConfigFault]


def located_topics(folder: Path) -> list[tuple[TopicDefinition, Located]]:
    """Return the topics below `folder` with the lines they stand in. Their faults are `load_definitions`' matter."""
    return [
        item
        for path in yaml_files(folder / "topics")
        for item in load_list(path, TopicDefinition, Faults(), key="topics")
    ]


def run_examples(
    labelled: Iterable[tuple[TopicDefinition | FrameDefinition, Located]],
    definitions: Definitions,
    clock: Callable[[], datetime],
) -> Counted:
    """Run the examples of topics and frames through the whole of the enrich stage, with everything in `definitions`."""
    enricher = Enricher(definitions)
    failures = []
    count = 0
    for topic, located in labelled:
        examples: Examples = topic.examples
        cases = [("match", example, True) for example in examples.match]
        cases += [("not_match", example, False) for example in examples.not_match]
        numbers = {"match": 0, "not_match": 0}
        for key, example, is_expected in cases:
            place = f"examples.{key}.{numbers[key]}"
            numbers[key] += 1
            count += 1
            article = enricher.enrich(as_article(example, clock()), clock())
            label = _label(article, topic)
            if (label is not None) == is_expected:
                continue
            shown = (article.title or article.text)[:60]
            if label is None:
                what = f"{topic.id}: must match and does not: {shown!r} ({article.language})"
            else:
                words = [getattr(article, span.field)[span.start : span.end] for span in label.spans]
                score = f"score {label.score:g} " if isinstance(label, TopicLabel) else ""
                what = (
                    f"{topic.id}: must not match and does: {shown!r} ({article.language}), "
                    f"{score}for {', '.join(dict.fromkeys(words))}"
                )
            failures.append(ConfigFault(located.path, located.line_of(place), what))
    return Counted(count, failures)


def _label(article: EnrichedArticle, topic: TopicDefinition | FrameDefinition) -> TopicLabel | FrameLabel | None:
    labels: tuple[TopicLabel | FrameLabel, ...] = (
        article.frames if isinstance(topic, FrameDefinition) else article.topics
    )
    return next((label for label in labels if label.id == topic.id), None)


def unknown_names(
    topics: Iterable[tuple[TopicDefinition | FrameDefinition, Located]], definitions: Definitions
) -> list[ConfigFault]:
    """Return where a topic's query names an entity or topic that nothing defines, and so can never match there."""
    known = {
        "entity": {entity.id for entity in definitions.entities},
        "topic": {topic.id for topic in definitions.topics if not topic.is_concept},
    }
    found = []
    for topic, located in topics:
        queries = topic.queries() if isinstance(topic, TopicDefinition) else {"query": topic.query}
        for key, text in queries.items():
            for field, value in field_values(parse(text).root):
                if field in known and value not in known[field]:
                    near = difflib.get_close_matches(value, known[field], n=1)
                    hint = f": did you mean {near[0]!r}?" if near else ""
                    message = f"{topic.id}: there is no {field} {value!r}{hint}"
                    found.append(ConfigFault(located.path, located.line_of(key), message))
    return found


def as_article(example: Example | str, now: datetime) -> RawArticle:
    """Return an example as the article that it stands for; one that is a plain text is a title."""
    given = Example(title=example) if isinstance(example, str) else example
    return RawArticle(
        article_id=article_id(canonical_url=None, title=given.title, guid=given.text or given.title),
        title=given.title,
        text=given.text,
        declared_language=given.lang,
        collected_at=now,
        published_at=now,
    )
