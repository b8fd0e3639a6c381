"""`qwenproxy run --workers`, before an upstream of the test's own, and what its launcher says of the workers."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwenproxy.commands.workers import standing
from tests.support.processes import DEADLINE, QWENPROXY, Process, authority, clean, running
from tests.support.upstream import Upstream

TICK = 0.05  # s


@dataclass
class Fleet:
    """A launcher with its workers."""

    process: Process
    environ: dict[str, str]

    @property
    def port(self) -> int:
        """Of the local OpenAI."""
        return self.process.ports[0]

    async def workers(self) -> list[Any]:
        """How the workers are; none if the launcher does not say."""
        told = await asyncio.to_thread(standing.ask, self.environ)
        return list(told[0]["workers"]) if told else []

    async def pids(self) -> list[int]:
        return [worker["pid"] for worker in await self.workers()]

    async def until(self, fits: Callable[[list[Any]], bool]) -> list[Any]:
        """The workers, once they are as they should be."""
        workers: list[Any] = []
        for _ in range(int(DEADLINE / TICK)):
            workers = await self.workers()
            if fits(workers):
                return workers
            await asyncio.sleep(TICK)
        raise AssertionError(f"{workers}\n{self.process.output}")

    def signal(self, number: signal.Signals) -> None:
        self.process.process.send_signal(number)


@asynccontextmanager
async def fleet(
    home: Path, confdir: Path, qwen: Upstream | None, /, *words: str, workers: int = 2, **settings: str
) -> AsyncIterator[Fleet]:
    """*workers* workers with *settings*, once they are ready."""
    authority(confdir)
    if qwen is not None:
        settings = {"upstream": qwen.base_url, "auth": "none", **settings}
    command = (*QWENPROXY, "run", "--workers", str(workers), "--port", "0", "--no-proxy-port", *words)
    with tempfile.TemporaryDirectory(prefix="fleet-") as runtime:  # a short name: that of a socket has 107 bytes
        environ = clean(home, **settings) | {"XDG_RUNTIME_DIR": runtime}
        options = ("--set", f"confdir={confdir}")
        async with running((*command, *options), environ, ready="listening reverse=") as process:
            yield Fleet(process, environ)
