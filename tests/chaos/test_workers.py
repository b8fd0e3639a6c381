"""One of several workers is killed in mid-stream, or the launcher of all."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.chaos.outcomes import outcome, settle
from tests.chaos.test_apps import CLOSED
from tests.support.clients import HELLO, Reply, connected
from tests.support.fleet import fleet
from tests.support.launched import gone
from tests.support.processes import QWENPROXY, clean, running
from tests.support.streams import Slow, Streams, busy
from tests.support.upstream import upstream

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(200)]


def got(reply: Reply) -> str:
    """What came of *reply*; one that breaks off must not look like one that has ended."""
    return CLOSED if reply.broken and b"[DONE]" not in reply.body else outcome(reply)


async def test_a_killed_worker_loses_its_own_streams_and_no_others(tmp_path: Path, confdir: Path) -> None:
    """New requests are served at once, and soon there are two again."""
    slow = Slow()
    async with upstream(slow) as qwen, fleet(tmp_path, confdir, qwen) as found, AsyncExitStack() as stack:
        streams = Streams(stack, found.port)
        its_own, others = await busy(found, streams)
        victim, _ = await found.pids()
        os.kill(victim, signal.SIGKILL)
        app = await stack.enter_async_context(connected(found.port))
        following = got(await app.ask(body=HELLO))
        slow.go_on.set()
        counts = Counter(map(got, await streams.rest()))
        await found.until(lambda workers: [each["restarts"] for each in workers] == [1, 0])
    assert found.process.output.count(f"worker 1 (pid {victim}) is gone (signal 9 ended it)") == 1
    lost, kept = sorted(counts, key=lambda each: each != CLOSED)
    assert (counts[lost], counts[kept]) == (its_own, others)
    cases = {
        "a worker is killed in mid-stream": lost,
        "a worker is killed while another has the stream": kept,
        "a worker has been killed, and a request comes": following,
    }
    settle("workers", {case: {"gets": one} for case, one in cases.items()}, {CLOSED})


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
