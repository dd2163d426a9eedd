"""The article store in one SQLite file."""

from streams.stores.sqlite.errors import NewerDatabase
from streams.stores.sqlite.store import SqliteStore, StoredQuarantine, StoredRevision
from streams.stores.sqlite.transaction import SqliteTransaction

__all__ = ["NewerDatabase", "SqliteStore", "SqliteTransaction", "StoredQuarantine", "StoredRevision"]
