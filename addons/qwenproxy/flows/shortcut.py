"""The shortest way of a piece to its app: into the connection at once, past mitmproxy's layers.

Of all that they do, a piece of a live answer over plain HTTP/1 needs the framing only.  Once the head is out, the layer
waits for the end and sends nothing before: so nothing can come between.  Head and end go through the layers, and so
does every piece where more than HTTP/1 lies between (TLS, HTTP/2, a tunnel).
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mitmproxy import http
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy import layer, server
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.http import _http1

from qwenproxy.flows.bounds import BoundedHttp1
from qwenproxy.flows.ledger import Account

PLAIN = (modes.ReverseProxy, modes.HttpProxy)
"""The layers that hand a connection's bytes on as they are."""
FRAME = b"%x\r\n%s\r\n"
"""A chunk of HTTP/1.1, as mitmproxy's own layer writes it."""


class Handler(Protocol):
    """The part of mitmproxy's ConnectionHandler that says where a connection's bytes go."""

    @property
    def transports(self) -> Mapping[Connection, server.ConnectionIO]: ...
    @property
    def timeout_watchdog(self) -> server.TimeoutWatchdog: ...


class Shortcut:
    """Writes the pieces of one answer into its app's connection."""

    def __init__(
        self,
        flow: http.HTTPFlow,
        transport: asyncio.WriteTransport,
        touch: Callable[[], None],
        account: Account | None,
        *,
        chunked: bool,
    ) -> None:
        """*touch*: says that the connection is in use.  *account*: notes what is owed on it."""
        self._flow = flow
        self._transport = transport
        self._touch = touch
        self._account = account
        self._chunked = chunked

    @property
    def full(self) -> bool:
        """Whether the app has yet to take what was sent."""
        return self._transport.get_write_buffer_size() > 0

    def write(self, piece: bytes, *, last: bool = False) -> bool:
        """Send *piece*; *last*: then all is said.

        False: it has to go through the layers, since the answer was broken off, or the connection.
        """
        transport = self._transport
        if self._flow.error is not None or transport.is_closing():
            return False
        self._touch()
        data = FRAME % (len(piece), piece) if self._chunked else piece
        if self._account is not None:
            if last:
                self._account.ends()
            self._account.sends(len(data))
        transport.write(data)
        return True


def speaker(stack: Sequence[layer.Layer], client: Client) -> BoundedHttp1 | None:
    """What speaks HTTP/1 with *client* for the last layer of *stack*; None if more than that lies between."""
    bottom, *others = stack
    if type(bottom) not in PLAIN or [type(each) for each in others[:-1]] != [layers.HttpLayer]:
        return None
    parent = others[0]
    assert isinstance(parent, layers.HttpLayer)
    found = parent.connections.get(client)
    return found if isinstance(found, BoundedHttp1) else None


def find(handler: Handler, stack: list[layer.Layer], flow: http.HTTPFlow) -> Shortcut | None:
    """The shortcut for the answer to *flow* under the layers of *stack*, its own the last; None if there is none."""
    http1 = speaker(stack, flow.client_conn)
    carrier = handler.transports.get(flow.client_conn)
    writer = None if carrier is None else carrier.writer
    if http1 is None or flow.response is None or not isinstance(writer, asyncio.StreamWriter):
        return None
    touch = handler.timeout_watchdog.register_activity
    return Shortcut(flow, writer.transport, touch, http1.account, chunked=is_chunked(flow.response))


def is_chunked(response: http.Response) -> bool:
    """Whether the body's pieces are framed, as mitmproxy's own layer takes it."""
    return "chunked" in response.headers.get("transfer-encoding", "").lower()


def bent() -> list[str]:
    """What of mitmproxy is not as this file takes it to be, by name."""
    sends = _http1.Http1Server.send.__code__.co_consts
    expected = {
        "Http1Server.send": FRAME in sends,
        "ConnectionHandler.transports": "transports" in server.ConnectionHandler.__annotations__,
        "ConnectionIO.writer": "writer" in server.ConnectionIO.__annotations__,
        "register_activity": str(inspect.signature(server.TimeoutWatchdog.register_activity)) == "(self)",
    }
    return [name for name, holds in expected.items() if not holds]
