"""A worker: the proxy on sockets of its launcher, which tells it when to end.  Run by the launcher alone."""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import orjson
from mitmproxy import master

from qwenproxy.addon import QwenProxy
from qwenproxy.commands import run
from qwenproxy.flows import inherited
from qwenproxy.flows.accounts import accounts
from qwenproxy.flows.ledger import Ledger

OOM = Path("/proc/self/oom_score_adj")
BEFORE_LAUNCHER = 100
"""A tenth of the memory that there is: by so much the launcher may be larger."""


class Link:
    """The channel to the launcher, as an addon: says when the proxy is ready, and does what the launcher says.

    A launcher that is gone, however it ended, says to end in order.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, addon: QwenProxy, left: Sequence[int]
    ) -> None:
        """*left*: what killed workers left behind, for this one to count."""
        self._left = left
        self._reader = reader
        self._writer = writer
        self._addon = addon

    def announce(self, proxy: master.Master, listening: str) -> None:
        """The proxy is ready."""
        settings = self._addon.settings
        facts = {"listening": listening, "drain_timeout": settings.drain_timeout, "log_format": settings.log_format}
        self._writer.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))
        self._addon.telemetry.left(*self._left)
        self._heeding = asyncio.ensure_future(self._heed(proxy))

    async def _heed(self, proxy: master.Master) -> None:
        while words := (await self._reader.readline()).split():
            if words[0] == b"count":
                self._writer.write(b"%b %d\n" % (words[1], self._addon.traffic.under_way))
                continue
            if words[0] == b"quit":
                self._addon.hurry()
            proxy.shutdown()
        proxy.shutdown()


async def serve(channel: socket.socket) -> int:
    """Carry out the order that comes through *channel*; the exit status."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    order: dict[str, Any] = orjson.loads(await reader.readline())
    arguments = argparse.Namespace(**order["arguments"])
    sockets = {(host, port): [socket.socket(fileno=each) for each in files] for host, port, files in order["listeners"]}
    inherited.inherit(sockets)
    if trustee := order.get("trustee"):
        accounts.keep(Ledger(trustee["ledger"]), socket.socket(fileno=trustee["channel"]))
        os.close(trustee["ledger"])
    addon = QwenProxy(run.environment(arguments, os.environ), alone=False)
    link = Link(reader, writer, addon, order.get("left", (0, 0)))
    return await run.serve_proxy(arguments, addon, link.announce)


def offer() -> None:
    """Where memory runs out, let it be a worker that is killed: its launcher goes on, and speaks for it (Linux)."""
    with suppress(OSError, ValueError):
        adjustment = int(OOM.read_text())
        OOM.write_text(str(min(adjustment + BEFORE_LAUNCHER, 1000)))


def main() -> NoReturn:
    offer()
    sys.exit(run.status(serve(socket.socket(fileno=int(sys.argv[1])))))


if __name__ == "__main__":
    main()
