"""Programs that stand beside the proxy: Redis, HAProxy and their like, as the system has them."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PACKAGES = {"promtool": "prometheus", "systemd-analyze": "systemd", "kubernetes-validate": "none; PyPI has it"}
"""Programs, and the Debian packages that they are in, where these have other names."""


def needs(*programs: str) -> list[pytest.MarkDecorator]:
    """The marks of tests that run *programs*: the group that they are in, and a reason to skip them without one."""
    missing = [name for name in programs if shutil.which(name) is None]
    packages = ", ".join(PACKAGES.get(name, name) for name in missing)
    reason = f"there is no {' and no '.join(missing)} on this machine (Debian: {packages})"
    return [pytest.mark.services, pytest.mark.skipif(bool(missing), reason=reason)]


def free_port() -> int:
    """A port on loopback that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class RedisServer:
    """A Redis of its own, on loopback, whose data end with it unless it is told to *keep* them.

    *enter*: the words before a command that is to run elsewhere, as in a network namespace.  *told*: what it is told
    besides, by the name of the directive.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    password: str = ""
    keep: bool = False
    bind: str = "127.0.0.1"
    enter: Sequence[str] = ()
    told: Mapping[str, object] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket(self) -> Path:
        """Its other door; the path of a socket must be short."""
        return Path(tempfile.gettempdir()) / f"redis-{os.getpid()}-{self.port}.sock"

    async def start(self) -> None:
        """Listen on return."""
        told = {"unixsocket": self.socket, "port": self.port, "bind": self.bind, "dir": self.folder, "save": ""}
        told |= self.told
        words = [
            "--protected-mode",
            "no",
            *(word for name, value in told.items() for word in (f"--{name}", str(value))),
        ]
        words += ["--appendonly", "yes", "--appendfsync", "always"] if self.keep else []
        words += ["--requirepass", self.password] if self.password else []
        self.process = await asyncio.create_subprocess_exec(
            *self.enter, "redis-server", *words, stdout=asyncio.subprocess.DEVNULL
        )
        for _ in range(1000):
            if await _answers(self.socket):
                return
            await asyncio.sleep(0.03)
        raise AssertionError("the Redis does not start")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and with it what it does not keep."""
        process, self.process = self.process, None
        if process is not None and process.returncode is None:
            process.send_signal(number)
            await process.wait()
        self.socket.unlink(missing_ok=True)

    async def restart(self) -> None:
        await self.stop(signal.SIGKILL)
        await self.start()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)


async def _answers(path: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.write(b"PING\r\n")
    answer = await reader.readline()
    writer.close()
    return answer.startswith((b"+PONG", b"-NOAUTH"))


@asynccontextmanager
async def redis_server(folder: Path, **more: Any) -> AsyncIterator[RedisServer]:
    """A running one."""
    server = RedisServer(folder, **more)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(signal.SIGKILL)
