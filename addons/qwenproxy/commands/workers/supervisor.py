"""Keeps so many workers going: replaces those that end, and all of them when they are to be loaded anew."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from qwenproxy.auth import backoff
from qwenproxy.commands.workers.process import NotStarted, Worker

log = logging.getLogger(__name__)

STEADY = 60.0  # s of life after which an end is no longer one of a row
LONGEST = 30.0  # s between two attempts
PROMPT = 2.0  # s in which a worker that is to end at once must have ended


class Supervisor:
    """Workers 1 to *count*, each started by *start*; *jitter*: see `backoff`."""

    def __init__(self, count: int, start: Callable[[int], Awaitable[Worker]], jitter: backoff.Jitter) -> None:
        self.workers: dict[int, Worker] = {}
        """Those that take connections, by their numbers."""
        self.restarts: Counter[int] = Counter()
        self._numbers = range(1, count + 1)
        self._start = start
        self._jitter = jitter
        self._living: set[Worker] = set()
        self._failures: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def begin(self) -> None:
        """Start the first worker and, as soon as it is ready, the others: what they share is there by then.

        Raises NotStarted.
        """
        self._install(await self._ready(self._numbers[0]))
        for worker in await asyncio.gather(*map(self._ready, self._numbers[1:])):
            self._install(worker)

    async def reload(self) -> bool:
        """Replace each worker by a new one once that is ready; whether all could be.  The old ones drain."""
        for number in self._numbers:
            try:
                worker = await self._ready(number)
            except (NotStarted, OSError) as e:
                log.error("not loaded anew: the new worker %d did not start (%s); the old ones go on", number, e)
                return False
            if self._stopping:
                await worker.end("quit")
                return False
            old = self.workers.get(number)
            self._install(worker)
            if old is not None:
                self._spawn(old.end("drain"))
        log.info("loaded anew: %d workers", len(self.workers))
        return True

    async def stop(self) -> None:
        """Have all of them drain, and wait for their end."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(worker.end("drain") for worker in list(self._living)))
        self._living.clear()

    def quit(self) -> None:
        """Have all of them end at once, those too that are draining."""
        for worker in self._living:
            worker.tell("quit")
        asyncio.get_running_loop().call_later(PROMPT, self._kill)

    def _kill(self) -> None:
        for worker in self._living:
            worker.kill()

    async def _ready(self, number: int) -> Worker:
        worker = await self._start(number)
        self._living.add(worker)
        try:
            await worker.ready()
        except BaseException:  # cancelled, too: what never got ready is not one of them
            self._living.discard(worker)
            raise
        return worker

    def _install(self, worker: Worker) -> None:
        self.workers[worker.number] = worker
        self._spawn(self._watch(worker))

    async def _watch(self, worker: Worker) -> None:
        """See to it that *worker*, should it end, is replaced: at once, and after growing pauses if that goes on."""
        began = asyncio.get_running_loop().time()
        status = await worker.ended()
        self._living.discard(worker)
        number = worker.number
        if self._stopping or self.workers.get(number) is not worker:
            return
        del self.workers[number]
        if asyncio.get_running_loop().time() - began >= STEADY:
            self._failures[number] = 0
        why: Exception = NotStarted(status)
        while number not in self.workers and not self._stopping:
            pause = self._pause(number)
            when = f"in {pause:.0f} s" if pause else "now"
            log.warning("worker %d (pid %d) is gone (%s): another one starts %s", number, worker.pid, why, when)
            await asyncio.sleep(pause)
            if number in self.workers:
                return  # loaded anew meanwhile
            try:
                self._install(await self._ready(number))
                self.restarts[number] += 1
            except (NotStarted, OSError) as e:  # the system, too, may have no room for a process
                why = e

    def _pause(self, number: int) -> float:
        failures = self._failures[number]
        self._failures[number] += 1
        return backoff.pause(failures, self._jitter(), longest=LONGEST) if failures else 0.0

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
