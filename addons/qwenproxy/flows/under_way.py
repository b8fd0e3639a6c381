"""Apps' connections as mitmproxy has them: which are idle, which visits are under way.  Asked when the proxy ends."""

import time
from collections.abc import Iterator, Sequence

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import layer
from mitmproxy.proxy.layers import WebsocketLayer
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

from qwenproxy.flows.live import LiveStream
from qwenproxy.flows.visits import Visit
from qwenproxy.flows.websocket import SocketLayer


def inside(found: layer.Layer) -> Sequence[layer.Layer]:
    """The layers that *found* hands its events on to: streams, or the next one that its context knows."""
    if isinstance(found, layers.HttpLayer):
        return list(found.streams.values())
    known = found.context.layers
    return known[known.index(found) + 1 :][:1]


def visits(server: Proxyserver) -> list[Visit]:
    """All that are under way."""
    return [visit for each in open_ones(server) for visit in visits_in(each.layer)]


def visits_in(found: layer.Layer) -> Iterator[Visit]:
    """The visits that are under way in *found*."""
    if isinstance(found, LiveStream) and found.visit is not None:
        yield found.visit
    for inner in inside(found):
        yield from visits_in(inner)


def is_busy(found: layer.Layer) -> bool:
    """Whether *found* has begun what is not over; of bytes that are relayed unread nobody can tell."""
    inner = inside(found)
    if not inner:
        in_a_tunnel = getattr(found, "child_layer", None) is not None
        return isinstance(found, layers.HttpStream | WebsocketLayer | SocketLayer) and not in_a_tunnel
    return any(map(is_busy, inner))


def open_ones(server: Proxyserver) -> list[ProxyConnectionHandler]:
    """The connections of apps, but for those over UDP, which have no end to wait for."""
    return [each for each in server.connections.values() if each.client.transport_protocol == "tcp"]


def close_idle(server: Proxyserver, silence: float) -> None:
    """Close the connections on which nothing is under way, and that have been silent for *silence* seconds.

    Sooner, a request may be on its way to us: an app that has just had an answer is quick with the next one.
    """
    now = time.time()  # mitmproxy's watchdog goes by it
    for handler in open_ones(server):
        transport = handler.transports.get(handler.client)
        if transport is None or transport.writer is None or is_busy(handler.layer):
            continue
        if now - handler.timeout_watchdog.last_activity >= silence:
            transport.writer.close()
