"""How long to wait after failures: longer each time, up to a limit, and never all at the same moment."""

from collections.abc import Callable


def pause(failures: int, jitter: float, *, first: float = 1.0, longest: float = 60.0) -> float:
    """Seconds to wait after *failures* in a row (1 or more): *first*, doubled each time, up to *longest*.

    *jitter*, from 0 to 1, takes off up to a fifth.
    """
    doubled: float = first * 2 ** min(failures - 1, 30)
    return min(doubled, longest) * (1 - jitter / 5)


type Jitter = Callable[[], float]
"""A random number from 0 to 1."""
