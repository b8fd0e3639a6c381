"""How much memory the process holds, looked up now and then, and whether that is too much."""

import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path

STATM = Path("/proc/self/statm")
EVERY = 1.0  # s between two looks
FREES_EVERY = 10.0  # s: with hundreds of streams under way it takes a tenth of one
RECOVERED = 0.9  # of the limit: only below it is there enough again


def resident() -> int:
    """Bytes of the process that are in memory; 0 where the system does not tell (it is Linux that does)."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def give_back() -> None:
    """Let go of garbage, and hand what is free back to the system: the C library keeps it, if nobody asks (glibc)."""
    gc.collect()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


class Memory:
    """Whether memory is short, by a limit in bytes; 0: never.

    *read*: tells how many are held.  *free*: lets go of those that nobody needs.
    """

    def __init__(self, read: Callable[[], int] = resident, free: Callable[[], object] = give_back) -> None:
        self.limit = 0
        self._read = read
        self._free = free
        self._short = False
        self._looked = self._freed = float("-inf")

    def short(self, now: float) -> bool:
        """Whether it is, at *now* (monotonic seconds)."""
        if now - self._looked >= EVERY:
            self._looked = now
            self._short = bool(self.limit) and self._over(self.limit * RECOVERED if self._short else self.limit, now)
        return self._short

    def _over(self, most: float, now: float) -> bool:
        """Whether more is held than *most*, and needed."""
        over = self._read() > most
        if over and now - self._freed >= FREES_EVERY:
            self._freed = now
            self._free()
            over = self._read() > most
        return over
