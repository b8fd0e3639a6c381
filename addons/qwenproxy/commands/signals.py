"""What signals say: SIGTERM and SIGINT stop, SIGHUP loads anew; a terminal that is gone is no reason to do so."""

import asyncio
import os
import signal
from collections.abc import Callable

ENDING = (signal.SIGINT, signal.SIGTERM)


def heed(stop: Callable[[], object], reload: Callable[[], object]) -> None:
    """Have the running loop call *stop* and *reload* when they are meant."""
    loop = asyncio.get_running_loop()
    for name in ENDING:
        loop.add_signal_handler(name, stop)
    attended = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and has_terminal()  # nohup(1) ignores it

    def hung_up() -> None:
        if attended and not has_terminal():
            stop()
        else:
            reload()

    loop.add_signal_handler(signal.SIGHUP, hung_up)


def has_terminal() -> bool:
    """Whether there is a terminal that the process belongs to."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
