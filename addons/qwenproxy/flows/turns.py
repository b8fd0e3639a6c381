"""From a WebSocket's handshake to the exchanges over it, each with a record of its own."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import Protocol, Self

from qwenproxy import errors
from qwenproxy.endpoints.responses.socket import Create
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.flows import answers, handshake, routes
from qwenproxy.flows.lanes import BROKEN, Gone, Lanes, Turn
from qwenproxy.flows.visits import Visit, plain_headers
from qwenproxy.flows.websocket import Bounds
from qwenproxy.recent import Recent
from qwenproxy.record import Record
from qwenproxy.settings import Settings
from qwenproxy.traffic import Traffic

GONE = "the proxy has been reloaded, and what answered on this connection is gone: connect again"


class Desk(Protocol):
    """What is needed of the desk: the one that has been taken over from knows its successor."""

    settings: Settings
    traffic: Traffic
    patience: float | None
    successor: Self | None
    closed: bool

    async def turn(self, visit: Visit, record: Record, create: Create, recent: Recent) -> Turn: ...


def connect(desk: Desk, visit: Visit, headers: Mapping[str, str]) -> Answer:
    """The answer to the handshake *visit*, whose request has *headers*.  Raises ProxyError."""
    request, settings = visit.flow.request, desk.settings
    if visit.handler is None or not settings.websockets or request.http_version != "HTTP/1.1":
        raise routes.no_websocket(request.path)
    accepted = handshake.accept(headers) | {"x-request-id": answers.request_id(visit.flow.id)}
    bounds = Bounds(settings.body_limit, settings.heartbeat, visit.keep)
    visit.lanes = Lanes(visit.handler, visit.flow, Turns(desk, visit).begin, visit.note_of, bounds)
    return Answer(101, accepted, b"")


class Turns:
    """Begins the responses on the connection of *visit*."""

    def __init__(self, desk: Desk, visit: Visit) -> None:
        self._desk = desk
        self._visit = visit
        self._headers = plain_headers(visit.flow.request)
        self._transcript = visit.record.transcript if visit.record is not None else None

    async def begin(self, create: Create, recent: Recent) -> Turn:
        """The response to *create*, by the settings as they are now.  Raises ProxyError."""
        while self._desk.successor is not None:
            self._desk = self._desk.successor
        if self._desk.closed:
            raise Gone(errors.INTERNAL, GONE)
        record = Record(f"req_{uuid.uuid4().hex}", "WEBSOCKET", "responses", time.monotonic)
        record.transcript = self._transcript  # one for the connection: a view shows its rounds in their order
        self._desk.traffic.begin(record, self._headers)
        try:
            return await self._begun(record, create, recent)
        except ProxyError as e:
            record.failed(e)
            raise
        except asyncio.CancelledError:
            record.close(cut=True)
            raise
        except BaseException:  # whatever it is, the exchange is over
            record.failed(BROKEN)
            raise
        finally:
            if record.error:
                record.close()
                self._visit.note_of(record)

    async def _begun(self, record: Record, create: Create, recent: Recent) -> Turn:
        patience = self._desk.patience
        try:
            async with asyncio.timeout(patience):
                return await self._desk.turn(self._visit, record, create, recent)
        except TimeoutError:
            raise ProxyError(errors.UPSTREAM_TIMEOUT, f"no answer was ready within {patience:g} s") from None
