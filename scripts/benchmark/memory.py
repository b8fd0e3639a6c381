"""The memory run: one subject alone, many exchanges, its memory after each batch of them."""

from dataclasses import dataclass

from scripts.benchmark import load as loads
from scripts.benchmark import machine
from scripts.benchmark.figures import slope
from scripts.benchmark.payloads import Order
from scripts.benchmark.rounds import Bench
from scripts.benchmark.subjects import Subject, start

BATCHES = 20
WHOLE = 896
STREAMS = 104
"""Exchanges of a batch, 1,000 together: whole answers and short streams, in multiples of the connections."""
CONNECTIONS = 8
SHORT = Order(20)
WARM = 5
"""Batches left out of the slope: caches fill and the allocator settles."""
HOPELESS = 500
"""Failures after which no more is asked."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in kB: when ready, after each batch of 1,000 exchanges, and its growth in bytes an exchange, if known."""

    start: int
    samples: list[int]
    bytes_per_exchange: float | None
    failed: int


async def memory(bench: Bench, subject: Subject) -> Memory | None:
    """Run *subject* through all batches; None where memory cannot be read.  Raises NotReady."""
    running = await start(subject, bench.upstream, bench.cores, bench.home)
    try:
        pid = running.pid
        first = None if pid is None else machine.resident_kb(pid)
        if pid is None or first is None:
            return None
        samples: list[int] = []
        failed = 0
        for _ in range(BATCHES):
            failed += await _batch(running.port)
            samples.append(machine.resident_kb(pid) or 0)
            if failed >= HOPELESS:
                break
        points = [(float(number) * 1000, kb * 1024.0) for number, kb in enumerate(samples)][WARM:]
        growth = slope(points) if len(points) > 1 else None
        return Memory(first, samples, growth, failed)
    finally:
        await running.stop()


async def _batch(port: int) -> int:
    """A thousand exchanges; how many of them failed."""
    outcomes = await loads.exchanges(port, CONNECTIONS, WHOLE, None)
    outcomes += await loads.exchanges(port, CONNECTIONS, STREAMS, SHORT)
    return sum(1 for outcome in outcomes if outcome.failure)
