"""The credentials file, shared with Qwen Code and with other proxies: read, written and removed by its rules."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from qwenproxy.auth import files, token
from qwenproxy.auth.files import Stamp, off_the_loop
from qwenproxy.auth.lock import STALE_AFTER, Lock
from qwenproxy.auth.token import Token


class Stored(NamedTuple):
    """What is in the file: no stamp, no file; no token, and a fault, if it cannot be used."""

    stamp: Stamp | None = None
    token: Token | None = None
    fault: str = ""


class LockLost(Exception):
    """We were stopped for so long that another has taken over the lock."""


class Overtaken(Exception):
    """Somebody has put another login there meanwhile."""


class Store:
    """The file at *path*.  All of it may raise OSError, of which TimeoutError is one.

    *stale_after*: see `Lock`.
    """

    def __init__(self, path: Path, *, stale_after: float = STALE_AFTER) -> None:
        self.path = path
        self._stale_after = stale_after

    def lock(self) -> Lock:
        """A new attempt to hold the lock that goes with the file."""
        name = self.path.name.removesuffix(".json") + ".lock"
        return Lock(self.path.with_name(name), stale_after=self._stale_after)

    async def stamp(self) -> Stamp | None:
        """What tells whether the file has changed; None if there is none."""
        return await off_the_loop(partial(files.stamp, self.path))

    async def read(self) -> Stored:
        return await off_the_loop(self._read)

    async def make_folder(self) -> None:
        """Make the folder that file and lock lie in."""
        await off_the_loop(partial(files.make_folder, self.path))

    async def write(self, new: Token, lock: Lock | None, over: Collection[str] | None = None) -> Stamp:
        """Write *new*, under *lock* if there is one; fields of the file that are not ours stay.

        *over*: the access tokens that may be written over; None: any.  Raises LockLost, Overtaken.
        """
        return await off_the_loop(partial(self._write, new, lock, over))

    async def remove(self, lock: Lock | None, only: Collection[str] | None = None) -> bool:
        """Remove the file, if its refresh token is one of *only* (None: in any case); whether it was there.

        Raises LockLost, Overtaken.
        """
        return await off_the_loop(partial(self._remove, lock, only))

    def _read(self) -> Stored:
        found = files.read(self.path)
        if found is None:
            return Stored()
        data, stamp = found
        try:
            return Stored(stamp, token.parse(data))
        except ValueError as e:
            return Stored(stamp, None, f"{self.path} cannot be used: {e}")

    def _write(self, new: Token, lock: Lock | None, over: Collection[str] | None) -> Stamp:
        files.make_folder(self.path)
        content = new.to_file(self._others())
        return files.replace(
            self.path, content, lambda: self._check(lock, lambda there: over is None or there.access_token in over)
        )

    def _remove(self, lock: Lock | None, only: Collection[str] | None) -> bool:
        self._check(lock, lambda there: only is None or there.refresh_token in only)
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True

    def _check(self, lock: Lock | None, is_ours: Callable[[Token], bool]) -> None:
        """Raise if the file is not ours to change any more."""
        if lock is not None and not lock.is_held():
            raise LockLost(f"{lock.path} has been taken over")
        there = self._read().token
        if there is not None and not is_ours(there):
            raise Overtaken(f"{self.path} holds another login")

    def _others(self) -> Mapping[str, Any]:
        """All fields of the file as it is; none if it cannot be read."""
        found = files.read(self.path)
        try:
            return token.content(found[0]) if found else {}
        except ValueError:
            return {}
