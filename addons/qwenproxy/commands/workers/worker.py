"""A worker: the proxy on sockets of its launcher, which tells it when to end.  Run by the launcher alone."""

import argparse
import asyncio
import os
import socket
import sys
from typing import Any, NoReturn

import orjson
from mitmproxy import master

from qwenproxy.addon import QwenProxy
from qwenproxy.commands import run
from qwenproxy.flows import inherited
from qwenproxy.flows.accounts import accounts
from qwenproxy.flows.ledger import Ledger


class Link:
    """The channel to the launcher, as an addon: says when the proxy is ready, and does what the launcher says.

    A launcher that is gone, however it ended, says to end in order.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, addon: QwenProxy) -> None:
        self._reader = reader
        self._writer = writer
        self._addon = addon

    def announce(self, proxy: master.Master, listening: str) -> None:
        """The proxy is ready."""
        settings = self._addon.settings
        facts = {"listening": listening, "drain_timeout": settings.drain_timeout, "log_format": settings.log_format}
        self._writer.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE))
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
    addon = QwenProxy(run.environment(arguments, os.environ), alone=False)
    return await run.serve_proxy(arguments, addon, Link(reader, writer, addon).announce)


def main() -> NoReturn:
    sys.exit(run.status(serve(socket.socket(fileno=int(sys.argv[1])))))


if __name__ == "__main__":
    main()
