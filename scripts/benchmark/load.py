"""The loads: what is asked of a subject, how often at once and how long; and asking it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scripts.benchmark.answers import Answer, Outcome, check
from scripts.benchmark.client import Client, read
from scripts.benchmark.payloads import Order, request

GRACE = 10.0
"""Seconds after a load's own time until what has not ended has failed."""
HOPELESS = 20
"""Failures in a row after which a connection asks no more."""
SPREAD = 0.5
"""Seconds over which the starts of paced streams are spread, so that their events do not all fall together."""
GOLDEN = 0.6180339887


@dataclass(frozen=True, slots=True)
class Load:
    """*connections* at once; "whole", "short" and "burst" ask again and again for *seconds*, "paced" once each.

    A round gives a load to its subjects in turn *slices* times, and takes the slices of each together: the shorter
    the turns, the less does a machine that is faster now than later favour one of them.
    """

    name: str
    title: str
    kind: Literal["whole", "short", "paced", "burst"]
    connections: int
    seconds: float
    slices: int = 1
    order: Order | None = None
    warm_up: tuple[int, Order | None] = (1, None)
    """What each connection asks first, uncounted, and how often."""


RATE = 50


def _paced(streams: int, seconds: float) -> Load:
    order = Order(round(seconds * RATE), RATE)
    title = f"{streams} streams, {RATE} events/s each"
    return Load(f"paced-{streams}", title, "paced", streams, seconds, order=order, warm_up=(1, Order(5)))


LOADS = (
    Load("whole-1", "1 connection", "whole", 1, 0.4, 4, warm_up=(5, None)),
    Load("whole-16", "16 connections", "whole", 16, 0.5, 4),
    Load("short-1", "1 short stream at a time", "short", 1, 0.4, 4, Order(5), (5, Order(5))),
    _paced(50, 2.0),
    _paced(100, 2.0),
    Load("burst", "burst, 4 streams", "burst", 4, 0.4, 3, Order(2000), (1, Order(5))),
)
SETTLING = ((1, 50, None), (4, 100, None), (4, 4, Order(500)))
"""Connections, exchanges and order of what a fresh subject is asked before a round's loads, uncounted."""


def quicker(load: Load) -> Load:
    """*load* in half the time."""
    if load.order is None or not load.order.rate:
        return replace(load, slices=max(1, load.slices // 2))
    order = replace(load.order, count=load.order.count // 2)
    return replace(load, seconds=load.seconds / 2, order=order)


@dataclass(frozen=True, slots=True)
class Run:
    """What a load came to.  *elapsed* is from the first request to the last answer, in seconds."""

    outcomes: list[Outcome]
    elapsed: float


async def run(load: Load, port: int, started: Callable[[], None] = lambda: None) -> Run:
    """Put *load* on what listens at *port*; *started* is called between the warm-up and the load."""
    clients = [Client(port) for _ in range(load.connections)]
    try:
        times, order = load.warm_up
        await _together([_repeat(client, times, order, []) for client in clients], [], GRACE)
        started()
        outcomes: list[Outcome] = []
        answers: list[Answer] = []
        start = time.monotonic()
        jobs = [_job(load, client, number, start, outcomes, answers) for number, client in enumerate(clients)]
        await _together(jobs, outcomes, load.seconds + SPREAD + GRACE)
        elapsed = time.monotonic() - start
        for answer in answers:
            read(answer)
            outcomes.append(check(answer, load.order))
        return Run(outcomes, elapsed)
    finally:
        for client in clients:
            client.close()


async def exchanges(port: int, connections: int, count: int, order: Order | None) -> list[Outcome]:
    """*count* exchanges over *connections*, each connection as fast as it can."""
    clients = [Client(port) for _ in range(connections)]
    outcomes: list[Outcome] = []
    try:
        jobs = [_repeat(client, count // connections, order, outcomes) for client in clients]
        await _together(jobs, outcomes, GRACE + count / 20)
    finally:
        for client in clients:
            client.close()
    return outcomes


async def settle(port: int) -> None:
    """Warm up what listens at *port*."""
    for connections, count, order in SETTLING:
        await exchanges(port, connections, count, order)


async def _together(jobs: Sequence[Coroutine[None, None, None]], outcomes: list[Outcome], seconds: float) -> None:
    """Run *jobs* at once; one that has not ended after *seconds* is cancelled, and has failed."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        _, late = await asyncio.wait(tasks, timeout=seconds)
    finally:
        for task in tasks:
            task.cancel()
    outcomes += [Outcome(f"no end in {seconds:.0f} s")] * len(late)
    for task in tasks:
        if task not in late:
            task.result()


def _job(
    load: Load, client: Client, number: int, start: float, outcomes: list[Outcome], answers: list[Answer]
) -> Coroutine[None, None, None]:
    """The part of one connection: *outcomes* takes what it comes to, or *answers* what is to be checked afterwards."""
    if load.kind == "paced":
        return _once(client, load.order, start + SPREAD * (number * GOLDEN % 1), answers)
    return _until(client, load.order, start + load.seconds, outcomes)


async def exchange(client: Client, order: Order | None) -> Outcome:
    """One request and its checked answer."""
    return check(await client.ask(request(client.port, order)), order)


async def _repeat(client: Client, times: int, order: Order | None, outcomes: list[Outcome]) -> None:
    for _ in range(times):
        outcomes.append(await exchange(client, order))


async def _until(client: Client, order: Order | None, end: float, outcomes: list[Outcome]) -> None:
    in_a_row = 0
    while time.monotonic() < end and in_a_row < HOPELESS:
        outcome = await exchange(client, order)
        outcomes.append(outcome)
        in_a_row = in_a_row + 1 if outcome.failure else 0


async def _once(client: Client, order: Order | None, at: float, answers: list[Answer]) -> None:
    """One request, its answer unread: to read and check it takes milliseconds, in which others' events would wait."""
    await asyncio.sleep(at - time.monotonic())
    answers.append(await client.ask(request(client.port, order), later=True))
