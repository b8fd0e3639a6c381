"""The thread that owns the connection."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial

import pytest

from qwenproxy.state.worker import BATCH, QUEUE, Worker


def connect() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE numbers (n INTEGER)")
    return connection


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY rowid")]


SWEPT: list[int] = []


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    SWEPT.clear()
    found = Worker(connect, lambda connection: SWEPT.append(len(numbers(connection))))
    yield found
    await found.close()


async def test_jobs_are_done_in_their_order_and_share_transactions(worker: Worker) -> None:
    def add(connection: sqlite3.Connection, number: int) -> None:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))

    many = 2 * QUEUE
    await asyncio.gather(*(worker.run(partial(add, number=n)) for n in range(many)))
    assert sorted(await worker.run(numbers)) == list(range(many))
    assert many // BATCH <= len(SWEPT) < many


async def test_a_job_that_fails_is_undone_alone(worker: Worker) -> None:
    def wrong(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (1)")
        raise LookupError("no")

    def right(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (2)")

    results = await asyncio.gather(worker.run(wrong), worker.run(right), return_exceptions=True)
    assert isinstance(results[0], LookupError)
    assert await worker.run(numbers) == [2]


async def test_what_cannot_be_opened_is_tried_again() -> None:
    tries: list[int] = []

    def late() -> sqlite3.Connection:
        tries.append(1)
        if len(tries) == 1:
            raise PermissionError("no")
        return connect()

    worker = Worker(late, lambda connection: None)
    with pytest.raises(PermissionError):
        await worker.run(numbers)
    assert await worker.run(numbers) == []
    await worker.close()


async def test_all_is_done_before_the_end(worker: Worker) -> None:
    def slow(connection: sqlite3.Connection) -> int:
        return len(numbers(connection))

    waiting = [asyncio.ensure_future(worker.run(slow)) for _ in range(10)]
    await asyncio.sleep(0)
    await worker.close()
    assert await asyncio.gather(*waiting) == [0] * 10
