"""The documents of the stories: a row each, and the keys that they are found by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from streams import codec
from streams.model import Article
from streams.stores.base import StorySearch
from streams.stores.records import encodable, microseconds
from streams.stores.story_keys import story_key, story_keys
from streams.stories.archive import ArchiveSearch
from streams.stories.documents import StoryDocument
from streams.stories.shelf import Shelf, all_of

_MAX_HOPS = 16


def shelved(connection: sqlite3.Connection, articles: Sequence[Article], houses: Mapping[str, str] | None) -> Shelf:
    """Return the shelf of `articles`, with them in it."""
    shelf = Shelf(houses)
    while missing := shelf.missing(articles):
        shelf.give({story_id: get_story(connection, story_id) for story_id in missing})
    shelf.take(articles)
    return shelf


def put_stories(connection: sqlite3.Connection, shelf: Shelf) -> None:
    """Store all that has changed."""
    for document in all_of(shelf):
        _put(connection, document)


def get_story(connection: sqlite3.Connection, story_id: str) -> StoryDocument | None:
    """Return the document of a story as it stands, also of one that was merged into another."""
    row = connection.execute("SELECT document FROM stories WHERE story_id = ?", (story_id,)).fetchone()
    return codec.decode(row[0], StoryDocument) if row else None


def follow_story(connection: sqlite3.Connection, story_id: str) -> StoryDocument | None:
    """Return the document of a story, or of the one that it was found to be."""
    document = None
    for _ in range(_MAX_HOPS):
        document = get_story(connection, story_id)
        if document is None or document.merged_into is None:
            break
        story_id = document.merged_into
    return document


def find_stories(connection: sqlite3.Connection, wanted: StorySearch) -> list[StoryDocument]:
    """Return the stories that were asked for, in the order that was asked for."""
    conditions = ["merged_into IS NULL", "articles >= ?"]
    values: list[object] = [max(1, wanted.min_articles)]
    if wanted.since is not None:
        conditions.append("last_us >= ?")
        values.append(microseconds(wanted.since))
    if wanted.until is not None:
        conditions.append("first_us < ?")
        values.append(microseconds(wanted.until))
    for kind, value in (("topic", wanted.topic), ("lang", wanted.language), ("entity", wanted.entity)):
        if value is not None:
            conditions.append("EXISTS (SELECT 1 FROM story_keys AS k WHERE k.key = ? AND k.story_id = s.story_id)")
            values.append(story_key(kind, value))
    order = "articles DESC, last_us DESC" if wanted.order == "largest" else "last_us DESC"
    rows = connection.execute(
        f"SELECT document FROM stories AS s WHERE {' AND '.join(conditions)}"  # noqa: S608  (values are bound)
        f" ORDER BY {order}, story_id LIMIT ?",
        (*values, wanted.limit),
    )
    return [codec.decode(document, StoryDocument) for (document,) in rows]


def old_stories(connection: sqlite3.Connection, wanted: ArchiveSearch) -> list[StoryDocument]:
    """Return the stories that share the most of the names asked for, and had begun around that day."""
    marks = ", ".join("?" * len(wanted.entities))
    rows = connection.execute(
        "SELECT document FROM ("  # noqa: S608  (marks for the values)
        f"SELECT story_id, count(*) AS shared FROM story_keys WHERE key IN ({marks})"
        " AND first_us >= ? AND first_us < ? GROUP BY story_id"
        ") JOIN stories USING (story_id) WHERE last_us >= ? AND merged_into IS NULL"
        " ORDER BY shared DESC, articles DESC, story_id LIMIT ?",
        (
            *(story_key("entity", one) for one in wanted.entities),
            microseconds(wanted.begun_after),
            microseconds(wanted.begun_before),
            microseconds(wanted.alive_after),
            wanted.limit,
        ),
    )
    return [codec.decode(document, StoryDocument) for (document,) in rows]


def _put(connection: sqlite3.Connection, document: StoryDocument) -> None:
    try:
        payload = codec.encode(document)
    except UnicodeEncodeError:
        document = encodable(document)
        payload = codec.encode(document)
    connection.execute(
        "INSERT INTO stories (story_id, first_us, last_us, articles, merged_into, document) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (story_id) DO UPDATE SET first_us = excluded.first_us, last_us = excluded.last_us,"
        " articles = excluded.articles, merged_into = excluded.merged_into, document = excluded.document",
        (
            document.story_id,
            microseconds(document.first_time),
            microseconds(document.last_time),
            document.articles,
            document.merged_into,
            payload,
        ),
    )
    _put_keys(connection, document.story_id, story_keys(document), microseconds(document.first_time))


def _put_keys(connection: sqlite3.Connection, story_id: str, keys: Iterable[str], first_us: int) -> None:
    wanted = set(keys)
    rows = connection.execute("SELECT key, first_us FROM story_keys WHERE story_id = ?", (story_id,)).fetchall()
    known = {key for key, _ in rows}
    if any(first != first_us for _, first in rows):
        connection.execute("UPDATE story_keys SET first_us = ? WHERE story_id = ?", (first_us, story_id))
    connection.executemany(
        "DELETE FROM story_keys WHERE story_id = ? AND key = ?", [(story_id, key) for key in known - wanted]
    )
    connection.executemany(
        "INSERT INTO story_keys (story_id, key, first_us) VALUES (?, ?, ?)",
        [(story_id, key, first_us) for key in sorted(wanted - known)],
    )
