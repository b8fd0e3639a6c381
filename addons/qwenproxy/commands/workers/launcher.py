"""The launcher of several workers: opens their sockets, starts them, and says to the world what they are."""

import argparse
import asyncio
import logging
import os
import random
from collections.abc import Mapping
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

from qwenproxy import logs
from qwenproxy.commands import notify, signals
from qwenproxy.commands.workers import listeners, process, standing
from qwenproxy.commands.workers.listeners import Listener
from qwenproxy.commands.workers.process import NotStarted, Worker
from qwenproxy.commands.workers.supervisor import Supervisor
from qwenproxy.commands.workers.trustee import MOST, Room, Trustee
from qwenproxy.flows import connections, ledger
from qwenproxy.settings.sources import WORKER

METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Where workers keep their counters, for one of them to tell the sums."""


async def launch(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run `arguments.workers` workers until a signal comes; the exit status.  Raises OSError for a port that is taken.

    *environ*: the workers', but for what is each one's own.
    """
    with ExitStack() as stack:
        opened = open_listeners(arguments, stack)
        metrics = stack.enter_context(TemporaryDirectory(prefix="qwenproxy-metrics-"))
        shared = {name: value for name, value in environ.items() if name != notify.VARIABLE} | {METRICS: metrics}
        launcher = Launcher(arguments, opened, shared)
        return await launcher.run()


def open_listeners(arguments: argparse.Namespace, stack: ExitStack) -> dict[str, Listener]:
    """The sockets that are wanted, by the names of the options for their ports; closed with *stack*."""
    opened: dict[str, Listener] = {}
    for name in ("port", "proxy_port"):
        if not getattr(arguments, f"no_{name}"):
            opened[name] = listeners.bound(arguments.host, getattr(arguments, name))
            stack.callback(opened[name].close)
    return opened


class Launcher:
    """The process that users see, and send their signals."""

    def __init__(
        self, arguments: argparse.Namespace, opened: Mapping[str, Listener], environ: Mapping[str, str]
    ) -> None:
        self._listeners = opened
        self._environ = environ
        self._room = Room(int(min(connections.files_allowed() // 2, MOST)))
        own = {name: listener.port for name, listener in opened.items()}
        config = arguments.config and str(arguments.config)
        self._order: dict[str, Any] = {
            "arguments": vars(arguments) | own | {"config": config},
            "listeners": [(each.host, each.port, [of.fileno() for of in each.sockets]) for each in opened.values()],
        }
        self._supervisor = Supervisor(arguments.workers, self._start, random.random)
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()

    async def run(self) -> int:
        """Until a signal comes; the exit status."""
        signals.heed(self._stop, self._reload)
        beginning = asyncio.ensure_future(self._supervisor.begin())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({beginning, stopping}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if beginning.done():
                beginning.result()
                await self._attend()
        except NotStarted as e:
            self._supervisor.quit()
            return e.status if e.status > 0 else 1  # it has said why itself
        finally:
            beginning.cancel()
            stopping.cancel()
            notify.notify(notify.STOPPING)
            for listener in self._listeners.values():
                listener.close()
            await self._supervisor.stop()
        return 0

    async def _attend(self) -> None:
        """All workers are ready: say so, and answer questions until the end."""
        facts = self._supervisor.workers[1].facts
        logging.getLogger().addHandler(logs.handler(facts["log_format"]))
        logging.getLogger("qwenproxy").setLevel(logging.INFO)
        async with standing.told(self._environ, self.standing):
            print(f"listening {facts['listening']}", flush=True)
            notify.notify(notify.READY)
            await self._stopping.wait()

    def _stop(self) -> None:
        if self._stopping.is_set():
            self._supervisor.quit()
        self._stopping.set()

    def _reload(self) -> None:
        if not self._stopping.is_set() and not self._reloading.locked():
            self._task = asyncio.ensure_future(self._load_anew())

    async def _load_anew(self) -> None:
        async with self._reloading:
            notify.notify(notify.reloading())
            await self._supervisor.reload()
            notify.notify(notify.READY)

    async def _start(self, number: int) -> Worker:
        sockets = [each for listener in self._listeners.values() for each in listener.sockets]
        trustee = Trustee(self._room) if ledger.KERNEL else None
        environ = {**self._environ, WORKER: str(number)}
        order = {**self._order, "left": [*self._room.handed_over()]}
        return await process.start(number, order, sockets, environ, trustee=trustee)

    async def standing(self) -> dict[str, Any]:
        """How the workers are, for `qwenproxy status`."""
        workers = sorted(self._supervisor.workers.values(), key=lambda each: each.number)
        counts = await asyncio.gather(*(each.count() for each in workers))
        return {
            "pid": os.getpid(),
            "listening": workers[0].facts["listening"] if workers else "",
            "workers": [
                {
                    "worker": each.number,
                    "pid": each.pid,
                    "since": round(each.since),
                    "restarts": self._supervisor.restarts[each.number],
                    "under_way": count,
                }
                for each, count in zip(workers, counts, strict=True)
            ],
        }
