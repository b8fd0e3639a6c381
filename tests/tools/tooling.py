"""Tools, settings and servers for the tests of tools."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from qwenproxy import settings
from qwenproxy.settings import Settings
from qwenproxy.tools.schema import Schema
from qwenproxy.tools.tool import Tool
from qwenproxy.wire.openai import Json

ANYTHING: Json = {"type": "object"}
SERVER = Path(__file__).parent / "mcp_program.py"


def tool_of(
    call: Callable[[Json], Awaitable[str]],
    *,
    name: str = "it",
    parameters: Json = ANYTHING,
    needs_confirmation: bool = False,
) -> Tool:
    """A tool that does *call*."""
    return Tool(name, "", Schema(parameters), call, "a test", needs_confirmation=needs_confirmation)


def settings_of(folder: Path, **given: str) -> Settings:
    """The settings that hold when the environment says *given*."""
    return settings.load({f"QWENPROXY_{name.upper()}": text for name, text in given.items()}, folder)


def servers(**entries: Mapping[str, object]) -> str:
    """The setting `mcp_servers` with *entries*."""
    return orjson.dumps({"mcpServers": entries}).decode()


def own_server(*words: str, **more: object) -> Mapping[str, object]:
    """The entry of the server that these tests bring along."""
    return {"command": sys.executable, "args": [str(SERVER), *words], **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def served(port: int = 0) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The URL of that server by streamable HTTP, and its process."""
    port = port or free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVER),
        "http",
        str(port),
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            break
        yield f"http://127.0.0.1:{port}/mcp", process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
