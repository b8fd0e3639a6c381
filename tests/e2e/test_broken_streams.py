"""openai-node, whose stream a killed worker leaves behind, or the whole proxy; `tests/chaos` has openai-python."""

import os
import signal
from pathlib import Path

import pytest

from tests.clients import toolchains
from tests.support.fleet import fleet
from tests.support.processes import clean, running
from tests.support.stage import event
from tests.support.upstream import STREAM_HEAD, Connection, upstream

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]


async def half(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + event("one"))
    await connection.gone()


@pytest.mark.parametrize(
    ("whole", "caught"),
    [
        (False, "caught APIError proxy_worker_gone the process of the proxy"),
        (True, "caught TypeError undefined terminated"),
    ],
    ids=["a worker", "the proxy"],
)
async def test_it_raises(tmp_path: Path, confdir: Path, whole: bool, caught: str) -> None:
    node = toolchains.needed(toolchains.node)
    script = toolchains.needed(lambda: toolchains.node_script("broken.mjs"))
    async with upstream(half) as qwen, fleet(tmp_path, confdir, qwen, workers=1) as found:
        command = (node, str(script), f"http://127.0.0.1:{found.port}/v1")
        async with running(command, clean(tmp_path), ready="event one") as app:
            pids = await found.pids()
            if whole:
                found.signal(signal.SIGSTOP)  # so that it says nothing
                found.signal(signal.SIGKILL)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            assert await app.ended() == 0
            assert app.output.splitlines()[-1].startswith(caught)
