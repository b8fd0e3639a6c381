"""One worker as its launcher sees it: a process, and a channel to it that ends when either of them does."""

import asyncio
import logging
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import orjson

from qwenproxy.commands.workers.trustee import Trustee

log = logging.getLogger(__name__)

PROGRAM = (sys.executable, "-P", "-m", "qwenproxy.commands.workers.worker")
"""A fresh interpreter, so that it takes the code as it is now.  -P: nothing in the current folder is taken for it."""
START = 60.0  # s in which it must be ready
ANSWER = 1.0  # s in which it says how much is under way
LATE = 5.0  # s, beyond its own limit, after which it is killed


class NotStarted(Exception):
    """A worker has ended, with exit status *status*, before it was ready."""

    def __init__(self, status: int) -> None:
        super().__init__(f"it ended with status {status}" if status >= 0 else f"signal {-status} ended it")
        self.status = status


type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Worker:
    """Worker *number*, which has just been started; *trustee* speaks for it when it has ended."""

    def __init__(
        self, number: int, process: asyncio.subprocess.Process, streams: Streams, trustee: Trustee | None = None
    ) -> None:
        self.number = number
        self.pid = process.pid
        self.since = time.time()
        self.facts: dict[str, Any] = {}
        """What it has said when it was ready."""
        self._process = process
        self._in, self._out = streams
        self._asking = asyncio.Lock()
        self._asked = 0
        self._trustee = trustee

    async def ready(self) -> None:
        """Until it listens.  Raises NotStarted; then it has ended."""
        line = b""
        try:
            async with asyncio.timeout(START):
                line = await self._in.readline()
        except OSError:  # reset, or late: a TimeoutError is one
            self.kill()
        except asyncio.CancelledError:
            self.kill()
            raise
        if not line:
            raise NotStarted(await self.ended())
        self.facts = orjson.loads(line)

    def tell(self, word: str) -> None:
        """Have it do what *word* says: `drain`, `quit`, or `count` and a number."""
        with suppress(OSError):
            self._out.write(f"{word}\n".encode())

    async def count(self) -> int | None:
        """How many exchanges are under way in it; None if it does not say."""
        async with self._asking:
            self._asked += 1
            self.tell(f"count {self._asked}")
            try:
                async with asyncio.timeout(ANSWER):
                    while line := await self._in.readline():
                        asked, under_way = map(int, line.split())
                        if asked == self._asked:  # an earlier one has come too late
                            return under_way
            except OSError:
                pass
            return None

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        status = await self._process.wait()
        self._out.close()
        if self._trustee is not None:
            told, cut = self._trustee.settle()
            if told or cut:
                message = "worker %d (pid %d) has ended with answers under way: %d told so, %d cut off"
                log.warning(message, self.number, self.pid, told, cut)
        return status

    async def end(self, word: str) -> None:
        """Tell it to end by *word*, and see that it does."""
        self.tell(word)
        limit = 0.0 if word == "quit" else float(self.facts.get("drain_timeout", 0.0))
        try:
            async with asyncio.timeout(limit + LATE):
                await self.ended()
        except TimeoutError:
            self.kill()
            await self.ended()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)


async def start(
    number: int,
    order: Mapping[str, Any],
    passed: Sequence[socket.socket],
    environ: Mapping[str, str],
    program: Sequence[str] = PROGRAM,
    trustee: Trustee | None = None,
) -> Worker:
    """Start worker *number* to carry out *order*, with the sockets *passed* open in it under the same numbers.

    It gets a process group of its own: the terminal's signals are for the launcher.
    """
    ours, its = socket.socketpair()
    passing: AbstractContextManager[Mapping[str, int]] = nullcontext({}) if trustee is None else trustee.passing()
    with its, passing as trusted:
        files = [its.fileno(), *(each.fileno() for each in passed), *trusted.values()]
        command = (*program, str(its.fileno()))
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, env=dict(environ), pass_fds=files, process_group=0
        )
    worker = Worker(number, process, await asyncio.open_unix_connection(sock=ours), trustee)
    worker.tell(orjson.dumps({**order, "trustee": trusted}).decode())
    return worker
