"""A worker as its launcher sees it."""

import asyncio
import socket

import pytest

from qwenproxy.commands.workers import process
from qwenproxy.commands.workers.process import NotStarted
from tests.commands.workers.little import PROGRAM, little


async def test_it_says_that_it_is_ready_counts_and_ends_when_told() -> None:
    worker = await little(3)
    await worker.ready()
    assert worker.facts == {"drain_timeout": 0, "worker": "3"}
    assert list(await asyncio.gather(worker.count(), worker.count())) == [7, 7]
    await worker.end("drain")
    assert await worker.ended() == 0
    assert await worker.count() is None


@pytest.mark.parametrize("word", ["drain", "quit"])
async def test_what_it_is_told_is_what_it_does(word: str) -> None:
    worker = await little(1, {word: 9})
    await worker.ready()
    worker.tell(word)
    assert await worker.ended() == 9


async def test_one_that_ends_before_it_is_ready_has_not_started() -> None:
    worker = await little(1, {"status": 2})
    with pytest.raises(NotStarted, match="status 2") as caught:
        await worker.ready()
    assert caught.value.status == 2


async def test_one_that_does_not_end_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LATE", 0.1)
    worker = await little(1, {"deaf": True})
    await worker.ready()
    await worker.end("drain")
    assert await worker.ended() == -9


async def test_one_that_nobody_waits_for_any_more_is_killed() -> None:
    worker = await process.start(1, {}, (), {}, (*PROGRAM[:-1], "import time; time.sleep(60)"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(worker.ready(), 0.2)
    assert await worker.ended() == -9


async def test_it_has_the_sockets_of_its_launcher_under_their_numbers() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number = listener.fileno()
        told = f"import socket, sys; sys.exit(socket.socket(fileno={number}).getsockname()[1] % 200)"
        worker = await process.start(1, {}, [listener], {}, (*PROGRAM[:-1], told))
        assert await worker.ended() == listener.getsockname()[1] % 200
