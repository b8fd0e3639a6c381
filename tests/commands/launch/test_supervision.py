"""A command that runs as if nobody stood between it and its caller."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import launched
from tests.support.processes import ROOT, running
from tests.support.pseudoterminal import pseudoterminal

SUPERVISE = """
import os, shutil, sys
from qwenproxy.commands.launch import supervision
program = sys.argv[1]
outcome = supervision.supervise(shutil.which(program), sys.argv[1:], dict(os.environ, MARK="set"))
print("outcome", outcome.status, outcome.by_interrupt, flush=True)
if outcome.by_interrupt:
    supervision.interrupt_self()
"""
ENVIRON = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "addons"), "PYTHONUNBUFFERED": "1", "HOME": "/"}


def supervised(*words: str) -> Sequence[str]:
    return (sys.executable, "-c", SUPERVISE, *words)


def python(code: str) -> Sequence[str]:
    return supervised(sys.executable, "-c", code)


ENDINGS = {
    "success": ("exit 0", "outcome 0 False"),
    "failure": ("exit 7", "outcome 7 False"),
    "the highest": ("exit 255", "outcome 255 False"),
    "a signal": ("kill -TERM $$", "outcome 143 False"),
    "killed": ("kill -KILL $$", "outcome 137 False"),
    "an interrupt of its own": ("kill -INT $$", "outcome 130 False"),
}


@pytest.mark.parametrize(("script", "told"), ENDINGS.values(), ids=ENDINGS.keys())
async def test_the_exit_status_is_the_commands(script: str, told: str) -> None:
    async with running(supervised("sh", "-c", script), ENVIRON, ready=told):
        pass


async def test_the_command_gets_its_words_and_its_environment() -> None:
    script = 'printf "%s|" "$0" "$@" "$MARK"'
    async with running(supervised("sh", "-c", script, "a b", "--", "*"), ENVIRON, ready="a b|--|*|set|"):
        pass


LISTENER = """
import signal, time
def heard(number, frame):
    print("heard", signal.Signals(number).name)
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"):
    signal.signal(getattr(signal, name), heard)
print("up")
while True:
    time.sleep(0.01)
"""


def child_of(pid: int) -> int:
    """The one process that *pid* has started."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
async def test_signals_sent_to_it_alone_reach_the_command_once() -> None:
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
    async with running(python(LISTENER), ENVIRON, ready="up") as process:
        command = child_of(process.pid)
        for name in names:
            process.process.send_signal(getattr(signal, name))
            await process.until(f"heard {name}")
        os.kill(command, signal.SIGKILL)
        assert await process.ended() == 0
    assert process.output.split("\n") == ["up", *(f"heard {name}" for name in names), "outcome 137 False", ""]


async def test_what_was_ignored_stays_ignored() -> None:
    """As after `nohup`."""
    code = "import signal; print('HUP ignored:', signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    shell = ("sh", "-c", 'trap "" HUP; exec "$0" "$@"', *python(code))
    async with running(shell, ENVIRON, ready="HUP ignored: True"):
        pass


async def test_the_command_ends_by_a_broken_pipe_as_others_do() -> None:
    """Python ignores SIGPIPE for itself."""
    async with running(supervised("sh", "-c", "yes | head -n 1"), ENVIRON, ready="y\noutcome 0"):
        pass


async def test_signals_are_not_held_back_from_the_command() -> None:
    code = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    async with running(python(code), ENVIRON, ready="set()"):
        pass


async def test_it_shares_terminal_group_and_session() -> None:
    code = (
        "import os; print('same', os.getpgrp() == os.getpgid(os.getppid()), os.getsid(0) == os.getsid(os.getppid()), "
        "os.isatty(0), os.tcgetpgrp(0) == os.getpgrp())"
    )
    async with pseudoterminal(python(code), ENVIRON) as terminal:
        await terminal.until("same True True True True")


async def test_ctrl_c_reaches_the_command_once_and_may_be_survived() -> None:
    code = """
import time
try:
    print("up")
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
    time.sleep(0.2)
    raise SystemExit(5)
"""
    async with pseudoterminal(python(code), ENVIRON) as terminal:
        await terminal.until("up")
        terminal.send(b"\x03")
        await terminal.until("outcome 5 False")
        assert await terminal.ended() == 0


async def test_who_dies_of_ctrl_c_is_seen_to_die_of_it() -> None:
    """Shells end a loop only then."""
    async with pseudoterminal(supervised("sleep", "60"), ENVIRON) as terminal:
        await launched.child(terminal.process.pid, "sleep")
        terminal.send(b"\x03")
        await terminal.until("outcome 130 True")
        assert await terminal.ended() == -signal.SIGINT


async def test_ctrl_z_stops_the_job_and_fg_goes_on_with_it() -> None:
    shell = ("bash", "--norc", "-i")
    async with pseudoterminal(shell, ENVIRON | {"PS1": "> "}) as terminal:
        words = " ".join(f"'{word}'" for word in supervised("sh", "-c", 'echo u"p"; read x; echo "got $x"; exit 3'))
        terminal.send(f"{words}\n".encode())
        await terminal.until("\nup\r\n")
        terminal.send(b"\x1a")
        await terminal.until("Stopped")
        terminal.send(b"fg\n")
        terminal.send(b"hello\n")
        await terminal.until("got hello")
        await terminal.until("outcome 3 False")
        terminal.send(b"exit\n")
        await terminal.ended()
