"""The sockets that workers share: opened before any of them, for one that ends must take nothing with it."""

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""A machine may have no IPv6 under a name that has."""


@dataclass(frozen=True, slots=True)
class Listener:
    """What listens at *host*, by its name, and *port*: a socket for each of its addresses."""

    host: str
    port: int
    sockets: Sequence[socket.socket]

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def bound(host: str, port: int) -> Listener:
    """Bind to *port* of *host*, 0 for a free one; "" is every interface.  It is for workers to listen.

    Raises OSError, which names the address.
    """
    with ExitStack() as undo:
        sockets: list[socket.socket] = []
        for family, address in addresses(host):
            try:
                each = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
                prepare(each)
                each.bind((address, port))
            except OSError as e:
                if e.errno in ABSENT and sockets:
                    continue
                raise OSError(e.errno, f"cannot listen on {host or '*'}:{port}: {e.strerror}") from None
            port = each.getsockname()[1]
            sockets.append(each)
        undo.pop_all()
    return Listener(host, port, sockets)


def addresses(host: str) -> Iterator[tuple[socket.AddressFamily, str]]:
    """The addresses that *host* means, as asyncio has them.  Raises OSError."""
    found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, _, _, _, address in sorted(dict.fromkeys(found)):  # IPv4 first: IPv6 may be there by name only
        yield family, str(address[0])


def prepare(listener: socket.socket) -> None:
    """As asyncio does it."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.setblocking(False)
