"""Labels the wordings that take a side: every frame is a query, all are compiled into one matcher.

    «نظام الأسد» · «الحكومة السورية» · «الحكومة في دمشق»     one group, three frames

`contrast` then says who uses which: by outlet, by country, by ownership.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Protocol

from msgspec import Struct

from streams.definitions import FrameDefinition
from streams.model import EnrichedArticle, FrameLabel, Ownership
from streams.query import Match, Matcher, QueryError, compile_queries, parse, resolve_all
from streams.text.document import Document

MAX_LABEL_SPANS = 20


class FrameLabeller:
    """Says which wordings an article uses."""

    def __init__(self, definitions: Iterable[FrameDefinition]) -> None:
        """Compile `definitions`.

        Raises:
            QueryError: a query is faulty (`frame_faults` finds every fault with its place).
        """
        frames = {frame.id: frame for frame in definitions}
        self._groups = {frame.id: frame.group for frame in frames.values()}
        self.queries = resolve_all({frame.id: parse(frame.query) for frame in frames.values()})
        """The resolved query of every frame, by id."""

    @functools.cached_property
    def _matcher(self) -> Matcher:
        return compile_queries(self.queries)

    def label(self, document: Document, article: EnrichedArticle) -> tuple[FrameLabel, ...]:
        """Return the wordings that stand in `article`, by id, with their places.

        A query may ask for an entity in the article; where that is named is no part of the wording.
        """
        found = self._matcher.match(document, article) if self._groups else ()
        return self.labels(article, [(match.query_id, match) for match in found])

    def labels(self, article: EnrichedArticle, matches: Collection[tuple[str, Match]]) -> tuple[FrameLabel, ...]:
        """Return the labels of what was matched in `article`, each with the id of its frame."""
        if not matches:
            return ()
        named = {span for entity in article.entities for span in entity.mentions}
        labels = []
        for name, match in matches:
            spans = tuple([span for span in match.spans if span not in named]) or match.spans
            labels.append(FrameLabel(id=name, group=self._groups[name], spans=spans[:MAX_LABEL_SPANS]))
        return tuple(sorted(labels, key=lambda label: label.id))


def frame_faults(frame: FrameDefinition) -> list[tuple[str, str]]:
    """Return what is wrong with a frame, as (dotted key, message); empty when all is well."""
    try:
        compile_queries({frame.id: parse(frame.query)})
    except QueryError as error:
        return [("query", str(error))]
    return []


class Usage(Struct, frozen=True, kw_only=True):
    """How often one wording of a group is used by those who have something in common.

    `articles` counts articles that use it, a copy like any other article; `share` is that of the articles of the same
    `by` and `value` that word the matter at all.
    """

    group: str
    frame: str
    by: str
    """`source`, `country`, `ownership`, `language`, or `all`."""
    value: str
    articles: int
    share: float


_BY = ("source", "country", "ownership", "language")


class Worded(Protocol):
    """What is needed of an article to contrast it with others."""

    @property
    def frames(self) -> tuple[FrameLabel, ...]: ...
    @property
    def source_id(self) -> str | None: ...
    @property
    def source_name(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...
    @property
    def ownership(self) -> Ownership: ...
    @property
    def language(self) -> str: ...


def contrast(articles: Iterable[Worded]) -> tuple[Usage, ...]:
    """Return who uses which wording in `articles`, those of one story: group by group, the most used first.

    What is not known of an article (its country, its ownership) is left out of that table.
    """
    users: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    totals: Counter[tuple[str, str, str]] = Counter()
    for article in articles:
        groups = {label.group for label in article.frames}
        for by, value in _values(article):
            totals.update((group, by, value) for group in groups)
            for label in {label.id: label for label in article.frames}.values():
                users[label.group, by, value][label.id] += 1
    rows = [
        Usage(group=group, frame=frame, by=by, value=value, articles=count, share=count / totals[group, by, value])
        for (group, by, value), frames in users.items()
        for frame, count in frames.items()
    ]
    order = ("all", *_BY)
    return tuple(sorted(rows, key=lambda row: (row.group, order.index(row.by), row.value, -row.articles, row.frame)))


def _values(article: Worded) -> list[tuple[str, str]]:
    known = {
        "source": article.source_name or article.source_id,
        "country": article.country,
        "ownership": article.ownership if article.ownership != "unknown" else None,
        "language": article.language,
    }
    return [("all", ""), *((by, value) for by in _BY if (value := known[by]) is not None)]
