"""Other processes that share a credentials file with the one under test."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

SUPPORT = Path(__file__).parent
ADDONS = SUPPORT.parents[1] / "addons"


@dataclass
class Program:
    """One that runs, and says on standard output how far it is, a word a line."""

    process: asyncio.subprocess.Process

    async def line(self) -> str:
        """The next line; "" at its end."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    async def until(self, word: str) -> str:
        """The next line that begins with *word*."""
        while line := await self.line():
            if line.startswith(word):
                return line
        raise AssertionError(f"it ended without {word!r}: {await self.errors()}")

    async def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    def no_more(self) -> None:
        """It is told nothing any more."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def errors(self) -> str:
        """All that it says on standard error to its end."""
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def end(self) -> int:
        return await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def program(name: str, *arguments: object, enter: Sequence[str] = ()) -> AsyncIterator[Program]:
    """The script *name* of this folder; killed if it has not ended when it is not needed any more.

    *enter*: the words before a command that is to run elsewhere, as in a network namespace.
    """
    environ = os.environ | {"PYTHONPATH": f"{ADDONS}{os.pathsep}{ADDONS.parent}"}
    process = await asyncio.create_subprocess_exec(
        *enter, sys.executable, SUPPORT / name, *map(str, arguments), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environ
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
