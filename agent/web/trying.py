"""Trying a topic's query: on its examples, and on what is stored; pure but for the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from agent.examples import as_article
from agent.web.forms import FormFault
from streams.definitions import Example, TopicDefinition
from streams.stores.base import Hit, Search
from streams.text.document import Document
from streams.text.language import default_identifier
from streams.topics import TopicTagger

if TYPE_CHECKING:
    from agent.web.world import World

_MOST_FOUND = 500
MOST_SHOWN = 30


class ExampleResult(Struct, frozen=True):
    """What became of one example."""

    text: str
    language: str
    is_expected: bool
    """Whether it is to match."""
    score: float | None
    """None where it does not match."""

    @property
    def is_right(self) -> bool:
        return (self.score is not None) == self.is_expected


class Trial(Struct, frozen=True, kw_only=True):
    """How a query does on the topic's examples."""

    results: tuple[ExampleResult, ...] = ()

    @property
    def precision(self) -> float | None:
        """Share of the examples that match which are to match; None where none does."""
        matched = [result for result in self.results if result.score is not None]
        return sum(result.is_expected for result in matched) / len(matched) if matched else None

    @property
    def recall(self) -> float | None:
        """Share of the examples that are to match which do; None where none is."""
        expected = [result for result in self.results if result.is_expected]
        return sum(result.score is not None for result in expected) / len(expected) if expected else None


class History(Struct, frozen=True, kw_only=True):
    """What a query would have caught, against what carries the topic's label."""

    found: tuple[Hit, ...] = ()
    gained: tuple[Hit, ...] = ()
    """Found, and not labelled."""
    lost: tuple[Hit, ...] = ()
    """Labelled, and not found."""
    is_complete: bool = True


class RuleHistory(Struct, frozen=True, kw_only=True):
    """What a rule's query matches in what is stored."""

    found: tuple[Hit, ...] = ()
    firsts: tuple[Hit, ...] = ()
    """Of each story the first that is no copy."""
    stories: int = 0
    is_complete: bool = True


def edited(world: World, topic: TopicDefinition, query: str, min_score: float) -> TopicDefinition:
    """Return `topic` with another query.

    Raises:
        QueryError: the query is faulty.
        FormFault: it is empty.
    """
    if not query.strip():
        raise FormFault("query", "is empty: a topic needs one")
    from streams.query import parse, resolve

    changed = msgspec.structs.replace(topic, query=query, terms={}, min_score=min_score)
    local = {name: parse(text) for name, text in topic.where.items()}
    resolve(parse(query), {**world.named, **local})
    return changed


def try_examples(world: World, topic: TopicDefinition) -> Trial:
    """Run the examples of a topic. Costly: a second or two for the shipped topics."""
    tagger = _tagger(world, topic)
    identifier = default_identifier()
    cases: list[tuple[Example | str, bool]] = [(example, True) for example in topic.examples.match]
    cases += [(example, False) for example in topic.examples.not_match]
    results = []
    for example, is_expected in cases:
        article = as_article(example, datetime.now(UTC))
        language = identifier.identify(article.text, title=article.title, declared=article.declared_language).code
        labels = tagger.tag(Document.of(article.title, article.text, language), article)
        score = next((label.score for label in labels if label.id == topic.id), None)
        results.append(ExampleResult(article.title or article.text[:120], language, is_expected, score))
    return Trial(results=tuple(results))


async def try_history(world: World, topic: TopicDefinition, since: datetime | None) -> History:
    """Run a topic's query on what is stored. Raises `QueryError`, `StoreError`, `TooBusy`."""
    named: Mapping[str, object] = world.named
    if topic.where:
        from streams.query import parse

        named = {**named, **{name: parse(text) for name, text in topic.where.items()}}
    async with world.turn():
        page = await world.store.search(
            Search(query=topic.whole_query, named=named, since=since, limit=_MOST_FOUND)  # type: ignore[arg-type]
        )
        labelled = await world.store.search(Search(topic=topic.id, since=since, limit=_MOST_FOUND))
        found = await asyncio.to_thread(_labelled, _tagger(world, topic), topic.id, page.hits)
    ids = {hit.article.article_id for hit in found}
    labelled_ids = {hit.article.article_id for hit in labelled.hits}
    # Beyond the oldest of a page that is full, nothing is known of either.
    return History(
        found=found,
        gained=tuple(hit for hit in found if hit.article.article_id not in labelled_ids),
        lost=tuple(hit for hit in labelled.hits if hit.article.article_id not in ids),
        is_complete=page.is_complete and labelled.is_complete and max(len(page.hits), len(labelled.hits)) < _MOST_FOUND,
    )


def _tagger(world: World, topic: TopicDefinition) -> TopicTagger:
    """Return a tagger of this topic alone; it may use the others as `@id`."""
    others = (other for other in world.definitions.topics if other.id != topic.id)
    return TopicTagger([*(msgspec.structs.replace(other, is_concept=True) for other in others), topic])


def _labelled(tagger: TopicTagger, topic_id: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return the hits that the stream would have labelled, with the score and the words it gives them."""
    found = []
    for hit in hits:
        article = hit.article
        for label in tagger.tag(Document.of(article.title, article.text, article.language), article):
            if label.id == topic_id:
                found.append(Hit(article=article, score=label.score, spans=label.spans))
    return tuple(found)
