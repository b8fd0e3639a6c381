"""What a process holds: descriptors, threads, tasks, memory; and that it lets go of them."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT, Process

SITE = ROOT / "tests" / "chaos" / "site"
"""Holds the `sitecustomize` by which a process tells of its tasks."""
PATIENCE = 20.0
"""Seconds in which what was taken must be given back."""
MB = 1024 * 1024


def watched(folder: Path) -> dict[str, str]:
    """Variables by which a process tells of its tasks, in a file in *folder*, when it is sent SIGRTMIN."""
    return {"PYTHONPATH": f"{ROOT / 'addons'}{os.pathsep}{SITE}", "TASKS_FILE": str(folder / "tasks")}


@dataclass(frozen=True)
class Vitals:
    """Counted at one moment; memory in MB."""

    descriptors: int
    threads: int
    tasks: int
    memory: float


async def vitals(process: Process, folder: Path) -> Vitals:
    """What *process* holds now; it was started `watched`."""
    told = folder / "tasks"
    told.unlink(missing_ok=True)
    for tick in range(int(PATIENCE / 0.01)):
        if told.exists():
            break
        if tick % 100 == 0:  # it may have come while no loop ran
            os.kill(process.pid, signal.SIGRTMIN)
        await asyncio.sleep(0.01)
    proc = Path(f"/proc/{process.pid}")
    descriptors, threads = (len(list((proc / kind).iterdir())) for kind in ("fd", "task"))
    return Vitals(descriptors, threads, int(told.read_text()), process.resident() / MB)


async def recovered(
    process: Process, folder: Path, before: Vitals, *, memory: float = 40.0, patience: float = PATIENCE
) -> str:
    """What *process* still holds beyond *before*, when it has had its time; "" if nothing.

    *patience*: seconds that it has.  *memory*: MB that an allocator may keep.

    Idle connections to the upstream are kept for reuse, and threads of pools.
    """
    end = time.monotonic() + patience
    while True:
        now = await vitals(process, folder)
        kept = {
            "descriptors": now.descriptors - before.descriptors > 4,
            "threads": now.threads - before.threads > 4,
            "tasks": now.tasks > before.tasks,
            "memory": now.memory - before.memory > memory,
        }
        if not any(kept.values()):
            return ""
        if time.monotonic() > end:
            return f"{', '.join(name for name, is_kept in kept.items() if is_kept)}: {before} became {now}"
        await asyncio.sleep(0.2)
