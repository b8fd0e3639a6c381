"""The files to which mitmproxy saves flows: prompts and answers are in them, so they are for their owner only."""

import logging
import os
import stat
from pathlib import Path
from typing import IO, Any

from mitmproxy.addons import save, savehar

log = logging.getLogger(__name__)

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class PrivatePath(Path):
    """A path that is opened as `opened` does."""

    def open(self, mode: str = "r", *_: Any, **__: Any) -> Any:
        return opened(self, mode)


def install() -> None:
    """Have mitmproxy make its files so, for the whole process and for good."""
    vars(save).update(open=opened, Path=PrivatePath)
    vars(savehar).update(open=opened)


def settle(addon: Any) -> None:
    """Have the file that *addon*, mitmproxy's, is writing to by now be as if it had been made so.

    One that nothing has been written to yet it has just made, or emptied.
    """
    stream = getattr(addon, "stream", None)
    if stream is None or not _is_open(file := stream.fo.fileno()):
        return
    if os.fstat(file).st_size == 0:
        os.fchmod(file, 0o600)
    else:
        _tell(addon.current_path)


def opened(path: str | Path, mode: str = "r") -> IO[Any]:
    """As the built-in `open`; a new file is its owner's alone, one that is there keeps its mode, and that is told."""
    return open(path, mode, opener=_open)


def _open(path: str, flags: int) -> int:
    file = os.open(path, flags, 0o600)
    if _is_open(file):
        _tell(path)
    return file


def _is_open(file: int) -> bool:
    """Whether others can read *file*; a pipe or a device is as it is."""
    mode = os.fstat(file).st_mode
    return os.name == "posix" and stat.S_ISREG(mode) and bool(mode & OTHERS)


def _tell(path: str) -> None:
    log.warning("%s is for prompts and answers, and other users of this machine can read it: chmod 600 %s", path, path)
