"""The life of one MCP server: started when it is first needed, started again when it dies, its tools kept current."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from qwenproxy.auth.backoff import Jitter, pause
from qwenproxy.tools.mcp_config import Server
from qwenproxy.tools.overheard import Overheard
from qwenproxy.tools.tool import Tool, ToolError
from qwenproxy.wire.openai import Json

log = logging.getLogger("qwenproxy.tools")

PATIENCE = 60.0  # s: a package may have to be installed first (npx, uvx)
STEADY = 60.0  # s after which a death counts as the first one
COMES_BACK = 10.0  # s that a call waits for a server that is being started again
FIRST_PAUSE = 0.5  # s
LEAVE = 8.0  # s to end in good order


class McpServer:
    """One server.  All that concerns its connection happens in one task, which the `mcp` package wants."""

    def __init__(
        self, config: Server, changed: Callable[[], None], *, jitter: Jitter = random.random, first: float = FIRST_PAUSE
    ) -> None:
        self.config = config
        self.tools: tuple[Tool, ...] = ()
        """What it offered last, also while it is away."""
        self.error = ""
        """Why it is away, if it is."""
        self._changed = changed
        self._jitter = jitter
        self._first_pause = first
        self._connection: Any = None
        self._up = asyncio.Event()
        self._tried = asyncio.Event()
        self._news = asyncio.Event()
        self._called = asyncio.Event()
        self._callers = 0
        self._is_lost = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def ready(self, patience: float) -> None:
        """Start it if need be, and wait, but not for long, until it is there or has failed."""
        if self._tried.is_set():
            return
        self._start()
        if not await within(patience, self._tried):
            self.error = self.error or f"it did not answer within {patience:g} seconds, and goes on starting"

    async def call(self, name: str, arguments: Json) -> Any:
        """What its tool *name* answers.  Raises ToolError."""
        self._start()
        if self._closing.is_set() or not (self._up.is_set() or await self._comes_back()):
            raise ToolError(f"the {self.config.source} is not there: {self.error or 'it is starting, or was ended'}")
        connection = self._connection
        try:
            return await connection.call(name, arguments)
        except client().Lost:
            if self._connection is connection:
                self._lose()
            raise ToolError(f"the {self.config.source} went away before it answered; try again") from None

    async def close(self) -> None:
        """End it."""
        self._closing.set()
        self._news.set()
        self._called.set()
        if self._task is not None:
            if not self._up.is_set():
                self._task.cancel()  # a greeting can take its time
            await asyncio.wait({self._task}, timeout=LEAVE)
            self._task.cancel()

    async def _comes_back(self) -> bool:
        self._callers += 1
        self._called.set()  # its rest is over
        try:
            return await within(COMES_BACK, self._up)
        finally:
            self._callers -= 1

    def _start(self) -> None:
        if self._task is None and not self._closing.is_set():
            self._task = asyncio.create_task(self._keep(), name=f"mcp {self.config.name}")

    def _lose(self) -> None:
        self._is_lost = True
        self._up.clear()
        self._news.set()

    async def _keep(self) -> None:
        failures, told = 0, ""
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                await self._live()
                self.error = "it ended"
            except Exception as error:  # whatever kept it from starting or living, it is tried again
                self.error = in_words(error)
            if self._closing.is_set():
                return
            failures = 1 if time.monotonic() - began > STEADY else failures + 1
            self._tried.set()
            if failures == 1 or self.error != told:  # else it is what the log says already
                log.warning("the %s is away: %s", self.config.source, self.error)
            told = self.error
            await self._rest(failures)

    async def _rest(self, failures: int) -> None:
        """Wait, the longer the more often it has failed; less if a call waits for it."""
        seconds = pause(failures, self._jitter(), first=self._first_pause)
        if not await within(self._first_pause, self._closing):
            self._called.clear()
            if not self._callers:
                await within(seconds - self._first_pause, self._called)

    async def _live(self) -> None:
        """One life: from the start until it is lost or closed."""
        self._is_lost = False
        mcp = await asyncio.to_thread(client)
        stderr = Overheard()
        try:
            async with mcp.connected(
                self.config.at, stderr=stderr.end, changed=self._news.set, lost=self._lose, patience=PATIENCE
            ) as connection:
                await self._serve(connection)
        except Exception as error:
            raise Away(" - ".join(filter(None, [in_words(error), stderr.last()]))) from error
        finally:
            self._connection = None
            self._up.clear()
            stderr.close()

    async def _serve(self, connection: Any) -> None:
        while not (self._is_lost or self._closing.is_set()):
            self._news.clear()
            self._learn(await connection.tools())
            if self._is_lost:
                return
            self._connection = connection
            self.error = ""
            self._up.set()
            self._tried.set()
            await self._news.wait()

    def _learn(self, said: list[Any]) -> None:
        content: Any = import_module("qwenproxy.tools.mcp_content")
        found: dict[str, Tool] = {}
        for each in said:
            try:
                tool = content.tool(self.config, each, self.call)
            except ValueError as error:
                log.warning("the tool %r of the %s is left out: %s", each.name, self.config.source, error)
                continue
            if tool.name in found:
                log.warning("the %s has two tools named %s: the second is left out", self.config.source, tool.name)
                continue
            found[tool.name] = tool
        self.tools = tuple(found.values())
        self._changed()


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Whether *event* comes within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


class Away(Exception):
    """Why a server is not there."""


def client() -> Any:
    """The module that imports the `mcp` package, which takes a second the first time."""
    return import_module("qwenproxy.tools.mcp_client")


def in_words(error: BaseException) -> str:
    """What went wrong, on one line: of a group, its first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Away):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}".removesuffix(": ").split())[:300]
