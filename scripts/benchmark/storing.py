"""What storing adds to a response: the same requests to one `qwenproxy run`, with `store` and without, in turn.

.venv/bin/python -m scripts.benchmark.storing [ROUNDS]
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from scripts.benchmark.client import Client
from scripts.benchmark.machine import Cores, cpu_seconds
from scripts.benchmark.payloads import MODEL, PROMPT, TEXT
from scripts.benchmark.report import table
from scripts.benchmark.rounds import upstream
from scripts.benchmark.subjects import SUBJECTS, Running, start

CONNECTIONS = 8
SECONDS = 1.0
"""Of each turn."""
WARM = 50
"""Requests of each connection before the first turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to."""

    requests: int
    failed: int
    elapsed: float
    cpu: float

    @property
    def rate(self) -> float:
        """Responses a second."""
        return self.requests / self.elapsed

    @property
    def cost(self) -> float:
        """Milliseconds of CPU for a response."""
        return self.cpu * 1000 / max(1, self.requests)


def request(port: int, *, store: bool) -> bytes:
    """A request for a response, of about 2 kB."""
    content = orjson.dumps({"model": MODEL, "input": f"{PROMPT} Go on.", "store": store})
    head = (
        "POST /v1/responses HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Content-Type: application/json\r\n"
        "Authorization: Bearer sk-benchmark\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def turn(running: Running, clients: Sequence[Client], *, store: bool) -> Turn:
    """Ask again and again for a while, on all connections."""
    assert running.pid is not None
    asked = request(running.port, store=store)
    end = time.monotonic() + SECONDS
    count = failed = 0

    async def ask(client: Client) -> None:
        nonlocal count, failed
        while time.monotonic() < end:
            answer = await client.ask(asked)
            count += 1
            failed += not (answer.status == 200 and TEXT.encode() in answer.body)

    then, cpu = time.monotonic(), cpu_seconds(running.pid) or 0.0
    await asyncio.gather(*map(ask, clients))
    return Turn(count, failed, time.monotonic() - then, (cpu_seconds(running.pid) or 0.0) - cpu)


async def measure(rounds: int) -> dict[bool, list[Turn]]:
    """The turns without and with `store`, a fresh process for each round."""
    cores = Cores.divide()
    plain = next(subject for subject in SUBJECTS if subject.name == "run")
    found: dict[bool, list[Turn]] = {False: [], True: []}
    async with upstream(cores) as port:
        for number in range(rounds):
            with tempfile.TemporaryDirectory(prefix="qwenproxy-bench-") as home:
                running = await start(plain, port, cores, Path(home))
                clients = [Client(running.port) for _ in range(CONNECTIONS)]
                try:
                    for client in clients:
                        for _ in range(WARM):
                            await client.ask(request(running.port, store=True))
                    for store in (number % 2 == 0, number % 2 == 1) * 2:
                        found[store].append(await turn(running, clients, store=store))
                finally:
                    for client in clients:
                        client.close()
                    await running.stop()
    return found


def report(found: dict[bool, list[Turn]]) -> str:
    """The medians, and what storing costs."""
    off, on = found[False], found[True]
    rates, costs = [[median(getattr(one, of) for one in turns) for turns in (off, on)] for of in ("rate", "cost")]
    rows = [
        ["responses/s", f"{rates[0]:.0f}", f"{rates[1]:.0f}", f"{rates[1] / rates[0]:.2f}"],
        ["CPU per response, ms", f"{costs[0]:.2f}", f"{costs[1]:.2f}", f"{costs[1] / costs[0]:.2f}"],
        ["failed", *(f"{sum(one.failed for one in turns)}" for turns in (off, on)), ""],
    ]
    return table(["", '"store": false', '"store": true', "ratio"], rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(report(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5))))
