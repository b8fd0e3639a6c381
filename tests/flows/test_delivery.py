"""From a body to the app: in order, no faster than the app reads, and closed in any case."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mitmproxy.connection import Connection
from mitmproxy.proxy import events
from mitmproxy.proxy.server import ConnectionIO, TimeoutWatchdog

from qwenproxy import sse
from qwenproxy.errors import STOPPING, ProxyError
from qwenproxy.flows.delivery import CUT, NOWHERE, Delivery, Pull, Pulled
from tests.support.simulated import until


class Source:
    """A body whose pieces the test gives; an exception breaks it off."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.reads = 0
        self.last = b"the error"
        self.closed = asyncio.Event()

    @property
    def over(self) -> bool:
        return False

    async def read(self) -> bytes:
        self.reads += 1
        piece = await self.pieces.get()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def fail(self, error: ProxyError) -> bytes:
        return self.last

    async def close(self) -> None:
        await asyncio.sleep(0.01)  # as an upstream's connection may take a moment to end
        self.closed.set()


class Stream:
    """The layer's side: it asks for a piece, takes it, and asks again, as mitmproxy's server has it do."""

    def __init__(self) -> None:
        self.taken: list[bytes | None] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.ended = asyncio.Event()
        self.turn = asyncio.Lock()
        self.transports: dict[Connection, ConnectionIO] = {}
        self.timeout_watchdog = TimeoutWatchdog(60, self.drain_writers)
        self.delivery: Delivery

    async def server_event(self, event: events.Event) -> None:
        async with self.turn:
            self.take(event)

    def take(self, event: events.Event) -> None:
        assert isinstance(event, Pulled)
        self.taken.append(event.reply)
        if event.reply:
            self.delivery.pull()
        else:
            self.delivery.cancel()
            self.ended.set()

    async def drain_writers(self) -> None:
        await self.writable.wait()


@asynccontextmanager
async def under_way(
    *, heartbeat: float = 0, keep: int = 1000, **stalling: Any
) -> AsyncIterator[tuple[Source, Stream, Delivery]]:
    source, stream = Source(), Stream()
    stream.delivery = delivery = Delivery(stream, source, heartbeat=heartbeat, keep=keep, **stalling)
    await settled()
    yield source, stream, delivery
    delivery.cancel()
    async with asyncio.timeout(1):
        await source.closed.wait()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_pieces_come_in_order_and_the_end_is_an_empty_one() -> None:
    async with under_way() as (source, stream, delivery):
        delivery.pull()
        for piece in (b"one", b"two", b""):
            source.pieces.put_nowait(piece)
        await stream.ended.wait()
        assert stream.taken == [b"one", b"two", b""]


async def test_after_the_end_the_body_is_closed_to_its_end() -> None:
    async with under_way() as (source, _, delivery):
        delivery.pull()
        source.pieces.put_nowait(b"")
        async with asyncio.timeout(1):
            await source.closed.wait()


async def test_a_body_that_fails_ends_in_none_and_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    async with under_way() as (source, stream, delivery):
        delivery.pull()
        source.pieces.put_nowait(b"one")
        source.pieces.put_nowait(ValueError("a bug"))
        await stream.ended.wait()
        assert stream.taken == [b"one", None]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_an_app_that_leaves_ends_the_reading_and_closes_the_body() -> None:
    async with under_way() as (source, stream, delivery):
        delivery.pull()
        await settled()
        delivery.cancel()
        async with asyncio.timeout(1):
            await source.closed.wait()
        assert stream.taken == [None]


async def test_an_app_that_leaves_before_it_asks_is_sent_nothing() -> None:
    async with under_way() as (source, stream, delivery):
        delivery.cancel()
        async with asyncio.timeout(1):
            await source.closed.wait()
        assert stream.taken == []


async def test_the_layer_hears_of_the_end_even_if_a_piece_was_on_its_way() -> None:
    """It waits for its `Pull` to be completed, and would for ever."""
    async with under_way() as (source, stream, delivery):
        delivery.pull()
        async with stream.turn:  # the event that tells of the app's leaving is being handled
            source.pieces.put_nowait(b"one")
            await settled()
            delivery.cancel()
            await settled()
        async with asyncio.timeout(1):
            await stream.ended.wait()
        assert stream.taken == [None]


async def test_nothing_is_read_before_the_layer_asks() -> None:
    async with under_way() as (source, _, delivery):
        await settled()
        assert source.reads == 0
        delivery.pull()
        await settled()
        assert source.reads == 1


async def test_nothing_is_read_while_the_socket_is_full() -> None:
    async with under_way() as (source, stream, delivery):
        delivery.pull()
        stream.writable.clear()
        source.pieces.put_nowait(b"one")
        await settled()
        assert (stream.taken, source.reads) == ([b"one"], 1)
        stream.writable.set()
        await settled()
        assert source.reads == 2


async def test_nothing_is_read_while_the_stream_is_held_back() -> None:
    """HTTP/2's window of one stream may be full while the socket is not."""
    async with under_way() as (source, stream, delivery):
        held = True
        delivery.congested = lambda: held
        delivery.pull()
        source.pieces.put_nowait(b"one")
        await asyncio.sleep(0.02)
        assert (stream.taken, source.reads) == ([b"one"], 1)
        held = False
        assert await until(lambda: source.reads == 2)


async def test_silence_is_filled_with_comments_and_speech_is_not() -> None:
    async with under_way(heartbeat=0.05) as (source, stream, delivery):
        delivery.pull()
        for _ in range(4):
            await asyncio.sleep(0.02)
            source.pieces.put_nowait(b"said")
        assert sse.KEEP_ALIVE not in stream.taken
        assert await until(lambda: stream.taken.count(sse.KEEP_ALIVE) >= 2)
        source.pieces.put_nowait(b"at last")
        source.pieces.put_nowait(b"")
        await stream.ended.wait()
        assert stream.taken[-2:] == [b"at last", b""]


async def test_nothing_is_said_to_an_app_that_does_not_read() -> None:
    async with under_way(heartbeat=0.01) as (source, stream, delivery):
        delivery.pull()
        stream.writable.clear()
        source.pieces.put_nowait(b"one")
        await asyncio.sleep(0.05)
        assert stream.taken == [b"one"]


@pytest.mark.parametrize(("keep", "kept"), [(0, b""), (6, b"onetwo"), (100, b"onetwo")])
async def test_what_was_delivered_is_kept_for_viewing(keep: int, kept: bytes) -> None:
    async with under_way(keep=keep) as (source, stream, delivery):
        delivery.pull()
        for piece in (b"one", b"two", b""):
            source.pieces.put_nowait(piece)
        await stream.ended.wait()
        assert delivery.kept() == kept


async def test_what_is_kept_of_an_answer_that_goes_on_is_no_whole_answer() -> None:
    async with under_way(keep=4) as (source, stream, delivery):
        delivery.pull()
        for piece in (b"one", b"two", b""):
            source.pieces.put_nowait(piece)
        await stream.ended.wait()
        assert delivery.kept() == b"onet" + CUT


def test_mitmproxys_server_has_nothing_to_do_for_a_pull() -> None:
    """It skips commands for connections that it does not hold, and this one nobody can hold."""
    command = Pull()
    assert command.blocking
    assert command.connection is NOWHERE
    assert NOWHERE.address is None


@pytest.mark.parametrize("heartbeat", [0, 0.02])
async def test_an_app_that_never_reads_is_given_up(heartbeat: float) -> None:
    stalled = asyncio.Event()
    async with under_way(heartbeat=heartbeat, stall=0.1, on_stall=stalled.set) as (source, stream, delivery):
        delivery.pull()
        stream.writable.clear()
        source.pieces.put_nowait(b"one")
        async with asyncio.timeout(5):
            await stalled.wait()
            await stream.ended.wait()
        assert stream.taken == [b"one", None]


async def test_one_that_waits_for_the_upstream_is_not() -> None:
    stalled = asyncio.Event()
    async with under_way(stall=0.05, on_stall=stalled.set) as (_, _, delivery):
        delivery.pull()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await stalled.wait()


@pytest.mark.parametrize(("last", "taken"), [(b"the error", [b"one", b"the error", b""]), (b"", [b"one", None])])
async def test_one_that_is_broken_off_tells_why_if_its_body_can(last: bytes, taken: list[bytes | None]) -> None:
    async with under_way() as (source, stream, delivery):
        source.last = last
        delivery.pull()
        source.pieces.put_nowait(b"one")
        assert await until(lambda: stream.taken == [b"one"])
        delivery.fail(ProxyError(STOPPING, "stopping"))
        delivery.fail(ProxyError(STOPPING, "stopping"))
        await stream.ended.wait()
        assert stream.taken == taken


async def test_an_app_that_reads_nothing_is_told_as_soon_as_the_layer_asks() -> None:
    async with under_way() as (_, stream, delivery):
        await settled()
        delivery.fail(ProxyError(STOPPING, "stopping"))
        await settled()
        assert stream.taken == []
        delivery.pull()
        await stream.ended.wait()
        assert stream.taken == [b"the error", b""]


async def test_what_is_over_is_not_broken_off() -> None:
    async with under_way() as (source, stream, delivery):
        delivery.pull()
        source.pieces.put_nowait(b"")
        await stream.ended.wait()
        delivery.fail(ProxyError(STOPPING, "stopping"))
        await settled()
        assert stream.taken == [b""]
