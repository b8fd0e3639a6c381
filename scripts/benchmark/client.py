"""The load's side of one keep-alive connection."""

import asyncio
import time

from scripts.benchmark.answers import Answer
from scripts.benchmark.http1 import MessageReader

CHUNKED = b"transfer-encoding: chunked"
LAST = b"\r\n\r\n"
"""What a head ends in, and the end of a body in chunks, but no chunk of the upstream's."""


class _Connection(asyncio.Protocol):
    """Sends one request at a time and notes when what of its answer comes."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._reader = MessageReader(until_close=True)
        self._answer = Answer(0.0)
        self._later = False
        self._waiter: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self._waiter is None:
            self._transport.close()  # nobody asked
            return
        if self._later and self._kept(now, data):
            return
        try:
            self._reader.feed(data)
        except ValueError:
            self._finish("not HTTP")
            self._transport.close()
            return
        self._answer.arrivals.append((now, self._reader.size))
        if self._reader.ended:
            self._finish("")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None:
            self._reader.close()
            whole = self._reader.ended or self._later
            self._finish("" if whole else "connection closed before the end")

    def _kept(self, now: float, data: bytes) -> bool:
        """Keep *data* of an answer in chunks for later; False: it is another one, a refusal perhaps."""
        came = self._answer.unread
        if not came and CHUNKED not in data.lower():
            self._later = False
            return False
        came.append((now, data))
        if data.endswith(LAST) and (len(came) > 1 or data.endswith(b"\r\n0" + LAST)):
            self._finish("")
        return True

    @property
    def open(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.abort()

    def send(self, request: bytes, *, later: bool) -> asyncio.Future[Answer]:
        self._later = later
        self._waiter = asyncio.get_running_loop().create_future()
        self._answer = Answer(time.monotonic())
        self._transport.write(request)
        return self._waiter

    def _finish(self, broken: str) -> None:
        answer, reader, waiter = self._answer, self._reader, self._waiter
        self._waiter = None
        answer.broken = broken
        if reader.start:
            answer.status, answer.body = int(reader.start.split(b" ")[1]), reader.body
        if reader.headers.get(b"connection", b"").lower() == b"close":
            self._transport.close()
        reader.advance()
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)


class Client:
    """One app: a connection that is kept while the other side keeps it, and opened anew when not."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: _Connection | None = None

    async def connect(self) -> bool:
        """Whether a connection can be had; it is kept for the next request."""
        try:
            await self._open()
        except OSError:
            return False
        return True

    async def ask(self, request: bytes, *, later: bool = False) -> Answer:
        """Send *request* and read its answer, whole or `broken`.

        *later*: an answer in chunks, of which only the time of each piece is taken yet; `read` does the rest.
        """
        sent = time.monotonic()
        try:
            connection = await self._open()
        except OSError as error:
            return Answer(sent, broken=f"cannot connect: {error.strerror}")
        return await connection.send(request, later=later)

    def close(self) -> None:
        """Close the connection, whatever is under way."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _open(self) -> _Connection:
        if self._connection is None or not self._connection.open:
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(_Connection, "127.0.0.1", self.port)
        return self._connection


def read(answer: Answer) -> None:
    """Read what came of *answer*, and when, unless it has been."""
    if answer.broken or not answer.unread:
        return
    reader = MessageReader(until_close=True)
    try:
        for came, data in answer.unread:
            reader.feed(data)
            answer.arrivals.append((came, reader.size))
    except ValueError:
        answer.broken = "not HTTP"
        return
    if reader.start:
        answer.status, answer.body = int(reader.start.split(b" ")[1]), reader.body
    answer.broken = "" if reader.ended else "connection closed before the end"
