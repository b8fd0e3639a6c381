"""Run by Python at the start of a process with this folder on its path: SIGRTMIN makes it tell its number of tasks."""

import asyncio
import os
import signal
from pathlib import Path


def tell(number: int, frame: object) -> None:
    """Comes between two steps of the event loop, in its thread."""
    file = Path(os.environ["TASKS_FILE"])
    aside = file.with_suffix(".new")
    try:
        aside.write_text(str(len(asyncio.all_tasks())))
    except RuntimeError:  # no loop runs here
        return
    aside.rename(file)


if "TASKS_FILE" in os.environ:
    signal.signal(signal.SIGRTMIN, tell)  # mitmproxy has SIGUSR1 and SIGUSR2
