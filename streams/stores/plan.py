"""A search made ready: what to ask the store for, and the judge of what it answers.

search ─ parse ─▶ candidates ─▶ wanted keys, period ─▶ the store's own query ─▶ articles ─ judge ─▶ hits
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streams.model import Article
from streams.query.candidates import Everything, candidates
from streams.stores.base import Hit, Search
from streams.stores.keys import field_key
from streams.stores.records import SOURCE_NAME, article_time, as_utc
from streams.stores.wanted import AnyKeys, Key, Period, Wanted, wanted
from streams.text.document import Document

if TYPE_CHECKING:
    from streams.query import Matcher
    from streams.query.syntax import Query

_QUERY_ID = "search"


class Plan:
    """One search, compiled. `keys` None means: any article."""

    def __init__(self, search: Search, query: Query | None, now: datetime | None) -> None:
        self.search = search
        self._matcher: Matcher | None = _compiled(query) if query is not None else None
        self._since = as_utc(search.since) if search.since else None
        self._until = as_utc(search.until) if search.until else None
        asked = candidates(query, now) if query is not None else Everything()
        self.keys, period = wanted(asked, _filters(search))
        self.period: Period = period.cut(self._since, self._until)

    @property
    def has_query(self) -> bool:
        """Whether there is more to judge than filters, which the keys decide."""
        return self._matcher is not None

    @classmethod
    def of(cls, search: Search, *, is_standing: bool = False) -> Plan:
        """Return the plan of `search`. Standing: it goes on for ever, so that “now” in the query moves along.

        Raises:
            QueryError: the query is faulty.
        """
        query = None
        if search.query.strip():
            from streams.query import parse, resolve

            query = resolve(parse(search.query), search.named)
        return cls(search, query, None if is_standing else datetime.now(UTC))

    def judge(self, article: Article) -> Hit | None:
        """Return `article` as a hit, with its score and the words that matched, or None."""
        if not self._passes(article):
            return None
        if self._matcher is None:
            return Hit(article=article)
        document = Document.of(article.title, article.text, article.language)
        for match in self._matcher.match(document, article):
            return Hit(article=article, score=match.score, spans=tuple(match.spans))
        return None

    def _passes(self, article: Article) -> bool:
        search = self.search
        if search.language is not None and not _is_language(article.language, search.language):
            return False
        if search.topic is not None and all(label.id != search.topic for label in article.topics):
            return False
        if search.source is not None and search.source not in (article.source_id, article.source_name):
            return False
        if search.country is not None and search.country.upper() != article.country:
            return False
        if search.ownership is not None and search.ownership != article.ownership:
            return False
        if self._since is None and self._until is None:
            return True
        time = article_time(article)
        return (self._since is None or self._since <= time) and (self._until is None or time < self._until)


def _compiled(query: Query) -> Matcher:
    # Writers of articles come by this module too, and need no matcher.
    from streams.query import compile_queries

    return compile_queries({_QUERY_ID: query})


def _filters(search: Search) -> list[Wanted]:
    filters: list[Wanted] = []
    if search.language is not None:
        filters.append(Key(field_key("lang", search.language)))
    if search.topic is not None:
        filters.append(Key(field_key("topic", search.topic)))
    if search.source is not None:
        names = (field_key("source", search.source), field_key(SOURCE_NAME, search.source))
        filters.append(AnyKeys(tuple(Key(name) for name in names)))
    if search.country is not None:
        filters.append(Key(field_key("country", search.country)))
    return filters


def _is_language(code: str, asked: str) -> bool:
    code, asked = code.lower(), asked.lower()
    return code == asked or code.partition("-")[0] == asked
