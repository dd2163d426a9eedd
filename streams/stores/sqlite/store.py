"""The article store of the embedded agent: one SQLite file.

    writer thread ── BEGIN IMMEDIATE ─ articles, terms, feed states, quarantine ─ COMMIT
    each reader   ── a connection of its own, read-only ─ a snapshot, whatever the writer does meanwhile

SQLite's calls block, so the async methods run in threads; `transaction()` is for a caller that is in a thread already.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from streams import codec
from streams.model import Article, QuarantineRecord
from streams.stores.base import (
    Hit,
    Search,
    SearchPage,
    StoreUnavailable,
    StorySearch,
    Summary,
    TrendSearch,
    Verdict,
)
from streams.stores.pages import CANDIDATE_BUDGET
from streams.stores.plan import Plan
from streams.stores.records import microseconds
from streams.stores.sqlite.archive import SqliteArchive
from streams.stores.sqlite.connections import open_reader, open_writer
from streams.stores.sqlite.errors import is_busy, translated
from streams.stores.sqlite.reading import matching_after, search_page, summary
from streams.stores.sqlite.stories import find_stories, follow_story
from streams.stores.sqlite.transaction import SqliteTransaction
from streams.stories.documents import StoryDocument
from streams.trends.records import Trend

_REMEMBERED = 100_000
"""Articles that a `tail` remembers to have shown, so that an edit does not show one again."""


class StoredQuarantine(Struct, frozen=True, kw_only=True):
    """A quarantined record and the id by which it can be removed."""

    id: int
    record: QuarantineRecord


class StoredRevision(Struct, frozen=True, kw_only=True):
    """An earlier revision of an article: what its source had published before an edit."""

    revision: int
    title: str
    text: str
    content_hash: str
    collected_at: str


class SqliteStore:
    """An `ArticleStore` in one file.

    Args:
        path: the file; made with its folder where missing, unless `read_only`.
        read_only: never writes or makes the file; for `search` and `tail` beside a running agent.
        clock: gives `indexed_at`.
        candidate_budget: candidates that one search looks at.
        houses: the id of a source by those of its editions, for the lineages of stories.

    Raises:
        StoreHalted: the file is not ours, damaged, cannot be opened, or of a newer Rasad.
        StoreUnavailable: it is locked for very long, or the disk is full.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        read_only: bool = False,
        clock: Callable[[], datetime] | None = None,
        candidate_budget: int = CANDIDATE_BUDGET,
        houses: Mapping[str, str] | None = None,
    ) -> None:
        self._houses = houses
        self.path = Path(path)
        self._clock = clock if clock is not None else lambda: datetime.now(UTC)
        self._budget = candidate_budget
        self._lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._is_open = True
        if read_only:
            with self._reading():
                pass
        else:
            with translated(self.path):
                self._writer = open_writer(self.path)

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """Give a transaction: all that is done in the block is kept, or none of it if the block raises.

        It holds the one write lock: keep it short. One thread after another.

        Raises:
            StoreUnavailable, StoreHalted: nothing was kept.
        """
        with self._lock, translated(self.path):
            writer = self._writer
            if writer is None:
                raise StoreUnavailable(f"{self.path} is closed, or was opened for reading only")
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteTransaction(writer, self._clock, self._houses)
                writer.execute("COMMIT")
            except BaseException:
                # A full disk or an I/O error may have rolled it back already.
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise

    async def write(self, articles: Sequence[Article]) -> list[Verdict]:
        """Store `articles` in one transaction; one verdict each, in order.

        Raises:
            StoreUnavailable: the disk is full or faulty; nothing of this batch was kept.
            StoreHalted: the file is damaged or cannot be written.
        """
        while True:
            try:
                return await asyncio.to_thread(self._write, articles)
            except StoreUnavailable as error:
                # The lock was waited for already (BUSY_SECONDS); whoever holds it will let go some time.
                if not (isinstance(error.__cause__, sqlite3.Error) and is_busy(error.__cause__)):
                    raise
            await asyncio.sleep(random.uniform(0.1, 1.0))

    async def search(self, search: Search) -> SearchPage:
        """Return the articles that match, at one point in time. Raises `streams.query.QueryError` for a faulty
        query."""
        plan = Plan.of(search)
        return await asyncio.to_thread(self._search, plan)

    async def summarize(self, search: Search, *, values: int = 50) -> Summary:
        """Count the articles that match, by facet and over time. Raises `streams.query.QueryError` for a faulty
        query."""
        plan = Plan.of(search)
        return await asyncio.to_thread(self._summarize, plan, values)

    async def get(self, article_id: str) -> Article | None:
        """Return one article, or None."""
        return await asyncio.to_thread(self._get, article_id)

    def tail(
        self, search: Search, *, poll_seconds: float = 0.5, ready: Callable[[], None] | None = None
    ) -> AsyncGenerator[Hit, None]:
        """Yield matching articles as they are indexed, from the first `anext` on, each once, for ever.

        `ready` is called when the starting point is fixed: all that is indexed after that will be seen.
        """
        return self._tail(Plan.of(search, is_standing=True), poll_seconds, ready)

    async def count(self) -> int:
        """Return how many articles are stored."""
        number: int = await asyncio.to_thread(self._value, "SELECT count(*) FROM articles")
        return number

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Close the file, from a thread."""
        with self._lock, translated(self.path):
            self._is_open = False
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def feed_states(self) -> dict[str, bytes]:
        """Return the stored state of every feed, by feed URL."""
        with self._reading() as reader:
            return dict(reader.execute("SELECT feed_url, state FROM feed_states"))

    def story_state(self) -> list[bytes]:
        """Return what the story window is built from again, in the order in which it was first kept."""
        with self._reading() as reader:
            return [record for (record,) in reader.execute("SELECT record FROM story_state ORDER BY seq")]

    async def story(self, story_id: str) -> StoryDocument | None:
        """Return the document of a story, or of the one that it was merged into; None where there is none."""
        return await asyncio.to_thread(self._story, story_id)

    async def stories(self, wanted: StorySearch) -> list[StoryDocument]:
        """Return stories, without those that were merged into another."""
        return await asyncio.to_thread(self._stories, wanted)

    async def count_stories(self) -> int:
        """Return how many stories are stored, without those that were merged into another."""
        return int(await asyncio.to_thread(self._value, "SELECT count(*) FROM stories WHERE merged_into IS NULL"))

    def archive(self) -> SqliteArchive:
        """Return the stories and articles for the story stage to look up older ones."""
        return SqliteArchive(self._reading)

    def trend_state(self) -> list[bytes]:
        """Return what the trends are counted from again."""
        with self._reading() as reader:
            return [record for (record,) in reader.execute("SELECT record FROM trend_state")]

    async def write_trends(self, trends: Sequence[Trend]) -> None:
        """Store what stands out; of two records of one finding the later one stays."""
        await asyncio.to_thread(self._write_trends, trends)

    async def trends(self, wanted: TrendSearch) -> list[Trend]:
        """Return what stood out, the newest hours that were asked for, in order of time."""
        return await asyncio.to_thread(self._trends, wanted)

    def quarantine(
        self, *, stage: str | None = None, reason: str | None = None, limit: int = 1000
    ) -> list[StoredQuarantine]:
        """Return quarantined records, oldest first."""
        with self._reading() as reader:
            rows = reader.execute(
                "SELECT id, record FROM quarantine WHERE (?1 IS NULL OR stage = ?1) AND (?2 IS NULL OR reason = ?2)"
                " ORDER BY id LIMIT ?3",
                (stage, reason, limit),
            )
            return [
                StoredQuarantine(id=number, record=codec.decode(record, QuarantineRecord)) for number, record in rows
            ]

    def quarantine_count(self) -> int:
        """Return how many records are in quarantine."""
        number: int = self._value("SELECT count(*) FROM quarantine")
        return number

    def remove_quarantine(self, ids: Sequence[int]) -> int:
        """Remove quarantined records by id, in a transaction of their own; return how many there were."""
        with self.transaction() as transaction:
            return transaction.remove_quarantine(ids)

    def revisions(self, article_id: str) -> list[StoredRevision]:
        """Return the earlier revisions of an article, oldest first; the newest is the article itself."""
        with self._reading() as reader:
            rows = reader.execute(
                "SELECT revision, title, text, content_hash, collected_at FROM revisions WHERE article_id = ?"
                " ORDER BY revision",
                (article_id,),
            )
            return [
                StoredRevision(
                    revision=revision, title=title, text=text, content_hash=digest, collected_at=collected_at
                )
                for revision, title, text, digest, collected_at in rows
            ]

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give a connection that reads a snapshot, for readers of further tables in this room."""
        return self._reading()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if not self._is_open:
            raise StoreUnavailable(f"{self.path} is closed")
        with translated(self.path):
            reader = open_reader(self.path)
            try:
                reader.execute("BEGIN")
                yield reader
            finally:
                reader.close()

    def _write(self, articles: Sequence[Article]) -> list[Verdict]:
        with self.transaction() as transaction:
            return transaction.write(articles)

    def _story(self, story_id: str) -> StoryDocument | None:
        with self._reading() as reader:
            return follow_story(reader, story_id)

    def _stories(self, wanted: StorySearch) -> list[StoryDocument]:
        with self._reading() as reader:
            return find_stories(reader, wanted)

    def _write_trends(self, trends: Sequence[Trend]) -> None:
        with self.transaction() as transaction:
            transaction.put_trends(trends)

    def _trends(self, wanted: TrendSearch) -> list[Trend]:
        with self._reading() as reader:
            rows = reader.execute(
                "SELECT record FROM trends WHERE hour_us >= ?1 AND (?2 IS NULL OR kind = ?2)"
                " ORDER BY hour_us DESC, trend_id DESC LIMIT ?3",
                (microseconds(wanted.since), wanted.kind, wanted.limit),
            ).fetchall()
        return [codec.decode(record, Trend) for (record,) in reversed(rows)]

    def _search(self, plan: Plan) -> SearchPage:
        with self._reading() as reader:
            return search_page(reader, plan, self._budget)

    def _summarize(self, plan: Plan, values: int) -> Summary:
        with self._reading() as reader:
            return summary(reader, plan, values)

    def _get(self, article_id: str) -> Article | None:
        with self._reading() as reader:
            row = reader.execute(
                "SELECT document FROM articles JOIN documents USING (seq) WHERE article_id = ?", (article_id,)
            ).fetchone()
            return codec.decode(row[0], Article) if row else None

    def _value(self, statement: str) -> int:
        with self._reading() as reader:
            value: int = reader.execute(statement).fetchone()[0]
            return value

    async def _tail(
        self, plan: Plan, poll_seconds: float, ready: Callable[[], None] | None
    ) -> AsyncGenerator[Hit, None]:
        # `seq` grows in the order of commits, since there is one writer at a time: nothing can appear behind the
        # cursor.
        cursor = await asyncio.to_thread(self._value, "SELECT coalesce(max(seq), 0) FROM articles")
        if ready is not None:
            ready()
        shown: OrderedDict[str, None] = OrderedDict()
        while True:
            found, cursor, is_last = await asyncio.to_thread(self._after, plan, cursor)
            for hit in found:
                if hit.article.article_id not in shown:
                    shown[hit.article.article_id] = None
                    yield hit
                if len(shown) > _REMEMBERED:
                    shown.popitem(last=False)
            if is_last:
                await asyncio.sleep(poll_seconds)

    def _after(self, plan: Plan, cursor: int) -> tuple[list[Hit], int, bool]:
        with self._reading() as reader:
            return matching_after(reader, plan, cursor)
