"""Where a login is kept: what a file of one machine and the shared state of several have in common."""

from collections.abc import Collection
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from qwenproxy.auth.token import Token


class Stamp(Protocol):
    """What is another whenever somebody has written; equal ones say that nobody has."""

    @property
    def written_at(self) -> float:
        """Seconds since 1970."""
        ...


class Stored(NamedTuple):
    """What is kept: no stamp, nothing, and the fault says why, if that is known; no token, if it cannot be used."""

    stamp: Stamp | None = None
    token: Token | None = None
    fault: str = ""


class LockLost(Exception):
    """We were stopped for so long that another has taken over the lock."""


class Locked(Exception):
    """Somebody else has held the lock all the time."""


class Overtaken(Exception):
    """Somebody has put another login there meanwhile."""


class Lock(Protocol):
    """One attempt to be the only one who renews a login, as `async with`.

    Entering raises Locked, and OSError or TimeoutError where there can be no lock.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def check(self) -> None:
        """Raise LockLost if it is not ours any more."""
        ...

    async def spend(self) -> None:
        """Let the others know that the refresh token is about to be sent, which may use it up.  Raises LockLost."""
        ...


class LoginStore(Protocol):
    """The place of one login.  All of it may raise OSError, of which TimeoutError is one."""

    @property
    def place(self) -> str:
        """What people call it; never holds a secret."""
        ...

    def lock(self, *, keeping: bool = False) -> Lock:
        """A new attempt to hold the lock; *keeping*: not to renew, but to write a login that we have."""
        ...

    async def stamp(self) -> Stamp | None:
        """What tells whether anything has changed; None if nothing is kept."""
        ...

    async def read(self) -> Stored: ...

    async def prepare(self) -> None:
        """Make ready to keep a login there."""
        ...

    async def write(self, new: Token, lock: Lock | None, over: Collection[str] | None = None) -> Stamp:
        """Keep *new*, under *lock* if there is one.

        *over*: the access tokens that it may take the place of; None: any.  Raises LockLost, Overtaken.
        """
        ...

    async def remove(self, lock: Lock | None, only: Collection[str] | None = None, why: str = "") -> bool:
        """Forget the login, if its refresh token is one of *only* (None: in any case); whether there was one.

        *why*: what those are told who share it.
        Raises LockLost, Overtaken.
        """
        ...
