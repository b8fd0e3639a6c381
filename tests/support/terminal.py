"""A real terminal, by tmux: what is on its screen, and keys."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import DEADLINE

TMUX = shutil.which("tmux")
"""Where it is; None if it is not installed."""
CONFIG = "set -g status off\nset -g default-terminal tmux-256color\n"
SHELL = 'trap : INT; "$@"; echo $? >status.new; mv status.new status; exec sleep 600'
"""What runs the program, so that its exit status is known and its last screen stays."""


@dataclass(frozen=True)
class Terminal:
    """One with a program in it."""

    socket: Path

    async def screen(self, *, colours: bool = False) -> str:
        """What one sees now, without blank lines at the end; *colours*: with its escape sequences."""
        return (await self._tmux("capture-pane", "-p", *(["-e"] if colours else []))).rstrip()

    async def until(self, text: str) -> str:
        """The screen, once *text* is on it.  Raises AssertionError if it does not come."""
        screen = ""
        for _ in range(int(DEADLINE / 0.05)):
            screen = await self.screen()
            if text in screen:
                return screen
            await asyncio.sleep(0.05)
        raise AssertionError(f"{text!r} is not on the screen:\n{screen}")

    async def press(self, key: str) -> None:
        await self._tmux("send-keys", key)

    async def ended(self) -> int:
        """The program's exit status, once it has ended."""
        status = self.socket.with_name("status")
        for _ in range(int(DEADLINE / 0.05)):
            if await asyncio.to_thread(status.is_file):
                return int(await asyncio.to_thread(status.read_text))
            await asyncio.sleep(0.05)
        raise AssertionError(f"it has not ended:\n{await self.screen()}")

    async def _tmux(self, *words: str) -> str:
        return await _call(self.socket, words, os.environ)


@asynccontextmanager
async def terminal(
    command: Sequence[str], environ: Mapping[str, str], *, columns: int = 80, rows: int = 24
) -> AsyncIterator[Terminal]:
    """*command* in a terminal of this size; closed in any case."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's are too deep for a socket
        socket, config = Path(folder, "tmux"), Path(folder, "conf")
        await asyncio.to_thread(config.write_text, CONFIG)
        size = ("-x", str(columns), "-y", str(rows))
        shell = ("sh", "-c", SHELL, "sh", *command)
        start = ("-f", str(config), "-u", "new-session", "-d", *size, "-c", folder, "--", *shell)
        await _call(socket, start, {**environ, "LC_ALL": "C.UTF-8"})
        try:
            yield Terminal(socket)
        finally:
            await _call(socket, ("kill-server",), os.environ)


async def _call(socket: Path, words: Sequence[str], environ: Mapping[str, str]) -> str:
    assert TMUX is not None
    process = await asyncio.create_subprocess_exec(
        TMUX,
        "-S",
        str(socket),
        *words,
        env=dict(environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
