"""LiteLLM's proxy, as it comes: a server of generateContent that has our simulator's OpenAI-like face behind it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson

from qwenproxy.commands.run import free_port
from qwenproxy.simulator.doors import COMPATIBLE
from qwenproxy.simulator.server import Simulator

KEY = "sk-litellm"
PATIENCE = 120.0
"""Seconds until it answers; on an idle machine it takes about 8."""
GRACE = 10.0
"""Seconds that it has to end by itself."""

NOT_ASKED = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_DOCS": "True"}
"""It fetches nothing from the network, and tells nobody."""


@dataclass
class Running:
    """One that is up."""

    url: str
    simulator: Simulator


@asynccontextmanager
async def litellm(program: str, folder: Path) -> AsyncIterator[Running]:
    """*program*, its configuration and log in *folder*; ended, with all that it started, when it is not needed."""
    simulator = Simulator(pace=0)
    await simulator.start()
    port = free_port("127.0.0.1")
    (folder / "litellm.yaml").write_bytes(orjson.dumps(configuration(simulator)))  # JSON is YAML, too
    words = ("--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port))
    with (folder / "litellm.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **NOT_ASKED},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(PATIENCE):
            await _up(process, f"{url}/health/liveliness", folder / "litellm.log")
        yield Running(url, simulator)
    finally:
        await _end(process)
        await simulator.stop()


def configuration(simulator: Simulator) -> object:
    """Every model is the simulator's of the same name."""
    model = {"model": "openai/*", "api_base": f"{simulator.base_url}{COMPATIBLE}", "api_key": simulator.key}
    return {
        "model_list": [{"model_name": "*", "litellm_params": model}],
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        "general_settings": {"master_key": KEY},
    }


async def _up(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    """Waits until it answers.  Raises AssertionError if it ends instead."""
    async with aiohttp.ClientSession() as session:
        while True:
            assert process.returncode is None, f"it ended by itself, see {log}"
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Asks it to end; ends its whole group if it does not."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
