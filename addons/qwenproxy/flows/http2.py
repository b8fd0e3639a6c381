"""What one HTTP/2 connection of an app may take: it carries many requests at the same time."""

import time
from collections.abc import Callable, Generator
from typing import Any

import h2.events
import h2.exceptions
from h2.errors import ErrorCodes
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http2 import Http2Server

from qwenproxy.flows.bounds import SLACK, BodyOverdue, Commands, Deadline, bounds

FRAME_SIZE = 1 << 14  # bytes; HTTP/2's own default: h2 holds 64 frames of a head that does not end
RESETS = 2  # times `streams` requests may be taken back within ...
RESETS_IN = 10.0  # s


class BoundedHttp2(Http2Server):
    """A connection of an app in HTTP/2."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        ours = self.h2_conn.local_settings
        ours.max_concurrent_streams = bounds.streams
        ours.max_header_list_size = bounds.header_limit
        ours.max_frame_size = FRAME_SIZE
        ours.acknowledge()  # or the old ones would be sent
        self.h2_conn.decoder.max_header_list_size = bounds.header_limit
        self.h2_conn.max_inbound_frame_size = FRAME_SIZE
        self._deadline = Deadline()
        self._bodies: dict[int, float] = {}
        """When the rest of a request's body is overdue, by its stream; the earliest first."""
        self._active = False
        self._resets = 0
        self._resets_since = 0.0

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            yield from self._look()
            return
        yield from super()._handle_event(event)
        if isinstance(event, events.Start):
            bounds.on_http(self.conn.id)
            yield from self._deadline.after(bounds.head_timeout or bounds.keepalive_timeout)

    def handle_h2_event(self, event: h2.events.Event) -> Generator[commands.Command, Any, bool]:
        if isinstance(event, h2.events.RequestReceived):
            self._active = True
            if not event.stream_ended and bounds.body_timeout:
                self._bodies[event.stream_id] = time.monotonic() + bounds.body_timeout
                yield from self._deadline.after(self._next())
        elif isinstance(event, h2.events.StreamEnded):
            self._bodies.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamReset):
            self._bodies.pop(event.stream_id, None)
            if self._takes_back_too_many():
                bounds.on_limit("streams")
                yield from self.protocol_error("too many requests were taken back", ErrorCodes.ENHANCE_YOUR_CALM)
                return True
        elif isinstance(event, h2.exceptions.ProtocolError):
            name = _BROKEN.get(type(event))
            if name is not None:
                bounds.on_limit(name)
        return (yield from super().handle_h2_event(event))

    def _takes_back_too_many(self) -> bool:
        now = time.monotonic()
        if now - self._resets_since > RESETS_IN:
            self._resets_since, self._resets = now, 0
        self._resets += 1
        return self._resets > RESETS * bounds.streams

    def _next(self) -> float:
        """Seconds until the timer has something to look at: a body, or whether anything goes on at all; 0: never."""
        waits = [bounds.keepalive_timeout] if bounds.keepalive_timeout else []
        if self._bodies:
            waits.append(max(SLACK, next(iter(self._bodies.values())) - time.monotonic()))
        return min(waits, default=0.0)

    def _look(self) -> Commands:
        if not (yield from self._deadline.passed()):
            return
        now = time.monotonic() + SLACK
        for stream_id in [stream_id for stream_id, at in self._bodies.items() if at <= now]:
            del self._bodies[stream_id]
            yield ReceiveHttp(BodyOverdue(stream_id, "the request body is overdue"))
        if self.h2_conn.open_inbound_streams or self._active:
            self._active = False
            yield from self._deadline.after(self._next())
        else:
            bounds.on_limit("keepalive_timeout" if self.h2_conn.highest_inbound_stream_id else "head_timeout")
            self.h2_conn.close_connection()
            yield commands.SendData(self.conn, self.h2_conn.data_to_send())
            yield from self.close_connection("idle for too long")


_BROKEN: dict[type[BaseException], str] = {
    h2.exceptions.TooManyStreamsError: "streams",
    h2.exceptions.DenialOfServiceError: "header_limit",
}
"""h2's errors about a limit of ours, and the setting that it is."""


def congestion(app: object, stream: int) -> Callable[[], bool] | None:
    """Tells whether HTTP/2, if the *app* is spoken to in that, holds back what was sent on *stream*.

    TCP's buffer does not show it.
    """
    if not isinstance(app, Http2Server):
        return None
    buffers = app.h2_conn.stream_buffers
    return lambda: bool(buffers.get(stream))


def go_away(app: object) -> Commands:
    """End the connection to *app*, if it is of HTTP/2, behind its last stream; what it sends now, it knows to repeat.

    Sooner would be in order (RFC 9113, 6.8), but some clients then lose the streams that are open.
    """
    if isinstance(app, Http2Server):
        app.h2_conn.close_connection()
        yield commands.SendData(app.conn, app.h2_conn.data_to_send())
        yield commands.CloseConnection(app.conn)
