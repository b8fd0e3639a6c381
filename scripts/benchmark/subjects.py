"""The subjects: how each is started, seen to be ready, and ended."""

import asyncio
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmark.client import Client
from scripts.benchmark.load import exchange
from scripts.benchmark.machine import Cores, cpu_seconds

ROOT = Path(__file__).resolve().parents[2]
ADDONS = ROOT / "addons"
ENDED = "ended by itself"
READY = 30.0
"""Seconds in which a subject must answer."""
RESTING = 20
"""How often at most a starting subject is looked at, every 0.3 s, until it rests."""
FOREIGN = ("QWENPROXY_", "DASHSCOPE_", "BAILIAN_", "OPENAI_", "PYTHON")
"""Variables of the environment that would change what is measured."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure.  In *command*, {port} and {upstream} are filled in, {bin} is the folder of Python."""

    name: str
    title: str
    command: tuple[str, ...]
    ours: bool = False
    path: str = "/compatible-mode/v1"
    """Of the upstream's base URL, for ours: it says which dialect is spoken."""
    loads: frozenset[str] | None = None
    """The loads that it takes part in; None: all."""
    settings: tuple[tuple[str, str], ...] = ()
    """What is set besides: variables and their values."""

    def argv(self, port: int, upstream: int) -> list[str]:
        """The command line that listens on *port* before the upstream on port *upstream*."""
        folder = Path(sys.executable).parent
        return [part.format(port=port, upstream=upstream, bin=folder, addons=ADDONS) for part in self.command]


def run_command() -> tuple[str, ...]:
    """The installed command, else the package of the checkout."""
    installed = Path(sys.executable).with_name("qwenproxy").exists()
    return ("{bin}/qwenproxy",) if installed else (sys.executable, "-m", "qwenproxy.cli")


_BARE = ("{bin}/mitmdump", "--mode", "reverse:http://127.0.0.1:{upstream}@127.0.0.1:{port}")
_ADDON = (
    *("{bin}/mitmdump", "-s", "{addons}/qwen.py"),
    *("--mode", "reverse:https://api.openai.com@127.0.0.1:{port}"),
)

_RUN = (*run_command(), "run", "--port", "{port}", "--no-proxy-port")

IN_SHORT = frozenset({"whole-16", "short-1", "paced-50", "burst"})

DIRECT = Subject("direct", "direct", ())
SUBJECTS = (
    DIRECT,
    Subject("bare", "bare mitmdump", _BARE),
    Subject("bare-streaming", "bare, streaming", (*_BARE, "--set", "stream_large_bodies=1")),
    Subject("addon", "mitmdump -s qwen.py", _ADDON, ours=True),
    Subject("run", "qwenproxy run", _RUN, ours=True),
    Subject("dashscope", "run, DashScope native", _RUN, True, "/api/v1", IN_SHORT),
    Subject("contents", "run, contents", _RUN, True, "/v1beta", IN_SHORT),
    Subject("tools", "run, tools on", _RUN, True, loads=IN_SHORT, settings=(("QWENPROXY_TOOLS", "current_time"),)),
)


def environment(subject: Subject, upstream: int, home: Path) -> dict[str, str]:
    """The subject's environment: the user's, without what changes the measurement, and with *home* as its home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN) and not name.lower().endswith("_proxy")
    }
    kept |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    return kept | dict(subject.settings) | (_ours(f"http://127.0.0.1:{upstream}{subject.path}") if subject.ours else {})


def _ours(base_url: str) -> dict[str, str]:
    return {
        "QWENPROXY_UPSTREAM": base_url,
        "QWENPROXY_AUTH": "none",
        "PYTHONPATH": str(ADDONS),
    }


class NotReady(Exception):
    """A subject did not start; the text says why, in one line."""


class Running:
    """A subject that listens on `port`; without a process it is the upstream itself."""

    def __init__(self, subject: Subject, port: int, process: asyncio.subprocess.Process | None) -> None:
        self.subject = subject
        self.port = port
        self._process = process

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return None if self._process is None or self.gone else self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it has ended by itself."""
        return self._process is not None and self._process.returncode is not None

    async def stop(self) -> None:
        """End the process: asked first, then made to."""
        if self._process is not None:
            await end(self._process)


async def end(process: asyncio.subprocess.Process) -> None:
    """Terminate *process* and wait; kill it if it does not go."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def start(subject: Subject, upstream: int, cores: Cores, home: Path) -> Running:
    """Start *subject* afresh and wait until it answers rightly.  Raises NotReady."""
    if not subject.command:
        return Running(subject, upstream, None)
    port = free_port()
    argv, env = subject.argv(port, upstream), environment(subject, upstream, home)
    process = await _spawn(argv, env, home, asyncio.subprocess.DEVNULL)
    failure = "interrupted"
    try:
        cores.pin_subject(process.pid)
        failure = await _ready(process, port)
    finally:
        if failure:
            await end(process)
    if failure == ENDED:
        raise NotReady(await _last_words(argv, env, home))
    if failure:
        raise NotReady(failure)
    return Running(subject, port, process)


async def _spawn(argv: list[str], env: dict[str, str], home: Path, output: int) -> asyncio.subprocess.Process:
    """Start a process whose output goes to *output*.  Raises NotReady."""
    try:
        return await asyncio.create_subprocess_exec(
            *argv, env=env, cwd=home, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )
    except OSError as error:
        raise NotReady(f"{error.strerror}: {argv[0]}") from None


async def _ready(process: asyncio.subprocess.Process, port: int) -> str:
    """Wait until a whole answer comes and is right; else say why not."""
    client = Client(port)
    failure = "no answer"
    try:
        async with asyncio.timeout(READY):
            await _listening(process, client)
            while process.returncode is None:
                failure = (await exchange(client, None)).failure
                if not failure:
                    return ""
                await asyncio.sleep(0.1)
    except TimeoutError:
        return f"not ready in {READY:.0f} s ({failure})"
    finally:
        client.close()
    return ENDED


async def _listening(process: asyncio.subprocess.Process, client: Client) -> None:
    """Wait until a connection is taken, and all else is done that belongs to the start.

    mitmproxy listens before it has its certificates; a request in between is an error that ends it.
    """
    while process.returncode is None:
        if await client.connect():
            await _at_rest(process.pid)
            return
        await asyncio.sleep(0.05)


async def _at_rest(pid: int) -> None:
    """Wait until a starting process uses no more CPU time."""
    then = None
    for _ in range(RESTING):
        now = cpu_seconds(pid)
        if now is not None and now == then:
            return
        then = now
        await asyncio.sleep(0.3)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def _last_words(argv: list[str], env: dict[str, str], home: Path) -> str:
    """What a subject that ends by itself says, found by starting it once more: to measure, nobody listens to it."""
    log = home / "last-words.log"
    with log.open("wb") as output:
        process = await _spawn(argv, env, home, output.fileno())
        try:
            async with asyncio.timeout(READY / 3):
                await process.wait()
        except TimeoutError:
            return f"{ENDED}, but not when started again"
        finally:
            await end(process)
    return f"{ENDED}, status {process.returncode}{telling_line(log.read_text(errors='replace'))}"


def telling_line(output: str) -> str:
    """The last line of *output* that names an error, else its last line, after a colon; "" for no output."""
    lines = output.strip().splitlines()
    found = [line for line in lines if "rror:" in line] or lines
    return f": {found[-1].strip()[:200]}" if found else ""
