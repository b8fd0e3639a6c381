"""The layers of mitmproxy that are put in place of its own, and whether they fit this mitmproxy."""

import inspect
from functools import wraps
from typing import Any

from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Server
from mitmproxy.proxy.layers.tls import ClientTLSLayer

from qwenproxy.flows.bounds import BoundedHttp1, bounds
from qwenproxy.flows.door import door
from qwenproxy.flows.hosts import Hosts
from qwenproxy.flows.http2 import BoundedHttp2
from qwenproxy.settings import Settings

REPLACED: dict[str, type[Http1Server] | type[Http2Server]] = {"Http1Server": BoundedHttp1, "Http2Server": BoundedHttp2}

LONGEST_HELLO = 64 * 1024
"""Bytes of a ClientHello.  mitmproxy reads all that has come anew with each piece, and never has enough."""

SIGNATURES: dict[tuple[type, str], str] = {
    (Http1Server, "start"): "(self, _",
    (Http1Server, "read_headers"): "(self, event",
    (Http1Server, "read_body"): "(self, event",
    (Http1Server, "wait"): "(self, event",
    (Http1Server, "mark_done"): "(self, *, request",
    (Http2Server, "_handle_event"): "(self, event",
    (Http2Server, "handle_h2_event"): "(self, event",
    (Http2Server, "protocol_error"): "(self, message",
    (Http2Server, "close_connection"): "(self, msg",
    (ClientTLSLayer, "receive_handshake_data"): "(self, data",
}


def misfits() -> list[str]:
    """What of mitmproxy is not as this file was written for."""
    made = layers.HttpLayer._handle_event.__code__.co_names
    return [
        *(
            f"{owner.__name__}.{name}"
            for (owner, name), start in SIGNATURES.items()
            if not str(inspect.signature(getattr(owner, name, misfits))).startswith(start)
        ),
        *(name for name in REPLACED if name not in made),
    ]


def install() -> None:
    """Bound every connection of an app, for the whole process and for good."""
    vars(layers).update(REPLACED)
    receive = ClientTLSLayer.receive_handshake_data

    @wraps(receive)
    def receive_bounded(self: Any, data: bytes) -> Any:
        if not self.client_hello_parsed and len(self.recv_buffer) + len(data) > LONGEST_HELLO:
            bounds.on_limit("header_limit")
            return False, "the ClientHello has no end"
        return (yield from receive(self, data))

    type.__setattr__(ClientTLSLayer, "receive_handshake_data", receive_bounded)


def take_up(found: Settings) -> None:
    """Let the bounds in *found* hold for all connections."""
    door.hosts, door.body_limit, door.buffer_limit = Hosts(found.hosts), found.body_limit, found.buffer_limit
    bounds.header_limit, bounds.streams = found.header_limit, found.streams
    bounds.head_timeout, bounds.body_timeout = found.head_timeout, found.body_timeout
    bounds.keepalive_timeout = found.keepalive_timeout
