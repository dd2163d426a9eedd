"""Opening the database: one connection that writes, short-lived ones that read."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from streams.stores.base import StoreHalted
from streams.stores.sqlite import schema
from streams.stores.sqlite.errors import is_busy

BUSY_SECONDS = 30.0
"""How long a statement waits for another process. Write transactions are short; only a backup holds on for seconds."""
T = TypeVar("T")
_WRITER_CACHE_KIB = 16_384


def open_writer(path: Path) -> sqlite3.Connection:
    """Open `path` for writing; folder, file and tables are made where missing.

    Raises:
        StoreHalted: the folder cannot be made, or the file is not ours.
        sqlite3.Error: anything else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreHalted(
            f"the folder {path.parent} cannot be made: {error.strerror}; set store.path to another"
        ) from error
    connection = _connect(path, "rwc")
    try:
        _patiently(lambda: _prepare(connection, path))
    except BaseException:
        connection.close()
        raise
    return connection


def _patiently(step: Callable[[], T]) -> T:
    """Do `step`, again and again while the database is locked: a file that is just being made, or changed to WAL mode,
    answers so at once, without waiting."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up:
                raise
        time.sleep(random.uniform(0.01, 0.1))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    schema.check(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL can lose the last transactions to a power cut (never to a crash of the process), but it
    # cannot tear one apart. A feed's state is in the same transaction as its articles, so what is lost is
    # collected again.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    schema.migrate(connection, path)


def open_reader(path: Path) -> sqlite3.Connection:
    """Open `path` for reading only, also while another process writes it.

    Raises:
        StoreHalted: there is no such file, or its tables are older than this Rasad.
        sqlite3.Error: anything else.
    """
    if not path.exists():
        raise StoreHalted(f"there is no {path} yet: start `rasad run` (or set store.path to the file that it writes)")
    connection = _connect(path, "ro")
    try:
        version = _patiently(lambda: schema.check(connection, path))
    except sqlite3.OperationalError as error:
        connection.close()
        # Reading in WAL mode needs a shared-memory file beside the database. In a folder that this user may not write,
        # that cannot be made; but without a -wal file nobody is writing, and the file can be read as it stands.
        no_shared_memory = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        may_write = os.access(path.parent, os.W_OK)
        if may_write or not no_shared_memory or path.with_name(path.name + "-wal").exists():
            raise
        connection = _connect(path, "ro&immutable=1")
        version = schema.check(connection, path)
    except BaseException:
        connection.close()
        raise
    if version == 0:
        connection.close()
        raise StoreHalted(f"there is nothing in {path} yet: start `rasad run`, or wait until it has made its tables")
    if version < len(schema.MIGRATIONS):
        connection.close()
        raise StoreHalted(f"{path} was written by an older Rasad: start `rasad run` once, which brings it up to date")
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Autocommit: transactions are begun by name. Threads take turns under a lock of ours, so SQLite's check is in the
    # way.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
