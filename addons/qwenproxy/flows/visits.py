"""One request of ours at the door: who came, and how the answer is opened without ever failing."""

import asyncio
import logging
import re
from collections.abc import Awaitable
from functools import partial

from mitmproxy import http

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.flows import answers
from qwenproxy.flows.delivery import Channel, Delivery, Handler
from qwenproxy.flows.lanes import Lanes
from qwenproxy.flows.views import notes
from qwenproxy.record import Record

log = logging.getLogger(__name__)

CREDENTIALS = frozenset(
    {
        *(b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key", b"cookie"),
        *(b"openai-organization", b"openai-project"),
    }
)
"""Request headers that name or authorise the app's owner at OpenAI."""
WITH_PROXYS = CREDENTIALS | {b"proxy-authorization"}
KEY = re.compile(rb"\bsk-[\w-]{8,}|((?:api[-_]?key|access[-_]?token|token|key)=)[^&;,\s]{8,}", re.IGNORECASE)
"""Keys elsewhere: in a header that carries them for WebSockets, in one of the app's own, in a query."""
SHORTEST = 6  # characters of a key: a shorter one would be found in any text
MASK = rb"\1[secret]"


def take_credentials(request: http.Request, *, for_proxy: bool = True) -> dict[str, str]:
    """Remove the app's credentials from *request*, and return those of headers by their lower-case names.

    *for_proxy*: also those for a proxy, which mitmproxy takes off itself where it asks for them.
    """
    taken = WITH_PROXYS if for_proxy else CREDENTIALS
    found: dict[str, str] = {}
    kept: list[tuple[bytes, bytes]] = []
    for name, value in request.headers.fields:
        if name.lower() in taken:
            found[text(name)] = value.decode("utf-8", "surrogateescape")
        else:
            kept.append((name, masked(value)))
    request.headers.fields = tuple(kept)
    if masked(request.data.path) != request.data.path:
        request.data.path = masked(request.data.path)
    return found


def masked(value: bytes) -> bytes:
    """*value* without the keys in it."""
    return KEY.sub(MASK, value) if b"sk-" in value or b"=" in value else value


def plain_headers(request: http.Request) -> dict[str, str]:
    """The headers by their lower-case names, repeated ones joined (RFC 9110, 5.3): quicker to ask than mitmproxy's."""
    found: dict[str, str] = {}
    for name, raw in request.headers.fields:
        key, value = text(name), raw.decode("utf-8", "surrogateescape")
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape").lower()


class Visit:
    """A flow of ours, the credentials that the app showed, and, once opened, the delivery of a live body."""

    def __init__(self, flow: http.HTTPFlow, credentials: dict[str, str]) -> None:
        self.flow = flow
        self.credentials = credentials
        self.delivery: Delivery | None = None
        self.handler: Channel | None = None
        """The app's connection, while there is one."""
        self.lanes: Lanes | None = None
        """What has come of it, if it was a WebSocket's handshake."""
        self.keep = 0
        self.record: Record | None = None
        self._opening: asyncio.Task[None] | None = None
        self._left = False
        self._failing: ProxyError | None = None

    def fail(self, error: ProxyError) -> None:
        """Break off whatever is under way: *error* is the answer, or the end of one that has begun."""
        if self._opening is not None and self._failing is None:
            self._failing = error
            if self.record is not None:
                self.record.failed(error)
            self._opening.cancel()
        elif self.delivery is not None:
            self.delivery.fail(error)
        elif self.lanes is not None:
            self.lanes.fail(error)

    def part(self, error: ProxyError) -> None:
        """The process is to end, because of *error*: have a WebSocket end when what is under way on it has."""
        if self.lanes is not None:
            self.lanes.part(error)

    def masked(self, error: ProxyError) -> ProxyError:
        """*error* without what the app showed as its key, of whatever form that is: it may quote the request."""
        for shown in self.credentials.values():
            secret = shown.rpartition(" ")[2]
            if len(secret) >= SHORTEST:
                error.message = error.message.replace(secret, "[secret]")
        return error

    def cancel(self) -> None:
        """The app has left, or is answered by someone else: stop whatever is under way."""
        self._left = True
        if self._opening is not None:
            self._opening.cancel()
        if self.delivery is not None:
            self.delivery.cancel()
        lanes, self.lanes = self.lanes, None
        if lanes is not None:
            lanes.leave()

    async def open(
        self,
        answer: Awaitable[Answer],
        handler: Handler | None,
        *,
        limit: float | None,
        keep: int,
        stall: float = 0.0,
    ) -> None:
        """Set the flow's response from *answer*, and begin to deliver a live body through *handler*.

        *limit*: seconds after which the wait for the answer is given up.  *keep*: bytes of each body kept for viewing.
        *stall*: seconds that the app may leave a live body unread, 0 for any time.
        Without a handler (a replay) the body is read to its end first.  Never raises: a failure becomes the answer.
        """
        self._opening = asyncio.current_task()
        self.keep = keep
        self.handler = handler
        try:
            async with asyncio.timeout(limit):
                opened = await answer
                if handler is None and not isinstance(opened.body, bytes):
                    opened = await answers.read_to_end(opened)
        except BaseException as e:  # a hook that ends without an answer would leave the flow hanging for ever
            opened = answers.of_error(self._error(e, limit), self.flow.id)
        finally:
            self._opening = None
        self.flow.response = answers.response(opened, self.flow.request)
        if isinstance(opened.body, bytes) or handler is None:
            self.note()
        elif self._left:
            await opened.body.close()
            self.note()
        else:
            stalled = partial(self._stalled, handler, stall)
            self.delivery = Delivery(
                handler, opened.body, heartbeat=opened.heartbeat, keep=keep, stall=stall, on_stall=stalled
            )
            self.note(live=True)

    def note_of(self, record: Record) -> None:
        """Leave on the flow what is to be seen of *record*, the latest exchange over its WebSocket."""
        self.record = record
        self.note()

    def note(self, *, live: bool = False) -> None:
        """Leave on the flow what is to be seen of the exchange, if anybody may look.  *live*: it still goes on."""
        if self.keep and self.record is not None:
            notes.take(self.flow, self.record, live=live, left=self._left)

    def _stalled(self, handler: Handler, seconds: float) -> None:
        """The app does not read: end its stream, and the connection if that is full."""
        if self.record is not None:
            self.record.stalled(seconds)
        io = handler.transports.get(self.flow.client_conn)
        if io is not None and isinstance(io.writer, asyncio.StreamWriter) and not self._congested():
            io.writer.transport.abort()  # to close it would wait for the app

    def _congested(self) -> bool:
        """Whether it is its stream within the connection that the app does not read."""
        congested = None if self.delivery is None else self.delivery.congested
        return congested is not None and congested()

    def _error(self, error: BaseException, limit: float | None) -> ProxyError:
        if isinstance(error, ProxyError):
            return error
        if self._failing is not None:
            return self._failing
        if isinstance(error, TimeoutError):
            message = f"no answer was ready within {limit:g} s (setting exchange_timeout)"
            return ProxyError(errors.UPSTREAM_TIMEOUT, message, limit="exchange_timeout")
        if not (self._left and isinstance(error, asyncio.CancelledError)):
            log.error("answering %s failed", self.flow.request.path.partition("?")[0], exc_info=error)
        return ProxyError(errors.INTERNAL, "internal error in the proxy; its log has the details")
