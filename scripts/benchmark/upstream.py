"""The upstream: a server that answers in every dialect, much faster than any proxy, and paces streams.

Started as a process of its own; says its port in one line on stdout and ends when its stdin ends.
"""

import asyncio
import gc
import os
import selectors
import sys
from collections.abc import Iterator

from scripts.benchmark import faces, payloads
from scripts.benchmark.http1 import MessageReader


class Upstream(asyncio.Protocol):
    """One connection."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = MessageReader(until_close=False)
        self._slices: Iterator[bytes] = iter(())
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._slices = iter(())
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
        except ValueError:
            self._transport.close()
            return
        while self._reader.ended:
            self._answer()
            self._reader.advance()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._write_on()

    def _answer(self) -> None:
        path, headers, body = self._reader.start.split(b" ")[1], self._reader.headers, self._reader.body
        face = faces.face_of(path)
        if face is None:
            self._transport.write(faces.UNKNOWN)
            return
        order = payloads.ordered(body)
        if not faces.wants_stream(path, headers, body):
            self._transport.write(face.answer)
        elif order is None:
            self._transport.write(faces.streamed(face))
        elif order.rate:
            self._transport.write(faces.STREAM_HEAD + face.first)
            self._plan(face, order, 0, self._loop.time())
        else:
            self._slices = iter(faces.burst(face, order.count))
            self._write_on()

    def _write_on(self) -> None:
        while not self._paused and (data := next(self._slices, None)) is not None:
            self._transport.write(data)

    def _plan(self, face: faces.Face, order: payloads.Order, number: int, start: float) -> None:
        planned = start + (number + 1) / order.rate
        self._timer = self._loop.call_at(planned, self._say, face, order, number, start)

    def _say(self, face: faces.Face, order: payloads.Order, number: int, start: float) -> None:
        if number == order.count:
            self._timer = None
            self._transport.write(face.last)
            return
        self._transport.write(face.event(number, self._loop.time()))
        self._plan(face, order, number + 1, start)


async def _until_stdin_ends() -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def readable() -> None:
        if not os.read(0, 4096):
            ended.set()

    loop.add_reader(0, readable)
    await ended.wait()


async def serve() -> None:
    """Serve on a free port of loopback until stdin ends."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    gc.freeze()
    gc.disable()
    await _until_stdin_ends()


def _loop() -> asyncio.AbstractEventLoop:
    # select() waits to the microsecond, epoll to the millisecond, which would be most of a stream's lateness.
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(serve())
