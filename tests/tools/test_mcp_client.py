"""One connection to an MCP server, by both transports."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from qwenproxy.tools.mcp_client import Connection, Lost, connected
from qwenproxy.tools.mcp_config import Address, Program
from qwenproxy.tools.mcp_content import text_of
from qwenproxy.tools.tool import ToolError
from tests.tools.tooling import SERVER, served

OWN = Program(sys.executable, (str(SERVER), "stdio"), (("NAMED", "1"),))


STDERR = sys.__stderr__ or sys.stderr


def nothing() -> None: ...


@asynccontextmanager
async def talk(
    at: Program | Address = OWN, changed: Callable[[], None] = nothing, lost: Callable[[], None] = nothing
) -> AsyncIterator[Connection]:
    async with connected(at, stderr=STDERR, changed=changed, lost=lost, patience=30) as found:
        yield found


async def test_a_program_is_greeted_and_asked() -> None:
    async with talk() as connection:
        assert {tool.name for tool in await connection.tools()} >= {"echo", "fail", "hang"}
        assert text_of(await connection.call("echo", {"text": "ä"})) == "ä"
        with pytest.raises(ToolError, match="it is broken"):
            text_of(await connection.call("fail", {}))
        with pytest.raises(ToolError, match="Unknown tool"):
            text_of(await connection.call("none", {}))


async def test_a_program_gets_no_variables_but_those_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPROXY_API_KEY", "sk-secret")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    async with talk() as connection:
        names = set(text_of(await connection.call("environment", {})).split("\n"))
    assert "NAMED" in names
    assert names <= {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "NAMED", "LC_CTYPE", "PWD", "SHLVL", "_"}


async def test_a_program_that_dies_is_noticed_in_a_call_and_by_itself() -> None:
    lost = asyncio.Event()
    async with talk(lost=lost.set) as connection:
        with pytest.raises(Lost):
            await connection.call("die", {})
        await asyncio.wait_for(lost.wait(), 10)


async def test_tools_that_change_are_told() -> None:
    changed = asyncio.Event()
    async with talk(changed=changed.set) as connection:
        await asyncio.sleep(0.1)
        await connection.call("grow", {})
        await asyncio.wait_for(changed.wait(), 10)
        assert "grown" in {tool.name for tool in await connection.tools()}


async def test_an_address_is_greeted_and_asked() -> None:
    async with served() as (url, _), talk(Address(url)) as connection:
        assert text_of(await connection.call("echo", {"text": "a"})) == "a"


async def test_a_program_that_never_answers_is_given_up() -> None:
    mute = Program(sys.executable, ("-c", "import time; time.sleep(60)"))
    with pytest.raises(TimeoutError, match=r"within 0\.3 seconds"):
        async with connected(mute, stderr=STDERR, changed=nothing, lost=nothing, patience=0.3):
            raise AssertionError


async def test_what_is_no_program_is_an_error() -> None:
    with pytest.raises(OSError, match="no/such"):
        async with talk(Program("/no/such/program")):
            raise AssertionError
