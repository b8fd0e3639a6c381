"""Files that hold prompts or keys, and that are ours: for nobody but their owner."""

import os
import stat
from contextlib import suppress
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def close(path: Path) -> None:
    """Take *path* from everyone but its owner, if it is there, and is the user's to change."""
    with suppress(OSError):
        mode = path.stat().st_mode
        if os.name == "posix" and mode & OTHERS:
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)
