"""Output that nobody reads on, as of `qwenproxy models | head`: no reason for a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def written() -> Iterator[None]:
    """What is written to standard output meanwhile may be cut off by who reads it; the rest goes nowhere."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # Python flushes once more at its end
        os.close(nowhere)
