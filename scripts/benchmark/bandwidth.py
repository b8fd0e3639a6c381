"""A part of a core for a process: it is pinned to one, and may use a share of it; the rest is left to others.

By control groups of Linux, which only root can make (cgroups(7); the kernel's "CFS Bandwidth Control").
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from scripts.benchmark.machine import PROC

PERIOD = 100_000
"""Microseconds after which a process may go on that has used its share: the kernel's default."""
LEFT = 1.2
"""Cores left for all else, when two processes have their parts."""
MOUNTED = Path("/sys/fs/cgroup")
PROCESSES = "cgroup.procs"


class Unavailable(Exception):
    """There are no such groups here; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Version:
    """Where groups are made, and how one is told its limit."""

    folder: Path
    file: str
    limit: str


VERSIONS = (
    Version(MOUNTED / "cpu", "cpu.cfs_quota_us", "{quota}"),
    Version(MOUNTED, "cpu.max", "{quota} {period}"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """*share* of core *core*, for one process, by the group in *folder*."""

    core: int
    share: float
    folder: Path

    def give(self, pid: int) -> None:
        """Keep process *pid*, with all of its threads, to this part."""
        for thread in (PROC / str(pid) / "task").iterdir():
            os.sched_setaffinity(int(thread.name), {self.core})
        (self.folder / PROCESSES).write_text(str(pid))


def share_of(cores: int) -> float:
    """What each of two processes may use of its core, so that `LEFT` are left of *cores*; 0 for nothing."""
    return max(0.0, min(1.0, (cores - LEFT) / 2))


@contextmanager
def parts(count: int) -> Iterator[Sequence[Part]]:
    """So many parts of equal size, of two cores in turn; they are gone at the end.  Raises Unavailable."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if not (share := share_of(len(cores))):
        raise Unavailable("it takes two cores, and a system that pins to them")
    version = next((each for each in VERSIONS if (each.folder / PROCESSES).exists()), None)
    if version is None:
        raise Unavailable(f"no control groups in {MOUNTED}")
    made: list[Part] = []
    try:
        try:
            for number, core in zip(range(count), cycle(cores[:2])):
                made.append(Part(core, share, version.folder / f"qwenproxy-bench-{os.getpid()}-{number}"))
                _make(made[-1], version)
        except OSError as error:
            raise Unavailable(f"{error.strerror}: {error.filename}") from None
        yield made
    finally:
        for each in made:
            _unmake(each, version)


def _make(part: Part, version: Version) -> None:
    part.folder.mkdir()
    limit = version.limit.format(quota=int(PERIOD * part.share), period=PERIOD)
    (part.folder / version.file).write_text(limit)


def _unmake(part: Part, version: Version) -> None:
    if part.folder.is_dir():
        for pid in (part.folder / PROCESSES).read_text().split():
            (version.folder / PROCESSES).write_text(pid)
        part.folder.rmdir()
