"""What one connection may take, over real ones."""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import orjson
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import ContinuationFrame, HeadersFrame
from mitmproxy.proxy.layers import http as layers

from qwenproxy.flows import bounds, live
from qwenproxy.flows.door import door
from tests.support.clients import HELLO, App, App2, connected, request, trusting, tunnelled
from tests.support.processes import authority
from tests.support.proxy import REGULAR, REVERSE, Running, proxy
from tests.support.simulated import until
from tests.support.stage import ANSWER
from tests.support.upstream import Connection, Upstream, upstream, whole

SOON = "0.3"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\n"


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("mitmproxy")
    authority(found)
    return found


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(whole(ANSWER)) as found:
        yield found


class Bounded:
    """A proxy with bounds of its own, and what they counted."""

    def __init__(self, running: Running, confdir: Path) -> None:
        self.running = running
        self.confdir = confdir
        self.hits: Counter[str] = Counter()
        running.addon.places.on_limit = lambda name: self.hits.update([name])

    def connected(self) -> AbstractAsyncContextManager[App]:
        return connected(self.running.ports[0])

    def tls(self, *alpn: str) -> ssl.SSLContext:
        return trusting(authority(self.confdir), *alpn)

    async def serves(self) -> None:
        """It goes on serving others."""
        async with connected(self.running.ports[0]) as app:
            assert (await app.ask(body=HELLO)).status == 200


type Start = Callable[..., Awaitable[Bounded]]


@pytest.fixture
async def bounded(qwen: Upstream, confdir: Path) -> AsyncIterator[Start]:
    stack = AsyncExitStack()

    async def start(**settings: str) -> Bounded:
        environ = {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
        environ |= {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none", "QWENPROXY_STATE": "off"}
        running = await stack.enter_async_context(proxy(environ, confdir, modes=(REVERSE, REGULAR)))
        return Bounded(running, confdir)

    async with stack:
        yield start


def head(size: int) -> bytes:
    """A request's head of *size* bytes."""
    begin = b"GET /v1/models HTTP/1.1\r\nhost: api.openai.com\r\nx-long: "
    return begin + b"x" * (size - len(begin) - 4) + b"\r\n\r\n"


LIMIT = 4096


@pytest.mark.parametrize("size", [100, LIMIT])
async def test_a_head_up_to_the_limit_is_taken(bounded: Start, size: int) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        for _ in range(2):
            await app.send(head(size))
            assert (await app.reply()).status == 200
    assert not proxy.hits


async def test_a_body_behind_the_head_does_not_count(bounded: Start) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        long = {"messages": [{"role": "user", "content": "x" * 3 * LIMIT}]}
        assert (await app.ask(body=HELLO | long)).status == 200


@pytest.mark.parametrize("data", [head(2 * LIMIT), b"x" * 2 * LIMIT, b"\r\n" + head(2 * LIMIT)])
async def test_a_head_beyond_it_is_refused_in_openais_shape(bounded: Start, data: bytes) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        await app.send(data)
        refused = await app.reply()
        assert refused.error == (431, "headers_too_large")
        assert refused.headers["x-request-id"].startswith("req_")
        assert await app.ended()
    assert proxy.hits == {"header_limit": 1}
    await proxy.serves()


async def test_so_is_one_of_too_many_lines(bounded: Start) -> None:
    proxy = await bounded(header_lines="20")
    async with proxy.connected() as app:
        refused = await app.ask(body=HELLO, **{f"x-{number}": "1" for number in range(20)})
        assert refused.error == (431, "headers_too_large")
        assert (await app.ask(body=HELLO)).status == 200
    assert proxy.hits == {"header_lines": 1}


async def drip(app: App, data: bytes, pause: float = 0.05) -> None:
    """Send *data* byte by byte, until the proxy has enough of it."""
    try:
        for byte in data:
            await app.send(bytes([byte]))
            await asyncio.sleep(pause)
    except ConnectionError:
        pass


async def test_a_head_that_drips_is_refused(bounded: Start) -> None:
    proxy = await bounded(head_timeout=SOON)
    async with proxy.connected() as app:
        dripping = asyncio.create_task(drip(app, POST * 100))
        assert (await app.reply()).error == (408, "request_timeout")
        assert await app.ended()
        dripping.cancel()
    assert proxy.hits == {"head_timeout": 1}
    await proxy.serves()


async def test_also_a_later_one_and_within_tls_and_a_tunnel(bounded: Start) -> None:
    proxy = await bounded(head_timeout=SOON)
    async with tunnelled(proxy.running.ports[1], "api.openai.com:443", proxy.tls()) as app:
        assert (await app.ask(body=HELLO)).status == 200
        await app.send(POST)
        assert (await app.reply()).error == (408, "request_timeout")
        assert await app.ended()
    assert proxy.hits == {"head_timeout": 1}


async def test_a_connection_on_which_nothing_is_asked_is_closed(bounded: Start) -> None:
    proxy = await bounded(head_timeout=SOON)
    async with proxy.connected() as app:
        assert await app.ended()
    assert proxy.hits == {"head_timeout": 1}


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_drips_is_refused(bounded: Start, qwen: Upstream, chunked: bool) -> None:
    proxy = await bounded(body_timeout=SOON)
    async with proxy.connected() as app:
        sent = request(body=HELLO, chunked=chunked)
        begin = sent.index(b"\r\n\r\n") + 4
        await app.send(sent[:begin])
        dripping = asyncio.create_task(drip(app, sent[begin:-1]))
        assert (await app.reply()).error == (408, "request_timeout")
        assert await app.ended()
        dripping.cancel()
    assert proxy.hits == {"body_timeout": 1}
    assert qwen.asked == []
    await proxy.serves()


async def test_a_connection_between_requests_is_closed_in_time(bounded: Start) -> None:
    proxy = await bounded(keepalive_timeout=SOON)
    async with proxy.connected() as app:
        for _ in range(2):
            assert (await app.ask(body=HELLO)).status == 200
        assert await app.ended()
    assert proxy.hits == {"keepalive_timeout": 1}


async def test_an_answer_may_take_longer_than_all_of_these(bounded: Start, qwen: Upstream) -> None:
    proxy = await bounded(head_timeout=SOON, body_timeout=SOON, keepalive_timeout=SOON)

    async def slowly(connection: Connection) -> None:
        await asyncio.sleep(4 * float(SOON))
        await connection.send(whole(ANSWER))

    qwen.replies = [slowly]
    async with proxy.connected() as app:
        assert (await app.ask(body=HELLO)).status == 200
    assert not proxy.hits


async def test_requests_ahead_of_their_time_are_bounded(bounded: Start) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        with contextlib.suppress(ConnectionError):
            await app.send(request(body=HELLO) + head(LIMIT) * 100)
        await app.ended()
    assert proxy.hits == {"header_limit": 1}
    await proxy.serves()


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
            data += ContinuationFrame(1, b"x" * bounds.FRAME_SIZE, flags=[]).serialize()
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
        for _ in range(3 * bounds.RESETS + 1):
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


async def test_what_is_held_of_bodies_is_bounded_and_let_go(bounded: Start, qwen: Upstream) -> None:
    proxy = await bounded(buffer_limit="50k", body_limit="40k")
    content = request(body=HELLO | {"user": "x" * 30_000})
    async with proxy.connected() as first, proxy.connected() as second:
        await first.send(content[:-1])
        assert await until(lambda: door.buffered > 29_000)
        refused = await second.ask(body=HELLO | {"user": "x" * 30_000})
        assert refused.error == (503, "proxy_overloaded")
        assert refused.headers["retry-after"]
        await first.send(content[-1:])
        assert (await first.reply()).status == 200
    async with proxy.connected() as leaves:
        await leaves.send(content[:-1])
        assert await until(lambda: door.buffered > 29_000)
    assert await until(lambda: door.buffered == 0)
    assert proxy.hits == {"buffer_limit": 1}
    await proxy.serves()


@pytest.mark.parametrize("name", ["connections", "client_connections"])
async def test_a_connection_too_many_is_closed_and_the_next_is_not(bounded: Start, name: str) -> None:
    proxy = await bounded(**{name: "1"})
    async with proxy.connected() as first:
        assert (await first.ask(body=HELLO)).status == 200
        async with proxy.connected() as second:
            assert await second.ended()
        assert (await first.ask(body=HELLO)).status == 200
    assert proxy.hits == {name: 1}
    assert await until(lambda: not proxy.running.addon._connections._origins)
    await proxy.serves()


def test_a_mitmproxy_that_is_bent_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bounds.misfits() == []
    monkeypatch.setattr(layers.Http1Server.__base__, "wait", lambda self, other: None)
    assert bounds.misfits() == ["Http1Server.wait"]
    with pytest.raises(live.Misfit, match=r"Http1Server\.wait"):
        live.check()


def test_a_connection_that_is_made_elsewhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.HttpLayer, "_handle_event", lambda self, event: None)
    assert bounds.misfits() == ["Http1Server", "Http2Server"]
