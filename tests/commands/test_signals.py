"""What signals say to a process of its own, with and without a terminal."""

import os
import pty
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.processes import ROOT

PROGRAM = f"""
import asyncio, os, sys
sys.path.insert(0, {str(ROOT / "addons")!r})
from qwenproxy.commands import signals

def say(word):
    os.write(3, word + b" ")

async def main():
    ended = asyncio.Event()
    def stop():
        say(b"stop")
        ended.set()
    signals.heed(stop, lambda: say(b"reload"))
    say(b"ready")
    await ended.wait()

asyncio.run(main())
"""


class Child:
    """The program in a session of its own, whose words come through a pipe."""

    def __init__(self, pid: int, words: int) -> None:
        self.pid = pid
        self._words = words

    def word(self) -> str:
        """Its next word; "" when it has ended."""
        found = b""
        while not found.endswith(b" ") and (byte := os.read(self._words, 1)):
            found += byte
        return found.decode().strip()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


@contextmanager
def child(*, terminal: bool, nohup: bool = False) -> Iterator[tuple[Child, int]]:
    """The child, and our end of its terminal."""
    out, its = os.pipe()
    if terminal:
        pid, ours = pty.fork()
    else:
        pid, ours = os.fork(), -1
    if not pid:
        if not terminal:
            os.setsid()
        if nohup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.dup2(its, 3)
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])
    os.close(its)
    try:
        found = Child(pid, out)
        assert found.word() == "ready"
        yield found, ours
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_to_end_is_to_stop(number: signal.Signals) -> None:
    with child(terminal=False) as (found, _):
        found.signal(number)
        assert found.word() == "stop"


@pytest.mark.parametrize("terminal", [True, False])
def test_to_hang_up_is_to_load_anew(terminal: bool) -> None:
    with child(terminal=terminal) as (found, ours):
        for _ in range(2):
            found.signal(signal.SIGHUP)
            assert found.word() == "reload"
        if terminal:
            os.close(ours)
            assert found.word() == "stop", "its terminal is gone"


def test_what_shall_outlive_its_terminal_does() -> None:
    with child(terminal=True, nohup=True) as (found, ours):
        os.close(ours)
        assert found.word() == "reload"
        found.signal(signal.SIGTERM)
        assert found.word() == "stop"
