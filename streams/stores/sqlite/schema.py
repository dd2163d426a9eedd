"""The tables, and the numbered steps that lead to them.

`PRAGMA user_version` says how many steps a file has behind it. A step is never edited once released: a change is a
new step.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from streams.stores.base import StoreHalted
from streams.stores.sqlite.errors import NewerDatabase

APPLICATION_ID = 0x52534144
""""RSAD" in the file's header, so that nobody else's database is taken for one of ours."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # `seq` is new for every version that is stored and never used again: it orders articles as they were indexed
        # (what `tail` follows), and it is the row of the full-text table. That table cannot forget a row without
        # being told its old words, so an article's old version is left in it, and joining by `seq` passes over it.
        """CREATE TABLE articles (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            article_id TEXT NOT NULL UNIQUE,
            version INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            time_us INTEGER NOT NULL
        )""",
        "CREATE INDEX articles_by_time ON articles (time_us, article_id)",
        # Apart from `articles`, so that sorting thousands of candidates by time does not read their texts.
        "CREATE TABLE documents (seq INTEGER PRIMARY KEY, document BLOB NOT NULL)",
        # Keys contain no ASCII but letters and digits (streams.stores.keys), so `ascii` splits at the line ends alone.
        """CREATE VIRTUAL TABLE terms USING fts5 (
            keys, content='', detail='none', columnsize=0, tokenize='ascii'
        )""",
        """CREATE TABLE revisions (
            article_id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            title TEXT NOT NULL,
            text TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            collected_at TEXT NOT NULL,
            PRIMARY KEY (article_id, revision)
        ) WITHOUT ROWID""",
        "CREATE TABLE feed_states (feed_url TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE quarantine (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            stage TEXT NOT NULL,
            reason TEXT NOT NULL,
            record BLOB NOT NULL
        )""",
        """CREATE TABLE alert_outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            alert_id TEXT NOT NULL UNIQUE,
            rule_id TEXT NOT NULL,
            payload BLOB NOT NULL,
            created_at TEXT NOT NULL,
            delivered_at TEXT
        )""",
        "CREATE INDEX alert_outbox_waiting ON alert_outbox (id) WHERE delivered_at IS NULL",
    ),
    (
        # What the story window is built from again, in the order of `seq`; older rows than a window are removed.
        """CREATE TABLE story_state (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            article_id TEXT NOT NULL UNIQUE,
            time_us INTEGER NOT NULL,
            record BLOB NOT NULL
        )""",
        "CREATE INDEX story_state_by_time ON story_state (time_us)",
    ),
    (
        # What the trends are counted from again, and what they have found.
        "CREATE TABLE trend_state (key TEXT PRIMARY KEY, time_us INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE trends (
            trend_id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            hour_us INTEGER NOT NULL,
            found_us INTEGER NOT NULL,
            record BLOB NOT NULL
        )""",
        "CREATE INDEX trends_by_hour ON trends (hour_us)",
    ),
    (
        # What articles are counted by, so that counting reads no documents.
        """CREATE TABLE facets (
            seq INTEGER PRIMARY KEY,
            language TEXT NOT NULL,
            source TEXT,
            country TEXT,
            ownership TEXT NOT NULL
        )""",
        """CREATE TABLE article_topics (
            seq INTEGER NOT NULL, topic TEXT NOT NULL, PRIMARY KEY (seq, topic)
        ) WITHOUT ROWID""",
        """INSERT INTO facets SELECT seq, json_extract(record, '$.language'),
            coalesce(json_extract(record, '$.source_id'), json_extract(record, '$.source_name')),
            json_extract(record, '$.country'), json_extract(record, '$.ownership')
            FROM (SELECT seq, CAST(document AS TEXT) AS record FROM documents)""",
        """INSERT OR IGNORE INTO article_topics SELECT seq, json_extract(topic.value, '$.id')
            FROM documents, json_each(CAST(document AS TEXT), '$.topics') AS topic""",
    ),
    (
        # The documents of the stories; `merged_into` is set where one was found to be another.
        """CREATE TABLE stories (
            seq INTEGER PRIMARY KEY,
            story_id TEXT NOT NULL UNIQUE,
            first_us INTEGER NOT NULL,
            last_us INTEGER NOT NULL,
            articles INTEGER NOT NULL,
            merged_into TEXT,
            document BLOB NOT NULL
        )""",
        "CREATE INDEX stories_by_time ON stories (last_us)",
        """CREATE TABLE story_keys (
            story_id TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (story_id, key)
        ) WITHOUT ROWID""",
        "CREATE INDEX story_keys_by_key ON story_keys (key, story_id)",
    ),
    (
        # When the story began, so that old stories are found by name and day.
        "ALTER TABLE story_keys ADD COLUMN first_us INTEGER NOT NULL DEFAULT 0",
        "UPDATE story_keys SET first_us = (SELECT first_us FROM stories AS s WHERE s.story_id = story_keys.story_id)",
        "CREATE INDEX story_keys_by_time ON story_keys (key, first_us)",
    ),
    (
        # The table of the first step was never written.
        "DROP TABLE IF EXISTS alert_outbox",
        """CREATE TABLE alerts (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            alert_id TEXT NOT NULL UNIQUE,
            rule_id TEXT NOT NULL,
            story_id TEXT,
            severity TEXT NOT NULL,
            created_us INTEGER NOT NULL,
            acknowledged_us INTEGER,
            record BLOB NOT NULL
        )""",
        "CREATE INDEX alerts_by_time ON alerts (created_us)",
        "CREATE INDEX alerts_by_rule ON alerts (rule_id, created_us)",
        """CREATE TABLE alert_deliveries (
            key TEXT PRIMARY KEY,
            alert_id TEXT NOT NULL,
            destination TEXT NOT NULL,
            due_us INTEGER NOT NULL,
            batch TEXT,
            status TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            first_tried_us INTEGER,
            finished_us INTEGER,
            detail TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX alert_deliveries_by_alert ON alert_deliveries (alert_id)",
        "CREATE INDEX alert_deliveries_open ON alert_deliveries (status, due_us) WHERE status != 'sent'",
        "CREATE TABLE alert_state (story_id TEXT PRIMARY KEY, time_us INTEGER NOT NULL, record BLOB NOT NULL)",
        "CREATE INDEX alert_state_by_time ON alert_state (time_us)",
        """CREATE TABLE alert_mutes (
            rule_id TEXT NOT NULL,
            story_id TEXT NOT NULL,
            until_us INTEGER NOT NULL,
            PRIMARY KEY (rule_id, story_id)
        ) WITHOUT ROWID""",
    ),
    ("CREATE INDEX IF NOT EXISTS alerts_by_story ON alerts (story_id, rule_id)",),
)


def check(connection: sqlite3.Connection, path: Path) -> int:
    """Return how many migrations the database has behind it.

    Raises:
        StoreHalted: it is somebody else's database.
        NewerDatabase: a newer Rasad wrote it.
    """
    version, application, tables = _state(connection)
    is_empty = tables == 0
    if application != APPLICATION_ID and not is_empty:
        raise StoreHalted(f"{path} is a database of another program: set store.path to a file of its own")
    if version > len(MIGRATIONS):
        raise NewerDatabase(
            f"{path} was written by a newer Rasad (database version {version}, this one knows up to "
            f"{len(MIGRATIONS)}): upgrade Rasad, or set store.path to another file"
        )
    return version


def _state(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return version, application and number of tables, all of one moment: another process may be making them."""
    is_outermost = not connection.in_transaction
    if is_outermost:
        connection.execute("BEGIN")
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        return version, application, tables
    finally:
        if is_outermost and connection.in_transaction:
            connection.execute("ROLLBACK")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database to the newest version: all missing steps, or none of them.

    Raises:
        StoreHalted, NewerDatabase: as `check`.
    """
    if check(connection, path) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again: another process may have migrated while this one waited for the lock.
        for step in MIGRATIONS[check(connection, path) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
