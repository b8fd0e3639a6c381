"""Real processes: mitmproxy's programs and our own, on free ports of loopback, and all that they print."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mitmproxy.certs import CertStore

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "addons" / "qwen.py"
DEADLINE = 30.0  # s until a program must have done what it is waited for

MITMDUMP = (sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()")
MITMWEB = (sys.executable, "-c", "from mitmproxy.tools.main import mitmweb; mitmweb()", "--no-web-open-browser")
QWENPROXY = (sys.executable, "-m", "qwenproxy.cli")
OURS = ("-s", str(SCRIPT))

LISTENING = re.compile(r"listening at (\S+?):(\d+)\.|(?:reverse|proxy)=http://(\S+?):(\d+)")


@dataclass
class Process:
    """A program that runs; what it has printed so far, on both outputs, is in `output`."""

    process: asyncio.subprocess.Process
    printed: bytearray = field(default_factory=bytearray)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self.printed.decode(errors="replace")

    @property
    def ports(self) -> list[int]:
        """Where it listens, one port for each mode, in the order of the modes."""
        return [int(found[2] or found[4]) for found in LISTENING.finditer(self.output)]

    async def until(self, text: str, times: int = 1) -> None:
        """Wait until it has printed *text*.  Raises AssertionError if it ends, or takes too long."""
        for _ in range(int(DEADLINE / 0.01)):
            if self.output.count(text) >= times:
                return
            assert self.process.returncode is None, f"ended with {self.process.returncode}:\n{self.output}"
            await asyncio.sleep(0.01)
        raise AssertionError(f"{text!r} was not printed:\n{self.output}")

    async def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()

    @property
    def cmdline(self) -> bytes:
        """What everybody on the machine can read of how it was started."""
        return Path(f"/proc/{self.pid}/cmdline").read_bytes()

    def resident(self) -> int:
        """Bytes of memory that it has in use."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while piece := await self.process.stdout.read(65536):
            self.printed += piece


def clean(home: Path, **settings: str) -> dict[str, str]:
    """An environment with nothing of the user's in it; *settings* by their names in lower case."""
    mine = {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
    paths = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PYTHONPATH": str(ROOT / "addons")}
    return {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **paths, **mine}


def authority(confdir: Path) -> Path:
    """Make the proxy's certificate authority before several processes would; the file that clients are to trust."""
    confdir.mkdir(parents=True, exist_ok=True)
    CertStore.from_store(confdir, "mitmproxy", 2048)
    return confdir / "mitmproxy-ca-cert.pem"


async def end(child: asyncio.subprocess.Process) -> None:
    """Have *child* end: in order, else at once, else by force."""
    for stop in (child.terminate, child.terminate, child.kill):
        stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await child.wait()
            return


@asynccontextmanager
async def running(
    command: Sequence[str], environ: Mapping[str, str], *, ready: str = "", times: int = 1
) -> AsyncIterator[Process]:
    """*command* as a process, once it has printed *ready* as often as *times*; ended in any case."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *command, env=dict(environ), cwd=environ["HOME"], stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=-2
    )
    found = Process(child)
    reading = asyncio.create_task(found._read())
    try:
        await found.until(ready, times)
        yield found
    finally:
        if child.returncode is None:
            await end(child)
        await child.wait()
        await reading
