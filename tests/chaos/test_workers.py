"""One of several workers is killed in mid-stream, or the launcher of all."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.outcomes import outcome, settle
from tests.support.clients import HELLO, App, connected, request
from tests.support.fleet import Fleet, fleet
from tests.support.launched import gone
from tests.support.processes import QWENPROXY, clean, running
from tests.support.streams import Slow, Streams, busy
from tests.support.upstream import Connection, upstream

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(200)]


class Late(Slow):
    """An upstream whose whole answers wait, too, for whom the test says so."""

    held = HELLO | {"messages": [{"role": "user", "content": "held"}]}

    async def __call__(self, connection: Connection) -> None:
        if connection.asked.json["messages"] == self.held["messages"]:
            await self.go_on.wait()
        await super().__call__(connection)


async def waiting(found: Fleet, stack: AsyncExitStack) -> App:
    """An app that waits for the first worker to answer; others may wait for the other one."""
    first = busyness(await found.workers())[0]
    for _ in range(50):
        total = sum(busyness(await found.workers()))
        app = await stack.enter_async_context(connected(found.port))
        await app.send(request(body=Late.held))
        now = await found.until(partial(busier, total=total))
        if busyness(now)[0] > first:
            return app
    raise AssertionError("they all wait for the other one")


def busyness(workers: list[Any]) -> list[int]:
    return [worker["under_way"] for worker in workers]


def busier(workers: list[Any], total: int) -> bool:
    return sum(busyness(workers)) > total


async def test_a_killed_worker_loses_its_own_streams_and_no_others(tmp_path: Path, confdir: Path) -> None:
    """Each of them is told.  New requests are served at once, and soon there are two again."""
    slow = Late()
    async with upstream(slow) as qwen, fleet(tmp_path, confdir, qwen) as found, AsyncExitStack() as stack:
        streams = Streams(stack, found.port)
        its_own, others = await busy(found, streams)
        held = await waiting(found, stack)
        victim, _ = await found.pids()
        os.kill(victim, signal.SIGKILL)
        app = await stack.enter_async_context(connected(found.port))
        following = outcome(await app.ask(body=HELLO))
        unanswered = outcome(await held.reply())
        slow.go_on.set()
        counts = Counter(map(outcome, await streams.rest()))
        await found.until(lambda workers: [each["restarts"] for each in workers] == [1, 0])
    assert found.process.output.count(f"worker 1 (pid {victim}) is gone (signal 9 ended it)") == 1
    kept, lost = sorted(counts)
    assert (counts[lost], counts[kept]) == (its_own, others)
    cases = {
        "a worker is killed before its answer has begun": unanswered,
        "a worker is killed in mid-stream": lost,
        "a worker is killed while another has the stream": kept,
        "a worker has been killed, and a request comes": following,
    }
    settle("workers", {case: {"gets": one} for case, one in cases.items()})


async def test_a_listener_that_the_launcher_has_not_is_refused(tmp_path: Path) -> None:
    words = ("run", "--workers", "2", "--port", "0", "--proxy-port", "0", "--set", "mode=regular@127.0.0.1:1")
    async with running((*QWENPROXY, *words), clean(tmp_path, auth="none")) as process:
        assert await process.ended() == 1
    assert "no listener of the launcher" in process.output.splitlines()[0]
    assert "Traceback" not in process.output


async def test_workers_whose_launcher_is_killed_finish_and_end(tmp_path: Path, confdir: Path) -> None:
    slow = Slow()
    async with upstream(slow) as qwen, fleet(tmp_path, confdir, qwen) as found, AsyncExitStack() as stack:
        streams = Streams(stack, found.port)
        await busy(found, streams)
        pids = await found.pids()
        found.signal(signal.SIGKILL)
        assert await gone(found.process.pid)
        slow.go_on.set()
        assert {reply.body[-14:] for reply in await streams.rest()} == {b"data: [DONE]\n\n"}
        for pid in pids:
            assert await gone(pid)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", found.port)
