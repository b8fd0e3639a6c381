"""Answering with a live stream: the one place that extends mitmproxy's HTTP layer.

mitmproxy has no public way for an addon to answer with a stream that is still being made.  So the HTTP stream layer is
extended at its one door to an upstream, `make_server_connection`: for a request of ours no server connection is ever
made.  The hook `qwen_open` opens the exchange instead, and its body is pulled piece by piece, with back-pressure.  This
fails closed by structure: a hook that raises, a script that is gone, a translation that fails - nothing leaves the
machine, and the app gets an answer of ours.  The app's credentials are taken off before the first hook sees the flow.

A piece costs no task and no hook: `Pull` is a command that mitmproxy's server has nothing to do for (its connection is
in no transport), and `Delivery` completes it from outside when the piece is there.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from mitmproxy import http
from mitmproxy.flow import Error
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import http as layers

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.flows import answers, bounded, fit, http2, shortcut
from qwenproxy.flows.accounts import accounts, owed_of
from qwenproxy.flows.bounds import BodyOverdue, bounds
from qwenproxy.flows.delivery import Delivery
from qwenproxy.flows.door import NO_RELAY, declared_size, door
from qwenproxy.flows.ledger import NOBODYS, Owed
from qwenproxy.flows.visits import Visit, take_credentials
from qwenproxy.flows.websocket import SocketLayer

SWITCHING = 101
LEAVING = layers.RequestProtocolError
SOCKETS_LEAVING = (layers.RequestProtocolError, layers.RequestEndOfMessage)
"""The events by which an app leaves: on a connection that is a WebSocket's, its end is the request's, too."""

type Commands[T] = Generator[commands.Command, Any, T]


@dataclass
class QwenOpenHook(commands.StartHook):
    """`qwen_open`: answer the visit, by `flow.response` and, for a live body, by `visit.delivery`."""

    visit: Visit


class LiveStream(layers.HttpStream):
    """mitmproxy's HTTP stream, with a closed door to the upstream for what is ours."""

    visit: Visit | None = None
    held: int = 0
    """Bytes of the request's body that count as held."""
    account = NOBODYS
    """Where a launcher sees what is owed for it."""
    refusal: ProxyError | None = None
    """What to answer once the rest of the body is there."""

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        kinds = LEAVING if self.child_layer is None else SOCKETS_LEAVING
        if self.visit is not None and isinstance(event, kinds) and not isinstance(event, BodyOverdue):
            self.visit.cancel()  # the app has left; the layer itself may be waiting and would learn it late
            self.release()
        return super().handle_event(event)

    def handle_protocol_error(
        self, event: layers.RequestProtocolError | layers.ResponseProtocolError
    ) -> Commands[None]:
        if not isinstance(event, BodyOverdue):
            yield from super().handle_protocol_error(event)
            self.let_go()
        elif self.visit is not None and self.client_state in (
            self.state_consume_request_body,
            self.state_discard_request_body,
        ):
            limit = f"{bounds.body_timeout:g} s (setting body_timeout)"
            message = f"the request body was not there within {limit}"
            yield from self.refuse(ProxyError(errors.REQUEST_TIMEOUT, message, limit="body_timeout"), unread=True)

    def state_wait_for_request_headers(self, event: layers.RequestHeaders) -> Commands[None]:
        steps = super().state_wait_for_request_headers(event)
        reply = None
        while True:
            try:
                command = steps.send(reply)
            except StopIteration:
                return
            is_hook = isinstance(command, layers.HttpRequestHeadersHook)
            if is_hook and self.mine() is not None and not door.hears(command.name):
                reply = None
            else:
                reply = yield command

    def mine(self) -> Visit | None:
        """The visit, if the flow is ours; before anyone else sees it, its credentials are taken off."""
        if self.visit is None and door.owns(self.flow):
            self.visit = Visit(self.flow, take_credentials(self.flow.request, for_proxy=not door.authenticates))
            self.account = accounts.of(self.context.layers, self.context.client)
            self.account.owe(Owed.ANSWER)
        return self.visit

    def start_request_stream(self) -> Commands[None]:
        if self.mine() is None:
            yield from super().start_request_stream()
        else:  # whatever a script asks for: nothing can be translated before its end is there
            self.flow.request.stream = False
            self.client_state = self.state_consume_request_body

    def check_body_size(self, request: bool) -> Commands[bool]:
        if self.mine() is None:
            return (yield from super().check_body_size(request))
        if not request or (refusal := self.take_in()) is None:
            return False
        self.request_body_buf.clear()
        self.release()
        self.refusal = refusal
        if "expect" in self.flow.request.headers:
            yield from self.refuse(refusal, unread=True)
        else:
            # A client that is still sending does not read: an answer before its last byte would be lost in a reset.
            self.client_state = self.state_discard_request_body
        return True

    def take_in(self) -> ProxyError | None:
        """Count what there is of the body; why it is too much, if it is."""
        size = len(self.request_body_buf)
        door.buffered += size - self.held
        self.held = size
        return door.too_much(max(size, declared_size(self.flow.request)))

    def release(self) -> None:
        """The request's body is not held any longer."""
        door.buffered -= self.held
        self.held = 0

    def state_discard_request_body(self, event: events.Event) -> Commands[None]:
        if isinstance(event, layers.RequestEndOfMessage) and self.refusal is not None:
            yield from self.refuse(self.refusal)

    def refuse(self, error: ProxyError, *, unread: bool = False) -> Commands[None]:
        """Answer without an exchange.  *unread*: the rest of the body may still come."""
        bounds.on_limit(error.limit)
        self.release()
        self.flow.response = response = answers.refusal(error, self.flow)
        over_http1 = self.flow.request.http_version.startswith("HTTP/1")
        if over_http1:
            response.headers["connection"] = "close"
        self.flow.request.raw_content = b""
        self.client_state = self.state_done
        yield layers.HttpRequestHeadersHook(self.flow)
        yield layers.HttpRequestHook(self.flow)
        self.flow.response = response
        yield from self.send_response()
        if unread and over_http1:
            # Its next byte may be of the body, or of another request: nobody can tell.
            yield commands.CloseTcpConnection(self.context.client, half_close=True)
        elif unread:
            code = layers.ErrorCode.CANCEL
            yield layers.SendHttp(
                layers.ResponseProtocolError(self.stream_id, error.message, code), self.context.client
            )
        self.let_go()

    def break_off(self, message: str) -> Commands[None]:
        """End the stream in a way that no client takes for a whole answer."""
        code = layers.ErrorCode.GENERIC_SERVER_ERROR
        yield layers.SendHttp(layers.ResponseProtocolError(self.stream_id, message, code), self.context.client)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        yield layers.DropStream(self.stream_id)

    def handle_connect(self) -> Commands[None]:
        if not door.owns(self.flow) and not door.relays(self.flow):
            self.flow.response = answers.refusal(NO_RELAY, self.flow)
        yield from super().handle_connect()

    def make_server_connection(self) -> Commands[bool]:
        """mitmproxy's only door to an upstream: for a request of ours it leads to the exchange."""
        visit = self.mine()
        if visit is not None:
            try:
                yield from self.answer(visit)
            finally:
                self.release()
            self.let_go()
        elif door.relays(self.flow):
            return (yield from super().make_server_connection())
        else:
            self.flow.response = answers.refusal(NO_RELAY, self.flow)
            yield layers.HttpResponseHeadersHook(self.flow)
            yield from self.send_response()
        return False

    def let_go(self) -> None:
        """Hold nothing of what is over: the stream itself stays until garbage is collected, hundreds of requests on."""
        if self.visit is not None and self.stream_id not in self.parent().streams:
            self.visit.delivery = None
            self.visit = None
            del self.flow
            self._handle_event = self.gone

    def gone(self, event: events.Event) -> Commands[None]:
        """What had been waiting behind the end concerns nobody."""
        yield from ()

    def answer(self, visit: Visit) -> Commands[None]:
        yield QwenOpenHook(visit)
        if (yield from self.check_killed(True)):
            visit.cancel()
            return
        if self.flow.response is None:
            message = "the proxy is not ready: its script is gone or failed to load; its log says why"
            self.flow.response = answers.refusal(ProxyError(errors.INTERNAL, message), self.flow)
        response = self.flow.response
        response.timestamp_start = time.time()
        if door.parting and visit.lanes is None and self.flow.request.http_version.startswith("HTTP/1"):
            response.headers["connection"] = "close"
        if door.hears(layers.HttpResponseHeadersHook.name):
            yield layers.HttpResponseHeadersHook(self.flow)
        if (yield from self.check_killed(True)):
            visit.cancel()
        elif self.flow.response is not response or not (visit.delivery or visit.lanes):
            visit.cancel()  # a script answered in our place
            yield from self.send_response()
        elif visit.delivery is not None:
            yield from self.stream(visit, visit.delivery, response)
        else:
            yield from self.send_response()
            if self.child_layer is None:
                visit.cancel()  # it did not come to the WebSocket
        if door.parting and not self.parent().streams.keys() - {self.stream_id}:
            yield from http2.go_away(self.app())

    def stream(self, visit: Visit, delivery: Delivery, response: http.Response) -> Commands[None]:
        client = self.context.client
        delivery.congested = http2.congestion(self.app(), self.stream_id)
        delivery.shortcut = shortcut.find(delivery.handler, self.context.layers, self.flow)
        yield layers.SendHttp(layers.ResponseHeaders(self.stream_id, response, end_stream=False), client)
        self.account.owe(owed_of(visit.record, response))
        while True:
            piece: bytes | None = yield delivery.pull()
            if not piece or self.flow.error is not None:
                break
            yield layers.SendHttp(layers.ResponseData(self.stream_id, piece), client)
        if self.flow.error is not None:
            delivery.cancel()
        response.raw_content = delivery.kept()
        visit.note()
        if (yield from self.check_killed(True)):
            return
        if piece is None:
            self.flow.error = Error("the answer broke off")
            yield layers.HttpErrorHook(self.flow)
            yield from self.break_off("the answer broke off")
        else:
            yield from self.send_response(already_streamed=True)

    def parent(self) -> layers.HttpLayer:
        """The layer that this is a stream of."""
        found = self.context.layers[self.context.layers.index(self) - 1]
        assert isinstance(found, layers.HttpLayer)
        return found

    def app(self) -> object:
        """The layer that speaks to the app."""
        return self.parent().connections.get(self.context.client)

    def flow_done(self) -> Commands[None]:
        """After a handshake of ours the connection is a WebSocket's: it ends here, not at a server."""
        response = self.flow.response
        if self.visit is None or response is None or response.status_code != SWITCHING:
            yield from super().flow_done()
        elif self.visit.lanes is None:
            yield from self.break_off("a script has switched protocols, and nobody speaks the other one")
        else:
            lanes = self.visit.lanes
            self.child_layer = SocketLayer(self.context, self.flow, lanes, lanes.bounds, door.hears)
            self._handle_event = self.passthrough
            yield from self.child_layer.handle_event(events.Start())
            yield layers.SendHttp(layers.ResponseEndOfMessage(self.stream_id), self.context.client)
            self.account.owe(Owed.SOCKET)


def install() -> None:
    """Close the door, for the whole process and for good.  Raises fit.Misfit."""
    if layers.HttpStream is not LiveStream:
        fit.check()
        vars(layers)["HttpStream"] = LiveStream
        bounded.install()
