"""A program that has a terminal for itself: what it writes there, keys, and how it ends."""

import asyncio
import fcntl
import os
import pty
import signal
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from tests.support.processes import DEADLINE

TICK = 0.02  # s


class Pseudoterminal:
    """The other end of the terminal, and the program's process: the leader of a session of its own."""

    def __init__(self, process: asyncio.subprocess.Process, end: int) -> None:
        self.process = process
        self._end = end
        self._seen = bytearray()
        self.is_open = True
        os.set_blocking(end, False)

    @property
    def screen(self) -> str:
        """All that has been written so far."""
        with suppress(BlockingIOError, OSError):  # an error: nobody has it open any more
            while piece := os.read(self._end, 65536):
                self._seen += piece
        return self._seen.decode(errors="replace")

    def send(self, keys: bytes) -> None:
        os.write(self._end, keys)

    def hang_up(self) -> None:
        """Close the terminal."""
        os.close(self._end)
        self.is_open = False

    async def until(self, text: str) -> None:
        """Wait until *text* has been written."""
        for _ in range(int(DEADLINE / TICK)):
            if text in self.screen:
                return
            await asyncio.sleep(TICK)
        raise AssertionError(f"{text!r} was not written:\n{self.screen}")

    async def ended(self) -> int:
        """Its exit status; -n if signal n has ended it."""
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@asynccontextmanager
async def pseudoterminal(command: Sequence[str], environ: Mapping[str, str]) -> AsyncIterator[Pseudoterminal]:
    """*command* at a terminal; what is left of its session is killed in any case."""
    end, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environ),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    found = Pseudoterminal(process, end)
    try:
        yield found
    finally:
        if found.is_open:
            found.hang_up()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
