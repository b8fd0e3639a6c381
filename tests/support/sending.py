"""A connection over TCP, both of whose ends are the test's."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The proxy's end of a connection, and the app's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname(), timeout=10) as app,
        listener.accept()[0] as ours,
    ):
        yield ours, app
