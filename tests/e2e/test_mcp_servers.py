"""MCP servers that others wrote, used by the toolbox: the reference ones, in Python and Node, by both transports."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qwenproxy.tools.executor import Outcome
from qwenproxy.tools.policy import Allowed
from qwenproxy.tools.toolbox import Kit, Toolbox
from tests.clients import mcp_servers
from tests.clients.toolchains import needed
from tests.tools.tooling import free_port, servers, settings_of

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

ALL = Allowed(("*",), ("*",))


@asynccontextmanager
async def kit_of(folder: Path, **entries: dict[str, object]) -> AsyncIterator[Kit]:
    box = Toolbox(settings_of(folder, mcp_servers=servers(**entries)), os.environ)
    try:
        await box.tools(60)
        yield await box.kit(ALL)
    finally:
        await box.close()


def names(kit: Kit) -> set[str]:
    return {function["function"]["name"] for function in kit.functions}


async def test_the_server_of_time(tmp_path: Path) -> None:
    program = needed(lambda: mcp_servers.reference("mcp-server-time"))
    async with kit_of(tmp_path, time={"command": program, "args": ["--local-timezone", "UTC"]}) as kit:
        assert names(kit) >= {"time__get_current_time", "time__convert_time"}
        arguments = '{"source_timezone": "Europe/Riga", "time": "12:00", "target_timezone": "Asia/Kolkata"}'
        converted = await kit.run("time__convert_time", arguments)
        assert converted.outcome is Outcome.OK
        assert "Asia/Kolkata" in converted.text
        nowhere = await kit.run("time__get_current_time", '{"timezone": "Nowhere"}')
        assert (nowhere.outcome, "Invalid timezone" in nowhere.text) == (Outcome.FAILED, True)
        assert (await kit.run("time__get_current_time", '{"timezone": 1}')).outcome is Outcome.INVALID


async def test_the_server_of_files(tmp_path: Path) -> None:
    node, script = needed(mcp_servers.filesystem)
    (tmp_path / "a.txt").write_text("what is in it")
    async with kit_of(tmp_path, files={"command": node, "args": [script, str(tmp_path)]}) as kit:
        assert "files__read_text_file" in names(kit)
        assert "files__write_file" not in names(kit), "it destroys, so a person would have to agree"
        read = await kit.run("files__read_text_file", f'{{"path": "{tmp_path}/a.txt"}}')
        assert (read.outcome, read.text) == (Outcome.OK, "what is in it")
        outside = await kit.run("files__read_text_file", '{"path": "/etc/passwd"}')
        assert outside.outcome is Outcome.FAILED


async def test_the_server_of_everything_is_killed_in_mid_call_and_comes_back(tmp_path: Path) -> None:
    node, script = needed(mcp_servers.everything)
    async with kit_of(tmp_path, all={"command": node, "args": [script, "stdio"]}) as kit:
        assert (await kit.run("all__echo", '{"message": "a"}')).text == "Echo: a"
        assert (await kit.run("all__get-sum", '{"a": 2, "b": 3}')).text == "The sum of 2 and 3 is 5."
        assert "image/png" in (await kit.run("all__get-tiny-image", "")).text
        call = asyncio.ensure_future(kit.run("all__trigger-long-running-operation", '{"duration": 60, "steps": 5}'))
        await asyncio.sleep(0.5)
        for child in children(script):
            os.kill(child, signal.SIGKILL)
        result = await asyncio.wait_for(call, 20)
        assert (result.outcome, "went away before it answered" in result.text) == (Outcome.FAILED, True)
        assert (await kit.run("all__echo", '{"message": "again"}')).text == "Echo: again"


def children(script: str) -> list[int]:
    """Our own processes that run *script*."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if int(parent) == os.getpid() and script in command:
                found.append(int(entry.name))
    return found


async def test_the_server_of_everything_by_streamable_http_is_started_anew_and_found_again(tmp_path: Path) -> None:
    node, script = needed(mcp_servers.everything)
    port = free_port()
    entry: dict[str, object] = {"type": "http", "url": f"http://127.0.0.1:{port}/mcp"}
    async with served(node, script, port) as process, kit_of(tmp_path, all=entry) as kit:
        assert (await kit.run("all__echo", '{"message": "a"}')).text == "Echo: a"
        call = asyncio.ensure_future(kit.run("all__trigger-long-running-operation", '{"duration": 60, "steps": 5}'))
        await asyncio.sleep(0.5)
        process.kill()
        assert (await asyncio.wait_for(call, 30)).outcome is Outcome.FAILED
        await process.wait()
        async with served(node, script, port):
            for _ in range(10):
                result = await kit.run("all__echo", '{"message": "again"}')
                if result.outcome is Outcome.OK:
                    break
            assert result.text == "Echo: again"


@asynccontextmanager
async def served(node: str, script: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        node, script, "streamableHttp", env=os.environ | {"PORT": str(port)}, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        while b"listening" not in await asyncio.wait_for(process.stderr.readline(), 30):
            continue
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
