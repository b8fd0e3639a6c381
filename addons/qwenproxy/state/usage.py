"""What was used, by day, client key and model, in an SQLite file that several processes share."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qwenproxy.state.base import Use
from qwenproxy.state.database import connect

TABLES = """
CREATE TABLE uses (
    day TEXT NOT NULL, key TEXT NOT NULL, model TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, PRIMARY KEY (day, key, model)
) STRICT, WITHOUT ROWID;
"""
FIGURES = Use._fields[3:]
ADD = f"INSERT INTO uses VALUES ({', '.join('?' * len(Use._fields))}) ON CONFLICT DO UPDATE SET " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in FIGURES
)


@dataclass(frozen=True)
class UsageFile:
    """The usage in the file at *path*, forgotten after *lifetime* seconds; opened for each call, since they are few."""

    path: Path
    lifetime: float
    now: Callable[[], float] = time.time

    def add(self, uses: Sequence[Use], batch: str = "") -> None:
        """In one transaction, so that an error says that nothing was added: *batch* is not needed."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(ADD, uses)
            connection.execute("DELETE FROM uses WHERE day < ?", (day_of(self.now() - self.lifetime),))
            connection.execute("COMMIT")

    def read(self, since: str) -> list[Use]:
        if not self.path.exists():
            return []
        with self._opened() as connection:
            rows = connection.execute("SELECT * FROM uses WHERE day >= ? ORDER BY day, key, model", (since,))
            return [Use(*row) for row in rows]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = connect(self.path, TABLES)
            try:
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as e:
            raise OSError(f"{self.path}: {e}") from e


def day_of(seconds: float) -> str:
    """The day (UTC) of a moment in seconds since 1970."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
