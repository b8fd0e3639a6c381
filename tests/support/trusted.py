"""The proxy in this process as a worker, and its trustee: what the one leaves behind, the other is told to settle."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.proxy.mode_servers import AsyncioServerInstance, ProxyConnectionHandler

from qwenproxy.commands.workers.listeners import bound
from qwenproxy.commands.workers.trustee import Room, Trustee
from qwenproxy.flows import inherited, live
from qwenproxy.flows.accounts import Accounts
from qwenproxy.flows.ledger import Ledger
from tests.support.clock import until
from tests.support.proxy import REVERSE, Running, proxy


class OnDemand(dict[tuple[str, int], Sequence[socket.socket]]):
    """The sockets for whatever host and port are asked for."""

    def get(self, place: tuple[str, int], default: Any = None) -> Any:
        return bound(*place).sockets


@dataclass
class Trusted:
    """A proxy, and who holds its connections; *channel* is the proxy's end of what is between them."""

    running: Running
    trustee: Trustee
    room: Room
    channel: socket.socket

    @property
    def port(self) -> int:
        return self.running.ports[0]

    @property
    def connections(self) -> Mapping[str, ProxyConnectionHandler]:
        """Those of apps, as mitmproxy has them."""
        found: Mapping[str, ProxyConnectionHandler] = self.running.master.addons.get("proxyserver").connections
        return found


@asynccontextmanager
async def trusted(
    environ: Mapping[str, str],
    confdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    modes: tuple[str, ...] = (REVERSE,),
    attended: bool = True,
) -> AsyncIterator[Trusted]:
    """*attended*: the trustee takes what it is told; else nobody does before the test does."""
    room = Room(1000)
    trustee = Trustee(room)
    accounts = Accounts()
    with trustee.passing() as own:
        channel = socket.socket(fileno=os.dup(own["channel"]))
        accounts.keep(Ledger(own["ledger"]), channel)
    monkeypatch.setattr(live, "accounts", accounts)
    monkeypatch.setattr(AsyncioServerInstance, "listen", AsyncioServerInstance.listen)  # for it to be as it was
    inherited.inherit(OnDemand())
    if not attended:
        asyncio.get_running_loop().remove_reader(trustee._channel)
    try:
        async with proxy(environ, confdir, modes=modes) as running:
            yield Trusted(running, trustee, room, channel)
            trustee.settle()
            assert await until(lambda: not running.addon.traffic.under_way), "an app that was told is one that has left"
    finally:
        trustee.settle()
        channel.close()
