"""The tools of one set of settings, as an exchange uses them.

    toolbox = Toolbox(settings, environ)                 # ValueError: what is wrong with the settings
    allowed = policy.allowed(settings, key, policy.asked(header, field))
    kit = await toolbox.kit(allowed, exchange=request_id, taken=names_of_the_apps_own_tools)
    kit.functions                                        # for the `tools` of the chat
    result = await kit.run(name, arguments)              # Result(text, outcome); raises nothing but CancelledError
    await toolbox.reload(settings)                       # ValueError: everything stays as it was
    await toolbox.close()

A kit is what one exchange has: it stays the same while tools come and go.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.settings import Settings
from qwenproxy.tools import registry
from qwenproxy.tools.audit import Trail
from qwenproxy.tools.executor import Asked, Executor, Limits, Outcome, Result
from qwenproxy.tools.mcp_server import McpServer
from qwenproxy.tools.policy import FIELD, Allowed
from qwenproxy.tools.tool import Tool
from qwenproxy.wire.openai import Json

log = logging.getLogger("qwenproxy.tools")

PATIENCE = 10.0
"""Seconds that an exchange waits for servers that were not there before."""
LOOK = 1.0
"""Seconds after which the files are looked at again."""
REMEMBERED = 64


class Kit:
    """The tools of one exchange."""

    def __init__(self, tools: Mapping[str, Tool], functions: list[Json], executor: Executor, exchange: str) -> None:
        self.functions = functions
        """As the chat completions API takes them; not to be changed."""
        self._tools = tools
        self._executor = executor
        self._exchange = exchange
        self._wrong: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._tools)

    def owns(self, name: str) -> bool:
        """Whether a call of *name* is for us to run."""
        return name in self._tools

    async def run(self, name: str, arguments: str) -> Result:
        """What comes of a call; wrong arguments may be mended once.  Raises nothing but CancelledError."""
        asked = Asked(name, arguments, self._exchange, last=name in self._wrong)
        result = await self._executor.run(self._tools.get(name), asked)
        if result.outcome is Outcome.INVALID:
            self._wrong.add(name)
        else:
            self._wrong.discard(name)
        return result


class Toolbox:
    """All tools, and what runs them.  Made within a running event loop."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._environ = environ
        self._clock = clock
        self._registry = registry.registry(settings, environ)
        self._servers = [McpServer(config, self._forget) for config in self._registry.servers]
        self._executor = executor(settings)
        self._kits: dict[Allowed, tuple[dict[str, Tool], list[Json]]] = {}
        self._stamps = stamps(settings)
        self._looked = clock()
        self._reloading = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def servers(self) -> Iterable[McpServer]:
        return tuple(self._servers)

    async def kit(self, allowed: Allowed, *, exchange: str = "", taken: Collection[str] = ()) -> Kit:
        """What an exchange has of the tools; *taken*: names that are the app's own.

        Raises ProxyError if the request names a tool that is not there.
        """
        if not allowed:
            return Kit({}, [], self._executor, exchange)
        await self._look()
        found = self._kits.get(allowed)
        if found is None:
            found = await self._chosen(allowed)
        tools, functions = found
        if taken := set(taken) & tools.keys():
            tools = {name: tool for name, tool in tools.items() if name not in taken}
            functions = [tool.function() for tool in tools.values()]
        return Kit(tools, functions, self._executor, exchange)

    async def tools(self, patience: float = PATIENCE) -> list[Tool]:
        """All there are, those of servers too, which are started."""
        await asyncio.gather(*(server.ready(patience) for server in self._servers))
        return self._all()

    async def reload(self, settings: Settings | None = None) -> None:
        """Go on with *settings*, if given, and what the files hold now; servers whose entry is the same go on running.

        Raises ValueError, and then nothing has changed.
        """
        async with self._reloading:
            await self._reload(settings or self.settings)

    async def _reload(self, settings: Settings) -> None:
        found = await asyncio.to_thread(registry.registry, settings, self._environ)
        running = {server.config: server for server in self._servers}
        self._servers = [
            running.pop(config) if config in running else McpServer(config, self._forget) for config in found.servers
        ]
        for server in running.values():
            task = asyncio.create_task(server.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._registry = found
        self._stamps = stamps(settings)
        if settings != self.settings:
            self._executor = executor(settings)
        self.settings = settings
        self._forget()

    async def close(self) -> None:
        """End all servers."""
        await asyncio.gather(*(server.close() for server in self._servers), *self._closing)

    def _all(self) -> list[Tool]:
        return [*self._registry.tools.values(), *(tool for server in self._servers for tool in server.tools)]

    async def _chosen(self, allowed: Allowed) -> tuple[dict[str, Tool], list[Json]]:
        wanted = [server for server in self._servers if concerns(allowed, server)]
        await asyncio.gather(*(server.ready(PATIENCE) for server in wanted))
        tools = {tool.name: tool for tool in self._all() if allowed.admits(tool.name) and not tool.needs_confirmation}
        for name in allowed.named:
            if name not in tools:
                message = f"The proxy has no tool {name} that it could run; `qwenproxy tools` lists what there is."
                raise ProxyError(errors.UNSUPPORTED_TOOL, message, param=FIELD)
        found = tools, [tool.function() for tool in tools.values()]
        if len(self._kits) >= REMEMBERED:
            self._kits.clear()
        self._kits[allowed] = found  # until a server says that it has others
        return found

    def _forget(self) -> None:
        self._kits.clear()

    async def _look(self) -> None:
        """Read the files again if one of them has changed."""
        if self._clock() - self._looked < LOOK:
            return
        self._looked = self._clock()
        found = stamps(self.settings)
        if found == self._stamps:
            return
        self._stamps = found
        try:
            await self.reload()
        except ValueError as error:
            log.warning("the tools stay as they were: %s", error)
        else:
            log.info("the tools were read again")


def executor(settings: Settings) -> Executor:
    limits = Limits(settings.tool_timeout, settings.tool_output_limit, settings.tool_concurrency)
    secrets = [settings.api_key.reveal(), *(key.reveal() for key in settings.client_keys)]
    return Executor(limits, Trail(arguments=settings.log_tool_arguments, secrets=secrets))


def stamps(settings: Settings) -> dict[str, tuple[int, int]]:
    """What tells whether the files are still the same."""
    found: dict[str, tuple[int, int]] = {}
    for path in registry.files(settings):
        try:
            status = path.stat()
        except OSError:  # it may be on its way
            continue
        found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


def concerns(allowed: Allowed, server: McpServer) -> bool:
    """Whether *server* may have a tool that is on: if it cannot, it need not be started."""
    start = f"{server.config.space}__"
    return all(
        any(may_begin(pattern, start) for pattern in patterns) for patterns in (allowed.chosen, allowed.permitted)
    )


def may_begin(pattern: str, start: str) -> bool:
    """Whether *pattern* stands for any name that begins with *start*."""
    fixed = min((pattern.index(mark) for mark in "*?" if mark in pattern), default=len(pattern))
    head = pattern[:fixed]
    return head.startswith(start) if fixed == len(pattern) else head.startswith(start) or start.startswith(head)
