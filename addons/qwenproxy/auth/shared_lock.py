"""The lock of a login that several machines share.

It is a lease with a number, higher each time: whoever writes shows it, and Redis takes nothing with a number that is
not the lock's any more.  Before a refresh token is sent the holder says so; should it fall silent then, nobody knows
whether the token is used up, and the others wait: to send it twice would end the login.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from qwenproxy.auth.base import Locked, LockLost
from qwenproxy.auth.client import Sleep
from qwenproxy.auth.conversation import SignInError
from qwenproxy.auth.shared_scripts import ACQUIRE, EXTEND, RELEASE, SPEND
from qwenproxy.shared.link import Away, Link

LEASE = 10.0  # s that a lock lasts unless its holder extends it
PATIENCE = 30.0  # s to wait for another holder
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # s between two tries
DOUBT = 30.0  # s, at least, that a login is left alone whose refresh token may have been sent

WHY = {
    -1: "another proxy has renewed it meanwhile",
    -2: "another proxy has fallen silent while it renewed it, and may have used the refresh token up: it is left alone "
    "until that has an end",
}


def alive() -> float:
    """Seconds on a clock that goes on while this process, or its machine, is stopped."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SharedLock:
    """One attempt; see `base.Lock`.  *version*: of the login that is to be renewed; another one needs no lock.

    *doubtful*: seconds for which the refresh token is in doubt if we fall silent.
    """

    def __init__(
        self,
        link: Link,
        login: str,
        owner: str,
        *,
        version: int = 0,
        keeping: bool = False,
        doubtful: Callable[[], float] = lambda: DOUBT,
        lease: float = LEASE,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = ""
        """Under which Redis knows it; "" while it is not held."""
        self._link = link
        self._login = login
        self._owner = owner or str(uuid.uuid4())
        self._version = version
        self._keeping = keeping
        self._doubtful = doubtful
        self._lease = lease
        self._sleep = sleep
        self._until = 0.0
        self._extending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        begun, pause = alive(), FIRST_PAUSE
        while not await self._try():
            if alive() - begun > PATIENCE:
                raise Locked("another proxy is renewing the login, and does not come to an end")
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._extending = asyncio.create_task(self._extend(), name="hold the lock of the login")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._extending is not None:
            self._extending.cancel()
        sure = isinstance(error, SignInError)  # the server has answered, or never will
        with suppress(Away):
            await self._link.run(RELEASE, (self._login, self.name, self._owner, int(sure)))

    async def check(self) -> None:
        if alive() >= self._until:
            raise LockLost("this process was stopped, or cut off, and another may have taken over")

    async def spend(self) -> None:
        span = _ms(max(self._doubtful(), self._lease))
        try:
            held = await self._link.run(SPEND, (self._login, self.name, self._owner, span))
        except Away as e:
            raise LockLost(str(e)) from None
        if not held:
            raise LockLost("another has taken over the lock")
        await self.check()

    async def _try(self) -> bool:
        asked = alive()  # before Redis begins to count
        arguments = (self._login, self._owner, _ms(self._lease), self._version, int(self._keeping))
        try:
            fence = await self._link.run(ACQUIRE, arguments)
        except Away as e:
            raise Locked(str(e)) from None
        if fence < 0:
            raise Locked(WHY[fence])
        self.name, self._until = f"{self._owner}:{fence}", asked + self._lease
        return bool(fence)

    async def _extend(self) -> None:
        """A refresh may take longer than a lease."""
        while True:
            await self._sleep(self._lease / 4)
            asked = alive()
            with suppress(Away):
                if await self._link.run(EXTEND, (self._login, self.name, _ms(self._lease))):
                    self._until = asked + self._lease


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
