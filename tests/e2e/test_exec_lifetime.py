"""`qwenproxy exec`: signals, exit statuses, and that nothing outlives it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support import launched
from tests.support.launched import Home
from tests.support.processes import DEADLINE, QWENPROXY, authority
from tests.support.pseudoterminal import pseudoterminal

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in Linux's /proc")

ATTENDANT = "launch.attendant"
ENDINGS = {
    "failure": ("exit 7", 7),
    "a signal": ("kill -TERM $$", 143),
}


@pytest.fixture
def home(tmp_path: Path, confdir: Path) -> Home:
    authority(confdir)
    (tmp_path / ".mitmproxy").symlink_to(confdir)
    return Home(tmp_path)


@pytest.mark.parametrize(("script", "status"), ENDINGS.values(), ids=ENDINGS.keys())
async def test_the_exit_status_is_the_commands(home: Home, script: str, status: int) -> None:
    ended = await home.launch("--simulator", "--", "sh", "-c", f"echo out; echo err >&2; {script}")
    assert (ended.status, ended.out) == (status, "out\n")
    assert ended.err == "err\nqwenproxy: no call came through the proxy\n"
    assert home.left == []


async def test_a_signal_ends_the_command_and_with_it_the_proxy(home: Home) -> None:
    code = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(9)); print('up', flush=True); time.sleep(60)"
    )
    async with home.launching("--simulator", "--", sys.executable, "-c", code) as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        proxy = await launched.child(process.pid, ATTENDANT)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), DEADLINE) == 9
        assert await launched.gone(proxy)
    assert home.left == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
async def test_a_signal_at_the_start_leaves_nothing(home: Home, number: signal.Signals, status: int) -> None:
    async with home.launching("--simulator", "--", "touch", str(home.path / "ran")) as process:
        proxy = await launched.child(process.pid, ATTENDANT)
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), DEADLINE) == status
        assert await launched.gone(proxy)
    assert home.left == []
    assert not (home.path / "ran").exists()


async def test_when_it_is_killed_the_proxy_ends_and_clears_away(home: Home) -> None:
    async with home.launching("--simulator", "--", "sleep", "600") as process:
        command = await launched.child(process.pid, "sleep")
        proxy = await launched.child(process.pid, ATTENDANT)
        assert len(home.left) == 1
        process.kill()
        assert await launched.gone(proxy)
        os.kill(command, signal.SIGKILL)
    assert home.left == []


async def test_when_the_proxy_is_killed_the_command_goes_on_and_the_user_hears_of_it(home: Home) -> None:
    async with home.launching("--simulator", "--", "sh", "-c", "echo up; sleep 0.5; exit 3") as process:
        assert process.stdout is not None
        await process.stdout.readline()
        os.kill(await launched.child(process.pid, ATTENDANT), signal.SIGKILL)
        _, err = await process.communicate()
    assert process.returncode == 3
    assert err.startswith(b"qwenproxy: the proxy ended before the command did")
    assert home.left == []


async def test_what_the_command_leaves_running_does_not_keep_it_or_the_proxy(home: Home) -> None:
    script = "sleep 600 >/dev/null 2>&1 & echo $!"
    ended = await home.launch("--simulator", "--", "sh", "-c", script)
    os.kill(int(ended.out), signal.SIGKILL)
    assert (ended.status, home.left) == (0, [])


async def test_at_a_terminal_the_command_reads_keys_and_ctrl_c_is_its_own(home: Home) -> None:
    script = "trap 'echo caught; exit 4' INT; echo up; read x; echo got $x; while :; do sleep 0.1; done"
    words = (*QWENPROXY, "exec", "--simulator", "--", "sh", "-c", script)
    async with pseudoterminal(words, home.environ()) as terminal:
        await terminal.until("up")
        terminal.send(b"hello\n")
        await terminal.until("got hello")
        terminal.send(b"\x03")
        await terminal.until("qwenproxy: no call came through the proxy")
        assert terminal.screen.count("caught") == 1
        assert await terminal.ended() == 4
    assert home.left == []


async def test_when_the_terminal_is_closed_all_of_it_ends(home: Home) -> None:
    words = (*QWENPROXY, "exec", "--simulator", "--", "sleep", "600")
    async with pseudoterminal(words, home.environ()) as terminal:
        command, proxy = [await launched.child(terminal.process.pid, name) for name in ("sleep", ATTENDANT)]
        terminal.hang_up()
        assert await terminal.ended() == 129
        assert await launched.gone(command)
        assert await launched.gone(proxy)
    assert home.left == []


async def test_a_pipeline_is_as_without_it(home: Home) -> None:
    script = '"$0" "$@" exec --simulator -- yes | head -n 1; echo done'
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        script,
        *QWENPROXY,
        env=home.environ(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert out == b"y\ndone\n"
    assert err == b"qwenproxy: no call came through the proxy\n"
    assert home.left == []
