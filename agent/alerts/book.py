"""The alerts that there were, for commands: the table of the embedded agent, or the channel of the distributed one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agent.errors import DataError, ServiceUnavailable
from streams.alerts.mutes import FOR_EVER, Mute
from streams.stores.sqlite.alerts import AlertSearch, SqliteAlerts, StoredAlert

if TYPE_CHECKING:
    from agent.settings import Settings

__all__ = ["FOR_EVER", "AlertBook", "AlertSearch", "Mute", "StoredAlert", "matching", "open_book"]


class AlertBook(Protocol):
    """Finds alerts, and notes what people do about them."""

    def find(self, search: AlertSearch) -> Iterator[StoredAlert]:
        """Yield the alerts asked for, newest first."""
        ...

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many deliveries there are by destination and status, those that were sent left out."""
        ...

    def mutes(self) -> list[Mute]:
        """Return what is muted."""
        ...

    def mute(self, mute: Mute) -> None:
        """Keep a rule silent."""
        ...

    def unmute(self, rule_id: str, story_id: str | None = None) -> int:
        """Let a rule speak again; return how many mutes there were."""
        ...

    def acknowledge(self, alert_ids: Sequence[str], at: datetime) -> None:
        """Note that somebody has seen alerts."""
        ...


@contextmanager
def open_book(settings: Settings, *, read_only: bool = False) -> Iterator[AlertBook]:
    """Give the alerts of the runtime that `store.kind` names.

    Raises:
        ServiceUnavailable: it cannot be reached.
        StoreError: the SQLite file cannot be used.
    """
    if settings.store.kind == "elasticsearch":
        from agent.alerts.kafka_book import KafkaBook

        with KafkaBook(settings.kafka) as book:
            yield book
        return
    from streams.stores.sqlite import SqliteStore

    if not Path(settings.store.path).is_file():
        raise ServiceUnavailable(f"there is no store at {settings.store.path}: start `rasad run` first")
    store = SqliteStore(settings.store.path, read_only=read_only)
    try:
        yield SqliteAlerts(store)
    finally:
        store.close_now()


def matching(found: Iterable[StoredAlert], query: str) -> Iterator[StoredAlert]:
    """Yield those of `found` whose title and passages match `query`; all for an empty one.

    Raises:
        DataError: the query is faulty.
    """
    if not query.strip():
        yield from found
        return
    from streams.model import RawArticle
    from streams.query import QueryError, compile_queries, parse
    from streams.text.document import Document

    try:
        matcher = compile_queries({"query": parse(query)})
    except QueryError as error:
        raise DataError(f"the query: {error}") from error
    for stored in found:
        article = stored.alert.article
        title = article.title if article is not None else stored.alert.rule_name
        text = "\n".join(one.text for one in stored.alert.excerpts if one.field == "text")
        language = article.language if article is not None else "und"
        record = RawArticle(
            article_id=article.article_id if article is not None else "0" * 32,
            title=title,
            text=text,
            source_id=article.source_id if article is not None else None,
            country=article.country if article is not None else None,
            collected_at=stored.alert.created_at,
        )
        if matcher.match(Document.of(title, text, language), record):
            yield stored
