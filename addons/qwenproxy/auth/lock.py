"""The lock that all who share a credentials file keep to: Qwen Code's protocol (sharedTokenManager.ts).

The lock is a file made exclusively, with a random id in it.  One that has not been touched for 10 s is stale and may be
taken over.  A holder touches its own while it works; one that was stopped for longer finds another's id in it, or
nothing, and must not write any more.
"""

import asyncio
import atexit
import os
import signal
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from qwenproxy.auth.base import Locked, LockLost
from qwenproxy.auth.files import off_the_loop

STALE_AFTER = 10.0  # s
FIRST_PAUSE = 0.1  # s
LONGEST_PAUSE = 2.0  # s
PAUSE_GROWTH = 1.5
ATTEMPTS = 20
DEADLY: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Lock:
    """One attempt to hold the lock at *path*, as `async with`.

    Entering raises Locked, and OSError or TimeoutError where no lock can be made.  *stale_after* is part of the
    protocol; other values are for tests.
    """

    def __init__(
        self,
        path: Path,
        *,
        stale_after: float = STALE_AFTER,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._id = str(uuid.uuid4())
        self._content = b""
        self._stale_after = stale_after
        self._sleep = sleep
        self._now = now
        self._over = False
        self._inode: int | None = None
        self._touching: asyncio.Task[None] | None = None
        self._deadly: dict[int, object] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._acquire()
        except BaseException:  # cancelled, too: a lock that nobody holds would stop every other program
            self._over = True  # a thread that is about to make the file takes it away again
            self.remove()
            self._let_signals_be()
            raise
        self._touching = asyncio.create_task(self._keep_touching())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._touching is not None:
            self._touching.cancel()
        try:
            with suppress(TimeoutError):
                await off_the_loop(self.remove)
        finally:
            self._let_signals_be()

    def is_held(self) -> bool:
        """Whether the lock is still ours, by what is on the disk now."""
        try:
            return (
                self._inode is not None
                and self.path.stat().st_ino == self._inode
                and self.path.read_bytes() == self._content
            )
        except OSError:
            return False

    async def check(self) -> None:
        """Raise LockLost if it is not ours any more; a disk that does not answer says nothing."""
        with suppress(TimeoutError):
            if not await off_the_loop(self.is_held):
                raise LockLost(f"{self.path} has been taken over")

    async def spend(self) -> None:
        """A file can tell nobody: whoever takes the lock over has to try."""
        await self.check()

    def remove(self) -> None:
        """Give the lock back, unless it is somebody else's by now."""
        if self.is_held():
            with suppress(OSError):
                self.path.unlink()

    async def _acquire(self) -> None:
        self._mind_signals()
        pause = FIRST_PAUSE
        for _ in range(ATTEMPTS):
            if await off_the_loop(self._make):
                return
            if await off_the_loop(self._take_away_stale):
                continue
            await self._sleep(pause)
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)
        raise Locked(f"{self.path} is held by another program")

    def _make(self) -> bool:
        try:
            file = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return False
        try:
            self._inode = os.fstat(file).st_ino
            with suppress(OSError):  # on a full disk the lock stays empty, and is one nevertheless
                self._content = self._id.encode()[: os.write(file, self._id.encode())]
        finally:
            os.close(file)
        if self._over:
            self.remove()
        return True

    def _take_away_stale(self) -> bool:
        """Remove the lock that is there if it is stale; whether to try again at once."""
        aside = self.path.with_name(f"{self.path.name}.stale.{uuid.uuid4()}")
        try:
            found = self.path.stat()
            if self._now() - found.st_mtime <= self._stale_after:
                return False
            self.path.rename(aside)
        except FileNotFoundError:
            return True
        taken = aside.stat()
        if (taken.st_ino, taken.st_mtime_ns) != (found.st_ino, found.st_mtime_ns):
            with suppress(OSError):  # another one was faster, and this is its lock: put it back
                os.link(aside, self.path)
        with suppress(OSError):
            aside.unlink()
        return True

    async def _keep_touching(self) -> None:
        """A refresh may take longer than a lock lasts."""
        while True:
            await asyncio.sleep(self._stale_after / 4)
            with suppress(OSError, TimeoutError):
                await off_the_loop(self._touch)

    def _touch(self) -> None:
        if self.is_held():
            os.utime(self.path)

    def _mind_signals(self) -> None:
        """Release the lock when the process ends, also by a signal that nobody handles."""
        atexit.register(self.remove)
        if threading.current_thread() is threading.main_thread():
            for number in DEADLY:
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._deadly[number] = signal.signal(number, self._die)

    def _let_signals_be(self) -> None:
        atexit.unregister(self.remove)
        for number in self._deadly:
            if signal.getsignal(number) == self._die:
                signal.signal(number, signal.SIG_DFL)
        self._deadly.clear()

    def _die(self, number: int, frame: FrameType | None) -> None:
        self.remove()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
