"""What is stored outlives the process, however that ends."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from openai import APIError

from qwenproxy.simulator.doors import COMPATIBLE
from qwenproxy.simulator.server import Simulator
from qwenproxy.wire.openai import Json
from tests.support import responses
from tests.support.apps import App
from tests.support.processes import QWENPROXY, Process, authority, clean, running

MODEL = "qwen3-coder-plus"


@asynccontextmanager
async def proxy(home: Path, confdir: Path, simulator: Simulator) -> AsyncIterator[tuple[Process, App]]:
    """The proxy as a process, and an app that calls it."""
    command = (*QWENPROXY, "run", "--port", "0", "--no-proxy-port", "--set", f"confdir={confdir}")
    environ = clean(home, upstream=f"{simulator.base_url}{COMPATIBLE}", api_key=simulator.key)
    async with (
        running(command, environ, ready="listening reverse=") as process,
        App(f"http://127.0.0.1:{process.ports[0]}/v1") as app,
    ):
        yield process, app


async def until_killed(app: App, process: Process, seen: list[Json]) -> None:
    """A stream, in the middle of which the proxy is killed."""
    async for event in await app.responses.create(model=MODEL, input="Hello " * 20, stream=True):
        seen.append(event.to_dict())
        if len(seen) == 8:
            os.kill(process.pid, signal.SIGKILL)


async def test_state_survives_a_kill_in_mid_stream(tmp_path: Path, confdir: Path) -> None:
    authority(confdir)
    simulator = Simulator(pace=0.05)
    await simulator.start()
    try:
        async with proxy(tmp_path, confdir, simulator) as (process, app):
            first = await app.responses.create(model=MODEL, input="My name is Ann.")
            background = await app.responses.create(model=MODEL, input="[sim: slow 60] Hello", background=True)
            seen: list[Json] = []
            with pytest.raises(APIError):
                await until_killed(app, process, seen)
        name = seen[0]["response"]["id"]
        async with proxy(tmp_path, confdir, simulator) as (_, app):
            assert (await app.responses.retrieve(first.id)).to_dict() == first.to_dict()
            second = await app.responses.create(model=MODEL, input="Who am I?", previous_response_id=first.id)
            assert second.status == "completed"
            replayed = [event.to_dict() async for event in await app.responses.retrieve(name, stream=True)]
            assert replayed[:4] == seen[:4], "what the log has got is whole"
            assert [event["sequence_number"] for event in replayed] == list(range(len(replayed)))
            for made in (await app.responses.retrieve(name), await app.responses.retrieve(background.id)):
                responses.validate_response(made.to_dict())
                assert made.status == "failed"
                assert made.error is not None
                assert "stopped while it was making this response" in made.error.message
            assert replayed[-1]["type"] == "response.failed"
    finally:
        await simulator.stop()
