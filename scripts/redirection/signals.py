"""What ends the redirection, as something to wait for: nothing is ever interrupted halfway."""

import os
import select
import signal
from collections.abc import Sequence
from types import FrameType

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Only its byte in the pipe counts."""


def descriptor() -> int:
    """From now on signals that would end this process make this readable instead."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    for number in ENDING:
        signal.signal(number, _noted)
    return reading


def any_of(descriptors: Sequence[int], seconds: float | None = None) -> bool:
    """Whether one of them becomes readable within *seconds*; None: wait for it."""
    return bool(select.select(descriptors, [], [], seconds)[0])
