"""What can be changed in one transaction: articles, feed states, quarantine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from streams import codec
from streams.identity import content_hash
from streams.model import Article, Kept, QuarantineRecord
from streams.stores.base import Verdict
from streams.stores.records import article_time, encodable, keys_of, microseconds, version_of
from streams.stores.sqlite.stories import put_stories, shelved
from streams.stories.shelf import Relabel, relabelled
from streams.trends.records import Trend


class _Stored(Struct, frozen=True):
    seq: int
    version: int
    revision: int


class _OldText(Struct, frozen=True):
    title: str = ""
    text: str = ""
    collected_at: str = ""


class SqliteTransaction:
    """One open transaction; made by `SqliteStore.transaction()`, which commits it or rolls it back."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Callable[[], datetime],
        houses: Mapping[str, str] | None = None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._houses = houses

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for writers of further tables in this room."""
        return self._connection

    def write(self, articles: Sequence[Article]) -> list[Verdict]:
        """Store `articles`, an older version never over a newer one; one verdict each, in order. The documents of
        their stories are kept in step."""
        shelf = shelved(self._connection, articles, self._houses)
        verdicts = [self._write_one(article) for article in shelf.labelled(articles)]
        put_stories(self._connection, shelf)
        for relabel in shelf.relabels.values():
            self._relabel(relabel)
        return verdicts

    def put_feed_states(self, states: Mapping[str, bytes]) -> None:
        """Keep the state of each feed, by feed URL; what the bytes mean is the collector's business."""
        self._connection.executemany(
            "INSERT INTO feed_states (feed_url, state) VALUES (?, ?)"
            " ON CONFLICT (feed_url) DO UPDATE SET state = excluded.state",
            states.items(),
        )

    def remove_feed_states(self, feed_urls: Iterable[str]) -> None:
        """Forget the state of each feed."""
        self._connection.executemany("DELETE FROM feed_states WHERE feed_url = ?", [(url,) for url in feed_urls])

    def put_story_state(self, kept: Iterable[Kept], forget_before: datetime) -> None:
        """Keep what the story window is built from again, and forget what lies before `forget_before`."""
        self._connection.executemany(
            "INSERT INTO story_state (article_id, time_us, record) VALUES (?, ?, ?)"
            " ON CONFLICT (article_id) DO UPDATE SET time_us = excluded.time_us, record = excluded.record",
            [(one.key, microseconds(one.time), one.record) for one in kept],
        )
        self._connection.execute("DELETE FROM story_state WHERE time_us < ?", (microseconds(forget_before),))

    def put_trend_state(self, kept: Iterable[Kept], forget_before: datetime) -> None:
        """Keep what the trends are counted from again, and forget what lies before `forget_before`."""
        self._connection.executemany(
            "INSERT INTO trend_state (key, time_us, record) VALUES (?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET time_us = excluded.time_us, record = excluded.record",
            [(one.key, microseconds(one.time), one.record) for one in kept],
        )
        self._connection.execute("DELETE FROM trend_state WHERE time_us < ?", (microseconds(forget_before),))

    def put_trends(self, trends: Iterable[Trend]) -> None:
        """Store what stands out; of two records of one finding the later one stays."""
        self._connection.executemany(
            "INSERT INTO trends (trend_id, kind, hour_us, found_us, record) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (trend_id) DO UPDATE SET hour_us = excluded.hour_us, found_us = excluded.found_us,"
            " record = excluded.record WHERE excluded.found_us >= found_us",
            [
                (one.trend_id, one.kind, microseconds(one.hour), microseconds(one.found_at), codec.encode(one))
                for one in trends
            ],
        )

    def put_quarantine(self, records: Iterable[QuarantineRecord]) -> None:
        """Keep records that a stage could not process."""
        self._connection.executemany(
            "INSERT INTO quarantine (stage, reason, record) VALUES (?, ?, ?)",
            [(record.stage, record.reason, codec.encode(record)) for record in records],
        )

    def remove_quarantine(self, ids: Iterable[int]) -> int:
        """Remove quarantined records by the ids that `SqliteStore.quarantine` gave; return how many there were."""
        return sum(
            self._connection.execute("DELETE FROM quarantine WHERE id = ?", (number,)).rowcount for number in ids
        )

    def _write_one(self, article: Article) -> Verdict:
        row = self._connection.execute(
            "SELECT seq, version, revision FROM articles WHERE article_id = ?", (article.article_id,)
        ).fetchone()
        stored = _Stored(*row) if row else None
        version = version_of(article)
        if stored is not None and stored.version >= version:
            if article.revision < stored.revision:
                # Came late, and is still part of the article's history.
                self._keep_revision(article.article_id, article.revision, *_text_of(article))
            return Verdict(article.article_id, "stale")
        if stored is not None:
            self._replace(article, stored)
        self._insert(article, version)
        return Verdict(article.article_id, "created" if stored is None else "updated")

    def _relabel(self, relabel: Relabel) -> None:
        row = self._connection.execute(
            "SELECT document FROM articles JOIN documents USING (seq) WHERE article_id = ?", (relabel.article_id,)
        ).fetchone()
        if row and (article := relabelled(codec.decode(row[0], Article), relabel)) is not None:
            self._write_one(article)

    def _insert(self, article: Article, version: int) -> None:
        article = msgspec.structs.replace(article, indexed_at=self._clock())
        try:
            document = codec.encode(article)
        except UnicodeEncodeError:
            article = encodable(article)
            document = codec.encode(article)
        seq = self._connection.execute(
            "INSERT INTO articles (article_id, version, revision, time_us) VALUES (?, ?, ?, ?)",
            (article.article_id, version, article.revision, microseconds(article_time(article))),
        ).lastrowid
        self._connection.execute("INSERT INTO documents (seq, document) VALUES (?, ?)", (seq, document))
        self._connection.execute("INSERT INTO terms (rowid, keys) VALUES (?, ?)", (seq, keys_of(article)))
        self._connection.execute(
            "INSERT INTO facets (seq, language, source, country, ownership) VALUES (?, ?, ?, ?, ?)",
            (seq, article.language, article.source_id or article.source_name, article.country, article.ownership),
        )
        self._connection.executemany(
            "INSERT OR IGNORE INTO article_topics (seq, topic) VALUES (?, ?)", [(seq, t.id) for t in article.topics]
        )

    def _replace(self, article: Article, stored: _Stored) -> None:
        if stored.revision < article.revision:
            (document,) = self._connection.execute(
                "SELECT document FROM documents WHERE seq = ?", (stored.seq,)
            ).fetchone()
            old = msgspec.json.decode(document, type=_OldText)
            self._keep_revision(article.article_id, stored.revision, old.title, old.text, old.collected_at)
        for table in ("documents", "facets", "article_topics"):
            self._connection.execute(f"DELETE FROM {table} WHERE seq = ?", (stored.seq,))  # noqa: S608
        self._connection.execute("DELETE FROM articles WHERE seq = ?", (stored.seq,))

    def _keep_revision(self, article_id: str, revision: int, title: str, text: str, collected_at: str) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO revisions (article_id, revision, title, text, content_hash, collected_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (article_id, revision, title, text, content_hash(title, text), collected_at),
        )


def _text_of(article: Article) -> tuple[str, str, str]:
    try:
        (article.title + article.text).encode()
    except UnicodeEncodeError:
        article = encodable(article)
    return article.title, article.text, article.collected_at.isoformat()
