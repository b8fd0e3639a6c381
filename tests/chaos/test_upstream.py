"""An upstream that fails in every way: the app gets a whole answer or one clear error in time, and the next is served.

What it gets is kept in `tests/golden/chaos.json`, of which the README's table is made.  With WRITE_TABLE set a run
writes there what it finds.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS, IDLE, ORDER, ordered
from tests.chaos.outcomes import WHOLE, outcome, settle
from tests.chaos.vitals import recovered, vitals, watched
from tests.support.clients import App
from tests.support.evidence import APP_KEY, UPSTREAM_KEY, found_in
from tests.support.stage import RUNNING, Stage, dumping, stage

SETTINGS = {"idle_timeout": f"{IDLE}", "heartbeat": "0.3", "api_key": UPSTREAM_KEY}
WAYS = {
    "qwenproxy run": (RUNNING, "listening reverse=", 1),
    "mitmdump -s": (dumping(), "listening at", 2),
}


def body(prompt: str, *, stream: bool = False) -> dict[str, object]:
    return {"model": "qwen3-coder-plus", "messages": [{"role": "user", "content": prompt}], "stream": stream}


async def ask(app: App, prompt: str, *, stream: bool) -> str:
    reply = await app.ask(body=body(prompt, stream=stream), host="localhost", authorization=f"Bearer {APP_KEY}")
    return outcome(reply)


async def suffer(found: Stage, fault: str, *, stream: bool) -> str:
    """What an app gets of *fault* within its time; then a good answer, over the same connection."""
    budget = FAULTS[fault].budget
    async with found.local() as app:
        try:
            async with asyncio.timeout(budget):
                got = await ask(app, ORDER + fault, stream=stream)
        except TimeoutError:
            return f"nothing in {budget} s"
        next_one = await ask(app, "good", stream=stream)
    return got if next_one == WHOLE else f"{got}, and the next one {next_one}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["qwenproxy run", pytest.param("mitmdump -s", marks=pytest.mark.chaos)])
async def test_whatever_the_upstream_does(way: str, tmp_path: Path, confdir: Path) -> None:
    command, ready, times = WAYS[way]
    async with stage(
        tmp_path, confdir, command, SETTINGS, ready=ready, times=times, environ=watched(tmp_path)
    ) as found:
        await found.says(ordered)
        for stream in (False, True):
            await suffer(found, "drips, 16 bytes at a time", stream=stream)
        before = await vitals(found.process, tmp_path)
        got = {
            fault: {kind: await suffer(found, fault, stream=kind == "streamed") for kind in kinds(fault)}
            for fault in FAULTS
        }
        assert not await recovered(found.process, tmp_path, before)
        assert not found_in(found.process.output.encode())
    settle("upstream", got)


def kinds(fault: str) -> Sequence[str]:
    """A flood of events is a stream."""
    return ("streamed",) if fault == "floods with 20,000 events" else ("whole", "streamed")
