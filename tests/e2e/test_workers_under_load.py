"""Steady load while the proxy is loaded anew, loses a worker, and is told to stop: apps notice nothing of the first."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, fleet
from tests.support.stage import ANSWER, DONE, event
from tests.support.steady import steady
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Upstream, upstream, whole

pytestmark = pytest.mark.chaos

WHOLE, STREAMS = 6, 6
EVENTS, PAUSE = 20, 0.03
"""Of one stream: how many, and seconds between them."""


async def paced(connection: Connection) -> None:
    """An upstream that takes its time for streams."""
    if not connection.asked.json.get("stream"):
        await asyncio.sleep(PAUSE)
        await connection.send(whole(ANSWER))
        return
    await connection.send(STREAM_HEAD)
    for _ in range(EVENTS):
        await connection.send(event("word "))
        await asyncio.sleep(PAUSE)
    await connection.send(event("end", "stop") + DONE + STREAM_END)


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(paced) as found:
        yield found


async def loaded_anew(found: Fleet, times: int) -> None:
    """Load it anew, and wait until it is."""
    found.signal(signal.SIGHUP)
    await found.process.until("loaded anew: 2 workers", times)


@pytest.mark.timeout(240)
async def test_loaded_anew_again_and_again_it_loses_no_exchange(tmp_path: Path, confdir: Path, qwen: Upstream) -> None:
    async with fleet(tmp_path, confdir, qwen) as found:
        async with steady(found.port, whole=WHOLE, streams=STREAMS) as load:
            pids = set[int]()
            for times in range(1, 4):
                await asyncio.sleep(1)
                pids.update(await found.pids())
                await loaded_anew(found, times)
            pids.update(await found.pids())
            await asyncio.sleep(1)
        assert load.failures == []
        assert len(pids) == 8
        assert load.answers["whole"] > 100
        assert load.answers["stream"] > 20


@pytest.mark.timeout(240)
async def test_told_to_stop_it_answers_all_that_is_under_way(tmp_path: Path, confdir: Path, qwen: Upstream) -> None:
    """Each of its processes gets the signal, as from a service manager."""
    async with fleet(tmp_path, confdir, qwen) as found:
        async with steady(found.port, whole=WHOLE, streams=STREAMS) as load:
            await asyncio.sleep(3)
            load.ending = True
            for pid in (found.process.pid, *await found.pids()):
                os.kill(pid, signal.SIGTERM)
            assert await found.process.ended() == 0
        assert load.failures == []
        assert load.answers["stream"] >= STREAMS


@pytest.mark.timeout(240)
async def test_a_killed_worker_costs_its_own_exchanges_only(tmp_path: Path, confdir: Path, qwen: Upstream) -> None:
    """Each of the apps loses at most the one answer that was under way, or the connection that it kept.

    Of those whose answers were under way all are told, but for one: that which was being written just then.
    """
    async with fleet(tmp_path, confdir, qwen) as found:
        async with steady(found.port, whole=WHOLE, streams=STREAMS) as load:
            await asyncio.sleep(2)
            victim, other = await found.pids()
            os.kill(victim, signal.SIGKILL)
            await found.until(lambda workers: [each["restarts"] for each in workers] == [1, 0])
            before = sum(load.answers.values())
            await asyncio.sleep(1)
            assert sum(load.answers.values()) > before
            assert other in await found.pids()
        assert len(load.failures) < WHOLE + STREAMS
        told = [failure for failure in load.failures if failure.count("proxy_worker_gone") == 1]
        unasked = [failure for failure in load.failures if "Error" in failure and failure not in told]
        assert len(told) + len(unasked) >= len(load.failures) - 1
        assert not [failure for failure in told if "broken" in failure or "[DONE]" in failure]
        assert told
        (line,) = re.findall(r"worker 1 \(pid \d+\) has ended .*: (\d+) told so, (\d+) cut off", found.process.output)
        assert int(line[0]) == len(told)
        assert int(line[1]) <= 1
