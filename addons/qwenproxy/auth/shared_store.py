"""A login that several machines share: sealed in a Redis, and renewed by one of them at a time."""

import logging
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

from qwenproxy.auth import base, token
from qwenproxy.auth.base import Locked, LockLost, Overtaken, Stored
from qwenproxy.auth.shared_lock import DOUBT, LEASE, SharedLock
from qwenproxy.auth.shared_scripts import OFFER, READ, REMOVE, RESTORE, WRITE
from qwenproxy.auth.store import Store
from qwenproxy.auth.token import Token
from qwenproxy.sealing import Broken
from qwenproxy.shared.link import Away
from qwenproxy.shared.place import Shared

log = logging.getLogger(__name__)

SETTLING = 10.0
"""Seconds for the others to see what was put into an empty Redis, twice as long as between two looks."""
GONE = {
    "out": "somebody has signed out",
    "over": "{why}",
    "doubt": "{why}: the proxy that had sent its refresh token fell silent, so that another had to try the same one, "
    "and a server may end a login of which that comes twice",
}
"""Why there is no login any more."""
ASIDE = ".shared"
"""What is added to the name of a file whose login is shared now."""


class Version(NamedTuple):
    """The stamp of a shared login: a number that only grows, and when it was written (s since 1970)."""

    number: int
    written_at: float


class Found(NamedTuple):
    """What lies in Redis; no bytes: nothing any more, and `gone` says why."""

    version: Version
    sealed: bytes
    gone: str


class Kept(NamedTuple):
    """A login as it lies in Redis; no token: there is none any more."""

    version: Version
    token: Token | None


class SharedStore:
    """The login called *name* in what is *shared*; a `LoginStore`.

    *file*: a login that is there only is offered to the others, once; None: it is not looked for.  What Redis has lost
    is put back, by whoever knows the newest.
    """

    def __init__(
        self,
        shared: Shared,
        name: str,
        file: Store | None = None,
        *,
        lease: float = LEASE,
        doubt: float = DOUBT,
        settling: float = SETTLING,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._link, self._seal = shared
        self._login = f"qwenproxy:login:{_digest(name)[:16]}"
        self._file = file
        self._owner = str(uuid.uuid4())
        self._lease = lease
        self._doubt = doubt
        self._settling = settling
        self._now = now
        self._newest = Kept(Version(0, 0.0), None)

    @property
    def place(self) -> str:
        return self._link.url

    def lock(self, *, keeping: bool = False) -> SharedLock:
        return SharedLock(
            self._link,
            self._login,
            self._owner,
            version=self._newest.version.number,
            keeping=keeping,
            doubtful=self._doubtful,
            lease=self._lease,
        )

    def _doubtful(self) -> float:
        """While the access token holds there is no hurry."""
        held = self._newest.token
        return max(self._doubt, held.seconds_left(self._now()) if held is not None else 0.0)

    async def stamp(self) -> Version | None:
        stored = await self._fetch()
        return stored.version if stored is not None else None

    async def read(self) -> Stored:
        found = await self._fetch()
        if found is None:
            return Stored()
        version = found.version
        if not found.sealed:
            self._newest = Kept(version, None)
            return Stored(fault=found.gone)
        try:
            held = token.parse(self._seal.open(found.sealed, self._login))
        except (Broken, ValueError) as e:
            # Others may well be able to: it is neither lost, nor to be written over by a new one.
            raise Away(f"the login in {self.place} cannot be used: {e}; `qwenproxy logout` forgets it") from None
        held = replace(held, lifetime=max(0.0, held.expires_at - version.written_at))
        self._newest = Kept(version, held)
        return Stored(version, held)

    async def prepare(self) -> None:
        """There is nothing to prepare."""

    async def write(self, new: Token, lock: base.Lock | None, over: Collection[str] | None = None) -> Version:
        at = self._now()
        words = "*" if over is None else " ".join(map(_digest, over))
        number = await self._link.run(WRITE, (self._login, _name(lock), words, *self._fields(new, at)))
        if number < 0:
            raise LockLost(f"the lock in {self.place} has been taken over")
        if number == 0:
            raise Overtaken(f"{self.place} holds another login")
        self._newest = Kept(Version(number, at), new)
        return self._newest.version

    async def remove(self, lock: base.Lock | None, only: Collection[str] | None = None, why: str = "") -> bool:
        words = "*" if only is None else " ".join(map(_digest, only))
        there = await self._link.run(REMOVE, (self._login, _name(lock), words, why))
        if there == -1:
            raise LockLost(f"the lock in {self.place} has been taken over")
        if there == -2:
            raise Overtaken(f"{self.place} holds another login")
        return bool(there)

    async def _fetch(self) -> Found | None:
        """What lies in Redis, after what it lacks was put there."""
        found = await self._look()
        number = found.version.number if found is not None else 0
        if number < self._newest.version.number and self._newest.token is not None:
            if await self._restore(self._newest.version, self._newest.token):
                log.warning("%s had lost the login: it was put back", self.place)
            return await self._look()
        if (found is None or not found.sealed) and self._file is not None and await self._offer(self._file):
            return await self._look()
        return found

    async def _look(self) -> Found | None:
        number, at, sealed, gone, why = await self._link.run(READ, (self._login,))
        if number is None or (sealed is None and gone is None):
            return None
        told = GONE.get((gone or b"").decode(), "{why}").format(why=(why or b"").decode(errors="replace"))
        return Found(Version(int(number), float(at or 0)), sealed or b"", told)

    async def _restore(self, version: Version, held: Token) -> bool:
        arguments = (self._login, version.number, _ms(self._settling), *self._fields(held, version.written_at))
        return bool(await self._link.run(RESTORE, arguments))

    async def _offer(self, file: Store) -> bool:
        """Share the login that is in a file of this machine only; whether that is shared now."""
        try:
            held = (await file.read()).token
        except OSError:
            return False
        if held is None:
            return False
        fields = self._fields(held, self._now())
        if not await self._link.run(OFFER, (self._login, _digest(held.refresh_token), _ms(self._settling), *fields)):
            return False
        kept = str(file.path)
        with suppress(OSError, Locked):
            async with file.lock():
                kept = str(await file.set_aside(ASIDE))
        log.warning(
            "The login in %s is shared through %s from now on.  Its refresh token can be spent but once, so the file "
            "is not used any more (it is %s now); Qwen Code on this machine needs a login of its own.",
            file.path,
            self.place,
            kept,
        )
        return True

    def _fields(self, held: Token, at: float) -> tuple[bytes, str, str, str]:
        sealed = self._seal.close(held.to_file({}), self._login)
        return sealed, repr(at), _digest(held.access_token), _digest(held.refresh_token)


def _name(lock: base.Lock | None) -> str:
    """Under which Redis knows *lock*, which this kind of store has made."""
    if lock is None:
        return ""
    if not isinstance(lock, SharedLock):
        raise TypeError(f"{lock!r} is no shared lock")
    return lock.name


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
