"""The credentials file, shared with Qwen Code and with other proxies: read, written and removed by its rules."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from qwenproxy.auth import base, files, token
from qwenproxy.auth.base import LockLost, Overtaken, Stored
from qwenproxy.auth.files import Stamp, off_the_loop
from qwenproxy.auth.lock import STALE_AFTER, Lock
from qwenproxy.auth.token import Token


class Store:
    """The file at *path*; a `LoginStore`.  *stale_after*: see `Lock`."""

    def __init__(self, path: Path, *, stale_after: float = STALE_AFTER) -> None:
        self.path = path
        self._stale_after = stale_after

    @property
    def place(self) -> str:
        return str(self.path)

    def lock(self, *, keeping: bool = False) -> Lock:
        name = self.path.name.removesuffix(".json") + ".lock"
        return Lock(self.path.with_name(name), stale_after=self._stale_after)

    async def stamp(self) -> Stamp | None:
        return await off_the_loop(partial(files.stamp, self.path))

    async def read(self) -> Stored:
        return await off_the_loop(self._read)

    async def prepare(self) -> None:
        """Make the folder that file and lock lie in."""
        await off_the_loop(partial(files.make_folder, self.path))

    async def write(self, new: Token, lock: base.Lock | None, over: Collection[str] | None = None) -> Stamp:
        """Fields of the file that are not ours stay."""
        return await off_the_loop(partial(self._write, new, _own(lock), over))

    async def set_aside(self, suffix: str) -> Path:
        """Give the file another name, so that nobody takes what is in it for a login that holds; that name."""
        aside = self.path.with_name(f"{self.path.name}{suffix}")
        await off_the_loop(partial(self.path.replace, aside))
        return aside

    async def remove(self, lock: base.Lock | None, only: Collection[str] | None = None, why: str = "") -> bool:
        return await off_the_loop(partial(self._remove, _own(lock), only))

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


def _own(lock: base.Lock | None) -> Lock | None:
    """*lock*, which this kind of store has made."""
    if lock is not None and not isinstance(lock, Lock):
        raise TypeError(f"{lock!r} is no lock of a file")
    return lock
