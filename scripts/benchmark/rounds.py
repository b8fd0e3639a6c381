"""The run: rounds of every load on every subject in turn.

A round starts its subjects afresh, so that one process's luck (hash seed, memory layout, what it has learned) does
not colour all rounds.  All of them stay up for the whole round, and each load goes to one after the other in short
turns, so that what is compared was measured within a second or two.  The order is turned by one from round to round
and from turn to turn.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmark import load as loads
from scripts.benchmark import machine
from scripts.benchmark.figures import Measurement, Slice, measurement
from scripts.benchmark.machine import Cores
from scripts.benchmark.subjects import ROOT, NotReady, Running, Subject, end, start

BUFFERS = ("bare", "paced")
"""Bare mitmproxy as it comes sends a stream when it has ended: paced streams say nothing about it."""


FAREWELL, FAREWELL_EACH = 0.05, 0.001
"""Seconds, and more for each connection, in which a subject takes leave of its clients: not in the next one's time."""


@dataclass(slots=True)
class Round:
    """What one round found: [load][subject]."""

    order: list[str]
    measurements: dict[str, dict[str, Measurement]] = field(default_factory=dict)
    resident_kb: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of each subject: when it was ready, and at the round's end."""
    notes: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    """Subjects that did not start."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything runs, and whom to tell how far it is."""

    upstream: int
    cores: Cores
    home: Path
    say: Callable[[str], None]


@asynccontextmanager
async def upstream(cores: Cores) -> AsyncIterator[int]:
    """An upstream in a process of its own, on the port that this yields."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.benchmark.upstream"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        cores.pin_other(process.pid)
        assert process.stdout is not None
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        yield port
    finally:
        await end(process)


def turned[T](subjects: Sequence[T], number: int) -> list[T]:
    """*subjects* in the order of round or turn *number*."""
    at = number % max(1, len(subjects))
    return [*subjects[at:], *subjects[:at]]


async def one_round(bench: Bench, number: int, subjects: Sequence[Subject], plan: Sequence[loads.Load]) -> Round:
    """Start *subjects*, put every load of *plan* on each in turn, end them."""
    order = turned(subjects, number)
    found = Round([subject.name for subject in order])
    async with AsyncExitStack() as stack:
        running = await _start_all(bench, order, found, stack)
        before = {each.subject.name: _resident(each) for each in running}
        for each in running:
            await loads.settle(each.port)
        for load in plan:
            await _measure(bench, load, running, found)
        for each in running:
            _note_memory(each, before[each.subject.name], found)
    return found


async def _start_all(bench: Bench, order: Sequence[Subject], found: Round, stack: AsyncExitStack) -> list[Running]:
    running: list[Running] = []
    for subject in order:
        try:
            each = await start(subject, bench.upstream, bench.cores, bench.home)
        except NotReady as failure:
            found.notes.append(f"{subject.title}: did not start: {failure}")
            found.absent.append(subject.name)
            bench.say(found.notes[-1])
            continue
        stack.push_async_callback(each.stop)
        running.append(each)
    return running


def takes_part(subject: Subject, load: loads.Load) -> bool:
    """Whether *subject* is measured under *load*."""
    return (subject.name, load.kind) != BUFFERS and (subject.loads is None or load.name in subject.loads)


async def _measure(bench: Bench, load: loads.Load, running: Sequence[Running], found: Round) -> None:
    """Put *load* on each subject in turn, slice by slice, and note what it came to."""
    fit = [each for each in running if takes_part(each.subject, load)]
    slices: dict[str, list[Slice]] = {each.subject.name: [] for each in fit}
    for turn in range(load.slices):
        for each in turned(fit, turn):
            if not each.gone:
                slices[each.subject.name].append(await _slice(load, each, bench.cores))
    for each in fit:
        if each.gone:
            found.notes.append(f"{each.subject.title}: ended by itself, at the latest under {load.title}")
        if slices[each.subject.name]:
            result = measurement(load.kind, slices[each.subject.name])
            found.measurements.setdefault(load.name, {})[each.subject.name] = result
            bench.say(f"  {load.name:10} {each.subject.title:20} {_brief(result)}")


async def _slice(load: loads.Load, each: Running, cores: Cores) -> Slice:
    """One turn of *load* on a running subject, and what it took from the machine."""
    gc.collect()
    clock = _Clock(each.pid, cores)
    run = await loads.run(load, each.port, clock.start)
    used = clock.used()
    await asyncio.sleep(FAREWELL + load.connections * FAREWELL_EACH)
    return Slice(run.outcomes, run.elapsed, *used)


class _Clock:
    """Reads what a subject and its core have used, at the start and at the end of a slice."""

    def __init__(self, pid: int | None, cores: Cores) -> None:
        self._pid = pid
        self._core = cores.subject
        self.start()

    def start(self) -> None:
        self._start = self._read()

    def _read(self) -> tuple[float | None, float | None]:
        cpu = None if self._pid is None else machine.cpu_seconds(self._pid)
        return cpu, machine.busy_seconds(self._core)

    def used(self) -> tuple[float | None, float | None]:
        """CPU seconds of the subject, and of others on its core."""
        (cpu_then, busy_then), (cpu_now, busy_now) = self._start, self._read()
        if cpu_then is None or cpu_now is None:
            return None, None
        cpu = cpu_now - cpu_then
        if busy_then is None or busy_now is None:
            return cpu, None
        return cpu, max(0.0, busy_now - busy_then - cpu)


def _resident(each: Running) -> int | None:
    return None if each.pid is None else machine.resident_kb(each.pid)


def _note_memory(each: Running, before: int | None, found: Round) -> None:
    after = _resident(each)
    if before is not None and after is not None:
        found.resident_kb[each.subject.name] = before, after


def _brief(result: Measurement) -> str:
    shown = "  ".join(f"{name} {value:.3g}" for name, value in list(result.figures.items())[:4])
    return shown + (f"  FAILED {result.failed} of {result.asked}" if result.failed else "")
