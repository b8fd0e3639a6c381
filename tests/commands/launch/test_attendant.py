"""The proxy's side of `qwenproxy exec`."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy.commands.launch.attendant import PREFIX, beyond
from qwenproxy.commands.launch.hired import PROGRAM
from tests.support.processes import DEADLINE, clean

BEYOND: dict[str, tuple[dict[str, str], list[str]]] = {
    "none": ({}, []),
    "a proxy": ({"HTTPS_PROXY": "corp.example:3128"}, ["mode=upstream:http://corp.example:3128@127.0.0.1:1"]),
    "the first of several": (
        {"https_proxy": "https://a.example", "ALL_PROXY": "http://b.example:1"},
        ["mode=upstream:https://a.example:443@127.0.0.1:1"],
    ),
    "with a password": (
        {"HTTPS_PROXY": "http://me:p%40ss@corp.example:3128/"},
        ["mode=upstream:http://corp.example:3128@127.0.0.1:1", "upstream_auth=me:p@ss"],
    ),
    "of another kind": ({"HTTPS_PROXY": "socks5://corp.example:1080"}, []),
}


@pytest.mark.parametrize(("environ", "options"), BEYOND.values(), ids=BEYOND.keys())
def test_other_hosts_are_reached_by_the_users_own_proxy(environ: dict[str, str], options: list[str]) -> None:
    assert beyond(environ, 1) == options


@asynccontextmanager
async def attending(home: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *words, env=clean(home) | {"TMPDIR": str(home)}, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(DEADLINE):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def contents(folder: Path) -> list[str]:
    return [str(path) for path in folder.iterdir()]


async def line(process: asyncio.subprocess.Process, start: bytes) -> Any:
    """The next line on standard output that begins with *start*."""
    assert process.stdout is not None
    while found := await process.stdout.readline():
        if found.startswith(start):
            return found
    raise AssertionError(f"it ended without {start!r}")


async def test_it_says_when_all_is_ready_and_ends_with_its_standard_input(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with attending(tmp_path, "--simulator", f"--log={log}") as process:
        assert b"reverse=http://127.0.0.1:" in await line(process, b"listening ")
        ready = orjson.loads(await line(process, b"{"))
        assert process.stderr is not None
        assert await process.stderr.read() == b""  # closed: whoever waits for complaints need wait no longer
        assert Path(ready["folder"]).parent == tmp_path
        assert set(ready["files"]) <= set(contents(Path(ready["folder"])))
        assert str(log) in contents(tmp_path)
        assert (ready["hosts"], ready["wants_key"]) == (["api.openai.com", "*.api.openai.com"], False)
        assert process.stdin is not None
        process.stdin.close()
        assert orjson.loads(await line(process, b"{"))["exchanges"] == 0
        assert await process.wait() == 0
    assert not [name for name in contents(tmp_path) if PREFIX in name]


async def test_a_terminal_that_is_gone_does_not_leave_files_behind(tmp_path: Path) -> None:
    """Nobody reads what it says any more."""
    async with attending(tmp_path, "--simulator", "--no-port") as process:
        await line(process, b"{")
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert not [name for name in contents(tmp_path) if PREFIX in name]


WRONG = {
    "an option that nobody has": (("--set=nonsense=1",), 2, "qwenproxy run: unknown option: nonsense"),
    "a log that cannot be written": (("--log=/nowhere/log",), 1, "/nowhere/log"),
}


@pytest.mark.parametrize(("words", "status", "complaint"), WRONG.values(), ids=WRONG.keys())
async def test_what_is_wrong_at_the_start_is_on_standard_error(
    tmp_path: Path, words: tuple[str, ...], status: int, complaint: str
) -> None:
    async with attending(tmp_path, "--simulator", *words) as process:
        out, err = await process.communicate()
        assert (process.returncode, out.count(b'"files"')) == (status, 0)
    assert complaint in err.decode()
    assert not [name for name in contents(tmp_path) if PREFIX in name]
