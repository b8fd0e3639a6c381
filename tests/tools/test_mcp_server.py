"""The life of an MCP server: started late, dying, coming back, changing."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from qwenproxy.tools.mcp_config import Address, Program, Server
from qwenproxy.tools.mcp_server import McpServer, in_words
from qwenproxy.tools.tool import Tool, ToolError
from tests.tools.tooling import SERVER, free_port, served

OWN = Server("own", Program(sys.executable, (str(SERVER), "stdio")))


@asynccontextmanager
async def living(config: Server = OWN, changed: Callable[[], None] = lambda: None) -> AsyncIterator[McpServer]:
    server = McpServer(config, changed, jitter=lambda: 0.0, first=0.05)
    try:
        yield server
    finally:
        await server.close()


def tool(server: McpServer, name: str) -> Tool:
    (found,) = [each for each in server.tools if each.name == f"own__{name}"]
    return found


async def test_it_is_started_when_it_is_needed_and_has_tools() -> None:
    async with living() as server:
        assert server.tools == ()
        await server.ready(30)
        assert server.error == ""
        assert await tool(server, "echo").call({"text": "hello"}) == "hello"
        assert tool(server, "unsaid").needs_confirmation
        assert not tool(server, "adds").needs_confirmation


async def test_killed_in_mid_call_it_comes_back() -> None:
    async with living() as server:
        await server.ready(30)
        hanging = asyncio.ensure_future(tool(server, "hang").call({}))
        await asyncio.sleep(0.1)
        with pytest.raises(ToolError, match="went away before it answered"):
            await tool(server, "die").call({})
        with pytest.raises(ToolError, match="went away before it answered"):
            await asyncio.wait_for(hanging, 10)
        assert await tool(server, "echo").call({"text": "again"}) == "again"


async def test_by_http_too_it_is_killed_and_comes_back() -> None:
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        url, process = await stack.enter_async_context(served(port))
        server = await stack.enter_async_context(living(Server("own", Address(url))))
        await server.ready(30)
        hanging = asyncio.ensure_future(tool(server, "hang").call({}))
        await asyncio.sleep(0.2)
        process.kill()
        with pytest.raises(ToolError, match="went away before it answered"):
            await asyncio.wait_for(hanging, 10)
        await process.wait()
        await stack.enter_async_context(served(port))
        assert await tool(server, "echo").call({"text": "again"}) == "again"


async def test_its_tools_change_while_it_runs() -> None:
    changed = asyncio.Event()
    async with living(changed=changed.set) as server:
        await server.ready(30)
        await asyncio.sleep(0.1)
        changed.clear()
        await tool(server, "grow").call({})
        await asyncio.wait_for(changed.wait(), 10)
        assert await tool(server, "grown").call({}) == "new"


async def test_what_cannot_start_says_why_and_is_tried_again() -> None:
    program = "import sys; sys.exit('no licence')"
    async with living(Server("own", Program(sys.executable, ("-c", program)))) as server:
        await server.ready(30)
        assert "no licence" in server.error
        assert server.tools == ()
        await server.ready(30)


async def test_a_call_while_it_is_away_waits_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenproxy.tools.mcp_server.COMES_BACK", 0.2)
    async with living(Server("own", Program("/no/such/program"))) as server:
        with pytest.raises(ToolError, match="MCP server own is not there"):
            await server.call("echo", {})


async def test_what_starts_slowly_holds_nobody_up() -> None:
    async with living(Server("own", Program(sys.executable, ("-c", "import time; time.sleep(60)")))) as server:
        began = time.perf_counter()
        await server.ready(0.2)
        assert time.perf_counter() - began < 5
        assert "goes on starting" in server.error


async def test_closed_it_ends_its_program() -> None:
    async with living() as server:
        await server.ready(30)
        await server.close()
        with pytest.raises(ToolError):
            await asyncio.wait_for(tool(server, "echo").call({"text": "a"}), 20)


NOISE = """
import sys, json
for line in sys.stdin:
    asked = json.loads(line)
    sys.stdout.write("no JSON at all\\n" + "x" * 100_000 + "\\n")
    if "id" in asked:
        error = {"code": -32601, "message": "no"}
        tools = [{"name": "a", "inputSchema": {"type": "object"}}, {"name": "a", "inputSchema": {"type": "object"}},
                 {"name": "b", "inputSchema": {"type": "object", "properties": {"a": {"type": "nonsense"}}}}]
        results = {
            "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo":
                {"name": "noisy", "version": "1"}},
            "tools/list": {"tools": tools},
            "tools/call": {"content": [{"type": "text", "text": "through the noise"}]},
        }
        result = results.get(asked["method"])
        answer = {"jsonrpc": "2.0", "id": asked["id"], **({"result": result} if result else {"error": error})}
        sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""


async def test_a_noisy_one_with_broken_tools_is_used_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    async with living(Server("own", Program(sys.executable, ("-c", NOISE)))) as server:
        await server.ready(30)
        assert server.error == ""
        assert [each.name for each in server.tools] == ["own__a"]
        assert await tool(server, "a").call({}) == "through the noise"
    said = [record.getMessage() for record in caplog.records if record.name == "qwenproxy.tools"]
    assert any("two tools named own__a" in line for line in said)
    assert any("the tool 'b'" in line for line in said)


def test_of_many_errors_the_first_is_told() -> None:
    group = ExceptionGroup("all", [ExceptionGroup("more", [OSError("a\nb")]), ValueError("c")])
    assert in_words(group) == "OSError: a b"
