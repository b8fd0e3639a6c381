"""Files that hold a secret: read, replaced as a whole, and worked on without holding up the event loop."""

import asyncio
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TIMEOUT = 5.0  # s for one operation: a home folder may be on a network
LARGEST = 1 << 20  # bytes that are read
LEFT_BEHIND = 60.0  # s after which another program's unfinished copy counts as forgotten


class Stamp(NamedTuple):
    """What changes when a file is written again or replaced."""

    mtime_ns: int
    inode: int
    size: int

    @property
    def written_at(self) -> float:
        """Seconds since 1970."""
        return self.mtime_ns / 1e9


async def off_the_loop[T](work: Callable[[], T]) -> T:
    """What *work* returns.  Raises TimeoutError if it takes too long; it is not stopped then."""
    async with asyncio.timeout(TIMEOUT):
        return await asyncio.to_thread(work)


def read(path: Path) -> tuple[bytes, Stamp] | None:
    """The content of *path* and the stamp it has; None if there is no such file.  Raises OSError."""
    try:
        with path.open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            return file.read(LARGEST), stamp
    except FileNotFoundError:
        return None


def stamp(path: Path) -> Stamp | None:
    """The stamp of *path*; None if there is no such file.  Raises OSError."""
    try:
        return _stamp(path.stat())
    except FileNotFoundError:
        return None


def make_folder(path: Path) -> None:
    """Make the folder of *path*, for its owner only, if there is none.  Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def replace(path: Path, content: bytes, check: Callable[[], None]) -> Stamp:
    """Put *content* in the place of *path*, all or nothing, readable by its owner only; the new stamp.

    *check* is asked at the last moment and may raise.  Raises OSError too; then the file is as it was.
    """
    aside = path.with_name(f"{path.name}.tmp.{uuid.uuid4()}")
    try:
        file = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(file)
            found = _stamp(os.fstat(file))
        check()
        aside.replace(path)
    except BaseException:  # interrupted, too: no half-written credential may stay
        with suppress(OSError):
            aside.unlink()
        raise
    with suppress(OSError):  # not every file system can
        _sync_folder(path.parent)
    _remove_left_behind(path)
    return found


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_mtime_ns, found.st_ino, found.st_size)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _remove_left_behind(path: Path) -> None:
    """Remove copies, secrets in them, that a program left unfinished when it was killed."""
    with suppress(OSError):
        for copy in path.parent.glob(f"{path.name}.tmp.*"):
            if time.time() - copy.stat().st_mtime > LEFT_BEHIND:
                copy.unlink()
