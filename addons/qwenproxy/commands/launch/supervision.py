"""Running the command as if nobody stood between it and its caller: terminal, signals, exit status.

The command stays in the caller's process group and session, as if it had been called itself: it may read the terminal,
what the terminal signals (Ctrl-C, Ctrl-Z) reaches it directly, and a pipeline stays one job.  What is sent to this
process alone is passed on; when the command stops for job control, so does this process, that the shell may see it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

FORWARDED = (
    "SIGINT",
    "SIGTERM",
    "SIGHUP",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
    "SIGALRM",
    "SIGTSTP",
    "SIGCONT",
    "SIGWINCH",
)
FROM_TERMINAL = frozenset({"SIGINT", "SIGQUIT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGWINCH"})
"""Sent to the whole process group when the terminal sends them.  (SIGHUP may come to the session's leader only.)"""
JOB_CONTROL = ("SIGTSTP", "SIGTTIN", "SIGTTOU")
SI_KERNEL = 0x80  # si_code of what no process has sent (Linux, asm-generic/siginfo.h)
RESTORED = ("SIGPIPE", "SIGXFSZ")
"""Python ignores them; the command shall not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the command ended."""

    status: int
    """Its exit status; 128 + n if signal n has ended it, as shells have it."""
    by_interrupt: bool = False
    """Whether the terminal's Ctrl-C ended it: then shells want to see their child die of it, to end loops too."""


def supervise(program: str, words: Sequence[str], environ: Mapping[str, str]) -> Outcome:
    """Run *words*, whose first one means the file *program*, to its end.

    Raises OSError if it cannot be started.  Afterwards signals are held back: what is left to do shall be done.
    """
    return _run(program, words, environ)


if sys.platform == "win32":

    def _run(program: str, words: Sequence[str], environ: Mapping[str, str]) -> Outcome:
        """Without POSIX's signals: Ctrl-C reaches the command by itself."""
        process = subprocess.Popen([program, *words[1:]], env=dict(environ))
        while True:
            with suppress(KeyboardInterrupt):
                return Outcome(process.wait())

else:

    def _run(program: str, words: Sequence[str], environ: Mapping[str, str]) -> Outcome:
        return _Supervisor().run(program, words, environ)

    class _Supervisor:
        """Holds signals back and takes them one by one: no handler ever runs in the middle of anything."""

        def __init__(self) -> None:
            self._pid = 0
            self._interrupted = False
            ignored = {number for number in _numbers(FORWARDED) if signal.getsignal(number) == signal.SIG_IGN}
            self._taken = {*_numbers(FORWARDED), *_numbers(JOB_CONTROL), signal.SIGCHLD} - ignored
            for number in self._taken:
                signal.signal(number, _take_no_notice)  # some systems drop what is ignored even while it is held back
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, self._taken)

        def run(self, program: str, words: Sequence[str], environ: Mapping[str, str]) -> Outcome:
            self._pid = os.posix_spawn(
                program, list(words), environ, setsigmask=self._before, setsigdef=[*_numbers(RESTORED), signal.SIGCHLD]
            )
            while True:
                number, from_terminal = self._next()
                if number == signal.SIGCHLD:
                    if (outcome := self._look()) is not None:
                        return outcome
                elif from_terminal:
                    self._interrupted |= number == signal.SIGINT
                else:
                    with suppress(ProcessLookupError):
                        os.kill(self._pid, number)

        def _look(self) -> Outcome | None:
            """How the command has ended, if it has; stops with it if it has stopped."""
            pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return None
            if os.WIFSTOPPED(status):
                if os.WSTOPSIG(status) in _numbers(JOB_CONTROL):
                    self._stop(os.WSTOPSIG(status))
                return None
            code = os.waitstatus_to_exitcode(status)
            return Outcome(code if code >= 0 else 128 - code, code == -signal.SIGINT and self._interrupted)

        def _stop(self, number: int) -> None:
            """Stop as the command did, until somebody lets both go on."""
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})  # here it stops
            signal.pthread_sigmask(signal.SIG_BLOCK, {number})
            signal.signal(number, _take_no_notice)
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGCONT)

        def _next(self) -> tuple[int, bool]:
            """The next signal, and whether the command has got it from the terminal too."""
            if sys.platform == "darwin":  # which does not tell who sent it
                number = signal.sigwait(self._taken)
                return number, number in _numbers(FROM_TERMINAL) and _in_foreground()
            info = signal.sigwaitinfo(self._taken)
            return info.si_signo, info.si_signo in _numbers(FROM_TERMINAL) and info.si_code == SI_KERNEL

    def _in_foreground() -> bool:
        """Whether the terminal's signals are for this process's group."""
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            return False
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        except OSError:
            return False
        finally:
            os.close(terminal)


def interrupt_self() -> None:
    """Die of Ctrl-C, after all has been done."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _take_no_notice(_number: int, _frame: object) -> None:
    """A handler that is never called: its signal is held back."""


def _numbers(names: Iterable[str]) -> set[signal.Signals]:
    """Of the signals that this system has."""
    return {getattr(signal, name) for name in names if hasattr(signal, name)}
