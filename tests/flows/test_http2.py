"""What one connection may take, over real ones: HTTP/2."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
import orjson
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import ContinuationFrame, HeadersFrame

from qwenproxy.flows import http2
from tests.support.bounded import SOON, Bounded, Start
from tests.support.clients import HELLO, App, App2
from tests.support.upstream import Upstream

LIMIT = 4096


class Frames:
    """A client's end of an HTTP/2 connection that sends what it likes."""

    def __init__(self, app: App) -> None:
        self.app = app
        config = h2.config.H2Configuration(header_encoding=None, validate_outbound_headers=False)
        self.http = h2.connection.H2Connection(config)
        self.http.initiate_connection()
        self.events: list[h2.events.Event] = []

    async def flush(self) -> None:
        await self.app.send(self.http.data_to_send())

    def begin(self, *more: tuple[str, str], end: bool = False) -> int:
        """The head of a request; its stream."""
        stream: int = self.http.get_next_available_stream_id()
        pseudo = [(":method", "POST"), (":scheme", "https"), (":authority", "api.openai.com")]
        self.http.send_headers(stream, [*pseudo, (":path", "/v1/chat/completions"), *more], end_stream=end)
        return stream

    async def closed(self) -> int:
        """Read until the proxy says that it closes the connection; its reason."""
        async with asyncio.timeout(10):
            while data := await self.app.reader.read(65536):
                for event in self.http.receive_data(data):
                    self.events.append(event)
                    if isinstance(event, h2.events.ConnectionTerminated):
                        return int(event.error_code or 0)
        raise AssertionError("closed without a word")


@asynccontextmanager
async def framed(proxy: Bounded) -> AsyncIterator[Frames]:
    async with proxy.connected() as app:
        await app.writer.start_tls(proxy.tls("h2"), server_hostname="api.openai.com")
        frames = Frames(app)
        await frames.flush()
        yield frames


async def test_over_http2_a_large_head_closes_the_connection(bounded: Start) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with framed(proxy) as frames:
        frames.begin(("x-long", "x" * 2 * LIMIT))
        await frames.flush()
        assert await frames.closed() != ErrorCodes.NO_ERROR
    assert proxy.hits == {"header_limit": 1}
    await proxy.serves()


async def test_a_head_without_an_end_is_not_read_for_ever(bounded: Start) -> None:
    """CONTINUATION frames: h2 takes 64 of them, of 16 KiB at most."""
    proxy = await bounded()
    async with framed(proxy) as frames:
        frame = HeadersFrame(1, bytes(0), flags=[])
        data = frame.serialize()
        for _ in range(100):
            data += ContinuationFrame(1, b"x" * http2.FRAME_SIZE, flags=[]).serialize()
        with contextlib.suppress(ConnectionError):
            await frames.app.send(data)
        assert await frames.closed() == ErrorCodes.PROTOCOL_ERROR
    await proxy.serves()


async def test_more_streams_than_there_may_be_close_the_connection(bounded: Start, qwen: Upstream) -> None:
    proxy = await bounded(streams="3")
    async with framed(proxy) as frames:
        for _ in range(4):
            frames.begin()
        await frames.flush()
        assert await frames.closed() != ErrorCodes.NO_ERROR
        settings = next(e for e in frames.events if isinstance(e, h2.events.RemoteSettingsChanged))
        assert settings.changed_settings[SettingCodes.MAX_CONCURRENT_STREAMS].new_value == 3
    assert proxy.hits == {"streams": 1}
    assert qwen.asked == []
    await proxy.serves()


async def test_requests_that_are_taken_back_again_and_again_close_it_too(bounded: Start) -> None:
    proxy = await bounded(streams="3")
    async with framed(proxy) as frames:
        for _ in range(3 * http2.RESETS + 1):
            frames.http.reset_stream(frames.begin(), ErrorCodes.CANCEL)
        await frames.flush()
        assert await frames.closed() == ErrorCodes.ENHANCE_YOUR_CALM
    assert proxy.hits == {"streams": 1}
    await proxy.serves()


async def test_over_http2_a_body_that_drips_is_refused_and_the_others_are_not(bounded: Start) -> None:
    proxy = await bounded(body_timeout=SOON)
    async with proxy.connected() as app:
        await app.writer.start_tls(proxy.tls("h2"), server_hostname="api.openai.com")
        app2 = App2(app)
        stream = await app2.begin(b"{")
        await app2.until(lambda: stream.ended)
        assert stream.headers[":status"] == "408"
        assert orjson.loads(stream.body)["error"]["code"] == "request_timeout"
        assert (await app2.ask(HELLO)).status == 200
    assert proxy.hits == {"body_timeout": 1}


async def test_over_http2_an_idle_connection_is_closed(bounded: Start) -> None:
    proxy = await bounded(keepalive_timeout=SOON, head_timeout=SOON)
    async with framed(proxy) as frames:
        frames.begin(end=True)
        await frames.flush()
        assert await frames.closed() == ErrorCodes.NO_ERROR
        assert any(isinstance(event, h2.events.ResponseReceived) for event in frames.events)
    assert proxy.hits == {"keepalive_timeout": 1}
