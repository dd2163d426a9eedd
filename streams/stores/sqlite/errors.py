"""SQLite's faults as the store's own, each with what to do about it.

StoreError
├── StoreUnavailable    locked for very long, disk full, I/O error: may pass
└── StoreHalted         damaged, not ours, read-only, cannot be opened: a person must act
    └── NewerDatabase   a newer Rasad wrote it
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.stores.base import StoreError, StoreHalted, StoreUnavailable


class NewerDatabase(StoreHalted):
    """The database was written by a newer Rasad, whose tables this one does not know."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn every `sqlite3.Error` of the block into a `StoreError` that names `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, path) from error


def is_busy(error: sqlite3.Error) -> bool:
    """Say whether `error` means that another process holds the database."""
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _primary_code(error: sqlite3.Error) -> int:
    # Errors that Python's module raises by itself (a closed connection) have no code.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _translate(error: sqlite3.Error, path: Path) -> StoreError:
    code = _primary_code(error)
    if is_busy(error):
        return StoreUnavailable(
            f"{path} is locked by another process for too long: is a backup or another agent at work?"
        )
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailable(f"no space left for {path}: free some on that disk; nothing that was stored is lost")
    if code == sqlite3.SQLITE_READONLY:
        return StoreHalted(f"{path} cannot be written: give this user write permission to the file and its folder")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreHalted(
            f"{path} cannot be opened: check that its folder exists and that this user may read and write in it"
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StoreHalted(
            f"{path} is not a database of Rasad, or it is damaged ({error}): move it away "
            "(with its -wal and -shm files) and start again, or put a copy of it back"
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreUnavailable(f"reading or writing {path} failed ({error}): check that disk")
    return StoreUnavailable(f"{path}: {error}")
