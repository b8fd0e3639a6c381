"""A long run takes no more memory than a short one.

LONG_RUN=10000 makes it as long as that; `-o log_cli=true --log-cli-level=INFO` shows the figures.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from qwenproxy.commands.run import free_port
from tests.support.clients import HELLO
from tests.support.completions import streamed
from tests.support.stage import RUNNING, Stage, dumping, stage

log = logging.getLogger(__name__)

LENGTH = int(os.environ.get("LONG_RUN", "200"))
WARM = 150
"""Exchanges until all that is loaded once, or grows only at first, is there."""
SAMPLES = 20
"""Memory grows until garbage is collected as fast as it is made: the second quarter and the last are compared."""
MB = 1024 * 1024
MOST = 4.0
"""MB that may be added from the one to the other, however long it runs."""
PASSWORD = "open-sesame"
WEB = (*RUNNING, "--ui", "web", "--set", f"web_password={PASSWORD}", "--set", "web_port={web}")
ANSWER = streamed(*["word " * 10] * 40)
"""About 8 kB, and as much again for the app."""


class Run(NamedTuple):
    command: Sequence[str]
    ready: str
    times: int
    settings: dict[str, str]


RUNS = {
    "mitmdump": Run(dumping(), "listening at", 2, {}),
    "qwenproxy run": Run(RUNNING, "listening reverse=", 1, {}),
    "mitmweb": Run(WEB, "listening reverse=", 1, {"view_memory": "2m"}),
}


async def ask(found: Stage, times: int) -> None:
    async with found.local() as app:
        for _ in range(times):
            assert (await app.ask(body=HELLO | {"stream": True}, host="localhost")).status == 200


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", RUNS)
async def test_memory_does_not_grow_with_the_number_of_exchanges(name: str, tmp_path: Path, confdir: Path) -> None:
    run = RUNS[name]
    port = str(free_port("127.0.0.1"))
    command = [word.replace("{web}", port) for word in run.command]
    async with stage(tmp_path, confdir, command, run.settings, ready=run.ready, times=run.times) as found:
        await found.says(ANSWER)
        await ask(found, WARM)
        taken = []
        for _ in range(SAMPLES):
            await ask(found, LENGTH // SAMPLES)
            taken.append(found.process.resident() / MB)
        log.info("%s: MB at %d times in %d exchanges: %s", name, SAMPLES, LENGTH, [round(each, 1) for each in taken])
        quarter = SAMPLES // 4
        assert max(taken[-quarter:]) - max(taken[quarter : 2 * quarter]) < MOST
        if name == "mitmweb":
            kept = await flows(port)
            assert 30 < kept < WARM, "the last are there, the first are not"


async def flows(port: str) -> int:
    """The number of flows that mitmweb has."""
    headers = {"authorization": f"Bearer {PASSWORD}"}
    address = f"http://127.0.0.1:{port}/flows"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(address) as response:
        return len(await response.json())
