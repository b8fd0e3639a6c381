"""The database file: its tables, how it is opened, and what is cleared away."""

import os
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

from qwenproxy.state import private

VERSION = 1
TABLES = """
CREATE TABLE responses (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, status TEXT NOT NULL, used REAL NOT NULL, runner TEXT,
    logged INTEGER NOT NULL, previous TEXT, conversation TEXT, place INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX responses_by_use ON responses (used);
CREATE INDEX responses_by_runner ON responses (runner) WHERE runner IS NOT NULL;
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, used REAL NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX conversations_by_use ON conversations (used);
CREATE TABLE items (
    holder TEXT NOT NULL, side INTEGER NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL,
    body BLOB NOT NULL, UNIQUE (holder, side, place)
) STRICT;
CREATE INDEX items_by_id ON items (id);
CREATE TABLE events (
    response TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (response, first)
) STRICT;
"""
"""Bodies are JSON, those of events several encoded ones one after the other."""

PATIENCE = 10.0  # s, to wait for other processes that write
JOURNAL = 8 * 1024 * 1024
"""Bytes of the write-ahead log that stay when it has been worked off."""
EVERY = 60.0  # s, between two looks for what is too old
ENOUGH = 0.9
"""Of the room, what is left full when there was not enough of it."""
SOME = 50
"""Of what was used longest ago, how many are cleared away at a time."""

RUNNING = "('queued', 'in_progress')"
OLDEST = f"""
SELECT id, used FROM responses WHERE status NOT IN {RUNNING}
UNION ALL SELECT id, used FROM conversations ORDER BY used LIMIT {SOME}
"""


class Bounds(NamedTuple):
    """How long something is kept that nobody uses (s), and how much there is room for (bytes)."""

    lifetime: float
    room: int


def connect(path: Path | None, tables: str = TABLES) -> sqlite3.Connection:
    """The database at *path*, made if need be with *tables*, for its owner's eyes only; in memory without one.

    Raises sqlite3.Error or OSError.
    """
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its other files the same rights
        for suffix in ("", "-wal", "-shm"):
            private.close(path.with_name(f"{path.name}{suffix}"))
    connection = sqlite3.connect(path or ":memory:", timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, tables)
    except BaseException:  # interrupted, too: an open connection would hold the file
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, tables: str) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # with WAL, a crash of the process loses nothing
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL}")
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise sqlite3.DatabaseError(f"it is of another version of the proxy ({version}, not {VERSION})")
    if version == 0:
        for statement in tables.split(";\n")[:-1]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


class Broom:
    """Clears away what is too old, and what there is no room for."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._next = 0.0

    def sweep(self, connection: sqlite3.Connection) -> None:
        now = time.time()
        if now >= self._next:
            self._next = now + EVERY
            self._by_age(connection, now - self._bounds.lifetime)
        if size(connection) > self._bounds.room:
            self._by_size(connection)

    def _by_age(self, connection: sqlite3.Connection, before: float) -> None:
        while old := [name for name, used in connection.execute(OLDEST).fetchall() if used < before]:
            clear(connection, old)

    def _by_size(self, connection: sqlite3.Connection) -> None:
        while size(connection) > self._bounds.room * ENOUGH:
            oldest = [name for name, _ in connection.execute(OLDEST).fetchall()]
            if not oldest:
                break
            clear(connection, oldest)
        connection.execute("PRAGMA incremental_vacuum").fetchall()


def size(connection: sqlite3.Connection) -> int:
    """The bytes in use."""
    pages, free, each = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * each)


def clear(connection: sqlite3.Connection, names: list[str]) -> None:
    """Forget the responses and conversations *names*, with all that is theirs."""
    for statement in (
        "DELETE FROM responses WHERE id = ?",
        "DELETE FROM conversations WHERE id = ?",
        "DELETE FROM items WHERE holder = ?",
        "DELETE FROM events WHERE response = ?",
    ):
        connection.executemany(statement, [(name,) for name in names])
