"""Articles that were edited, with what they said before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from msgspec import Struct

from streams import codec
from streams.model import Article
from streams.stores.records import microseconds
from streams.stores.sqlite.store import SqliteStore, StoredRevision


class Edited(Struct, frozen=True, kw_only=True):
    """An article as it is now, and its earlier revisions, oldest first."""

    article: Article
    earlier: tuple[StoredRevision, ...]


def edited_articles(store: SqliteStore, since: datetime, until: datetime) -> Iterator[Edited]:
    """Yield the articles of a range of time (as a search has it) that were edited, by their time."""
    with store.reading() as reader:
        # CROSS: the range first, not every revision that there ever was.
        rows = reader.execute(
            "SELECT articles.seq, r.revision, r.title, r.text, r.content_hash, r.collected_at"
            " FROM articles CROSS JOIN revisions AS r ON r.article_id = articles.article_id"
            " WHERE articles.time_us >= ? AND articles.time_us < ? AND r.revision < articles.revision"
            " ORDER BY articles.time_us, articles.article_id, r.revision",
            (microseconds(since), microseconds(until)),
        )
        for seq, versions in groupby(rows, key=lambda row: row[0]):
            (document,) = reader.execute("SELECT document FROM documents WHERE seq = ?", (seq,)).fetchone()
            yield Edited(
                article=codec.decode(document, Article),
                earlier=tuple(
                    StoredRevision(revision=revision, title=title, text=text, content_hash=digest, collected_at=at)
                    for _, revision, title, text, digest, at in versions
                ),
            )
