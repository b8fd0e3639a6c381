"""What the machine says: its cores, and a process's CPU time and memory, read from /proc where there is one."""

import os
import platform
import socket
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where.  None: this system cannot pin, or has one core only."""

    subject: int | None
    others: frozenset[int]

    @classmethod
    def divide(cls) -> "Cores":
        """The last core for the subject, the others for load and upstream."""
        if not hasattr(os, "sched_setaffinity"):
            return cls(None, frozenset())
        *others, last = sorted(os.sched_getaffinity(0))
        return cls(last, frozenset(others)) if others else cls(None, frozenset())

    def pin_subject(self, pid: int) -> None:
        """Keep process *pid* on the subject's core.  Threads it has yet to start inherit this."""
        if self.subject is not None:
            os.sched_setaffinity(pid, {self.subject})

    def pin_other(self, pid: int) -> None:
        """Keep process *pid* off the subject's core."""
        if self.others:
            os.sched_setaffinity(pid, self.others)


def cpu_seconds(pid: int) -> float | None:
    """CPU time of *pid* and its living descendants so far, user and system; None where there is no /proc."""
    try:
        ticks = sum(_ticks(process) for process in (pid, *_descendants(pid)))
    except OSError:
        return None
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_by_process(pid: int) -> dict[int, float]:
    """CPU time of *pid* and of each of its living descendants, in seconds; empty where there is no /proc."""
    try:
        return {each: _ticks(each) / os.sysconf("SC_CLK_TCK") for each in (pid, *_descendants(pid))}
    except OSError:
        return {}


def cpu_of_children() -> float:
    """CPU time of this process's own children that have ended, in seconds."""
    times = os.times()
    return times.children_user + times.children_system


def accepts(port: int) -> bool:
    """Whether somebody listens on *port* of loopback."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _ticks(pid: int) -> int:
    # proc(5): the name in parentheses may hold anything; utime and stime are fields 14 and 15.
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for thread in (PROC / str(pid) / "task").iterdir():
        children = thread / "children"  # a kernel may be built without it
        for child in children.read_text().split() if children.exists() else ():
            found += [int(child), *_descendants(int(child))]
    return found


def resident_kb(pid: int) -> int | None:
    """Memory of *pid* and its descendants that is in RAM, in kB; None where there is no /proc."""
    try:
        return sum(_resident(process) for process in (pid, *_descendants(pid)))
    except OSError:
        return None


def _resident(pid: int) -> int:
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def busy_seconds(core: int | None) -> float | None:
    """Time that *core* has not been idle so far, whoever used it; None where that is not known."""
    return _busy(f"cpu{core}")


def busy_seconds_of_all() -> float:
    """The same of all cores together; 0 where that is not known."""
    return _busy("cpu") or 0.0


def _busy(name: str) -> float | None:
    try:
        lines = (PROC / "stat").read_text().splitlines()
    except OSError:
        return None
    row = next((line.split()[1:] for line in lines if line.startswith(f"{name} ")), None)
    if row is None:
        return None
    user, nice, system, _idle, _wait, irq, softirq, steal = (int(field) for field in row[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def description(cores: Cores) -> dict[str, str]:
    """The machine and the versions, for the report."""
    pinned = "not pinned" if cores.subject is None else f"subject on core {cores.subject}, all else on the others"
    return {
        "python": platform.python_version(),
        "mitmproxy": _version("mitmproxy"),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": f"{os.cpu_count()} ({pinned})",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
