"""Many connections at once: 2,000 that wait, and 500 that stream."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.chaos.faults import WORD
from tests.chaos.outcomes import WHOLE, outcome, settle
from tests.chaos.test_upstream import ask, body
from tests.chaos.vitals import recovered, vitals, watched
from tests.support.clients import App, connected, request
from tests.support.completions import END
from tests.support.stage import RUNNING, Stage, stage
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, chunk

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

IDLE, ACTIVE = 2000, 500
EVENTS, PAUSE = 20, 0.5
"""Of each stream: events, and seconds between two."""
DESCRIPTORS = 2 * (IDLE + 2 * ACTIVE)
BUDGET = 90.0
"""Seconds in which all streams must have ended, on a machine whose other core plays apps and upstream."""


@pytest.fixture(autouse=True)
def roomy() -> Iterator[None]:
    """Descriptors enough for apps and upstream; the proxy inherits the limit."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < DESCRIPTORS:
        pytest.skip(f"a process may have {most} descriptors, which is less than {DESCRIPTORS}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, DESCRIPTORS), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


async def paced(connection: Connection) -> None:
    """A stream of `EVENTS` events; "good" is answered at once."""
    slow = connection.asked.json["messages"][-1]["content"] != "good"
    await connection.send(STREAM_HEAD)
    for _ in range(EVENTS if slow else 1):
        await connection.send(WORD)
        await asyncio.sleep(PAUSE if slow else 0)
    await connection.send(chunk(END) + STREAM_END)
    connection.writer.close()  # or the proxy would keep 500 connections for a minute, to use them again


async def streamed(found: Stage) -> str:
    async with found.local() as app:
        app.patience = BUDGET
        await app.send(request(body=body("slow", stream=True), host="localhost"))
        return outcome(await app.reply())


async def good(app: App) -> str:
    async with asyncio.timeout(10):
        return await ask(app, "good", stream=True)


async def test_a_crowd_is_served(tmp_path: Path, confdir: Path) -> None:
    async with stage(tmp_path, confdir, RUNNING, environ=watched(tmp_path)) as found:
        await found.says(paced)
        async with found.local() as app:
            assert await good(app) == WHOLE
        before = await vitals(found.process, tmp_path)
        idle: list[App] = []
        async with AsyncExitStack() as waiting:
            for _ in range(IDLE):
                idle.append(await waiting.enter_async_context(connected(found.reverse)))
            got = {f"{IDLE:,} connections wait": {"gets": await good(idle[-1])}}
            streams = [asyncio.create_task(streamed(found)) for _ in range(ACTIVE)]
            await asyncio.sleep(EVENTS * PAUSE / 2)
            amid = await good(idle[0])
            outcomes = set(await asyncio.gather(*streams))
            told = ", ".join(sorted(outcomes))
            got[f"{ACTIVE:,} streams besides"] = {"gets": told if amid == WHOLE else f"{told}; amid them {amid}"}
            assert await good(idle[IDLE // 2]) == WHOLE
        assert not await recovered(found.process, tmp_path, before, memory=150.0)
    settle("crowd", got)
