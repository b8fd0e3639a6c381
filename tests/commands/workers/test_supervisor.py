"""So many workers, come what may."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from qwenproxy.commands.workers.process import NotStarted, Worker
from qwenproxy.commands.workers.supervisor import Supervisor
from tests.commands.workers.little import little
from tests.support.clock import until
from tests.support.launched import has_ended


class Recruits:
    """Starts little workers, with the next of *orders*, the last one again and again."""

    def __init__(self, *orders: dict[str, Any]) -> None:
        self.orders = list(orders) or [{}]
        self.started: list[Worker] = []

    async def __call__(self, number: int) -> Worker:
        order = self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]
        if "error" in order:
            raise OSError(order["error"])
        self.started.append(await little(number, order))
        return self.started[-1]


@asynccontextmanager
async def supervised(recruits: Recruits, count: int = 2) -> AsyncIterator[Supervisor]:
    """While they work; none of them is left at the end."""
    found = Supervisor(count, recruits, jitter=lambda: 0.0)
    try:
        yield found
    finally:
        await found.stop()
        assert all([has_ended(worker.pid) for worker in recruits.started])


def pids(of: Supervisor) -> dict[int, int]:
    return {number: worker.pid for number, worker in sorted(of.workers.items())}


def kill(of: Supervisor, number: int) -> None:
    os.kill(of.workers[number].pid, signal.SIGKILL)


def replaced(of: Supervisor, number: int, before: int) -> Callable[[], bool]:
    return lambda: number in of.workers and of.workers[number].pid != before


async def test_the_first_one_is_ready_before_the_others_start() -> None:
    async with supervised(recruits := Recruits(), 3) as found:
        await found.begin()
        assert list(pids(found)) == [1, 2, 3]
        assert recruits.started[1].since >= recruits.started[0].since


async def test_if_the_first_does_not_start_none_does() -> None:
    async with supervised(recruits := Recruits({"status": 2})) as found:
        with pytest.raises(NotStarted) as caught:
            await found.begin()
    assert (caught.value.status, len(recruits.started)) == (2, 1)


async def test_one_that_dies_is_replaced_at_once_and_the_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    async with supervised(Recruits()) as found:
        await found.begin()
        before = pids(found)
        kill(found, 2)
        assert await until(replaced(found, 2, before[2]))
        assert found.workers[1].pid == before[1]
        assert dict(found.restarts) == {2: 1}
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"worker 2 (pid {before[2]}) is gone (signal 9 ended it): another one starts now"


async def test_one_that_dies_again_and_again_is_replaced_after_growing_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with supervised(Recruits({}, {}, {"status": 1})) as found:
        await found.begin()
        kill(found, 1)
        assert await until(lambda: len(caplog.records) == 3)
        assert list(pids(found)) == [2], "it goes on with the other"
    told = [record.getMessage().rpartition(": ")[2] for record in caplog.records]
    assert told == ["another one starts now", "another one starts in 1 s", "another one starts in 2 s"]


async def test_one_for_which_the_system_has_no_room_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async with supervised(Recruits({}, {}, {"error": "no memory"}, {})) as found:
        await found.begin()
        before = pids(found)
        kill(found, 1)
        assert await until(replaced(found, 1, before[1]))
    assert [record.getMessage().rpartition("(")[2] for record in caplog.records] == [
        "signal 9 ended it): another one starts now",
        "no memory): another one starts in 1 s",
    ]


async def test_loaded_anew_all_are_replaced_and_the_old_ones_end() -> None:
    async with supervised(recruits := Recruits()) as found:
        await found.begin()
        before = pids(found)
        assert await found.reload()
        assert not set(before.values()) & set(pids(found).values())
        assert await until(lambda: all([has_ended(pid) for pid in before.values()]))
        assert (len(recruits.started), dict(found.restarts)) == (4, {})


async def test_if_a_new_one_does_not_start_the_old_ones_stay(caplog: pytest.LogCaptureFixture) -> None:
    async with supervised(Recruits({}, {}, {"status": 2}, {})) as found:
        await found.begin()
        before = pids(found)
        assert not await found.reload()
        assert pids(found) == before
        assert "the new worker 1 did not start (it ended with status 2); the old ones go on" in caplog.text
        assert await found.reload(), "once that is put right"


async def test_in_a_hurry_even_the_deaf_end(caplog: pytest.LogCaptureFixture) -> None:
    async with supervised(Recruits({"deaf": True})) as found:
        await found.begin()
        stopping = asyncio.ensure_future(found.stop())
        await asyncio.sleep(0)
        found.quit()
        async with asyncio.timeout(4):
            await stopping
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
