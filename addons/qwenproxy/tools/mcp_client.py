"""One connection to an MCP server, by the `mcp` package.  Importing it takes a second: only who has servers does."""

import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TextIO

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.types import CONNECTION_CLOSED, CallToolRequest, CallToolRequestParams, CallToolResult, Implementation, Tool
from mcp.types import ToolListChangedNotification as ListChanged

from qwenproxy import __version__
from qwenproxy.tools.mcp_config import Address, Program
from qwenproxy.tools.tool import ToolError

PAGES = 50
"""Of a listing: one that goes on for ever is cut off."""
MOST = 500
"""Tools of one server."""
CONNECT = 10.0
GONE = ("Session terminated", "Server returned an error response")
"""The package's words for a server that does not know us: a restarted one answers 404, or 400, or is half up."""

type Told = Callable[[], None]


class Lost(Exception):
    """The connection is of no use any more."""


class Connection:
    """A server that has been greeted."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tools(self) -> list[Tool]:
        """What it offers now.  Raises MCPError, or whatever the transport raises."""
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(PAGES):
            page = await self._client.list_tools(cursor=cursor, cache_mode="bypass")
            found += page.tools
            cursor = page.next_cursor
            if cursor is None or len(found) >= MOST:
                break
        return found[:MOST]

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """What it answers.  Raises ToolError, or Lost if there is nobody any more.

        Its output is not checked against its schema: the model reads the text, and a check can be made to last.
        """
        request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
        try:
            return await self._client.session.send_request(request, CallToolResult)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED or error.message in GONE:
                raise Lost from None
            raise ToolError(error.message) from None
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, httpx2.HTTPError):
            raise Lost from None

    async def follow(self, changed: Told) -> None:
        """Tell of every change of the tools, as long as the server does: by the newer protocol's subscription."""
        capabilities = self._client.server_capabilities.tools
        if capabilities is None or not capabilities.list_changed:
            return
        with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError):
            async with self._client.listen(tools_list_changed=True) as subscription:
                async for _ in subscription:
                    changed()


@asynccontextmanager
async def connected(
    at: Program | Address, *, stderr: TextIO, changed: Told, lost: Told, patience: float
) -> AsyncIterator[Connection]:
    """A connection to *at*, greeted within *patience* seconds.  Raises what its transport raises.

    *changed* is told when it has other tools, *lost* when it has gone.  To be left by the task that has entered it.
    """
    _be_quiet()

    async def heard(message: object) -> None:
        if isinstance(message, ListChanged):
            changed()

    info = Implementation(name="qwenproxy", version=__version__)
    transport = _program(at, stderr, lost) if isinstance(at, Program) else _address(at)
    client = Client(transport, message_handler=heard, client_info=info, cache=None)
    with anyio.CancelScope(deadline=anyio.current_time() + patience) as limit:
        async with client, anyio.create_task_group() as tasks:
            limit.deadline = math.inf
            connection = Connection(client)
            tasks.start_soon(connection.follow, changed)
            yield connection
            tasks.cancel_scope.cancel()
    if limit.cancelled_caught:
        raise TimeoutError(f"it did not answer within {patience:g} seconds")


@asynccontextmanager
async def _program(at: Program, stderr: TextIO, lost: Told) -> AsyncIterator[Any]:
    """The streams of a program.  Its environment: PATH, HOME and the like, and what its entry names; no more."""
    started = StdioServerParameters(command=at.command, args=list(at.args), env=dict(at.env), cwd=at.cwd)
    async with stdio_client(started, errlog=stderr) as (incoming, outgoing):
        send, receive = anyio.create_memory_object_stream[Any](0)

        async def pass_on() -> None:
            try:
                async with send:
                    async for message in incoming:
                        await send.send(message)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # nobody listens any more
            finally:
                lost()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pass_on)
            yield receive, outgoing
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def _address(at: Address) -> AsyncIterator[Any]:
    """The streams of an address; proxies of the environment are not for it, they may be ourselves."""
    timeout = httpx2.Timeout(CONNECT, read=None)
    async with httpx2.AsyncClient(headers=dict(at.headers), timeout=timeout, trust_env=False) as http:
        streams: AbstractAsyncContextManager[Any] = streamable_http_client(at.url, http_client=http)
        async with streams as opened:
            yield opened


def _be_quiet() -> None:
    """Keep out of the log what the package says there of a server's every slip: tracebacks, with what it wrote."""
    for name in ("mcp", "client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
