"""A thread that owns a database connection, so that nothing waits for the disk on the event loop.

Jobs run in the order in which they come.  Those that have gathered meanwhile share one transaction, so a busy proxy
commits no more often than the disk can; a job is answered only once its transaction is committed.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

QUEUE = 1_000
"""Jobs that may wait; whoever brings more has to wait as well."""
BATCH = 100
"""Jobs in one transaction."""

type Job[T] = Callable[[sqlite3.Connection], T]
type Outcome = tuple[asyncio.Future[Any], Any, Exception | None]
"""Whom to tell, and what: a result or an error."""


class _Work(NamedTuple):
    job: Job[Any]
    done: asyncio.Future[Any]


class Worker:
    """Runs jobs on the connection that *connect* opens when the first one comes; *tidy* ends every transaction.

    All jobs come from one event loop.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], tidy: Callable[[sqlite3.Connection], None]) -> None:
        self._connect = connect
        self._tidy = tidy
        self._room = asyncio.Semaphore(QUEUE)
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run[T](self, job: Job[T]) -> T:
        """What *job* returns.  Raises what it raises, and sqlite3.Error or OSError if nothing can be done at all."""
        async with self._room:
            done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="qwenproxy state", daemon=True)
                self._thread.start()
            self._queue.put(_Work(job, done))
            return await done

    async def close(self) -> None:
        """Finish what is waiting, and close the connection."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while batch := self._batch():
                try:
                    connection = connection or self._connect()
                except (sqlite3.Error, OSError) as e:
                    _tell([(work.done, None, e) for work in batch])
                    continue
                _tell(self._carry_out(connection, batch))
        finally:
            if connection is not None:
                connection.close()

    def _batch(self) -> list[_Work]:
        """What is waiting, at least one; nothing at the end."""
        batch: list[_Work] = []
        work = self._queue.get()
        while work is not None:
            if not work.done.cancelled():
                batch.append(work)
            if len(batch) >= BATCH:
                return batch
            try:
                work = self._queue.get_nowait() if batch else self._queue.get()
            except queue.Empty:
                return batch
        if batch:
            self._queue.put(None)  # the end comes with the next call
        return batch

    def _carry_out(self, connection: sqlite3.Connection, batch: list[_Work]) -> list[Outcome]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [_attempt(connection, work) for work in batch]
            self._tidy(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as e:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            return [(work.done, None, e) for work in batch]
        return outcomes


def _attempt(connection: sqlite3.Connection, work: _Work) -> Outcome:
    """*work*, done or undone: it must not take others of its transaction with it."""
    connection.execute("SAVEPOINT job")
    try:
        result = work.job(connection)
    except Exception as e:  # whoever has brought the job is told
        connection.execute("ROLLBACK TO job")
        return work.done, None, e
    finally:
        connection.execute("RELEASE job")
    return work.done, result, None


def _tell(outcomes: list[Outcome]) -> None:
    """Tell all at once: each call of the loop from here costs a wait for the interpreter."""
    with suppress(RuntimeError):  # the loop has ended: nobody waits any more
        outcomes[0][0].get_loop().call_soon_threadsafe(_settle, outcomes)


def _settle(outcomes: list[Outcome]) -> None:
    for done, result, error in outcomes:
        if done.cancelled():
            continue
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)
