"""What one connection of an app may take: the second place that extends mitmproxy's HTTP layer.

mitmproxy reads heads of any length, waits for ever, and keeps what it has read.  Its two layers for connections of apps
are extended where they read.  A connection has one deadline, and a timer that looks at it when it may have passed, so
that a request costs a few comparisons.
"""

import re
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

import h11
from h11._readers import ChunkedReader
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http1 import Http1Server

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.flows import answers
from qwenproxy.flows.ledger import Account, Owed

type Commands = Generator[commands.Command, Any]

_HEAD_END = re.compile(rb"\n\r?\n")
OWED: Mapping[type, Owed] = {layers.ResponseHeaders: Owed.PART, layers.ResponseEndOfMessage: Owed.NOTHING}
"""What is owed once these are sent; behind "100 Continue", what was owed before."""
LINGER = 2.0  # s that a connection on which no more is read is kept, for its last answer to be
SLACK = 0.01  # s by which a timer may be early


@dataclass
class Bounds:
    """What holds in this process, kept here so that it outlives the script that set it; times in seconds, 0: any."""

    header_limit: int = 64 * 1024
    streams: int = 100
    head_timeout: float = 60.0
    body_timeout: float = 300.0
    keepalive_timeout: float = 900.0
    on_limit: Callable[[str], object] = field(default=lambda name: None)
    """Called with the name of the setting whose limit was hit."""
    on_http: Callable[[str], object] = field(default=lambda connection: None)
    """Called with the id of a connection that turns out to speak HTTP."""


bounds = Bounds()


@dataclass
class BodyOverdue(layers.RequestProtocolError):
    """The rest of a request's body is overdue: its stream may refuse it."""


class Deadline:
    """When the connection has waited long enough, and the timer that looks whether it has."""

    def __init__(self) -> None:
        self._at = inf
        self._looks = inf

    def lift(self) -> None:
        self._at = inf

    @property
    def set(self) -> bool:
        return self._at < inf

    def after(self, seconds: float) -> Commands:
        """Let it be in so many *seconds*; 0: never."""
        self._at = time.monotonic() + seconds if seconds else inf
        if self._at < self._looks:
            self._looks = self._at
            yield commands.RequestWakeup(seconds)

    def passed(self) -> Generator[commands.Command, Any, bool]:
        """Whether it has passed, now that a timer has come; if not, another one is set."""
        now = time.monotonic() + SLACK
        if now < self._looks:
            return False  # an earlier one was set since
        self._looks = inf
        if now < self._at:
            yield from self.after(self._at - now + SLACK)
            return False
        passed = self.set
        self.lift()
        return passed


class WithoutTrailers:
    """Reads a body in chunks by *reader*; what comes behind it as further header lines, nobody needs.

    They may be left out (RFC 9110, 6.5.1), and mitmproxy cannot take them.
    """

    def __init__(self, reader: Callable[[Any], Any]) -> None:
        self._reader = reader

    def __call__(self, buffer: Any) -> Any:
        event = self._reader(buffer)
        return h11.EndOfMessage() if isinstance(event, h11.EndOfMessage) else event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


class Shut(layer.Layer):
    """Closes a connection of which too much has come for nothing."""

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            bounds.on_limit("header_limit")
            yield commands.CloseConnection(self.context.client)


class BoundedHttp1(Http1Server):
    """A connection of an app in HTTP/1."""

    body_reader: Any

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._deadline = Deadline()
        self._begun = False
        """Whether the deadline is for a head that has begun."""
        self._body_of = 0
        """The stream that the deadline is for if it is for a body."""
        self.account: Account | None = None
        """Where a launcher sees what is owed on this connection."""

    def start(self, event: events.Event) -> Commands:
        yield from super().start(event)
        bounds.on_http(self.conn.id)
        yield from self._deadline.after(bounds.head_timeout)

    state: Any = start

    def send(self, event: Any) -> Commands:
        return super().send(event) if self.account is None else self._noted(self.account, event)

    def _noted(self, account: Account, event: Any) -> Commands:
        """Send what *event* says, and note beforehand what will be owed then."""
        owed = OWED.get(type(event))
        if owed is not None and not (isinstance(event, layers.ResponseHeaders) and event.response.status_code == 100):
            account.owe(owed)
        for command in super().send(event):
            if isinstance(command, commands.SendData):
                account.sends(len(command.data))
            yield command

    def read_headers(self, event: Any) -> Commands:
        if isinstance(event, events.Wakeup):
            yield from self._look()
            return
        if len(self.buf) > bounds.header_limit and not _HEAD_END.search(bytes(self.buf)[: bounds.header_limit + 4]):
            message = f"the head of the request is larger than {bounds.header_limit} bytes (setting header_limit)"
            yield from self._refuse(ProxyError(errors.HEADERS_TOO_LARGE, message, limit="header_limit"))
            return
        yield from super().read_headers(event)
        if self.buf and not self._begun and self.state == self.read_headers:
            self._begun = True
            yield from self._deadline.after(bounds.head_timeout)

    def read_body(self, event: Any) -> Commands:
        if isinstance(event, events.Wakeup):
            if not (yield from self._deadline.passed()):
                return
            if self.conn.state & ConnectionState.CAN_WRITE:
                yield ReceiveHttp(BodyOverdue(self.stream_id, "the request body is overdue"))
            else:  # it has been refused
                yield commands.CloseConnection(self.conn)
            return
        if self._body_of != self.stream_id:  # its head is there
            self._body_of, self._begun = self.stream_id, False
            self._deadline.lift()
            if isinstance(self.body_reader, ChunkedReader):
                self.body_reader = WithoutTrailers(self.body_reader)
        yield from super().read_body(event)
        if self.state != self.read_body:
            return
        if len(self.buf) > bounds.header_limit:  # the line before a chunk, or those behind the last: never the body
            bounds.on_limit("header_limit")
            self.state = self.done
            yield commands.CloseConnection(self.conn)
            why, code = "a line of the body's encoding has no end", layers.ErrorCode.GENERIC_CLIENT_ERROR
            yield ReceiveHttp(layers.RequestProtocolError(self.stream_id, why, code))
        elif not self._deadline.set:
            yield from self._deadline.after(bounds.body_timeout)

    def wait(self, event: Any) -> Commands:
        if isinstance(event, events.Wakeup):
            yield from self._deadline.passed()
            return
        yield from super().wait(event)
        if len(self.buf) > bounds.header_limit:  # requests ahead of their time: nobody has asked for them
            bounds.on_limit("header_limit")
            yield commands.CloseConnection(self.conn)

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        self._deadline.lift()
        yield from super().mark_done(request=request, response=response)
        if response and not self.buf and self.state == self.read_headers:
            yield from self._deadline.after(bounds.keepalive_timeout)
        elif response and self.state == self.read_body:  # answered before its end
            yield from self._deadline.after(LINGER)

    def linger(self, event: events.Event) -> Commands:
        """All is said.  What still comes is not read, but to close at once would be a reset, and the answer lost."""
        self.buf.maybe_extract_at_most(len(self.buf))
        over = isinstance(event, events.ConnectionClosed)
        if over or (isinstance(event, events.Wakeup) and (yield from self._deadline.passed())):
            self.state = self.done
            yield commands.CloseConnection(self.conn)

    def _look(self) -> Commands:
        """A timer has come while no request is there."""
        if not (yield from self._deadline.passed()):
            return
        if self.buf:
            message = f"the head of the request was not there within {bounds.head_timeout:g} s (setting head_timeout)"
            yield from self._refuse(ProxyError(errors.REQUEST_TIMEOUT, message, limit="head_timeout"))
        else:
            bounds.on_limit("keepalive_timeout" if self.stream_id > 1 else "head_timeout")
            self.state = self.done
            yield commands.CloseConnection(self.conn)

    def _refuse(self, error: ProxyError) -> Commands:
        """Answer a request of which nothing is known, and close the connection."""
        bounds.on_limit(error.limit)
        self.state = self.linger
        yield commands.SendData(self.conn, answers.raw(error))
        yield commands.CloseTcpConnection(self.conn, half_close=True)
        yield from self._deadline.after(LINGER)
