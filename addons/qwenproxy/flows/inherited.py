"""Listening on sockets that another process has opened: the one place that extends how mitmproxy listens.

Workers share their sockets: what is waiting in one of them when a worker ends, another one takes.
"""

import asyncio
import errno
import inspect
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mitmproxy import version
from mitmproxy.proxy.mode_servers import AsyncioServerInstance

from qwenproxy.flows.fit import Misfit

BACKLOG = 1024
"""Connections that may wait in a socket; the system may allow fewer."""

type Inherited = Mapping[tuple[str, int], Iterable[socket.socket]]
"""The sockets for a host and a port."""


def check() -> None:
    """Refuse a mitmproxy that listens in another way than this file was written for.  Raises Misfit."""
    listen = AsyncioServerInstance.listen
    names = AsyncioServerInstance._start.__code__.co_names
    if str(inspect.signature(listen)).startswith("(self, host: 'str', port: 'int'") and "listen" in names:
        return
    raise Misfit(f"mitmproxy {version.VERSION} differs from 12.2 in how it listens.  Install mitmproxy>=12.2.3,<12.3.")


def inherit(sockets: Inherited) -> None:
    """Have mitmproxy listen on *sockets*, and on nothing else, for the whole process and for good.  Raises Misfit."""
    check()

    async def listen(self: Any, host: str, port: int) -> list[asyncio.Server]:
        found = sockets.get((host, port))
        if found is None:
            raise OSError(errno.EADDRNOTAVAIL, f"{os.strerror(errno.EADDRNOTAVAIL)}: it is no listener of the launcher")
        return [await serve(self.handle_stream, each) for each in found]

    type.__setattr__(AsyncioServerInstance, "listen", listen)


class Taken(asyncio.StreamReaderProtocol):
    """A connection that was taken; *on_end* is called when it is about to be closed."""

    on_end: Callable[[], object] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_end is not None:
            self.on_end()


async def serve(handle: Any, listener: socket.socket) -> asyncio.Server:
    """Take connections from *listener*, one at a time: the loop would take all that wait, and leave others none."""
    loop = asyncio.get_running_loop()

    def taken() -> Taken:
        return Taken(asyncio.StreamReader(loop=loop), handle, loop)

    server = await loop.create_server(taken, sock=listener, backlog=1)
    listener.listen(BACKLOG)  # for asyncio, both are one and the same
    return server
