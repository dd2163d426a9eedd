"""The SQLite file as the story stage's archive."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager

from streams import codec
from streams.model import Article
from streams.stores.base import StoreError
from streams.stores.sqlite.stories import old_stories
from streams.stories.archive import ArchiveSearch, ArchiveUnavailable
from streams.stories.documents import StoryDocument


class SqliteArchive:
    """A `StoryArchive`; `reading` gives a connection for as long as it is needed."""

    def __init__(self, reading: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._reading = reading

    def article(self, article_id: str) -> Article | None:
        """Return a stored article. Raises `ArchiveUnavailable`."""
        try:
            with self._reading() as reader:
                row = reader.execute(
                    "SELECT document FROM articles JOIN documents USING (seq) WHERE article_id = ?", (article_id,)
                ).fetchone()
        except StoreError as error:
            raise ArchiveUnavailable(str(error)) from error
        return codec.decode(row[0], Article) if row else None

    def candidates(self, wanted: ArchiveSearch) -> list[StoryDocument]:
        """Return stories, the ones that share most first. Raises `ArchiveUnavailable`."""
        try:
            with self._reading() as reader:
                return old_stories(reader, wanted)
        except StoreError as error:
            raise ArchiveUnavailable(str(error)) from error
