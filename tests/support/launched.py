"""`qwenproxy exec` as users call it: its outputs apart, and what it leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

from tests.support.processes import DEADLINE, QWENPROXY, clean

PATIENCE = 90.0  # s; a first run of Node or Java takes its time
TICK = 0.02  # s


@dataclass(frozen=True)
class Launched:
    """How a call ended; -n if signal n has ended it."""

    status: int
    out: str
    err: str

    @property
    def summary(self) -> str:
        """The last line on standard error."""
        return self.err.splitlines()[-1]


class Home:
    """A user's home, with a folder for what is temporary."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path / "tmp"
        self.temporary.mkdir(exist_ok=True)

    def environ(self, **environ: str) -> dict[str, str]:
        return clean(self.path) | {"TMPDIR": str(self.temporary)} | environ

    @property
    def left(self) -> list[str]:
        """What is in the folder for what is temporary."""
        return [path.name for path in self.temporary.iterdir()]

    async def launch(self, *words: str, **environ: str) -> Launched:
        """`qwenproxy exec` with *words* to its end."""
        async with self.launching(*words, **environ) as process:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
            assert process.returncode is not None
            return Launched(process.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def launching(self, *words: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The same, while it runs."""
        process = await asyncio.create_subprocess_exec(
            *QWENPROXY, "exec", *words, env=self.environ(**environ), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            with suppress(TimeoutError):
                async with asyncio.timeout(DEADLINE):
                    await process.communicate()  # whoever else holds the pipes ends soon


def children(pid: int) -> list[int]:
    """The processes that *pid* has started (Linux)."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def cmdline(pid: int) -> str:
    """What everybody on the machine can read of how *pid* was started."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


async def child(pid: int, name: str) -> int:
    """The process of *pid* that was started as *name*, once it is there."""
    for _ in range(int(DEADLINE / TICK)):
        for found in children(pid):
            if name in cmdline(found) != cmdline(pid):  # between fork and exec it still has its parent's
                return found
        await asyncio.sleep(TICK)
    raise AssertionError(f"there is no {name}")


async def gone(pid: int) -> bool:
    """Whether *pid* ends."""
    for _ in range(int(DEADLINE / TICK)):
        if has_ended(pid):
            return True
        await asyncio.sleep(TICK)
    return False


def has_ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"  # ended, and nobody has asked how
