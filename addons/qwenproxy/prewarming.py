"""A response in which nothing is generated: something to go on from, at no cost."""

import time

from qwenproxy.endpoints.base import Call
from qwenproxy.endpoints.responses import socket
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import EVENT_STREAM, Answer, headers_of
from qwenproxy.record import Record
from qwenproxy.wire.openai import Head


class Prewarming:
    """An exchange without a round."""

    def __init__(self, call: Call, head: Head, record: Record) -> None:
        self._call = call
        self._head = head
        self._record = record

    async def open(self) -> Answer:
        events = socket.prepared(self._call.writer(self._head).write(()), int(time.time()))
        return Answer(200, {"content-type": EVENT_STREAM} | headers_of(self._record), Prepared(events, self._record))


class Prepared:
    """Its events, in one piece."""

    def __init__(self, events: bytes, record: Record) -> None:
        self._events = events
        self._record = record

    @property
    def over(self) -> bool:
        return not self._events

    async def read(self) -> bytes:
        events, self._events = self._events, b""
        return events

    async def fail(self, error: ProxyError) -> bytes:
        return b""  # it is there, or has been said

    async def close(self) -> None:
        self._record.close(cut=bool(self._events))
