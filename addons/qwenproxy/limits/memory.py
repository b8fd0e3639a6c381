"""How much memory the process holds, looked up now and then, and whether that is too much."""

import os
from collections.abc import Callable
from pathlib import Path

STATM = Path("/proc/self/statm")
EVERY = 1.0  # s between two looks
RECOVERED = 0.9  # of the limit: only below it is there enough again


def resident() -> int:
    """Bytes of the process that are in memory; 0 where the system does not tell (it is Linux that does)."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class Memory:
    """Whether memory is short, by a limit in bytes; 0: never."""

    def __init__(self, read: Callable[[], int] = resident) -> None:
        self.limit = 0
        self._read = read
        self._short = False
        self._looked = float("-inf")

    def short(self, now: float) -> bool:
        """Whether it is, at *now* (monotonic seconds)."""
        if now - self._looked >= EVERY:
            self._looked = now
            most = self.limit * RECOVERED if self._short else self.limit
            self._short = bool(self.limit) and self._read() > most
        return self._short
