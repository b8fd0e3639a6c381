"""A WebSocket that is answered here: the layer between an app's connection and whoever speaks with it (RFC 6455).

mitmproxy's own layer relays messages to a server, and here is none.  Its hooks are called all the same, and
`flow.websocket` has the messages, so that views, scripts and saved flows show them.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import websocket as hooks
from mitmproxy.websocket import WebSocketData, WebSocketMessage
from wsproto import events as frames
from wsproto.connection import Connection, ConnectionType
from wsproto.frame_protocol import CloseReason, Opcode

GRACE = 5.0  # s that an app may take to answer when it is told of the end

type Commands = layer.CommandGenerator[None]


class Close(NamedTuple):
    """Why a WebSocket ends; the reason has up to 123 bytes."""

    code: int
    reason: str


@dataclass
class Saying(events.MessageInjected[Sequence[bytes]]):
    """Texts for the app; after them the end, if *close* says so.  `taken`: they are on their way, or never will be."""

    close: Close | None = None
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class Speaker(Protocol):
    """Who speaks with the app.  Its methods must not raise, and never wait."""

    def hear(self, content: bytes, *, is_text: bool) -> None:
        """A message of the app's."""
        ...

    def too_large(self) -> bytes:
        """What is to be said of a message that is."""
        ...

    def leave(self) -> None:
        """There is nobody to speak with any more."""
        ...


class Bounds(NamedTuple):
    """*message*: bytes of one at most.  *heartbeat*: seconds of silence until a ping.  *keep*: bytes kept to view."""

    message: int
    heartbeat: float
    keep: int


class SocketLayer(layer.Layer):
    """Speaks the WebSocket on the connection of *flow*, whose handshake is done."""

    def __init__(
        self,
        context: Context,
        flow: http.HTTPFlow,
        speaker: Speaker,
        bounds: Bounds,
        hears: Callable[[str], bool] = lambda name: True,
    ) -> None:
        """*hears*: whether any addon wants the hook of that name."""
        super().__init__(context)
        self._hears = hears
        self.flow = flow
        self._data = flow.websocket = flow.websocket or WebSocketData()
        self._speaker = speaker
        self._bounds = bounds
        self._ws = Connection(ConnectionType.SERVER)
        self._begun = bytearray()
        """What has come of a message; a list of its pieces would take far more if they are small."""
        self._kept = 0
        self._spoke = time.monotonic()
        self._closing: Close | None = None
        self._deadline: commands.RequestWakeup | None = None
        self._over = False

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, Saying):
            try:
                yield from self._say(event)
            finally:
                event.taken.set()
        elif not self._over:
            yield from self._happened(event)

    def _happened(self, event: events.Event) -> Commands:
        match event:
            case events.Start():
                yield from self._hook(hooks.WebsocketStartHook(self.flow))
                yield from self._rest()
            case events.DataReceived():
                self._ws.receive_data(event.data)
                yield from self._hear()
            case events.ConnectionClosed():
                gone = Close(CloseReason.ABNORMAL_CLOSURE, "")
                yield from self._end(self._closing or gone, by_app=self._closing is None)
            case events.Wakeup():
                yield from self._woken(event)
            case hooks.WebSocketMessageInjected() if event.message.from_client:
                yield from self._heard(event.message)
            case hooks.WebSocketMessageInjected():
                yield from self._tell(event.message)

    def _hear(self) -> Commands:
        for found in self._ws.events():
            if isinstance(found, frames.CloseConnection):
                yield from self._told_to_close(found)
            elif self._closing is None and isinstance(found, frames.TextMessage | frames.BytesMessage):
                yield from self._part(found)
            elif self._closing is None and isinstance(found, frames.Ping):
                yield from self._send(found.response())
            if self._over:
                return

    def _part(self, part: frames.TextMessage | frames.BytesMessage) -> Commands:
        """A piece of a message, as the network cut it."""
        self._begun += part.data.encode() if isinstance(part.data, str) else part.data
        if len(self._begun) > self._bounds.message:
            self._begun.clear()
            yield from self._tell(WebSocketMessage(Opcode.TEXT, False, self._speaker.too_large()))
            yield from self._shut(Close(CloseReason.MESSAGE_TOO_BIG, f"more than {self._bounds.message} bytes"))
        elif part.message_finished:
            content, kind = bytes(self._begun), Opcode.TEXT if isinstance(part.data, str) else Opcode.BINARY
            self._begun.clear()
            yield from self._heard(WebSocketMessage(kind, True, content))

    def _heard(self, message: WebSocketMessage) -> Commands:
        yield from self._show(message)
        if not self._over and not message.dropped:
            self._speaker.hear(message.content, is_text=message.is_text)

    def _say(self, saying: Saying) -> Commands:
        for text in saying.message:
            if self._over or self._closing is not None:
                return
            yield from self._tell(WebSocketMessage(Opcode.TEXT, False, text))
        if saying.close is not None and not self._over and self._closing is None:
            yield from self._shut(saying.close)

    def _tell(self, message: WebSocketMessage) -> Commands:
        yield from self._show(message)
        if not self._over and not message.dropped:
            yield from self._send(frames.TextMessage(message.content.decode("utf-8", "replace")))

    def _show(self, message: WebSocketMessage) -> Commands:
        """Let whoever looks see *message*, and change it; of older ones the flow keeps as many as it may."""
        shown = self._data.messages
        shown.append(message)
        yield from self._hook(hooks.WebsocketMessageHook(self.flow))
        self._kept += len(message.content)
        while shown and self._kept > self._bounds.keep:
            self._kept -= len(shown.pop(0).content)
        if self.flow.error is not None:  # a script, or the user, has killed it
            yield from self._end(Close(CloseReason.ABNORMAL_CLOSURE, self.flow.error.msg), by_app=False)

    def _hook(self, hook: commands.StartHook) -> Commands:
        if self._hears(hook.name):
            yield hook

    def _send(self, event: frames.Event) -> Commands:
        self._spoke = time.monotonic()
        yield commands.SendData(self.context.client, self._ws.send(event))

    def _rest(self) -> Commands:
        """Ask to be woken when the next ping is due."""
        if self._bounds.heartbeat:
            due = self._spoke + self._bounds.heartbeat - time.monotonic()
            yield commands.RequestWakeup(max(due, 0.01))

    def _woken(self, event: events.Wakeup) -> Commands:
        if event.command is self._deadline and self._closing is not None:
            yield from self._end(self._closing, by_app=False)
        elif self._closing is None:
            if time.monotonic() >= self._spoke + self._bounds.heartbeat:
                yield from self._send(frames.Ping())
            yield from self._rest()

    def _shut(self, close: Close) -> Commands:
        """Tell the app of the end, and wait for its answer: a connection cut at once could lose what was said last."""
        self._closing = close
        yield from self._send(frames.CloseConnection(close.code, close.reason))
        self._deadline = commands.RequestWakeup(GRACE)
        yield self._deadline

    def _told_to_close(self, found: frames.CloseConnection) -> Commands:
        """The app ends it, or answers to our end; or what it sent cannot be understood, which is for us to end."""
        close = Close(found.code, found.reason or "")
        if self._closing is not None:
            yield from self._end(self._closing, by_app=False)
        elif self._ws.state.name == "REMOTE_CLOSING":
            yield from self._send(found.response())
            yield from self._end(close, by_app=True)
        else:
            yield from self._shut(close)

    def _end(self, close: Close, *, by_app: bool) -> Commands:
        self._over = True
        self._speaker.leave()
        self._data.timestamp_end = time.time()
        self._data.closed_by_client = by_app
        self._data.close_code, self._data.close_reason = close
        yield commands.CloseConnection(self.context.client)
        yield from self._hook(hooks.WebsocketEndHook(self.flow))
        self.flow.live = False
