"""Which processes are still there that make responses: each holds a lock on a file of its own, to its end.

The system lets go of the lock when the process dies, however it dies.  Two stores in one process count as two.
"""

import os
import sys
import uuid
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def seized(file: int, *, wait: bool) -> bool:
        """Lock an open *file* for this process, if need be after a *wait*; whether it is."""
        try:
            msvcrt.locking(file, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def seized(file: int, *, wait: bool) -> bool:
        """Lock an open *file* for this process, if need be after a *wait*; whether it is."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True


class Runners:
    """The processes that share the database at *path*; without one there is no other than this.  `name`: its own."""

    def __init__(self, path: Path | None) -> None:
        self.name = uuid.uuid4().hex
        self._path = path
        self._held: int | None = None

    def enter(self) -> None:
        """Be there, and clear away what dead ones have left.  Raises OSError."""
        if self._path is None or self._held is not None:
            return
        while True:
            held = os.open(self._file(self.name), os.O_RDWR | os.O_CREAT, 0o600)
            seized(held, wait=True)
            if os.fstat(held).st_nlink:
                break
            os.close(held)  # another has taken it for a dead one's before it was locked
        self._held = held
        start = self._file("").name
        for file in self._path.parent.glob(f"{start}*"):
            self.alive(file.name.removeprefix(start))

    def leave(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._file(self.name).unlink(missing_ok=True)
            os.close(held)

    def alive(self, name: str) -> bool:
        """Whether the process *name* is still there."""
        if name == self.name:
            return True
        if self._path is None:
            return False
        try:
            found = os.open(self._file(name), os.O_RDWR)
        except OSError:
            return False
        free = seized(found, wait=False)
        os.close(found)
        if not free:
            return True
        with suppress(OSError):
            self._file(name).unlink()
        return False

    def _file(self, name: str) -> Path:
        path = self._path or Path()
        return path.with_name(f"{path.name}-runner-{name}")
