"""A thread that owns a database connection, so that nothing waits for the disk on the event loop.

Jobs run in the order in which they come.  Those that have gathered meanwhile share one transaction, so a busy proxy
commits no more often than the disk can; a job is answered only once its transaction is committed.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple

QUEUE = 1_000
"""Jobs that may wait; whoever brings more has to wait as well."""
BATCH = 100
"""Jobs in one transaction."""
PAUSE = 0.005  # s, until a full queue is looked at again

type Job[T] = Callable[[sqlite3.Connection], T]


class _Work(NamedTuple):
    job: Job[Any]
    done: Future[Any]


class Worker:
    """Runs jobs on the connection that *connect* opens when the first one comes; *tidy* ends every transaction."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], tidy: Callable[[sqlite3.Connection], None]) -> None:
        self._connect = connect
        self._tidy = tidy
        self._queue: queue.Queue[_Work | None] = queue.Queue(QUEUE)
        self._thread: threading.Thread | None = None

    async def run[T](self, job: Job[T]) -> T:
        """What *job* returns.  Raises what it raises, and sqlite3.Error or OSError if nothing can be done at all."""
        done: Future[T] = Future()
        work = _Work(job, done)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="qwenproxy state", daemon=True)
            self._thread.start()
        await self._put(work)
        return await asyncio.wrap_future(done)

    async def close(self) -> None:
        """Finish what is waiting, and close the connection."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await self._put(None)
            await asyncio.to_thread(thread.join)

    async def _put(self, work: _Work | None) -> None:
        while True:
            try:
                return self._queue.put_nowait(work)
            except queue.Full:
                await asyncio.sleep(PAUSE)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while batch := self._batch():
                try:
                    connection = connection or self._connect()
                except (sqlite3.Error, OSError) as e:
                    _fail(batch, e)
                    continue
                self._carry_out(connection, batch)
        finally:
            if connection is not None:
                connection.close()

    def _batch(self) -> list[_Work]:
        """What is waiting, at least one; nothing at the end."""
        batch: list[_Work] = []
        work = self._queue.get()
        while work is not None:
            if work.done.set_running_or_notify_cancel():
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

    def _carry_out(self, connection: sqlite3.Connection, batch: list[_Work]) -> None:
        results: list[tuple[_Work, Any, Exception | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [_attempt(connection, work) for work in batch]
            self._tidy(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as e:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            _fail(batch, e)
            return
        for work, result, error in results:
            if error is not None:
                work.done.set_exception(error)
            else:
                work.done.set_result(result)


def _attempt(connection: sqlite3.Connection, work: _Work) -> tuple[_Work, Any, Exception | None]:
    """*work*, done or undone: it must not take others of its transaction with it."""
    connection.execute("SAVEPOINT job")
    try:
        result = work.job(connection)
    except Exception as e:  # whoever has brought the job is told
        connection.execute("ROLLBACK TO job")
        return work, None, e
    finally:
        connection.execute("RELEASE job")
    return work, result, None


def _fail(batch: list[_Work], error: Exception) -> None:
    for work in batch:
        work.done.set_exception(error)
