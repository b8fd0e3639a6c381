"""Listening on sockets that another process has opened."""

import asyncio
import inspect
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from mitmproxy.options import Options
from mitmproxy.proxy.mode_servers import AsyncioServerInstance, ServerInstance

from qwenproxy.commands.master import LeanMaster
from qwenproxy.commands.workers.listeners import bound
from qwenproxy.flows import inherited
from qwenproxy.flows.fit import Misfit

LISTEN = AsyncioServerInstance.listen


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    type.__setattr__(AsyncioServerInstance, "listen", LISTEN)


async def test_it_listens_on_what_it_inherits_and_on_nothing_else() -> None:
    proxyserver = LeanMaster(Options(listen_host="127.0.0.1")).addons.get("proxyserver")
    found = bound("127.0.0.1", 0)
    inherited.inherit({("127.0.0.1", found.port): found.sockets})
    instance: ServerInstance[Any] = ServerInstance.make(f"regular@127.0.0.1:{found.port}", proxyserver)
    await instance.start()
    assert instance.listen_addrs == (("127.0.0.1", found.port),)
    _, writer = await asyncio.open_connection("127.0.0.1", found.port)
    writer.close()
    await instance.stop()
    other: ServerInstance[Any] = ServerInstance.make("regular@127.0.0.1:0", proxyserver)
    with pytest.raises(OSError, match="no listener of the launcher"):
        await other.start()


async def test_one_connection_is_taken_at_a_time_and_many_may_wait() -> None:
    """Else the first of several processes would take all that wait, whatever it has to do."""
    taken = asyncio.Queue[int]()
    found = bound("127.0.0.1", 0)
    (listener,) = found.sockets
    server = await inherited.serve(lambda _, writer: taken.put_nowait(writer.close() or 1), listener)
    apps = [socket.create_connection(("127.0.0.1", found.port)) for _ in range(20)]
    turns = 0
    while taken.qsize() < 20:
        before = taken.qsize()
        await asyncio.sleep(0)
        assert taken.qsize() <= before + 1
        turns += 1
    assert turns >= 20
    for app in apps:
        app.close()
    server.close()


def test_a_mitmproxy_that_listens_in_another_way_is_refused() -> None:
    async def listen(self: object, where: object) -> None: ...

    assert inspect.iscoroutinefunction(LISTEN)
    type.__setattr__(AsyncioServerInstance, "listen", listen)
    with pytest.raises(Misfit, match="how it listens"):
        inherited.inherit({})
